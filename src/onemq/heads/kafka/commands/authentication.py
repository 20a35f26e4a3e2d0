"""SaslHandshake and SaslAuthenticate: the login.

After a handshake of version 0 the mechanism's tokens come in frames without requests around them; of version 1, in
SaslAuthenticate. A principal that is authenticated may do it again, to renew itself or (here) to become another one.
Spec: KIP-43, KIP-152, KIP-368 (re-authentication).
"""

from typing import Final

from librt.strings import BytesWriter, write_i32_be

from onemq.heads.kafka.api import API_VERSIONS
from onemq.heads.kafka.call import LANE, Call
from onemq.heads.kafka.errors import (
    ILLEGAL_SASL_STATE,
    NONE,
    SASL_AUTHENTICATION_FAILED,
    UNSUPPORTED_SASL_MECHANISM,
)
from onemq.heads.kafka.session import Session
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
    from onemq.heads.kafka.messages.cold.sasl_authenticate import (
        SaslAuthenticateResponse,
        read_sasl_authenticate_request,
        write_sasl_authenticate_response,
    )

    request = read_sasl_authenticate_request(call.reader, call.version)
    session = call.session
    response = SaslAuthenticateResponse()
    if session.exchange is None:
        response.error_code = ILLEGAL_SASL_STATE
        response.error_message = "SaslAuthenticate request received before a SaslHandshake request"
    else:
        try:
            response.auth_bytes = _step(session, request.auth_bytes)
        except Refusal as refusal:
            response.error_code = SASL_AUTHENTICATION_FAILED
            response.error_message = "Authentication failed: Invalid username or password"
            session.link.warn(
                "login_refused",
                f"login refused: {refusal.detail or refusal}; check the user and its password in the client and here",
                f"user {refusal.entity}" if refusal.entity_kind == "user" else "",
            )
    writer = call.writer()
    write_sasl_authenticate_response(writer, response, call.version)
    call.send(writer)
    if response.error_code != NONE:
        session.link.close()


def answer_raw(session: Session, token: bytes) -> None:
    """A token of the mechanism, after a handshake of version 0. A failure closes the connection: there is no word for it.
    Raises WireError."""
    try:
        answer = _step(session, token)
    except Refusal as refusal:
        raise WireError(f"authentication failed: {refusal.detail}") from refusal
    writer = BytesWriter()
    write_i32_be(writer, len(answer))
    writer.write(answer)
    session.link.outbox.park(LANE, 0, writer.getvalue())


def _step(session: Session, response: bytes) -> bytes:
    """Raises Refusal AUTHENTICATION_FAILED, NAMESPACE_DENIED."""
    exchange = session.exchange
    assert exchange is not None
    answer = exchange.step(response)
    principal = exchange.principal
    if principal is not None:
        session.exchange = None
        session.raw_login = False
        session.enter(principal)
        session.describe()
    return answer
