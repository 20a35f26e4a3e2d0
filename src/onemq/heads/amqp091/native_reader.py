"""How the engine looks into a record that came by AMQP 0-9-1, when it routes it again: dead letters, delayed exchanges.

Registered by the composition root under NATIVE_AMQP091.
"""

from onemq.engine.natives import NativeReader
from onemq.heads.amqp091.mapping import (
    carbon_copies,
    plain_headers,
    plain_key,
    routing_headers,
    without_copies,
)
from onemq.heads.amqp091.properties import parse_flags
from onemq.model.record import HeaderValue, Record


class AmqpNativeReader(NativeReader):
    """Reads raw properties."""

    def headers(self, record: Record) -> dict[str, HeaderValue]:
        info = parse_flags(record.native)
        return routing_headers(info.headers() if info.has_headers() else {}, info)

    def plain_headers(self, record: Record) -> list[tuple[str, bytes | None]]:
        return plain_headers(record)

    def plain_key(self, record: Record) -> bytes | None:
        return plain_key(record)

    def extra_keys(self, record: Record) -> list[str]:
        return carbon_copies(record, ("CC", "BCC"))

    def shown_keys(self, record: Record) -> list[str]:
        return carbon_copies(record, ("CC",))

    def without_extra_keys(self, record: Record) -> bytes:
        return without_copies(record.native)
