"""A broker with something of everything, and the sources that metrics are made from. No sockets, no loop."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from engine_driver import Driver, RecordingSink
from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.engine.receiving import Receive, Received, ReceiveWaiter
from onemq.engine.share.group import ShareBeat
from onemq.heads.contract import PeerView, Profile
from onemq.heads.management.pages import LaterPage, Page, PageRequest
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.histogram import Histogram
from onemq.model.principal import Peer, Principal
from onemq.model.record import Record
from onemq.model.rights import all_rights
from onemq.model.store_statistics import StoreStatistics
from onemq.net.pressure import Pressure
from onemq.net.registry import Traffic
from onemq.ops.metrics.scrape import Scraper
from onemq.ops.metrics.sources import Sources

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


class FakeStore:
    """What the store would say."""

    def __init__(self) -> None:
        self.statistics = StoreStatistics()
        self.statistics.commits = 12
        self.statistics.commit_bytes = 3400
        self.statistics.groups = 5
        self.statistics.sync_times.add(700, 5)
        self.statistics.commit_times.add(900, 12)
        self.statistics.checkpoint_times.add(20_000)

    def stored_bytes(self) -> tuple[int, int]:
        return 4096, 8192

    def pending_bytes(self) -> int:
        return 17

    def free_bytes(self) -> int:
        return 1_000_000


class IgnoresWhatItGets(ReceiveWaiter):
    def received(self, found: list[Received]) -> None:
        pass


class Stage:
    """See the module. `steps`: what is to be called soon."""

    def __init__(self, bound: int = 1000, queues: int = 2) -> None:
        self.driver = Driver()
        self.store: FakeStore | None = FakeStore()
        self.steps: list[Callable[[], None]] = []
        self.parts = 0
        self.traffic = {name: Traffic() for name in ("amqp", "kafka", "aws", "http", "metrics")}
        self.traffic["amqp"].opened = 3
        self.traffic["amqp"].closed = 1
        self.traffic["http"].opened = 9
        self.bound = bound
        driver = self.driver
        for name in ("amqp091", "kafka", "aws"):
            driver.broker.core.totals.protocol(name)
        driver.access = driver.broker.access(Principal("user", []), "/", all_rights(), "amqp091")
        for number in range(queues):
            driver.declare(f"q{number}")
        self.scraper = Scraper(self.sources(), bound, self._call_soon)

    def sources(self) -> Sources:
        turns, lag = Histogram(), Histogram()
        turns.add(300)
        lag.add(1000)
        return Sources(
            self.driver.broker,
            Pressure(1_000_000, 50_000, lambda: 1_000_000),
            self.store,
            lambda: self.traffic,
            self.views,
            lambda: 4,
            20_000,
            turns,
            lag,
            "1.2.3",
            "onemq@host",
            "cluster",
            False,
        )

    def views(self, most: int) -> list[PeerView]:
        views = [
            PeerView(number, "amqp", Peer("127.0.0.1", number), Profile("AMQP 0-9-1"), 0, 10 * number, 5, 0)
            for number in range(1, 4)
        ]
        return views[:most]

    def _call_soon(self, step: Callable[[], None]) -> None:
        self.steps.append(step)

    def ask(self, path: str = "/metrics", query: str = "") -> LaterPage:
        page = self.scraper.page(PageRequest(path, query))
        assert isinstance(page, LaterPage)
        return page

    def run(self) -> None:
        """Until nothing is to be called any more."""
        while self.steps:
            self.parts += 1
            self.steps.pop(0)()

    def text(self, path: str = "/metrics", query: str = "") -> str:
        later = self.ask(path, query)
        self.run()
        page = later.page
        assert isinstance(page, Page) and page.status == 200
        return page.body.decode("utf-8")

    def samples(self, path: str = "/metrics", query: str = "") -> Samples:
        return samples_of(self.text(path, query))

    def make_traffic(self) -> None:
        """Something of everything."""
        driver = self.driver
        access = driver.access
        driver.declare("q0")
        mortal = QueueSettings()
        mortal.length_max = 1
        driver.declare("mortal", mortal)
        access.exchanges.declare("events", ExchangeSettings("fanout"))
        access.exchanges.bind_queue("q0", "events", "", {})
        route = access.route("events", "")
        sink = RecordingSink()
        access.open_sink(sink)
        for value in (b"one", b"two", b"three"):
            access.publish(route, Record(value, route.address), through=sink)
            driver.publish("mortal", value)
        driver.settle_down()
        driver.get("q0", sink)
        access.leases.receive("q0", Receive(1, 60_000), IgnoresWhatItGets())
        topic = access.topics.create("topic", 2, {})
        assert topic is not None
        for value in (b"a", b"b"):
            driver.publish("topic", value)
        driver.settle_down()
        self._join_groups()
        notices = access.notices
        notices.save_topic(notices.new_topic("news", {}, {}))

    def _join_groups(self) -> None:
        access = self.driver.access
        access.groups.commit("readers", Membership(), [Commit("topic", 0, 0), Commit("topic", 1, 0)], False)
        access.shares.heartbeat("sharing", ShareBeat("member", 0, ["topic"]))
        self.driver.settle_down()


def samples_of(text: str) -> Samples:
    """By name of the sample, by its labels."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sample.labels.items())
            assert labels not in found.setdefault(sample.name, {}), f"{sample.name} twice with {labels}"
            found[sample.name][labels] = sample.value
    return found
