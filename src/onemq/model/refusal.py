"""The two kinds of "no" that reach a peer.

WireError: the peer broke its protocol; the connection closes with the protocol's own goodbye.
Refusal: understood but denied; typed, with a scope; each head maps every reason to its native code.
The third kind of error, an assertion, is our own bug and has no class of its own.
"""

from enum import IntEnum

from mypy_extensions import mypyc_attr


@mypyc_attr(native_class=False)
class WireError(Exception):
    """The peer broke the protocol. Raised by codecs and conversations; closes the connection."""


class Scope(IntEnum):
    """How much of the peer's conversation ends with a refusal."""

    REQUEST = 0
    CHANNEL = 1
    CONNECTION = 2


class Reason(IntEnum):
    """Why the engine refuses. A head maps each of these to its protocol's own code and words."""

    NOT_FOUND = 1
    """The named entity does not exist."""
    ACCESS_DENIED = 2
    """The principal lacks the right."""
    EXISTS_OTHERWISE = 3
    """The entity exists with other settings (inequivalent arguments)."""
    LOCKED = 4
    """The entity belongs exclusively to another access."""
    IN_USE = 5
    """The entity has consumers or bindings and the request forbids that."""
    NOT_EMPTY = 6
    """The entity holds records and the request forbids that."""
    INVALID = 7
    """A setting or argument is out of its range or of the wrong type."""
    TOO_LARGE = 8
    """The record is larger than the limit."""
    LIMIT = 9
    """A limit of the namespace, the user or the server is reached."""
    RESERVED_NAME = 10
    """The name is kept for the broker itself."""
    NOT_SUPPORTED = 11
    """This kind of entity cannot do that."""
    UNKNOWN_DELIVERY = 12
    """The delivery is not (or no longer) held by this access."""
    NAMESPACE_DENIED = 13
    """The namespace does not exist or the principal may not enter it."""
    AUTHENTICATION_FAILED = 14
    """The credentials are wrong, or this user may not come from there."""
    SINGLE_ACTIVE = 15
    """Another consumer holds the entity exclusively."""


@mypyc_attr(native_class=False)
class Refusal(Exception):
    """Understood but denied.

    Attributes:
        reason: what is wrong, neutral of any protocol.
        entity_kind: "queue", "exchange", "namespace", "user", "record" or "".
        entity: its name, or "".
        detail: for people; for EXISTS_OTHERWISE the name of the setting.
        wanted, actual: for EXISTS_OTHERWISE and INVALID: what was asked and what stands.
        scope: how much of the conversation ends. Heads may widen it, never narrow it.
    """

    def __init__(
        self,
        reason: Reason,
        entity_kind: str = "",
        entity: str = "",
        detail: str = "",
        *,
        wanted: str = "",
        actual: str = "",
        scope: Scope = Scope.CHANNEL,
    ) -> None:
        super().__init__(f"{reason.name} {entity_kind} {entity!r} {detail}".rstrip())
        self.reason = reason
        self.entity_kind = entity_kind
        self.entity = entity
        self.detail = detail
        self.wanted = wanted
        self.actual = actual
        self.scope = scope
