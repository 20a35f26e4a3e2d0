"""Redrives that take only some records: by header, by time, so many; what is passed over stays as it is and where it is."""

from __future__ import annotations

import random

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.natives import Natives
from onemq.engine.redrive_selection import DIED_IN, DIED_OF, Selection
from onemq.engine.redrive_tasks import COMPLETED, FAILED, FULL, RedriveTask
from onemq.engine.settings import EngineSettings
from onemq.model.entities import FAIR_GROUPS, REJECT_PUBLISH, STRICT_GROUPS, UNGROUPED, QueueSettings
from onemq.model.record import NO_ADDRESS, Death, Deaths, Record


def with_dead() -> QueueSettings:
    settings = QueueSettings()
    settings.dead_letter_exchange = ""
    settings.dead_letter_routing_key = "dead"
    return settings


def make(bounds: EngineSettings | None = None, *, delay: int = 0, grouping: str = UNGROUPED) -> Driver:
    driver = Driver(bounds, delay=delay)
    dead = QueueSettings()
    dead.grouping = grouping
    driver.declare("dead", dead)
    driver.declare("a", with_dead())
    driver.declare("to")
    driver.settle_down()
    return driver


def publish(
    driver: Driver,
    queue: str,
    value: bytes,
    headers: dict[str, str],
    priority: int = 0,
    key: bytes | None = None,
) -> None:
    driver.broker.begin_turn(driver.now_ms)
    route = driver.access.route("", queue)
    record = Record(value, route.address, priority=priority)
    record.timestamp_ms = driver.now_ms
    record.key = key
    record.headers = [(name, text.encode()) for name, text in headers.items()]
    driver.access.publish(route, record)


def kill(driver: Driver, queue: str) -> None:
    """All of it dies."""
    sink = RecordingSink()
    driver.consume(queue, sink)
    driver.settle_down()
    for delivery in sink.held:
        driver.access.reject(delivery)
    driver.access.close_sink(sink)
    driver.settle_down()


def start(
    driver: Driver,
    destination: str | None,
    *,
    where: dict[str, str] | None = None,
    since: int = 0,
    limit: int = 0,
    per_second: int | None = None,
) -> None:
    driver.broker.begin_turn(driver.now_ms)
    driver.access.redrives.start("dead", destination, per_second, Selection(where, since, limit))


def newest(driver: Driver) -> RedriveTask:
    return driver.access.redrives.list("dead")[0]


def test_a_selection_reads_headers_and_the_time_of_the_last_death() -> None:
    record = Record(b"", NO_ADDRESS)
    record.timestamp_ms = 100
    record.headers = [("kind", b"order"), ("empty", None), ("kind", b"refund")]
    natives = Natives()
    assert Selection().takes_all() and Selection().fits(record, natives)
    assert Selection({"kind": "refund"}).fits(record, natives)  # the last of its name
    assert not Selection({"kind": "order"}).fits(record, natives)
    assert not Selection({"empty": ""}).fits(record, natives)
    assert Selection(since_ms=100).fits(record, natives) and not Selection(since_ms=101).fits(record, natives)
    first = Death("a", "rejected", "", ["a"], 500)
    record.deaths = Deaths([first], ("a", "rejected", ""), ("a", "rejected", ""))
    assert Selection(since_ms=500).fits(record, natives) and not Selection(since_ms=501).fits(record, natives)


def test_the_last_death_has_names_of_its_own() -> None:
    natives = Natives()
    record = Record(b"", NO_ADDRESS)
    assert not Selection({DIED_IN: "b"}).fits(record, natives)
    died = [Death("a", "expired", "", [], 300), Death("b", "rejected", "", [], 200)]
    record.deaths = Deaths(died, ("a", "expired", ""), ("b", "rejected", ""))
    assert Selection({DIED_IN: "b", DIED_OF: "rejected"}).fits(record, natives)
    assert not Selection({DIED_IN: "a"}).fits(record, natives)


def test_by_header_and_up_to_a_limit() -> None:
    driver = make()
    for number in range(10):
        publish(driver, "dead", b"%d" % number, {"kind": "odd" if number % 2 else "even"})
    driver.settle_down()
    start(driver, "to", where={"kind": "odd"}, limit=3)
    driver.settle_down()
    assert (newest(driver).state, newest(driver).moved) == (COMPLETED, 3)
    assert driver.drain("to") == [b"1", b"3", b"5"]
    assert driver.drain("dead") == [b"0", b"2", b"4", b"6", b"7", b"8", b"9"]


def test_back_to_where_each_died_since_then() -> None:
    driver = make()
    publish(driver, "a", b"early", {})
    kill(driver, "a")
    driver.pass_time(5_000)
    since = driver.now_ms
    publish(driver, "a", b"late", {})
    kill(driver, "a")
    start(driver, None, since=since)
    driver.settle_down()
    assert newest(driver).state == COMPLETED
    assert driver.drain("a") == [b"late"]
    assert driver.drain("dead") == [b"early"]


