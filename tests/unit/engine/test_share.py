"""Share groups: members, sessions, where a group begins, transactions, waiting fetches, administration."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from engine_driver import Driver
from onemq.engine.groups.consumer_member import Beat
from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.engine.share.fetching import ShareAsk
from onemq.engine.share.group import ShareBeat, ShareBeatAnswer
from onemq.engine.share.partition import ACCEPT, GAP, REJECT, RELEASE, RENEW
from onemq.engine.share.sessions import ShareSessions
from onemq.model.record_batch import ATTRIBUTES_AT, PRODUCER_ID_AT, TRANSACTIONAL, with_crc
from onemq.model.refusal import Reason, Refusal
from unit.engine.share.world import GROUP, LOCK_MS, TOPIC, FetchEnd, World, batch

SESSION_MS = 45_000


def beat(
    world: Driver, member: str, epoch: int = 0, topics: list[str] | None = None, group: str = GROUP
) -> ShareBeatAnswer:
    answer = world.access.shares.heartbeat(group, ShareBeat(member, epoch, topics))
    world.settle_down()
    return answer


def reason_of(call: Any, *arguments: Any) -> Reason:
    with pytest.raises(Refusal) as refused:
        call(*arguments)
    return refused.value.reason


def transactional(producer: int, *values: bytes) -> bytes:
    """A batch of a producer's transaction."""
    data = bytearray(batch(*values))
    data[ATTRIBUTES_AT + 1] |= TRANSACTIONAL
    data[PRODUCER_ID_AT : PRODUCER_ID_AT + 8] = producer.to_bytes(8, "big")
    data[PRODUCER_ID_AT + 8 : PRODUCER_ID_AT + 14] = bytes(6)
    return with_crc(bytes(data[:17]), bytes(data[21:]))


