"""The catalog: which namespaces, exchanges, queues and bindings exist. Every durable change is a fact; replay runs the same code.

Must not: authorise (access.py does), move records (enqueueing.py, rerouting.py), know how a change is written (catalog_changes.py), or a
protocol's words for arguments.
"""

from mypy_extensions import i64

from onemq.engine.administration import Administration
from onemq.engine.catalog_changes import (
    binding_change,
    exchange_change,
    exchange_gone,
    internal_change,
    internal_gone,
    is_durable_binding,
    namespace_change,
    namespace_gone,
    queue_altered,
    queue_change,
    queue_gone,
)
from onemq.engine.consumption import Sink
from onemq.engine.core import Core
from onemq.engine.directory.policies import Policies
from onemq.engine.directory.policing import Policing
from onemq.engine.exchange import Exchange, Namespace, check_there
from onemq.engine.facts import write_catalog
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.log import Log
from onemq.engine.natives import Natives
from onemq.engine.parts import Part
from onemq.engine.queue import (
    Keeper,
    Queue,
    QueueListener,
)
from onemq.engine.rerouting import Rerouting
from onemq.engine.routing.destination import Destination
from onemq.engine.topics.partition import Partition
from onemq.engine.topics.topics import TopicQueues, Topics
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.record import Record
from onemq.model.reserved_header import AddressCache


