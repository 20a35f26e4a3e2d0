"""The AWS head: Amazon SQS and SNS on one port (docs/decisions/0009)."""
