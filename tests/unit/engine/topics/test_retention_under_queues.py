"""How long records stay whose log belonged to a queue or a stream before a topic of its name came."""

from __future__ import annotations

import pytest

from engine_driver import Disk, FakeStore
from onemq.model.entities import QueueSettings
from transaction_driver import TransactionDriver

WEEK_MS = 7 * 24 * 3_600_000


@pytest.mark.parametrize("restart", [False, True])
def test_what_waits_in_a_queue_does_not_go_of_age(restart: bool) -> None:
    driver = TransactionDriver(store=FakeStore(Disk()))
    driver.declare("q")
    for value in (b"settled", b"waits", b"behind"):
        driver.publish("q", value)
    driver.settle_down()
    driver.topics.find("q")
    result = driver.get("q", no_ack=True).result
    assert result is not None and result.record.value == b"settled"
    driver.settle_down()
    if restart:
        driver.restart()
    for _ in range(30):
        driver.pass_time(WEEK_MS // 10)
    assert driver.drain("q") == [b"waits", b"behind"]
    for _ in range(30):
        driver.pass_time(WEEK_MS // 10)
    log = driver.topics.find("q").partitions[0].log
    assert log.start_offset == log.visible_end == 3


def test_a_queue_that_is_named_by_a_reader_loses_nothing_soon() -> None:
    driver = TransactionDriver()
    driver.declare("q")
    driver.publish("q", b"settled")
    driver.publish("q", b"waits")
    driver.settle_down()
    driver.topics.find("q")
    driver.get("q", no_ack=True)
    driver.pass_time(120_000)
    assert driver.topics.find("q").partitions[0].log.start_offset == 0
    assert driver.drain("q") == [b"waits"]


def test_an_age_that_the_topic_was_given_holds_for_what_waits_too() -> None:
    driver = TransactionDriver()
    driver.declare("q")
    driver.publish("q", b"waits")
    driver.settle_down()
    topic = driver.topics.find("q")
    driver.topics.configure(topic, {"retention.ms": "5000"})
    driver.pass_time(60_000)
    assert driver.ready("q") == 0


@pytest.mark.parametrize("age_ms", [None, 30_000])
def test_a_stream_keeps_its_own_limits(age_ms: int | None) -> None:
    driver = TransactionDriver()
    settings = QueueSettings()
    settings.kept = True
    settings.persists_all = True
    settings.type_name = "stream"
    settings.retention_ms = age_ms
    driver.declare("s", settings)
    driver.publish("s", b"v")
    driver.settle_down()
    topic = driver.topics.find("s")
    assert topic.config.retention_ms == (-1 if age_ms is None else age_ms)
    assert topic.config.retention_bytes == -1
    driver.pass_time(20_000)
    assert topic.partitions[0].log.start_offset == 0
