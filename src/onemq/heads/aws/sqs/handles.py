"""Receipt handles: a lease's handle as text, with a check sum that binds it to its queue.

Opaque for clients; not a secret: whoever may read the queue may settle any of its messages.
"""

from binascii import crc32
from typing import Final

from librt.base64 import b64decode, b64encode
from librt.strings import BytesWriter, read_i64_be, write_i64_be
from mypy_extensions import i64

from onemq.engine.receiving import LeaseHandle

_CONTENT_BYTES: Final = 32
_BYTES: Final = 36
_CHARACTERS: Final = 48


def write_handle(queue: str, handle: LeaseHandle) -> str:
    writer = BytesWriter()
    log_id: i64 = handle.log_id
    write_i64_be(writer, log_id)
    write_i64_be(writer, handle.offset)
    write_i64_be(writer, handle.attempt)
    write_i64_be(writer, handle.first_at_ms)
    content = writer.getvalue()
    return b64encode(content + _check(queue, content)).decode("ascii")


def read_handle(queue: str, text: str) -> LeaseHandle | None:
    """None: it is not a handle of that queue."""
    if len(text) != _CHARACTERS:
        return None
    try:
        data = b64decode(text)
    except ValueError:
        return None
    # What is not of the alphabet was passed over: then it is shorter.
    if len(data) != _BYTES or data[_CONTENT_BYTES:] != _check(queue, data[:_CONTENT_BYTES]):
        return None
    log_id = read_i64_be(data, 0)
    offset = read_i64_be(data, 8)
    attempt = read_i64_be(data, 16)
    first_at_ms = read_i64_be(data, 24)
    if log_id < 0 or offset < 0 or attempt < 0 or first_at_ms < 0:
        return None
    return LeaseHandle(int(log_id), offset, attempt, first_at_ms)


def _check(queue: str, content: bytes) -> bytes:
    return crc32(content + queue.encode("utf-8", "surrogateescape")).to_bytes(4, "big")
