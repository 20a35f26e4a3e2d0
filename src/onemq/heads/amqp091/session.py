"""What all channels of one open connection share.

Must not: know any method; decide about rights or limits (the Access does).
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from onemq.engine.access import Access
from onemq.engine.routes import Route
from onemq.heads.amqp091.confirms import Confirms
from onemq.heads.amqp091.frames import RESOURCE_ERROR, AmqpWireError
from onemq.heads.amqp091.settings import AmqpSettings
from onemq.heads.contract import Link, Outbox

TARGETS_MAX: Final = 1024
"""Publish addresses remembered per connection; the cache starts anew when it is full."""


class Target:
    """A resolved publish address: one per (exchange, routing key, mandatory) that a connection uses."""

    __slots__ = ("mandatory", "route")

    def __init__(self, route: Route, mandatory: bool) -> None:
        self.route = route
        self.mandatory = mandatory


class Session:
    """One open connection.

    Attributes:
        vhost, user: for reply texts. frame_bytes_max: negotiated, 0 = no limit.
        cancel_notify: the client takes basic.cancel from us.
        touched: the net knows that this turn wrote something. publishing: the net knows that this peer publishes.
        held_bytes: bodies not yet given to the engine: of unfinished messages and open transactions.
        unconfirmed: of channels that have published since the last `flush_confirms`.
        targets: by the bytes of exchange, routing key and bits as they stand in basic.publish.
    """

    __slots__ = (
        "access",
        "cancel_notify",
        "entropy",
        "frame_bytes_max",
        "held_bytes",
        "link",
        "outbox",
        "publishing",
        "settings",
        "targets",
        "touched",
        "unconfirmed",
        "user",
        "vhost",
    )

    def __init__(
        self,
        link: Link,
        access: Access,
        settings: AmqpSettings,
        entropy: Callable[[int], bytes],
        user: str,
        vhost: str,
        frame_bytes_max: i64,
        cancel_notify: bool,
    ) -> None:
        self.link = link
        self.outbox: Outbox = link.outbox
        self.access = access
        self.settings = settings
        self.entropy = entropy
        self.user = user
        self.vhost = vhost
        self.frame_bytes_max: i64 = frame_bytes_max
        self.cancel_notify = cancel_notify
        self.held_bytes: i64 = 0
        self.touched = False
        self.publishing = False
        self.targets: dict[bytes, Target] = {}
        self.unconfirmed: list[Confirms] = []

    def touch(self) -> None:
        """Tells the net, once a turn, that something is to be flushed."""
        if not self.touched:
            self.touched = True
            self.link.touch()

    def hold(self, size: i64) -> None:
        """Counts body bytes that wait here. Raises AmqpWireError RESOURCE_ERROR above `settings.held_bytes_max`."""
        self.held_bytes += size
        if self.held_bytes > self.settings.held_bytes_max:
            raise AmqpWireError(
                RESOURCE_ERROR,
                f"unfinished messages and open transactions hold {self.held_bytes} bytes, "
                f"more than amqp.held_bytes_max ({self.settings.held_bytes_max})",
            )

    def flush_confirms(self) -> None:
        """Acknowledges what was published since the last call: once per read buffer, not per message."""
        if self.unconfirmed:
            for confirms in self.unconfirmed:
                if confirms.pending:
                    confirms.flush(self.access, self.outbox)
            self.unconfirmed.clear()

    def remember(self, key: bytes, target: Target) -> None:
        if len(self.targets) >= TARGETS_MAX:
            self.targets.clear()
        self.targets[key] = target

    def generated_name(self, prefix: str) -> str:
        """A name nobody can guess, as RabbitMQ makes them: prefix and 22 characters."""
        return prefix + "-" + urlsafe_b64encode(self.entropy(16)).decode("ascii").rstrip("=")
