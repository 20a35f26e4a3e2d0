"""SaslHandshake and SaslAuthenticate: the login.

After a handshake of version 0 the mechanism's tokens come in frames without requests around them; of version 1, in
SaslAuthenticate. A principal that is authenticated may do it again, to renew itself or (here) to become another one.
Spec: KIP-43, KIP-152, KIP-368 (re-authentication).
"""

from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter, write_i32_be

from onemq.auth.exchange import SaslExchange
from onemq.heads.kafka.api import API_VERSIONS
from onemq.heads.kafka.call import Call, Canceller
from onemq.heads.kafka.errors import (
    ILLEGAL_SASL_STATE,
    NONE,
    SASL_AUTHENTICATION_FAILED,
    UNSUPPORTED_SASL_MECHANISM,
)
from onemq.model.refusal import Refusal, WireError

SASL_HANDSHAKE: Final = 17
SASL_AUTHENTICATE: Final = 36
LOGIN_KEYS: Final = frozenset((API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE))
"""What is served before authentication."""

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def handle_sasl_handshake(call: Call) -> None:
    from onemq.heads.kafka.messages.cold.sasl_handshake import (
        SaslHandshakeResponse,
        read_sasl_handshake_request,
        write_sasl_handshake_response,
    )

    request = read_sasl_handshake_request(call.reader, call.version)
    session = call.session
    error_code = NONE
    if session.exchange is not None:
        error_code = ILLEGAL_SASL_STATE
    elif request.mechanism not in MECHANISMS:
        error_code = UNSUPPORTED_SASL_MECHANISM
        session.link.warn(
            "login_refused",
            f"SASL mechanism {request.mechanism[:50]!r} is not supported: set sasl.mechanism in the client to one of "
            + ", ".join(MECHANISMS),
        )
    else:
        session.exchange = session.gate.sasl_exchange(request.mechanism, session.peer)
        session.raw_login = call.version == 0
    writer = call.writer()
    response = SaslHandshakeResponse(error_code=error_code, mechanisms=list(MECHANISMS))
    write_sasl_handshake_response(writer, response, call.version)
    call.send(writer)
    if error_code != NONE:
        session.link.close()


def handle_sasl_authenticate(call: Call) -> None:
    from onemq.heads.kafka.messages.cold.sasl_authenticate import read_sasl_authenticate_request

    request = read_sasl_authenticate_request(call.reader, call.version)
    session = call.session
    if session.exchange is None:
        _refuse(call, ILLEGAL_SASL_STATE, "SaslAuthenticate request received before a SaslHandshake request")
        return
    try:
        _step(call, request.auth_bytes, _answer)
    except Refusal as refusal:
        session.link.warn(
            "login_refused",
            f"login refused: {refusal.detail or refusal}; check the user and its password in the client and here",
            f"user {refusal.entity}" if refusal.entity_kind == "user" else "",
        )
        _refuse(call, SASL_AUTHENTICATION_FAILED, "Authentication failed: Invalid username or password")


def _answer(call: Call, token: bytes) -> None:
    from onemq.heads.kafka.messages.cold.sasl_authenticate import (
        SaslAuthenticateResponse,
        write_sasl_authenticate_response,
    )

    writer = call.writer()
    write_sasl_authenticate_response(writer, SaslAuthenticateResponse(auth_bytes=token), call.version)
    call.send(writer)


def _refuse(call: Call, code: int, message: str) -> None:
    from onemq.heads.kafka.messages.cold.sasl_authenticate import (
        SaslAuthenticateResponse,
        write_sasl_authenticate_response,
    )

    writer = call.writer()
    response = SaslAuthenticateResponse(error_code=code, error_message=message)
    write_sasl_authenticate_response(writer, response, call.version)
    call.send(writer)
    call.session.link.close()


def answer_raw(call: Call, token: bytes) -> None:
    """A token of the mechanism, after a handshake of version 0. A failure closes the connection: there is no word for it.
    Raises WireError."""
    try:
        _step(call, token, _answer_raw)
    except Refusal as refusal:
        raise WireError(f"authentication failed: {refusal.detail}") from refusal


def _answer_raw(call: Call, token: bytes) -> None:
    writer = BytesWriter()
    write_i32_be(writer, 0)
    writer.write(token)
    call.send(writer)


def _step(call: Call, response: bytes, answer: Callable[[Call, bytes], None]) -> None:
    """Answers now, or when what takes long is done. Raises Refusal AUTHENTICATION_FAILED, NAMESPACE_DENIED."""
    session = call.session
    exchange = session.exchange
    assert exchange is not None
    token = exchange.step(response)
    work = exchange.work
    if work is not None:
        deriving = _Deriving(call, exchange, answer)
        call.canceller = deriving
        session.worker.compute(work, deriving.done)
        return
    principal = exchange.principal
    if principal is not None:
        session.exchange = None
        session.raw_login = False
        session.enter(principal)
        session.describe()
    answer(call, token)


class _Deriving(Canceller):
    """A login that waits for what is derived of its user's password."""

    def __init__(self, call: Call, exchange: SaslExchange, answer: Callable[[Call, bytes], None]) -> None:
        super().__init__()
        self._call = call
        self._exchange = exchange
        self._answer = answer
        self._cancelled = False

    def done(self) -> None:
        if self._cancelled:
            return
        try:
            self._answer(self._call, self._exchange.resume())
        except Exception as error:
            self._call.fail(error)

    def cancel(self) -> None:
        self._cancelled = True
