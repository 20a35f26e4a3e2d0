"""What an operator's request can be answered with instead of a result, and the status of every Refusal.

Each area (RabbitMQ's API, ours) writes problems in its own form; it may map some refusals otherwise.
"""

from typing import Final

from onemq.model.refusal import Reason, Refusal


class Problem(Exception):
    """A request that cannot be done.

    Attributes:
        status: of HTTP. kind: for programs ("not_found"). text: for people.
        fields: more header fields, each with its CRLF.
        value: instead of the text where an area wants something else than text; None: the text.
    """

    def __init__(self, status: int, kind: str, text: str, fields: bytes = b"", value: object = None) -> None:
        super().__init__(f"{status} {kind}: {text}")
        self.status = status
        self.kind = kind
        self.text = text
        self.fields = fields
        self.value = value


_STATUSES: Final[dict[Reason, tuple[int, str]]] = {
    Reason.NOT_FOUND: (404, "not_found"),
    Reason.ACCESS_DENIED: (403, "access_denied"),
    Reason.EXISTS_OTHERWISE: (409, "exists_otherwise"),
    Reason.LOCKED: (409, "locked"),
    Reason.IN_USE: (409, "in_use"),
    Reason.NOT_EMPTY: (409, "not_empty"),
    Reason.ALREADY_EXISTS: (409, "already_exists"),
    Reason.SINGLE_ACTIVE: (409, "consumed_exclusively"),
    Reason.GROUP_NOT_EMPTY: (409, "not_empty"),
    Reason.GROUP_SUBSCRIBED: (409, "in_use"),
    Reason.UNKNOWN_DELIVERY: (409, "unknown_delivery"),
    Reason.TOO_LARGE: (413, "too_large"),
    Reason.LIMIT: (409, "limit_reached"),
    Reason.NAMESPACE_DENIED: (403, "access_denied"),
    Reason.AUTHENTICATION_FAILED: (401, "not_authorised"),
}
"""All others are 400: the request asks for something that cannot be."""

_SENTENCES: Final[dict[Reason, str]] = {
    Reason.NOT_FOUND: "does not exist",
    Reason.ACCESS_DENIED: "is not yours to {detail}",
    Reason.LOCKED: "belongs exclusively to a connection",
    Reason.IN_USE: "is in use",
    Reason.NOT_EMPTY: "is not empty",
    Reason.ALREADY_EXISTS: "is there already",
    Reason.SINGLE_ACTIVE: "is consumed exclusively",
    Reason.RESERVED_NAME: "is a name that the broker keeps for itself",
    Reason.NOT_SUPPORTED: "cannot do that",
    Reason.TOO_LARGE: "is too large",
    Reason.LIMIT: "would be one too many",
}


def problem_of(refusal: Refusal) -> Problem:
    """Status, kind and sentence of a refusal."""
    reason = refusal.reason
    if reason == Reason.NAMESPACE_DENIED and refusal.detail == "not found":
        return Problem(404, "not_found", f"namespace '{refusal.entity}' does not exist")
    status, kind = _STATUSES.get(reason, (400, reason.name.lower()))
    return Problem(status, kind, sentence_of(refusal))


def sentence_of(refusal: Refusal) -> str:
    """For people, without the words of any protocol."""
    reason = refusal.reason
    subject = f"{refusal.entity_kind} '{refusal.entity}'".strip() if refusal.entity_kind else "this"
    if reason == Reason.AUTHENTICATION_FAILED:
        return "login failed"
    if reason == Reason.NAMESPACE_DENIED:
        return f"namespace '{refusal.entity}' is not yours to enter"
    if reason == Reason.EXISTS_OTHERWISE:
        return f"{subject} exists with another {refusal.detail}: {refusal.actual} instead of {refusal.wanted}"
    known = _SENTENCES.get(reason)
    if known is not None:
        text = f"{subject} {known.format(detail=refusal.detail or 'use')}"
        return text if reason == Reason.ACCESS_DENIED or not refusal.detail else f"{text}: {refusal.detail}"
    text = f"{subject}: {reason.name.lower().replace('_', ' ')}"
    if refusal.detail:
        text += f", {refusal.detail}"
    if refusal.wanted:
        text += f", asked for {refusal.wanted}"
    return text
