"""Topics, as one principal may use them: the part of Access that speaks of logs and batches. It authorises, limits and counts.

Every method that can be denied raises Refusal. What it changes durably is safe when `Access.position()` is durable.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.acls import (
    ALTER,
    ALTER_CONFIGS,
    CLUSTER,
    CLUSTER_NAME,
    CREATE,
    DELETE,
    DESCRIBE,
    READ,
    TOPIC,
    WRITE,
)
from onemq.engine.auditing import settings_text
from onemq.engine.authority import Authority
from onemq.engine.catalog import Catalog
from onemq.engine.core import Core
from onemq.engine.counters import Tally
from onemq.engine.exchange import Namespace
from onemq.engine.topics.config import TopicConfig, validate_all
from onemq.engine.topics.fetching import Fetch, FetchPart, FetchWaiter
from onemq.engine.topics.lookup import Lookup, LookupWaiter
from onemq.engine.topics.partition import Appended, Partition
from onemq.engine.topics.topic import Topic
from onemq.engine.topics.topics import alike_name
from onemq.model.record_batch import TRANSACTIONAL, attributes_of, producer_epoch, producer_id, record_count
from onemq.model.refusal import Reason, Refusal

LATEST: Final = -1
EARLIEST: Final = -2
MAX_TIMESTAMP: Final = -3
EARLIEST_LOCAL: Final = -4
LATEST_TIERED: Final = -5
"""Special times of a look-up, as Kafka numbers them."""
NAME_CHARACTERS_MAX: Final = 249
NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@mypyc_attr(allow_interpreted_subclasses=True)
class ProduceCheck:
    """Whether a producer may write transactional batches: the transaction coordinator's word."""

    @abstractmethod
    def may_produce(
        self, producer_id: int, epoch: int, transactional_id: str | None, topic: str, index: int
    ) -> None:
        """Raises Refusal NOT_IN_TRANSACTION, PRODUCER_EPOCH_STALE, PRODUCER_UNKNOWN."""


def check_topic_name(name: str) -> None:
    """Refusal INVALID. Kafka's rule: 1 to 249 letters, digits, '.', '_' and '-'; not "." or ".."."""
    if not name or name in (".", "..") or len(name) > NAME_CHARACTERS_MAX:
        raise Refusal(Reason.INVALID, "topic", name, "name")
    for character in name:
        if character not in NAME_CHARACTERS:
            raise Refusal(Reason.INVALID, "topic", name, "name")


