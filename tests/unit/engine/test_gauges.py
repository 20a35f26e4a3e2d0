"""What a queue is said to hold."""

from engine_driver import Driver, RecordingSink
from onemq.engine.gauges import Gauges, queue_gauges
from onemq.engine.receiving import Receive, Received, ReceiveWaiter
from onemq.engine.settings import EngineSettings
from onemq.model.entities import STRICT_GROUPS, QueueSettings
from onemq.model.record import Record


class Waiter(ReceiveWaiter):
    def received(self, found: list[Received]) -> None:
        pass


def gauges(driver: Driver, name: str = "q") -> Gauges:
    return queue_gauges(driver.queue(name))


def test_ready_in_flight_delayed_and_their_bytes() -> None:
    driver = Driver(delay=2)
    driver.declare("q")
    for value in (b"1", b"22", b"333", b"4444"):
        driver.publish("q", value)
    hidden = gauges(driver)
    assert (hidden.ready, hidden.ready_bytes, hidden.total()) == (4, 10, 4), "on their way to the disk"
    driver.settle_down()
    sink = RecordingSink()
    driver.get("q", sink)
    driver.access.leases.receive("q", Receive(1, 10_000), Waiter())
    route = driver.access.route("", "q")
    later = Record(b"55555", route.address)
    later.not_before_ms = driver.now_ms + 1000
    driver.access.publish(route, later)
    driver.settle_down()
    found = gauges(driver)
    assert (found.ready, found.ready_bytes) == (2, 7)
    assert (found.unacked, found.unacked_bytes) == (2, 3)
    assert (found.delayed, found.delayed_bytes) == (1, 5)
    assert found.memory_bytes > 0


def test_consumers_and_receives_that_wait() -> None:
    driver = Driver()
    driver.declare("q")
    driver.consume("q", RecordingSink())
    driver.access.leases.receive("q", Receive(1, 10_000, 5_000), Waiter())
    found = gauges(driver)
    assert (found.consumers, found.receivers) == (1, 1)


def test_age_of_the_oldest() -> None:
    driver = Driver()
    driver.declare("q")
    assert gauges(driver).age_ms(driver.now_ms) == 0
    driver.publish("q", b"old")
    driver.pass_time(700)
    driver.publish("q", b"new")
    driver.settle_down()
    assert gauges(driver).age_ms(driver.now_ms) == 700
    taken = driver.get("q").result
    assert taken is not None and taken.delivery is not None
    assert gauges(driver).age_ms(driver.now_ms) == 0
    driver.access.release(taken.delivery, False)
    driver.pass_time(50)
    assert gauges(driver).age_ms(driver.now_ms) == 750, "what came back is as old as it was"


def test_age_with_priorities_and_groups() -> None:
    driver = Driver()
    wanted = QueueSettings()
    wanted.priority_max = 3
    driver.declare("p", wanted)
    grouped = QueueSettings()
    grouped.grouping = STRICT_GROUPS
    driver.declare("g", grouped)
    for queue in ("p", "g"):
        route = driver.access.route("", queue)
        for number in (1, 3):
            record = Record(b"x", route.address, priority=number)
            record.key = b"k%d" % number
            driver.access.publish(route, record)
            driver.pass_time(100)
    assert gauges(driver, "p").age_ms(driver.now_ms) == 400
    assert gauges(driver, "g").age_ms(driver.now_ms) == 200


def test_age_of_what_was_spilled_is_known_without_loading_it() -> None:
    driver = Driver(EngineSettings(tail_bytes_max=2_000))
    driver.declare("q")
    for number in range(300):
        driver.publish("q", b"%d" % number)
        driver.pass_time(10)
    log = driver.queue("q").log
    assert log.spilled_to > 100 and log.find(0) is None
    loads = driver.store.loads
    assert gauges(driver).age_ms(driver.now_ms) == 3000
    assert driver.store.loads == loads
    middle = driver.now_ms - log.time_at(100)
    assert 2000 <= middle <= 2200, "not younger than it is, and not much older"
    driver.restart()
    driver.pass_time(40)
    assert gauges(driver).age_ms(driver.now_ms) == 40, "of what only the store has, that is all that is known"


def test_of_a_topic_and_the_queue_over_it() -> None:
    driver = Driver()
    driver.declare("t")
    topic = driver.access.topics.create("topic", 2, {})
    assert topic is not None
    driver.declare("topic")
    for _ in range(3):
        driver.publish("topic", b"abc")
    driver.pass_time(30)
    found = gauges(driver, "topic")
    assert found.ready == 3
    assert found.age_ms(driver.now_ms) == 30
    kept = queue_gauges(topic.partitions[0])
    assert sum(queue_gauges(part).ready for part in topic.partitions) == 3
    assert kept.ready == 0 or kept.ready_bytes > 0
