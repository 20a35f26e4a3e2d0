"""Bodies and answers of /v1/ that say what there is: queues, topics, groups, exchanges, connections, the broker itself.

Each is a struct: the OpenAPI document is made from them. Times are ms since the epoch, durations ms, sizes bytes; null: there is none.
Must not: answer anything.
"""

from typing import Any, Literal

import msgspec

Plain = dict[str, Any]


class View(msgspec.Struct, kw_only=True):
    """What is answered."""


class Wanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is sent; a name that is not known is refused, so that a slip of the pen does not pass for a default."""


class Fault(View):
    """Why a request was refused. error: for programs. message: for people."""

    error: str
    message: str


# The broker.


class Listener(View):
    protocol: str
    host: str
    port: int
    tls: bool


class Protocol(View):
    """What one protocol's clients did since the broker started, and how many are connected. "": what the broker did of itself."""

    name: str
    connections: int
    counters: dict[str, int]


class Overview(View):
    """The whole broker. resident_bytes, memory_limit_bytes, disk_free_bytes, disk_limit_bytes: null where not known.

    Whoever may not monitor is told of his own connections and namespaces only, and nothing of the machine: null, 0, "" or empty.
    """

    version: str
    node: str
    time_ms: int
    uptime_ms: int
    process_id: int
    processors: int
    data_directory: str
    memory_only: bool
    resident_bytes: int | None
    memory_limit_bytes: int | None
    disk_free_bytes: int | None
    disk_limit_bytes: int | None
    alarms: list[str]
    listeners: list[Listener]
    namespaces: int
    queues: int
    topics: int
    exchanges: int
    groups: int
    connections: int
    ready: int
    leased: int
    delayed: int
    counters: dict[str, int]
    protocols: list[Protocol]


class Rates(View):
    """Per second, between the last two samples; sampled from the first question on. samples: how many there are."""

    of: str
    samples: int
    rates: dict[str, float]


class Me(View):
    user: str
    tags: list[str]
    namespaces: list[str]


# Queues.


class QueueSettings(View):
    """What is in force: the declaration and the policies over it. null: no limit."""

    type: str
    durable: bool
    auto_delete: bool
    message_ttl_ms: int | None
    expires_ms: int | None
    length_max: int | None
    bytes_max: int | None
    overflow: str
    dead_letter_exchange: str | None
    dead_letter_routing_key: str | None
    priority_max: int
    single_active: bool
    delivery_limit: int | None
    receive_limit: int | None
    consumer_timeout_ms: int | None
    retry_delay_min_ms: int
    retry_delay_max_ms: int
    visibility_ms: int
    delay_ms: int
    retention_ms: int | None
    retention_bytes: int | None
    grouping: str
    arguments: Plain


class Queue(View):
    """One queue. topic: a topic of the same name has the same log. ready, leased, delayed: records. leased: with a consumer, or
    received until a time. receivers: long polls that wait. age_ms: of the oldest ready record. counters: since the start."""

    namespace: str
    name: str
    topic: bool
    partitions: int
    exclusive: bool
    ready: int
    leased: int
    delayed: int
    consumers: int
    receivers: int
    bindings: int
    ready_bytes: int
    bytes: int
    memory_bytes: int
    stored_bytes: int
    start_offset: int
    end_offset: int
    oldest_at_ms: int | None
    age_ms: int | None
    policy: str
    operator_policy: str
    settings: QueueSettings
    counters: dict[str, int]


class Consumer(View):
    queue: str
    tag: str
    acknowledges: bool
    exclusive: bool
    active: bool
    prefetch: int
    unsettled: int
    priority: int


class QueueInDetail(View):
    queue: Queue
    consumers: list[Consumer]


class NewQueue(Wanted):
    """arguments: RabbitMQ's words (x-message-ttl, ...). settings: ours, over them, for a queue that is made now."""

    durable: bool = True
    auto_delete: bool = False
    arguments: Plain = {}
    settings: "QueueChanges | None" = None


class QueueChanges(Wanted):
    """What is left out stays. null: no limit, none. grouping: order by key. attributes: words of the protocol that made it."""

    message_ttl_ms: int | msgspec.UnsetType | None = msgspec.UNSET
    expires_ms: int | msgspec.UnsetType | None = msgspec.UNSET
    length_max: int | msgspec.UnsetType | None = msgspec.UNSET
    bytes_max: int | msgspec.UnsetType | None = msgspec.UNSET
    overflow: Literal["drop-head", "reject-publish", "reject-publish-dlx"] | msgspec.UnsetType = msgspec.UNSET
    dead_letter_exchange: str | msgspec.UnsetType | None = msgspec.UNSET
    dead_letter_routing_key: str | msgspec.UnsetType | None = msgspec.UNSET
    delivery_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    receive_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    consumer_timeout_ms: int | msgspec.UnsetType | None = msgspec.UNSET
    retry_delay_min_ms: int | msgspec.UnsetType = msgspec.UNSET
    retry_delay_max_ms: int | msgspec.UnsetType = msgspec.UNSET
    visibility_ms: int | msgspec.UnsetType = msgspec.UNSET
    delay_ms: int | msgspec.UnsetType = msgspec.UNSET
    retention_ms: int | msgspec.UnsetType | None = msgspec.UNSET
    retention_bytes: int | msgspec.UnsetType | None = msgspec.UNSET
    grouping: Literal["", "strict", "fair"] | msgspec.UnsetType = msgspec.UNSET
    dead_letter_expired: bool | msgspec.UnsetType = msgspec.UNSET
    attributes: Plain | msgspec.UnsetType = msgspec.UNSET


class Made(View):
    """made: false when it was there already, and the same."""

    name: str
    made: bool


class Named(View):
    """What was acted on."""

    name: str