class TopicAccess:
    """See the module. `produce_check`: asked about transactional batches."""

    def __init__(
        self, core: Core, catalog: Catalog, namespace: Namespace, authority: Authority, tally: Tally
    ) -> None:
        self.core = core
        self.catalog = catalog
        self.produce_check: ProduceCheck | None = None
        self._space = namespace
        self._authority = authority
        self._tally = tally

    # Which there are.

    def may_describe(self, name: str) -> bool:
        return self._authority.allows(TOPIC, DESCRIBE, name)

    def may_read(self, name: str) -> bool:
        return self._authority.allows(TOPIC, READ, name)

    def may_write(self, name: str) -> bool:
        return self._authority.allows(TOPIC, WRITE, name)

    def may_create(self, name: str) -> bool:
        authority = self._authority
        return authority.allows(CLUSTER, CREATE, CLUSTER_NAME) or authority.allows(TOPIC, CREATE, name)

    def find(self, name: str) -> Topic:
        """The topic; over the queue of that name, if only that exists yet. Refusal NOT_FOUND, ACCESS_DENIED, INVALID (the name)."""
        topic = self._space.topics.get(name)
        if topic is None:
            check_topic_name(name)
        if not self.may_describe(name):
            raise self._authority.refusal("topic", name, "describe")
        if topic is None:
            topic = self._over_queue(name)
        if topic is None:
            raise Refusal(Reason.NOT_FOUND, "topic", name)
        return topic

    def _over_queue(self, name: str) -> Topic | None:
        queue = self._space.queues.get(name)
        if queue is None or queue.settings.exclusive or not queue.settings.durable:
            return None
        return self.catalog.topics.create(self._space, name, 1, TopicConfig())

    def find_id(self, topic_id: bytes) -> Topic:
        """Refusal NOT_FOUND, ACCESS_DENIED."""
        topic = self.catalog.topics.by_id.get(topic_id)
        if topic is None or topic.namespace != self._space.name:
            raise Refusal(Reason.NOT_FOUND, "topic")
        if not self.may_describe(topic.name):
            raise self._authority.refusal("topic", topic.name, "describe")
        return topic

    def topics(self) -> list[Topic]:
        """All that may be described."""
        return [topic for topic in self._space.topics.values() if self.may_describe(topic.name)]

    def count(self) -> int:
        """How many there are, whoever may describe them."""
        return len(self._space.topics)

    def partition(self, topic: Topic, index: int) -> Partition:
        """Refusal NOT_FOUND."""
        if topic.deleted or index < 0 or index >= len(topic.partitions):
            raise Refusal(Reason.NOT_FOUND, "partition", f"{topic.name}-{index}")
        return topic.partitions[index]

    # Changing them.

    def create(
        self, name: str, partitions: int, overrides: dict[str, str], check_only: bool = False
    ) -> Topic | None:
        """None when it was only checked. Refusal ACCESS_DENIED, ALREADY_EXISTS, INVALID, IN_USE (by a queue), LIMIT."""
        check_topic_name(name)
        if not self.may_create(name):
            raise self._authority.refusal("topic", name, "create")
        if name in self._space.topics:
            raise Refusal(Reason.ALREADY_EXISTS, "topic", name)
        self._check_collision(name)
        self._check_partitions(name, partitions)
        validate_all(overrides)
        self.catalog.topics.check_queue(self._space, name)
        if check_only:
            return None
        return self.catalog.topics.create(self._space, name, partitions, TopicConfig(overrides))

    def _check_collision(self, name: str) -> None:
        """As in Kafka."""
        for other in self._space.alike_topics.get(alike_name(name), {}):
            raise Refusal(
                Reason.INVALID, "topic", name, f"Topic '{name}' collides with existing topic: {other}"
            )

    def _check_partitions(self, name: str, partitions: int) -> None:
        if partitions < 1:
            raise Refusal(Reason.INVALID, "partitions", name, str(partitions))
        most = self.core.settings.topic_partitions_max
        if partitions > most:
            raise Refusal(Reason.LIMIT, "partitions", name, f"{partitions} partitions, at most {most}")

    def delete(self, topic: Topic) -> None:
        """Refusal ACCESS_DENIED."""
        with self._authority.audit.doing("delete", "topic", topic.name):
            self._authority.demand(TOPIC, DELETE, topic.name)
            self.catalog.topics.remove(self._space, topic)

    def add_partitions(self, topic: Topic, total: int, check_only: bool = False) -> None:
        """Refusal ACCESS_DENIED, INVALID (not more than there are), LIMIT."""
        with self._authority.audit.doing("alter", "topic", topic.name, f"{total} partitions") as act:
            self._authority.demand(TOPIC, ALTER, topic.name)
            if total <= len(topic.partitions):
                raise Refusal(Reason.INVALID, "partitions", topic.name, str(total))
            self._check_partitions(topic.name, total)
            if check_only:
                act.nothing()
                return
            self.catalog.topics.add_partitions(self._space, topic, total)

    def configure(self, topic: Topic, overrides: dict[str, str], check_only: bool = False) -> None:
        """`overrides`: all that are to be set from now on. Refusal ACCESS_DENIED, INVALID."""
        with self._authority.audit.doing("alter", "topic", topic.name, settings_text(overrides)) as act:
            self._authority.demand(TOPIC, ALTER_CONFIGS, topic.name)
            validate_all(overrides)
            if check_only:
                act.nothing()
                return
            self.catalog.topics.configure(topic, TopicConfig(overrides))

    # Records in.

    def produce(self, topic: Topic, index: int, data: bytes, transactional_id: str | None) -> Appended:
        """Appends one batch. Refusal ACCESS_DENIED, NOT_FOUND, and those of `Partition.append_batches` and `ProduceCheck`."""
        if not self.may_write(topic.name):
            raise self._authority.refusal("topic", topic.name, "write")
        partition = self.partition(topic, index)
        batch = partition.checked(data)
        if attributes_of(batch) & TRANSACTIONAL and self.produce_check is not None:
            self.produce_check.may_produce(
                int(producer_id(batch)), int(producer_epoch(batch)), transactional_id, topic.name, index
            )
        appended = partition.append_checked(batch)
        if not appended.duplicate:
            self._tally.published_batch(record_count(batch), len(batch))
            tracer = self.core.tracer
            if tracer is not None:
                tracer.batch_published(batch, self._tally.protocol.name, topic.name, index)
        return appended

    # Records out.

    def fetch(
        self,
        parts: list[FetchPart],
        bytes_min: i64,
        bytes_max: i64,
        wait_ms: i64,
        committed: bool,
        waiter: FetchWaiter,
    ) -> Fetch:
        """Whole batches; rights are looked at per part with `fetch_part`. The waiter is answered now or later."""
        fetch = Fetch(self.core, parts, bytes_min, bytes_max, committed, waiter, self._tally)
        fetch.start(wait_ms)
        return fetch

    def fetch_part(self, topic: Topic | None, index: int, offset: i64, bytes_max: i64) -> FetchPart:
        """One partition's part of a fetch; what is denied is in its answer."""
        if topic is None:
            return FetchPart(None, offset, bytes_max, Reason.NOT_FOUND)
        if not self.may_read(topic.name):
            self._authority.refusal("topic", topic.name, "read")
            return FetchPart(None, offset, bytes_max, Reason.ACCESS_DENIED)
        if topic.deleted or index < 0 or index >= len(topic.partitions):
            return FetchPart(None, offset, bytes_max, Reason.NOT_FOUND)
        return FetchPart(topic.partitions[index], offset, bytes_max)

    def offset_for(
        self, topic: Topic, index: int, time_ms: i64, committed: bool, waiter: LookupWaiter
    ) -> Lookup | None:
        """The offset for a time, or for one of the special times; None when the waiter has been answered.

        Refusal NOT_FOUND, NOT_SUPPORTED.
        """
        partition = self.partition(topic, index)
        end = partition.stable_end if committed else partition.log.visible_end
        if time_ms == LATEST:
            waiter.looked_up(int(end), -1)
            return None
        if time_ms == EARLIEST or time_ms == EARLIEST_LOCAL:
            waiter.looked_up(int(partition.log.start_offset), -1)
            return None
        if time_ms == LATEST_TIERED:
            waiter.looked_up(-1, -1)
            return None
        lookup = Lookup(partition, end, waiter)
        if time_ms == MAX_TIMESTAMP:
            lookup.latest()
        elif time_ms < 0:
            raise Refusal(Reason.NOT_SUPPORTED, "timestamp", str(time_ms))
        else:
            lookup.by_time(time_ms)
        return lookup

    def delete_records(self, topic: Topic, index: int, before: i64) -> int:
        """Records before `before` (-1: all that can be seen) are gone. Returns the new start. Refusal ACCESS_DENIED, NOT_FOUND,
        OFFSET_OUT_OF_RANGE, NOT_SUPPORTED (a topic that is compacted alone)."""
        with self._authority.audit.doing("delete records", "topic", topic.name) as act:
            self._authority.demand(TOPIC, DELETE, topic.name)
            partition = self.partition(topic, index)
            if topic.config.compact and not topic.config.delete:
                raise Refusal(
                    Reason.NOT_SUPPORTED, "topic", topic.name, "its records go by their keys: it is compacted"
                )
            partition.delete_before(partition.log.visible_end if before == -1 else before)
            start = int(partition.log.start_offset)
            act.detail(f"partition {index}, before {start}")
            return start
