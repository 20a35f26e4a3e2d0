"""The HTTP head for operators: RabbitMQ's management API under /api/, our own under /v1/, health and metrics beside them."""
