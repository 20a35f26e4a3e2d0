"""AWS Signature Version 4: finds a request's signature (header or presigned query string) and checks it.

Must not: know which operation is asked for, read a clock (time is an argument), say who a key belongs to (the gate does).
Spec: AWS Identity and Access Management User Guide, "Create a signed AWS API request", "Signature Version 4 for API requests"
(for services other than S3: the path is normalised and encoded twice).
"""

import hashlib
import hmac
from calendar import timegm
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote_to_bytes

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SKEW_SECONDS: Final = 15 * 60
EXPIRES_SECONDS_MAX: Final = 7 * 24 * 3600
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
SIGNING_KEYS_MAX: Final = 256
"""Derived keys remembered; the cache starts over above it."""

INCOMPLETE: Final = "IncompleteSignature"
MISMATCH: Final = "SignatureDoesNotMatch"
UNKNOWN_KEY: Final = "InvalidClientTokenId"
MISSING: Final = "MissingAuthenticationToken"

_UNRESERVED: Final = "-_.~"
_SIGNATURE_PARAMETER: Final = "X-Amz-Signature"
_SIGNED_NAMES: Final = (b"x-amz-target", b"x-amz-security-token")
"""Fields that have to be signed where they are there: they change what is asked for, and by whom."""


class BadSignature(Exception):
    """The request does not prove who sent it. `code`: AWS's name of the error, one of the four above."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class SignedRequest:
    """The parts of a request that a signature covers. Header names are in lower case; path and query as they were sent."""

    __slots__ = ("body", "headers", "method", "path", "query")

    def __init__(
        self, method: bytes, path: bytes, query: bytes, headers: Mapping[bytes, bytes], body: bytes
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body


class Signature:
    """What a request says about its signature.

    Attributes:
        access_key: id of the key it claims to be signed with.
        date, region, service: of its credential scope.
        signed_headers: names in lower case, in the order in which they were signed.
        signature: in hexadecimal.
        time_text: when it was signed, "20240131T235959Z". expires_seconds: of a presigned one; -1 = signed in the header.
    """

    __slots__ = (
        "access_key",
        "date",
        "expires_seconds",
        "region",
        "service",
        "signature",
        "signed_headers",
        "time_text",
    )

    def __init__(
        self, credential: str, signed_headers: str, signature: str, time_text: str, expires_seconds: int
    ) -> None:
        parts = credential.rsplit("/", 4)
        if len(parts) != 5 or parts[4] != "aws4_request":
            raise BadSignature(
                INCOMPLETE,
                "Credential must have exactly 5 slash-delimited elements, "
                f"e.g. keyid/date/region/service/term, got '{credential}'",
            )
        self.access_key, self.date, self.region, self.service = parts[0], parts[1], parts[2], parts[3]
        self.signed_headers = signed_headers.split(";")
        self.signature = signature
        self.time_text = time_text
        self.expires_seconds = expires_seconds


def find_signature(request: SignedRequest) -> Signature:
    """Reads it from the Authorization header, or else from the query string. Raises BadSignature MISSING, INCOMPLETE."""
    authorization = request.headers.get(b"authorization")
    if authorization is not None:
        return _from_header(authorization.decode("latin-1"), request.headers)
    if _SIGNATURE_PARAMETER.encode() in request.query:
        return _from_query(request.query)
    raise BadSignature(MISSING, "Request is missing Authentication Token")


def _from_header(authorization: str, headers: Mapping[bytes, bytes]) -> Signature:
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise BadSignature(INCOMPLETE, f"Unsupported AWS 'algorithm': '{algorithm}'.")
    found: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if equals:
            found[name] = value
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not found.get(name)]
    time_text = headers.get(b"x-amz-date", b"").decode("latin-1")
    if not time_text:
        time_text = _from_http_date(headers.get(b"date", b"").decode("latin-1"))
    wants = [f"Authorization header requires '{name}' parameter." for name in missing]
    if not time_text:
        wants.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if wants:
        raise BadSignature(INCOMPLETE, f"{' '.join(wants)} Authorization={algorithm}")
    return Signature(found["Credential"], found["SignedHeaders"], found["Signature"], time_text, -1)


def _from_http_date(text: str) -> str:
    try:
        return datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").strftime("%Y%m%dT%H%M%SZ")
    except ValueError:
        return text


def _from_query(query: bytes) -> Signature:
    found: dict[str, str] = {}
    for name, value in _pairs(query):
        found[name.decode("latin-1")] = value.decode("latin-1")
    if found.get("X-Amz-Algorithm") != ALGORITHM:
        raise BadSignature(INCOMPLETE, f"Unsupported AWS 'algorithm': '{found.get('X-Amz-Algorithm', '')}'.")
    wants = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires")
    missing = [f"AWS query-string parameters must include '{name}'." for name in wants if not found.get(name)]
    if missing:
        raise BadSignature(INCOMPLETE, f"{' '.join(missing)} Re-examine the query-string parameters.")
    expires = found["X-Amz-Expires"]
    if not expires.isdecimal() or not expires.isascii() or len(expires) > 9:
        raise BadSignature(INCOMPLETE, "X-Amz-Expires should be a number")
    if int(expires) > EXPIRES_SECONDS_MAX:
        raise BadSignature(INCOMPLETE, "X-Amz-Expires must be less than a week (in seconds)")
    return Signature(
        found["X-Amz-Credential"],
        found["X-Amz-SignedHeaders"],
        found["X-Amz-Signature"],
        found["X-Amz-Date"],
        int(expires),
    )


class Verifier:
    """Checks signatures; remembers the keys it has derived."""

    def __init__(self) -> None:
        self._signing_keys: dict[tuple[str, str, str, str], bytes] = {}

    def check(self, signature: Signature, request: SignedRequest, secret: str, now_ms: int) -> None:
        """Raises BadSignature when it is not the request's, made with `secret`, about now."""
        _check_time(signature, now_ms)
        _check_signed_headers(signature, request)
        canonical = _canonical_request(signature, request)
        scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
        digest = hashlib.sha256(canonical).hexdigest()
        text = f"{ALGORITHM}\n{signature.time_text}\n{scope}\n{digest}".encode("utf-8", "surrogatepass")
        wanted = hmac.new(self._signing_key(signature, secret), text, hashlib.sha256).hexdigest()
        given = signature.signature.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(wanted.encode("ascii"), given):
            raise BadSignature(
                MISMATCH,
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service documentation for details.",
            )

    def _signing_key(self, signature: Signature, secret: str) -> bytes:
        at = (secret, signature.date, signature.region, signature.service)
        known = self._signing_keys.get(at)
        if known is not None:
            return known
        key = ("AWS4" + secret).encode("utf-8", "surrogatepass")
        for part in (signature.date, signature.region, signature.service, "aws4_request"):
            key = hmac.digest(key, part.encode("utf-8", "surrogatepass"), "sha256")
        if len(self._signing_keys) >= SIGNING_KEYS_MAX:
            self._signing_keys.clear()
        self._signing_keys[at] = key
        return key


