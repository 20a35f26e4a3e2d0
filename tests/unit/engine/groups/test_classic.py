"""Classic groups, case by case: states, errors, static members, time-outs, restarts."""

from __future__ import annotations

import struct

import pytest

from onemq.engine.groups.group import Membership
from onemq.engine.groups.settings import GroupSettings
from onemq.model.refusal import Reason
from unit.engine.groups.world import KEY, REBALANCE_MS, SESSION_MS, World, refused


def subscription(*topics: str) -> bytes:
    data = struct.pack(">hi", 1, len(topics))
    for topic in topics:
        data += struct.pack(">h", len(topic)) + topic.encode()
    return data + struct.pack(">i", -1)


@pytest.fixture
def world() -> World:
    return World()


def test_a_new_member_is_given_its_id_first(world: World) -> None:
    end = world.join(two_steps=True)
    assert end.reason == Reason.MEMBER_ID_REQUIRED
    assert end.result is not None
    member_id = end.result.member_id
    assert member_id.startswith("client-") and len(member_id) == len("client-") + 36
    joined = world.join(member_id, two_steps=True).answer
    assert (joined.generation, joined.leader, joined.member_id) == (1, member_id, member_id)
    assert [(one.member_id, one.metadata) for one in joined.members] == [(member_id, b"m")]
    assert joined.protocol_name == "range" and joined.protocol_type == "consumer"


def test_an_id_that_is_not_used_in_time_is_forgotten(world: World) -> None:
    end = world.join(two_steps=True)
    assert end.result is not None
    world.pass_time(SESSION_MS)
    assert world.join(end.result.member_id).reason == Reason.UNKNOWN_MEMBER


def test_the_leader_assigns_and_all_are_told(world: World) -> None:
    ids = world.stable(3)
    generation = int(world.classic().generation)
    for member_id in ids:
        again = world.sync(member_id, generation)
        assert again.result is not None
        assert again.result.assignment == f"for {member_id}".encode()
        assert again.result.protocol_name == "range"


def test_a_member_without_assignment_gets_an_empty_one(world: World) -> None:
    first = world.join().answer
    world.sync(first.member_id, 1, {})
    assert world.classic().state == "Stable"
    result = world.sync(first.member_id, 1).result
    assert result is not None and result.assignment == b""


@pytest.mark.parametrize(
    ("session_ms", "reason"),
    [(5_999, Reason.SESSION_TIMEOUT_RANGE), (1_800_001, Reason.SESSION_TIMEOUT_RANGE), (6_000, None)],
)
def test_limits_of_the_session_timeout(world: World, session_ms: int, reason: Reason | None) -> None:
    assert world.join(session_ms=session_ms).reason == reason


def test_join_errors(world: World) -> None:
    assert world.join("nobody").reason == Reason.UNKNOWN_MEMBER
    ids = world.stable(1)
    assert world.join("nobody").reason == Reason.UNKNOWN_MEMBER
    assert world.join(kind="connect").reason == Reason.INCONSISTENT_PROTOCOL
    assert world.join(protocols=[("sticky", b"")]).reason == Reason.INCONSISTENT_PROTOCOL
    assert world.join(ids[0], instance="i").reason == Reason.UNKNOWN_MEMBER
    assert world.join(kind="", name="other").reason == Reason.INCONSISTENT_PROTOCOL


def test_too_much_metadata_is_refused() -> None:
    world = World(GroupSettings(member_metadata_bytes_max=100))
    assert world.join(protocols=[("a", b"x" * 60), ("b", b"x" * 41)]).reason == Reason.INVALID


def test_sync_and_heartbeat_errors(world: World) -> None:
    assert world.sync("nobody", 1).reason == Reason.UNKNOWN_MEMBER
    assert world.heartbeat("nobody", 1) == Reason.UNKNOWN_MEMBER
    (member_id,) = world.stable(1)
    assert world.sync(member_id, 7).reason == Reason.STALE_GENERATION
    assert world.sync(member_id, 1, kind="connect").reason == Reason.INCONSISTENT_PROTOCOL
    assert world.sync(member_id, 1, protocol="sticky").reason == Reason.INCONSISTENT_PROTOCOL
    assert world.heartbeat(member_id, 2) == Reason.STALE_GENERATION
    assert world.heartbeat("nobody", 1) == Reason.UNKNOWN_MEMBER
    assert world.heartbeat(member_id, 1) is None
    world.join()
    assert world.sync(member_id, 1).reason == Reason.REBALANCING
    assert world.heartbeat(member_id, 1) == Reason.REBALANCING


def test_votes_choose_the_protocol(world: World) -> None:
    first = world.join(protocols=[("a", b"1"), ("b", b"2")])
    second = world.join(protocols=[("c", b"3"), ("b", b"4"), ("a", b"5")])
    third = world.join(protocols=[("b", b"6"), ("a", b"7")])
    member_id = first.answer.member_id
    assert second.result is None and third.result is None
    answer = world.join(member_id, protocols=[("a", b"1"), ("b", b"2")]).answer
    # c is not everybody's: its member votes for b.
    assert answer.protocol_name == "b"
    assert sorted(one.metadata for one in answer.members) == [b"2", b"4", b"6"]
    assert second.answer.members == [] and second.answer.leader == member_id


