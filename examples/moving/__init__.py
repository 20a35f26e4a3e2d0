"""Moving in: what is declared on a RabbitMQ, a Kafka or at SQS is declared on onemq as well, before programs move."""
