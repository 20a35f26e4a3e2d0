"""Committed offsets: who may commit, transactions, deletion, expiry, restarts."""

from __future__ import annotations

import pytest

from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.engine.groups.settings import GroupSettings
from onemq.model.refusal import Reason, Refusal
from unit.engine.groups.test_classic import subscription
from unit.engine.groups.world import KEY, World, refused

DAY_MS = 24 * 3_600_000
NOBODY = Membership()


@pytest.fixture
def world() -> World:
    return World()


def commit(
    world: World, offset: int, *, topic: str = "t", member: Membership = NOBODY, modern: bool = True
) -> None:
    one = Commit(topic, 0, offset, 3, f"at {offset}")
    world.groups.commit(KEY, member, [one], modern)
    assert one.refused is None
    world.turn()


def committed(world: World, topic: str = "t") -> int | None:
    found = world.groups.book.find(KEY, topic, 0)
    return None if found is None else int(found.offset)


def pend(world: World, producer_id: int, offset: int, member: Membership = NOBODY) -> None:
    world.groups.commit_transactional("/", "g", producer_id, [Commit("t", 0, offset)], member)
    world.turn()


def sweep(world: World) -> None:
    world.pass_time(world.settings.offsets_check_ms)


@pytest.mark.parametrize("snapshot", [False, True])
def test_offsets_survive_a_restart(world: World, snapshot: bool) -> None:
    commit(world, 5)
    commit(world, 7)
    commit(world, -2, topic="special")
    world.restart(snapshot=snapshot)
    found = world.groups.book.find(KEY, "t", 0)
    assert found is not None
    assert (found.offset, found.leader_epoch, found.metadata) == (7, 3, "at 7")
    assert committed(world, "special") == -2
    assert world.classic().is_simple()


def test_who_may_commit(world: World) -> None:
    assert refused(lambda: commit(world, 1, member=Membership(1, "m"))) == Reason.NOT_FOUND
    old = lambda: commit(world, 1, member=Membership(1, "m"), modern=False)  # noqa: E731
    assert refused(old) == Reason.STALE_GENERATION
    (member_id,) = world.stable(1)
    commit(world, 1, member=Membership(1, member_id))
    assert refused(lambda: commit(world, 2)) == Reason.UNKNOWN_MEMBER
    assert refused(lambda: commit(world, 2, member=Membership(1, "x"))) == Reason.UNKNOWN_MEMBER
    assert refused(lambda: commit(world, 2, member=Membership(2, member_id))) == Reason.STALE_GENERATION
    assert refused(lambda: commit(world, 2, member=Membership(1, member_id, "i"))) == Reason.UNKNOWN_MEMBER
    world.join(member_id)
    assert refused(lambda: commit(world, 2, member=Membership(2, member_id))) == Reason.REBALANCING
    world.groups.leave(KEY, [Membership(-1, member_id)])
    commit(world, 9)
    assert committed(world) == 9


def test_metadata_is_bounded(world: World) -> None:
    fits, too_long = Commit("t", 0, 1, -1, "x" * 4096), Commit("t", 1, 1, -1, "x" * 4097)
    world.groups.commit(KEY, NOBODY, [fits, too_long], True)
    assert fits.refused is None
    assert too_long.refused is not None and too_long.refused.reason == Reason.METADATA_TOO_LARGE
    assert world.groups.book.find(KEY, "t", 1) is None


def test_what_was_refused_before_is_passed_over(world: World) -> None:
    one = Commit("t", 0, 1)
    one.refused = Refusal(Reason.NOT_FOUND, "topic", "t")
    world.groups.commit(KEY, NOBODY, [one], True)
    assert committed(world) is None and KEY not in world.groups.groups


def test_groups_are_bounded() -> None:
    world = World(GroupSettings(groups_max=1))
    commit(world, 1)
    assert refused(lambda: world.groups.commit(("/", "other"), NOBODY, [], True)) == Reason.LIMIT


# Transactions.


@pytest.mark.parametrize("snapshot", [None, False, True])
def test_pending_offsets_wait_for_the_end(world: World, snapshot: bool | None) -> None:
    commit(world, 1)
    pend(world, 100, 8)
    pend(world, 200, 9)
    if snapshot is not None:
        world.restart(snapshot=snapshot)
    assert committed(world) == 1 and world.groups.book.is_pending(KEY, "t", 0)
    assert sorted(world.groups.pending_producers()) == [100, 200]
    world.groups.end_transaction(200, False)
    assert committed(world) == 1
    world.groups.end_transaction(100, True)
    world.groups.end_transaction(100, True)
    world.turn()
    world.restart()
    assert committed(world) == 8 and not world.groups.book.is_pending(KEY, "t", 0)


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_transaction_that_ends_late_does_not_undo_a_later_commit(world: World, snapshot: bool) -> None:
    pend(world, 100, 8)
    commit(world, 20)
    world.restart(snapshot=snapshot)
    world.groups.end_transaction(100, True)
    assert committed(world) == 20


