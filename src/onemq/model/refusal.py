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
    ALREADY_EXISTS = 16
    """An entity of that name is there already."""
    CORRUPT = 17
    """The batch's checksum or length is wrong."""
    BAD_RECORDS = 18
    """The batch is whole, but its records are not what this log takes."""
    BAD_TIMESTAMP = 19
    """A record's time lies outside what the log takes."""
    OFFSET_OUT_OF_RANGE = 20
    """The log does not reach to that offset, or begins behind it."""
    OUT_OF_SEQUENCE = 21
    """A producer's batch does not follow its last one."""
    OLD_FORMAT = 24
    """Records in a format of the past, or in a codec that this request may not use."""

    # Consumer groups: 40 to 59.
    UNKNOWN_MEMBER = 40
    """The group has no such member (any more)."""
    STALE_GENERATION = 41
    """The member speaks of a generation that is not the group's."""
    REBALANCING = 42
    """The group is being rebalanced: the member has to join again."""
    INCONSISTENT_PROTOCOL = 43
    """The member's protocol type, or all of its protocols, are not the group's."""
    MEMBER_ID_REQUIRED = 44
    """Not an error: the member has been given an id and has to join with it."""
    FENCED_INSTANCE = 45
    """Another member has taken over the name of this static member."""
    GROUP_FULL = 46
    """The group has as many members as it may have."""
    SESSION_TIMEOUT_RANGE = 47
    """The session timeout lies outside the limits."""
    GROUP_ID = 48
    """The group's name may not be used for this."""
    GROUP_NOT_EMPTY = 49
    """The group has members and the request forbids that."""
    GROUP_SUBSCRIBED = 50
    """The group's members are subscribed to the topic and the request forbids that."""
    METADATA_TOO_LARGE = 51
    """The text beside a committed offset is too long."""
    UNSTABLE_OFFSET = 52
    """The offset depends on a transaction that is still open."""
    FENCED_EPOCH = 53
    """The member's epoch is not one it may have: it gives up everything and joins anew."""
    STALE_EPOCH = 54
    """The member's epoch is not its current one: it may learn the current one and try again."""
    UNSUPPORTED_ASSIGNOR = 55
    """The server has no assignor of that name."""
    UNRELEASED_INSTANCE = 56
    """The name of the static member is still in use."""
    INVALID_PATTERN = 57
    """The regular expression is none, or of a kind that could take for ever."""
    OLD_PROTOCOL = 58
    """Members of this group have to use a newer version of the request."""

    # 60-69: transactions.
    PRODUCER_UNKNOWN = 60
    """The transactional id does not exist, or belongs to another producer id."""
    PRODUCER_FENCED = 61
    """A newer producer has the transactional id: this one's epoch is old (asked of the coordinator)."""
    PRODUCER_EPOCH_STALE = 62
    """The producer's epoch is old (asked when it writes)."""
    TRANSACTION_STATE = 63
    """The transaction is in a state that does not allow this."""
    NOT_IN_TRANSACTION = 64
    """The partition or the group was not added to the transaction."""
    TRANSACTION_TIMEOUT = 65
    """The time-out asked for a producer's transactions is out of range."""
    NOT_ATTEMPTED = 66
    """Not done because another item of the same request was refused."""

    # 80-89: share groups.
    SESSION_UNKNOWN = 80
    """The member has no session (any more): it begins a new one."""
    SESSION_EPOCH = 81
    """The request is not the one that follows the session's last."""
    SESSION_LIMIT = 82
    """There are as many sessions as there may be."""


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
