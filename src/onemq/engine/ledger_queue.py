"""A queue whose records are settled one by one: competing consumers, leases, limits, expiry, delay, delivery limit."""

from mypy_extensions import i64

from onemq.engine.arrivals import Arrivals
from onemq.engine.batch import Batch
from onemq.engine.consumption import Consumer, Delivery, GetResult, Sink
from onemq.engine.core import Core
from onemq.engine.counters import Counters
from onemq.engine.duplicates import Duplicates
from onemq.engine.group_ledger import GroupLedger
from onemq.engine.ledger import Ledger
from onemq.engine.log import Log
from onemq.engine.queue import (
    DIED_DELIVERY_LIMIT,
    DIED_EXPIRED,
    DIED_MAXLEN,
    DIED_REJECTED,
    Keeper,
    Queue,
)
from onemq.engine.receivers import Receivers, ReceiveSource
from onemq.engine.receiving import LeaseHandle, Received
from onemq.engine.timed_leases import TimedLease
from onemq.model.entities import DROP_HEAD, STRICT_GROUPS, QueueSettings
from onemq.model.record import NATIVE_NONE, Record


class QueueSource(ReceiveSource):
    """A queue's side as what its receivers get records from."""

    def __init__(self, queue: "LedgerQueue") -> None:
        self._queue = queue

    def take(self, count: i64, until_ms: i64) -> list[Received]:
        return self._queue.take(count, until_ms)

    def renew(self, found: list[Received], until_ms: i64) -> bool:
        return self._queue.renew(found, until_ms)

    def counters(self) -> Counters:
        return self._queue.counters

    def type_name(self) -> str:
        return self._queue.settings.type_name

    def queue_name(self) -> str:
        return self._queue.name

    def is_loading(self) -> bool:
        queue = self._queue
        return queue.is_loading() or (queue.core.delivery_bytes_left <= 0 and queue.ledger.ready_count > 0)


