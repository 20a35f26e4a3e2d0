"""Settings of the AMQP 0-9-1 head, as the composition root fills them in.

Must not: read files or the environment (config does).
"""

from typing import Final

SERVER_PRODUCT: Final = "RabbitMQ"
"""Clients change their behaviour by this name: kombu takes any other product for an AMQP with old prefetch rules."""
SERVER_VERSION: Final = "3.13.7"
"""What clients compare, and only that: behaviour follows RabbitMQ 4. From 4.0 on kombu believes that `global` prefetch is
gone, which RabbitMQ 4 took from quorum queues and onemq serves on all: Celery's ETA tasks and autoscaling live on it."""

PREDECLARED_EXCHANGES: Final = (
    ("amq.direct", "direct"),
    ("amq.fanout", "fanout"),
    ("amq.headers", "headers"),
    ("amq.match", "headers"),
    ("amq.topic", "topic"),
)
"""(name, kind) of the exchanges that every vhost has, for the engine's settings."""

MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
HELD_BYTES_MAX: Final = 128 * 1024 * 1024


class AmqpSettings:
    """Limits that the head announces, and what it says of itself.

    Attributes:
        frame_bytes_max: offered in connection.tune; a client may go down to 4096.
        channels_max: offered in connection.tune.
        heartbeat_seconds: offered in connection.tune; 0 offers none.
        message_bytes_max: a larger body is refused before it is collected.
        held_bytes_max: bodies that one connection may have with us before the engine takes them: frames of unfinished
            messages, and what its open transactions have published.
        cluster_name, onemq_version: shown in the server's properties.
    """

    __slots__ = (
        "channels_max",
        "cluster_name",
        "frame_bytes_max",
        "heartbeat_seconds",
        "held_bytes_max",
        "message_bytes_max",
        "onemq_version",
    )

    def __init__(
        self,
        frame_bytes_max: int = 131072,
        channels_max: int = 2047,
        heartbeat_seconds: int = 60,
        message_bytes_max: int = MESSAGE_BYTES_MAX,
        cluster_name: str = "onemq@localhost",
        onemq_version: str = "0",
        held_bytes_max: int = HELD_BYTES_MAX,
    ) -> None:
        self.frame_bytes_max = frame_bytes_max
        self.channels_max = channels_max
        self.heartbeat_seconds = heartbeat_seconds
        self.message_bytes_max = message_bytes_max
        self.held_bytes_max = held_bytes_max
        self.cluster_name = cluster_name
        self.onemq_version = onemq_version
