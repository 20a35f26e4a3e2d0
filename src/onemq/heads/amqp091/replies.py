"""Refusals in AMQP's words: every reason to a reply code and RabbitMQ's text, and whether the connection ends.

Must not: decide whether something is refused (the engine does).
Spec: AMQP 0-9-1 section 1.2 (reply codes); the wording is RabbitMQ 4's.
"""

from typing import Final

from mypy_extensions import mypyc_attr

from onemq.heads.amqp091.frames import (
    ACCESS_REFUSED,
    CHANNEL_ERROR,
    COMMAND_INVALID,
    CONNECTION_FORCED,
    FRAME_ERROR,
    INTERNAL_ERROR,
    INVALID_PATH,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
    RESOURCE_ERROR,
    RESOURCE_LOCKED,
    SYNTAX_ERROR,
    UNEXPECTED_FRAME,
    reply_text,
)
from onemq.model.refusal import Reason, Refusal, Scope

HARD_ERRORS: Final = frozenset(
    (
        CONNECTION_FORCED,
        INVALID_PATH,
        FRAME_ERROR,
        SYNTAX_ERROR,
        COMMAND_INVALID,
        CHANNEL_ERROR,
        UNEXPECTED_FRAME,
        RESOURCE_ERROR,
        NOT_ALLOWED,
        NOT_IMPLEMENTED,
        INTERNAL_ERROR,
    )
)
"""Codes that end the connection; every other one ends its channel only."""

CODES: Final[dict[Reason, int]] = {
    Reason.NOT_FOUND: NOT_FOUND,
    Reason.ACCESS_DENIED: ACCESS_REFUSED,
    Reason.EXISTS_OTHERWISE: PRECONDITION_FAILED,
    Reason.LOCKED: RESOURCE_LOCKED,
    Reason.IN_USE: PRECONDITION_FAILED,
    Reason.NOT_EMPTY: PRECONDITION_FAILED,
    Reason.INVALID: PRECONDITION_FAILED,
    Reason.TOO_LARGE: PRECONDITION_FAILED,
    Reason.LIMIT: PRECONDITION_FAILED,
    Reason.RESERVED_NAME: ACCESS_REFUSED,
    Reason.NOT_SUPPORTED: NOT_IMPLEMENTED,
    Reason.UNKNOWN_DELIVERY: PRECONDITION_FAILED,
    Reason.NAMESPACE_DENIED: NOT_ALLOWED,
    Reason.AUTHENTICATION_FAILED: ACCESS_REFUSED,
    Reason.SINGLE_ACTIVE: ACCESS_REFUSED,
}
"""The one table. Reasons that only other protocols' commands can have (from ALREADY_EXISTS on) are PRECONDITION_FAILED."""


def code_of(reason: Reason) -> int:
    return CODES[reason] if reason < Reason.ALREADY_EXISTS else CODES.get(reason, PRECONDITION_FAILED)


_LIMIT_TEXTS: Final = {
    "max-connections": "connection refused for user '{name}': user connection limit ({limit}) is reached",
    "vhost": "access to vhost '{name}' refused for user '{user}': connection limit ({limit}) is reached",
    "max-channels": "number of channels opened for user '{name}' has reached the maximum allowed user limit of ({limit})",
    "max-queues": "cannot declare queue '{name}': queue limit in vhost '{vhost}' ({limit}) is reached",
}
"""By the name of the limit; a vhost's limit of connections has words of its own."""
_STREAM_HAS_NO: Final = {
    "purge": "queue.purge",
    "basic.get": "basic.get",
    "no_ack": "automatic acknowledgement",
}


@mypyc_attr(native_class=False)
class AmqpRefusal(Exception):
    """A command that AMQP itself forbids here: channel.close or connection.close with this code, by HARD_ERRORS.

    Attributes:
        code: reply code. explanation: the text without the code's name.
    """

    def __init__(self, code: int, explanation: str) -> None:
        super().__init__(f"{code} {explanation}")
        self.code = code
        self.explanation = explanation


class Reply:
    """What a close frame says. `closes_connection` tells which of the two close frames."""

    __slots__ = ("closes_connection", "code", "text")

    def __init__(self, code: int, explanation: str, closes_connection: bool) -> None:
        self.code = code
        self.text = reply_text(code, explanation)
        self.closes_connection = closes_connection


def entity_text(kind: str, name: str, vhost: str) -> str:
    """An entity as RabbitMQ names it: queue 'q' in vhost '/'."""
    return f"{kind} '{name}' in vhost '{vhost}'"


def refusal_reply(refusal: Refusal, vhost: str, user: str) -> Reply:
    """Code and text for a refusal of the engine."""
    code = code_of(refusal.reason)
    if refusal.reason == Reason.LIMIT and refusal.scope == Scope.CONNECTION:
        code = NOT_ALLOWED
    text = _explanation(refusal, vhost, user)
    return Reply(code, text, code in HARD_ERRORS or refusal.scope == Scope.CONNECTION)


