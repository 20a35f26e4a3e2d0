"""The record: one immutable message, as the engine sees it. Pure data; knows no protocol and no file.

A record is what a Kafka consumer should see (key, value, headers, time) plus what the broker itself needs
(expiry, delay, priority, history of deaths) plus what the protocol that brought it needs for a faithful round trip
(`native`, opaque to everybody but that protocol's head).
"""

from typing import Final

from mypy_extensions import i64, mypyc_attr

NATIVE_NONE: Final = 0
NATIVE_AMQP091: Final = 1
NATIVE_SQS: Final = 2

HeaderValue = None | bool | int | float | str | bytes | list[object] | dict[str, object]
"""What routing predicates see in a header."""


class Address:
    """Where a record was published: an exchange's name and a routing key. Interned: one object for many records.

    `shortstrs` is both names in AMQP's short-string form (length octet, bytes), kept because it can be copied from
    a publish to a deliver without being read; b"" when a name is longer than 255 bytes. `reserved` is the record
    batch codec's: the encoded start of the reserved header for records of `reserved_kind`.
    """

    __slots__ = ("exchange", "reserved", "reserved_kind", "routing_key", "shortstrs")

    def __init__(self, exchange: str, routing_key: str) -> None:
        self.exchange = exchange
        self.routing_key = routing_key
        self.reserved = b""
        self.reserved_kind: int = -1
        first = exchange.encode("utf-8", "surrogateescape")
        second = routing_key.encode("utf-8", "surrogateescape")
        if len(first) < 256 and len(second) < 256:
            self.shortstrs = bytes([len(first)]) + first + bytes([len(second)]) + second
        else:
            self.shortstrs = b""


NO_ADDRESS: Final = Address("", "")


class Death:
    """One line of a record's history: how often it died in one queue for one reason.

    Attributes:
        queue: the queue in which it died.
        reason: "rejected", "expired", "maxlen" or "delivery_limit".
        exchange, routing_keys: where it had been published when it died there first.
        time_ms: first such death, milliseconds since the epoch.
        count: how often.
        expiration: the per-message expiration it had ("" if none), removed when it died by it.
    """

    __slots__ = ("count", "exchange", "expiration", "queue", "reason", "routing_keys", "time_ms")

    def __init__(
        self,
        queue: str,
        reason: str,
        exchange: str,
        routing_keys: list[str],
        time_ms: int,
        count: int = 1,
        expiration: str = "",
    ) -> None:
        self.queue = queue
        self.reason = reason
        self.exchange = exchange
        self.routing_keys = routing_keys
        self.time_ms = time_ms
        self.count = count
        self.expiration = expiration


class Deaths:
    """A record's whole history. `first` and `last` are (queue, reason, exchange) of the first and last death."""

    __slots__ = ("entries", "first", "last")

    def __init__(self, entries: list[Death], first: tuple[str, str, str], last: tuple[str, str, str]) -> None:
        self.entries = entries
        self.first = first
        self.last = last


# Nothing that it holds can hold it: the garbage collector need not pass through what waits.
@mypyc_attr(acyclic=True)
class Record:
    """One message. Written once by a head's mapping, then by nobody but the log that stores it (offset, time).

    Attributes:
        offset: place in its log; -1 until appended.
        timestamp_ms: when it was published (broker's clock unless the protocol carries its own), ms since the epoch.
        key: ordering and partitioning key, or None.
        value: the body; None is a tombstone.
        headers: what a Kafka consumer sees as headers (the broker's reserved one excluded), or None.
        address: where it was published.
        native_kind, native: opaque bytes of the head that brought it (NATIVE_*), b"" if none.
        expires_at_ms: not delivered at or after this time; 0 = never expires.
        not_before_ms: not delivered before this time; 0 = at once.
        priority: 0..255.
        volatile: its protocol called it transient: kept in memory, gone after a restart.
        deaths: history of dead-lettering, or None.
    """

    __slots__ = (
        "address",
        "deaths",
        "expires_at_ms",
        "headers",
        "key",
        "native",
        "native_kind",
        "not_before_ms",
        "offset",
        "priority",
        "timestamp_ms",
        "value",
        "volatile",
    )

    def __init__(
        self,
        value: bytes | None,
        address: Address,
        native_kind: int = NATIVE_NONE,
        native: bytes = b"",
        volatile: bool = False,
        priority: int = 0,
        expires_at_ms: i64 = 0,
    ) -> None:
        self.offset: i64 = -1
        self.timestamp_ms: i64 = 0
        self.key: bytes | None = None
        self.value = value
        self.headers: list[tuple[str, bytes | None]] | None = None
        self.address = address
        self.native_kind = native_kind
        self.native = native
        self.expires_at_ms: i64 = expires_at_ms
        self.not_before_ms: i64 = 0
        self.priority = priority
        self.volatile = volatile
        self.deaths: Deaths | None = None

    def body_bytes(self) -> i64:
        """Length of the value in bytes; what length limits count."""
        value = self.value
        return 0 if value is None else len(value)

    def copy(self) -> "Record":
        """A record of its own with the same content, not yet in any log."""
        other = Record(
            self.value,
            self.address,
            self.native_kind,
            self.native,
            self.volatile,
            self.priority,
            self.expires_at_ms,
        )
        other.key = self.key
        other.headers = self.headers
        other.timestamp_ms = self.timestamp_ms
        other.not_before_ms = self.not_before_ms
        other.deaths = self.deaths
        return other
