"""What all requests of one connection share.

Must not: know any operation; decide about rights or limits (the Access does).
"""

from typing import Final

from mypy_extensions import i64

from onemq.auth.gate import Gate
from onemq.auth.sigv4 import BadSignature, SignedRequest, find_signature
from onemq.engine.access import Access
from onemq.heads.aws.errors import coral_error, invalid_signature
from onemq.heads.aws.settings import AwsSettings
from onemq.heads.aws.urls import DEFAULT_REGION, clean_region, queue_name
from onemq.heads.contract import HeldUp, Link
from onemq.model.principal import Principal
from onemq.model.refusal import Refusal
from onemq.wire.http import HttpRequest

ACCESSES_MAX: Final = 8
"""Principals whose way into the engine a connection keeps: clients sign all requests of a connection with one key."""
TRACE_BYTES_MAX: Final = 500
"""What SQS keeps of a trace header."""
QUEUE_URL_CHARACTERS_MAX: Final = 300
"""Longer ones are not kept to be compared with the next."""
LOCAL_NAMES: Final = (b"localhost", b"127.0.0.1", b"[::1]")
NOBODY: Final = Principal("", [])


class Session:
    """One connection.

    Attributes:
        scheme: "http" or "https": how the peer reached us.
        publishing: the net knows that this peer publishes. blocked: an alarm holds it up.
        answer_bytes: answers made since the last one had left when a request was taken.
        lost: the connection is gone. signed: the last request had to be, and was. user_agent, trace: of the last request, too; `trace` is
            X-Ray's header (X-Amzn-Trace-Id).
    """

    __slots__ = (
        "_accesses",
        "_anonymous",
        "_queue_name",
        "_queue_url",
        "_scope",
        "_signer",
        "answer_bytes",
        "gate",
        "link",
        "lost",
        "blocked",
        "publishing",
        "scheme",
        "settings",
        "signed",
        "trace",
        "user_agent",
    )

    def __init__(self, link: Link, gate: Gate, settings: AwsSettings) -> None:
        self.link = link
        self.gate = gate
        self.settings = settings
        self.scheme = "https" if link.peer.tls else "http"
        self.publishing = False
        self.blocked = False
        self.answer_bytes: i64 = 0
        self.lost = False
        self.signed = False
        self.trace = b""
        self.user_agent = b""
        self._accesses: dict[str, Access] = {}
        self._anonymous: Access | None = None
        self._signer = b""
        self._scope = (DEFAULT_REGION, "")
        self._queue_url = ""
        self._queue_name = ""

    def scope(self, request: HttpRequest, query: bytes) -> tuple[str, str]:
        """As `credential_scope`, which is asked once while the requests say the same."""
        authorization = request.headers.get(b"authorization")
        if authorization is None:
            return credential_scope(request, query)
        if self._signer and authorization.startswith(self._signer):
            return self._scope
        start = authorization.find(b"Credential=")
        end = authorization.find(b",", start)
        if start < 0 or end < 0:
            return credential_scope(request, query)
        self._scope = credential_scope(request, query)
        # All up to the comma behind the credential: what begins so has the same one.
        self._signer = authorization[: end + 1]
        return self._scope

    def queue_name(self, url: str) -> str:
        """As in urls.py, where it is asked once while the requests name the same."""
        if url != self._queue_url:
            if len(url) > QUEUE_URL_CHARACTERS_MAX:
                return queue_name(url)
            self._queue_name = queue_name(url)
            self._queue_url = url
        return self._queue_name

    def enter(self, request: HttpRequest, path: bytes, query: bytes) -> Access:
        """The way into the engine of whoever sent the request. Raises AwsError."""
        # Asked each time: users may come while the connection lasts.
        self.signed = self.gate.needs_login()
        anonymous = self._anonymous
        if anonymous is not None and b"origin" not in request.headers and not self.signed:
            return anonymous
        try:
            if not self.signed:
                _check_origin(request)
                anonymous = self._access(self.gate.anonymous(self.link.peer))
                self._anonymous = anonymous
                return anonymous
            signed = SignedRequest(request.method, path, query, request.headers, request.body)
            signature = find_signature(signed)
            return self._access(self.gate.login_signed(signature, signed, self.link.peer, self.gate.now_ms()))
        except BadSignature as error:
            self.link.warn(
                "login_refused",
                f"request refused: {error.code}: {error}; check the access key and its secret in the client and [users] here, and "
                "both clocks",
            )
            raise invalid_signature(error.code, str(error)) from None
        except Refusal as refusal:
            self.link.warn(
                "login_refused",
                f"request refused: {refusal.detail or refusal}; check the access key in the client and [users] here",
                f"user {refusal.entity}" if refusal.entity_kind == "user" else "",
            )
            raise invalid_signature(
                "InvalidClientTokenId", "The security token included in the request is invalid."
            ) from None

    def enter_unsigned(self) -> Access:
        """For operations that prove themselves otherwise (by a token): a way in without any right."""
        return self._access(NOBODY)

    def _access(self, principal: Principal) -> Access:
        known = self._accesses.get(principal.name)
        if known is not None:
            return known
        if len(self._accesses) >= ACCESSES_MAX:
            self._close_all()
        access = self.gate.enter_ruled(principal, self.settings.namespace, self.link.peer, "aws")
        self._accesses[principal.name] = access
        self.link.describe(self.user(), self.settings.namespace)
        return access

    def leave(self) -> None:
        """Gives back everything that the connection holds in the engine."""
        self._close_all()

    def _close_all(self) -> None:
        self._anonymous = None
        for access in self._accesses.values():
            access.close()
        self._accesses.clear()

    def user(self) -> str:
        """Who sent requests here so far; several names are joined by commas."""
        return ",".join(name for name in self._accesses if name)

    def trace_header(self) -> str:
        """X-Ray's header of the last request, "" without."""
        return self.trace[:TRACE_BYTES_MAX].decode("latin-1") if self.trace else ""

    def tell_too_large(self, operation: str, size: int, most: int, entity: str = "") -> None:
        """A message that is refused for its size is a line in the log."""
        self.link.warn(
            "too_large",
            f"{operation}: {size} bytes, at most {most} are taken; send less, or put the body elsewhere and its place into the message",
            entity,
        )

    def publishes(self) -> None:
        """Called by every operation that publishes, before it does anything: under an alarm publishers are held up. Raises HeldUp."""
        if not self.publishing:
            self.publishing = True
            self.link.publishes()
        if self.blocked:
            raise HeldUp


