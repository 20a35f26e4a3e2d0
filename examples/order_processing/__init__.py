"""Order processing: four services that meet in queues (RabbitMQ's protocol), each with its own tables."""