def test_what_was_given_back_is_found_too_and_what_is_out_stays_out() -> None:
    driver = make()
    for number in range(6):
        publish(driver, "dead", b"%d" % number, {})
    sink = RecordingSink()
    driver.consume("dead", sink)
    driver.settle_down()
    driver.broker.begin_turn(driver.now_ms)
    consumer = sink.consumers[0]
    driver.access.cancel(consumer)
    for delivery in list(sink.held)[:4]:
        driver.access.release(delivery, True)
    driver.settle_down()
    start(driver, "to", limit=3)
    driver.settle_down()
    assert newest(driver).moved == 3
    assert driver.drain("to") == [b"0", b"1", b"2"]
    driver.access.close_sink(sink)
    driver.settle_down()
    assert driver.drain("dead") == [b"3", b"4", b"5"]


def test_a_full_destination_fails_the_task_and_loses_nothing() -> None:
    driver = make()
    small = QueueSettings()
    small.length_max = 2
    small.overflow = REJECT_PUBLISH
    driver.declare("small", small)
    for number in range(4):
        publish(driver, "dead", b"%d" % number, {"x": "y"})
    driver.settle_down()
    start(driver, "small", where={"x": "y"})
    driver.settle_down()
    assert (newest(driver).state, newest(driver).failure) == (FAILED, FULL)
    assert driver.drain("small") + driver.drain("dead") == [b"0", b"1", b"2", b"3"]


@pytest.mark.parametrize("grouping", [STRICT_GROUPS, FAIR_GROUPS])
def test_some_of_a_queue_in_groups(grouping: str) -> None:
    driver = make(grouping=grouping)
    for number, key in enumerate([b"a", b"b", b"a", None, b"a", b"b", b"a"]):
        publish(driver, "dead", b"%d" % number, {"odd": str(number % 2)}, key=key)
    driver.settle_down()
    start(driver, "to", where={"odd": "0"}, limit=3)
    driver.settle_down()
    assert driver.drain("to") == [b"0", b"2", b"4"]
    assert driver.drain("dead") == [b"1", b"3", b"5", b"6"]
    assert not driver.queue("dead").ledger._groups.by_key  # type: ignore[attr-defined]


def test_nothing_overtakes_what_somebody_has_of_its_group_or_what_is_not_due() -> None:
    driver = make(grouping=STRICT_GROUPS)
    for number, key in enumerate([b"a", b"a", b"b"]):
        publish(driver, "dead", b"%d" % number, {"x": "y"}, key=key)
    sink = RecordingSink()
    driver.consume("dead", sink, limit=1)
    driver.settle_down()
    assert sink.values == [b"0"]
    driver.publish("dead", b"later", delay_ms=1000)
    start(driver, "to", where={"x": "y"})
    driver.settle_down()
    assert (newest(driver).state, newest(driver).moved) == (COMPLETED, 1)
    assert driver.drain("to") == [b"2"]
    driver.access.close_sink(sink)
    driver.settle_down()
    assert driver.drain("dead") == [b"0", b"1"]


@pytest.mark.parametrize("grouping", [UNGROUPED, STRICT_GROUPS, FAIR_GROUPS])
@pytest.mark.parametrize("seed", range(25))
def test_nothing_is_lost_or_doubled_while_records_are_on_disk_consumers_take_and_the_broker_crashes(
    seed: int, grouping: str
) -> None:
    chance = random.Random(seed)
    bounds = EngineSettings(
        tail_bytes_max=3000, spill_bytes=1500, load_bytes=600, journal_bytes_max=4000, dispatch_per_turn=7
    )
    driver = make(bounds, delay=chance.randint(0, 3), grouping=grouping)
    wanted = []
    for number in range(60):
        kind = chance.choice(["x", "y"])
        value = b"%02d%s" % (number, kind.encode())
        wanted.append(value)
        key = None if grouping == UNGROUPED else chance.choice([b"a", b"b", None])
        publish(driver, "dead", value, {"kind": kind}, chance.choice([0, 0, 1]), key)
    driver.settle_down()
    start(driver, "to", where={"kind": "x"}, per_second=chance.choice([None, 50, 1000]))
    driver.turn()
    while driver.store.durable < driver.broker.core.last_position:
        driver.turn()
    for _ in range(300):
        driver.turn()
        driver.now_ms += chance.choice([0, 1, 20])
        assert driver.ready("dead") + driver.ready("to") == 60
        if chance.random() < 0.1:
            driver.crash(chance.randint(0, 3))
    driver.pass_time(60_000)
    assert newest(driver).state == COMPLETED
    assert driver.drain("to") == [value for value in wanted if value.endswith(b"x")]
    assert sorted(driver.drain("dead")) == [value for value in wanted if value.endswith(b"y")]
