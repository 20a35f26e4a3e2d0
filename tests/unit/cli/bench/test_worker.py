"""When a producer may send, and what is counted."""

from __future__ import annotations

from onemq.cli.bench.plan import Plan, body
from onemq.cli.bench.worker import BACKLOG_SECONDS, DRAINED, STOPPING, Board, Consumer, Producer


def test_producers_wait_for_consumers() -> None:
    plan = Plan("", 0, "")
    plan.backlog = 10
    board = Board(2, 1)
    producer = Producer(plan, board, 0)
    board.sent[1] = 4
    assert producer.room(0, 100, 0) == 6 and producer.room(5, 100, 0) == 1
    assert producer.room(6, 100, 0) == 0 and producer.wait_seconds(0) == BACKLOG_SECONDS
    board.taken[0] = 4
    assert producer.room(6, 3, 0) == 3


def test_they_end_when_told_or_when_all_is_sent() -> None:
    plan = Plan("", 0, "")
    plan.messages = 2
    board = Board(1, 1)
    producer, consumer = Producer(plan, board, 0), Consumer(plan, board, 0)
    producer.begin()
    assert producer.room(0, 5, 0) == 2
    producer.pace.take(0)
    producer.pace.take(0)
    assert producer.over() and not consumer.over()
    again = Producer(plan, board, 0)
    board.reach(STOPPING)
    assert again.over() and again.room(0, 5, 0) == 0 and not consumer.over()
    board.reach(DRAINED)
    board.reach(STOPPING)
    assert consumer.over(), "a stage is never gone back to"


def test_counts_and_latencies() -> None:
    plan = Plan("", 0, "")
    board = Board(1, 2)
    producer, consumer = Producer(plan, board, 0), Consumer(plan, board, 1)
    producer.sent([1_000, 2_000], 2_001_000)
    consumer.took(body(1_000, 100), 3_001_000)
    consumer.took(b"somebody else's", 3_001_000)
    assert (board.published(), board.consumed()) == (2, 1) and list(board.taken) == [0, 1]
    assert producer.latencies.longest_ns == 2_000_000 and consumer.latencies.longest_ns == 3_000_000
    plan.confirm = False
    producer.sent([1], 5)
    assert board.published() == 3 and producer.latencies.count == 2
