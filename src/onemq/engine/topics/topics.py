"""The topics of all namespaces, and where they meet queues: same name, same log.

A queue of a topic's name settles the records of the topic's logs; a topic of a queue's name takes over the queue's log, whose
records stay from then on until retention takes them. Every change is a fact of the catalog; replay runs the same code.
"""

from collections.abc import Callable
from typing import Final

from onemq.engine.core import Core
from onemq.engine.exchange import Namespace, check_there
from onemq.engine.facts import write_catalog
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.log import Log
from onemq.engine.queue import Keeper, Queue
from onemq.engine.topics.compaction import Compactor, CompactorEar
from onemq.engine.topics.config import TopicConfig
from onemq.engine.topics.partition import Partition
from onemq.engine.topics.topic import Topic
from onemq.model.entities import STRICT_GROUPS, QueueSettings
from onemq.model.refusal import Reason, Refusal

TOPIC_ID_BYTES: Final = 16


def alike_name(name: str) -> str:
    """The same for names that Kafka does not let stand beside each other: metrics' names do not tell '.' from '_'."""
    return name.replace(".", "_")


class TopicQueues:
    """What the catalog does for topics: numbers, logs and queues are its business."""

    def __init__(
        self,
        core: Core,
        keeper: Keeper,
        owners: dict[int, Queue],
        take_log_id: Callable[[], int],
        see_log_id: Callable[[int], None],
        drop_queue: Callable[[Namespace, Queue], None],
        changed: Callable[[], None],
    ) -> None:
        self.core = core
        self.keeper = keeper
        self.owners = owners
        self.take_log_id = take_log_id
        self.see_log_id = see_log_id
        self.drop_queue = drop_queue
        self.changed = changed