def amqp_reply(refusal: AmqpRefusal) -> Reply:
    """Code and text for a refusal of the head itself."""
    return Reply(refusal.code, refusal.explanation, refusal.code in HARD_ERRORS)


def _explanation(refusal: Refusal, vhost: str, user: str) -> str:
    reason = refusal.reason
    if reason == Reason.NAMESPACE_DENIED:
        return _namespace_text(refusal, vhost, user)
    if reason == Reason.AUTHENTICATION_FAILED:
        return refusal.detail or "Login was refused"
    entity = entity_text(refusal.entity_kind, refusal.entity, vhost)
    if reason == Reason.NOT_FOUND:
        return f"no {entity}" if refusal.entity_kind else refusal.detail
    if reason == Reason.ACCESS_DENIED:
        return _denied_text(refusal, entity, vhost, user)
    if reason == Reason.EXISTS_OTHERWISE:
        wanted, actual = _compared(refusal.wanted, refusal.actual)
        return f"inequivalent arg '{refusal.detail}' for {entity}: received {wanted} but current is {actual}"
    if reason == Reason.LOCKED:
        return (
            f"cannot obtain exclusive access to locked {entity}. It could be originally declared on another "
            "connection or the exclusive property value does not match that of the original declaration."
        )
    if reason == Reason.IN_USE:
        return f"{entity} in use"
    if reason == Reason.NOT_EMPTY:
        return f"{entity} not empty"
    if reason == Reason.RESERVED_NAME:
        return f"{refusal.entity_kind} name '{refusal.entity}' contains reserved prefix 'amq.*'"
    if reason == Reason.SINGLE_ACTIVE:
        return f"{entity} in exclusive use"
    if reason == Reason.TOO_LARGE:
        return f"message size {refusal.wanted} is larger than configured max size {refusal.actual}"
    if reason == Reason.UNKNOWN_DELIVERY:
        return f"unknown delivery tag {refusal.entity}".rstrip()
    return _free_text(refusal, entity, vhost, user)


def _free_text(refusal: Refusal, entity: str, vhost: str, user: str) -> str:
    """INVALID, LIMIT, NOT_SUPPORTED: the engine's own words."""
    if refusal.reason == Reason.LIMIT and refusal.detail in _LIMIT_TEXTS:
        text = _LIMIT_TEXTS[refusal.detail if refusal.entity_kind != "namespace" else "vhost"]
        return text.format(name=refusal.entity, vhost=vhost, user=user, limit=refusal.wanted)
    if refusal.reason == Reason.NOT_SUPPORTED and refusal.detail in _STREAM_HAS_NO:
        return f"{_STREAM_HAS_NO[refusal.detail]} not supported by stream queues {entity}"
    if refusal.detail:
        return refusal.detail
    if refusal.entity_kind:
        return f"{refusal.reason.name.lower()} for {entity}"
    return refusal.reason.name.lower()


def _namespace_text(refusal: Refusal, vhost: str, user: str) -> str:
    name = refusal.entity or vhost
    if "not found" in refusal.detail or "no such" in refusal.detail or "does not exist" in refusal.detail:
        return f"vhost {name} not found"
    return f"access to vhost '{name}' refused for user '{user}'"


def _denied_text(refusal: Refusal, entity: str, vhost: str, user: str) -> str:
    detail = refusal.detail
    if detail == "internal":
        return f"cannot publish to internal {entity}"
    if detail == "default":
        return "operation not permitted on the default exchange"
    if refusal.entity_kind == "exchange" and refusal.entity == "":
        entity = entity.replace("''", "'amq.default'", 1)
    if refusal.entity_kind == "topic":
        exchange = entity_text("exchange", refusal.wanted, vhost)
        return f"{detail} access to topic '{refusal.entity}' in {exchange} refused for user '{user}'"
    if detail in ("configure", "write", "read"):
        return f"{detail} access to {entity} refused for user '{user}'"
    if refusal.entity_kind == "" and detail:
        return detail
    return f"access to {entity} refused for user '{user}'"


def _compared(wanted: str, actual: str) -> tuple[str, str]:
    """RabbitMQ names the types only where one of the two is missing."""
    first, second = _typed_value(wanted), _typed_value(actual)
    if first is not None and second is not None:
        return f"'{first}'", f"'{second}'"
    return _quoted(wanted), _quoted(actual)


def _typed_value(text: str) -> str | None:
    """5 out of: the value '5' of type 'signedint'."""
    end = text.rfind("' of type '")
    if not text.startswith("the value '") or end < 0:
        return None
    return text[11:end]


def _quoted(value: str) -> str:
    """A value as RabbitMQ prints it in an inequivalence: 'true', none, or the value '5' of type 'signedint'."""
    if value in ("none", "") or value.startswith(("the value ", "'")):
        return value or "none"
    return f"'{value}'"
