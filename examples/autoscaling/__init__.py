"""Autoscaling: as many workers as the backlog needs, by the broker's own metrics."""
