"""HTTP/1.1 requests in every cut, their bounds, and responses as h11 (an independent implementation) reads them."""

from __future__ import annotations

import h11
import pytest
from librt.strings import BytesWriter

from onemq.model.refusal import WireError
from onemq.wire.http import BODY_PARTS_MAX, CONTINUE, HEADERS_MAX, HttpReceiver, HttpRequest, write_response
from onemq.wire.http_errors import HttpRefused

POST = (
    b"POST /a/b?c=d HTTP/1.1\r\nHost: here:1\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n"
    b"Content-Length: 5\r\nX-Twice: 1\r\nx-twice: 2\r\n\r\nhello"
)
CHUNKED = (
    b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n5;ext=1\r\ndefgh\r\n0\r\nTrailer: x\r\n\r\n"
)


def receiver(header_bytes_max: int = 1000, body_bytes_max: int = 100) -> HttpReceiver:
    return HttpReceiver(header_bytes_max, body_bytes_max)


def taken(http: HttpReceiver) -> list[HttpRequest]:
    found = []
    while (request := http.next()) is not None:
        found.append(request)
    return found


def test_a_request() -> None:
    http = receiver()
    http.feed(POST)
    (request,) = taken(http)
    assert (request.method, request.target, request.body) == (b"POST", b"/a/b?c=d", b"hello")
    assert request.headers == {
        b"host": b"here:1",
        b"x-amz-target": b"AmazonSQS.SendMessage",
        b"content-length": b"5",
        b"x-twice": b"1,2",
    }
    assert request.keep_alive
    assert http.waiting_bytes == 0


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_requests_in_pieces_and_in_a_row(size: int) -> None:
    http = receiver()
    data = POST + CHUNKED + POST
    found = []
    for start in range(0, len(data), size):
        http.feed(data[start : start + size])
        found += taken(http)
    assert [request.body for request in found] == [b"hello", b"abcdefgh", b"hello"]
    assert [request.target for request in found] == [b"/a/b?c=d", b"/", b"/a/b?c=d"]
    assert b"trailer" not in found[2].headers


def test_names_of_fields_in_any_case() -> None:
    http = receiver()
    names = (b"Content-Type", b"content-type", b"CONTENT-TYPE", b"X-Unheard-Of", b"x-unheard-of")
    http.feed(b"GET / HTTP/1.1\r\n" + b"".join(b"%b: \r\n" % name for name in names) + b"\r\n")
    (request,) = taken(http)
    assert request.headers == {b"content-type": b",,", b"x-unheard-of": b","}


def test_pipelined_requests_are_counted_while_they_wait() -> None:
    http = receiver()
    http.feed(POST * 3)
    assert http.waiting_bytes >= 15
    assert http.next() is not None
    assert http.waiting_bytes >= 10
    assert len(taken(http)) == 2
    assert http.waiting_bytes == 0


def test_the_last_request_of_a_connection() -> None:
    http = receiver()
    http.feed(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + POST)
    (request,) = taken(http)
    assert not request.keep_alive
    http.feed(POST)
    assert taken(http) == []
    old = receiver()
    old.feed(b"GET / HTTP/1.0\r\n\r\n")
    assert [request.keep_alive for request in taken(old)] == [False]


def refusal(http: HttpReceiver) -> int:
    with pytest.raises(HttpRefused) as caught:
        taken(http)
    return caught.value.status


