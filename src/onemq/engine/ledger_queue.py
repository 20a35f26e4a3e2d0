"""A queue whose records are settled one by one: competing consumers, single gets, deliveries and how they end; over one log or several."""

from mypy_extensions import i64

from onemq.engine.batch import Batch
from onemq.engine.consumption import Consumer, Delivery, GetResult, Sink
from onemq.engine.core import Core
from onemq.engine.limited_queue import LimitedQueue
from onemq.engine.log import Log
from onemq.engine.queue import DIED_DELIVERY_LIMIT, DIED_REJECTED, Keeper, Queue
from onemq.engine.receivers import Receivers
from onemq.engine.record_leases import RecordLeases
from onemq.model.entities import QueueSettings
from onemq.model.record import Record


class LedgerQueue(LimitedQueue):
    """See the module.

    Attributes:
        leases: those with a time. receivers: who waits for such.
        forwarder: holds a delayed exchange's records: what is ready is routed, not consumed.
        partition: keeps the log that this queue settles the records of; None: the log is the queue's own.
        main: of a queue over several logs: the one that consumers and names know; None for that one itself.
        others: of the main one: those over the other logs.
    """

    def __init__(
        self, core: Core, namespace: str, name: str, settings: QueueSettings, log: Log, keeper: Keeper
    ) -> None:
        super().__init__(core, namespace, name, settings, log, keeper)
        self.leases = RecordLeases(self)
        self.receivers = Receivers(core, self.agenda, self.leases)
        self.forwarder = False
        self.partition: Queue | None = None
        self.main: LedgerQueue | None = None
        self.others: list[LedgerQueue] = []

    def configure(self, settings: QueueSettings) -> None:
        super().configure(settings)
        for delivery in self.ledger.leased.values():
            self._watch_leases(delivery.leased_at_ms)
            break
        for other in self.others:
            other.configure(settings)

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
        self.leases.add_other(other.leases)
        for consumer in self.consumers:
            other.add_consumer(consumer)

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

    def is_loading(self) -> bool:
        if self.ledger.reader.loading:
            return True
        for other in self.others:
            if other.is_loading():
                return True
        return False

    def add_visible(self, batch: Batch) -> None:
        if self.partition is not None:
            self.counters.published += batch.end - batch.base
            self.counters.published_bytes += batch.value_bytes
        self.ledger.add_batch(batch)
        if self.ledger.delayed:
            self.watch_delayed()

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
            if self.dies_first(record, now):
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
            count += self.look_after_waiting(budget - count)
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
            self.watch_delayed()
        else:
            self.core.need_dispatch(self.agenda)
        return count

    def _deliver(self, consumer: Consumer, record: Record, now: i64) -> None:
        duplicates = self.duplicates
        if duplicates is not None:
            duplicates.give_again(self, record)
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
            if self.dies_first(record, self.core.now_ms):
                continue
            ledger.take_head()
            if self.duplicates is not None:
                self.duplicates.give_again(self, record)
            attempts = ledger.attempts(record.offset)
            failures = ledger.failures(record.offset)
            self._count_get(sink, record, attempts, no_ack)
            self._trace(record, sink, not no_ack)
            if no_ack:
                if ledger.settle(record):
                    self.core.need_write(self.agenda)
                self.expire_due()
                return GetResult(record, self.leaser, attempts, failures, None, ledger.ready_count)
            delivery = Delivery(record, self.leaser, sink, None, attempts, failures, self.core.now_ms)
            self._lease(delivery)
            self.expire_due()
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
            self.bury(delivery.record, DIED_REJECTED)

    def give_back(self, delivery: Delivery, failed: bool) -> None:
        if not self._end_lease(delivery):
            return
        self._trace_end(delivery, "requeue")
        settings = self.settings
        record = delivery.record
        failures = delivery.failures + (1 if failed else 0)
        limit = settings.delivery_limit
        if limit is not None and failures > limit:
            self.bury(record, DIED_DELIVERY_LIMIT)
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
            self.watch_delayed()
        self.core.need_dispatch(self.agenda)

    def give_back_all(self, sink: Sink) -> None:
        for delivery in list(self.ledger.leased.values()):
            if delivery.sink is sink:
                self.give_back(delivery, True)

    def give_back_consumer(self, consumer: Consumer) -> None:
        for delivery in list(self.ledger.leased.values()):
            if delivery.consumer is consumer:
                self.give_back(delivery, False)

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

    # Deadlines.

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
            self.watch_delayed()
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

    def finish_recovery(self) -> None:
        """After replay: what was settled is taken out, deadlines are set."""
        self.ledger.finish_recovery()
        self.watch_unused()
        self.watch_delayed()
        self.core.need_dispatch(self.agenda)