class TestMembers:
    def test_partitions_are_spread_and_all_are_given(self) -> None:
        world = World()
        topic = world.access.topics.create("wide", 4, {})
        assert topic is not None
        first = beat(world, "a", topics=["wide"])
        assert (first.epoch, first.assigned) == (1, {topic.topic_id: {0, 1, 2, 3}})
        second = beat(world, "b", topics=["wide"])
        again = beat(world, "a", 1)
        assert second.assigned is not None and again.assigned is not None
        assert again.epoch == second.epoch == 2
        assert second.assigned[topic.topic_id] | again.assigned[topic.topic_id] == {0, 1, 2, 3}
        assert len(second.assigned[topic.topic_id]) == len(again.assigned[topic.topic_id]) == 2
        assert beat(world, "a", 2).assigned is None, "nothing new"

    def test_more_members_than_partitions_share_them(self) -> None:
        world = World()
        for name in ("a", "b", "c"):
            beat(world, name, topics=[TOPIC])
        targets = world.broker.shares.groups[("/", GROUP)].targets
        assert [target[world.topic().topic_id] for target in targets.values()] == [{0}, {0}, {0}]

    def test_new_partitions_and_topics_are_assigned(self) -> None:
        world = World()
        epoch = beat(world, "a", topics=[TOPIC, "later"]).epoch
        assert beat(world, "a", epoch).assigned is None
        later = world.access.topics.create("later", 1, {})
        world.access.topics.add_partitions(world.topic(), 2)
        answer = beat(world, "a", epoch)
        assert later is not None
        assert answer.assigned == {world.topic().topic_id: {0, 1}, later.topic_id: {0}}

    def test_epochs(self) -> None:
        world = World()
        assert reason_of(beat, world, "a", 1) == Reason.NOT_FOUND
        beat(world, "a", topics=[TOPIC])
        assert reason_of(beat, world, "b", 1) == Reason.UNKNOWN_MEMBER
        assert reason_of(beat, world, "b", -1) == Reason.UNKNOWN_MEMBER
        assert reason_of(beat, world, "a", 2) == Reason.FENCED_EPOCH
        beat(world, "b", topics=[TOPIC])
        beat(world, "a", 1)
        assert beat(world, "a", 1).epoch == 2, "its answer may have been lost"
        beat(world, "c", topics=[TOPIC])
        beat(world, "a", 2)
        assert reason_of(beat, world, "a", 1) == Reason.FENCED_EPOCH
        assert beat(world, "a", topics=[TOPIC]).epoch == 3, "it joins again"
        assert beat(world, "a", -1).epoch == -1
        assert reason_of(beat, world, "a", 3) == Reason.UNKNOWN_MEMBER

    def test_too_many(self) -> None:
        world = World()
        world.broker.shares.settings.members_max = 2
        beat(world, "a", topics=[TOPIC])
        beat(world, "b", topics=[TOPIC])
        assert reason_of(beat, world, "c", 0, [TOPIC]) == Reason.GROUP_FULL
        world.broker.shares.settings.topics_max = 1
        assert reason_of(beat, world, "a", 0, [TOPIC, "other"]) == Reason.LIMIT
        world.broker.shares.settings.groups_max = 1
        assert reason_of(beat, world, "a", 0, [TOPIC], "other") == Reason.LIMIT

    def test_the_silent_are_out_and_what_they_hold_is_free(self) -> None:
        world = World(group={"share.record.lock.duration.ms": "60000"})
        world.produce(b"a")
        world.member("silent")
        assert world.fetch("silent").deliveries == {0: 1}
        beat(world, "silent", topics=[TOPIC])
        world.pass_time(SESSION_MS - 1)
        assert "silent" in world.broker.shares.groups[("/", GROUP)].members
        world.pass_time(1)
        assert "silent" not in world.broker.shares.groups[("/", GROUP)].members
        assert world.fetch("other").deliveries == {0: 2}

    @pytest.mark.parametrize("clean", [True, False])
    def test_members_survive_a_restart(self, clean: bool) -> None:
        world = World()
        beat(world, "a", topics=[TOPIC])
        beat(world, "b", topics=[TOPIC])
        epoch = beat(world, "a", 1).epoch
        world.start_again(clean)
        assert beat(world, "a", epoch).assigned == {world.topic().topic_id: {0}}, "once, it may be another"
        assert beat(world, "a", epoch).assigned is None
        assert beat(world, "a", epoch, [TOPIC]).assigned == {world.topic().topic_id: {0}}
        world.pass_time(SESSION_MS)
        assert world.broker.shares.groups[("/", GROUP)].members == {}

    @pytest.mark.parametrize("clean", [True, False])
    def test_a_topic_that_came_before_a_restart_is_assigned_after_it(self, clean: bool) -> None:
        world = World(group={"share.auto.offset.reset": "latest"})
        epoch = beat(world, "a", topics=[TOPIC, "later"]).epoch
        later = world.access.topics.create("later", 1, {})
        assert later is not None
        world.start_again(clean)
        found = beat(world, "a", epoch)
        assert found.assigned == {world.topic().topic_id: {0}, world.topic("later").topic_id: {0}}
        world.produce(b"x", topic="later")
        assert world.access.shares.progress(GROUP, world.topic("later"), 0) == (0, 1), "it reads from then on"

    def test_a_topic_that_is_seen_when_a_member_goes_is_read_from_then_on(self) -> None:
        world = World(group={"share.auto.offset.reset": "latest"})
        beat(world, "a", topics=["later"])
        beat(world, "b", topics=["later"])
        world.access.topics.create("later", 1, {})
        beat(world, "b", -1)
        world.produce(b"x", topic="later")
        assert world.access.shares.progress(GROUP, world.topic("later"), 0) == (0, 1)

    def test_names_belong_to_one_type_of_group(self) -> None:
        world = World()
        beat(world, "a", topics=[TOPIC])
        groups = world.access.groups
        assert reason_of(groups.commit, GROUP, Membership(), [Commit(TOPIC, 0, 1)], True) == Reason.NOT_FOUND
        consumer = Beat("m", 0)
        consumer.topics = [TOPIC]
        assert reason_of(groups.consumer_heartbeat, GROUP, consumer) == Reason.NOT_FOUND
        groups.commit("taken", Membership(), [Commit(TOPIC, 0, 1)], True)
        assert reason_of(beat, world, "a", 0, [TOPIC], "taken") == Reason.NOT_FOUND
        assert reason_of(world.access.shares.check_reset, "taken") == Reason.NOT_FOUND
        assert reason_of(world.access.shares.reset, "taken", world.topic(), 0, 0) == Reason.NOT_FOUND