class Gone(View):
    """records: how many went."""

    name: str
    records: int


# Topics and groups.


class Partition(View):
    index: int
    start_offset: int
    end_offset: int
    stable_end_offset: int
    bytes: int
    newest_at_ms: int | None


class Topic(View):
    """configs: what was set; config_values is only given for one topic: all of them, with their defaults."""

    namespace: str
    name: str
    id: str
    queue: bool
    partitions: list[Partition]
    records: int
    bytes: int
    configs: dict[str, str]


class TopicInDetail(View):
    topic: Topic
    config_values: dict[str, str]


class NewTopic(Wanted):
    partitions: int = 1
    configs: dict[str, str] = {}


class TopicChanges(Wanted):
    """partitions: the new total, more than there are. configs: set; null takes one back to its default."""

    partitions: int | None = None
    configs: dict[str, str | None] = {}


class Lag(View):
    """offset: committed; end_offset null: the partition has gone."""

    topic: str
    partition: int
    offset: int
    end_offset: int | None
    lag: int


class Member(View):
    id: str
    client_id: str
    host: str
    instance_id: str
    assigned: dict[str, list[int]]


class Group(View):
    """kind: classic, consumer or share."""

    namespace: str
    name: str
    kind: str
    state: str
    protocol: str
    lag: int
    members: list[Member]
    lags: list[Lag]


class Reset(Wanted):
    """Where a group without members is to read on: earliest, latest, time (`time_ms`) or offset. topic, partition: of these only."""

    to: Literal["earliest", "latest", "time", "offset"]
    topic: str | None = None
    partition: int | None = None
    time_ms: int | None = None
    offset: int | None = None
    dry_run: bool = False


class ResetOffset(View):
    """before: null when none was committed."""

    topic: str
    partition: int
    before: int | None
    after: int


class ResetDone(View):
    group: str
    done: bool
    offsets: list[ResetOffset]


# Exchanges and bindings.


class Exchange(View):
    """held: records that wait for their time. name "": the default one."""

    namespace: str
    name: str
    type: str
    durable: bool
    auto_delete: bool
    internal: bool
    predeclared: bool
    held: int
    policy: str
    arguments: Plain
    counters: dict[str, int]


class NewExchange(Wanted):
    type: str = "direct"
    durable: bool = True
    auto_delete: bool = False
    internal: bool = False
    arguments: Plain = {}


class Binding(View):
    """source "": the default exchange. to: queue or exchange."""

    namespace: str
    source: str
    destination: str
    to: str
    routing_key: str
    arguments: Plain


class NewBinding(Wanted):
    source: str
    destination: str
    to: Literal["queue", "exchange"] = "queue"
    routing_key: str = ""
    arguments: Plain = {}


# Connections.


class Connection(View):
    """operator: an operator's connection, as this request's."""

    id: int
    name: str
    protocol: str
    user: str
    namespace: str
    client: str
    state: str
    tls: bool
    operator: bool
    connected_at_ms: int
    received_bytes: int
    sent_bytes: int
    pending_bytes: int
    channels: int
    consumers: int
    unsettled: int


# Users, permissions, namespaces, policies.


class User(View):
    """configured: it stands in the settings and cannot be changed here. access_keys: ids, of AWS clients."""

    name: str
    tags: list[str]
    has_password: bool
    configured: bool
    access_keys: list[str]
    limits: dict[str, int]


class NewUser(Wanted):
    """Without password and hash: a new user has none (no password fits), another keeps what it has."""

    tags: list[str] | None = None
    password: str | None = None
    password_hash: str | None = None


class AccessKey(Wanted):
    secret: str


class Permission(View):
    namespace: str
    user: str
    configure: str
    write: str
    read: str
    configured: bool


class NewPermission(Wanted):
    """Patterns of names: RabbitMQ's."""

    configure: str = ".*"
    write: str = ".*"
    read: str = ".*"


class NamespaceView(View):
    name: str
    description: str
    tags: list[str]
    default_queue_type: str
    queues: int
    topics: int
    ready: int


class NewNamespace(Wanted):
    description: str = ""
    tags: list[str] | None = None
    default_queue_type: str = ""


class Policy(View):
    namespace: str
    name: str
    operator: bool
    pattern: str
    apply_to: str
    priority: float
    definition: Plain


class NewPolicy(Wanted):
    """definition: RabbitMQ's keys (message-ttl, dead-letter-exchange, ...)."""

    pattern: str
    definition: Plain
    apply_to: str = "all"
    priority: int = 0
    operator: bool = False


# Everything that was declared.


class DefinedUser(View):
    """password_hash: as RabbitMQ exports it. access_keys: ids; their secrets are not told."""

    name: str
    tags: list[str]
    password_hash: str
    access_keys: list[str]
    limits: dict[str, int]


class DefinedNamespace(View):
    name: str
    description: str
    tags: list[str]
    default_queue_type: str
    limits: dict[str, int]


class DefinedQueue(View):
    """settings: those that are not what a new queue has."""

    namespace: str
    name: str
    durable: bool
    auto_delete: bool
    arguments: Plain
    settings: QueueChanges


class DefinedTopic(View):
    namespace: str
    name: str
    partitions: int
    configs: dict[str, str]


class DefinedExchange(View):
    namespace: str
    name: str
    type: str
    durable: bool
    auto_delete: bool
    internal: bool
    arguments: Plain


class DefinitionsView(View):
    """onemq: version of this form, 1. not_carried: what there is beside all this, for people."""

    onemq: int
    namespaces: list[DefinedNamespace]
    users: list[DefinedUser]
    permissions: list[Permission]
    policies: list[Policy]
    topics: list[DefinedTopic]
    queues: list[DefinedQueue]
    exchanges: list[DefinedExchange]
    bindings: list[Binding]
    not_carried: list[str]
