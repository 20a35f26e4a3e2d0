"""What comes of a record that is appended: taken, durable, refused by a full queue, or one copy for each."""

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.enqueueing import DURABLE, REFUSED, ROUTED, spread
from onemq.model.entities import REJECT_PUBLISH, REJECT_PUBLISH_DLX, QueueSettings
from onemq.model.record import NO_ADDRESS, Record


def settings(**changes: object) -> QueueSettings:
    made = QueueSettings()
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def fill(driver: Driver, queue: str, *values: bytes) -> None:
    for value in values:
        driver.publish(queue, value)
    driver.settle_down()


def test_each_queue_gets_a_record_of_its_own() -> None:
    driver = Driver()
    queues = [driver.declare(name) for name in ("a", "b", "c")]
    assert spread([], Record(b"x", NO_ADDRESS)) == 0
    assert spread(queues, Record(b"x", NO_ADDRESS)) == ROUTED | DURABLE
    driver.settle_down()
    assert [driver.drain(name) for name in ("a", "b", "c")] == [[b"x"]] * 3


def test_one_queue_that_is_full_does_not_keep_the_others_from_it() -> None:
    driver = Driver()
    queues = [driver.declare("full", settings(length_max=0, overflow=REJECT_PUBLISH)), driver.declare("q")]
    assert spread(queues, Record(b"x", NO_ADDRESS)) == ROUTED | REFUSED | DURABLE
    driver.settle_down()
    assert (driver.drain("full"), driver.drain("q")) == ([], [b"x"])


@pytest.mark.parametrize("delay", [0, 3])
def test_reject_publish(delay: int) -> None:
    driver = Driver(delay=delay)
    driver.declare("q", settings(length_max=2, overflow=REJECT_PUBLISH))
    assert [driver.publish("q", b"%d" % number) for number in range(3)] == [
        ROUTED | DURABLE,
        ROUTED | DURABLE,
        ROUTED | REFUSED,
    ]
    driver.settle_down()
    assert driver.drain("q") == [b"0", b"1"]
    assert driver.publish("q", b"room again") == ROUTED | DURABLE


@pytest.mark.parametrize("delay", [0, 3])
def test_reject_publish_by_bytes_counts_what_is_on_its_way_to_the_disk(delay: int) -> None:
    driver = Driver(delay=delay)
    driver.declare("q", settings(bytes_max=10, overflow=REJECT_PUBLISH))
    driver.settle_down()
    assert driver.publish("q", b"12345") & REFUSED == 0
    driver.turn()
    assert driver.publish("q", b"67890") & REFUSED == 0
    assert driver.publish("q", b"1") & REFUSED
    driver.turn()
    assert driver.publish("q", b"1") & REFUSED
    driver.settle_down()
    assert driver.drain("q") == [b"12345", b"67890"]
    assert driver.publish("q", b"1") & REFUSED == 0


def test_reject_publish_dlx() -> None:
    driver = Driver()
    driver.declare("dead")
    dead = {"dead_letter_exchange": "", "dead_letter_routing_key": "dead"}
    driver.declare("q", settings(length_max=1, overflow=REJECT_PUBLISH_DLX, **dead))
    fill(driver, "q", b"1", b"2")
    assert driver.drain("q") == [b"1"]
    sink = RecordingSink()
    driver.consume("dead", sink)
    driver.settle_down()
    deaths = sink.records[0].deaths
    assert sink.values == [b"2"]
    assert deaths is not None
    assert deaths.entries[0].reason == "maxlen"
