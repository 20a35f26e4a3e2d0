"""What an operator can do about a refusal: the second half of a log line.

Must not: know a protocol; say anything to a peer.
"""

from typing import Final

from onemq.model.refusal import Reason, Refusal

TOO_LARGE: Final = "too_large"
OPERATION_REFUSED: Final = "operation_refused"
"""Reasons of log lines (docs/logs.md)."""

_ADVICE: Final[dict[Reason, str]] = {
    Reason.ACCESS_DENIED: "if it should be allowed, give the user the permission",
    Reason.NOT_FOUND: "declare it first, or look for a wrong name or namespace",
    Reason.EXISTS_OTHERWISE: "declare it as it stands, or delete it first",
    Reason.LOCKED: "it belongs to another connection alone: use another name",
    Reason.IN_USE: "it can be done once nobody uses it",
    Reason.NOT_EMPTY: "it can be done once it is empty",
    Reason.TOO_LARGE: "send less at once, or raise the limit",
    Reason.LIMIT: "raise the limit, or find out who needs so many",
    Reason.RESERVED_NAME: "use another name",
    Reason.UNKNOWN_DELIVERY: "the client settles twice, or on another channel than it received on",
    Reason.SINGLE_ACTIVE: "wait until the other consumer has gone",
    Reason.OLD_PROTOCOL: "update the client",
}


def advice(reason: Reason) -> str:
    """A clause; "" where the refusal itself says all."""
    return _ADVICE.get(reason, "")


def refusal_line(refusal: Refusal, text: str) -> tuple[str, str, str]:
    """Arguments of `Link.warn`: reason, text with what to do, entity. text: what was refused, in the protocol's words."""
    reason = TOO_LARGE if refusal.reason == Reason.TOO_LARGE else OPERATION_REFUSED
    what_to_do = advice(refusal.reason)
    entity = f"{refusal.entity_kind} {refusal.entity}".strip()
    return reason, f"{text}; {what_to_do}" if what_to_do else text, entity
