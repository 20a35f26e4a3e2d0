"""Views: what an operator sees of queues, exchanges, bindings, topics and groups. Plain values, copied when they were asked for.

Nothing in a view leads back into the engine, but `settings` and `arguments`, which must not be changed.
"""

from mypy_extensions import i64

from onemq.engine.counters import Counters
from onemq.model.entities import ExchangeSettings, QueueSettings


class ConsumerView:
    """One consumer of a queue. prefetch: its limit on unsettled records, 0 = none. active: gets records."""

    __slots__ = (
        "acknowledges",
        "active",
        "arguments",
        "exclusive",
        "prefetch",
        "priority",
        "queue",
        "tag",
        "unsettled",
    )

    def __init__(
        self,
        queue: str,
        tag: str,
        acknowledges: bool,
        exclusive: bool,
        active: bool,
        prefetch: i64,
        unsettled: i64,
        priority: i64,
        arguments: dict[str, object],
    ) -> None:
        self.queue = queue
        self.tag = tag
        self.acknowledges = acknowledges
        self.exclusive = exclusive
        self.active = active
        self.prefetch: i64 = prefetch
        self.unsettled: i64 = unsettled
        self.priority: i64 = priority
        self.arguments = arguments


class QueueView:
    """One queue; or a topic that no queue reads yet, which shows as the stream it is.

    Attributes:
        settings: in force. policy, operator_policy: names of those that apply, "" = none. definition: what both say, joined.
        topic: a topic has the same name and log; topic_only: there is no queue over it yet. partitions: its logs; 1 without a topic.
        ready, leased, delayed: records; leased are those with a consumer, and those received until a time (`timed` of them).
        ready_bytes, bytes: of the values of what is ready, and of all that is not settled.
        memory_bytes: estimate of what its records in memory take. stored_bytes: what the store has of its log.
        start_offset, end_offset: its log's first record kept and the one after the last visible; of partition 0.
        oldest_at_ms: when the oldest ready record was published, as `Gauges.oldest_ms`; -1: nothing is ready.
        consumers: how many. active_tag: of the one of a single-active queue, "" without. receivers: long polls that wait.
        exclusive_tag: of the consumer that consumes exclusively, "" without. counters: a copy.
        used_at_ms: when it was last declared, got from, or had a consumer. exclusive: belongs to one connection.
    """

    __slots__ = (
        "active_tag",
        "bindings",
        "bytes",
        "consumers",
        "counters",
        "definition",
        "delayed",
        "end_offset",
        "exclusive",
        "exclusive_tag",
        "leased",
        "memory_bytes",
        "name",
        "namespace",
        "oldest_at_ms",
        "operator_policy",
        "partitions",
        "policy",
        "ready",
        "ready_bytes",
        "receivers",
        "settings",
        "start_offset",
        "stored_bytes",
        "timed",
        "topic",
        "topic_only",
        "used_at_ms",
    )

    def __init__(self, namespace: str, name: str, settings: QueueSettings) -> None:
        self.namespace = namespace
        self.name = name
        self.settings = settings
        self.policy = ""
        self.operator_policy = ""
        self.definition: dict[str, object] = {}
        self.topic = False
        self.topic_only = False
        self.partitions = 1
        self.exclusive = False
        self.ready: i64 = 0
        self.leased: i64 = 0
        self.timed: i64 = 0
        self.delayed: i64 = 0
        self.ready_bytes: i64 = 0
        self.bytes: i64 = 0
        self.memory_bytes: i64 = 0
        self.stored_bytes: i64 = 0
        self.start_offset: i64 = 0
        self.end_offset: i64 = 0
        self.oldest_at_ms: i64 = -1
        self.consumers: i64 = 0
        self.active_tag = ""
        self.receivers: i64 = 0
        self.bindings: i64 = 0
        self.used_at_ms: i64 = 0
        self.counters = Counters()
        self.exclusive_tag = ""


class QueueSummary:
    """Queues added up: how many (and with how many a topic has the name), records that are ready, leased and delayed, what they counted."""

    __slots__ = ("counters", "delayed", "leased", "queues", "ready", "topics")

    def __init__(self) -> None:
        self.queues: i64 = 0
        self.ready: i64 = 0
        self.leased: i64 = 0
        self.delayed: i64 = 0
        self.topics: i64 = 0
        self.counters = Counters()