class TestSessions:
    def test_requests_come_one_after_the_other(self) -> None:
        sessions = ShareSessions(2)
        key = ("/", GROUP)
        assert reason_of(sessions.use, key, "a", 1, 7) == Reason.SESSION_UNKNOWN
        session = sessions.open(key, "a", 7)
        assert reason_of(sessions.use, key, "a", 2, 7) == Reason.SESSION_EPOCH
        assert sessions.use(key, "a", 1, 8) is session
        assert (session.epoch, session.owner) == (2, 8)
        session.epoch = 0x7FFFFFFF
        sessions.use(key, "a", 0x7FFFFFFF, 8)
        assert session.epoch == 1, "after the largest comes 1"

    def test_there_are_so_many(self) -> None:
        sessions = ShareSessions(2)
        sessions.open(("/", GROUP), "a", 1)
        sessions.open(("/", GROUP), "b", 1)
        assert reason_of(sessions.open, ("/", GROUP), "c", 1) == Reason.SESSION_LIMIT
        sessions.open(("/", GROUP), "b", 2)
        assert [session.member for session in sessions.of_owner(1)] == ["a"]
        assert sessions.close(("/", GROUP), "a")
        assert not sessions.close(("/", GROUP), "a")
        sessions.open(("/", GROUP), "c", 1)

    def test_places_are_added_and_forgotten_and_take_turns(self) -> None:
        world = World()
        shares = world.access.shares
        beat(world, "a", topics=[TOPIC])
        one, two = (bytes(16), 0), (bytes(16), 1)
        assert shares.open_session(GROUP, "a", [one, one]) == [one]
        assert shares.use_session(GROUP, "a", 1, [two], []) == [two, one]
        assert shares.use_session(GROUP, "a", 2, [], []) == [one, two]
        assert shares.use_session(GROUP, "a", 3, [], [one]) == [two]
        assert reason_of(shares.open_session, "nobody", "a", []) == Reason.NOT_FOUND
        world.broker.shares.settings.places_max = 2
        assert (
            reason_of(shares.use_session, GROUP, "a", 4, [(bytes(16), 2), (bytes(16), 3)], [])
            == Reason.SESSION_LIMIT
        )
        assert reason_of(shares.use_session, GROUP, "a", 5, [], []) == Reason.SESSION_UNKNOWN


class TestStart:
    def test_the_latest(self) -> None:
        world = World(group={"share.auto.offset.reset": "latest"})
        world.produce(b"old")
        world.member("a")
        world.produce(b"new")
        assert world.fetch("a").deliveries == {1: 1}

    def test_from_a_time_on(self) -> None:
        world = World(
            {"message.timestamp.type": "LogAppendTime"}, {"share.auto.offset.reset": "by_duration:PT1M"}, 200
        )
        world.produce(b"old")
        world.pass_time(90_000)
        world.produce(b"young")
        world.pass_time(30_000)
        waiting = world.fetch("a", wait_ms=500)
        assert waiting.deliveries == {1: 1}

    def test_from_a_time_when_nothing_is_that_young(self) -> None:
        world = World(
            {"message.timestamp.type": "LogAppendTime"}, {"share.auto.offset.reset": "by_duration:PT1S"}
        )
        world.produce(b"old")
        world.pass_time(90_000)
        assert world.fetch("a").deliveries == {}
        world.produce(b"new")
        assert world.fetch("a").deliveries == {1: 1}

    def test_a_deleted_topic_is_forgotten(self) -> None:
        world = World()
        world.produce(b"a")
        world.fetch("a")
        world.access.topics.delete(world.topic())
        world.settle_down()
        assert world.broker.shares.shares[("/", GROUP)] == {}
        world.start_again(False)
        assert world.broker.shares.shares.get(("/", GROUP), {}) == {}


