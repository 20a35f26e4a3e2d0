"""Rates: samples of counters over the last minutes, for who wants to see how fast things go (the management API, `onemq top`).

Nothing is sampled unless somebody looks: `Rates.of(counters)` gives an object's `Series` and has it sampled from now on, every
`interval_ms`, until nobody has asked for it for `IDLE_MS`. The first answer has no rate yet, as in RabbitMQ after a start.

    series = broker.rates.queue(queue)          # or .of(exchange.counters), .of(sink.counters), .broker()
    series.rate("published")                    # per second, between the last two samples
    series.history("ready", 60_000, 5_000)      # [(value, time_ms), ...], newest first: RabbitMQ's lengths_age, lengths_incr

Names of what is sampled: SAMPLED. Bounded: `RateSettings.objects_max` objects (above that the answer is an empty series), KEPT_MS of
samples each, BROKER_KEPT_MS for the broker. A sample in which nothing has changed shares the one before. Must not: know time but by the
turn; look at records.
"""

from collections import deque
from typing import Final

from mypy_extensions import i64

from onemq.engine.catalog import Catalog
from onemq.engine.core import Agenda, Core
from onemq.engine.counters import Counters
from onemq.engine.gauges import queue_gauges
from onemq.engine.queue import Queue
from onemq.engine.settings import RateSettings

IDLE_MS: Final = 60_000
KEPT_MS: Final = 120_000
BROKER_KEPT_MS: Final = 605_000
"""As RabbitMQ's shortest retention of samples."""
SLICE: Final = 2_000
"""Objects sampled in one turn, at most."""
TOTALLED_MAX: Final = 5_000

SAMPLED: Final = (
    "published",
    "published_bytes",
    "routed",
    "unroutable",
    "sent_back",
    "confirmed",
    "delivered",
    "delivered_no_ack",
    "delivered_bytes",
    "got",
    "got_no_ack",
    "get_empty",
    "redelivered",
    "acknowledged",
    "requeued",
    "died",
    "ready",
    "unacked",
)
"""Counters under their names; `died` for whatever reason, dead-lettered or dropped; `ready` and `unacked` are what a queue holds."""


class Sample:
    """One object at one time. Fields: SAMPLED."""

    __slots__ = (
        "acknowledged",
        "confirmed",
        "delivered",
        "delivered_bytes",
        "delivered_no_ack",
        "died",
        "get_empty",
        "got",
        "got_no_ack",
        "published",
        "published_bytes",
        "ready",
        "redelivered",
        "requeued",
        "routed",
        "sent_back",
        "unacked",
        "unroutable",
    )

    def __init__(self, counters: Counters, ready: i64, unacked: i64) -> None:
        self.published: i64 = counters.published
        self.published_bytes: i64 = counters.published_bytes
        self.routed: i64 = counters.routed
        self.unroutable: i64 = counters.unroutable
        self.sent_back: i64 = counters.sent_back
        self.confirmed: i64 = counters.confirmed
        self.delivered: i64 = counters.delivered
        self.delivered_no_ack: i64 = counters.delivered_no_ack
        self.delivered_bytes: i64 = counters.delivered_bytes
        self.got: i64 = counters.got
        self.got_no_ack: i64 = counters.got_no_ack
        self.get_empty: i64 = counters.get_empty
        self.redelivered: i64 = counters.redelivered
        self.acknowledged: i64 = counters.acknowledged
        self.requeued: i64 = counters.requeued
        self.died: i64 = counters.dead_lettered() + counters.dropped()
        self.ready: i64 = ready
        self.unacked: i64 = unacked

    def same(self, counters: Counters, ready: i64, unacked: i64) -> bool:
        """Nothing has happened since."""
        return (
            self.ready == ready
            and self.unacked == unacked
            and self.published == counters.published
            and self.delivered == counters.delivered
            and self.delivered_no_ack == counters.delivered_no_ack
            and self.acknowledged == counters.acknowledged
            and self.got == counters.got
            and self.got_no_ack == counters.got_no_ack
            and self.get_empty == counters.get_empty
            and self.routed == counters.routed
            and self.unroutable == counters.unroutable
            and self.confirmed == counters.confirmed
            and self.sent_back == counters.sent_back
            and self.requeued == counters.requeued
            and self.redelivered == counters.redelivered
            and self.died == counters.dead_lettered() + counters.dropped()
        )