class ExchangeView:
    """One exchange. "" is the default one. predeclared: every namespace has it. held: records that wait for their time.
    policy, operator_policy, definition: as of a queue. counters: a copy."""

    __slots__ = (
        "counters",
        "definition",
        "held",
        "name",
        "namespace",
        "operator_policy",
        "policy",
        "predeclared",
        "settings",
    )

    def __init__(
        self,
        namespace: str,
        name: str,
        settings: ExchangeSettings,
        predeclared: bool,
        held: i64,
        counters: Counters,
    ) -> None:
        self.counters = counters
        self.namespace = namespace
        self.name = name
        self.settings = settings
        self.policy = ""
        self.operator_policy = ""
        self.definition: dict[str, object] = {}
        self.predeclared = predeclared
        self.held: i64 = held


class BindingView:
    """One binding. source "": the default exchange, to which every queue is bound by its name."""

    __slots__ = ("arguments", "destination", "namespace", "routing_key", "source", "to_queue")

    def __init__(
        self,
        namespace: str,
        source: str,
        destination: str,
        to_queue: bool,
        routing_key: str,
        arguments: dict[str, object],
    ) -> None:
        self.namespace = namespace
        self.source = source
        self.destination = destination
        self.to_queue = to_queue
        self.routing_key = routing_key
        self.arguments = arguments


class PartitionView:
    """One partition. end_offset: one after the last visible record. stable_end_offset: the same for readers of committed ones.
    bytes: of its batches. newest_at_ms: -1 when there is none."""

    __slots__ = ("bytes", "end_offset", "index", "newest_at_ms", "stable_end_offset", "start_offset")

    def __init__(
        self,
        index: int,
        start_offset: i64,
        end_offset: i64,
        stable_end_offset: i64,
        size: i64,
        newest_at_ms: i64,
    ) -> None:
        self.index = index
        self.start_offset: i64 = start_offset
        self.end_offset: i64 = end_offset
        self.stable_end_offset: i64 = stable_end_offset
        self.bytes: i64 = size
        self.newest_at_ms: i64 = newest_at_ms


class TopicView:
    """One topic. configs: what was set of its settings. queue: a queue of the same name settles its records."""

    __slots__ = ("configs", "name", "namespace", "partitions", "queue", "topic_id")

    def __init__(self, namespace: str, name: str, topic_id: bytes, configs: dict[str, str]) -> None:
        self.namespace = namespace
        self.name = name
        self.topic_id = topic_id
        self.configs = configs
        self.queue = False
        self.partitions: list[PartitionView] = []


class LagView:
    """How far a group is in one partition. offset: committed, or (share groups) the first that is not done with; -1: nowhere yet.
    lag: records it has before it; -1 when offset is."""

    __slots__ = ("end_offset", "lag", "offset", "partition", "topic")

    def __init__(self, topic: str, partition: int, offset: i64, end_offset: i64, lag: i64) -> None:
        self.topic = topic
        self.partition = partition
        self.offset: i64 = offset
        self.end_offset: i64 = end_offset
        self.lag: i64 = lag


class MemberView:
    """One member of a group. assigned: topic to partitions; {} where only the members know."""

    __slots__ = ("assigned", "client_host", "client_id", "instance_id", "member_id")

    def __init__(self, member_id: str, client_id: str, client_host: str, instance_id: str) -> None:
        self.member_id = member_id
        self.client_id = client_id
        self.client_host = client_host
        self.instance_id = instance_id
        self.assigned: dict[str, list[int]] = {}


class GroupView:
    """One group. kind: "classic", "consumer" or "share". protocol: what its members assign by, "" when it is not known."""

    __slots__ = ("kind", "lags", "members", "name", "namespace", "protocol", "state")

    def __init__(self, namespace: str, name: str, kind: str, state: str) -> None:
        self.namespace = namespace
        self.name = name
        self.kind = kind
        self.state = state
        self.protocol = ""
        self.members: list[MemberView] = []
        self.lags: list[LagView] = []

    def lag(self) -> int:
        """Over all partitions."""
        total: i64 = 0
        for each in self.lags:
            total += max(each.lag, 0)
        return int(total)
