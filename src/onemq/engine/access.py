"""Access: one authenticated principal's only way into the engine, for one connection. It authorises, limits and counts.

Every method that can be denied raises Refusal. What it changes durably is safe when `position()` is durable.
"""

from mypy_extensions import i64

from onemq.engine.administration import AdminAccess
from onemq.engine.auditing import Audit
from onemq.engine.authority import Authority
from onemq.engine.catalog import Catalog
from onemq.engine.consumption import Consumer, Delivery, GetWaiter, Sink, StreamStart
from onemq.engine.core import Core
from onemq.engine.counters import Counters, ProtocolCounters, Tally
from onemq.engine.declaring import QueueAccess
from onemq.engine.deduplication import Deduplication, DeduplicationAccess
from onemq.engine.directory.access import DirectoryAccess
from onemq.engine.directory.directory import Directory
from onemq.engine.enqueueing import REFUSED, ROUTED, enqueue, spread
from onemq.engine.exchange import Namespace
from onemq.engine.groups.access import GroupAccess
from onemq.engine.groups.groups import Groups
from onemq.engine.inspection import InspectionAccess
from onemq.engine.leasing import LeaseAccess
from onemq.engine.notices.access import NoticeAccess
from onemq.engine.notices.notices import Notices
from onemq.engine.own_queues import OwnQueues
from onemq.engine.permits import Permits
from onemq.engine.queue import Queue
from onemq.engine.rates import Rates
from onemq.engine.redrive import Redrives
from onemq.engine.redrive_access import RedriveAccess
from onemq.engine.routes import NO_HEADERS, Route, Routes
from onemq.engine.share.access import ShareAccess
from onemq.engine.share.groups import ShareGroups
from onemq.engine.topics.topic_access import TopicAccess
from onemq.engine.topology import ExchangeAccess
from onemq.engine.transactions.access import TransactionAccess
from onemq.engine.transactions.coordinator import Transactions
from onemq.model.demand import Demand
from onemq.model.principal import Principal
from onemq.model.record import HeaderValue, Record
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import Rights


