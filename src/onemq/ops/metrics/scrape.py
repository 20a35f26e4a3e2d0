"""Scrapes: which path shows what, the work cut into parts between which the loop serves others, one answer for all who ask meanwhile.

A part takes a few milliseconds: PART_SECONDS, or one slice of objects if that takes longer. Must not: know sockets or the event loop; the
composition root hands in `call_soon`.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import parse_qs

from onemq.heads.management.pages import LaterPage, Page, PageRequest
from onemq.ops.metrics import families as f
from onemq.ops.metrics import overall, rabbitmq, rabbitmq_queues
from onemq.ops.metrics.detailed import Detailed
from onemq.ops.metrics.metric import CONTENT_TYPE, Exposition
from onemq.ops.metrics.objects import Families, Growing, Passes
from onemq.ops.metrics.process import ProcessNumbers
from onemq.ops.metrics.sources import Sources

PART_SECONDS: Final = 0.004
METRICS: Final = "/metrics"
PER_OBJECT: Final = "/metrics/per-object"
DETAILED: Final = "/metrics/detailed"
PATHS: Final = (METRICS, PER_OBJECT, DETAILED)


class Scraper:
    """Answers the metrics' paths. bound: most objects of a kind with series of their own."""

    def __init__(
        self, sources: Sources, bound: int, call_soon: Callable[[Callable[[], None]], object]
    ) -> None:
        self._sources = sources
        self._bound = bound
        self._call_soon = call_soon
        self._running: dict[str, _Running] = {}
        self._growing = Growing()
        self.last_seconds = 0.0
        """Time that the last scrape took of the thread, all parts together."""

    def page(self, request: PageRequest) -> Page | LaterPage | None:
        """None: not one of the paths."""
        if request.path not in PATHS:
            return None
        key = request.path if request.path != DETAILED else f"{request.path}?{request.query}"
        running = self._running.get(key)
        if running is None:
            out = Exposition()
            running = _Running(self, key, out, self._work(out, request))
            self._running[key] = running
            self._call_soon(running.part)
        page = LaterPage()
        running.waiting.append(page)
        return page

    def _work(self, out: Exposition, request: PageRequest) -> Iterator[None]:
        if request.path == DETAILED:
            query = parse_qs(request.query)
            return Detailed(
                out, self._sources, self._bound, query.get("family", []), query.get("vhost", [])
            ).run()
        return self._everything(out, request.path == PER_OBJECT)

    def _everything(self, out: Exposition, per_object: bool) -> Iterator[None]:
        sources = self._sources
        process = ProcessNumbers()
        overall.add_protocols(out, sources)
        overall.add_connections(out, sources)
        overall.add_catalog(out, sources)
        yield
        passes = Passes(out, sources, self._bound, growing=self._growing)
        shown: Families = (*f.BY_QUEUE, *rabbitmq_queues.BY_QUEUE) if per_object else f.BY_QUEUE
        yield from passes.queues(shown)
        yield from passes.partitions()
        yield from passes.groups()
        yield from passes.exchanges()
        yield from passes.notices()
        overall.add_disk(out, sources)
        overall.add_pressure(out, sources)
        overall.add_process(out, sources, process)
        out.add(f.SCRAPE_SECONDS, self.last_seconds)
        yield
        yield from rabbitmq.add_all(out, sources, process, passes, self._bound, per_object)

    def again(self, running: "_Running") -> None:
        """Its next part, when the loop has served what came meanwhile."""
        self._call_soon(running.part)

    def finished(self, running: "_Running", page: Page) -> None:
        del self._running[running.key]
        self.last_seconds = running.seconds
        for waiting in running.waiting:
            waiting.complete(page)


class _Running:
    """One scrape under way."""

    def __init__(self, scraper: Scraper, key: str, out: Exposition, work: Iterator[None]) -> None:
        self.key = key
        self.waiting: list[LaterPage] = []
        self.seconds = 0.0
        self._scraper = scraper
        self._pieces: list[bytes] = []
        self._work = self._steps(out, work)

    def _steps(self, out: Exposition, work: Iterator[None]) -> Iterator[None]:
        yield from work
        for piece in out.pieces():
            self._pieces.append(piece)
            yield

    def part(self) -> None:
        began = time.perf_counter()
        try:
            while True:
                if next(self._work, self) is self:
                    self._finish(began)
                    return
                if time.perf_counter() - began >= PART_SECONDS:
                    break
        except Exception:
            self._scraper.finished(self, Page(500, b"the metrics could not be made; see the log\n"))
            raise
        self.seconds += time.perf_counter() - began
        self._scraper.again(self)

    def _finish(self, began: float) -> None:
        body = b"".join(self._pieces)
        self.seconds += time.perf_counter() - began
        self._scraper.finished(self, Page(200, body, CONTENT_TYPE))
