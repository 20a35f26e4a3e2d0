"""Groups with server-side assignment, case by case: epochs, errors, static members, time-outs, topics that change, restarts."""

from __future__ import annotations

import pytest

from onemq.engine.group_configs import CONSUMER_HEARTBEAT_INTERVAL_MS, CONSUMER_SESSION_TIMEOUT_MS
from onemq.engine.groups.consumer_member import BeatAnswer
from onemq.engine.groups.group import Membership
from onemq.engine.groups.settings import GroupSettings
from onemq.model.refusal import Reason
from unit.engine.groups.world import REBALANCE_MS, World, refused

SESSION_MS = 45_000


@pytest.fixture
def world() -> World:
    made = World()
    made.topics.put("t", 4)
    return made


def topic(world: World, name: str = "t") -> bytes:
    return world.topics.topics[name].topic_id


def has(answer: BeatAnswer, topic_id: bytes) -> set[int]:
    assert answer.assigned is not None
    return answer.assigned.get(topic_id, set())


def two_members(world: World) -> dict[str, set[int]]:
    """a and b, reconciled."""
    t = topic(world)
    first = has(world.beat("a", 0, topics=["t"]), t)
    assert first == {0, 1, 2, 3}
    waits = world.beat("b", 0, topics=["t"])
    assert has(waits, t) == set() and waits.epoch == 2
    gives_up = world.beat("a", 1, {t: first})
    assert gives_up.epoch == 1 and len(has(gives_up, t)) == 2
    kept = has(gives_up, t)
    # It has not given up yet: nobody gets anything.
    assert world.beat("a", 1, {t: first}).assigned is None or True
    assert world.beat("b", 2, {}).assigned is None
    assert world.beat("a", 1, {t: kept}).epoch == 2
    got = has(world.beat("b", 2, {}), t)
    assert got == {0, 1, 2, 3} - kept
    world.beat("b", 2, {t: got})
    assert world.consumer().state_name() == "Stable"
    return {"a": kept, "b": got}


def test_the_first_member_gets_everything(world: World) -> None:
    answer = world.beat("a", 0, topics=["t", "missing"])
    assert (answer.member_id, answer.epoch, answer.interval_ms) == ("a", 1, 5000)
    assert has(answer, topic(world)) == {0, 1, 2, 3}
    assert world.beat("a", 1).assigned is None
    assert world.consumer().state_name() == "Stable"


def test_an_id_is_made_for_a_member_without(world: World) -> None:
    answer = world.beat("", 0, topics=["t"])
    assert len(answer.member_id) == 36
    assert world.beat(answer.member_id, 1).epoch == 1


def test_partitions_are_given_up_before_they_are_given(world: World) -> None:
    shares = two_members(world)
    assert shares["a"] | shares["b"] == {0, 1, 2, 3}


def test_a_member_that_leaves_leaves_its_partitions(world: World) -> None:
    two_members(world)
    answer = world.beat("b", -1)
    assert (answer.epoch, answer.member_id) == (-1, "b")
    assert has(world.beat("a", 2), topic(world)) == {0, 1, 2, 3}
    world.beat("a", -1)
    assert world.consumer().state_name() == "Empty"


def test_errors(world: World) -> None:
    assert refused(lambda: world.beat("a", 1)) == Reason.NOT_FOUND
    assert refused(lambda: world.beat("a", -1)) == Reason.NOT_FOUND
    world.beat("a", 0, topics=["t"])
    assert refused(lambda: world.beat("x", 1)) == Reason.UNKNOWN_MEMBER
    assert refused(lambda: world.beat("x", -1)) == Reason.UNKNOWN_MEMBER
    assert refused(lambda: world.beat("a", 2)) == Reason.FENCED_EPOCH
    assert refused(lambda: world.beat("x", 0, topics=["t"], pattern="(")) == Reason.INVALID_PATTERN
    assert "x" not in world.consumer().members


def test_an_epoch_that_was_missed(world: World) -> None:
    t = topic(world)
    shares = two_members(world)
    # The answer with epoch 2 was lost: what it owns is within what it has, so it may go on.
    assert world.beat("a", 1, {t: shares["a"]}).epoch == 2
    assert refused(lambda: world.beat("a", 1, {t: {0, 1, 2, 3}})) == Reason.FENCED_EPOCH
    assert refused(lambda: world.beat("a", 1)) == Reason.FENCED_EPOCH


