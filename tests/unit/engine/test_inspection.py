"""What operators see: queues, exchanges, bindings, consumers, topics, groups; and what others do not."""

from __future__ import annotations

import pytest

from engine_driver import START_MS, Driver, RecordingSink
from onemq.engine.access import Access
from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.engine.inspection import InspectionAccess
from onemq.model.entities import STRICT_GROUPS, ExchangeSettings, QueueSettings
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights, no_rights
from transaction_driver import TransactionDriver, batch


def tagged(driver: Driver, *tags: str, rights: Rights | None = None) -> Access:
    return driver.broker.access(Principal("operator", list(tags)), "/", rights or no_rights())


def refusal(inspection: InspectionAccess, name: str) -> Reason:
    with pytest.raises(Refusal) as refused:
        inspection.queue(name)
    return refused.value.reason


def test_a_queue_in_all_its_numbers() -> None:
    driver = Driver()
    driver.declare("q")
    for number in range(4):
        driver.publish("q", b"x" * (number + 1))
        driver.now_ms += 10
    driver.publish("q", b"late", delay_ms=5000)
    driver.settle_down()
    taken = driver.get("q")
    assert taken.result is not None
    driver.settle_down()
    view = driver.access.inspection.queue("q")
    assert (view.namespace, view.name, view.settings.type_name) == ("/", "q", "classic")
    assert (view.ready, view.leased, view.delayed, view.timed) == (3, 1, 1, 0)
    assert (view.ready_bytes, view.bytes) == (9, 14)
    assert (view.start_offset, view.end_offset, view.consumers) == (0, 5, 0)
    assert view.oldest_at_ms == START_MS + 10 and view.used_at_ms == driver.now_ms
    assert view.memory_bytes > 0 and not view.exclusive and not view.topic
    driver.consume("q", RecordingSink(), limit=1)
    driver.settle_down()
    assert driver.access.inspection.queue("q").consumers == 1


def test_the_oldest_of_a_queue_with_groups_and_of_an_empty_one() -> None:
    driver = Driver()
    settings = QueueSettings()
    settings.grouping = STRICT_GROUPS
    driver.declare("fifo", settings)
    assert driver.access.inspection.queue("fifo").oldest_at_ms == -1
    driver.publish("fifo", b"pooled")
    driver.now_ms += 10
    driver.settle_down()
    assert driver.access.inspection.queue("fifo").oldest_at_ms == START_MS


def test_consumers() -> None:
    driver = Driver()
    settings = QueueSettings()
    settings.single_active = True
    driver.declare("q", settings)
    driver.declare("r")
    sink = RecordingSink()
    driver.consume("q", sink, tag="first", limit=5, priority=2)
    driver.consume("q", sink, tag="second", no_ack=True)
    driver.consume("r", sink, tag="third", exclusive=True)
    inspection = driver.access.inspection
    first, second, third = inspection.consumers()
    assert (first.tag, first.active, first.acknowledges, first.prefetch, first.priority) == (
        "first",
        True,
        True,
        5,
        2,
    )
    assert (second.active, second.acknowledges) == (False, False)
    assert (third.queue, third.exclusive) == ("r", True)
    assert [each.tag for each in inspection.consumers("r")] == ["third"]
    assert inspection.queue("q").active_tag == "first"


