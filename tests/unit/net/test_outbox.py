"""Parked replies: per lane in order, nothing before its position is durable, nothing lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onemq.net.outbox import COPIED_BYTES_MAX, WRITER_KEEP_BYTES, Durability, ParkingOutbox
from unit.net.stage import QuietParty


def make() -> tuple[Durability, ParkingOutbox, QuietParty]:
    durability = Durability()
    outbox = ParkingOutbox(durability)
    link = QuietParty(outbox)
    outbox.bind(link)
    return durability, outbox, link


def test_a_durable_position_leaves_at_once_without_a_touch() -> None:
    durability, outbox, link = make()
    durability.advance(5)
    outbox.park(1, 5, b"a")
    outbox.park(1, 0, b"b")
    assert outbox.take() == b"ab"
    assert link.touches == 0
    assert durability.waiting == []


def test_a_parked_reply_leaves_when_its_position_is_durable() -> None:
    durability, outbox, link = make()
    outbox.park(1, 2, b"two")
    durability.advance(1)
    assert outbox.take() == b"" and link.touches == 0 and outbox.lane_waits(1)
    durability.advance(2)
    assert outbox.take() == b"two" and link.touches == 1
    assert not outbox.lane_waits(1) and outbox.is_empty() and outbox.parked_bytes == 0


def test_large_replies_are_parts_of_their_own_in_their_place() -> None:
    durability, outbox, _ = make()
    large = bytes(COPIED_BYTES_MAX + 1)
    outbox.park(1, 0, large)
    assert not outbox.is_empty()
    outbox.writer.write(b"a")
    outbox.park(1, 1, b"b")
    outbox.park(1, 1, large)
    durability.advance(1)
    before = outbox.take_before()
    assert before == [large, b"ab", large] and before[0] is before[2] is large
    assert outbox.is_empty() and outbox.take_before() == [] and outbox.take() == b""
    outbox.park(1, 0, large)
    outbox.writer.write(b"c")
    assert outbox.take() == large + b"c" and outbox.is_empty()
    outbox.park(1, 0, large)
    outbox.clear()
    assert outbox.is_empty() and outbox.take() == b""


def test_lanes_do_not_wait_for_each_other_but_order_holds_within() -> None:
    durability, outbox, _ = make()
    outbox.park(1, 9, b"late")
    outbox.park(1, 0, b"after-late")
    outbox.park(2, 3, b"soon")
    durability.advance(3)
    assert outbox.take() == b"soon"
    durability.advance(9)
    assert outbox.take() == b"lateafter-late"


def test_a_dropped_lane_sends_nothing() -> None:
    durability, outbox, link = make()
    outbox.park(1, 1, b"x")
    outbox.drop_lane(1)
    durability.advance(1)
    assert outbox.take() == b"" and link.touches == 0 and outbox.parked_bytes == 0
    assert durability.waiting == []


def test_a_cleared_outbox_is_silent() -> None:
    durability, outbox, link = make()
    outbox.park(1, 1, b"x")
    outbox.clear()
    durability.advance(1)
    assert outbox.is_empty() and link.touches == 0


def test_take_empties_small_and_large_writers() -> None:
    _, outbox, _ = make()
    for size in (1, WRITER_KEEP_BYTES + 1, 3):
        outbox.writer.write(b"x" * size)
        assert len(outbox.take()) == size
        assert outbox.take() == b""


Step = tuple[str, int, int]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("park"), st.integers(0, 3), st.integers(0, 6)),
        st.tuples(st.just("advance"), st.just(0), st.integers(0, 3)),
        st.tuples(st.just("drop"), st.integers(0, 3), st.just(0)),
    ),
    max_size=60,
)


@given(steps)
def test_order_per_lane_and_nothing_before_it_is_durable(script: list[Step]) -> None:
    durability, outbox, _ = make()
    position = 0
    waiting: dict[int, list[tuple[int, bytes]]] = {}
    sent: list[bytes] = []
    for number, (verb, lane, amount) in enumerate(script):
        expected: dict[int, list[bytes]] = {}
        if verb == "park":
            reply = b"%d:%d;" % (lane, number)
            wanted = position + amount if amount else 0
            outbox.park(lane, wanted, reply)
            waiting.setdefault(lane, []).append((wanted, reply))
        elif verb == "advance":
            position += amount
            durability.advance(position)
        else:
            outbox.drop_lane(lane)
            waiting.pop(lane, None)
        for each, queue in waiting.items():
            while queue and queue[0][0] <= position:
                expected.setdefault(each, []).append(queue.pop(0)[1])
            assert outbox.lane_waits(each) == bool(queue)
        out = outbox.take()
        sent.append(out)
        found: dict[int, list[bytes]] = {}
        for reply in out.split(b";")[:-1]:
            found.setdefault(int(reply.split(b":")[0]), []).append(reply + b";")
        assert found == expected
        parked = sum(len(reply) for queue in waiting.values() for _, reply in queue)
        assert outbox.parked_bytes == parked
    durability.advance(position + 10)
    rest = b"".join(reply for queue in waiting.values() for _, reply in queue)
    assert sorted(outbox.take()) == sorted(rest)
