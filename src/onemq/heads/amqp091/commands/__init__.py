"""The commands of AMQP 0-9-1, one module per family. Each takes its channel and a decoded method."""
