"""The feedback pipeline: what users say goes through Kafka into a database, each of it exactly once."""
