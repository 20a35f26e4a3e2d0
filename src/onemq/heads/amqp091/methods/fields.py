"""Arguments of methods, field by field, in the order of the wire.

Job: bounds-checked reading and range-checked writing of numbers, strings and tables; the base of all methods.
Must not: know any single method.
Spec: AMQP 0-9-1 section 4.2.4 and 4.2.5. As in RabbitMQ, arguments must end exactly where the payload does, and
short strings must be UTF-8 except where it takes any octets (exchange and routing key of a message).
"""

from typing import Final

from librt.strings import BytesWriter, read_i16_be, read_i32_be, read_i64_be, write_i32_be
from mypy_extensions import i64

from onemq.heads.amqp091 import table
from onemq.heads.amqp091.frames import (
    FRAME_ERROR,
    METHOD_KEY_BYTES,
    AmqpWireError,
    octets_text,
    short_string,
)
from onemq.heads.amqp091.table import FieldValue

_LONG_STRING_MAX: Final = (1 << 31) - 1


class Method:
    """One method with its arguments. Reserved arguments (ticket and the like) are left out: read over, written as 0."""

    __slots__ = ()

    def encode(self) -> bytes:
        """The payload of a method frame. Raises ValueError for an argument that does not fit its type."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Method) and type(other) is type(self) and other.encode() == self.encode()

    def __hash__(self) -> int:
        return hash(self.encode())


class FieldReader:
    """Reads the arguments of one method. Every reader raises AmqpWireError 501 where the payload is too short."""

    __slots__ = ("data", "start", "position", "end")

    def __init__(self, data: bytes, payload_start: int, payload_end: int) -> None:
        self.data = data
        self.start: i64 = payload_start
        self.position: i64 = self.start + METHOD_KEY_BYTES
        self.end: i64 = payload_end

    def octet(self) -> int:
        return int(self.data[self._take(1)])

    def short(self) -> int:
        return int(read_i16_be(self.data, self._take(2))) & 0xFFFF

    def long(self) -> int:
        return int(read_i32_be(self.data, self._take(4))) & 0xFFFF_FFFF

    def long_long(self) -> int:
        return int(read_i64_be(self.data, self._take(8))) & 0xFFFF_FFFF_FFFF_FFFF

    def short_string(self) -> str:
        """A short string that must be UTF-8."""
        octets = self._short_octets()
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            pass
        raise self._error("Malformed UTF-8 in shortstr")

    def any_short_string(self) -> str:
        """A short string of any octets, with surrogateescape."""
        return self._short_octets().decode("utf-8", "surrogateescape")

    def long_string(self) -> bytes:
        start = self._take_long()
        return self.data[start : self.position]

    def table(self) -> dict[str, FieldValue]:
        """A field table. Raises AmqpWireError 502 too, as table.decode does."""
        start = self._take_long()
        try:
            return table.decode(self.data, start, self.position)
        except AmqpWireError as error:
            key = self._key()
            error.class_id = key >> 16
            error.method_id = key & 0xFFFF
            raise

    def finish(self) -> None:
        """Nothing may be left."""
        if self.position != self.end:
            raise self._cannot_decode()

    def _take(self, size: i64) -> i64:
        start = self.position
        if size > self.end - start:
            raise self._cannot_decode()
        self.position = start + size
        return start

    def _take_long(self) -> i64:
        return self._take(i64(read_i32_be(self.data, self._take(4))) & 0xFFFF_FFFF)

    def _short_octets(self) -> bytes:
        size: i64 = self.data[self._take(1)]
        start = self._take(size)
        return self.data[start : self.position]

    def _key(self) -> int:
        return int(read_i32_be(self.data, self.start)) & 0xFFFF_FFFF

    def _error(self, explanation: str) -> AmqpWireError:
        key = self._key()
        return AmqpWireError(FRAME_ERROR, explanation, key >> 16, key & 0xFFFF)

    def _cannot_decode(self) -> AmqpWireError:
        return self._error(
            "cannot decode " + octets_text(self.data[self.start + METHOD_KEY_BYTES : self.end])
        )


class FieldWriter:
    """Writes the arguments of one method. Every writer raises ValueError for what does not fit."""

    __slots__ = ("writer",)

    def __init__(self, method_key: int) -> None:
        self.writer = BytesWriter()
        write_i32_be(self.writer, method_key)

    def octet(self, value: int) -> None:
        self._unsigned(value, 1)

    def short(self, value: int) -> None:
        self._unsigned(value, 2)

    def long(self, value: int) -> None:
        self._unsigned(value, 4)

    def long_long(self, value: int) -> None:
        self._unsigned(value, 8)

    def bits(
        self,
        first: bool,
        second: bool = False,
        third: bool = False,
        fourth: bool = False,
        fifth: bool = False,
    ) -> None:
        """Up to five bits in one octet, the first lowest."""
        low = (1 if first else 0) | (2 if second else 0) | (4 if third else 0)
        self.octet(low | (8 if fourth else 0) | (16 if fifth else 0))

    def short_string(self, value: str) -> None:
        self.writer.write(short_string(value))

    def long_string(self, value: bytes) -> None:
        if len(value) > _LONG_STRING_MAX:
            raise ValueError(f"long string of {len(value)} octets")
        write_i32_be(self.writer, len(value))
        self.writer.write(value)

    def table(self, value: dict[str, FieldValue]) -> None:
        self.long_string(table.encode(value))

    def payload(self) -> bytes:
        return self.writer.getvalue()

    def _unsigned(self, value: int, size: int) -> None:
        if not 0 <= value < 1 << (8 * size):
            raise ValueError(f"{value} does not fit {size} octets")
        self.writer.write(value.to_bytes(size, "big"))
