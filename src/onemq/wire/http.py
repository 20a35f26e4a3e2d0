"""The server side of HTTP/1.1, without IO: bytes in, whole requests out; and responses as bytes.

httptools (llhttp) finds the parts, but for requests in the plainest form (http_plain.py); this module puts requests together and
holds the bounds. Keep-alive, pipelining, chunked bodies and `Expect: 100-continue` are here; what a request means is its head's
business.
Must not: know a path, a method or a status other than its own refusals; touch a socket.
Spec: RFC 9112; RFC 9110 sections 10.1.1 (Expect), 15.5.14 (413), 15.5.18 (417); RFC 6585 section 5 (431).
"""

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from librt.strings import BytesWriter
from mypy_extensions import i64

from onemq.model.refusal import WireError
from onemq.wire.http_errors import HttpRefused
from onemq.wire.http_plain import BEFORE_FIELDS_BYTES, announced, in_lower_case, read_plain

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
HEADERS_MAX: Final = 128
"""Fields of one request: each costs more than its bytes."""
BODY_PARTS_MAX: Final = 4096
"""Pieces of a body: chunks may be of an octet each, and every piece costs some 40 more."""

_REASONS: Final[dict[int, bytes]] = {
    200: b"OK",
    201: b"Created",
    202: b"Accepted",
    204: b"No Content",
    302: b"Found",
    304: b"Not Modified",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    409: b"Conflict",
    413: b"Content Too Large",
    417: b"Expectation Failed",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    503: b"Service Unavailable",
}
_STATUS_LINES: Final[dict[int, bytes]] = {
    status: b"HTTP/1.1 %d %b" % (status, reason) for status, reason in _REASONS.items()
}
_NO_BODY: Final = b""


