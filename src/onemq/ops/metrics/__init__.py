"""Metrics for Prometheus: RabbitMQ's names for what RabbitMQ has, and one family `onemq_*` for all protocols alike. docs/metrics.md."""
