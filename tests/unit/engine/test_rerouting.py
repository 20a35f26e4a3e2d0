"""Dead letters, circles of them, and what delayed exchanges held back, seen through the broker."""

import pytest

from engine_driver import Disk, Driver, FakeStore, RecordingSink
from onemq.engine.settings import EngineSettings
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.record import Deaths


def dead_letters_to(queue: str, **changes: object) -> QueueSettings:
    made = QueueSettings()
    made.dead_letter_exchange = ""
    made.dead_letter_routing_key = queue
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def told(deaths: Deaths | None) -> list[tuple[str, str, int]]:
    assert deaths is not None
    return [(death.queue, death.reason, int(death.count)) for death in deaths.entries]


def test_a_circle_without_a_rejection_ends() -> None:
    driver = Driver()
    driver.declare("a", dead_letters_to("b", message_ttl_ms=10))
    driver.declare("b", dead_letters_to("a", message_ttl_ms=10))
    driver.publish("a", b"1")
    driver.pass_time(1000)
    assert driver.ready("a") == driver.ready("b") == 0
    assert driver.broker.memory_bytes() == 0


def test_a_retry_circle_by_rejection_goes_on() -> None:
    driver = Driver()
    driver.declare("work", dead_letters_to("wait"))
    driver.declare("wait", dead_letters_to("work", message_ttl_ms=100))
    sink = RecordingSink()
    driver.consume("work", sink)
    driver.publish("work", b"1")
    for _ in range(3):
        driver.settle_down()
        driver.access.reject(sink.held[-1])
        driver.pass_time(100)
    assert sink.values == [b"1"] * 4
    assert told(sink.records[-1].deaths) == [("wait", "expired", 3), ("work", "rejected", 3)]


def test_a_dead_letter_is_one_commit_with_the_settlement() -> None:
    driver = Driver(delay=1)
    driver.declare("dead")
    driver.declare("q", dead_letters_to("dead"))
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.publish("q", b"1")
    driver.settle_down()
    before = driver.broker.core.last_position
    driver.access.reject(sink.held[0])
    driver.turn()
    assert driver.broker.core.last_position == before + 1
    driver.crash(extra=0)
    assert (driver.ready("q"), driver.ready("dead")) == (1, 0)


def test_history_survives_a_restart_and_the_own_expiry_does_not_follow() -> None:
    driver = Driver()
    driver.declare("dead")
    driver.declare("q", dead_letters_to("dead"))
    driver.publish("q", b"1", ttl_ms=50)
    driver.pass_time(60)
    driver.restart()
    driver.pass_time(10_000)
    sink = RecordingSink()
    driver.consume("dead", sink)
    driver.settle_down()
    assert told(sink.records[0].deaths) == [("q", "expired", 1)]
    assert sink.records[0].address.routing_key == "dead"
    assert sink.records[0].expires_at_ms == 0


def test_without_a_target_or_with_one_that_has_gone_the_record_goes() -> None:
    driver = Driver()
    settings = QueueSettings()
    settings.dead_letter_exchange = "gone"
    driver.declare("q", settings)
    driver.declare("plain")
    for queue in ("q", "plain"):
        driver.publish(queue, b"1")
        driver.settle_down()
        result = driver.get(queue).result
        assert result is not None
        assert result.delivery is not None
        driver.access.reject(result.delivery)
        driver.settle_down()
        assert driver.ready(queue) == 0


def test_dead_letters_are_routed_by_their_exchange_under_the_record_s_own_key() -> None:
    driver = Driver()
    settings = QueueSettings()
    settings.dead_letter_exchange = "dlx"
    driver.access.exchanges.declare("dlx", ExchangeSettings("direct"))
    driver.declare("q", settings)
    driver.declare("dead")
    driver.access.exchanges.bind_queue("dead", "dlx", "q", {})
    driver.publish("q", b"1")
    driver.settle_down()
    result = driver.get("q").result
    assert result is not None
    assert result.delivery is not None
    driver.access.reject(result.delivery)
    driver.settle_down()
    assert driver.drain("dead") == [b"1"]


@pytest.mark.parametrize("clean", [None, True, False])
def test_a_delayed_exchange_routes_when_the_time_has_come(clean: bool | None) -> None:
    driver = Driver()
    settings = ExchangeSettings("direct")
    settings.type_name = "x-delayed-message"
    settings.delayed = True
    driver.access.exchanges.declare("later", settings)
    driver.declare("q")
    driver.access.exchanges.bind_queue("q", "later", "key", {})
    driver.publish("key", b"late", exchange="later", delay_ms=2000)
    driver.publish("key", b"soon", exchange="later", delay_ms=1000)
    driver.publish("key", b"now", exchange="later")
    driver.publish("key", b"volatile", exchange="later", delay_ms=1500, volatile=True)
    driver.pass_time(999)
    assert driver.ready("q") == 1
    if clean is not None:
        driver.again(clean)
    driver.pass_time(1)
    assert driver.ready("q") == 2
    driver.pass_time(1000)
    volatile = [b"volatile"] if clean is None else []
    assert driver.drain("q") == [b"now", b"soon", *volatile, b"late"]
    assert driver.broker.memory_bytes() == 0


@pytest.mark.parametrize("spilled", [False, True])
@pytest.mark.parametrize("clean", [True, False, None])
def test_what_fell_due_unseen_leaves_a_delayed_exchange_in_the_order_of_its_times(
    clean: bool | None, spilled: bool
) -> None:
    """As RabbitMQ's plugin does, whose table is sorted by time: after a restart, or when the clock has leapt."""
    driver = Driver(
        EngineSettings(tail_bytes_max=100 if spilled else 1 << 20, dispatch_per_turn=2),
        store=FakeStore(Disk()),
    )
    settings = ExchangeSettings("direct")
    settings.delayed = True
    driver.access.exchanges.declare("later", settings)
    driver.declare("q")
    driver.access.exchanges.bind_queue("q", "later", "key", {})
    times = [3000, 1000, 5000, 2000, 1000, 4000, 60_000]
    for number, delay_ms in enumerate(times):
        driver.publish("key", b"%d" % number, exchange="later", delay_ms=delay_ms)
        driver.settle_down()
    if clean:
        driver.shut_down()
    driver.now_ms += 6000
    if clean is not None:
        driver.crash()
    driver.settle_down()
    assert driver.drain("q") == [b"1", b"4", b"3", b"0", b"5", b"2"]
    driver.pass_time(54_000)
    assert driver.drain("q") == [b"6"]
    assert driver.broker.memory_bytes() == 0


def test_records_forwarded_by_a_delayed_exchange_are_not_held_again() -> None:
    driver = Driver()
    settings = ExchangeSettings("direct")
    settings.delayed = True
    driver.access.exchanges.declare("later", settings)
    driver.declare("q")
    driver.access.exchanges.bind_queue("q", "later", "key", {})
    driver.publish("key", b"1", exchange="later", delay_ms=100)
    driver.pass_time(100)
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.settle_down()
    assert sink.records[0].not_before_ms == 0
    driver.crash()
    assert driver.drain("q") == [b"1"]
