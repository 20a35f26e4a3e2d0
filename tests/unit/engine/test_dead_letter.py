"""A record's history of deaths, and circles of dead letters."""

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.dead_letter import died, is_cycle
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.record import Address, Death, Deaths, Record


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


def test_history_counts_and_keeps_the_newest_first() -> None:
    record = Record(b"", Address("ex", "key"))
    record.deaths = died(record, "a", "rejected", ["key", "cc"], 10)
    record.address = Address("", "b")
    record.deaths = died(record, "b", "expired", ["b"], 20)
    assert told(record.deaths) == [("b", "expired", 1), ("a", "rejected", 1)]
    before = record.deaths
    record.deaths = died(record, "a", "rejected", ["b"], 30)
    assert told(record.deaths) == [("a", "rejected", 2), ("b", "expired", 1)]
    assert told(before) == [("b", "expired", 1), ("a", "rejected", 1)], (
        "a history is not changed, it is replaced"
    )
    newest = record.deaths.entries[0]
    assert (newest.exchange, newest.routing_keys, int(newest.time_ms)) == ("ex", ["key", "cc"], 10)
    assert record.deaths.first == ("a", "rejected", "ex")
    assert record.deaths.last == ("a", "rejected", "")


def test_a_second_reason_is_a_second_line() -> None:
    record = Record(b"", Address("", "a"))
    record.deaths = died(record, "a", "rejected", ["a"], 10)
    record.deaths = died(record, "a", "expired", ["a"], 20)
    assert told(record.deaths) == [("a", "expired", 1), ("a", "rejected", 1)]


def test_the_record_s_own_expiry_is_remembered() -> None:
    record = Record(b"", Address("", "a"))
    record.timestamp_ms = 1000
    record.expires_at_ms = 1500
    assert died(record, "a", "expired", ["a"], 1500).entries[0].expiration == "500"


@pytest.mark.parametrize(
    ("entries", "queue", "reason", "cycle"),
    [
        ([("a", "expired")], "a", "expired", True),
        ([("a", "expired")], "b", "expired", False),
        ([("b", "expired"), ("a", "maxlen")], "a", "expired", True),
        ([("b", "rejected"), ("a", "expired")], "a", "expired", False),
        ([("a", "rejected")], "a", "rejected", False),
        ([("b", "expired"), ("a", "rejected")], "a", "expired", False),
    ],
)
def test_circles(entries: list[tuple[str, str]], queue: str, reason: str, cycle: bool) -> None:
    history = Deaths([Death(name, why, "", [], 0) for name, why in entries], ("", "", ""), ("", "", ""))
    assert is_cycle(history, queue, reason) == cycle


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
    driver.access.declare_exchange("dlx", ExchangeSettings("direct"))
    driver.declare("q", settings)
    driver.declare("dead")
    driver.access.bind_queue("dead", "dlx", "q", {})
    driver.publish("q", b"1")
    driver.settle_down()
    result = driver.get("q").result
    assert result is not None
    assert result.delivery is not None
    driver.access.reject(result.delivery)
    driver.settle_down()
    assert driver.drain("dead") == [b"1"]
