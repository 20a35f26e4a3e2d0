"""Receipt handles: a lease's handle as text, with a check sum that binds it to its queue.

Opaque for clients; not a secret: whoever may read the queue may settle any of its messages.
"""

import base64
import binascii

from onemq.engine.receiving import LeaseHandle

_BYTES = 36


def write_handle(queue: str, handle: LeaseHandle) -> str:
    content = (
        int(handle.log_id).to_bytes(8, "big")
        + int(handle.offset).to_bytes(8, "big")
        + int(handle.attempt).to_bytes(8, "big")
        + int(handle.first_at_ms).to_bytes(8, "big")
    )
    return base64.b64encode(content + _check(queue, content)).decode("ascii")


def read_handle(queue: str, text: str) -> LeaseHandle | None:
    """None: it is not a handle of that queue."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) != _BYTES or data[32:] != _check(queue, data[:32]):
        return None
    log_id = int.from_bytes(data[:8], "big")
    offset = int.from_bytes(data[8:16], "big")
    attempt = int.from_bytes(data[16:24], "big")
    first_at_ms = int.from_bytes(data[24:32], "big")
    if max(log_id, offset, attempt, first_at_ms) >= 1 << 63:
        return None
    return LeaseHandle(log_id, offset, attempt, first_at_ms)


def _check(queue: str, content: bytes) -> bytes:
    return binascii.crc32(queue.encode("utf-8", "surrogateescape"), binascii.crc32(content)).to_bytes(
        4, "big"
    )