class Topics:
    """See the module.

    Attributes:
        by_id: topics of all namespaces by their id. listeners: told of topics that go. compactor: cleans in the background.
    """

    def __init__(self, host: TopicQueues) -> None:
        self.core = host.core
        self.by_id: dict[bytes, Topic] = {}
        self.listeners: list[TopicListener] = []
        self.compactor = Compactor(host.core)
        self._ear = CompactorEar(self.compactor)
        self._host = host

    # Topics.

    def create(self, space: Namespace, name: str, partitions: int, config: TopicConfig) -> Topic:
        """Makes a topic of new logs; over the log of the queue of that name, if there is one. Refusal ALREADY_EXISTS, IN_USE."""
        check_there(space)
        if name in space.topics:
            raise Refusal(Reason.ALREADY_EXISTS, "topic", name)
        self.check_queue(space, name)
        queue = space.queues.get(name)
        if queue is not None and queue.settings.kept:
            config = _with_retention_of(queue.declared, config)
        topic = Topic(space.name, name, self.core.entropy(TOPIC_ID_BYTES), config)
        logs: list[int] = []
        if queue is not None:
            logs.append(int(queue.log.log_id))
        while len(logs) < partitions:
            logs.append(self._host.take_log_id())
        self._build(space, topic, logs)
        self._note(topic.to_plain())
        return topic

    def check_queue(self, space: Namespace, name: str) -> None:
        """Refusal IN_USE when a queue has the name whose log cannot be a topic's (it goes with its connection, is not
        durable, or keeps order by group)."""
        queue = space.queues.get(name)
        if queue is not None and (queue.settings.exclusive or not queue.settings.durable):
            raise Refusal(Reason.IN_USE, "topic", name, "a queue of that name is not durable")
        if queue is not None and queue.settings.grouping == STRICT_GROUPS:
            raise Refusal(Reason.IN_USE, "topic", name, "a queue of that name keeps order by group")

    def _build(self, space: Namespace, topic: Topic, logs: list[int]) -> None:
        """Partitions over the logs of these numbers, those of a queue taken over, the others new."""
        for log_id in logs:
            owner = self._host.owners.get(log_id)
            partition = self._taken_over(topic, owner) if owner is not None else self._new(topic, log_id)
            self._add(topic, partition)
        space.topics[topic.name] = topic
        space.alike_topics.setdefault(alike_name(topic.name), {})[topic.name] = True
        self.by_id[topic.topic_id] = topic
        queue = space.queues.get(topic.name)
        if isinstance(queue, LedgerQueue):
            self._spread_queue(topic, queue)

    def _new(self, topic: Topic, log_id: int) -> Partition:
        self._host.see_log_id(log_id)
        log = Log(self.core, log_id, True, True, True)
        log.make_raw()
        settings = QueueSettings()
        settings.kept = True
        settings.persists_all = True
        partition = Partition(self.core, topic.namespace, topic.name, settings, log, self._host.keeper)
        self._host.owners[log_id] = partition
        return partition

    def _taken_over(self, topic: Topic, owner: Queue) -> Partition:
        if isinstance(owner, Partition):
            owner.log.make_raw()
            # From now on the topic says how long records are kept, not a policy.
            owner.policy = None
            owner.operator_policy = None
            owner.settings = owner.declared
            return owner
        assert isinstance(owner, LedgerQueue), "log of an unknown kind of queue"
        core = self.core
        core.seal_all()
        log = owner.log
        settings = QueueSettings()
        settings.kept = True
        settings.persists_all = True
        if topic.taken_from < 0:
            unsettled = owner.ledger.unsettled_ranges()
            topic.taken_from = unsettled[0] if unsettled else int(log.visible_end)
            topic.taken_to = int(log.next_offset)
        if self._host.keeper.replays():
            log.next_offset = max(log.next_offset, topic.taken_to)
            log.visible_end = log.next_offset
        log.start_offset = topic.taken_from
        log.kept = True
        log.persists_all = True
        log.make_raw()
        partition = Partition(core, owner.namespace, owner.name, settings, log, self._host.keeper)
        # Nothing that waits is older than it was when the topic came: what its records say of their age is not looked at.
        partition.newest_seen_ms = core.now_ms
        partition.take_over(owner)
        self._host.owners[log.log_id] = partition
        if log.pending:
            core.awaiting_durable[partition.agenda] = True
        return partition

    def _add(self, topic: Topic, partition: Partition) -> None:
        partition.topic = topic
        partition.compactor = self._ear
        partition.index = len(topic.partitions)
        topic.partitions.append(partition)
        partition.configured()

    def add_partitions(self, space: Namespace, topic: Topic, total: int) -> None:
        logs = [int(partition.log.log_id) for partition in topic.partitions]
        while len(logs) < total:
            logs.append(self._host.take_log_id())
        self._grow(space, topic, logs)
        self._note(topic.to_plain())

    def _grow(self, space: Namespace, topic: Topic, logs: list[int]) -> None:
        for log_id in logs[len(topic.partitions) :]:
            self._add(topic, self._new(topic, log_id))
        queue = space.queues.get(topic.name)
        if isinstance(queue, LedgerQueue):
            self._spread_queue(topic, queue)

    def configure(self, topic: Topic, config: TopicConfig) -> None:
        topic.configure(config)
        self._note(topic.to_plain())

    def remove(self, space: Namespace, topic: Topic) -> None:
        """The topic, its logs and the queue over them go."""
        self._note({"op": "topic-", "namespace": space.name, "name": topic.name})
        self._drop(space, topic)

    def _drop(self, space: Namespace, topic: Topic) -> None:
        topic.deleted = True
        del space.topics[topic.name]
        alike = space.alike_topics[alike_name(topic.name)]
        del alike[topic.name]
        if not alike:
            del space.alike_topics[alike_name(topic.name)]
        del self.by_id[topic.topic_id]
        queue = space.queues.get(topic.name)
        if queue is not None:
            self._host.drop_queue(space, queue)
        for partition in topic.partitions:
            partition.retire()
            if not partition.deleted:
                self._host.drop_queue(space, partition)
        for listener in self.listeners:
            listener.topic_removed(topic)

    # Queues over topics.

    def queue(self, space: Namespace, name: str) -> Queue | None:
        """The queue of that name; one over the topic of that name is made when somebody asks for it first."""
        queue = space.queues.get(name)
        if queue is not None:
            return queue
        topic = space.topics.get(name)
        return None if topic is None else self.attach(space, topic, QueueSettings())

    def attach(self, space: Namespace, topic: Topic, settings: QueueSettings) -> Queue:
        """Makes the queue over a topic. Refusal INVALID: settings that a topic's logs cannot have."""
        if settings.kept and len(topic.partitions) != 1:
            raise Refusal(
                Reason.INVALID,
                "queue",
                topic.name,
                f"a stream over a topic of {len(topic.partitions)} partitions",
            )
        if settings.exclusive or not settings.durable:
            raise Refusal(
                Reason.EXISTS_OTHERWISE, "queue", topic.name, "durable", wanted="false", actual="true"
            )
        if settings.grouping == STRICT_GROUPS:
            raise Refusal(
                Reason.INVALID, "queue", topic.name, "a topic's logs cannot keep order by group, grouping"
            )
        starts = list(topic.queue_starts)
        return self._attached(space, topic, settings, starts)

    def _attached(self, space: Namespace, topic: Topic, settings: QueueSettings, starts: list[int]) -> Queue:
        first = topic.partitions[0]
        if settings.kept:
            first.settings.type_name = settings.type_name
            first.settings.arguments = settings.arguments
            space.queues[topic.name] = first
            return first
        queue = LedgerQueue(self.core, space.name, topic.name, settings, first.log, self._host.keeper)
        first.attach(queue, starts[0] if starts else 0)
        space.queues[topic.name] = queue
        self._spread_queue(topic, queue)
        return queue

    def _spread_queue(self, topic: Topic, queue: LedgerQueue) -> None:
        """The queue gets its share of every partition that it has none of yet."""
        for partition in topic.partitions:
            if partition.part is None:
                other = LedgerQueue(
                    self.core, topic.namespace, topic.name, queue.settings, partition.log, self._host.keeper
                )
                queue.add_other(other)
                starts = topic.queue_starts
                index = partition.index
                partition.attach(other, starts[index] if index < len(starts) else 0)

    def detach(self, topic: Topic) -> None:
        """The queue over a topic has gone; one made later begins where it was."""
        topic.queue_starts = [int(partition.detach()) for partition in topic.partitions]

    # Facts.

    def _note(self, change: dict[str, object]) -> None:
        self._host.changed()
        if self.core.persistent and not self._host.keeper.replays():
            write_catalog(self.core.facts, change)
            self.core.will_commit = True

    def apply(self, space: Namespace, change: dict[str, object]) -> None:
        """Replays a change of a topic."""
        name = str(change["name"])
        topic = space.topics.get(name)
        if change["op"] == "topic-":
            if topic is not None:
                self._drop(space, topic)
            return
        topic_id = change["id"]
        logs = change["logs"]
        overrides = change["config"]
        starts = change["starts"]
        assert isinstance(topic_id, bytes) and isinstance(logs, list) and isinstance(overrides, dict)
        assert isinstance(starts, list)
        if topic is None:
            topic = Topic(space.name, name, topic_id, TopicConfig(overrides))
            topic.queue_starts = starts
            taken_from = change["taken_from"]
            assert isinstance(taken_from, int)
            topic.taken_from = taken_from
            taken_to = change["taken_to"]
            assert isinstance(taken_to, int)
            topic.taken_to = taken_to
            self._build(space, topic, logs)
        else:
            topic.queue_starts = starts
            self._grow(space, topic, logs)
            topic.configure(TopicConfig(overrides))

    def apply_attached(self, space: Namespace, name: str, settings: QueueSettings) -> None:
        topic = space.topics.get(name)
        if topic is not None and name not in space.queues:
            self._attached(space, topic, settings, list(topic.queue_starts))


def _with_retention_of(settings: QueueSettings, config: TopicConfig) -> TopicConfig:
    """A stream that becomes a topic keeps its records as long as before, unless it is told otherwise."""
    age = settings.retention_ms
    size = settings.retention_bytes
    overrides = {
        "retention.ms": "-1" if age is None else str(age),
        "retention.bytes": "-1" if size is None else str(size),
    }
    overrides.update(config.overrides)
    return TopicConfig(overrides)


class TopicListener:
    """Somebody who keeps state about topics."""

    def topic_removed(self, topic: Topic) -> None:
        """The topic has gone; called when it is deleted, and when that is replayed."""
        raise NotImplementedError
