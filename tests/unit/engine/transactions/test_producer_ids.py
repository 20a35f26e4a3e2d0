"""A producer id is never handed out twice."""

from onemq.engine.transactions.producer_ids import BLOCK
from unit.engine.transactions.transaction_bench import Bench


def test_ids_begin_at_nought_and_ascend() -> None:
    bench = Bench()
    assert [bench.ids.take() for _ in range(3)] == [0, 1, 2]


def test_one_fact_claims_a_block() -> None:
    bench = Bench()
    for _ in range(BLOCK):
        bench.ids.take()
        bench.turn()
    assert len(bench.disk.commits) == 1
    assert bench.ids.take() == BLOCK
    bench.turn()
    assert len(bench.disk.commits) == 2


def test_no_id_comes_again_after_a_restart() -> None:
    bench = Bench()
    given: list[int] = []
    for number in range(8):
        given.extend(bench.ids.take() for _ in range(number * 300))
        bench.restart() if number % 2 else bench.restart_from_snapshot()
    given.append(bench.ids.take())
    assert len(set(given)) == len(given)


def test_an_id_may_be_told_when_its_block_is_durable() -> None:
    bench = Bench()
    bench.ids.take()
    assert bench.core.position() == bench.core.last_position + 1
