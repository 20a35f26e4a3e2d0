"""The header of a request in its plainest form, read without the parser: what SDKs' requests look like nearly always.

Job: speed only. What it reads, the parser reads the same way; whatever is not of that form is left to the parser (0), which alone
knows what is wrong with it.
"""

from typing import Final

from mypy_extensions import i64

REQUEST_LINE: Final = b"POST / HTTP/1.1\r\n"
BEFORE_FIELDS_BYTES: Final = len(REQUEST_LINE)
_END: Final = b"\r\n\r\n"
_CR: Final = 13
_LF: Final = 10
_BLANK: Final = 32
_COLON: Final = 58
_CONTENT_DIGITS_MAX: Final = 9
_KEEPS_ALIVE: Final = (b"keep-alive", b"Keep-Alive")
_SPECIAL: Final = (b"transfer-encoding", b"expect", b"upgrade", b"proxy-connection")
"""Fields by which a request is read otherwise, beside Content-Length and Connection."""
_USUAL_NAMES: Final = (
    b"Accept",
    b"Accept-Encoding",
    b"amz-sdk-invocation-id",
    b"amz-sdk-request",
    b"Authorization",
    b"Connection",
    b"Content-Length",
    b"Content-Type",
    b"Host",
    b"Transfer-Encoding",
    b"User-Agent",
    b"X-Amz-Content-Sha256",
    b"X-Amz-Date",
    b"X-Amz-Security-Token",
    b"X-Amz-Target",
    b"X-Amz-User-Agent",
    b"x-amzn-query-mode",
)
_IN_LOWER_CASE: Final[dict[bytes, bytes]] = {
    **{name: name.lower() for name in _USUAL_NAMES},
    **{name.lower(): name.lower() for name in _USUAL_NAMES},
}


def in_lower_case(name: bytes) -> bytes:
    """Of a field's name. Looking a usual one up costs less than making another of it."""
    lower = _IN_LOWER_CASE.get(name)
    return name.lower() if lower is None else lower


def announced(length: bytes) -> i64:
    """The number that a Content-Length says, or one that is too large for everybody like itself; -1: it says none."""
    number: i64 = 0 if length else -1
    for octet in length:
        digit: i64 = octet - 48
        if digit < 0 or digit > 9:
            return -1
        if number < 1 << 50:
            number = number * 10 + digit
    return number


def read_plain(data: bytes, headers: dict[bytes, bytes]) -> i64:
    """Where the body begins, when `data` is one whole request to "/" in its plainest form; 0 otherwise.

    headers: takes the fields, names in lower case; not to be looked at after a 0.
    """
    # A body that comes by itself is the parser's: that is seen soonest by the end of what is here.
    if not data.startswith(REQUEST_LINE) or data.endswith(_END):
        return 0
    end: i64 = len(data)
    at: i64 = BEFORE_FIELDS_BYTES
    while True:
        begin = at
        octet: i64 = 0
        while at < end:
            octet = data[at]
            if not (97 <= octet <= 122 or 65 <= octet <= 90 or 48 <= octet <= 57 or octet == 45):
                break
            at += 1
        if at + 2 >= end:
            return 0
        if octet != _COLON:
            break
        name = data[begin:at]
        if not name or data[at + 1] != _BLANK:
            return 0
        at += 2
        begin = at
        while at < end:
            octet = data[at]
            if octet < 32 or octet > 126:
                break
            at += 1
        if octet != _CR or at + 1 >= end or data[at + 1] != _LF:
            return 0
        value = data[begin:at]
        if not value or data[begin] == _BLANK or data[at - 1] == _BLANK:
            return 0
        count = len(headers)
        headers.setdefault(in_lower_case(name), value)
        if len(headers) == count:
            return 0
        at += 2
    if at != begin or octet != _CR or data[at + 1] != _LF:
        return 0
    at += 2
    return at if _is_plain(headers, end - at) else 0


def _is_plain(headers: dict[bytes, bytes], body_bytes: i64) -> bool:
    length = headers.get(b"content-length")
    if length is None or len(length) > _CONTENT_DIGITS_MAX or announced(length) != body_bytes:
        return False
    connection = headers.get(b"connection")
    if connection is not None and connection not in _KEEPS_ALIVE:
        return False
    for name in _SPECIAL:
        if name in headers:
            return False
    return True
