"""Topics as principals may use them: names, rights, limits, what an administrator may do and others may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine_driver import Disk, FakeStore
from onemq.engine.settings import EngineSettings
from onemq.engine.topics.lookup import LookupWaiter
from onemq.engine.topics.topic_access import EARLIEST, TopicAccess, check_topic_name
from onemq.model.entities import QueueSettings
from onemq.model.record_batch import end_offset
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights
from transaction_driver import Remembering, TransactionDriver, batch

NOW = 1_000_000


class Nobody(LookupWaiter):
    def looked_up(self, offset: int, time_ms: int) -> None:
        raise AssertionError("answered")


def driver_with(*names: str) -> TransactionDriver:
    driver = TransactionDriver(EngineSettings(topic_partitions_max=5), store=FakeStore(Disk()))
    for name in names:
        driver.topics.create(name, 2, {"retention.ms": "-1"})
    driver.settle_down()
    return driver


def limited(driver: TransactionDriver) -> TopicAccess:
    """May configure c..., write w... and read r..."""
    rights = Rights(NamePattern("^c"), NamePattern("^w"), NamePattern("^r"))
    return driver.new_access(rights).topics


def reason(action: Callable[[], object]) -> Reason:
    with pytest.raises(Refusal) as caught:
        action()
    return caught.value.reason


@pytest.mark.parametrize("name", ["a", "a.b_c-D9", "x" * 249])
def test_good_names(name: str) -> None:
    check_topic_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 250, "a b", "a/b", "ä", "a\n"])
def test_bad_names(name: str) -> None:
    driver = driver_with()
    assert reason(lambda: driver.topics.create(name, 1, {})) is Reason.INVALID
    assert reason(lambda: driver.topics.find(name)) is Reason.INVALID


def test_what_is_wrong_with_a_new_topic() -> None:
    driver = driver_with("a.b")
    create = driver.topics.create
    assert reason(lambda: create("a.b", 1, {})) is Reason.ALREADY_EXISTS
    assert reason(lambda: create("a_b", 1, {})) is Reason.INVALID
    assert reason(lambda: create("t", 0, {})) is Reason.INVALID
    assert reason(lambda: create("t", 6, {})) is Reason.LIMIT
    assert reason(lambda: create("t", 1, {"no.such.setting": "1"})) is Reason.INVALID
    assert create("t", 5, {}, check_only=True) is None
    assert reason(lambda: driver.topics.find("t")) is Reason.NOT_FOUND


def test_the_id_tells_a_topic_from_an_earlier_one() -> None:
    driver = driver_with("t")
    first = driver.topics.find("t").topic_id
    assert driver.topics.find_id(first) is driver.topics.find("t")
    driver.crash()
    assert driver.topics.find("t").topic_id == first
    driver.topics.delete(driver.topics.find("t"))
    driver.topics.create("t", 1, {})
    assert driver.topics.find("t").topic_id != first
    assert reason(lambda: driver.topics.find_id(first)) is Reason.NOT_FOUND
    elsewhere = driver.broker.catalog.add_namespace("other")
    assert elsewhere is not None
    there = driver.new_access(namespace="other").topics
    mine = driver.topics.find("t").topic_id
    assert reason(lambda: there.find_id(mine)) is Reason.NOT_FOUND


def test_partitions_only_become_more() -> None:
    driver = driver_with("t")
    topic = driver.topics.find("t")
    for total, expected in ((1, Reason.INVALID), (2, Reason.INVALID), (6, Reason.LIMIT)):
        assert reason(lambda total=total: driver.topics.add_partitions(topic, total)) is expected  # type: ignore[misc]
    driver.topics.add_partitions(topic, 4, check_only=True)
    assert len(topic.partitions) == 2
    driver.topics.add_partitions(topic, 4)
    driver.settle_down()
    driver.crash()
    topic = driver.topics.find("t")
    assert [partition.index for partition in topic.partitions] == [0, 1, 2, 3]
    assert len({partition.log.log_id for partition in topic.partitions}) == 4
    assert reason(lambda: driver.topics.partition(topic, 4)) is Reason.NOT_FOUND
    assert reason(lambda: driver.topics.partition(topic, -1)) is Reason.NOT_FOUND


def test_settings_are_replaced_as_a_whole_and_survive() -> None:
    driver = driver_with("t")
    driver.topics.configure(driver.topics.find("t"), {"retention.bytes": "100"}, check_only=True)
    assert driver.topics.find("t").config.overrides == {"retention.ms": "-1"}
    bad = {"retention.bytes": "many"}
    assert reason(lambda: driver.topics.configure(driver.topics.find("t"), bad)) is Reason.INVALID
    driver.topics.configure(driver.topics.find("t"), {"retention.bytes": "100"})
    driver.settle_down()
    driver.crash()
    topic = driver.topics.find("t")
    assert topic.config.overrides == {"retention.bytes": "100"}
    assert topic.partitions[1].settings.retention_bytes == 100


def test_rights() -> None:
    driver = driver_with("c1", "w1", "r1", "x1")
    mine = limited(driver)
    assert {topic.name for topic in mine.topics()} == {"c1", "w1", "r1"}
    assert reason(lambda: mine.find("x1")) is Reason.ACCESS_DENIED
    assert reason(lambda: mine.find_id(driver.topics.find("x1").topic_id)) is Reason.ACCESS_DENIED
    assert reason(lambda: mine.create("x2", 1, {})) is Reason.ACCESS_DENIED
    assert mine.create("c2", 1, {}) is not None
    data = batch([b"1"], NOW)
    for name in ("c1", "r1"):
        topic = driver.topics.find(name)
        assert reason(lambda topic=topic: mine.produce(topic, 0, data, None)) is Reason.ACCESS_DENIED  # type: ignore[misc]
    assert mine.produce(driver.topics.find("w1"), 0, data, None).base_offset == 0
    changes: list[Callable[[], object]] = [
        lambda: mine.delete(driver.topics.find("w1")),
        lambda: mine.add_partitions(driver.topics.find("w1"), 3),
        lambda: mine.configure(driver.topics.find("w1"), {}),
        lambda: mine.delete_records(driver.topics.find("w1"), 0, 0),
    ]
    for change in changes:
        assert reason(change) is Reason.ACCESS_DENIED
    waiter = Remembering()
    parts = [mine.fetch_part(driver.topics.find(name), 0, 0, 100) for name in ("r1", "w1")]
    mine.fetch([*parts, mine.fetch_part(None, 0, 0, 100)], 0, 100, 0, False, waiter)
    assert waiter.results is not None
    refused = [result.refused for result in waiter.results]
    assert refused == [None, Reason.ACCESS_DENIED, Reason.NOT_FOUND]


def test_a_topic_is_made_over_a_queue_only_for_who_may_see_it() -> None:
    driver = driver_with()
    driver.declare("x1")
    driver.declare("r1")
    assert reason(lambda: limited(driver).find("x1")) is Reason.ACCESS_DENIED
    assert not driver.broker.catalog.namespaces["/"].topics
    assert limited(driver).find("r1").partitions[0].part is driver.queue("r1")
    driver.access.queues.declare("e", QueueSettings(exclusive=True))
    assert reason(lambda: driver.topics.find("e")) is Reason.NOT_FOUND


def test_deleting_records() -> None:
    driver = driver_with("t")
    topic = driver.topics.find("t")
    for _ in range(3):
        driver.topics.produce(topic, 0, batch([b"1", b"2"], NOW), None)
    driver.settle_down()
    assert driver.topics.delete_records(topic, 0, 3) == 3
    assert driver.topics.delete_records(topic, 0, 1) == 3
    assert reason(lambda: driver.topics.delete_records(topic, 0, 7)) is Reason.OFFSET_OUT_OF_RANGE
    assert reason(lambda: driver.topics.delete_records(topic, 2, 1)) is Reason.NOT_FOUND
    assert driver.topics.delete_records(topic, 0, -1) == 6


def test_the_records_of_a_topic_that_is_only_compacted_are_not_deleted() -> None:
    driver = driver_with()
    for name, policy in (("w1", "compact"), ("both", "compact,delete")):
        driver.topics.create(name, 1, {"retention.ms": "-1", "cleanup.policy": policy})
    compacted, both = driver.topics.find("w1"), driver.topics.find("both")
    assert reason(lambda: driver.topics.delete_records(compacted, 0, 0)) is Reason.NOT_SUPPORTED
    # Who may not delete does not hear of the policy.
    assert reason(lambda: limited(driver).delete_records(compacted, 0, 0)) is Reason.ACCESS_DENIED
    assert driver.topics.delete_records(both, 0, 0) == 0


def test_a_deleted_topic_answers_nothing_any_more() -> None:
    driver = driver_with("t")
    topic = driver.topics.find("t")
    driver.topics.delete(topic)
    assert reason(lambda: driver.topics.produce(topic, 0, batch([b"1"], NOW), None)) is Reason.NOT_FOUND
    assert reason(lambda: driver.topics.offset_for(topic, 0, EARLIEST, False, Nobody())) is Reason.NOT_FOUND
    assert driver.topics.fetch_part(topic, 0, 0, 100).refused is Reason.NOT_FOUND


def test_a_transactional_batch_needs_its_transaction() -> None:
    driver = driver_with("t")
    topic = driver.topics.find("t")
    grant = driver.transactions.initialise("x", 60_000)
    data = batch([b"1"], NOW, producer=grant.producer_id, epoch=grant.epoch, sequence=0, transactional=True)
    assert reason(lambda: driver.topics.produce(topic, 0, data, None)) is Reason.ACCESS_DENIED
    assert reason(lambda: driver.topics.produce(topic, 0, data, "x")) is Reason.NOT_IN_TRANSACTION
    assert reason(lambda: driver.topics.produce(topic, 0, data, "y")) is Reason.PRODUCER_UNKNOWN
    driver.transactions.add_partitions("x", grant.producer_id, grant.epoch, [("t", 0)])
    assert driver.topics.produce(topic, 0, data, "x").base_offset == 0
    assert int(end_offset(data)) == topic.partitions[0].log.next_offset
