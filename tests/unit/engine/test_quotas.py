"""Quotas: which one holds, rates over time, filters, restarts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_driver import Driver
from onemq.engine.quotas import (
    ANY,
    CONSUMER_BYTE_RATE,
    CONTROLLER_MUTATION_RATE,
    DEFAULT,
    EXACT,
    PRODUCER_BYTE_RATE,
    Entity,
    FilterPart,
    Quotas,
    entity_of,
)
from onemq.model.refusal import Reason, Refusal

ORDER: list[tuple[tuple[str, str | None], ...]] = [
    (("user", "u"), ("client-id", "c")),
    (("user", "u"), ("client-id", None)),
    (("user", "u"),),
    (("user", None), ("client-id", "c")),
    (("user", None), ("client-id", None)),
    (("user", None),),
    (("client-id", "c"),),
    (("client-id", None),),
]
"""The documentation's order of precedence."""


def of(driver: Driver) -> Quotas:
    return driver.broker.catalog.administration.quotas


@given(st.sets(st.integers(0, len(ORDER) - 1), min_size=1))
def test_the_most_particular_quota_holds(chosen: set[int]) -> None:
    driver = Driver()
    quotas = of(driver)
    for index in chosen:
        quotas.alter(entity_of(list(ORDER[index])), PRODUCER_BYTE_RATE, 1000.0 * (index + 1))
    holds = 1000.0 * (min(chosen) + 1)
    # The rate is over ten seconds at least: what ten seconds allow passes, one byte more does not.
    assert quotas.charge("u", "c", PRODUCER_BYTE_RATE, holds * 10) == 0
    assert quotas.charge("u", "c", PRODUCER_BYTE_RATE, holds) == 1000
    assert quotas.charge("u", "c", CONSUMER_BYTE_RATE, holds * 100) == 0


def test_whose_rate_counts() -> None:
    quotas = of(Driver())
    quotas.alter(entity_of([("user", None)]), PRODUCER_BYTE_RATE, 100.0)
    assert quotas.charge("u", "c", PRODUCER_BYTE_RATE, 1000) == 0
    assert quotas.charge("v", "c", PRODUCER_BYTE_RATE, 1000) == 0, "each user has the default for itself"
    assert quotas.charge("u", "d", PRODUCER_BYTE_RATE, 100) == 1000, "all of a user's clients count together"
    quotas.alter(entity_of([("user", None), ("client-id", None)]), PRODUCER_BYTE_RATE, 100.0)
    assert quotas.charge("u", "c", PRODUCER_BYTE_RATE, 1000) == 0
    assert quotas.charge("u", "d", PRODUCER_BYTE_RATE, 1000) == 0, "each client of each user for itself"
    assert quotas.charge("u", "d", PRODUCER_BYTE_RATE, 50) == 500


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 5000)), min_size=20, max_size=60))
def test_a_client_that_waits_as_told_keeps_to_its_rate(steps: list[tuple[int, int]]) -> None:
    driver = Driver()
    quotas = of(driver)
    quotas.alter(entity_of([("user", "u")]), PRODUCER_BYTE_RATE, 1000.0)
    start_ms = driver.now_ms
    total = 0
    for pause_ms, amount in steps:
        driver.now_ms += pause_ms
        driver.broker.begin_turn(driver.now_ms)
        driver.now_ms += quotas.charge("u", "c", PRODUCER_BYTE_RATE, amount)
        total += amount
    elapsed_ms = driver.now_ms - start_ms
    # Twelve seconds' worth may be ahead: the ten of the window, and the one that is being counted, at both ends.
    assert total <= 1000 * (elapsed_ms / 1000 + 12)


def test_old_traffic_is_forgotten() -> None:
    driver = Driver()
    quotas = of(driver)
    quotas.alter(entity_of([("user", "u")]), CONSUMER_BYTE_RATE, 1000.0)
    assert quotas.charge("u", "c", CONSUMER_BYTE_RATE, 30_000) == 20_000
    driver.now_ms += 12_000
    driver.broker.begin_turn(driver.now_ms)
    assert quotas.charge("u", "c", CONSUMER_BYTE_RATE, 10_000) == 0


def test_mutations_burst_then_keep_the_pace() -> None:
    driver = Driver()
    quotas = of(driver)
    quotas.alter(entity_of([("user", "u")]), CONTROLLER_MUTATION_RATE, 2.0)
    assert quotas.charge_mutations("u", "c", 30, True) == 0, "the last one may overdraw"
    wait_ms = quotas.charge_mutations("u", "c", 1, True)
    assert wait_ms == 4001  # 8 tokens short at 2 a second
    driver.now_ms += wait_ms
    driver.broker.begin_turn(driver.now_ms)
    assert quotas.charge_mutations("u", "c", 1, True) == 0
    assert quotas.charge_mutations("u", "c", 5, False) > 0, "older clients are slowed down, not refused"
    assert quotas.charge_mutations("v", "c", 1000, True) == 0


