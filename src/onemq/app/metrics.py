"""Metrics of a running broker: hands the collector (ops/metrics) what it reads. Loaded when somebody asks for them first.

Must not measure anything itself.
"""

import socket
from typing import TYPE_CHECKING, Final

from onemq import __version__
from onemq.app.construction import cluster_id
from onemq.engine import core
from onemq.heads.contract import PeerView
from onemq.storage.file_store import FileStore

if TYPE_CHECKING:
    from onemq.app.listeners import Parts
    from onemq.heads.management.pages import LaterPage, Page, PageRequest
    from onemq.ops.metrics.scrape import Scraper

ROOT: Final = "/metrics"
PROTOCOLS: Final = ("amqp091", "kafka", "aws")
"""Their series are there from the start, so that a rate finds a first value."""


def node_name() -> str:
    """As RabbitMQ names its nodes."""
    return f"onemq@{socket.gethostname()}"


class MetricsPages:
    """The pages under /metrics, for any number of ports. Called with each request."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        self._scraper: Scraper | None = None

    def __call__(self, request: "PageRequest") -> "Page | LaterPage | None":
        if not request.path.startswith(ROOT):
            return None
        if self._scraper is None:
            self._scraper = _make_scraper(self._parts)
        return self._scraper.page(request)


def _make_scraper(parts: "Parts") -> "Scraper":
    from onemq.ops.metrics.scrape import Scraper
    from onemq.ops.metrics.sources import Sources

    registry = parts.registry
    for name in PROTOCOLS:
        parts.broker.core.totals.protocol(name)

    def views(most: int) -> list[PeerView]:
        return registry.views(most) if most else []

    sources = Sources(
        parts.broker,
        parts.pressure,
        parts.store if isinstance(parts.store, FileStore) else None,
        lambda: registry.by_head,
        views,
        lambda: int(registry.refused),
        registry.connections_max,
        parts.turns.durations,
        parts.lag,
        __version__,
        node_name(),
        cluster_id(parts.broker),
        not str(core.__file__).endswith(".py"),
    )
    return Scraper(sources, parts.settings.metrics.objects_max, parts.loop.call_soon)
