"""Batch processing over SQS: partial failures, long jobs that keep their message, and dead letters that come back."""
