"""Partitions and topics as transactions find them in the catalog."""

import pytest

from onemq.engine.transactions.catalog_participants import CatalogParticipants
from onemq.model.refusal import Reason, Refusal
from transaction_driver import SPACE, TransactionDriver, batch


def test_what_is_there_and_what_has_gone() -> None:
    driver = TransactionDriver()
    topic = driver.make_topic("orders", 2)
    ended: list[tuple[int, bool]] = []
    found = CatalogParticipants(driver.broker.catalog, lambda number, commit: ended.append((number, commit)))
    assert found.topic_id(SPACE, "orders", 1) == topic.topic_id
    for namespace, name, index in (
        (SPACE, "orders", 2),
        (SPACE, "orders", -1),
        (SPACE, "x", 0),
        ("y", "orders", 0),
    ):
        assert found.topic_id(namespace, name, index) == b""
        assert found.producers(namespace, name, index) is None
    assert found.topic_name(topic.topic_id) == "orders"
    assert found.producers(SPACE, "orders", 1) is topic.partitions[1].producers
    found.end_in_groups(5, True)
    assert ended == [(5, True)]
    driver.topics.delete(topic)
    assert found.topic_name(topic.topic_id) == ""
    found.end_in_partition(topic.topic_id, 0, 5, 0, True, 0)


def test_a_marker_ends_the_transaction_of_its_epoch() -> None:
    driver = TransactionDriver()
    topic = driver.make_topic("orders", 1)
    partition = topic.partitions[0]
    found = driver.broker.transactions.participants
    partition.append_batches(
        batch([b"a"], driver.now_ms, producer=5, epoch=2, sequence=0, transactional=True)
    )
    with pytest.raises(Refusal) as caught:
        found.end_in_partition(topic.topic_id, 0, 5, 1, False, 0)
    assert caught.value.reason == Reason.PRODUCER_EPOCH_STALE
    found.end_in_partition(topic.topic_id, 0, 5, 2, True, 0)
    driver.settle_down()
    assert driver.read("orders", 0, True) == [b"a"]
    assert partition.stable_end == 2


def test_a_topic_that_goes_in_the_middle_of_a_transaction() -> None:
    driver = TransactionDriver()
    driver.make_topic("orders", 1)
    bills = driver.make_topic("bills", 1)
    grant = driver.transactions.initialise("payments", 60_000)
    who = ("payments", grant.producer_id, grant.epoch)
    driver.transactions.add_partitions(*who, [("orders", 0), ("bills", 0)])
    data = batch([b"a"], driver.now_ms, producer=who[1], epoch=0, sequence=0, transactional=True)
    driver.topics.produce(driver.topics.find("orders"), 0, data, "payments")
    driver.topics.delete(bills)
    driver.make_topic("bills", 1)
    driver.settle_down()
    driver.crash()
    with pytest.raises(Refusal) as caught:
        driver.transactions.may_produce(who[1], 0, "payments", "bills", 0)
    assert caught.value.reason == Reason.NOT_IN_TRANSACTION
    driver.transactions.end(*who, True)
    driver.settle_down()
    assert driver.read("orders", 0, True) == [b"a"]
    assert driver.read("bills", 0, True) == []
