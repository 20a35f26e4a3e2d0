"""RabbitMQ's management API under /api/, as its tools use it. Spec: RabbitMQ 3.13's HTTP API; checked against a RabbitMQ 3.10."""
