"""Access: publishing, queues, consuming: what is refused, and what goes when a connection goes."""

from engine_driver import Driver, RecordingSink, RecordingWaiter
from onemq.engine.settings import EngineSettings
from onemq.model.entities import QueueSettings
from onemq.model.refusal import Reason
from unit.engine.accesses import consume, person, refused


def test_what_is_not_there() -> None:
    access = Driver().access
    for call in (
        lambda: access.queues.check("no"),
        lambda: access.queues.purge("no"),
        lambda: consume(access, "no"),
        lambda: access.get("no", RecordingSink(), True, RecordingWaiter()),
        lambda: access.route("no", ""),
    ):
        refused(Reason.NOT_FOUND, call)
    assert access.queues.delete("no") == 0


def test_too_large() -> None:
    driver = Driver(EngineSettings(message_bytes_max=10))
    driver.declare("q")
    driver.publish("q", b"x" * 10)
    refused(Reason.TOO_LARGE, lambda: driver.publish("q", b"x" * 11))


def test_exclusive_consumers() -> None:
    driver = Driver()
    driver.declare("q")
    alone = driver.consume("q", RecordingSink(), exclusive=True)
    refused(Reason.SINGLE_ACTIVE, lambda: consume(driver.access, "q"))
    driver.access.cancel(alone)
    consume(driver.access, "q")
    refused(Reason.SINGLE_ACTIVE, lambda: consume(driver.access, "q", exclusive=True))


def test_close_gives_everything_back() -> None:
    driver = Driver()
    driver.declare("q")
    driver.declare("auto", QueueSettings(auto_delete=True))
    access = driver.new_access()
    sinks = [RecordingSink(), RecordingSink()]
    for sink in sinks:
        driver.consume("q", sink, limit=1, access=access)
    driver.consume("auto", sinks[0], access=access)
    access.register_reply("reply", sinks[0])
    for number in range(3):
        driver.publish("q", b"%d" % number)
    driver.publish("auto", b"x")
    driver.settle_down()
    assert driver.ready("q") == 1
    access.close()
    access.close()
    driver.settle_down()
    assert driver.drain("q") == [b"0", b"1", b"2"]
    refused(Reason.NOT_FOUND, lambda: driver.access.queues.check("auto"))
    assert not driver.access.has_reply("reply")
    access.accept(sinks[0].held[0])
    driver.settle_down()
    assert driver.broker.memory_bytes() == 0


def test_consumers_hear_that_their_queue_has_gone_and_settling_after_that_is_harmless() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    consumer = driver.consume("q", sink, tag="mine")
    driver.publish("q", b"1")
    driver.publish("q", b"2")
    driver.publish("q", b"3")
    driver.settle_down()
    driver.access.queues.delete("q")
    assert sink.ended == [("mine", "deleted")]
    driver.access.accept(sink.held[0])
    driver.access.release(sink.held[1], True)
    driver.access.reject(sink.held[2])
    driver.access.cancel(consumer)
    driver.access.close_sink(sink)
    driver.settle_down()
    assert consumer.demand.in_flight == 0
    assert driver.broker.memory_bytes() == 0


def test_position_and_count() -> None:
    driver = Driver(delay=1)
    driver.declare("q")
    driver.settle_down()
    before = driver.access.position()
    assert before == driver.broker.durable_position
    driver.publish("q", b"1", volatile=True)
    assert driver.access.position() == before
    driver.publish("q", b"1")
    assert driver.access.position() == before + 1
    driver.turn()
    assert driver.access.position() == before + 1
    assert driver.access.counters.published == 2


def test_limits_of_users_and_namespaces() -> None:
    driver = Driver()
    limits = driver.broker.directory.limits
    limits.set("namespace", "/", {"max-queues": 1, "max-connections": 2})
    limits.set("user", "ann", {"max-channels": 1, "max-connections": 1})
    ann = person(driver)
    ann.begin_connection()
    other = person(driver)
    assert refused(Reason.LIMIT, other.begin_connection).entity_kind == "user"
    person(driver, "bob").begin_connection()
    assert refused(Reason.LIMIT, person(driver, "eve").begin_connection).entity_kind == "namespace"
    sink = RecordingSink()
    ann.open_channel(sink)
    assert refused(Reason.LIMIT, lambda: other.open_channel(RecordingSink())).detail == "max-channels"
    ann.close_sink(sink)
    ann.open_channel(RecordingSink())
    ann.queues.declare("q", QueueSettings())
    ann.queues.declare("q", QueueSettings())
    assert refused(Reason.LIMIT, lambda: ann.queues.declare("q2", QueueSettings())).entity == "q2"
    ann.close()
    other.begin_connection()
    other.open_channel(RecordingSink())
