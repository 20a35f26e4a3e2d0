"""Dead letters of share groups: which records are copied where, in one commit with their end, also from disk and over a restart."""

from __future__ import annotations

import pytest

from onemq.engine.share.dead_letters import MESSAGE_LIMIT, MESSAGE_REJECTED
from onemq.engine.share.partition import REJECT, Acknowledgement
from unit.engine.share.world import DEAD, GROUP, LOCK_MS, TOPIC, World, batch


def test_a_rejected_record_with_its_key_and_headers() -> None:
    world = World({"onemq.dead.letter.topic": DEAD})
    world.access.topics.produce(world.topic(), 0, batch(b"bad", key=b"k"), None)
    world.settle_down()
    world.fetch("a")
    world.say("a", 0, 0, REJECT)
    assert world.dead_letters() == [(0, 1, MESSAGE_REJECTED)]
    copy = world.records(DEAD)[0]
    assert (copy.key, copy.value) == (b"k", b"bad")


def test_a_record_of_another_protocol() -> None:
    world = World({"onemq.dead.letter.topic": DEAD})
    world.publish(TOPIC, b"from a queue")
    world.settle_down()
    world.fetch("a")
    world.say("a", 0, 0, REJECT)
    assert [record.value for record in world.records(DEAD)] == [b"from a queue"]


def test_the_group_s_topic_goes_before_the_topic_s() -> None:
    world = World({"onemq.dead.letter.topic": "elsewhere"}, {"onemq.dead.letter.topic": DEAD})
    world.produce(b"a")
    world.fetch("a")
    world.say("a", 0, 0, REJECT)
    assert world.dead_letters() == [(0, 1, MESSAGE_REJECTED)]
    assert world.records("elsewhere") == []


def test_the_limit() -> None:
    world = World({"onemq.dead.letter.topic": DEAD, "onemq.delivery.limit": "1"})
    world.produce(b"a")
    world.fetch("a")
    world.pass_time(LOCK_MS)
    assert world.dead_letters() == [(0, 1, MESSAGE_LIMIT)]


def test_copy_and_end_are_one_commit() -> None:
    """Whatever part of the last commits a crash leaves: the record is open, or it is in the dead-letter topic."""
    for kept in range(4):
        world = World({"onemq.dead.letter.topic": DEAD})
        world.produce(b"a")
        world.fetch("a")
        share = world.accesses["a"].shares.share(GROUP, world.topic().topic_id, 0)
        share.acknowledge("a", [Acknowledgement(0, 0, [REJECT])])
        world.broker.end_turn()
        world.crash(kept)
        world.accesses.clear()
        world.settle_down()
        open_again = bool(world.fetch("a").deliveries)
        assert open_again != bool(world.dead_letters())


@pytest.mark.parametrize("clean", [True, False])
def test_what_has_yet_to_be_read_from_disk_survives(clean: bool) -> None:
    world = World({"onemq.dead.letter.topic": DEAD}, tail_bytes=100)
    for number in range(8):
        world.produce(b"value %d" % number)
    found: dict[int, int] = {}
    while len(found) < 8:
        found.update(world.fetch("a").deliveries)
    access = world.accesses["a"]
    share = access.shares.share(GROUP, world.topic().topic_id, 0)
    share.acknowledge("a", [Acknowledgement(0, 7, [REJECT])])
    world.broker.end_turn()
    world.store.make_durable(world.store.position)
    if clean:
        world.restart()
    else:
        world.crash()
    world.accesses.clear()
    world.pass_time(10)
    assert world.dead_letters() == [(offset, 1, MESSAGE_REJECTED) for offset in range(8)]
    assert world.share.records.start == 8


def test_a_name_that_no_topic_can_have() -> None:
    world = World({"onemq.dead.letter.topic": "no/topic"})
    world.produce(b"a")
    world.fetch("a")
    world.say("a", 0, 0, REJECT)
    assert world.broker.shares.dead_letters.lost == 1
    assert world.share.records.start == 1


def test_not_into_the_topic_itself() -> None:
    world = World({"onemq.dead.letter.topic": TOPIC})
    world.produce(b"a")
    world.fetch("a")
    world.say("a", 0, 0, REJECT)
    assert world.partition().log.next_offset == 1