def test_a_follower_that_joins_again_unchanged_is_told_at_once(world: World) -> None:
    leader, follower = world.stable(2)
    generation = world.classic().generation
    assert world.join(follower).answer.generation == generation
    assert world.classic().state == "Stable"
    changed = world.join(follower, protocols=[("range", b"other")])
    assert changed.result is None and world.classic().state == "PreparingRebalance"
    assert world.join(leader).answer.generation == generation + 1
    assert changed.answer.generation == generation + 1


def test_the_leader_that_joins_again_begins_a_rebalance(world: World) -> None:
    leader, follower = world.stable(2)
    end = world.join(leader)
    assert end.result is None
    assert world.heartbeat(follower, int(world.classic().generation)) == Reason.REBALANCING


def test_who_does_not_join_in_time_is_dropped(world: World) -> None:
    leader, follower = world.stable(2)
    end = world.join(leader)
    for _ in range(REBALANCE_MS // 5000):
        assert end.result is None
        assert world.heartbeat(follower, int(world.classic().generation)) == Reason.REBALANCING
        world.pass_time(5000)
    assert [one.member_id for one in end.answer.members] == [leader]
    assert world.heartbeat(follower, int(world.classic().generation)) == Reason.UNKNOWN_MEMBER


def test_who_does_not_sync_in_time_is_dropped(world: World) -> None:
    leader, follower = world.stable(2)
    ends = [world.join(follower, protocols=[("range", b"x")]), world.join(leader)]
    generation = int(ends[0].answer.generation)
    waiting = world.sync(follower, generation)
    for _ in range(REBALANCE_MS // 5000):
        assert waiting.result is None
        world.heartbeat(leader, generation)
        world.pass_time(5000)
    assert waiting.reason == Reason.REBALANCING
    assert list(world.classic().members) == [follower]


def test_a_silent_member_is_dropped_after_its_session(world: World) -> None:
    leader, _follower = world.stable(2)
    generation = int(world.classic().generation)
    world.pass_time(SESSION_MS - 1)
    world.heartbeat(leader, generation)
    world.pass_time(1)
    assert list(world.classic().members) == [leader]
    assert world.heartbeat(leader, generation) == Reason.REBALANCING


def test_a_commit_is_a_sign_of_life(world: World) -> None:
    (member_id,) = world.stable(1)
    world.pass_time(SESSION_MS - 1)
    world.groups.commit(KEY, Membership(1, member_id), [], True)
    world.pass_time(SESSION_MS - 1)
    assert world.heartbeat(member_id, 1) is None


def test_new_members_wait_no_longer_than_five_minutes(world: World) -> None:
    (leader,) = world.stable(1)
    world.settings.new_member_join_timeout_ms = 20_000
    newcomer = world.join(rebalance_ms=600_000)
    for _ in range(4):
        world.heartbeat(leader, 1)
        world.pass_time(5000)
    assert newcomer.reason == Reason.UNKNOWN_MEMBER


def test_leaving(world: World) -> None:
    leader, follower = world.stable(2)
    answers = world.groups.leave(KEY, [Membership(-1, follower), Membership(-1, "nobody")])
    assert answers[0] is None
    assert answers[1] is not None and answers[1].reason == Reason.UNKNOWN_MEMBER
    assert world.heartbeat(leader, 2) in (Reason.REBALANCING, Reason.STALE_GENERATION)
    assert world.groups.leave(KEY, [Membership(-1, leader)]) == [None]
    assert world.classic().state == "Empty"
    assert refused(lambda: world.groups.leave(("/", "none"), [Membership(-1, "x")])) == Reason.UNKNOWN_MEMBER


def test_whoever_waits_is_told_when_removed(world: World) -> None:
    _leader, follower = world.stable(2)
    waiting = world.join(follower, protocols=[("range", b"x")])
    world.groups.leave(KEY, [Membership(-1, follower)])
    assert waiting.reason == Reason.UNKNOWN_MEMBER


def test_a_second_join_of_a_waiting_member_answers_the_first(world: World) -> None:
    _leader, follower = world.stable(2)
    first = world.join(follower, protocols=[("range", b"x")])
    second = world.join(follower, protocols=[("range", b"x")])
    assert first.reason == Reason.REBALANCING and second.result is None


def test_a_full_group() -> None:
    world = World(GroupSettings(members_max=2))
    ids = world.stable(2)
    assert world.join().reason == Reason.GROUP_FULL
    assert world.join(ids[1]).reason is None


def test_ids_handed_out_count() -> None:
    world = World(GroupSettings(members_max=2))
    for _ in range(2):
        assert world.join(two_steps=True).reason == Reason.MEMBER_ID_REQUIRED
    assert world.join(two_steps=True).reason == Reason.GROUP_FULL


def test_groups_are_bounded() -> None:
    world = World(GroupSettings(groups_max=1))
    world.stable(1)
    assert world.join(name="second").reason == Reason.LIMIT


def test_the_first_rebalance_waits_for_more_members() -> None:
    world = World(GroupSettings(initial_rebalance_delay_ms=3000))
    first = world.join()
    world.pass_time(2000)
    second = world.join()
    world.pass_time(2000)
    assert first.result is None and second.result is None
    world.pass_time(2000)
    assert first.answer.generation == second.answer.generation == 1
    assert len(first.answer.members) == 2


# Static members.


def test_a_static_member_comes_back_without_a_rebalance(world: World) -> None:
    first = world.join(instance="one").answer
    world.sync(first.member_id, 1, {first.member_id: b"assigned"}, instance="one")
    back = world.join(instance="one").answer
    assert back.member_id != first.member_id and back.generation == 1
    assert back.skip_assignment and back.leader == back.member_id and len(back.members) == 1
    result = world.sync(back.member_id, 1, instance="one").result
    assert result is not None and result.assignment == b"assigned"
    assert world.heartbeat(first.member_id, 1, "one") == Reason.FENCED_INSTANCE
    assert world.join(first.member_id, instance="one").reason == Reason.FENCED_INSTANCE
    assert world.sync(first.member_id, 1, instance="one").reason == Reason.FENCED_INSTANCE


def test_an_old_client_is_kept_from_taking_itself_for_a_new_leader(world: World) -> None:
    first = world.join(instance="one").answer
    world.sync(first.member_id, 1, {}, instance="one")
    back = world.join(instance="one", may_skip=False).answer
    assert back.leader == first.member_id and back.members == [] and not back.skip_assignment


def test_a_static_member_that_comes_back_otherwise_begins_a_rebalance(world: World) -> None:
    first = world.join(instance="one", protocols=[("a", b"")]).answer
    world.sync(first.member_id, 1, {}, instance="one")
    assert world.join(instance="one", protocols=[("b", b"")]).reason == Reason.INCONSISTENT_PROTOCOL
    back = world.join(instance="one", protocols=[("b", b""), ("a", b"")]).answer
    assert back.generation == 2 and back.protocol_name == "b"


def test_a_replaced_member_that_waits_is_fenced(world: World) -> None:
    world.stable(1)
    waiting = world.join(instance="one")
    again = world.join(instance="one")
    assert waiting.reason == Reason.FENCED_INSTANCE
    assert again.result is None


def test_static_members_stay_through_a_rebalance(world: World) -> None:
    static = world.join(instance="one", session_ms=120_000).answer
    world.sync(static.member_id, 1, {}, instance="one")
    dynamic = world.join()
    world.pass_time(REBALANCE_MS)
    assert dynamic.answer.generation == 2
    assert static.member_id in world.classic().members
    # The leader has not joined: it is the other one now, and is told of both.
    assert len(dynamic.answer.members) == 2


def test_an_administrator_removes_a_static_member(world: World) -> None:
    static = world.join(instance="one").answer
    world.sync(static.member_id, 1, {}, instance="one")
    answers = world.groups.leave(KEY, [Membership(-1, "", "two"), Membership(-1, "", "one")])
    assert answers[0] is not None and answers[0].reason == Reason.UNKNOWN_MEMBER
    assert answers[1] is None and world.classic().state == "Empty"


# Restarts.


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_stable_group_goes_on_after_a_restart(world: World, snapshot: bool) -> None:
    ids = world.stable(3)
    generation = int(world.classic().generation)
    world.pass_time(SESSION_MS - 1)
    world.restart(snapshot=snapshot)
    world.pass_time(SESSION_MS - 1)
    for member_id in ids:
        assert world.heartbeat(member_id, generation) is None
        result = world.sync(member_id, generation).result
        assert result is not None and result.assignment == f"for {member_id}".encode()
    assert world.join(ids[1]).answer.leader == ids[0]
    world.pass_time(SESSION_MS)
    assert world.classic().state == "Empty"


def test_an_empty_group_is_empty_after_a_restart(world: World) -> None:
    (member_id,) = world.stable(1)
    world.groups.leave(KEY, [Membership(-1, member_id)])
    generation = world.classic().generation
    world.turn()
    world.restart()
    assert (world.classic().state, world.classic().generation) == ("Empty", generation)
    assert world.join().answer.generation == generation + 1


def test_a_group_that_is_too_large_after_a_restart_is_rebalanced(world: World) -> None:
    ids = world.stable(3)
    generation = int(world.classic().generation)
    world.settings.members_max = 2
    world.restart()
    assert world.heartbeat(ids[0], generation) == Reason.REBALANCING
    ends = [world.join(one) for one in ids]
    assert ends[2].reason == Reason.GROUP_FULL
    assert ends[0].answer.generation == generation + 1 and ends[1].answer


def test_subscriptions_are_looked_into(world: World) -> None:
    first = world.join(protocols=[("range", subscription("a", "b"))]).answer
    world.sync(first.member_id, 1, {})
    group = world.classic()
    assert group.is_subscribed("a") and not group.is_subscribed("c")
    world.turn()
    world.restart()
    assert world.classic().is_subscribed("b") and not world.classic().is_subscribed("c")


def test_metadata_that_is_no_subscription_means_everything(world: World) -> None:
    world.stable(1)
    assert world.classic().is_subscribed("anything")