def test_bounds_of_the_body() -> None:
    announced = receiver()
    announced.feed(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n")
    assert refusal(announced) == 413
    for length in (b"0000101", b"9" * 19):
        announced = receiver()
        announced.feed(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %b\r\n\r\n" % length)
        assert refusal(announced) == 413
    at_the_limit = receiver()
    at_the_limit.feed(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n" + bytes(100))
    assert [len(request.body) for request in taken(at_the_limit)] == [100]
    chunked = receiver()
    for _ in range(11):
        chunked.feed(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            if _ == 0
            else b"a\r\n0123456789\r\n"
        )
        assert taken(chunked) == []
    chunked.feed(b"a\r\n0123456789\r\n")
    assert refusal(chunked) == 413
    chunked.feed(POST)
    assert taken(chunked) == []


def test_bounds_of_the_header() -> None:
    long_value = receiver()
    long_value.feed(b"GET / HTTP/1.1\r\nA: " + b"x" * 1000 + b"\r\n\r\n")
    assert refusal(long_value) == 431
    long_target = receiver()
    long_target.feed(b"GET /" + b"x" * 1000 + b" HTTP/1.1\r\n\r\n")
    assert refusal(long_target) == 431
    many = receiver(header_bytes_max=100_000)
    fields = b"".join(b"a%d: 1\r\n" % number for number in range(HEADERS_MAX + 1))
    many.feed(b"GET / HTTP/1.1\r\n" + fields + b"\r\n")
    assert refusal(many) == 431
    never_ending = receiver()
    never_ending.feed(b"GET / HTTP/1.1\r\nA: ")
    for _ in range(11):
        never_ending.feed(b"x" * 100)
    assert refusal(never_ending) == 431


def test_what_came_before_an_error_is_given_first() -> None:
    http = receiver()
    http.feed(POST + b"nonsense\r\n\r\n")
    request = http.next()
    assert request is not None
    assert request.body == b"hello"
    with pytest.raises(WireError, match="not HTTP"):
        http.next()
    assert http.next() is None


def test_expectations() -> None:
    http = receiver()
    head = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    http.feed(head)
    assert http.next() is None
    assert http.wants_continue()
    assert not http.wants_continue()
    http.feed(b"hello")
    assert [request.body for request in taken(http)] == [b"hello"]
    # The body came at once: nobody waits.
    http.feed(head + b"hello")
    assert len(taken(http)) == 1
    assert not http.wants_continue()
    # Others are answered first.
    http.feed(POST + head)
    assert not http.wants_continue()
    assert len(taken(http)) == 1
    assert http.wants_continue()
    other = receiver()
    other.feed(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n")
    assert refusal(other) == 417


def test_an_offer_to_speak_another_protocol_is_passed_over() -> None:
    http = receiver()
    http.feed(b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + POST)
    assert [request.target for request in taken(http)] == [b"/x", b"/a/b?c=d"]


def test_after_close_nothing_is_taken() -> None:
    http = receiver()
    http.feed(POST)
    http.close()
    http.feed(POST)
    assert http.next() is None


def read(data: bytes, method: str = "GET") -> tuple[h11.Response, bytes, bool]:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "h")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    response = client.next_event()
    assert isinstance(response, h11.Response)
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    return response, body, client.their_state is h11.DONE


def test_responses() -> None:
    writer = BytesWriter()
    write_response(writer, 200, b"application/json", b"{}", fields=b"x-more: 1\r\n")
    response, body, kept = read(writer.getvalue())
    assert (response.status_code, response.reason, body, kept) == (200, b"OK", b"{}", True)
    assert dict(response.headers) == {
        b"content-type": b"application/json",
        b"content-length": b"2",
        b"x-more": b"1",
    }
    last = BytesWriter()
    write_response(last, 403, b"text/xml", b"<no/>", keep_alive=False)
    response, body, kept = read(last.getvalue())
    assert (response.status_code, body, kept) == (403, b"<no/>", False)
    head = BytesWriter()
    write_response(head, 404, b"", b"12345", head_only=True)
    response, body, kept = read(head.getvalue(), "HEAD")
    assert (response.status_code, body, kept) == (404, b"", True)
    assert dict(response.headers) == {b"content-length": b"5"}


def test_continue_is_an_interim_response() -> None:
    client = h11.Connection(h11.CLIENT)
    client.send(
        h11.Request(
            method="POST",
            target="/",
            headers=[("Host", "h"), ("Content-Length", "1"), ("Expect", "100-continue")],
        )
    )
    client.receive_data(CONTINUE)
    assert isinstance(client.next_event(), h11.InformationalResponse)


def test_a_body_in_tiny_chunks_is_put_together_on_its_way() -> None:
    http = receiver(body_bytes_max=100_000)
    http.feed(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    body = b"".join(b"%04x" % number for number in range(2 * BODY_PARTS_MAX))
    for start in range(0, len(body), 4):
        http.feed(b"4\r\n%b\r\n" % body[start : start + 4])
        assert len(http._body) <= BODY_PARTS_MAX
    http.feed(b"0\r\n\r\n")
    (request,) = taken(http)
    assert request.body == body


TRAILED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"


def test_a_trailer_is_no_header() -> None:
    http = receiver()
    http.feed(TRAILED + b"Authorization: other\r\nHost: other\r\n\r\n" + POST)
    first, second = taken(http)
    assert first.headers == {b"host": b"h", b"transfer-encoding": b"chunked"}
    assert second.body == b"hello"


@pytest.mark.parametrize("begin", [b"X: ", b"X", b"X: 1\r\nY: "])
def test_a_trailer_without_end_is_refused(begin: bytes) -> None:
    http = receiver(header_bytes_max=500)
    http.feed(TRAILED + begin)
    assert taken(http) == []
    with pytest.raises(HttpRefused) as caught:
        for _ in range(20):
            http.feed(b"a" * 100)
            taken(http)
    assert caught.value.status == 431


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_large_body_in_small_pieces_is_no_large_header(size: int) -> None:
    http = receiver(header_bytes_max=100, body_bytes_max=10_000)
    data = (
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"4\r\nabcd\r\n" * 500
        + b"0\r\n\r\n"
    )
    for start in range(0, len(data), size):
        http.feed(data[start : start + size])
    (request,) = taken(http)
    assert request.body == b"abcd" * 500


def test_an_answer_without_a_body_says_nothing_of_its_length() -> None:
    writer = BytesWriter()
    write_response(writer, 204, b"", b"", fields=b"X: y\r\n")
    assert writer.getvalue() == b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"
