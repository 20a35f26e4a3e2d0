"""The queue: a log with its readers. What all kinds share: settings, consumers in turn, waiting gets, idle expiry.

`ledger_queue.py` and `kept_queue.py` are the two kinds.
"""

from abc import abstractmethod

from mypy_extensions import i64, mypyc_attr

from onemq.engine.batch import Batch
from onemq.engine.consumption import Consumer, Delivery, GetResult, GetWaiter, Leaser, Sink
from onemq.engine.core import Agenda, Core
from onemq.engine.counters import Counters
from onemq.engine.directory.policies import Policy
from onemq.engine.log import Log
from onemq.engine.routing.destination import Destination
from onemq.model.entities import QueueSettings
from onemq.model.record import Record

DIED_REJECTED = "rejected"
DIED_EXPIRED = "expired"
DIED_MAXLEN = "maxlen"
DIED_DELIVERY_LIMIT = "delivery_limit"


@mypyc_attr(allow_interpreted_subclasses=True)
class Keeper:
    """What a queue asks of the catalog that owns it."""

    @abstractmethod
    def bury(self, queue: "Queue", record: Record, reason: str) -> None:
        """The record died in the queue: dead-letter it, if the queue says where to. The queue settles it in the same commit."""

    @abstractmethod
    def has_grave(self, queue: "Queue") -> bool:
        """Whether a record that died in the queue would come to some other queue."""

    @abstractmethod
    def forward(self, queue: "Queue", record: Record) -> None:
        """A record that the queue held back for an exchange has come due: route it now, in the same commit."""

    @abstractmethod
    def replays(self) -> bool:
        """True while a restart folds the facts."""

    @abstractmethod
    def unused(self, queue: "Queue") -> None:
        """The queue was not used for its `expires_ms`: it goes."""


@mypyc_attr(allow_interpreted_subclasses=True)
class QueueListener:
    """Somebody who keeps state about queues."""

    @abstractmethod
    def queue_removed(self, namespace: str, name: str) -> None:
        """The queue has gone; called when it is deleted, and when that is replayed."""


class WaitingGet:
    """A `get` that could not be answered at once: the record is being loaded, or not durable yet.

    `after`: records before this offset were there first, and have a say in which one is next.
    """

    __slots__ = ("after", "no_ack", "sink", "waiter")

    def __init__(self, sink: Sink, no_ack: bool, waiter: GetWaiter, after: i64) -> None:
        self.after = after
        self.sink = sink
        self.no_ack = no_ack
        self.waiter = waiter


class QueueParts(Leaser):
    """A queue's side as leaser of deliveries: hands every settlement to its queue."""

    def __init__(self, queue: "Queue") -> None:
        self.queue = queue

    def settle(self, delivery: Delivery) -> None:
        self.queue.settle(delivery)

    def give_back(self, delivery: Delivery, failed: bool) -> None:
        self.queue.give_back(delivery, failed)

    def reject(self, delivery: Delivery) -> None:
        self.queue.reject(delivery)

    def wake(self) -> None:
        self.queue.wake()

    def give_back_all(self, sink: Sink) -> None:
        self.queue.give_back_all(sink)


