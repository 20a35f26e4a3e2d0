"""Deduplication ids: remembered for the window, over restarts, and no longer than their queue."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_driver import Driver
from onemq.engine.deduplication import EXPIRED_PER_STEP, SLACK_MS
from onemq.engine.settings import EngineSettings
from onemq.engine.topics.config import TopicConfig
from onemq.model.entities import QueueSettings
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights

WINDOW = 300_000


def found(driver: Driver, identifier: str, owner: str = "q", scope: str = "") -> tuple[str, int] | None:
    driver.broker.begin_turn(driver.now_ms)
    entry = driver.access.deduplication.find(owner, scope, identifier)
    return None if entry is None else (entry.message_id, int(entry.offset))


def remember(
    driver: Driver, identifier: str, message: str, offset: int = 0, owner: str = "q", scope: str = ""
) -> None:
    driver.broker.begin_turn(driver.now_ms)
    driver.access.deduplication.remember(owner, scope, identifier, message, offset)


def count(driver: Driver) -> int:
    return int(driver.broker.deduplication.count)


def test_an_id_counts_for_the_window_from_its_first_acceptance() -> None:
    driver = Driver()
    driver.declare("q")
    remember(driver, "a", "m1", 7)
    driver.pass_time(WINDOW - 1)
    remember(driver, "a", "m2", 8)
    assert found(driver, "a") == ("m1", 7)
    driver.now_ms += 1
    assert found(driver, "a") is None
    remember(driver, "a", "m3", 9)
    assert found(driver, "a") == ("m3", 9)
    driver.pass_time(WINDOW - 1)
    assert found(driver, "a") == ("m3", 9)
    driver.pass_time(1 + SLACK_MS)
    assert count(driver) == 0


def test_owners_scopes_and_namespaces_are_apart() -> None:
    driver = Driver(EngineSettings(namespaces=["/", "other"]))
    remember(driver, "b", "m1", scope="a")
    remember(driver, "b", "m2", owner="q2")
    assert found(driver, "b", scope="a") == ("m1", 0)
    assert found(driver, "ab") is None
    assert found(driver, "b") is None
    assert found(driver, "b", owner="q2") == ("m2", 0)
    other = driver.new_access(namespace="other")
    assert other.deduplication.find("q", "a", "b") is None


@pytest.mark.parametrize("clean", [False, True])
def test_ids_survive_with_the_time_that_is_left(clean: bool) -> None:
    driver = Driver()
    driver.declare("q")
    remember(driver, "a", "m1", 7)
    driver.pass_time(100_000)
    remember(driver, "b", "m2", 8, scope="g")
    driver.settle_down()
    driver.restart() if clean else driver.crash()
    assert (found(driver, "a"), found(driver, "b", scope="g")) == (("m1", 7), ("m2", 8))
    driver.now_ms += 200_000
    assert (found(driver, "a"), found(driver, "b", scope="g")) == (None, ("m2", 8))
    driver.restart() if clean else driver.crash()
    assert count(driver) == 1
    driver.pass_time(100_000 + SLACK_MS)
    assert count(driver) == 0


def test_what_was_not_committed_is_not_remembered() -> None:
    driver = Driver(delay=5)
    driver.settle_down()
    remember(driver, "a", "m1")
    assert driver.access.position() == driver.broker.core.last_position + 1
    driver.turn()
    driver.crash()
    assert found(driver, "a") is None


@pytest.mark.parametrize("clean", [False, True])
def test_ids_go_with_their_queue(clean: bool) -> None:
    driver = Driver()
    driver.declare("q")
    remember(driver, "a", "m1")
    driver.settle_down()
    remember(driver, "b", "m2")
    driver.access.queues.delete("q")
    driver.declare("q")
    remember(driver, "c", "m3")
    driver.settle_down()
    for _ in range(2):
        assert [found(driver, name) for name in "abc"] == [None, None, ("m3", 0)]
        driver.restart() if clean else driver.crash()
    assert count(driver) == 1


def test_ids_of_a_queue_that_a_restart_ends_end_with_it() -> None:
    driver = Driver()
    driver.declare("q", QueueSettings(durable=False))
    remember(driver, "a", "m1")
    driver.settle_down()
    assert found(driver, "a") == ("m1", 0)
    driver.restart()
    assert found(driver, "a") is None
    driver.declare("q", QueueSettings(durable=False))
    remember(driver, "a", "m2")
    driver.settle_down()
    driver.crash()
    assert found(driver, "a") is None


@pytest.mark.parametrize("queue", [False, True])
def test_ids_go_with_their_topic(queue: bool) -> None:
    driver = Driver()
    catalog = driver.broker.catalog
    space = catalog.namespaces["/"]
    topic = catalog.topics.create(space, "q", 2, TopicConfig({}))
    if queue:
        driver.declare("q")
    remember(driver, "a", "m1")
    driver.settle_down()
    catalog.topics.remove(space, topic)
    driver.settle_down()
    assert found(driver, "a") is None
    driver.crash()
    assert found(driver, "a") is None


def test_too_many_are_refused_until_some_are_old() -> None:
    driver = Driver(EngineSettings(deduplication_ids_max=2))
    remember(driver, "a", "m1")
    driver.pass_time(10)
    remember(driver, "b", "m2")
    with pytest.raises(Refusal) as caught:
        remember(driver, "c", "m3")
    assert (caught.value.reason, caught.value.entity_kind) == (Reason.LIMIT, "deduplication")
    remember(driver, "a", "again")
    assert (found(driver, "a"), found(driver, "c")) == (("m1", 0), None)
    driver.now_ms += WINDOW - 10
    remember(driver, "c", "m3")
    assert [found(driver, name) for name in "abc"] == [None, ("m2", 0), ("m3", 0)]


def test_many_expire_in_bounded_steps() -> None:
    driver = Driver()
    total = EXPIRED_PER_STEP * 2 + 1
    for number in range(total):
        remember(driver, str(number), "m")
    driver.settle_down()
    driver.now_ms += WINDOW + SLACK_MS
    counts = [count(driver)]
    while counts[-1]:
        driver.turn()
        driver.now_ms += 1
        counts.append(count(driver))
    assert counts == [total, EXPIRED_PER_STEP + 1, 1, 0]


def test_owners_that_come_and_go_leave_nothing_behind() -> None:
    driver = Driver()
    for turn in range(50):
        driver.declare("q")
        for number in range(100):
            remember(driver, f"{turn}.{number}", "m")
        driver.access.queues.delete("q")
        driver.turn()
    assert count(driver) == 0
    assert len(driver.broker.deduplication._ages) < 1200


def test_who_may_not_write_to_the_queue_learns_nothing() -> None:
    driver = Driver()
    remember(driver, "a", "m1")
    denied = driver.new_access(Rights(NamePattern(".*"), NamePattern("^other$"), NamePattern(".*")))
    with pytest.raises(Refusal) as caught:
        denied.deduplication.find("q", "", "a")
    assert caught.value.reason == Reason.ACCESS_DENIED
    with pytest.raises(Refusal) as caught:
        denied.deduplication.remember("q", "", "b", "m", 0)
    assert caught.value.reason == Reason.ACCESS_DENIED


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from("pq"), st.sampled_from(["", "g"]), st.sampled_from("abc")),
        st.tuples(st.just("wait"), st.integers(1, 400)),
        st.tuples(st.just("delete"), st.sampled_from("pq")),
        st.tuples(st.sampled_from(["crash", "restart"])),
    ),
    max_size=40,
)


@given(ACTIONS)
def test_against_a_dict(actions: list[tuple[object, ...]]) -> None:
    """The obvious: a dict from (owner, scope, id) to (time, answer), looked at with the clock."""
    driver = Driver(EngineSettings(deduplication_window_ms=500))
    model: dict[tuple[object, ...], tuple[int, str]] = {}
    for number, action in enumerate(actions):
        if action[0] == "send":
            key = action[1:]
            known = model.get(key)
            owner, scope, identifier = str(key[0]), str(key[1]), str(key[2])
            driver.declare(owner)
            entry = found(driver, identifier, owner, scope)
            if known is not None and driver.now_ms < known[0] + 500:
                assert entry == (known[1], 0)
            else:
                assert entry is None
                model[key] = (driver.now_ms, str(number))
            remember(driver, identifier, str(number), 0, owner, scope)
            driver.settle_down()
        elif action[0] == "wait":
            assert isinstance(action[1], int)
            driver.pass_time(action[1])
        elif action[0] == "delete":
            driver.access.queues.delete(str(action[1]))
            model = {key: value for key, value in model.items() if key[0] != action[1]}
            driver.settle_down()
        elif action[0] == "crash":
            driver.crash()
        else:
            driver.restart()
    for key, (at_ms, message) in model.items():
        entry = found(driver, str(key[2]), str(key[0]), str(key[1]))
        assert entry == ((message, 0) if driver.now_ms < at_ms + 500 else None)
    driver.pass_time(500 + SLACK_MS)
    assert count(driver) == 0
