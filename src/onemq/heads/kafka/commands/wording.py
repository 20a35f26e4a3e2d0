"""What error messages say to people, where Kafka has words of its own.

Must not: choose error codes (errors.py does).
"""

from onemq.engine.topics.topic_access import NAME_CHARACTERS_MAX
from onemq.model.refusal import Reason, Refusal


def words_of(refusal: Refusal) -> str:
    """The message beside the error code of a refusal."""
    reason = refusal.reason
    kind = refusal.entity_kind
    name = refusal.entity
    if kind == "topic":
        if reason == Reason.ALREADY_EXISTS:
            return f"Topic '{name}' already exists."
        if reason == Reason.NOT_FOUND:
            return "This server does not host this topic-partition."
        if reason == Reason.INVALID and refusal.detail == "name":
            return _topic_name_words(name)
        if reason == Reason.IN_USE:
            return f"There is a queue named '{name}' that cannot be a topic: {refusal.detail}"
    if reason == Reason.ACCESS_DENIED:
        return f"{kind.capitalize() or 'Request'} authorization failed."
    return refusal.detail or f"{reason.name.lower().replace('_', ' ')} {kind} {name}".rstrip()


def _topic_name_words(name: str) -> str:
    if not name:
        return "Topic name is invalid: the empty string is not allowed"
    if name in (".", ".."):
        return f"Topic name is invalid: '{name}' is not allowed"
    if len(name) > NAME_CHARACTERS_MAX:
        return f"Topic name is invalid: the length of '{name}' is longer than the max allowed length {NAME_CHARACTERS_MAX}"
    return f"Topic name is invalid: '{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