def _check_time(signature: Signature, now_ms: int) -> None:
    text = signature.time_text
    try:
        signed_at = timegm(datetime.strptime(text, "%Y%m%dT%H%M%SZ").timetuple())
    except ValueError:
        raise BadSignature(
            INCOMPLETE,
            f"Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601",
        ) from None
    if not text.startswith(signature.date):
        raise BadSignature(
            MISMATCH,
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{signature.date}' != '{text[:8]}', from '{text}'.",
        )
    now = now_ms // 1000
    if signed_at > now + SKEW_SECONDS:
        raise BadSignature(
            MISMATCH,
            f"Signature not yet current: {text} is still later than {_basic(now + SKEW_SECONDS)} ({_basic(now)} + 15 min.)",
        )
    if signature.expires_seconds >= 0:
        if now > signed_at + signature.expires_seconds:
            ended = _basic(signed_at + signature.expires_seconds)
            raise BadSignature(MISMATCH, f"Signature expired: {ended} is now earlier than {_basic(now)}")
    elif now > signed_at + SKEW_SECONDS:
        raise BadSignature(
            MISMATCH,
            f"Signature expired: {text} is now earlier than {_basic(now - SKEW_SECONDS)} ({_basic(now)} - 15 min.)",
        )


def _basic(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def _check_signed_headers(signature: Signature, request: SignedRequest) -> None:
    signed = signature.signed_headers
    if "host" not in signed:
        raise BadSignature(
            MISMATCH, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    for name in _SIGNED_NAMES:
        if name in request.headers and name.decode() not in signed:
            raise BadSignature(
                MISMATCH, f"'{name.decode()}' must be a 'SignedHeader' in the AWS Authorization."
            )


def _canonical_request(signature: Signature, request: SignedRequest) -> bytes:
    lines = [request.method, _canonical_path(request.path), _canonical_query(request.query)]
    for name in signature.signed_headers:
        field = name.encode("utf-8", "surrogatepass")
        value = b" ".join(request.headers.get(field, b"").split())
        lines.append(field + b":" + value)
    lines.append(b"")
    lines.append(";".join(signature.signed_headers).encode("utf-8", "surrogatepass"))
    lines.append(_payload_hash(signature, request))
    return b"\n".join(lines)


def _payload_hash(signature: Signature, request: SignedRequest) -> bytes:
    stated = request.headers.get(b"x-amz-content-sha256")
    if stated == UNSIGNED_PAYLOAD.encode() and "x-amz-content-sha256" in signature.signed_headers:
        return stated
    return hashlib.sha256(request.body).hexdigest().encode("ascii")


def _canonical_path(path: bytes) -> bytes:
    """Dots and doubled slashes taken out, and encoded once more as it stands."""
    kept: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            if kept:
                kept.pop()
        elif part not in (b"", b"."):
            kept.append(part)
    normal = b"/" + b"/".join(kept)
    if kept and path.endswith(b"/"):
        normal += b"/"
    return quote(normal, safe="/" + _UNRESERVED).encode("ascii")


def _canonical_query(query: bytes) -> bytes:
    if not query:
        return b""
    encoded: list[tuple[bytes, bytes]] = []
    for name, value in _pairs(query):
        if name != _SIGNATURE_PARAMETER.encode():
            encoded.append((_encoded(name), _encoded(value)))
    encoded.sort()
    return b"&".join(name + b"=" + value for name, value in encoded)


def _encoded(text: bytes) -> bytes:
    return quote(text, safe=_UNRESERVED).encode("ascii")


def _pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values, decoded."""
    found: list[tuple[bytes, bytes]] = []
    for part in query.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            found.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return found