class TestFetching:
    def test_it_waits_for_records(self) -> None:
        world = World()
        end = world.fetch("a", wait_ms=500)
        assert end.results is None
        world.produce(b"x")
        assert end.deliveries == {0: 1}

    def test_it_waits_no_longer_than_it_says(self) -> None:
        world = World()
        end = world.fetch("a", wait_ms=500)
        world.pass_time(499)
        assert end.results is None
        world.pass_time(1)
        assert end.deliveries == {}

    def test_who_is_content_with_nothing_does_not_wait_and_who_wants_nothing_has_nothing(self) -> None:
        """As Kafka 4.3.1 answered."""
        world = World()
        share = world.member("a").shares.share(GROUP, world.topic().topic_id, 0)
        for ask in (ShareAsk("a", 0, 1 << 20, 100, 5000, False), ShareAsk("a", 1, 0, 100, 5000, True)):
            end = FetchEnd()
            world.accesses["a"].shares.fetch([share], ask, end)
            assert end.deliveries == {}
            world.produce(b"x")
        assert world.fetch("a").deliveries == {0: 1, 1: 1}

    def test_it_is_woken_by_what_comes_back(self) -> None:
        world = World()
        world.produce(b"x")
        assert world.fetch("a").deliveries == {0: 1}
        by_release = world.fetch("b", wait_ms=LOCK_MS * 2)
        world.say("a", 0, 0, RELEASE)
        assert by_release.deliveries == {0: 2}
        by_time = world.fetch("a", wait_ms=LOCK_MS * 2)
        world.pass_time(LOCK_MS - 1)
        assert by_time.results is None
        world.pass_time(1)
        assert by_time.deliveries == {0: 3}

    def test_a_cancelled_one_takes_nothing(self) -> None:
        world = World()
        end = world.fetch("a", wait_ms=500)
        assert end.fetch is not None
        end.fetch.cancel()
        world.produce(b"x")
        assert end.results is None
        assert world.fetch("b").deliveries == {0: 1}

    @pytest.mark.parametrize("cancelled", [False, True])
    def test_one_that_is_over_keeps_nothing(self, cancelled: bool) -> None:
        world = World()
        end = world.fetch("a", wait_ms=500)
        fetch = end.fetch
        assert fetch is not None
        fetch.cancel() if cancelled else world.produce(b"x")
        assert fetch.done
        # The garbage collector may be long in coming to the circle in which the fetch stands.
        for held in gc.get_referents(fetch):
            assert held is not end
            assert held is None or held is not end.results

    def test_whole_batches_or_no_more_than_asked(self) -> None:
        world = World()
        world.produce(b"a", b"b", b"c")
        world.produce(b"d", b"e")
        assert list(world.fetch("a", 2).deliveries) == [0, 1]
        assert list(world.fetch("b", 2, whole=True).deliveries) == [2, 3, 4]
        assert world.fetch("c").deliveries == {}

    def test_no_more_than_may_be_locked(self) -> None:
        world = World(group={"share.partition.max.record.locks": "100"})
        world.produce(*[b"x"] * 150)
        assert list(world.fetch("a", whole=True).deliveries) == list(range(100))
        assert world.fetch("b").deliveries == {}
        world.say("a", 50, 99, ACCEPT)
        assert world.fetch("b").deliveries == {}, "the window begins with the first that is not done with"
        world.say("a", 0, 19, ACCEPT)
        assert list(world.fetch("b").deliveries) == list(range(100, 120))

    def test_a_deleted_topic_ends_it(self) -> None:
        world = World()
        end = world.fetch("a", wait_ms=500)
        world.access.topics.delete(world.topic())
        world.settle_down()
        assert end.deliveries == {}

    @pytest.mark.parametrize(
        "how", ["silent", "leaves", "closed", "begun anew", "disconnected", "offsets deleted"]
    )
    def test_it_ends_with_its_session_and_takes_nothing_later(self, how: str) -> None:
        world = World(group={"share.record.lock.duration.ms": "60000"})
        end = world.fetch("a", wait_ms=SESSION_MS * 2)
        member = world.broker.shares.groups[("/", GROUP)].members["a"]
        if how == "silent":
            beat(world, "a", member.epoch)
            world.pass_time(SESSION_MS)
        elif how in ("leaves", "offsets deleted"):
            if how == "offsets deleted":
                world.broker.shares.groups[("/", GROUP)].members.clear()
                world.access.shares.forget(GROUP, world.topic())
            else:
                beat(world, "a", -1)
        elif how == "closed":
            world.accesses["a"].shares.close_session(GROUP, "a")
        elif how == "begun anew":
            world.new_access().shares.open_session(GROUP, "a", [(world.topic().topic_id, 0)])
        else:
            world.accesses.pop("a").shares.close()
        assert end.deliveries == {}
        assert end.fetch is not None and end.fetch.done
        world.produce(b"x")
        assert world.fetch("b").deliveries == {0: 1}

    def test_what_it_took_before_its_session_ended_was_no_delivery(self) -> None:
        world = World(tail_bytes=1000, group={"share.record.lock.duration.ms": "60000"})
        world.access.topics.create("other", 1, {})
        for number in range(40):
            world.produce(b"value %d" % number, topic="other")
        world.produce(b"x")
        access = world.member("a")
        shares = access.shares
        both = [shares.share(GROUP, world.topic(name).topic_id, 0) for name in (TOPIC, "other")]
        end = FetchEnd()
        shares.fetch(both, ShareAsk("a", 1, 1 << 20, 100, 500, False), end)
        assert end.results is None, "the other topic's records have to be read from disk"
        assert [(run.start, run.end) for run in both[0].records.runs] == [(0, 1)], (
            "it took what was in memory"
        )
        shares.close_session(GROUP, "a")
        assert end.deliveries == {}
        world.settle_down()
        assert world.fetch("b").deliveries == {0: 1}

    def test_from_disk(self) -> None:
        world = World(tail_bytes=100)
        for number in range(6):
            world.produce(b"value %d" % number)
        world.produce(b"last")
        loads = world.store.loads
        found: dict[int, int] = {}
        while len(found) < 7:
            more = world.fetch("a").deliveries
            assert more
            found.update(more)
        assert found == dict.fromkeys(range(7), 1)
        assert world.store.loads > loads


