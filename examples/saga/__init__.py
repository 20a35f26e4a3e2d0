"""A saga: a trip is a flight, a hotel and a payment by three services; when one refuses, the others are taken back."""
