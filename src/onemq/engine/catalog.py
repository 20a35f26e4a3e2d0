"""The catalog: which namespaces, exchanges, queues and bindings exist. Every durable change is a fact; replay runs the same code.

Authorises nothing (`access.py` does) and knows no protocol's words for arguments.
"""

from mypy_extensions import i64

from onemq.engine.administration import Administration
from onemq.engine.consumption import Sink
from onemq.engine.core import Core
from onemq.engine.counters import Counters
from onemq.engine.dead_letter import died, is_cycle
from onemq.engine.directory.policies import Policies
from onemq.engine.directory.policing import Policing
from onemq.engine.exchange import Exchange, Namespace, check_there
from onemq.engine.facts import write_catalog
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.log import Log
from onemq.engine.natives import Natives
from onemq.engine.parts import Part
from onemq.engine.queue import (
    DIED_DELIVERY_LIMIT,
    DIED_EXPIRED,
    DIED_MAXLEN,
    DIED_REJECTED,
    Keeper,
    Queue,
    QueueListener,
)
from onemq.engine.routing.destination import Destination
from onemq.engine.settings_codec import (
    exchange_from_plain,
    exchange_to_plain,
    queue_from_plain,
    queue_to_plain,
)
from onemq.engine.topics.partition import Partition
from onemq.engine.topics.topics import TopicQueues, Topics
from onemq.model.entities import REJECT_PUBLISH_DLX, ExchangeSettings, QueueSettings
from onemq.model.record import Record
from onemq.model.reserved_header import AddressCache

ROUTED = 1
REFUSED = 2
DURABLE = 4
"""Outcome of a publish, bitwise: it went to a queue; a full queue refused it; it is safe when the turn's commit is."""


