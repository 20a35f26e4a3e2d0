"""Fan-out: one publish on an SNS topic, a copy in the SQS queue of every service whose filter lets it pass."""
