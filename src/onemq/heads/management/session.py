"""What all requests of one connection share: the link, the gate, and who logged in last.

Must not: know any route; decide about rights (the Access does).
"""

import base64
import binascii
from typing import Final

from onemq.auth.gate import Gate
from onemq.heads.advice import OPERATION_REFUSED, advice
from onemq.heads.contract import Link
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal
from onemq.wire.http import HttpRequest

_BASIC: Final = b"basic "
_SAFE: Final = (b"GET", b"HEAD", b"OPTIONS")


class Session:
    """One connection.

    Attributes:
        answer_bytes: answers made since the last one had left when a request was taken.
        lost: the connection is gone.
        user: who logged in last, "" before.
    """

    __slots__ = ("answer_bytes", "gate", "link", "lost", "user")

    def __init__(self, link: Link, gate: Gate) -> None:
        self.link = link
        self.gate = gate
        self.answer_bytes = 0
        self.lost = False
        self.user = ""

    def login(self, request: HttpRequest) -> Principal | None:
        """Who sent the request (RFC 7617); None: nobody, or not with this password. Every request is asked anew: users change."""
        field = request.headers.get(b"authorization", b"")
        if field[:6].lower() != _BASIC:
            return None
        try:
            text = base64.b64decode(field[6:].strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return None
        name, separator, password = text.partition(":")
        if not separator:
            return None
        try:
            principal = self.gate.login_plain(name, password, self.link.peer)
        except Refusal as refusal:
            self.link.warn(
                "login_refused",
                f"login refused: {refusal.detail or refusal}; check the user and its password",
                f"user {name}",
            )
            return None
        if principal.name != self.user:
            self.user = principal.name
            self.link.describe(principal.name, "")
        return principal

    def tell_denied(self, request: HttpRequest, principal: Principal, text: str) -> None:
        """A request that was refused before it came to the engine: a line in the log, and, if it was to change something, in the
        audit log."""
        method = request.method.decode("latin-1")
        path = request.target.partition(b"?")[0].decode("latin-1")
        self.link.warn(
            OPERATION_REFUSED,
            f"{method} {path}: {text}; {advice(Reason.ACCESS_DENIED)}, or the tag",
            f"user {principal.name}",
        )
        if request.method not in _SAFE:
            self.gate.note_denied(principal, self.link.peer, method.lower(), path, text)


def is_foreign(request: HttpRequest) -> bool:
    """A page of somewhere else has its reader's browser change something here, with the login that the browser remembers."""
    origin = request.headers.get(b"origin")
    if origin is None or request.method in _SAFE:
        return False
    return origin.partition(b"://")[2] != request.headers.get(b"host", b"")
