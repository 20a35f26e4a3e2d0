"""Bytes to requests: cuts the incoming stream into frames of a 4-byte length and a body.

A large request arrives in many reads: their slices are collected and joined once, when it is complete.
Must not: know what a request says.
Spec: Kafka protocol guide, "Protocol Requests and Responses" (RequestOrResponse => Size Message).
"""

from typing import Final

from librt.strings import read_i32_be
from mypy_extensions import i64

from onemq.model.refusal import WireError

LENGTH_BYTES: Final = 4
REQUEST_BYTES_MIN: Final = 8
"""Api key, version and correlation id. What is shorter cannot be told from nothing."""

_SMALL_BYTES: Final = 1024
_SMALL_SLICES_MAX: Final = 256
"""So many slices below that size in a row become one: the objects of tiny ones take many times their bytes."""

_TLS_HANDSHAKE: Final = 0x16
_HTTP_WORDS: Final = (b"GET ", b"POST", b"HEAD", b"PUT ", b"DELE", b"OPTI", b"PATC", b"CONN", b"PRI ")


class Codec:
    """Incoming half of one connection: feed() bytes, call next() until it returns False.

    Attributes:
        data, start, end: the frame that next() found is data[start:end], valid until the next call of next().
        request_bytes_max: a larger frame is a WireError.
    """

    __slots__ = (
        "_length",
        "_position",
        "_slices",
        "_slices_bytes",
        "_small_slices",
        "_wanted_bytes",
        "data",
        "end",
        "request_bytes_max",
        "start",
    )

    def __init__(self, request_bytes_max: i64) -> None:
        self.data = b""
        self.start: i64 = 0
        self.end: i64 = 0
        self.request_bytes_max: i64 = request_bytes_max
        self._position: i64 = 0
        self._length: i64 = 0
        # What came after `data` and is not joined to it yet.
        self._slices: list[bytes] = []
        self._slices_bytes: i64 = 0
        self._small_slices: i64 = 0
        self._wanted_bytes: i64 = LENGTH_BYTES

    def feed(self, data: bytes) -> None:
        """Takes what the peer sent. Nothing is parsed here."""
        if self._position == self._length and not self._slices:
            self.data = data
            self._position = 0
            self._length = len(data)
        else:
            self._slices.append(data)
            self._slices_bytes += len(data)
            self._join_small(len(data))

    def buffered_bytes(self) -> i64:
        """What was fed and is not part of a frame that next() returned."""
        return self._length - self._position + self._slices_bytes

    def next(self, least_bytes: i64 = REQUEST_BYTES_MIN) -> bool:
        """Finds the next frame; False when it has not all come.

        Raises WireError for a length below `least_bytes` or above `request_bytes_max`. There are no frames after that.
        """
        available = self._length - self._position
        if available < self._wanted_bytes:
            if available + self._slices_bytes < self._wanted_bytes:
                return False
            self._join()
            available = self._length - self._position
        data = self.data
        position = self._position
        size = i64(read_i32_be(data, position))
        if size < least_bytes or size > self.request_bytes_max:
            raise WireError(_bad_length(data[position : position + LENGTH_BYTES], self.request_bytes_max))
        whole = LENGTH_BYTES + size
        if available < whole:
            self._wanted_bytes = whole
            if available + self._slices_bytes < whole:
                return False
            self._join()
            position = self._position
        self._wanted_bytes = LENGTH_BYTES
        self.start = position + LENGTH_BYTES
        self.end = position + whole
        self._position = self.end
        return True

    def clear(self) -> None:
        """Forgets everything: the connection ends."""
        self.data = b""
        self._position = 0
        self._length = 0
        self._slices = []
        self._slices_bytes = 0
        self._small_slices = 0

    def _join_small(self, size: i64) -> None:
        if size >= _SMALL_BYTES:
            self._small_slices = 0
            return
        self._small_slices += 1
        if self._small_slices == _SMALL_SLICES_MAX:
            self._small_slices = 0
            slices = self._slices
            slices[-_SMALL_SLICES_MAX:] = [b"".join(slices[-_SMALL_SLICES_MAX:])]

    def _join(self) -> None:
        self._small_slices = 0
        slices = self._slices
        slices.insert(0, self.data[self._position : self._length])
        self.data = b"".join(slices)
        self._slices = []
        self._slices_bytes = 0
        self._position = 0
        self._length = len(self.data)


def _bad_length(octets: bytes, request_bytes_max: i64) -> str:
    """What probably speaks here, and what to do about it."""
    if octets in _HTTP_WORDS:
        return "this is the Kafka port, and an HTTP request came: use the port of the HTTP listener"
    if octets[0] == _TLS_HANDSHAKE and octets[1] == 3:
        return (
            "this is the Kafka port without TLS, and a TLS handshake came: use the TLS port, or "
            "security.protocol=PLAINTEXT (SASL_PLAINTEXT) in the client"
        )
    if octets == b"AMQP":
        return "this is the Kafka port, and an AMQP client came: use the port of the AMQP listener"
    size = int.from_bytes(octets, "big", signed=True)
    return (
        f"a request of {size} bytes, allowed are {REQUEST_BYTES_MIN} to {request_bytes_max}: either this is no Kafka "
        "client, or it sends too large requests (max.request.size in the client, kafka.request_bytes_max here)"
    )
