"""Migration: publishers stay on RabbitMQ's protocol, the worker moves to SQS, one queue, no bridge."""
