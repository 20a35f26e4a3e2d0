"""A replay: a subscription gets what its topic's archive has kept, from a time on, in order; each step is one commit with its place.

Must not: know who renders, or filters (`Replays` is told each notice).
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64

from onemq.engine.consumption import START_OFFSET, START_TIME, Consumer, Delivery, Sink, StreamStart
from onemq.engine.core import Agenda, Core
from onemq.engine.kept_queue import KeptQueue
from onemq.engine.notices.topic import NOT_REPLAYING, Subscription
from onemq.model.demand import Demand
from onemq.model.record import Record

AHEAD_MAX: Final = 200
"""Records read ahead of what has been given to the subscriber."""
WATCH_MS: Final = 100
"""How often a replay that has nothing to give looks whether it has caught up."""


class Replays:
    """Who is told."""

    @abstractmethod
    def replay_notice(self, subscription: Subscription, record: Record) -> None: ...

    @abstractmethod
    def replay_moved(self, subscription: Subscription) -> None:
        """`subscription.replay_next` has changed."""


class Replay(Agenda):
    """One subscription's replay."""

    def __init__(self, core: Core, subscription: Subscription, archive: KeptQueue, told: Replays) -> None:
        super().__init__()
        self._core = core
        self._subscription = subscription
        self._archive = archive
        self._told = told
        self._sink = _ReplaySink(self)
        self._deliveries: list[Delivery] = []
        self._demand = Demand(AHEAD_MAX)
        self.ended = False
        consumer = Consumer(
            "replay", archive.name, archive.leaser, self._sink, self._demand, None, False, False, 0, {}
        )
        place = subscription.replay_next
        if place > 0:
            consumer.start = StreamStart(START_OFFSET, place)
        else:
            consumer.start = StreamStart(START_TIME, subscription.replay_from_ms)
        self._consumer = consumer
        self._sink.consumers.append(consumer)
        archive.add_consumer(consumer)
        core.need_dispatch(self)

    def delivered(self, delivery: Delivery | None) -> None:
        if delivery is not None:
            self._deliveries.append(delivery)
        self._core.need_dispatch(self)

    def end(self) -> None:
        """No more of it."""
        if not self.ended:
            self.ended = True
            self._archive.remove_consumer(self._consumer)
            self._archive.give_back_all(self._sink)
            self._core.unschedule(self)

    def dispatch(self, budget: i64) -> i64:
        if self.ended:
            return 0
        subscription = self._subscription
        deliveries = self._deliveries
        self._deliveries = []
        moved = False
        over = False
        for delivery in deliveries:
            record = delivery.record
            if over:
                continue
            if subscription.replay_to_ms and record.timestamp_ms > subscription.replay_to_ms:
                over = True
                continue
            if record.timestamp_ms >= subscription.replay_from_ms:
                self._told.replay_notice(subscription, record)
            subscription.replay_next = int(record.offset) + 1
            moved = True
        for delivery in deliveries:
            self._archive.settle(delivery)
        if over or self._has_caught_up():
            subscription.replay_next = NOT_REPLAYING
            self.end()
            moved = True
        if moved:
            self._told.replay_moved(subscription)
        return len(deliveries)

    def _has_caught_up(self) -> bool:
        """Nothing is on its way: neither read ahead, nor published and not readable yet."""
        log = self._archive.log
        reader = self._archive.readers[self._consumer]
        if not reader.finding and not self._demand.in_flight and self._consumer.position >= log.next_offset:
            return True
        # Mostly the next delivery tells; retention and searches tell nobody.
        self._core.schedule(self, self._core.now_ms + WATCH_MS)
        return False

    def on_deadline(self) -> None:
        self._core.need_dispatch(self)


class _ReplaySink(Sink):
    def __init__(self, replay: Replay) -> None:
        super().__init__()
        self._replay = replay

    def deliver(
        self, consumer: Consumer, record: Record, attempts: i64, failures: i64, delivery: Delivery | None
    ) -> None:
        self._replay.delivered(delivery)

    def cancelled(self, consumer: Consumer, reason: str) -> None:
        return

    def timed_out(self, delivery: Delivery, timeout_ms: int) -> None:
        return

    def reply(self, record: Record) -> None:
        return
