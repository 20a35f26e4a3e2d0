"""Settings of the catalog's entities: exchanges, queues, bindings. Pure data, neutral of any protocol.

A head translates its own words (for instance AMQP's x-arguments) into these; `arguments` keeps the words as they came,
for the head's own answers and for telling whether a second declaration asks for the same thing.
"""

from typing import Final

from mypy_extensions import i64

KIND_DIRECT: Final = "direct"
KIND_FANOUT: Final = "fanout"
KIND_TOPIC: Final = "topic"
KIND_HEADERS: Final = "headers"
KIND_CONSISTENT_HASH: Final = "consistent-hash"
EXCHANGE_KINDS: Final = (KIND_DIRECT, KIND_FANOUT, KIND_TOPIC, KIND_HEADERS, KIND_CONSISTENT_HASH)

DROP_HEAD: Final = "drop-head"
REJECT_PUBLISH: Final = "reject-publish"
REJECT_PUBLISH_DLX: Final = "reject-publish-dlx"

UNGROUPED: Final = ""
STRICT_GROUPS: Final = "strict"
FAIR_GROUPS: Final = "fair"
GROUPINGS: Final = (UNGROUPED, STRICT_GROUPS, FAIR_GROUPS)


class ExchangeSettings:
    """What an exchange is.

    Attributes:
        kind: one of EXCHANGE_KINDS: how it routes.
        type_name: the kind as its protocol names it ("x-delayed-message" routes by another kind); shown and compared.
        durable: survives a restart. auto_delete: goes when its last binding goes (once it had one).
        internal: takes records from other exchanges only.
        alternate: exchange that gets what this one cannot route; "" = none.
        delayed: holds records back until their `not_before_ms`, then routes them.
        hash_header: for consistent-hash: name of the header to hash; "" = the routing key.
        hash_property: for consistent-hash: "message_id", "correlation_id" or "timestamp" (the head puts it in the
            routing headers under this name); "" = none.
        arguments: as declared.
        compared: arguments that tell two declarations apart, in the order in which they are looked at; None = all.
            Of the declaration at hand only, never stored.
    """

    __slots__ = (
        "alternate",
        "arguments",
        "auto_delete",
        "compared",
        "delayed",
        "durable",
        "hash_header",
        "hash_property",
        "internal",
        "kind",
        "type_name",
    )

    def __init__(
        self,
        kind: str,
        durable: bool = True,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: dict[str, object] | None = None,
    ) -> None:
        self.kind = kind
        self.type_name = kind
        self.durable = durable
        self.auto_delete = auto_delete
        self.internal = internal
        self.alternate = ""
        self.delayed = False
        self.hash_header = ""
        self.hash_property = ""
        self.arguments: dict[str, object] = {} if arguments is None else arguments
        self.compared: tuple[str, ...] | None = None


class QueueSettings:
    """What a queue (a log with a ledger, or a kept log that everybody reads for himself) is.

    Limits: None = none; 0 is a value. Times in milliseconds, sizes in bytes of record values.

    Attributes:
        type_name: "classic", "quorum" or "stream": shown and compared.
        durable, exclusive, auto_delete: as in AMQP 0-9-1; exclusive belongs to one access and goes with it.
        kept: records stay after they were read, until retention takes them (a stream).
        persists_all: transient records are stored like durable ones (quorum, stream).
        message_ttl_ms: age at which a ready record expires. expires_ms: unused time after which the queue itself goes.
        length_max, bytes_max: most ready records and bytes. overflow: DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX.
        dead_letter_exchange: None = dead records are dropped. dead_letter_routing_key: None = the record's own.
        priority_max: 0 = no priorities.
        single_active: one consumer at a time gets records.
        delivery_limit: deliveries that may fail before the record dies; None = no limit.
        consumer_timeout_ms: longest a record may stay unsettled at a consumer; None = the server's default, 0 = no limit.
        retry_delay_min_ms, retry_delay_max_ms: returned records wait min * attempts, at most max; 0 = no delay.
        retry_delay_returned: also what was returned without failure waits.
        retention_ms, retention_bytes, segment_bytes: of a kept log.
        visibility_ms: how long a record received without a time of its own is leased.
        delay_ms: how long a record that says nothing of its own waits before it is ready.
        receive_limit: a record that was given so often is dead when it would be given again; None = no limit.
        grouping: order of ready records with a key: UNGROUPED (all as one), STRICT_GROUPS (a group with a record out gives
            nothing to anybody else), FAIR_GROUPS (the group with fewest records out is served first).
        dead_letter_expired: records that expire go to the dead-letter exchange, too.
        attributes: a head's own words about the queue, not compared. Plain values.
        arguments: as declared.
        compared: as in ExchangeSettings.
    """

    __slots__ = (
        "arguments",
        "attributes",
        "auto_delete",
        "bytes_max",
        "compared",
        "consumer_timeout_ms",
        "dead_letter_exchange",
        "dead_letter_expired",
        "dead_letter_routing_key",
        "delay_ms",
        "delivery_limit",
        "durable",
        "exclusive",
        "expires_ms",
        "grouping",
        "kept",
        "length_max",
        "message_ttl_ms",
        "overflow",
        "persists_all",
        "priority_max",
        "receive_limit",
        "retention_bytes",
        "retention_ms",
        "retry_delay_max_ms",
        "retry_delay_min_ms",
        "retry_delay_returned",
        "segment_bytes",
        "single_active",
        "type_name",
        "visibility_ms",
    )

    def __init__(
        self,
        durable: bool = True,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, object] | None = None,
    ) -> None:
        self.type_name = "classic"
        self.durable = durable
        self.exclusive = exclusive
        self.auto_delete = auto_delete
        self.kept = False
        self.persists_all = False
        self.message_ttl_ms: int | None = None
        self.expires_ms: int | None = None
        self.length_max: int | None = None
        self.bytes_max: int | None = None
        self.overflow = DROP_HEAD
        self.dead_letter_exchange: str | None = None
        self.dead_letter_routing_key: str | None = None
        self.priority_max = 0
        self.single_active = False
        self.delivery_limit: int | None = None
        self.consumer_timeout_ms: int | None = None
        self.retry_delay_min_ms = 0
        self.retry_delay_max_ms = 0
        self.retry_delay_returned = False
        self.retention_ms: int | None = None
        self.retention_bytes: int | None = None
        self.segment_bytes: int | None = None
        self.visibility_ms = 30_000
        self.delay_ms = 0
        self.receive_limit: int | None = None
        self.grouping = UNGROUPED
        self.dead_letter_expired = True
        self.attributes: dict[str, object] = {}
        self.arguments: dict[str, object] = {} if arguments is None else arguments
        self.compared: tuple[str, ...] | None = None


class QueueStatus:
    """Answer to a declaration: name, records ready, consumers."""

    __slots__ = ("consumers", "name", "ready")

    def __init__(self, name: str, ready: i64, consumers: i64) -> None:
        self.name = name
        self.ready = ready
        self.consumers = consumers