def test_a_member_may_begin_anew(world: World) -> None:
    shares = two_members(world)
    again = world.beat("a", 0, topics=["t"])
    assert again.epoch == 2 and has(again, topic(world)) == shares["a"]


def test_a_full_request_is_answered_in_full(world: World) -> None:
    t = topic(world)
    shares = two_members(world)
    answer = world.beat("a", 2, {t: shares["a"]}, topics=["t"], rebalance_ms=REBALANCE_MS)
    assert has(answer, t) == shares["a"]


def test_a_full_group() -> None:
    world = World(GroupSettings(members_max=1))
    world.topics.put("t", 1)
    world.beat("a", 0, topics=["t"])
    assert refused(lambda: world.beat("b", 0, topics=["t"])) == Reason.GROUP_FULL
    assert world.beat("a", 1).epoch == 1


def test_a_silent_member_is_thrown_out(world: World) -> None:
    two_members(world)
    world.pass_time(SESSION_MS - 1)
    world.beat("a", 2)
    world.pass_time(1)
    assert list(world.consumer().members) == ["a"]
    assert refused(lambda: world.beat("b", 2)) == Reason.UNKNOWN_MEMBER


def test_who_does_not_give_up_in_time_is_thrown_out(world: World) -> None:
    t = topic(world)
    world.beat("a", 0, topics=["t"])
    world.beat("b", 0, topics=["t"])
    world.beat("a", 1, {t: {0, 1, 2, 3}})
    for _ in range(REBALANCE_MS // 5000 - 1):
        world.pass_time(5000)
        world.beat("a", 1, {t: {0, 1, 2, 3}})
    world.pass_time(5000)
    assert refused(lambda: world.beat("a", 1)) == Reason.UNKNOWN_MEMBER
    assert has(world.beat("b", 2, {}), t) == {0, 1, 2, 3}


def test_a_groups_own_times(world: World) -> None:
    world.configs.configure(
        "g", {CONSUMER_SESSION_TIMEOUT_MS: "50000", CONSUMER_HEARTBEAT_INTERVAL_MS: "6000"}
    )
    assert world.beat("a", 0, topics=["t"]).interval_ms == 6000
    world.pass_time(49_999)
    assert "a" in world.consumer().members
    world.pass_time(1)
    assert "a" not in world.consumer().members


def test_topics_that_come_grow_and_go(world: World) -> None:
    t = topic(world)
    world.beat("a", 0, topics=["t", "u"])
    u = world.topics.put("u", 2)
    assert world.beat("a", 1, {t: {0, 1, 2, 3}}).assigned == {t: {0, 1, 2, 3}, u: {0, 1}}
    world.topics.put("u", 3)
    assert has(world.beat("a", 2, {t: {0, 1, 2, 3}, u: {0, 1}}), u) == {0, 1, 2}
    world.topics.drop("u")
    answer = world.beat("a", 3, {t: {0, 1, 2, 3}, u: {0, 1, 2}})
    assert answer.assigned == {t: {0, 1, 2, 3}} and answer.epoch == 3
    assert world.beat("a", 3, {t: {0, 1, 2, 3}}).epoch == 4


def test_topics_of_others_are_no_reason_for_a_new_epoch(world: World) -> None:
    world.beat("a", 0, topics=["t"])
    world.topics.put("other", 1)
    assert world.beat("a", 1).epoch == 1


def test_expressions(world: World) -> None:
    orders = world.topics.put("orders-1", 1)
    answer = world.beat("a", 0, pattern="orders-.*")
    assert answer.assigned == {orders: {0}}
    more = world.topics.put("orders-2", 1)
    assert world.beat("a", 1, {orders: {0}}).assigned == {orders: {0}, more: {0}}
    assert world.consumer().is_subscribed("orders-2") and not world.consumer().is_subscribed("t")
    # An expression beside names, and then none any more.
    answer = world.beat("a", 2, {orders: {0}, more: {0}}, topics=["t"], pattern="")
    assert answer.assigned == {} and answer.epoch == 2
    assert world.beat("a", 2, {}).assigned == {topic(world): {0, 1, 2, 3}}


def test_members_choose_the_assignor(world: World) -> None:
    world.beat("a", 0, topics=["t"], assignor="range")
    assert world.consumer().assignor == "range"
    world.beat("b", 0, topics=["t"])
    world.beat("c", 0, topics=["t"])
    assert world.consumer().assignor == "range"
    world.beat("d", 0, topics=["t"], assignor="uniform")
    world.beat("e", 0, topics=["t"], assignor="uniform")
    assert world.consumer().assignor == "uniform"


# Static members.


def test_a_static_member_comes_back_to_what_it_had(world: World) -> None:
    t = topic(world)
    world.beat("a", 0, topics=["t"], instance="one")
    assert refused(lambda: world.beat("b", 0, topics=["t"], instance="one")) == Reason.UNRELEASED_INSTANCE
    assert refused(lambda: world.beat("b", 1, instance="one")) == Reason.FENCED_INSTANCE
    assert refused(lambda: world.beat("b", 1, instance="two")) == Reason.UNKNOWN_MEMBER
    assert refused(lambda: world.beat("b", -2, instance="one")) == Reason.FENCED_INSTANCE
    assert world.beat("a", -2, instance="one").epoch == -2
    world.beat("other", 0, topics=["t"])
    assert world.consumer().targets["a"] != {}
    back = world.beat("b", 0, topics=["t"], instance="one")
    assert has(back, t) <= {0, 1, 2, 3} and len(has(back, t)) == 2
    assert list(world.consumer().members) == ["other", "b"]
    assert refused(lambda: world.beat("a", 1, instance="one")) == Reason.FENCED_INSTANCE


def test_a_static_member_that_does_not_come_back(world: World) -> None:
    world.beat("a", 0, topics=["t"], instance="one")
    world.beat("a", -2, instance="one")
    assert refused(lambda: world.beat("a", 1, instance="one")) == Reason.FENCED_EPOCH
    world.pass_time(SESSION_MS)
    assert world.consumer().is_empty()
    assert world.beat("b", 0, topics=["t"], instance="one").epoch > 0


# Offsets.


def test_commits_need_the_epoch(world: World) -> None:
    world.beat("a", 0, topics=["t"])
    group = world.consumer()
    group.check_commit(Membership(1, "a"), False, True)
    assert refused(lambda: group.check_commit(Membership(2, "a"), False, True)) == Reason.STALE_EPOCH
    assert refused(lambda: group.check_commit(Membership(1, "x"), False, True)) == Reason.UNKNOWN_MEMBER
    assert refused(lambda: group.check_commit(Membership(1, "a"), False, False)) == Reason.OLD_PROTOCOL
    assert refused(lambda: group.check_commit(Membership(), False, True)) == Reason.UNKNOWN_MEMBER
    group.check_commit(Membership(), True, True)
    group.check_fetch("", -1)
    assert refused(lambda: group.check_fetch("a", 0)) == Reason.STALE_EPOCH
    assert refused(lambda: group.check_fetch("x", 1)) == Reason.UNKNOWN_MEMBER


# From one type to the other.


def test_an_empty_group_changes_its_type(world: World) -> None:
    (member_id,) = world.stable(1)
    assert refused(lambda: world.beat("a", 0, topics=["t"])) == Reason.NOT_FOUND
    world.groups.leave(("/", "g"), [Membership(-1, member_id)])
    assert world.beat("a", 0, topics=["t"]).epoch == 1
    assert world.join().reason == Reason.INCONSISTENT_PROTOCOL
    assert world.heartbeat("a", 1) == Reason.UNKNOWN_MEMBER
    world.beat("a", -1)
    assert world.join().answer.generation == 1
    world.turn()
    world.restart()
    assert world.join().reason is None


# Restarts.


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_restart_fences_nobody(world: World, snapshot: bool) -> None:
    shares = two_members(world)
    t = topic(world)
    world.beat("s", 0, topics=["t"], instance="one")
    world.beat("s", -2, instance="one")
    world.turn()
    before = world.groups.changes()
    world.restart(snapshot=snapshot)
    assert world.groups.changes() == before
    world.pass_time(SESSION_MS - 1)
    assert world.beat("a", 2, {t: shares["a"]}).epoch >= 2
    assert world.beat("b", 2, {t: shares["b"]}).epoch >= 2
    assert len(has(world.beat("s2", 0, topics=["t"], instance="one"), t)) <= 2


def test_a_restart_gives_all_their_time_to_give_up(world: World) -> None:
    t = topic(world)
    world.beat("a", 0, topics=["t"])
    world.beat("b", 0, topics=["t"])
    world.beat("a", 1, {t: {0, 1, 2, 3}})
    world.pass_time(REBALANCE_MS - 1)
    world.restart()
    world.pass_time(REBALANCE_MS - 1)
    assert "a" in world.consumer().members
    world.pass_time(1)
    assert "a" not in world.consumer().members