def test_exchanges_and_bindings() -> None:
    driver = Driver()
    driver.declare("q")
    driver.access.exchanges.declare("x", ExchangeSettings("topic"))
    driver.access.exchanges.bind_queue("q", "x", "a.#", {"k": 1})
    driver.access.exchanges.bind_exchange("amq.fanout", "x", "b", {})
    inspection = driver.access.inspection
    assert inspection.exchange_names() == [
        "",
        "amq.direct",
        "amq.fanout",
        "amq.topic",
        "x",
    ]
    assert inspection.exchange("x").settings.kind == "topic" and not inspection.exchange("x").predeclared
    assert inspection.exchange("").predeclared and inspection.exchange("amq.topic").predeclared

    def shown(views: object) -> list[tuple[str, str, bool, str]]:
        assert isinstance(views, list)
        return [(each.source, each.destination, each.to_queue, each.routing_key) for each in views]

    default = ("", "q", True, "q")
    to_queue = ("x", "q", True, "a.#")
    to_exchange = ("x", "amq.fanout", False, "b")
    assert shown(inspection.bindings()) == [default, to_queue, to_exchange]
    assert shown(inspection.bindings_from("x")) == [to_queue, to_exchange]
    assert shown(inspection.bindings_from("")) == [default]
    assert shown(inspection.bindings_to("q", True)) == [default, to_queue]
    assert shown(inspection.bindings_to("amq.fanout", False)) == [to_exchange]
    assert inspection.bindings_from("x")[0].arguments == {"k": 1}
    for ask in (lambda: inspection.exchange("y"), lambda: inspection.bindings_from("y")):
        with pytest.raises(Refusal):
            ask()


def test_topics_and_their_queues() -> None:
    driver = TransactionDriver()
    driver.topics.create("t", 2, {"retention.ms": "-1"})
    driver.broker.begin_turn(driver.now_ms)
    driver.topics.find("t").partitions[1].append_batches(batch([b"a", b"b"], START_MS))
    driver.settle_down()
    inspection = driver.access.inspection
    topic = inspection.topic("t")
    assert (topic.name, topic.configs, topic.queue) == ("t", {"retention.ms": "-1"}, False)
    assert [(each.index, each.start_offset, each.end_offset) for each in topic.partitions] == [
        (0, 0, 0),
        (1, 0, 2),
    ]
    as_queue = inspection.queue("t")
    assert (as_queue.settings.type_name, as_queue.ready, as_queue.partitions, as_queue.topic) == (
        "stream",
        2,
        2,
        True,
    )
    assert inspection.queue_names() == ["t"]
    assert not inspection.topic("t").queue, "looking makes no queue"
    driver.access.queues.check("t")
    as_queue = inspection.queue("t")
    assert (as_queue.settings.type_name, as_queue.ready, as_queue.topic) == ("classic", 2, True)
    assert inspection.topic("t").queue and inspection.topic_names() == ["t"]


def test_groups_and_their_lag() -> None:
    driver = TransactionDriver()
    driver.topics.create("t", 2, {"retention.ms": "-1"})
    driver.broker.begin_turn(driver.now_ms)
    driver.topics.find("t").partitions[0].append_batches(batch([b"a", b"b", b"c"], START_MS))
    driver.settle_down()
    commits = [Commit("t", 0, 1), Commit("t", 1, 0)]
    driver.access.groups.commit("g", Membership(), commits, False)
    driver.settle_down()
    view = driver.access.inspection.group("g")
    assert (view.name, view.kind, view.state, view.members) == ("g", "classic", "Empty", [])
    assert [(each.topic, each.partition, each.offset, each.end_offset, each.lag) for each in view.lags] == [
        ("t", 0, 1, 3, 2),
        ("t", 1, 0, 0, 0),
    ]
    assert view.lag() == 2 and driver.access.inspection.group_names() == ["g"]
    with pytest.raises(Refusal):
        driver.access.inspection.group("absent")


def test_who_sees_what() -> None:
    driver = Driver()
    driver.declare("open")
    driver.declare("closed")
    nothing = NamePattern("")
    some = tagged(driver, rights=Rights(nothing, nothing, NamePattern("^open"))).inspection
    assert some.queue_names() == ["open"]
    assert refusal(some, "closed") == Reason.NOT_FOUND
    assert [each.destination for each in some.bindings()] == ["open"] and some.exchange_names() == [""]
    for tag in ("administrator", "monitoring", "policymaker", "management"):
        assert tagged(driver, tag).inspection.queue_names() == ["closed", "open"]
    assert tagged(driver).inspection.queue_names() == []
    assert refusal(tagged(driver, "monitoring").inspection, "absent") == Reason.NOT_FOUND


def test_an_exclusive_queue_is_seen_by_all() -> None:
    driver = Driver()
    driver.new_access().queues.declare("own", QueueSettings(exclusive=True))
    assert driver.access.inspection.queue("own").exclusive
