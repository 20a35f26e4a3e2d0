"""onemq: one durable message broker that every client can use."""

__version__ = "0.1.0"