class HttpRequest:
    """One whole request.

    Attributes:
        method: as it was sent ("GET").
        target: the request line's target, not decoded.
        headers: names in lower case; several fields of one name are joined by commas.
        body: whole, without its transfer coding.
        keep_alive: the peer will take another response on this connection.
    """

    __slots__ = ("body", "headers", "keep_alive", "method", "target")

    def __init__(
        self, method: bytes, target: bytes, headers: dict[bytes, bytes], body: bytes, keep_alive: bool
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive


class HttpReceiver:
    """What one peer sends, as requests. After an error, or a request without keep-alive, what still comes is passed over.

    Attributes:
        waiting_bytes: estimate of what the requests that `next` has not given yet take.
    """

    __slots__ = (
        "_begun",
        "_body",
        "_body_bytes",
        "_body_bytes_max",
        "_error",
        "_header_bytes",
        "_header_bytes_max",
        "_headers",
        "_in_headers",
        "_in_trailer",
        "_over",
        "_parser",
        "_ready",
        "_taken",
        "_target",
        "_unanswered_expectation",
        "waiting_bytes",
    )

    def __init__(self, header_bytes_max: int, body_bytes_max: int) -> None:
        self._header_bytes_max: i64 = header_bytes_max
        self._body_bytes_max: i64 = body_bytes_max
        self.waiting_bytes: i64 = 0
        self._ready: list[HttpRequest] = []
        self._taken: i64 = 0
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._header_bytes: i64 = 0
        # Between a request's first octet and its last.
        self._begun = False
        self._in_headers = False
        self._in_trailer = False
        self._body: list[bytes] = []
        self._body_bytes: i64 = 0
        self._unanswered_expectation = False
        self._error: WireError | None = None
        self._over = False
        self._parser: HttpRequestParser | None = HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        """Takes what has come. Nothing is raised here: `next` raises in its turn."""
        if not self._begun and not self._over and self._take_plain(data):
            return
        while not self._over:
            parser = self._parser
            if parser is None:
                return
            before = self._header_bytes
            in_field = self._in_headers or self._in_trailer
            body_before = self._body_bytes
            try:
                parser.feed_data(data)
            except HttpParserUpgrade as upgrade:
                # We speak no other protocol: the request stands as it is, and the next one follows it.
                self._parser = HttpRequestParser(self)
                data = data[upgrade.args[0] :]
                if data:
                    continue
            except HttpParserError as error:
                cause = error.__context__
                self._fail(cause if isinstance(cause, WireError) else WireError(f"not HTTP/1.1: {error}"))
            if self._in_headers:
                in_field = True
            elif not self._in_trailer or self._body_bytes != body_before:
                in_field = False
            if in_field and self._header_bytes == before:
                # The parser gathers the pieces of a field without end, so its pieces are counted here.
                self._header_bytes += len(data)
                if self._header_bytes > self._header_bytes_max:
                    self._fail(self._header_too_large())
            return

    def _take_plain(self, data: bytes) -> bool:
        """Takes what is a whole request in its plainest form. False: the parser has to look at it; nothing has changed."""
        headers: dict[bytes, bytes] = {}
        start = read_plain(data, headers)
        body_bytes = len(data) - start
        # As the parser's calls count them: the target, and the fields without the line that ends them.
        header_bytes = start - BEFORE_FIELDS_BYTES - 1
        if (
            start == 0
            or header_bytes > self._header_bytes_max
            or len(headers) > HEADERS_MAX
            or body_bytes > self._body_bytes_max
        ):
            return False
        self._ready.append(HttpRequest(b"POST", b"/", headers, data[start:], True))
        self.waiting_bytes += body_bytes + header_bytes
        return True

    def next(self) -> HttpRequest | None:
        """The next whole request, in order; None: more has to come. Raises WireError, HttpRefused when there is no other way
        to go on; all requests before have been given then."""
        taken = self._taken
        ready = self._ready
        if taken < len(ready):
            request = ready[taken]
            self.waiting_bytes -= len(request.body)
            taken += 1
            if taken == len(ready):
                ready.clear()
                taken = 0
                self.waiting_bytes = 0
            self._taken = taken
            return request
        error = self._error
        if error is not None:
            self._error = None
            raise error
        return None

    def wants_continue(self) -> bool:
        """True once for a request that waits for `CONTINUE` before it sends its body. Ask when `next` has none."""
        if not self._unanswered_expectation or self._ready:
            return False
        self._unanswered_expectation = False
        return self._body_bytes == 0

    def has_begun(self) -> bool:
        """True while a request is on its way."""
        return self._begun

    def close(self) -> None:
        """Nothing more is taken. Needed once: parser and receiver hold each other."""
        self._over = True
        self._parser = None
        self._ready.clear()
        self._taken = 0
        self.waiting_bytes = 0

    # Called by the parser.

    def on_message_begin(self) -> None:
        self._begun = True
        self._in_headers = True
        self._header_bytes = 0
        self._target = b""
        self._headers = {}

    def on_url(self, part: bytes) -> None:
        self._target = self._target + part if self._target else part
        self._header_bytes += len(part)
        self._check_headers()

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self._headers
        self._header_bytes += len(name) + len(value) + 4
        if not self._in_headers:
            # A trailer: what was looked at before the body (rights, framing) must not be said again after it (RFC 9110 section 6.5.1).
            self._check_headers()
            return
        lower = in_lower_case(name)
        count = len(headers)
        known = headers.setdefault(lower, value)
        if len(headers) == count:
            headers[lower] = known + b"," + value
        self._check_headers()

    def on_headers_complete(self) -> None:
        self._in_headers = False
        headers = self._headers
        if b"expect" in headers:
            if headers[b"expect"].lower() != b"100-continue":
                raise self._fail(HttpRefused(417, "only 100-continue can be expected of this server"))
            self._unanswered_expectation = True
        length = headers.get(b"content-length")
        if length is not None and announced(length) > self._body_bytes_max:
            raise self._fail(self._too_large())

    def on_chunk_header(self) -> None:
        # Of the last chunk, unless octets of a body follow.
        self._in_trailer = True

    def on_body(self, part: bytes) -> None:
        self._in_trailer = False
        self._body_bytes += len(part)
        if self._body_bytes > self._body_bytes_max:
            raise self._fail(self._too_large())
        self._body.append(part)
        if len(self._body) >= BODY_PARTS_MAX:
            self._body = [b"".join(self._body)]

    def on_message_complete(self) -> None:
        parts = self._body
        if not parts:
            body = _NO_BODY
        elif len(parts) == 1:
            body = parts[0]
        else:
            body = b"".join(parts)
        self._body = []
        self._body_bytes = 0
        self._begun = False
        self._in_trailer = False
        self._unanswered_expectation = False
        parser = self._parser
        assert parser is not None
        keep_alive = parser.should_keep_alive()
        self._ready.append(HttpRequest(parser.get_method(), self._target, self._headers, body, keep_alive))
        self.waiting_bytes += len(body) + self._header_bytes
        self._headers = {}
        if not keep_alive:
            self._over = True

    # Inside.

    def _check_headers(self) -> None:
        if self._header_bytes > self._header_bytes_max or len(self._headers) > HEADERS_MAX:
            raise self._fail(self._header_too_large())

    def _header_too_large(self) -> HttpRefused:
        bytes_max = self._header_bytes_max
        return HttpRefused(
            431, f"the request's header is larger than {bytes_max} bytes or {HEADERS_MAX} fields"
        )

    def _too_large(self) -> HttpRefused:
        return HttpRefused(413, f"the request's body is larger than {self._body_bytes_max} bytes")

    def _fail(self, error: WireError) -> WireError:
        """The first error counts. Returns it, to be raised into the parser."""
        if self._error is None and not self._over:
            self._error = error
        self._over = True
        return error


def write_response(
    writer: BytesWriter,
    status: int,
    content_type: bytes,
    body: bytes,
    keep_alive: bool = True,
    fields: bytes = b"",
    head_only: bool = False,
) -> None:
    """Writes one whole response. fields: more header fields, each with its CRLF. head_only: answers HEAD."""
    line = _STATUS_LINES.get(status)
    writer.write(b"HTTP/1.1 %d Unknown" % status if line is None else line)
    if content_type:
        writer.write(b"\r\nContent-Type: ")
        writer.write(content_type)
    if status == 204 or status == 304:
        # They have no body, and say nothing of its length (RFC 9110 section 8.6).
        writer.write(b"\r\n")
    else:
        writer.write(b"\r\nContent-Length: ")
        writer.write(str(len(body)).encode("ascii"))
        writer.write(b"\r\n")
    writer.write(fields)
    if not keep_alive:
        writer.write(b"Connection: close\r\n")
    writer.write(b"\r\n")
    if not head_only:
        writer.write(body)
