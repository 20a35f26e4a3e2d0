"""Queues of one connection: locked for others, gone with it."""

from engine_driver import Driver, RecordingSink, RecordingWaiter
from onemq.engine.enqueueing import ROUTED
from onemq.engine.own_queues import OwnQueues
from onemq.model.entities import QueueSettings
from onemq.model.refusal import Reason
from unit.engine.accesses import consume, refused


def test_a_queue_is_owned_by_one_and_found_by_it_only() -> None:
    driver = Driver()
    queue = driver.declare("q")
    catalog = driver.broker.catalog
    mine, theirs = (OwnQueues(catalog, catalog.namespaces["/"]) for _ in range(2))
    assert mine.find("q") is theirs.find("q") is queue
    mine.own(queue)
    assert mine.find("q") is queue
    assert (mine.exclusive(), theirs.exclusive()) == ([queue], [])
    refused(Reason.LOCKED, lambda: theirs.find("q"))
    refused(Reason.NOT_FOUND, lambda: mine.find("no"))
    assert not theirs.forget("q")
    assert mine.forget("q")
    assert mine.exclusive() == []


def test_an_exclusive_queue_is_locked_for_others_and_goes_with_its_owner() -> None:
    driver = Driver()
    owner = driver.new_access()
    owner.queues.declare("q", QueueSettings(exclusive=True))
    other = driver.access
    for call in (
        lambda: other.queues.declare("q", QueueSettings(exclusive=True)),
        lambda: other.queues.check("q"),
        lambda: other.queues.delete("q"),
        lambda: other.queues.purge("q"),
        lambda: consume(other, "q"),
        lambda: other.get("q", RecordingSink(), True, RecordingWaiter()),
        lambda: other.exchanges.bind_queue("q", "amq.direct", "", {}),
    ):
        refused(Reason.LOCKED, call)
    assert driver.publish("q", b"1") == ROUTED, "publishing to it is allowed, and it is not durable"
    assert owner.queues.check("q").ready == 1
    owner.close()
    refused(Reason.NOT_FOUND, lambda: other.queues.check("q"))
    driver.settle_down()
    assert driver.broker.memory_bytes() == 0
