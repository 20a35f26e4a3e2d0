"""Transactional outbox and inbox: a database and Kafka agree, although no transaction spans both."""
