"""A record's history of deaths, and circles of dead letters."""

import pytest

from onemq.engine.dead_letter import died, is_cycle
from onemq.model.record import Address, Death, Deaths, Record


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
