"""A queue with a ledger, and its limits: how long its records live, how many there may be, how often one is given. What oversteps dies.

Must not: know who takes its records; `ledger_queue.py` (consumers) and `record_leases.py` (leases with a time) do.
"""

from mypy_extensions import i64

from onemq.engine.arrivals import Arrivals
from onemq.engine.core import Core
from onemq.engine.duplicates import Duplicates
from onemq.engine.group_ledger import GroupLedger
from onemq.engine.ledger import Ledger
from onemq.engine.log import Log
from onemq.engine.queue import DIED_DELIVERY_LIMIT, DIED_EXPIRED, DIED_MAXLEN, Keeper, Queue
from onemq.model.entities import DROP_HEAD, STRICT_GROUPS, QueueSettings
from onemq.model.record import NATIVE_NONE, Record


class LimitedQueue(Queue):
    """See the module.

    Attributes:
        message_ttl_ms: how long records live; -1: for ever. limited: by number or bytes. receive_limit: 0: none.
        fresh_from: records from this offset on have not yet been offered to anybody.
        arrivals: when the records came, of a log that a partition keeps; None: the log is the queue's own.
        duplicates: a fault on purpose (tests); shared by the parts of a queue over several logs.
    """

    def __init__(
        self, core: Core, namespace: str, name: str, settings: QueueSettings, log: Log, keeper: Keeper
    ) -> None:
        super().__init__(core, namespace, name, settings, log, keeper)
        self.ledger = Ledger(core, log, settings.priority_max, self.agenda)
        self.regroup()
        self.message_ttl_ms: i64 = -1
        self.limited = False
        self.receive_limit: i64 = 0
        self._take_over_settings()
        self.fresh_from: i64 = 0
        self.arrivals: Arrivals | None = None
        self.duplicates: Duplicates | None = None

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

    def hidden_from(self) -> i64:
        return max(self.log.visible_end, self.ledger.purged_to)

    # Records in.

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

    # Expiry and limits work on the head only, as in RabbitMQ: what lies behind a waiting head waits with it.

    def dies_first(self, record: Record, now: i64) -> bool:
        """The head is not given to anybody any more: it is too old, or was given often enough. True: it has gone."""
        if self._has_expired(record, now) and not self._is_for_now(record):
            self._expire_head(record)
            return True
        limit = self.receive_limit
        if limit and self.ledger.returns and self.ledger.attempts(record.offset) >= limit:
            # Without a place to go to it is worth more here.
            if self.keeper.has_grave(self):
                self.ledger.take_head()
                self.bury(record, DIED_DELIVERY_LIMIT)
                return True
        return False

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
        self.bury(record, DIED_EXPIRED)

    def expire_due(self) -> None:
        """What expired behind a record that was taken does not count as remaining."""
        if self.message_ttl_ms < 0 and not self.log.may_expire:
            return
        ledger = self.ledger
        while ledger.ready_count:
            record = ledger.head()
            if record is None or not self._has_expired(record, self.core.now_ms) or self._is_for_now(record):
                return
            self._expire_head(record)

    def _watch_expiry(self, record: Record) -> None:
        at = record.expires_at_ms
        ttl = self.message_ttl_ms
        if ttl >= 0:
            end = self._came_at(record) + ttl
            if at == 0 or end < at:
                at = end
        if at:
            self.core.schedule(self.agenda, max(at, self.core.now_ms + 1))

    def look_after_waiting(self, budget: i64) -> i64:
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
            self.bury(record, DIED_MAXLEN)
            count += 1
        return count

    # Records out, without anybody having been given them.

    def bury(self, record: Record, reason: str) -> None:
        self.keeper.bury(self, record, reason)
        if self.ledger.settle(record):
            self.core.need_write(self.agenda)

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

    # Time, and the store.

    def watch_delayed(self) -> None:
        due_ms = self.ledger.next_due_ms()
        if due_ms:
            self.core.schedule(self.agenda, max(due_ms, self.core.now_ms + 1))

    def write_facts(self) -> None:
        self.ledger.write_facts()

    def live_ranges(self) -> list[int]:
        return self.ledger.unsettled_ranges()

    def state(self) -> dict[str, object]:
        return self.ledger.state(list(self.log.pending))
