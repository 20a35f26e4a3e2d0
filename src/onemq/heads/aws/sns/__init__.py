"""Amazon SNS: topics and subscriptions of the default namespace."""