def _check_origin(request: HttpRequest) -> None:
    """Without credentials a page from anywhere could have its reader's browser post to us: only pages of this machine may.
    Raises AwsError."""
    origin = request.headers.get(b"origin")
    if origin is None:
        return
    host = origin.partition(b"://")[2]
    host = host[: host.find(b"]") + 1] if host.startswith(b"[") else host.partition(b":")[0]
    if host not in LOCAL_NAMES:
        raise coral_error(
            "AccessDeniedException",
            f"Pages of {origin.decode('latin-1')} may not send requests while no users are configured.",
            403,
            "AccessDenied",
        )


def credential_scope(request: HttpRequest, query: bytes) -> tuple[str, str]:
    """Region and service that the request was signed for, whether or not the signature is any good; ("us-east-1", "") without."""
    authorization = request.headers.get(b"authorization")
    if authorization is not None:
        start = authorization.find(b"Credential=")
        if start < 0:
            return DEFAULT_REGION, ""
        end = authorization.find(b",", start)
        scope = authorization[start + 11 : end if end >= 0 else len(authorization)].split(b"/")
    elif b"X-Amz-Credential=" in query:
        start = query.find(b"X-Amz-Credential=")
        end = query.find(b"&", start)
        text = query[start + 17 : end if end >= 0 else len(query)]
        scope = text.replace(b"%2F", b"/").replace(b"%2f", b"/").split(b"/")
    else:
        return DEFAULT_REGION, ""
    if len(scope) < 5:
        return DEFAULT_REGION, ""
    return clean_region(scope[-3].decode("latin-1")), scope[-2].decode("latin-1")
