"""Signatures made by botocore's own signers, and what is wrong with others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from onemq.auth.sigv4 import (
    INCOMPLETE,
    MISMATCH,
    MISSING,
    SKEW_SECONDS,
    BadSignature,
    SignedRequest,
    Verifier,
    find_signature,
)
from unit.auth.signing import sign

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def signed(
    url: str,
    method: str = "POST",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    presigned_seconds: int = 0,
) -> SignedRequest:
    """As botocore would send it at NOW."""
    target, fields = sign(
        url,
        ("AKIAEXAMPLE", SECRET),
        NOW_MS,
        method=method,
        body=body,
        headers=headers,
        presigned_seconds=presigned_seconds,
    )
    path, _, query = target.partition("?")
    found = {name.lower().encode(): value.encode() for name, value in fields.items()}
    return SignedRequest(method.encode(), path.encode(), query.encode(), found, body)


def check(request: SignedRequest, now_ms: int = NOW_MS, secret: str = SECRET) -> None:
    Verifier().check(find_signature(request), request, secret, now_ms)


def refusal(request: SignedRequest, now_ms: int = NOW_MS, secret: str = SECRET) -> tuple[str, str]:
    with pytest.raises(BadSignature) as caught:
        check(request, now_ms, secret)
    return caught.value.code, str(caught.value)


BODY = b'{"QueueUrl":"http://localhost:4566/000000000000/q","MessageBody":"\xc3\xa4"}'
TARGET = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}


def test_what_the_header_says() -> None:
    found = find_signature(signed("http://localhost:4566/", body=BODY, headers=TARGET))
    assert (found.access_key, found.region, found.service) == ("AKIAEXAMPLE", "eu-west-3", "sqs")
    assert (found.date, found.time_text, found.expires_seconds) == ("20260304", "20260304T050607Z", -1)
    assert "x-amz-target" in found.signed_headers


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:4566/",
        "http://localhost:4566/000000000000/a-queue.fifo",
        "http://localhost:4566/queue/eu-west-3/1/a%20b%2Fc/",
        "http://localhost:4566//a/./b/../c",
        "http://localhost:4566/x?Action=SendMessage&MessageBody=a%20b%2Bc%C3%A4&Empty=&a=2&a=1&A=~-_.",
    ],
)
@pytest.mark.parametrize("body", [b"", BODY])
def test_signed_in_the_header(url: str, body: bytes) -> None:
    check(signed(url, body=body, headers=TARGET))


def test_spaces_in_signed_fields() -> None:
    check(signed("http://h/", headers={"X-Amz-Meta": "  a   b  c "}))


def test_presigned() -> None:
    request = signed(
        "http://localhost:4566/0/q?Action=ReceiveMessage&MaxNumberOfMessages=10&AttributeName.1=All",
        "GET",
        presigned_seconds=60,
    )
    assert b"authorization" not in request.headers
    check(request)
    check(request, NOW_MS + 60_000)
    code, text = refusal(request, NOW_MS + 61_000)
    assert (code, text) == (
        MISMATCH,
        "Signature expired: 20260304T050707Z is now earlier than 20260304T050708Z",
    )
    request.query = request.query.replace(b"ReceiveMessage", b"PurgeQueue")
    assert refusal(request)[0] == MISMATCH


def test_a_payload_that_is_not_signed() -> None:
    unsigned = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    request = signed("http://h/", body=b"one", headers=unsigned)
    request.body = b"another"
    check(request)
    # Saying so is not enough: it has to be said under the signature.
    request = signed("http://h/", body=b"one")
    request.headers = {**request.headers, b"x-amz-content-sha256": b"UNSIGNED-PAYLOAD"}
    request.body = b"another"
    assert refusal(request)[0] == MISMATCH


def test_whatever_is_changed_does_not_fit() -> None:
    for change in ("body", "path", "method", "query", "host", "secret"):
        request = signed("http://localhost:4566/a?b=c", body=BODY, headers=TARGET)
        secret = SECRET
        if change == "body":
            request.body += b" "
        elif change == "path":
            request.path = b"/b"
        elif change == "method":
            request.method = b"GET"
        elif change == "query":
            request.query = b"b=d"
        elif change == "host":
            request.headers = {**request.headers, b"host": b"elsewhere"}
        else:
            secret = "another"
        code, text = refusal(request, secret=secret)
        assert (code, "does not match the signature you provided" in text) == (MISMATCH, True), change


def test_the_clock() -> None:
    request = signed("http://h/", body=BODY)
    skew_ms = SKEW_SECONDS * 1000
    check(request, NOW_MS + skew_ms)
    check(request, NOW_MS - skew_ms)
    assert refusal(request, NOW_MS + skew_ms + 1000) == (
        MISMATCH,
        "Signature expired: 20260304T050607Z is now earlier than 20260304T050608Z (20260304T052108Z - 15 min.)",
    )
    assert refusal(request, NOW_MS - skew_ms - 1000) == (
        MISMATCH,
        "Signature not yet current: 20260304T050607Z is still later than 20260304T050606Z (20260304T045106Z + 15 min.)",
    )


def altered(name: bytes, old: bytes, new: bytes, **given: Any) -> SignedRequest:
    request = signed("http://h/", body=BODY, headers=TARGET, **given)
    headers = dict(request.headers)
    assert old in headers[name]
    headers[name] = headers[name].replace(old, new)
    request.headers = headers
    return request


def test_incomplete_signatures() -> None:
    nothing = SignedRequest(b"POST", b"/", b"", {b"host": b"h"}, b"")
    assert refusal(nothing) == (MISSING, "Request is missing Authentication Token")
    code, text = refusal(altered(b"authorization", b"AWS4-HMAC-SHA256", b"Basic"))
    assert (code, text) == (INCOMPLETE, "Unsupported AWS 'algorithm': 'Basic'.")
    code, text = refusal(altered(b"authorization", b"Signature=", b"Nothing="))
    assert (code, "requires 'Signature' parameter" in text) == (INCOMPLETE, True)
    code, text = refusal(altered(b"authorization", b"/aws4_request", b""))
    assert (code, "5 slash-delimited elements" in text) == (INCOMPLETE, True)
    code, text = refusal(altered(b"x-amz-date", b"20260304T050607Z", b"yesterday"))
    assert (code, "ISO-8601" in text) == (INCOMPLETE, True)
    code, text = refusal(altered(b"authorization", b"/20260304/", b"/20260303/"))
    assert (code, "Credential scope does not match" in text) == (MISMATCH, True)


def test_what_has_to_be_signed() -> None:
    code, text = refusal(altered(b"authorization", b";host", b""))
    assert (code, "'Host'" in text) == (MISMATCH, True)
    request = signed("http://h/", body=BODY)
    request.headers = {**request.headers, b"x-amz-target": b"AmazonSQS.PurgeQueue"}
    code, text = refusal(request)
    assert (code, "'x-amz-target' must be" in text) == (MISMATCH, True)


def test_presigned_for_too_long() -> None:
    request = signed("http://h/", "GET", presigned_seconds=60)
    request.query = request.query.replace(b"X-Amz-Expires=60", b"X-Amz-Expires=604801")
    assert "less than a week" in refusal(request)[1]
    request.query = request.query.replace(b"X-Amz-Expires=604801", b"X-Amz-Expires=x")
    assert "should be a number" in refusal(request)[1]
    request.query = request.query.replace(b"X-Amz-Date", b"X-Amz-Day")
    assert "must include 'X-Amz-Date'" in refusal(request)[1]