class TestTransactions:
    @pytest.mark.parametrize("level", ["read_committed", "read_uncommitted"])
    def test_isolation(self, level: str) -> None:
        world = World(group={"share.isolation.level": level})
        partition = world.partition()
        partition.append_batches(transactional(5, b"aborted"))
        partition.append_batches(transactional(6, b"committed"))
        world.settle_down()
        waiting = world.fetch("a", wait_ms=10_000)
        if level == "read_uncommitted":
            assert waiting.deliveries == {0: 1, 1: 1}
            return
        assert waiting.results is None, "both are open"
        partition.append_marker(5, 0, False)
        partition.append_marker(6, 0, True)
        world.settle_down()
        assert waiting.deliveries == {1: 1}
        world.say("a", 1, 1, ACCEPT)
        assert world.fetch("a").deliveries == {}
        assert world.share.records.start == 4, "markers and what was aborted are done with"

    def test_many_markers_in_a_row(self) -> None:
        world = World(group={"share.isolation.level": "read_committed"})
        partition = world.partition()
        waiting = world.fetch("a", wait_ms=10_000)
        for _ in range(40):
            partition.append_marker(5, 0, False)
            world.settle_down()
        partition.append_batches(batch(b"x"))
        world.settle_down()
        assert waiting.deliveries == {40: 1}