class Catalog(Keeper):
    """See the module. `generation` changes whenever a resolved route may have become wrong."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.natives = Natives()
        self.namespaces: dict[str, Namespace] = {}
        self.logs: dict[int, Queue] = {}
        self.addresses = AddressCache()
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

    def replays(self) -> bool:
        return self.replaying

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
            self._note(True, {"op": "namespace", "name": name})
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
        self._note(True, {"op": "namespace-", "name": name})
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
        held = exchange.holding
        change: dict[str, object] = {
            "op": "exchange",
            "namespace": namespace.name,
            "name": name,
            "settings": exchange_to_plain(settings),
            "log": 0 if held is None else held.log.log_id,
        }
        self._note(settings.durable, change)
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
        self._note(
            exchange.settings.durable,
            {"op": "exchange-", "namespace": namespace.name, "name": exchange.name},
        )
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
            self._note(True, self._queue_change(namespace, queue, settings))
            self._queue_made(queue)
            return queue
        queue = self._make_queue(namespace.name, name, settings, log_id or self._take_log_id())
        namespace.queues[name] = queue
        if not self.replaying:
            self.core.totals.queues_created += 1
        self._note(queue.log.durable, self._queue_change(namespace, queue, settings))
        self._queue_made(queue)
        return queue

    def _queue_made(self, queue: Queue) -> None:
        if not self.replaying:
            self.policing.queue_made(queue)
        queue.watch_unused()

    def _queue_change(self, namespace: Namespace, queue: Queue, settings: QueueSettings) -> dict[str, object]:
        return {
            "op": "queue",
            "namespace": namespace.name,
            "name": queue.name,
            "settings": queue_to_plain(settings),
            "log": queue.log.log_id,
        }

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
        change = self._queue_change(namespace, queue, settings)
        change["op"] = "queue~"
        self._note(queue.log.durable, change)

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
        self._note(was_durable, {"op": "queue-", "namespace": namespace.name, "name": queue.name})
        self._tell_removed(namespace, queue)
        self._remove_unbound(namespace, sources)
        return count

    def add_internal(self, label: str, settings: QueueSettings, log_id: int = 0) -> Queue:
        """A queue that no protocol can name or list. `label`: for people. Its owner keeps the log's id, and finds it in `internals`."""
        queue = self._make_queue("", label, settings, log_id or self._take_log_id())
        self.internals[queue.log.log_id] = queue
        self._note(queue.log.durable, self._internal_change(queue))
        return queue

    def alter_internal(self, queue: Queue, settings: QueueSettings) -> None:
        queue.declared = settings
        queue.configure(settings)
        self._note(queue.log.durable, self._internal_change(queue))

    def _internal_change(self, queue: Queue) -> dict[str, object]:
        return {
            "op": "internal",
            "name": queue.name,
            "settings": queue_to_plain(queue.declared),
            "log": queue.log.log_id,
        }

    def remove_internal(self, queue: Queue) -> None:
        was_durable = queue.log.durable
        del self.internals[queue.log.log_id]
        self._drop_queue(queue)
        self._note(was_durable, {"op": "internal-", "log": queue.log.log_id})

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

    def unused(self, queue: Queue) -> None:
        namespace = self.namespaces[queue.namespace]
        if namespace.queues.get(queue.name) is queue:
            self.remove_queue(namespace, queue)

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
            self._note_binding("bind", namespace, source, destination, routing_key, arguments)

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
            self._note_binding("unbind", namespace, source, destination, routing_key, arguments)
            self._remove_unbound(namespace, [source])

    def _note_binding(
        self,
        operation: str,
        namespace: Namespace,
        source: Exchange,
        destination: Destination,
        routing_key: str,
        arguments: dict[str, object],
    ) -> None:
        durable = source.settings.durable
        to_queue = isinstance(destination, Queue)
        if isinstance(destination, Queue):
            durable = durable and destination.log.durable
        elif isinstance(destination, Exchange):
            durable = durable and destination.settings.durable
        change: dict[str, object] = {
            "op": operation,
            "namespace": namespace.name,
            "source": source.name,
            "to": "queue" if to_queue else "exchange",
            "destination": destination.name,
            "key": routing_key,
            "arguments": arguments,
        }
        self._note(durable, change)

    # Records.

    def enqueue(self, queue: Queue, record: Record) -> int:
        """Appends to one queue unless it is full and refuses. Returns outcome flags."""
        if isinstance(queue, LedgerQueue) and queue.limited and queue.full(record):
            if queue.settings.overflow == REJECT_PUBLISH_DLX:
                record.timestamp_ms = self.core.now_ms
                self.bury(queue, record, DIED_MAXLEN)
            queue.counters.refused += 1
            return ROUTED | REFUSED
        if queue.append(record):
            return ROUTED | DURABLE
        return ROUTED

    def spread(self, queues: list[Queue], record: Record) -> int:
        """One copy for each queue. Returns outcome flags; 0 when there is none."""
        if not queues:
            return 0
        if len(queues) == 1:
            return self.enqueue(queues[0], record)
        outcome = 0
        last = len(queues) - 1
        for index in range(len(queues)):
            outcome |= self.enqueue(queues[index], record if index == last else record.copy())
        return outcome

    def bury(self, queue: Queue, record: Record, reason: str) -> None:
        went_somewhere = self._dead_letter(queue, record, reason)
        for counters in (queue.counters, self.core.totals.engine.of(queue.settings.type_name)):
            _count_death(counters, reason, went_somewhere)

    def _dead_letter(self, queue: Queue, record: Record, reason: str) -> bool:
        """False: it had nowhere to go."""
        target = queue.settings.dead_letter_exchange
        if target is None or (reason == DIED_EXPIRED and not queue.settings.dead_letter_expired):
            return False
        namespace = self.namespaces[queue.namespace]
        if target != "" and target not in namespace.exchanges:
            return False
        keys = [record.address.routing_key, *self.natives.extra_keys(record)]
        shown = [record.address.routing_key, *self.natives.shown_keys(record)]
        copy = record.copy()
        copy.deaths = died(record, queue.name, reason, shown, int(self.core.now_ms))
        copy.expires_at_ms = 0
        copy.not_before_ms = 0
        own_key = queue.settings.dead_letter_routing_key
        if own_key is not None:
            keys = [own_key]
            self.natives.drop_extra_keys(copy)
        copy.address = self.addresses.get(target, keys[0])
        targets: list[Queue] = []
        # A limit of receives is reached by receivers: no circle goes round by itself, and as in SQS none loses a record.
        by_receivers = reason == DIED_DELIVERY_LIMIT and queue.settings.receive_limit is not None
        for candidate in namespace.resolve(target, keys, self.natives.headers(record)):
            if by_receivers or not is_cycle(copy.deaths, candidate.name, reason):
                targets.append(candidate)
        self.spread(targets, copy)
        return len(targets) > 0

    def has_grave(self, queue: Queue) -> bool:
        target = queue.settings.dead_letter_exchange
        namespace = self.namespaces[queue.namespace]
        if target == "":
            key = queue.settings.dead_letter_routing_key
            return key is not None and key in namespace.queues
        return target is not None and target in namespace.exchanges

    def forward(self, queue: Queue, record: Record) -> None:
        """A delayed exchange's record has come due: routes it now."""
        namespace = self.namespaces[queue.namespace]
        keys = [record.address.routing_key, *self.natives.extra_keys(record)]
        copy = record.copy()
        copy.not_before_ms = 0
        targets = namespace.resolve(queue.name, keys, self.natives.headers(record))
        self.spread(targets, copy)
        exchange = namespace.exchanges.get(queue.name)
        if exchange is not None:
            for counters in (exchange.counters, self.core.totals.engine.general):
                counters.routed += len(targets)
                if not targets:
                    counters.unroutable += 1

    # Snapshot and replay.

    def changes(self) -> list[dict[str, object]]:
        """The durable catalog as the changes that would make it."""
        changes: list[dict[str, object]] = []
        for namespace in self.namespaces.values():
            changes.append({"op": "namespace", "name": namespace.name})
            for exchange in namespace.exchanges.values():
                if exchange.settings.durable and not exchange.predeclared:
                    held = exchange.holding
                    changes.append(
                        {
                            "op": "exchange",
                            "namespace": namespace.name,
                            "name": exchange.name,
                            "settings": exchange_to_plain(exchange.declared),
                            "log": 0 if held is None else held.log.log_id,
                        }
                    )
            for topic in namespace.topics.values():
                changes.append(topic.to_plain())
            for queue in namespace.queues.values():
                if queue.log.durable:
                    changes.append(self._queue_change(namespace, queue, queue.declared))
            changes.extend(self._binding_changes(namespace))
        for queue in self.internals.values():
            if queue.log.durable:
                changes.append(self._internal_change(queue))
        return changes

    def _binding_changes(self, namespace: Namespace) -> list[dict[str, object]]:
        changes: list[dict[str, object]] = []
        for exchange in namespace.exchanges.values():
            if not exchange.settings.durable:
                continue
            for destination, key, arguments in exchange.matcher.bindings():
                if isinstance(destination, Queue):
                    if not destination.log.durable:
                        continue
                elif isinstance(destination, Exchange) and not destination.settings.durable:
                    continue
                changes.append(
                    {
                        "op": "bind",
                        "namespace": namespace.name,
                        "source": exchange.name,
                        "to": "queue" if isinstance(destination, Queue) else "exchange",
                        "destination": destination.name,
                        "key": key,
                        "arguments": arguments,
                    }
                )
        return changes

    def apply(self, change: dict[str, object]) -> None:
        """Replays one change. A change whose object is not there (it was not durable) is passed over."""
        operation = str(change["op"])
        if operation == "namespace":
            self.add_namespace(str(change["name"]))
            return
        if operation == "namespace-":
            if str(change["name"]) in self.namespaces:
                self.remove_namespace(str(change["name"]))
            return
        if operation in ("internal", "internal-"):
            self._apply_internal(operation, change)
            return
        namespace = self.namespaces.get(str(change["namespace"]))
        if namespace is None:
            return
        if operation in ("bind", "unbind"):
            self._apply_binding(namespace, operation, change)
            return
        name = str(change["name"])
        log_id = change.get("log", 0)
        assert isinstance(log_id, int)
        if operation == "exchange":
            self.add_exchange(namespace, name, exchange_from_plain(change["settings"]), log_id)
        elif operation == "exchange-":
            if name in namespace.exchanges:
                self.remove_exchange(namespace, namespace.exchanges[name])
        elif operation == "queue":
            if name in namespace.topics:
                self.topics.apply_attached(namespace, name, queue_from_plain(change["settings"]))
            else:
                self.add_queue(namespace, name, queue_from_plain(change["settings"]), log_id)
        elif operation == "queue~":
            if name in namespace.queues:
                self.alter_queue(namespace, namespace.queues[name], queue_from_plain(change["settings"]))
        elif operation in ("topic", "topic-"):
            self.topics.apply(namespace, change)
        elif operation == "queue-":
            if name in namespace.queues:
                self.remove_queue(namespace, namespace.queues[name])
        else:
            raise AssertionError(f"unknown change {operation!r} in the catalog's facts")

    def _apply_internal(self, operation: str, change: dict[str, object]) -> None:
        log_id = change["log"]
        assert isinstance(log_id, int)
        found = self.internals.get(log_id)
        if operation == "internal-":
            if found is not None:
                self.remove_internal(found)
        elif found is None:
            self.add_internal(str(change["name"]), queue_from_plain(change["settings"]), log_id)
        else:
            self.alter_internal(found, queue_from_plain(change["settings"]))

    def _apply_binding(self, namespace: Namespace, operation: str, change: dict[str, object]) -> None:
        source = namespace.exchanges.get(str(change["source"]))
        name = str(change["destination"])
        destination: Destination | None
        if change["to"] == "queue":
            destination = namespace.queues.get(name)
        else:
            destination = namespace.exchanges.get(name)
        arguments = change["arguments"]
        if source is None or destination is None or not isinstance(arguments, dict):
            return
        if operation == "bind":
            self.bind(namespace, source, destination, str(change["key"]), arguments)
        else:
            self.unbind(namespace, source, destination, str(change["key"]), arguments)


def _count_death(counters: Counters, reason: str, dead_lettered: bool) -> None:
    if reason == DIED_EXPIRED:
        if dead_lettered:
            counters.dead_expired += 1
        else:
            counters.dropped_expired += 1
    elif reason == DIED_REJECTED:
        if dead_lettered:
            counters.dead_rejected += 1
        else:
            counters.dropped_rejected += 1
    elif reason == DIED_MAXLEN:
        if dead_lettered:
            counters.dead_maxlen += 1
        else:
            counters.dropped_maxlen += 1
    elif dead_lettered:
        counters.dead_delivery_limit += 1
    else:
        counters.dropped_delivery_limit += 1