class Catalog(Keeper):
    """See the module. `generation` changes whenever a resolved route may have become wrong."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.natives = Natives()
        self.namespaces: dict[str, Namespace] = {}
        self.logs: dict[int, Queue] = {}
        self.addresses = AddressCache()
        self._rerouting = Rerouting(core, self.namespaces, self.natives, self.addresses)
        self.generation: i64 = 1
        self.next_log_id = 1
        self.replies: dict[str, Sink] = {}
        self.replaying = False
        self.parts: dict[int, Part] = {}
        self.administration = Administration(core)
        for part in self.administration.parts():
            self.add_part(part)
        self.administration.acls.on_change = self._changed
        self.policies = Policies(core)
        self.add_part(self.policies)
        self.policing = Policing(core, self.policies, self.namespaces, self._changed)
        host = TopicQueues(
            core, self, self.logs, self._take_log_id, self._see_log_id, self._drop_named, self._changed
        )
        self.topics = Topics(host)
        self.listeners: list[QueueListener] = []
        """Told of queues that go."""
        self.internals: dict[int, Queue] = {}
        """Queues that a part of the engine has for itself, by log id: no name leads to them."""
        self.dropped_logs: list[int] = []
        """Logs deleted since the last commit: the store hears of it when it has the fact that says so."""

    def add_part(self, part: Part) -> None:
        """Before recovery: facts of a part that nobody has added are refused."""
        assert part.number not in self.parts, f"two parts of number {part.number}"
        self.parts[part.number] = part

    def _changed(self) -> None:
        self.generation += 1

    def _note(self, durable: bool, change: dict[str, object]) -> None:
        self.generation += 1
        if durable and self.core.persistent and not self.replaying:
            write_catalog(self.core.facts, change)
            self.core.will_commit = True

    # Namespaces.

    def add_namespace(self, name: str) -> Namespace:
        found = self.namespaces.get(name)
        if found is None:
            found = Namespace(name)
            self.namespaces[name] = found
            # Before any fact is replayed: their bindings are durable.
            for exchange, kind in self.core.settings.predeclared:
                self._predeclare(found, exchange, kind)
            self._note(True, namespace_change(found))
        return found

    def _predeclare(self, namespace: Namespace, name: str, kind: str) -> None:
        """An exchange that every namespace has."""
        if name not in namespace.exchanges:
            namespace.exchanges[name] = Exchange(namespace.name, name, ExchangeSettings(kind), True)

    def remove_namespace(self, name: str) -> None:
        """One that is there, with everything in it. Its consumers are told; parts that know it by name forget it."""
        namespace = self.namespaces[name]
        # Exchanges first, and without facts of their own: what is bound to them needs no unbinding, queue by queue.
        for exchange in namespace.exchanges.values():
            exchange.deleted = True
            if exchange.holding is not None:
                self._drop_queue(exchange.holding)
        namespace.exchanges.clear()
        for topic in list(namespace.topics.values()):
            self.topics.remove(namespace, topic)
        for queue in list(namespace.queues.values()):
            self.remove_queue(namespace, queue)
        del self.namespaces[name]
        namespace.deleted = True
        self._note(True, namespace_gone(name))
        for part in self.parts.values():
            part.forget_namespace(name)

    # Exchanges.

    def add_exchange(
        self, namespace: Namespace, name: str, settings: ExchangeSettings, holding_id: int = 0
    ) -> Exchange:
        check_there(namespace)
        exchange = Exchange(namespace.name, name, settings)
        if settings.delayed:
            holding_settings = QueueSettings(durable=settings.durable)
            log_id = holding_id or self._take_log_id()
            queue = self._make_queue(namespace.name, name, holding_settings, log_id)
            assert isinstance(queue, LedgerQueue)
            queue.forwarder = True
            queue.ledger.by_due = True
            exchange.holding = queue
        namespace.exchanges[name] = exchange
        self._note(settings.durable, exchange_change(exchange))
        if not self.replaying:
            self.policing.exchange_made(exchange)
        return exchange

    def remove_exchange(self, namespace: Namespace, exchange: Exchange) -> None:
        exchange.deleted = True
        del namespace.exchanges[exchange.name]
        sources: list[Exchange] = []
        for other in namespace.exchanges.values():
            if other.matcher.remove_destination(exchange):
                sources.append(other)
        for destination, _, _ in exchange.matcher.bindings():
            self._count_binding(destination, -1)
        if exchange.holding is not None:
            self._drop_queue(exchange.holding)
        self._note(exchange.settings.durable, exchange_gone(exchange))
        self._remove_unbound(namespace, sources)

    def _remove_unbound(self, namespace: Namespace, sources: list[Exchange]) -> None:
        if self.replaying:
            # The removals have facts of their own, and bindings that were not durable are missing here.
            return
        for source in sources:
            if source.settings.auto_delete and not source.deleted and not len(source.matcher):
                self.remove_exchange(namespace, source)

    # Queues.

    def _take_log_id(self) -> int:
        log_id = self.next_log_id
        self.next_log_id += 1
        return log_id

    def _see_log_id(self, log_id: int) -> None:
        if log_id >= self.next_log_id:
            self.next_log_id = log_id + 1

    def _make_queue(self, namespace: str, name: str, settings: QueueSettings, log_id: int) -> Queue:
        self._see_log_id(log_id)
        durable = settings.durable and not settings.exclusive
        log = Log(self.core, log_id, durable, settings.persists_all, settings.kept)
        queue: Queue
        if settings.kept:
            queue = Partition(self.core, namespace, name, settings, log, self)
        else:
            queue = LedgerQueue(self.core, namespace, name, settings, log, self)
        self.logs[log_id] = queue
        return queue

    def add_queue(self, namespace: Namespace, name: str, settings: QueueSettings, log_id: int = 0) -> Queue:
        """Over the topic of that name, if there is one. Refusal INVALID, EXISTS_OTHERWISE."""
        check_there(namespace)
        topic = namespace.topics.get(name)
        if topic is not None:
            queue = self.topics.attach(namespace, topic, settings)
            self._note(True, queue_change(queue, settings))
            self._queue_made(queue)
            return queue
        queue = self._make_queue(namespace.name, name, settings, log_id or self._take_log_id())
        namespace.queues[name] = queue
        if not self.replaying:
            self.core.totals.queues_created += 1
        self._note(queue.log.durable, queue_change(queue, settings))
        self._queue_made(queue)
        return queue

    def _queue_made(self, queue: Queue) -> None:
        if not self.replaying:
            self.policing.queue_made(queue)
        queue.watch_unused()

    def queue(self, namespace: Namespace, name: str) -> Queue | None:
        """The queue of that name; a topic of that name gets one when it is asked for first."""
        queue = namespace.queues.get(name)
        if queue is None and name in namespace.topics:
            return self.add_queue(namespace, name, QueueSettings())
        return queue

    def alter_queue(self, namespace: Namespace, queue: Queue, settings: QueueSettings) -> None:
        """Declared otherwise from now on. What cannot change is the caller's to check."""
        queue.declared = settings
        self.policing.declared_otherwise(queue)
        self._note(queue.log.durable, queue_altered(queue))

    def remove_queue(self, namespace: Namespace, queue: Queue) -> int:
        """Returns how many ready records went with it. Its consumers are told."""
        count = int(queue.message_count())
        was_durable = queue.log.durable
        if not self.replaying:
            self.core.totals.queues_deleted += 1
        del namespace.queues[queue.name]
        sources: list[Exchange] = []
        for exchange in namespace.exchanges.values():
            if exchange.matcher.remove_destination(queue):
                sources.append(exchange)
        topic = namespace.topics.get(queue.name)
        if topic is not None:
            self._end_readers(queue)
            if isinstance(queue, Partition):
                queue.deleted = False
            else:
                self.topics.detach(topic)
        else:
            self._drop_queue(queue)
        self._note(was_durable, queue_gone(namespace.name, queue.name))
        self._tell_removed(namespace, queue)
        self._remove_unbound(namespace, sources)
        return count

    def add_internal(self, label: str, settings: QueueSettings, log_id: int = 0) -> Queue:
        """A queue that no protocol can name or list. `label`: for people. Its owner keeps the log's id, and finds it in `internals`."""
        queue = self._make_queue("", label, settings, log_id or self._take_log_id())
        self.internals[queue.log.log_id] = queue
        self._note(queue.log.durable, internal_change(queue))
        return queue

    def alter_internal(self, queue: Queue, settings: QueueSettings) -> None:
        queue.declared = settings
        queue.configure(settings)
        self._note(queue.log.durable, internal_change(queue))

    def remove_internal(self, queue: Queue) -> None:
        was_durable = queue.log.durable
        del self.internals[queue.log.log_id]
        self._drop_queue(queue)
        self._note(was_durable, internal_gone(queue))

    def _tell_removed(self, namespace: Namespace, queue: Queue) -> None:
        for listener in self.listeners:
            listener.queue_removed(namespace.name, queue.name)

    def _drop_named(self, namespace: Namespace, queue: Queue) -> None:
        """A topic goes: the queue over it, or one of its partitions."""
        if namespace.queues.get(queue.name) is queue:
            del namespace.queues[queue.name]
            for exchange in namespace.exchanges.values():
                exchange.matcher.remove_destination(queue)
            self._tell_removed(namespace, queue)
        if queue.deleted:
            return
        if isinstance(queue, Partition):
            self._drop_queue(queue)
        else:
            self._end_readers(queue)

    def _drop_queue(self, queue: Queue) -> None:
        self._end_readers(queue)
        del self.logs[queue.log.log_id]
        queue.log.drop()
        if not self.replaying and self.core.persistent:
            self.dropped_logs.append(queue.log.log_id)

    def _end_readers(self, queue: Queue) -> None:
        """The queue is deleted for those who consume from it, or wait."""
        self.core.seal_all()
        queue.deleted = True
        if isinstance(queue, LedgerQueue):
            for other in queue.others:
                other.deleted = True
                other.consumers = []
            queue.receivers.end()
        for waiting in queue.waiting:
            waiting.waiter.got(None)
        queue.waiting = []
        for consumer in list(queue.consumers):
            consumer.cancelled = True
            if consumer in consumer.sink.consumers:
                consumer.sink.consumers.remove(consumer)
            consumer.sink.cancelled(consumer, "deleted")
        queue.consumers = []

    # Bindings.

    def _count_binding(self, destination: Destination, by: int) -> None:
        if isinstance(destination, Queue):
            destination.bindings += by
        elif isinstance(destination, Exchange):
            destination.incoming += by

    def bind(
        self,
        namespace: Namespace,
        source: Exchange,
        destination: Destination,
        routing_key: str,
        arguments: dict[str, object],
    ) -> None:
        """Idempotent. Raises Refusal INVALID for arguments that the source's kind cannot take."""
        if source.matcher.add(destination, routing_key, arguments):
            self._count_binding(destination, 1)
            self._note(
                is_durable_binding(source, destination),
                binding_change("bind", source, destination, routing_key, arguments),
            )

    def unbind(
        self,
        namespace: Namespace,
        source: Exchange,
        destination: Destination,
        routing_key: str,
        arguments: dict[str, object],
    ) -> None:
        """Idempotent."""
        if source.matcher.remove(destination, routing_key, arguments):
            self._count_binding(destination, -1)
            self._note(
                is_durable_binding(source, destination),
                binding_change("unbind", source, destination, routing_key, arguments),
            )
            self._remove_unbound(namespace, [source])

    # What queues ask.

    def replays(self) -> bool:
        return self.replaying

    def unused(self, queue: Queue) -> None:
        namespace = self.namespaces[queue.namespace]
        if namespace.queues.get(queue.name) is queue:
            self.remove_queue(namespace, queue)

    def bury(self, queue: Queue, record: Record, reason: str) -> None:
        self._rerouting.bury(queue, record, reason)

    def has_grave(self, queue: Queue) -> bool:
        return self._rerouting.has_grave(queue)

    def forward(self, queue: Queue, record: Record) -> None:
        self._rerouting.forward(queue, record)
