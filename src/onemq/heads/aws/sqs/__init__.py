"""Amazon SQS: queues of the default namespace."""