class Access:
    """See the module. `counters`, `protocol`: what was done through it (counters.py), and where that counts, too."""

    def __init__(
        self,
        core: Core,
        catalog: Catalog,
        groups: Groups,
        shares: ShareGroups,
        transactions: Transactions,
        deduplication: Deduplication,
        notices: Notices,
        redrives: Redrives,
        directory: Directory,
        rates: Rates,
        principal: Principal,
        namespace: Namespace,
        rights: Rights,
        protocol: ProtocolCounters,
    ) -> None:
        self.core = core
        self.catalog = catalog
        self.principal = principal
        self.namespace = namespace.name
        self.counters = Counters()
        self.protocol = protocol
        self._closed_sinks = Counters()
        protocol.accesses += 1
        tally = Tally(self.counters, protocol)
        self.paused = False
        self.closed = False
        self.audit = Audit(core, principal.name, namespace.name)
        self.authority = Authority(catalog.administration.acls, principal, rights, self.audit)
        topic_permissions = directory.permissions.live(principal.name, namespace.name).topics
        permits = Permits(self.authority, rights, topic_permissions)
        self._permits = permits
        self._own = OwnQueues(catalog, namespace)
        self.queues = QueueAccess(core, catalog, namespace, permits, self._own, directory, self.audit)
        self._routes = Routes(catalog, namespace, permits, self._own)
        self.exchanges = ExchangeAccess(catalog, namespace, permits, self._own, self.audit)
        self.admin = AdminAccess(catalog.administration, self.authority, principal.name)
        self.directory = DirectoryAccess(directory, principal, self.audit)
        self.topics = TopicAccess(core, catalog, namespace, self.authority, tally)
        self.groups = GroupAccess(groups, self.authority, namespace.name)
        self.shares = ShareAccess(shares, self.authority, self.topics, namespace.name, tally)
        self.transactions = TransactionAccess(transactions, self.authority, namespace.name)
        self.topics.produce_check = self.transactions
        self.deduplication = DeduplicationAccess(deduplication, namespace, permits)
        self.notices = NoticeAccess(notices, namespace.name, rights, tally, self.audit)
        self.redrives = RedriveAccess(redrives, namespace, permits, self.audit)
        self.leases = LeaseAccess(core, catalog, namespace, permits, tally, self.audit)
        self.inspection = InspectionAccess(
            core, catalog, namespace, self.authority, permits, groups, self.groups, self.shares, rates
        )
        self._limits = directory.limits
        self._connected = False
        self._channels: dict[Sink, bool] = {}
        self._space = namespace
        self._sinks: dict[Sink, bool] = {}
        self._replies: dict[str, bool] = {}

    def now_ms(self) -> int:
        """Time of this turn, ms since the epoch."""
        return int(self.core.now_ms)

    def position(self) -> int:
        """Position at which everything done so far in this turn is durable."""
        return int(self.core.position())

    def generation(self) -> int:
        return int(self.catalog.generation)

    # Publishing.

    def route(self, exchange: str, routing_key: str) -> Route:
        """Resolves and authorises. Raises Refusal NOT_FOUND, ACCESS_DENIED."""
        return self._routes.to_exchange(exchange, routing_key)

    def queue_route(self, name: str) -> Route:
        """Straight to a queue: the right to write is asked for it, not for an exchange. Refusal NOT_FOUND, ACCESS_DENIED, LOCKED."""
        return self._routes.to_queue(name)

    def publish(
        self,
        route: Route,
        record: Record,
        headers: dict[str, HeaderValue] | None = None,
        extra_keys: list[str] | None = None,
        through: Sink | None = None,
    ) -> int:
        """Takes one record. Returns outcome flags (ROUTED, REFUSED, DURABLE); 0 = it went nowhere. `through`: where it counts.

        Raises Refusal TOO_LARGE; NOT_FOUND when the exchange has gone; ACCESS_DENIED when a rule has come that denies it.
        """
        catalog = self.catalog
        if route.generation != catalog.generation:
            self._routes.refresh(route)
        value = record.value
        size: i64 = 0
        if value is not None:
            size = len(value)
            if size > self.core.settings.message_bytes_max:
                raise Refusal(Reason.TOO_LARGE, "record", route.address.exchange, str(size))
        if extra_keys is not None and route.exchange is not None:
            # The route was authorised for its own key only.
            for key in extra_keys:
                self._permits.demand_key(route.exchange, key, True)
        own = self.counters if through is None else through.counters
        general = self.protocol.general
        at = route.counters
        assert at is not None, "a route that was not resolved"
        if own.published == 0:
            self.protocol.publishers += 1
        own.published += 1
        own.published_bytes += size
        general.published += 1
        general.published_bytes += size
        at.published += 1
        at.published_bytes += size
        tracer = self.core.tracer
        if tracer is not None:
            tracer.published(record, self.protocol.name, route.address.exchange, route.address.routing_key)
        if route.reply is not None:
            own.routed += 1
            general.routed += 1
            at.routed += 1
            route.reply.counters.delivered_no_ack += 1
            route.reply.protocol.classic.delivered_no_ack += 1
            route.reply.reply(record)
            return ROUTED
        queues = route.queues
        if not (route.delayed or route.per_record or extra_keys is not None) and len(queues) == 1:
            outcome = enqueue(queues[0], record)
            own.routed += 1
            general.routed += 1
            at.routed += 1
            if outcome & REFUSED:
                own.refused += 1
                general.refused += 1
                at.refused += 1
            return outcome
        return self._publish_widely(route, record, headers, extra_keys, own)

    def _publish_widely(
        self,
        route: Route,
        record: Record,
        headers: dict[str, HeaderValue] | None,
        extra_keys: list[str] | None,
        own: Counters,
    ) -> int:
        """To any number of queues, or later."""
        exchange = route.exchange
        if route.delayed and exchange is not None and record.not_before_ms > self.core.now_ms:
            holding = exchange.holding
            assert holding is not None
            return enqueue(holding, record)
        found = route.queues
        if route.per_record or extra_keys is not None:
            keys = [route.address.routing_key]
            if extra_keys is not None:
                keys.extend(extra_keys)
            found = self._space.resolve(
                route.address.exchange, keys, NO_HEADERS if headers is None else headers
            )
        outcome = spread(found, record)
        copies: i64 = len(found)
        at = route.counters
        assert at is not None
        for counters in (own, self.protocol.general, at):
            counters.routed += copies
            if copies == 0:
                counters.unroutable += 1
            if outcome & REFUSED:
                counters.refused += 1
        return outcome

    # Counting what only the head knows.

    def begin_connection(self) -> None:
        """An application's connection: it counts against the limits of user and namespace until `close`.

        Refusal LIMIT ("user", "namespace"), of CONNECTION scope.
        """
        self._limits.add_connection(self.principal.name, self.namespace)
        self._connected = True

    def open_channel(self, sink: Sink) -> None:
        """As `open_sink`; it counts against the user's limit. Refusal LIMIT ("user"), of CONNECTION scope."""
        self._limits.add_channel(self.principal.name)
        self._channels[sink] = True
        self.open_sink(sink)

    def open_sink(self, sink: Sink) -> None:
        """A channel: what is done through it counts at it. `close_sink` ends it."""
        sink.protocol = self.protocol
        self.protocol.sinks_opened += 1
        self._sinks[sink] = True

    def sinks(self) -> list[Sink]:
        """The open ones."""
        return list(self._sinks)

    def sent_back(self, through: Sink) -> None:
        """What went nowhere was given back to its publisher."""
        through.counters.sent_back += 1
        self.protocol.general.sent_back += 1

    def confirmed(self, count: i64, through: Counters | None, position: int = 0, waits: bool = False) -> None:
        """So many publishes that are to be confirmed have their answer. `position`: it leaves when that is durable, 0 = at once, but, where
        it `waits`, behind others."""
        if position or waits:
            self.protocol.confirms_wait(position, int(count), int(self.core.durable_position))
        for counters in (self.counters if through is None else through, self.protocol.general):
            counters.confirming += count
            counters.confirmed += count

    def not_confirmed(self, through: Counters | None) -> None:
        """One that was to be confirmed was refused."""
        (self.counters if through is None else through).confirming += 1
        self.protocol.general.confirming += 1

    def all_counters(self) -> Counters:
        """A copy: everything that was done through this access, by whatever sink."""
        found = self.counters.copy()
        found.add(self._closed_sinks)
        for sink in self._sinks:
            found.add(sink.counters)
        return found

    def register_reply(self, name: str, sink: Sink) -> None:
        """From now on a record published to the default exchange with this routing key goes straight to the sink."""
        self.catalog.replies[name] = sink
        self._replies[name] = True
        self.catalog.generation += 1

    def release_reply(self, name: str) -> None:
        if self._replies.pop(name, None) is not None:
            self.catalog.replies.pop(name, None)
            self.catalog.generation += 1

    def has_reply(self, name: str) -> bool:
        """Whether somebody listens under a reply name."""
        return name in self.catalog.replies

    # Consuming.

    def consume(
        self,
        queue: str,
        sink: Sink,
        tag: str,
        demand: Demand,
        group_demand: Demand | None,
        *,
        no_ack: bool,
        exclusive: bool,
        arguments: dict[str, object],
        priority: int = 0,
        no_local: bool = False,
        start: StreamStart | None = None,
    ) -> Consumer:
        """Refusal NOT_FOUND, ACCESS_DENIED, LOCKED, SINGLE_ACTIVE (somebody consumes exclusively, or would have to be excluded)."""
        self._permits.demand_queue_read(queue)
        found = self._own.find(queue)
        if found.exclusive_consumer or (exclusive and (found.consumers or found.settings.single_active)):
            raise Refusal(Reason.SINGLE_ACTIVE, "queue", queue)
        consumer = Consumer(
            tag, queue, found.leaser, sink, demand, group_demand, no_ack, exclusive, priority, arguments
        )
        consumer.totals = self.protocol.of(found.settings.type_name)
        consumer.no_local = no_local
        consumer.start = start
        consumer.paused = self.paused
        if sink not in self._sinks:
            self.open_sink(sink)
        sink.consumers.append(consumer)
        found.add_consumer(consumer)
        return consumer

    def cancel(self, consumer: Consumer) -> None:
        """Ends a consumer; what it has not settled stays with its sink. An auto-delete queue may go with its last one."""
        if consumer.cancelled:
            return
        if consumer in consumer.sink.consumers:
            consumer.sink.consumers.remove(consumer)
        queue = self._space.queues.get(consumer.queue_name)
        if queue is not None and queue.leaser is consumer.queue:
            queue.remove_consumer(consumer)
            self._delete_unconsumed(queue)

    def _delete_unconsumed(self, queue: Queue) -> None:
        if queue.settings.auto_delete and not queue.consumers and not queue.deleted:
            self._own.forget(queue.name)
            self.catalog.remove_queue(self._space, queue)

    def get(self, queue: str, sink: Sink, no_ack: bool, waiter: GetWaiter) -> None:
        """Takes one record; the waiter is answered now or later (a record on its way to or from the disk).

        Refusal NOT_FOUND, ACCESS_DENIED, LOCKED, NOT_SUPPORTED.
        """
        self._permits.demand_queue_read(queue)
        found = self._own.find(queue)
        if sink not in self._sinks:
            self.open_sink(sink)
        found.get(sink, no_ack, waiter)

    def demand_changed(self, sink: Sink) -> None:
        """A limit of this sink's demands was raised: its consumers may have room again."""
        for consumer in sink.consumers:
            consumer.queue.wake()

    # Settling. What is settled already, or belongs to a queue that has gone, is passed over.

    def accept(self, delivery: Delivery) -> None:
        """The record is done with."""
        delivery.queue.settle(delivery)

    def accept_many(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            delivery.queue.settle(delivery)

    def release(self, delivery: Delivery, failed: bool) -> None:
        """The record is ready again, at its place. `failed` counts towards the queue's delivery limit."""
        delivery.queue.give_back(delivery, failed)

    def reject(self, delivery: Delivery) -> None:
        """The record is dead: to the dead-letter target, or dropped."""
        delivery.queue.reject(delivery)

    # Pressure and the end.

    def pause(self, paused: bool) -> None:
        """The peer does not read (True): nothing more is delivered to it until False."""
        self.paused = paused
        for sink in self._sinks:
            for consumer in sink.consumers:
                consumer.paused = paused
                if not paused:
                    consumer.queue.wake()

    def close_sink(self, sink: Sink) -> None:
        """The channel is gone: its consumers end, its unsettled deliveries go back (as failed)."""
        if self._sinks.pop(sink, None) is not None:
            self.protocol.sinks_closed += 1
        if self._channels.pop(sink, None) is not None:
            self._limits.drop_channels(self.principal.name, 1)
        consumers = list(sink.consumers)
        sink.consumers.clear()
        queues: list[Queue] = []
        for consumer in consumers:
            queue = self._space.queues.get(consumer.queue_name)
            if queue is not None and queue.leaser is consumer.queue:
                queue.remove_consumer(consumer)
                queues.append(queue)
        for leaser in sink.leased_from:
            leaser.give_back_all(sink)
        sink.leased_from.clear()
        for queue in self._space.queues.values():
            if queue.waiting:
                queue.forget_waiting(sink)
        # After the deliveries that went back.
        self._closed_sinks.add(sink.counters)
        if sink.counters.published:
            self.protocol.publishers -= 1
        sink.counters = Counters()
        for queue in queues:
            if not queue.deleted:
                self._delete_unconsumed(queue)

    def close(self) -> None:
        """The connection is gone."""
        if self.closed:
            return
        self.closed = True
        self.protocol.accesses -= 1
        if self._connected:
            self._limits.drop_connection(self.principal.name, self.namespace)
        if self.counters.published:
            self.protocol.publishers -= 1
        for name in list(self._replies):
            self.release_reply(name)
        for sink in list(self._sinks):
            self.close_sink(sink)
        for queue in self._own.exclusive():
            if not queue.deleted:
                self.catalog.remove_queue(self._space, queue)
            self._own.forget(queue.name)
        self.shares.close()
