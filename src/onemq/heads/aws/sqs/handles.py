"""Receipt handles: a lease's handle as text, with a check sum that binds it to its queue.

Opaque for clients; not a secret: whoever may read the queue may settle any of its messages.
"""

from binascii import crc32
from typing import Final

from librt.base64 import b64decode, b64encode
from librt.strings import BytesWriter, read_i32_be, read_i64_be, write_i32_be, write_i64_be
from mypy_extensions import i32, i64

from onemq.engine.receiving import LeaseHandle

_CONTENT_BYTES: Final = 32
_BYTES: Final = 36
_CHARACTERS: Final = 48
# Looked up once.
_crc32: Final = crc32


class HandleWriter:
    """Writes the handles of one answer. `queue`: the one that was received from."""

    def __init__(self, queue: str) -> None:
        self._queue = queue.encode("utf-8", "surrogateescape")
        self._writer = BytesWriter()

    def write(self, log_id: i64, offset: i64, attempt: i64, first_at_ms: i64) -> bytes:
        """Octets of the text, in ASCII."""
        writer = self._writer
        writer.truncate(0)
        write_i64_be(writer, log_id)
        write_i64_be(writer, offset)
        write_i64_be(writer, attempt)
        write_i64_be(writer, first_at_ms)
        writer.write(self._queue)
        check: i64 = _crc32(writer.getvalue())
        writer.truncate(_CONTENT_BYTES)
        write_i32_be(writer, i32(check if check <= 0x7FFFFFFF else check - 0x100000000))
        return b64encode(writer.getvalue())


def read_handle(queue: str, text: str) -> LeaseHandle | None:
    """None: it is not a handle of that queue."""
    if len(text) != _CHARACTERS:
        return None
    try:
        data = b64decode(text)
    except ValueError:
        return None
    # What is not of the alphabet was passed over: then it is shorter.
    if len(data) != _BYTES:
        return None
    check: i64 = _crc32(data[:_CONTENT_BYTES] + queue.encode("utf-8", "surrogateescape"))
    if check != i64(read_i32_be(data, _CONTENT_BYTES)) & 0xFFFFFFFF:
        return None
    log_id = read_i64_be(data, 0)
    offset = read_i64_be(data, 8)
    attempt = read_i64_be(data, 16)
    first_at_ms = read_i64_be(data, 24)
    if log_id < 0 or offset < 0 or attempt < 0 or first_at_ms < 0:
        return None
    return LeaseHandle(int(log_id), offset, attempt, first_at_ms)
