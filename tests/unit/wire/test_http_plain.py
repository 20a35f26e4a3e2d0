"""What is read without the parser is what the parser would have read; the parser is the other one of the two here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.model.refusal import WireError
from onemq.wire.http import HttpReceiver
from onemq.wire.http_errors import HttpRefused
from onemq.wire.http_plain import announced, in_lower_case, read_plain

PLAIN = (
    b"POST / HTTP/1.1\r\nHost: here:1\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nx-other-1: a:b  c\r\n"
    b"connection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"
)


def outcome(http: HttpReceiver, data: bytes) -> list[object]:
    """All there is to see of what was taken."""
    http.feed(data)
    seen: list[object] = [int(http.waiting_bytes), http.has_begun()]
    try:
        while (request := http.next()) is not None:
            fields = list(request.headers.items())
            seen.append((request.method, request.target, fields, request.body, request.keep_alive))
    except HttpRefused as refused:
        seen.append((refused.status, str(refused)))
    except WireError as error:
        seen.append(str(error))
    seen.append(http.wants_continue())
    return seen


def assert_same(data: bytes, header_bytes_max: int = 1000, body_bytes_max: int = 100) -> None:
    """With an empty line before it, which is passed over, it is the parser's."""
    whole = outcome(HttpReceiver(header_bytes_max, body_bytes_max), data)
    assert whole == outcome(HttpReceiver(header_bytes_max, body_bytes_max), b"\r\n" + data)


def test_a_plain_request() -> None:
    headers: dict[bytes, bytes] = {}
    assert read_plain(PLAIN, headers) == len(PLAIN) - 5
    assert headers == {
        b"host": b"here:1",
        b"x-amz-target": b"AmazonSQS.SendMessage",
        b"x-other-1": b"a:b  c",
        b"connection": b"keep-alive",
        b"content-length": b"5",
    }
    assert_same(PLAIN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"POST /", b"PUT /"),
        (b"POST / ", b"POST /x "),
        (b"/1.1", b"/1.0"),
        (b"5\r\n\r\n", b"4\r\n\r\n"),
        (b"5\r\n\r\n", b"6\r\n\r\n"),
        (b"Content-Length: 5", b"Content-Length: +5"),
        (b"Content-Length: 5", b"Content-Length: 5\r\ncontent-length: 5"),
        (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        (b"Content-Length: 5", b"Content-Length: 5\r\nTransfer-Encoding: chunked"),
        (b"Content-Length: 5", b"Expect: 100-continue\r\nContent-Length: 5"),
        (b"keep-alive", b"close"),
        (b"keep-alive", b"upgrade\r\nUpgrade: h2c"),
        (b"connection", b"Proxy-Connection"),
        (b": keep", b":keep"),
        (b": keep", b":  keep"),
        (b"alive", b"alive "),
        (b"alive", b""),
        (b"keep-alive", b""),
        (b"a:b  c", b"\xe4"),
        (b"a:b  c", b"a\tb"),
        (b"a:b  c", b"a\r\n b"),
        (b"x-other-1", b"x other"),
        (b"x-other-1", b""),
        (b"x-other-1", b"HOST"),
        (b"here:1\r\n", b"here:1\n"),
        (b"hello", b"hello" + PLAIN),
        (b"hello", b"hello\r\n\r\n"),
        (b"\r\n\r\nhello", b"\r\n"),
        (b"POST", b"\r\nPOST"),
    ],
)
def test_what_is_left_to_the_parser(old: bytes, new: bytes) -> None:
    data = PLAIN.replace(old, new)
    assert data != PLAIN
    assert read_plain(data, {}) == 0
    assert_same(data)


def test_bounds_are_the_parsers() -> None:
    start = len(PLAIN) - 5
    header_bytes = start - len(b"POST / HTTP/1.1\r\n") - 1
    for header_bytes_max in range(header_bytes - 2, header_bytes + 3):
        for body_bytes_max in (4, 5, 6):
            assert_same(PLAIN, header_bytes_max, body_bytes_max)
    for count in (126, 127, 128):
        fields = b"".join(b"a%d: 1\r\n" % number for number in range(count))
        assert_same(PLAIN.replace(b"Host:", fields + b"Host:"), 100_000)


def test_every_cut_and_every_octet_left_out() -> None:
    for at in range(1, len(PLAIN)):
        assert_same(PLAIN[:at])
        assert_same(PLAIN[:at] + PLAIN[at + 1 :])


def test_after_a_plain_request_as_before_it() -> None:
    http = HttpReceiver(1000, 1000)
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    bodies = []
    for piece in (PLAIN, chunked, PLAIN, PLAIN[:40], PLAIN[40:], PLAIN, b"\r\n", PLAIN):
        http.feed(piece)
        while (request := http.next()) is not None:
            bodies.append(request.body)
    assert bodies == [b"hello", b"a", b"hello", b"hello", b"hello", b"hello"]
    # In the middle of another request it is what that one says it is.
    http.feed(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(PLAIN))
    http.feed(PLAIN)
    request = http.next()
    assert request is not None
    assert request.body == PLAIN
    http.feed(PLAIN.replace(b"keep-alive", b"close"))
    assert http.next() is not None
    http.feed(PLAIN)
    assert http.next() is None


names = st.sampled_from(
    [b"Host", b"host", b"X-Amz-Date", b"x-y", b"Content-Length", b"Connection", b"Expect", b"Upgrade", b"a_b"]
)
values = st.one_of(
    st.sampled_from(
        [b"5", b"0", b"05", b"close", b"keep-alive", b"Keep-Alive", b"100-continue", b"chunked", b"a, b", b""]
    ),
    st.binary(max_size=6),
)
lines = st.tuples(names, st.sampled_from([b": ", b": ", b": ", b":", b":  "]), values).map(b"".join)


@given(st.lists(lines, max_size=4), st.sampled_from([b"5", b"4", b"6"]), st.data())
def test_nearly_plain_requests(fields: list[bytes], length: bytes, data: st.DataObject) -> None:
    request = b"\r\n".join([b"POST / HTTP/1.1", *fields, b"Content-Length: " + length, b"", b"hello"])
    assert_same(request)
    at = data.draw(st.integers(0, len(request) - 1))
    octet = data.draw(st.binary(min_size=1, max_size=1))
    assert_same(request[:at] + octet + request[at + 1 :])


def test_names_and_lengths() -> None:
    assert in_lower_case(b"X-Amz-Target") == in_lower_case(b"x-amz-target") == b"x-amz-target"
    assert in_lower_case(b"X-UnHeard-Of") == b"x-unheard-of"
    assert [int(announced(text)) for text in (b"0", b"0012", b"", b"-1", b"1x", b" 1")] == [
        0,
        12,
        -1,
        -1,
        -1,
        -1,
    ]
    assert announced(b"9" * 100) > 1 << 50