class TestAnswers:
    def test_gaps_and_single_words(self) -> None:
        world = World()
        world.produce(b"a", b"b", b"c", b"d")
        world.fetch("a")
        world.say("a", 0, 3, ACCEPT, GAP, RELEASE, REJECT)
        assert world.fetch("a").deliveries == {2: 2}

    def test_all_or_nothing(self) -> None:
        world = World()
        world.produce(b"a", b"b", b"c")
        world.fetch("a")
        world.say("a", 1, 1, ACCEPT)
        assert reason_of(world.say, "a", 0, 2, ACCEPT) == Reason.UNKNOWN_DELIVERY
        assert reason_of(world.say, "a", 2, 3, ACCEPT) == Reason.INVALID, "so far nothing was delivered"
        assert reason_of(world.say, "b", 0, 0, ACCEPT) == Reason.UNKNOWN_DELIVERY
        world.say("a", 0, 0, ACCEPT)
        world.say("a", 2, 2, ACCEPT)
        assert world.fetch("a").deliveries == {}

    def test_a_lock_is_renewed(self) -> None:
        world = World()
        world.produce(b"a")
        world.fetch("a")
        world.pass_time(LOCK_MS - 1)
        world.say("a", 0, 0, RENEW)
        world.pass_time(LOCK_MS - 1)
        assert world.fetch("b").deliveries == {}
        world.pass_time(1)
        assert world.fetch("b").deliveries == {0: 2}

    def test_unless_the_group_forbids_it(self) -> None:
        world = World(group={"share.renew.acknowledge.enable": "false"})
        world.produce(b"a")
        world.fetch("a")
        assert reason_of(world.say, "a", 0, 0, RENEW) == Reason.INVALID

    def test_the_delivery_limit_of_the_group_goes_before_the_topics(self) -> None:
        world = World({"onemq.delivery.limit": "4"}, {"share.delivery.count.limit": "2"})
        world.produce(b"a")
        for times in (1, 2):
            assert world.fetch("a").deliveries == {0: times}
            world.say("a", 0, 0, RELEASE)
        assert world.fetch("a").deliveries == {}
        assert world.share.records.start == 1

    def test_what_the_queue_of_the_same_name_settles_is_another_matter(self) -> None:
        world = World()
        world.produce(b"a")
        assert world.drain(TOPIC) == [b"a"]
        assert world.fetch("a").deliveries == {0: 1}


class TestAdministration:
    def test_delete(self) -> None:
        world = World()
        assert reason_of(world.access.shares.delete, GROUP) == Reason.NOT_FOUND
        world.produce(b"a")
        world.fetch("a")
        assert reason_of(world.access.shares.delete, GROUP) == Reason.GROUP_NOT_EMPTY
        beat(world, "a", -1)
        world.access.shares.delete(GROUP)
        world.start_again(False)
        assert not world.access.shares.has(GROUP)
        assert world.broker.shares.shares == {}
        assert world.fetch("a").deliveries == {0: 1}, "it begins anew"

    @pytest.mark.parametrize("clean", [True, False])
    def test_a_reset_makes_the_group(self, clean: bool) -> None:
        world = World()
        world.produce(b"a", b"b")
        assert world.access.shares.started(GROUP) == {}
        assert world.access.shares.progress(GROUP, world.topic(), 0) == (-1, -1)
        world.access.shares.reset(GROUP, world.topic(), 0, 1)
        world.start_again(clean)
        assert world.access.shares.describe(GROUP).epoch == 1
        assert world.access.shares.progress(GROUP, world.topic(), 0) == (1, 1)
        assert world.fetch("a").deliveries == {1: 1}

    def test_offsets(self) -> None:
        world = World()
        shares = world.access.shares
        world.produce(b"a", b"b", b"c", b"d")
        world.fetch("a", 3)
        world.say("a", 0, 0, ACCEPT)
        world.say("a", 2, 2, ACCEPT)
        assert shares.started(GROUP) == {TOPIC: [0]}
        assert shares.progress(GROUP, world.topic(), 0) == (1, 2)
        assert reason_of(shares.reset, GROUP, world.topic(), 0, 0) == Reason.GROUP_NOT_EMPTY
        beat(world, "a", -1)
        shares.reset(GROUP, world.topic(), 0, 3)
        assert shares.progress(GROUP, world.topic(), 0) == (3, 1)
        world.start_again(True)
        assert world.fetch("a").deliveries == {3: 1}
        beat(world, "a", -1)
        assert world.access.shares.forget(GROUP, world.topic())
        assert not world.access.shares.forget(GROUP, world.topic())
        world.start_again(False)
        assert world.access.shares.started(GROUP) == {}
        assert world.fetch("a").deliveries == {0: 1, 1: 1, 2: 1, 3: 1}