@mypyc_attr(allow_interpreted_subclasses=True)
class Queue(Destination):
    """One queue of a namespace.

    Attributes:
        declared: what it was declared with: compared, stored, altered. settings: what is in force: that, and the policies over it.
        policy, operator_policy: those that apply to it; None: none does.
        consumers: by priority, then in order of arrival.
        owner: the access that it belongs to exclusively, or None.
        last_used_ms: when it was last declared, got from or had a consumer.
        counters: see counters.py.
    """

    def __init__(
        self, core: Core, namespace: str, name: str, settings: QueueSettings, log: Log, keeper: Keeper
    ) -> None:
        super().__init__(name)
        self.core = core
        self.namespace = namespace
        self.declared = settings
        self.settings = settings
        self.policy: Policy | None = None
        self.operator_policy: Policy | None = None
        self.log = log
        self.keeper = keeper
        self.counters = Counters()
        self.agenda = QueueAgenda(self)
        self.leaser = QueueParts(self)
        self.consumers: list[Consumer] = []
        self.exclusive_consumer = False
        self.had_consumer = False
        self.owner: object | None = None
        self.deleted = False
        self.last_used_ms: i64 = core.now_ms
        self.waiting: list[WaitingGet] = []
        self.bindings: i64 = 0
        self.single_priority = True
        self._next: i64 = 0

    # What the kinds differ in.

    @abstractmethod
    def add_visible(self, batch: Batch) -> None: ...

    @abstractmethod
    def dispatch(self, budget: i64) -> i64: ...

    @abstractmethod
    def ready_count(self) -> i64: ...

    @abstractmethod
    def purge(self) -> i64: ...

    @abstractmethod
    def settle(self, delivery: Delivery) -> None: ...

    @abstractmethod
    def give_back(self, delivery: Delivery, failed: bool) -> None: ...

    @abstractmethod
    def reject(self, delivery: Delivery) -> None: ...

    @abstractmethod
    def give_back_all(self, sink: Sink) -> None: ...

    @abstractmethod
    def give_back_consumer(self, consumer: Consumer) -> None: ...

    @abstractmethod
    def full(self, record: Record) -> bool: ...

    @abstractmethod
    def try_get(self, sink: Sink, no_ack: bool) -> "GetResult | None": ...

    @abstractmethod
    def on_deadline(self) -> None: ...

    @abstractmethod
    def write_facts(self) -> None: ...

    @abstractmethod
    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None: ...

    @abstractmethod
    def live_ranges(self) -> list[int]:
        """Offsets whose records are still needed, as flat pairs."""

    @abstractmethod
    def state(self) -> dict[str, object]: ...

    @abstractmethod
    def finish_recovery(self) -> None:
        """Everything was replayed."""

    @abstractmethod
    def is_loading(self) -> bool: ...

    def configure(self, settings: QueueSettings) -> None:
        """Other settings from now on. Records that are there already keep what they were given."""
        self.settings = settings
        self.watch_unused()
        self.core.need_dispatch(self.agenda)

    # Records in.

    def append(self, record: Record) -> bool:
        """Appends; True when it will be durable with this turn's commit."""
        self.core.need_seal(self.agenda)
        counters = self.counters
        counters.published += 1
        counters.published_bytes += record.body_bytes()
        return self.log.append(record)

    def seal(self) -> None:
        """Closes this turn's appends; what is visible at once becomes ready."""
        visible = self.log.seal()
        for batch in visible:
            self.add_visible(batch)
        if self.log.pending:
            self.core.awaiting_durable[self.agenda] = True
        if visible:
            self.core.need_dispatch(self.agenda)

    def durable_up_to(self, position: i64) -> bool:
        for batch in self.log.durable_up_to(position):
            self.add_visible(batch)
        self.core.need_dispatch(self.agenda)
        return len(self.log.pending) > 0

    def message_count(self) -> i64:
        """Ready records, those on their way to the disk included."""
        self._take_in()
        return self.ready_count() + self.log.next_offset - max(self.log.visible_end, self.hidden_from())

    def _take_in(self) -> None:
        """What was published earlier in this turn counts now: its publisher may ask about it on the same channel."""
        if self.log.has_open():
            self.core.seal_all()
            self.settle_arrivals()

    def settle_arrivals(self) -> None:
        """Applies the queue's limits to records that have just become visible."""

    def hidden_from(self) -> i64:
        """Offset from which invisible records count (a purge takes invisible ones too)."""
        return self.log.visible_end

    def wake(self) -> None:
        self.core.need_dispatch(self.agenda)

    # Consumers.

    def add_consumer(self, consumer: Consumer) -> None:
        at = len(self.consumers)
        while at > 0 and self.consumers[at - 1].priority < consumer.priority:
            at -= 1
        self.consumers.insert(at, consumer)
        self.had_consumer = True
        self.last_used_ms = self.core.now_ms
        self._consumers_changed()
        if consumer.exclusive:
            self.exclusive_consumer = True
        if self.settings.single_active:
            consumer.active = False
            self._choose_active()
        self.wake()

    def remove_consumer(self, consumer: Consumer) -> None:
        if consumer not in self.consumers:
            return
        self.consumers.remove(consumer)
        consumer.cancelled = True
        self.last_used_ms = self.core.now_ms
        if consumer.exclusive:
            self.exclusive_consumer = False
        self._consumers_changed()
        if self.settings.single_active:
            self._choose_active()
        if not self.consumers:
            self.watch_unused()
        self.wake()

    def _consumers_changed(self) -> None:
        self._next = 0
        self.single_priority = True
        for consumer in self.consumers:
            if consumer.priority != self.consumers[0].priority:
                self.single_priority = False

    def _choose_active(self) -> None:
        for consumer in self.consumers:
            if consumer.active:
                return
        if self.consumers:
            self.consumers[0].active = True

    def pick(self) -> Consumer | None:
        """The consumer whose turn it is: highest priority first, in rotation among equals; None when none has room."""
        consumers = self.consumers
        count: i64 = len(consumers)
        if self.single_priority:
            at = self._next
            for _ in range(count):
                if at >= count:
                    at = 0
                consumer = consumers[at]
                at += 1
                if consumer.open():
                    self._next = at
                    return consumer
            return None
        best: Consumer | None = None
        for index in range(count):
            consumer = consumers[(self._next + index) % count]
            if (best is None or consumer.priority > best.priority) and consumer.open():
                best = consumer
        if best is not None:
            self._next = (consumers.index(best) + 1) % count
        return best

    # Single gets.

    def get(self, sink: Sink, no_ack: bool, waiter: GetWaiter) -> None:
        """Answers the waiter now, or when a load or a sync that may bring a record is over."""
        self.last_used_ms = self.core.now_ms
        self._take_in()
        after: i64 = self.log.next_offset if self.later_ones_matter() else 0
        if not self.waiting and not self._still_hidden(after):
            result = self.try_get(sink, no_ack)
            if result is not None or not (self.is_loading() or self.log.pending):
                self._answer_get(sink, waiter, result)
                return
        self.waiting.append(WaitingGet(sink, no_ack, waiter, after))

    def later_ones_matter(self) -> bool:
        """Whether a record can change which of those before it is next (priorities, length limits)."""
        return False

    def _still_hidden(self, after: i64) -> bool:
        return len(self.log.pending) > 0 and self.log.visible_end < after

    def serve_waiting(self) -> None:
        """Answers the gets that wait, in order, as far as possible."""
        while self.waiting:
            first = self.waiting[0]
            if self._still_hidden(first.after):
                return
            result = self.try_get(first.sink, first.no_ack)
            if result is None and (self.is_loading() or self.log.pending):
                return
            del self.waiting[0]
            self._answer_get(first.sink, first.waiter, result)

    def _answer_get(self, sink: Sink, waiter: GetWaiter, result: GetResult | None) -> None:
        if result is None:
            self.counters.get_empty += 1
            sink.counters.get_empty += 1
            sink.protocol.of(self.settings.type_name).get_empty += 1
        waiter.got(result)

    def forget_waiting(self, sink: Sink) -> None:
        self.waiting = [waiting for waiting in self.waiting if waiting.sink is not sink]

    # Idle expiry.

    def watch_unused(self) -> None:
        expires = self.settings.expires_ms
        if expires is not None and not self.consumers:
            self.core.schedule(self.agenda, self.last_used_ms + expires)

    def check_unused(self) -> bool:
        """True when the queue has gone because nobody used it."""
        expires = self.settings.expires_ms
        if expires is None or self.consumers or self.deleted:
            return False
        if self.last_used_ms + expires <= self.core.now_ms:
            self.keeper.unused(self)
            return True
        self.watch_unused()
        return False


class QueueAgenda(Agenda):
    """A queue's entry in the turn's work lists."""

    def __init__(self, queue: Queue) -> None:
        super().__init__()
        self.queue = queue

    def seal(self) -> None:
        self.queue.seal()

    def dispatch(self, budget: i64) -> i64:
        if self.queue.deleted:
            return 0
        return self.queue.dispatch(budget)

    def durable_up_to(self, position: i64) -> bool:
        return not self.queue.deleted and self.queue.durable_up_to(position)

    def write_facts(self) -> None:
        if not self.queue.deleted:
            self.queue.write_facts()

    def on_deadline(self) -> None:
        if not self.queue.deleted:
            self.queue.on_deadline()