def test_who_may_commit_in_a_transaction(world: World) -> None:
    assert refused(lambda: pend(world, 1, 1, Membership(1, "m"))) == Reason.STALE_GENERATION
    (member_id,) = world.stable(1)
    pend(world, 1, 1)
    pend(world, 1, 1, Membership(1, member_id))
    assert refused(lambda: pend(world, 1, 1, Membership(1, "m"))) == Reason.UNKNOWN_MEMBER
    assert refused(lambda: pend(world, 1, 1, Membership(3, member_id))) == Reason.STALE_GENERATION


def test_a_stale_epoch_in_a_transaction_is_a_stale_generation(world: World) -> None:
    world.topics.put("t", 1)
    world.beat("a", 0, topics=["t"])
    pend(world, 1, 1, Membership(1, "a"))
    assert refused(lambda: pend(world, 1, 1, Membership(2, "a"))) == Reason.STALE_GENERATION


# Deletion.


def test_with_a_topic_go_its_offsets(world: World) -> None:
    commit(world, 1)
    commit(world, 2, topic="u")
    pend(world, 100, 8)
    world.groups.topic_removed("/", "t")
    world.groups.topic_removed("other", "u")
    world.groups.end_transaction(100, True)
    assert committed(world) is None and committed(world, "u") == 2


def test_deleting_offsets(world: World) -> None:
    def delete(*topics: str) -> list[Reason | None]:
        wanted = [Commit(topic, 0, 0) for topic in topics]
        world.groups.delete_offsets(KEY, wanted)
        return [None if one.refused is None else one.refused.reason for one in wanted]

    assert refused(lambda: delete("t")) == Reason.NOT_FOUND
    commit(world, 1)
    commit(world, 1, topic="u")
    first = world.join(protocols=[("range", subscription("t"))]).answer
    world.sync(first.member_id, 1, {})
    assert delete("t", "u", "none") == [Reason.GROUP_SUBSCRIBED, None, None]
    assert committed(world) == 1 and committed(world, "u") is None
    world.turn()
    world.restart()
    assert committed(world, "u") is None


def test_offsets_of_a_group_of_another_kind_are_deleted_when_it_is_empty(world: World) -> None:
    joined = world.join(kind="connect").answer
    assert refused(lambda: world.groups.delete_offsets(KEY, [Commit("t", 0, 0)])) == Reason.GROUP_NOT_EMPTY
    world.groups.leave(KEY, [Membership(-1, joined.member_id)])
    world.groups.delete_offsets(KEY, [Commit("t", 0, 0)])


def test_deleting_a_group(world: World) -> None:
    assert refused(lambda: world.groups.delete(KEY)) == Reason.NOT_FOUND
    (member_id,) = world.stable(1)
    commit(world, 1, member=Membership(1, member_id))
    pend(world, 100, 8)
    assert refused(lambda: world.groups.delete(KEY)) == Reason.GROUP_NOT_EMPTY
    world.groups.leave(KEY, [Membership(-1, member_id)])
    world.groups.delete(KEY)
    world.groups.end_transaction(100, True)
    world.turn()
    assert world.groups.groups == {} and committed(world) is None
    world.restart()
    assert world.groups.groups == {} and committed(world) is None


# Expiry.


def test_offsets_of_nobody_expire_from_the_commit(world: World) -> None:
    commit(world, 1)
    world.pass_time(3 * DAY_MS)
    commit(world, 1, topic="u")
    world.pass_time(4 * DAY_MS + 600_000)
    assert committed(world) is None and committed(world, "u") == 1
    world.restart()
    assert committed(world) is None and committed(world, "u") == 1
    world.pass_time(7 * DAY_MS)
    assert world.groups.groups == {}


def test_offsets_of_members_expire_from_when_the_group_became_empty(world: World) -> None:
    (member_id,) = world.stable(1)
    commit(world, 1, member=Membership(1, member_id))
    for _ in range(8 * 24):
        world.pass_time(1)
        world.now_ms += 3_600_000 - 1
        # Virtual hours, with a heartbeat before the clock is looked at.
        world.core.now_ms = world.now_ms
        world.heartbeat(member_id, 1)
    assert committed(world) == 1
    world.groups.leave(KEY, [Membership(-1, member_id)])
    world.pass_time(7 * DAY_MS - 1)
    world.restart()
    assert committed(world) == 1
    world.pass_time(1_200_000)
    assert committed(world) is None and KEY not in world.groups.groups


def test_offsets_of_open_transactions_do_not_expire(world: World) -> None:
    commit(world, 1)
    pend(world, 100, 8)
    world.pass_time(8 * DAY_MS)
    assert committed(world) == 1
    world.groups.end_transaction(100, True)
    sweep(world)
    assert committed(world) is None


def test_a_group_that_is_awaited_is_not_swept_away(world: World) -> None:
    end = world.join(two_steps=True, session_ms=1_800_000)
    sweep(world)
    assert end.result is not None
    assert world.join(end.result.member_id).reason is None


def test_many_groups_are_swept_in_pieces() -> None:
    world = World(GroupSettings(offsets_retention_ms=1))
    for number in range(1200):
        world.groups.commit(("/", f"g{number}"), NOBODY, [Commit("t", 0, 1)], True)
    world.turn()
    world.pass_time(world.settings.offsets_check_ms)
    assert len(world.groups.groups) == 700
    world.pass_time(10)
    assert world.groups.groups == {}