class LedgerQueue(Queue):
    """See the module."""

    def __init__(
        self, core: Core, namespace: str, name: str, settings: QueueSettings, log: Log, keeper: Keeper
    ) -> None:
        super().__init__(core, namespace, name, settings, log, keeper)
        self.ledger = Ledger(core, log, settings.priority_max, self.agenda)
        self.regroup()
        self.message_ttl_ms: i64 = -1
        self.limited = False
        self.receive_limit: i64 = 0
        self.receivers = Receivers(core, self.agenda, QueueSource(self))
        self._part: i64 = 0
        self._take_over_settings()
        self.forwarder = False
        """Holds a delayed exchange's records: what is ready is routed, not consumed."""
        self.partition: Queue | None = None
        self.arrivals: Arrivals | None = None
        """Keeps the log that this queue settles the records of; None: the log is the queue's own."""
        self.main: LedgerQueue | None = None
        """Of a queue over several logs: the one that consumers and names know; None for that one itself."""
        self.others: list[LedgerQueue] = []
        """Of the main one: those over the other logs."""
        self.fresh_from: i64 = 0
        """Records from this offset on have not yet been offered to anybody."""
        self.duplicates: Duplicates | None = None
        """A fault on purpose (tests); shared by the parts of a queue over several logs."""

    def _take_over_settings(self) -> None:
        settings = self.settings
        self.message_ttl_ms = -1 if settings.message_ttl_ms is None else settings.message_ttl_ms
        self.limited = settings.length_max is not None or settings.bytes_max is not None
        self.receive_limit = 0 if settings.receive_limit is None else settings.receive_limit

    def configure(self, settings: QueueSettings) -> None:
        regroup = settings.grouping != self.settings.grouping
        super().configure(settings)
        self._take_over_settings()
        if regroup:
            self.regroup()
        for delivery in self.ledger.leased.values():
            self._watch_leases(delivery.leased_at_ms)
            break
        for other in self.others:
            other.configure(settings)

    def regroup(self) -> None:
        """Has the ledger group as the settings say. A log that others keep has no groups, nor has a queue with priorities."""
        grouping = self.settings.grouping
        ledger = self.ledger
        if not grouping or self.log.kept or self.settings.priority_max:
            if isinstance(ledger, GroupLedger):
                ledger.ungroup()
        elif isinstance(ledger, GroupLedger):
            ledger.group_again()
        else:
            strict = grouping == STRICT_GROUPS
            self.ledger = GroupLedger(self.core, self.log, self.agenda, strict, self.keeper.replays())
            self.ledger.take_over(ledger)

    def ready_count(self) -> i64:
        return self.ledger.ready_count

    # A queue over the logs of a topic: this queue and `others`, one for each partition.

    def append(self, record: Record) -> bool:
        delay_ms = self.settings.delay_ms
        if delay_ms and record.not_before_ms == 0:
            record.not_before_ms = self.core.now_ms + delay_ms
        partition = self.partition
        if partition is not None:
            return partition.append(record)
        return super().append(record)

    def add_other(self, other: "LedgerQueue") -> None:
        """One more log to settle the records of."""
        other.main = self
        other.counters = self.counters
        self.others.append(other)
        for consumer in self.consumers:
            other.add_consumer(consumer)

    def add_range(self, start: i64, end: i64, value_bytes: i64) -> None:
        """Records of the log that its partition keeps are ready."""
        if end > start:
            self.counters.published += end - start
            self.counters.published_bytes += value_bytes
            self.ledger.add_range(start, end, value_bytes)
            self.core.need_dispatch(self.agenda)

    def forget_before(self, start: i64) -> None:
        """The log begins at `start` now."""
        if self.ledger.forget_before(start):
            self.core.need_write(self.agenda)

    def durable_up_to(self, position: i64) -> bool:
        # The log's visibility is its partition's business.
        return self.partition is None and super().durable_up_to(position)

    def message_count(self) -> i64:
        count = super().message_count()
        for other in self.others:
            count += other.message_count()
        return count

    def add_consumer(self, consumer: Consumer) -> None:
        super().add_consumer(consumer)
        for other in self.others:
            other.add_consumer(consumer)

    def remove_consumer(self, consumer: Consumer) -> None:
        super().remove_consumer(consumer)
        for other in self.others:
            other.remove_consumer(consumer)

    def wake(self) -> None:
        super().wake()
        for other in self.others:
            other.wake()

    def hidden_from(self) -> i64:
        return max(self.log.visible_end, self.ledger.purged_to)

    def is_loading(self) -> bool:
        if self.ledger.reader.loading:
            return True
        for other in self.others:
            if other.is_loading():
                return True
        return False

    # Records in.

    def add_visible(self, batch: Batch) -> None:
        if self.partition is not None:
            self.counters.published += batch.end - batch.base
            self.counters.published_bytes += batch.value_bytes
        self.ledger.add_batch(batch)
        if self.ledger.delayed:
            self._watch_delayed()

    def full(self, record: Record) -> bool:
        """True when a queue that refuses rather than drops has no room for one more."""
        settings = self.settings
        if not self.limited or settings.overflow == DROP_HEAD:
            return False
        hidden = self.log.next_offset - self.hidden_from()
        if settings.length_max is not None and self.ledger.ready_count + hidden >= settings.length_max:
            return True
        if settings.bytes_max is None:
            return False
        size = self.ledger.ready_bytes() + self.log.invisible_bytes()
        return size + record.body_bytes() > settings.bytes_max

    # Records out.

    def dispatch(self, budget: i64) -> i64:
        if self.forwarder:
            return self._forward(budget)
        ledger = self.ledger
        core = self.core
        now = core.now_ms
        count: i64 = 0
        if self.receivers.waiting:
            # Before consumers: what they want is bounded.
            count = self.receivers.serve()
        while ledger.ready_count and count < budget and core.delivery_bytes_left > 0:
            consumer = self.pick()
            if consumer is None:
                break
            record = ledger.head()
            if record is None:
                break
            if self._dies_first(record, now):
                count += 1
                continue
            ledger.take_head()
            self._deliver(consumer, record, now)
            core.delivery_bytes_left -= record.body_bytes()
            count += 1
        if ledger.ready_count and (count >= budget or core.delivery_bytes_left <= 0):
            self.core.need_dispatch(self.agenda)
            return count
        self.fresh_from = self.log.visible_end
        if ledger.ready_count:
            count += self._look_after_waiting(budget - count)
        main = self.main
        if main is not None and (main.waiting or main.receivers.waiting):
            self.core.need_dispatch(main.agenda)
        if self.waiting:
            self.serve_waiting()
        return count

    def later_ones_matter(self) -> bool:
        return self.limited or self.settings.priority_max > 0

    def settle_arrivals(self) -> None:
        """Consumers come before whoever asks now, and what nobody takes may die at once: by a limit, or of age 0."""
        if not self.forwarder:
            self.dispatch(self.core.settings.dispatch_per_turn)

    def _forward(self, budget: i64) -> i64:
        ledger = self.ledger
        count: i64 = 0
        while count < budget and (ledger.ready_count or ledger.release_due()):
            record = ledger.head()
            if record is None:
                if ledger.ready_count:
                    return count
                continue
            ledger.take_head()
            self.keeper.forward(self, record)
            if ledger.settle(record):
                self.core.need_write(self.agenda)
            count += 1
        if count < budget:
            self._watch_delayed()
        else:
            self.core.need_dispatch(self.agenda)
        return count

    def _duplicate(self, duplicates: Duplicates, record: Record) -> None:
        log_id = self.log.log_id
        if duplicates.wants(log_id, record.offset):
            copy = record.copy()
            self.append(copy)
            duplicates.made(log_id, copy.offset)

    def _deliver(self, consumer: Consumer, record: Record, now: i64) -> None:
        duplicates = self.duplicates
        if duplicates is not None:
            self._duplicate(duplicates, record)
        ledger = self.ledger
        attempts: i64 = 0
        failures: i64 = 0
        if ledger.returns:
            attempts = ledger.attempts(record.offset)
            failures = ledger.failures(record.offset)
        size = record.body_bytes()
        counters = self.counters
        through = consumer.sink.counters
        totals = consumer.totals
        counters.delivered_bytes += size
        through.delivered_bytes += size
        totals.delivered_bytes += size
        if attempts:
            counters.redelivered += 1
            through.redelivered += 1
            totals.redelivered += 1
        if consumer.no_ack:
            counters.delivered_no_ack += 1
            through.delivered_no_ack += 1
            totals.delivered_no_ack += 1
            self._trace(record, consumer.sink, False)
            if ledger.settle(record):
                self.core.need_write(self.agenda)
            consumer.sink.deliver(consumer, record, attempts, failures, None)
            return
        counters.delivered += 1
        through.delivered += 1
        totals.delivered += 1
        self._trace(record, consumer.sink, True)
        delivery = Delivery(record, self.leaser, consumer.sink, consumer, attempts, failures, now)
        self._lease(delivery)
        consumer.demand.in_flight += 1
        group = consumer.group_demand
        if group is not None:
            group.in_flight += 1
        consumer.sink.deliver(consumer, record, attempts, failures, delivery)

    def _trace(self, record: Record, sink: Sink, held: bool) -> None:
        tracer = self.core.tracer
        if tracer is not None:
            tracer.delivered(record, sink.protocol.name, self.name, int(self.log.log_id), held)

    def _trace_end(self, delivery: Delivery, how: str) -> None:
        tracer = self.core.tracer
        if tracer is not None:
            tracer.settled(int(self.log.log_id), int(delivery.offset), how)

    def _lease(self, delivery: Delivery) -> None:
        sink = delivery.sink
        if self.leaser not in sink.leased_from:
            sink.leased_from[self.leaser] = True
        ledger = self.ledger
        if not ledger.leased:
            self._watch_leases(delivery.leased_at_ms)
        ledger.lease(delivery)
        self.core.need_write(self.agenda)

    def try_get(self, sink: Sink, no_ack: bool) -> GetResult | None:
        ledger = self.ledger
        while ledger.ready_count:
            record = ledger.head()
            if record is None:
                return None
            if self._dies_first(record, self.core.now_ms):
                continue
            ledger.take_head()
            if self.duplicates is not None:
                self._duplicate(self.duplicates, record)
            attempts = ledger.attempts(record.offset)
            failures = ledger.failures(record.offset)
            self._count_get(sink, record, attempts, no_ack)
            self._trace(record, sink, not no_ack)
            if no_ack:
                if ledger.settle(record):
                    self.core.need_write(self.agenda)
                self._expire_due()
                return GetResult(record, self.leaser, attempts, failures, None, ledger.ready_count)
            delivery = Delivery(record, self.leaser, sink, None, attempts, failures, self.core.now_ms)
            self._lease(delivery)
            self._expire_due()
            return GetResult(record, self.leaser, attempts, failures, delivery, ledger.ready_count)
        for other in self.others:
            result = other.try_get(sink, no_ack)
            if result is not None:
                return result
        return None

    def _count_get(self, sink: Sink, record: Record, attempts: i64, no_ack: bool) -> None:
        size = record.body_bytes()
        for counters in (self.counters, sink.counters, sink.protocol.of(self.settings.type_name)):
            counters.delivered_bytes += size
            if no_ack:
                counters.got_no_ack += 1
            else:
                counters.got += 1
            if attempts:
                counters.redelivered += 1

    def _expire_due(self) -> None:
        """What expired behind a record that was taken does not count as remaining."""
        if self.message_ttl_ms < 0 and not self.log.may_expire:
            return
        ledger = self.ledger
        while ledger.ready_count:
            record = ledger.head()
            if record is None or not self._has_expired(record, self.core.now_ms) or self._is_for_now(record):
                return
            self._expire_head(record)

    # Receiving (receiving.py).

    def take(self, count: i64, until_ms: i64) -> list[Received]:
        """Leases up to `count` ready records; parts of a queue over several logs take turns in giving first."""
        found: list[Received] = []
        if not self.others:
            self._take_into(found, count, until_ms)
            return found
        parts: i64 = len(self.others) + 1
        for step in range(parts):
            if len(found) >= count:
                break
            at = (self._part + step) % parts
            part = self if at == 0 else self.others[at - 1]
            part._take_into(found, count, until_ms)
        self._part = (self._part + 1) % parts
        return found

    def _take_into(self, found: list[Received], count: i64, until_ms: i64) -> None:
        ledger = self.ledger
        core = self.core
        log_id = self.log.log_id
        before: i64 = len(found)
        took = False
        redelivered: i64 = 0
        size: i64 = 0
        ledger.begin_together()
        while len(found) < count and ledger.ready_count and core.delivery_bytes_left > 0:
            record = ledger.head()
            if record is None:
                break
            if self._dies_first(record, core.now_ms):
                continue
            ledger.take_head()
            if self.duplicates is not None:
                self._duplicate(self.duplicates, record)
            lease = ledger.lease_until(record, until_ms)
            core.delivery_bytes_left -= lease.size
            size += lease.size
            if lease.attempts > 1:
                redelivered += 1
            found.append(Received(record, log_id, lease.offset, lease.attempts, lease.first_at_ms, until_ms))
            took = True
        ledger.end_together()
        if took:
            counters = self.counters
            counters.delivered += len(found) - before
            counters.delivered_bytes += size
            counters.redelivered += redelivered
            if until_ms <= core.now_ms:
                ledger.release_due()
            self.last_used_ms = core.now_ms
            core.need_write(self.agenda)
            self._watch_delayed()

    def renew(self, found: list[Received], until_ms: i64) -> bool:
        """As `ReceiveSource.renew`. Not of a queue over several logs."""
        leases: list[TimedLease] = []
        for each in found:
            lease = self.ledger.timed.out.get(each.offset)
            if lease is None or lease.attempts != each.attempts or each.log_id != self.log.log_id:
                return False
            leases.append(lease)
        for lease in leases:
            self.change_lease(lease, until_ms - self.core.now_ms)
        return True

    def find_lease(self, handle: LeaseHandle) -> TimedLease | None:
        """What the handle names, while nobody else has been given the record since; perhaps its time is over."""
        timed = self.ledger.timed
        lease = timed.out.get(handle.offset)
        if lease is None:
            lease = timed.lapsed.get(handle.offset)
        if lease is None or lease.attempts != handle.attempt or lease.first_at_ms != handle.first_at_ms:
            return None
        return lease

    def settle_leased(self, lease: TimedLease) -> None:
        self.counters.acknowledged += 1
        tracer = self.core.tracer
        if tracer is not None:
            tracer.settled(int(self.log.log_id), int(lease.offset), "ack")
        if self.ledger.settle_leased(lease):
            self.core.need_write(self.agenda)
        if self.ledger.ready_count:
            # Others of its group may be given now.
            self.core.need_dispatch(self.agenda)

    def reject_leased(self, lease: TimedLease, record: Record) -> None:
        """The record, which the lease is of, is dead."""
        self.keeper.bury(self, record, DIED_REJECTED)
        if self.ledger.settle_leased(lease):
            self.core.need_write(self.agenda)
        if self.ledger.ready_count:
            self.core.need_dispatch(self.agenda)

    def change_lease(self, lease: TimedLease, visibility_ms: i64) -> None:
        """Of a lease that stands: its end, from now. 0: it is ready again."""
        self.ledger.change_lease(lease, self.core.now_ms + visibility_ms)
        self.core.need_write(self.agenda)
        self._watch_delayed()
        self.core.need_dispatch(self.agenda)

    def _dies_first(self, record: Record, now: i64) -> bool:
        """The head is not given to anybody any more: it is too old, or was given often enough. True: it has gone."""
        if self._has_expired(record, now) and not self._is_for_now(record):
            self._expire_head(record)
            return True
        limit = self.receive_limit
        if limit and self.ledger.returns and self.ledger.attempts(record.offset) >= limit:
            # Without a place to go to it is worth more here.
            if self.keeper.has_grave(self):
                self.ledger.take_head()
                self._bury(record, DIED_DELIVERY_LIMIT)
                return True
        return False

    # Moving records elsewhere (redrive_movers.py).

    def next_ready(self) -> Record | None:
        """The next record that may be moved; None: none is ready, or it is being loaded."""
        while self.ledger.ready_count:
            record = self.ledger.head()
            if record is None or not self._has_expired(record, self.core.now_ms):
                return record
            self._expire_head(record)
        return None

    def take_out(self, record: Record) -> None:
        """What `next_ready` has just returned is done with here."""
        self.ledger.take_head()
        if self.ledger.settle(record):
            self.core.need_write(self.agenda)

    def take_out_ready(self, records: list[Record]) -> None:
        """These ready records, in the order of their offsets and wherever they stand, are done with here."""
        self.ledger.take_ready(records)
        for record in records:
            if self.ledger.settle(record):
                self.core.need_write(self.agenda)

    # Settlement.

    def _end_lease(self, delivery: Delivery) -> bool:
        if self.deleted:
            if delivery.settled:
                return False
            delivery.settled = True
        elif not self.ledger.unlease(delivery):
            return False
        consumer = delivery.consumer
        if consumer is not None:
            consumer.demand.in_flight -= 1
            group = consumer.group_demand
            if group is not None:
                if group.limit != 0 and group.in_flight >= group.limit:
                    for other in consumer.sink.consumers:
                        other.queue.wake()
                group.in_flight -= 1
        if self.deleted:
            return False
        if self.ledger.ready_count:
            self.core.need_dispatch(self.agenda)
        if consumer is not None and (self.main is not None or self.others):
            # The consumer's room is for all logs of the queue.
            consumer.queue.wake()
        return True

    def settle(self, delivery: Delivery) -> None:
        if not self._end_lease(delivery):
            return
        self._trace_end(delivery, "ack")
        self.counters.acknowledged += 1
        delivery.sink.counters.acknowledged += 1
        consumer = delivery.consumer
        if consumer is not None:
            consumer.totals.acknowledged += 1
        else:
            delivery.sink.protocol.of(self.settings.type_name).acknowledged += 1
        if self.ledger.settle(delivery.record):
            self.core.need_write(self.agenda)

    def reject(self, delivery: Delivery) -> None:
        if self._end_lease(delivery):
            self._trace_end(delivery, "reject")
            self._bury(delivery.record, DIED_REJECTED)

    def give_back(self, delivery: Delivery, failed: bool) -> None:
        if not self._end_lease(delivery):
            return
        self._trace_end(delivery, "requeue")
        settings = self.settings
        record = delivery.record
        failures = delivery.failures + (1 if failed else 0)
        limit = settings.delivery_limit
        if limit is not None and failures > limit:
            self._bury(record, DIED_DELIVERY_LIMIT)
            return
        sink = delivery.sink
        for counters in (self.counters, sink.counters, sink.protocol.of(settings.type_name)):
            counters.requeued += 1
        due_ms: i64 = 0
        if settings.retry_delay_min_ms and (failed or settings.retry_delay_returned):
            wait = settings.retry_delay_min_ms * max(failures, 1)
            due_ms = self.core.now_ms + min(
                wait, max(settings.retry_delay_max_ms, settings.retry_delay_min_ms)
            )
        if self.ledger.put_back(record, delivery.attempts + 1, failures, due_ms):
            self.core.need_write(self.agenda)
        if due_ms:
            self._watch_delayed()
        self.core.need_dispatch(self.agenda)

    def give_back_all(self, sink: Sink) -> None:
        for delivery in list(self.ledger.leased.values()):
            if delivery.sink is sink:
                self.give_back(delivery, True)

    def give_back_consumer(self, consumer: Consumer) -> None:
        for delivery in list(self.ledger.leased.values()):
            if delivery.consumer is consumer:
                self.give_back(delivery, False)

    def _bury(self, record: Record, reason: str) -> None:
        self.keeper.bury(self, record, reason)
        if self.ledger.settle(record):
            self.core.need_write(self.agenda)

    def purge(self) -> i64:
        if self.log.has_open():
            self.core.seal_all()
        count = self.ledger.purge()
        self.counters.purged += count
        self.core.need_write(self.agenda)
        for other in self.others:
            count += other.purge()
        return count

    def purge_waiting(self) -> i64:
        """Drops what is delayed, and what was received and not settled. Returns how many."""
        count = self.ledger.purge_waiting()
        self.counters.purged += count
        self.core.need_write(self.agenda)
        for other in self.others:
            count += other.purge_waiting()
        return count

    # Expiry and limits work on the head only, as in RabbitMQ: what lies behind a waiting head waits with it.

    def _has_expired(self, record: Record, now: i64) -> bool:
        at = record.expires_at_ms
        if at and at <= now:
            return True
        ttl = self.message_ttl_ms
        return ttl == 0 or (ttl > 0 and self._came_at(record) + ttl <= now)

    def _came_at(self, record: Record) -> i64:
        """Since when its time to live counts. Of a topic's records only their producers say when they were made; what a head brought
        has our own time."""
        arrivals = self.arrivals
        if arrivals is None or record.native_kind != NATIVE_NONE:
            return record.timestamp_ms
        return arrivals.came_at(record.offset, record.timestamp_ms)

    def _is_for_now(self, record: Record) -> bool:
        """A time to live of 0 means: now or never. It may be taken by who is there when it arrives."""
        if record.offset < self.fresh_from:
            return False
        at = record.expires_at_ms
        return self.message_ttl_ms == 0 or (at != 0 and at <= record.timestamp_ms)

    def _expire_head(self, record: Record) -> None:
        self.ledger.take_head()
        self._bury(record, DIED_EXPIRED)

    def _look_after_waiting(self, budget: i64) -> i64:
        """Nobody takes the head now: keeps within the limits, expires what is due, watches the next expiry.

        Returns how many records died, at most `budget`.
        """
        count: i64 = 0
        if self.limited:
            count = self._enforce_limits(budget)
        if self.message_ttl_ms < 0 and not self.log.may_expire:
            return count
        ledger = self.ledger
        now = self.core.now_ms
        while ledger.ready_count:
            record = ledger.oldest()
            if record is None:
                break
            if not self._has_expired(record, now):
                self._watch_expiry(record)
                break
            if count >= budget:
                self.core.need_dispatch(self.agenda)
                break
            self._expire_head(record)
            count += 1
        return count

    def _watch_expiry(self, record: Record) -> None:
        at = record.expires_at_ms
        ttl = self.message_ttl_ms
        if ttl >= 0:
            end = self._came_at(record) + ttl
            if at == 0 or end < at:
                at = end
        if at:
            self.core.schedule(self.agenda, max(at, self.core.now_ms + 1))

    def _enforce_limits(self, budget: i64) -> i64:
        settings = self.settings
        if settings.overflow != DROP_HEAD:
            return 0
        ledger = self.ledger
        count: i64 = 0
        while ledger.ready_count:
            length = settings.length_max
            size = settings.bytes_max
            if (length is None or ledger.ready_count <= length) and (
                size is None or ledger.ready_bytes() <= size
            ):
                break
            if count >= budget:
                self.core.need_dispatch(self.agenda)
                break
            record = ledger.oldest()
            if record is None:
                break
            ledger.take_head()
            self._bury(record, DIED_MAXLEN)
            count += 1
        return count

    # Deadlines.

    def _watch_delayed(self) -> None:
        due_ms = self.ledger.next_due_ms()
        if due_ms:
            self.core.schedule(self.agenda, max(due_ms, self.core.now_ms + 1))

    def timeout_ms(self) -> i64:
        """Longest time a delivery may stay unsettled; 0 = no limit."""
        own = self.settings.consumer_timeout_ms
        return self.core.settings.consumer_timeout_ms if own is None else own

    def _watch_leases(self, leased_at_ms: i64) -> None:
        timeout = self.timeout_ms()
        if timeout:
            self.core.schedule(self.agenda, leased_at_ms + timeout + 1)

    def _check_leases(self) -> None:
        timeout = self.timeout_ms()
        if not timeout:
            return
        late: list[Delivery] = []
        for delivery in self.ledger.leased.values():
            if delivery.leased_at_ms + timeout > self.core.now_ms:
                self._watch_leases(delivery.leased_at_ms)
                break
            late.append(delivery)
        for delivery in late:
            if delivery.settled:
                continue
            consumer = delivery.consumer
            delivery.sink.timed_out(delivery, int(timeout))
            if consumer is None:
                self.give_back(delivery, False)
            else:
                self.give_back_consumer(consumer)
                if not consumer.cancelled:
                    (self.main or self).remove_consumer(consumer)
                    if consumer in consumer.sink.consumers:
                        consumer.sink.consumers.remove(consumer)
                    consumer.sink.cancelled(consumer, "timeout")
        if (
            late
            and self.settings.auto_delete
            and self.had_consumer
            and not self.consumers
            and not self.deleted
        ):
            self.keeper.unused(self)

    def on_deadline(self) -> None:
        if self.check_unused():
            return
        if self.ledger.next_due_ms() and not self.forwarder:
            self.ledger.release_due()
            self._watch_delayed()
        self.receivers.expire()
        if self.ledger.leased:
            self._check_leases()
        if self.deleted:
            return
        self.core.need_dispatch(self.agenda)

    # Store.

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        if self.ledger.loaded(ticket, batches, next_offset):
            self.core.need_dispatch(self.agenda)

    def write_facts(self) -> None:
        self.ledger.write_facts()

    def live_ranges(self) -> list[int]:
        return self.ledger.unsettled_ranges()

    def state(self) -> dict[str, object]:
        return self.ledger.state(list(self.log.pending))

    def finish_recovery(self) -> None:
        """After replay: what was settled is taken out, deadlines are set."""
        self.ledger.finish_recovery()
        self.watch_unused()
        self._watch_delayed()
        self.core.need_dispatch(self.agenda)