class Series:
    """The samples of one object, newest last. `asked_ms`: when somebody looked last."""

    __slots__ = ("_samples", "_times", "asked_ms", "counters", "kept_ms", "queue")

    def __init__(self, counters: Counters, queue: Queue | None, kept_ms: i64) -> None:
        self.counters = counters
        self.queue = queue
        self.kept_ms: i64 = kept_ms
        self.asked_ms: i64 = 0
        self._samples: deque[Sample] = deque()
        self._times: deque[int] = deque()

    def note(self, counters: Counters, ready: i64, unacked: i64, now_ms: i64) -> None:
        """One more sample."""
        samples = self._samples
        times = self._times
        if samples and samples[-1].same(counters, ready, unacked):
            samples.append(samples[-1])
        else:
            samples.append(Sample(counters, ready, unacked))
        times.append(int(now_ms))
        while times[0] < now_ms - self.kept_ms:
            times.popleft()
            samples.popleft()

    def __len__(self) -> int:
        return len(self._samples)

    def rate(self, name: str) -> float:
        """Per second, between the last two samples; 0.0 while there are not two. Of `ready` and `unacked`: how fast they grow."""
        if len(self._samples) < 2:
            return 0.0
        now: int = getattr(self._samples[-1], name)
        before: int = getattr(self._samples[-2], name)
        return (now - before) * 1000 / max(self._times[-1] - self._times[-2], 1)

    def rates(self) -> dict[str, float]:
        """All of SAMPLED."""
        return {name: self.rate(name) for name in SAMPLED}

    def history(self, name: str, age_ms: int, step_ms: int) -> list[tuple[int, int]]:
        """(value, time in ms), newest first: one sample at most for each step of the last `age_ms`."""
        found: list[tuple[int, int]] = []
        if not self._times:
            return found
        newest = self._times[-1]
        wanted = newest
        for index in range(len(self._times) - 1, -1, -1):
            at_ms = self._times[index]
            if at_ms < newest - age_ms:
                break
            if at_ms <= wanted:
                value: int = getattr(self._samples[index], name)
                found.append((value, at_ms))
                wanted = at_ms - max(step_ms, 1)
        return found


class Rates(Agenda):
    """See the module."""

    def __init__(self, core: Core, catalog: Catalog, settings: RateSettings) -> None:
        super().__init__()
        self.core = core
        self.catalog = catalog
        self.settings = settings
        self._series: dict[Counters, Series] = {}
        self._broker: Series | None = None
        self._round: list[Series] = []
        self._round_at = 0
        self._round_ms: i64 = 0

    def of(self, counters: Counters) -> Series:
        """Of anything that counts. Asking has it sampled."""
        return self._asked(counters, None)

    def queue(self, queue: Queue) -> Series:
        """Of a queue, stream or partition, with what it holds."""
        return self._asked(queue.counters, queue)

    def broker(self) -> Series:
        """Of all protocols together. `ready` and `unacked` are of all queues while there are not more than TOTALLED_MAX, else 0."""
        series = self._broker
        if series is None:
            series = Series(Counters(), None, BROKER_KEPT_MS)
            self._broker = series
            self._sample_broker(series)
        self._look(series)
        return series

    def _asked(self, counters: Counters, queue: Queue | None) -> Series:
        series = self._series.get(counters)
        if series is None:
            series = Series(counters, queue, KEPT_MS)
            if len(self._series) >= self.settings.objects_max:
                return series
            self._series[counters] = series
            self._sample(series, self.core.now_ms)
        self._look(series)
        return series

    def _look(self, series: Series) -> None:
        series.asked_ms = self.core.now_ms
        if self.deadline_ms == 0:
            self.core.schedule(self, self.core.now_ms + self.settings.interval_ms)

    def _sample(self, series: Series, now_ms: i64) -> None:
        queue = series.queue
        if queue is None:
            series.note(series.counters, 0, 0, now_ms)
        else:
            gauges = queue_gauges(queue)
            series.note(series.counters, gauges.ready, gauges.unacked, now_ms)

    def _sample_broker(self, series: Series) -> None:
        ready: i64 = 0
        unacked: i64 = 0
        if len(self.catalog.logs) <= TOTALLED_MAX:
            for namespace in self.catalog.namespaces.values():
                for queue in namespace.queues.values():
                    gauges = queue_gauges(queue)
                    ready += gauges.ready
                    unacked += gauges.unacked
        series.note(self.core.totals.all(), ready, unacked, self.core.now_ms)

    # Agenda.

    def on_deadline(self) -> None:
        now = self.core.now_ms
        if not self._round:
            self._begin_round(now)
        end = min(self._round_at + SLICE, len(self._round))
        for index in range(self._round_at, end):
            self._sample(self._round[index], self._round_ms)
        self._round_at = end
        if end < len(self._round):
            self.core.schedule(self, now + 1)
            return
        self._round = []
        if self._series or self._broker is not None:
            self.core.schedule(self, max(self._round_ms + self.settings.interval_ms, now + 1))

    def _begin_round(self, now: i64) -> None:
        self._round_ms = now
        self._round_at = 0
        idle = [key for key, series in self._series.items() if series.asked_ms + IDLE_MS < now]
        for key in idle:
            del self._series[key]
        broker = self._broker
        if broker is not None:
            if broker.asked_ms + IDLE_MS < now:
                self._broker = None
            else:
                self._sample_broker(broker)
        self._round = list(self._series.values())