def test_filters() -> None:
    quotas = of(Driver())
    entities: list[Entity] = [entity_of(list(pairs)) for pairs in ORDER]
    for entity in entities:
        quotas.alter(entity, PRODUCER_BYTE_RATE, 1.0)

    def found(strict: bool, *parts: tuple[str, int, str | None]) -> set[Entity]:
        return {entity for entity, _ in quotas.find([FilterPart(*part) for part in parts], strict)}

    assert found(False) == set(entities)
    assert found(True) == set()
    assert found(True, ("user", EXACT, "u")) == {(("user", "u"),)}
    assert found(False, ("user", EXACT, "u")) == {entity for entity in entities if ("user", "u") in entity}
    assert found(True, ("user", DEFAULT, None)) == {(("user", None),)}
    assert found(False, ("user", ANY, None)) == {e for e in entities if any(kind == "user" for kind, _ in e)}
    assert found(True, ("user", ANY, None), ("client-id", DEFAULT, None)) == {
        (("client-id", None), ("user", "u")),
        (("client-id", None), ("user", None)),
    }


def test_what_cannot_be() -> None:
    quotas = of(Driver())
    user = entity_of([("user", "u")])
    ip = entity_of([("ip", "1.2.3.4")])
    for entity, key, value in (
        (user, "x", 1.0), (user, "connection_creation_rate", 1.0), (user, PRODUCER_BYTE_RATE, 0.0),
        (user, PRODUCER_BYTE_RATE, -1.0), (user, PRODUCER_BYTE_RATE, 1.5), (user, PRODUCER_BYTE_RATE, float("nan")),
        (ip, PRODUCER_BYTE_RATE, 1.0),
    ):  # fmt: skip
        with pytest.raises(Refusal) as caught:
            quotas.alter(entity, key, value)
        assert caught.value.reason == Reason.INVALID
    pairs: list[list[tuple[str, str | None]]] = [
        [], [("user", "a"), ("user", "b")], [("x", "a")], [("user", "")], [("ip", "1.1.1.1"), ("user", "a")],
    ]  # fmt: skip
    for bad in pairs:
        with pytest.raises(Refusal):
            entity_of(bad)
    for parts, reason in (
        ([FilterPart("user", ANY, None), FilterPart("user", ANY, None)], Reason.INVALID),
        ([FilterPart("user", EXACT, None)], Reason.INVALID),
        ([FilterPart("user", 9, None)], Reason.INVALID),
        ([FilterPart("user", ANY, None), FilterPart("ip", ANY, None)], Reason.INVALID),
        ([FilterPart("pet", ANY, None)], Reason.NOT_SUPPORTED),
    ):
        with pytest.raises(Refusal) as caught:
            quotas.find(parts, False)
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (PRODUCER_BYTE_RATE, 1.5, "producer_byte_rate cannot be a fractional value."),
        (PRODUCER_BYTE_RATE, 1e30, "Proposed value for producer_byte_rate is too large for a LONG."),
        ("x", 1.0, "Invalid configuration key x"),
    ],
)
def test_values_are_refused_in_kafkas_words(key: str, value: float, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        of(Driver()).alter(entity_of([("user", "u")]), key, value)
    assert caught.value.detail == words


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (
            FilterPart("user", EXACT, None),
            "Request specified MATCH_TYPE_EXACT, but set match string to null.",
        ),
        (
            FilterPart("user", DEFAULT, "u"),
            "Request specified MATCH_TYPE_DEFAULT, but also specified a match string.",
        ),
        (
            FilterPart("user", ANY, "u"),
            "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.",
        ),
        (FilterPart("user", 9, None), "Unknown match type 9"),
        (FilterPart("", ANY, None), "Invalid empty entity type."),
        (FilterPart("pet", ANY, None), "Unsupported entity type pet"),
    ],
)
def test_filters_are_refused_in_kafkas_words(part: FilterPart, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        of(Driver()).find([part], False)
    assert caught.value.detail == words


def test_what_was_never_set_may_be_removed_whatever_its_name() -> None:
    quotas = of(Driver())
    quotas.alter(entity_of([("user", "u")]), "x", None)
    assert quotas.find([], False) == []


def test_quotas_survive() -> None:
    driver = Driver()
    for end in (driver.restart, driver.crash):
        quotas = of(driver)
        quotas.alter(entity_of([("user", "u"), ("client-id", None)]), PRODUCER_BYTE_RATE, 5.0)
        quotas.alter(entity_of([("user", "gone")]), PRODUCER_BYTE_RATE, 5.0)
        quotas.alter(entity_of([("user", "gone")]), PRODUCER_BYTE_RATE, None)
        driver.settle_down()
        end()
        assert of(driver).find([], False) == [
            ((("client-id", None), ("user", "u")), {PRODUCER_BYTE_RATE: 5.0})
        ]
