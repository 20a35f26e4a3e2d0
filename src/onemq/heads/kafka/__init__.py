"""The Kafka head."""
