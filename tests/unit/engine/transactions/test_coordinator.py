"""The coordinator's rules, refusal by refusal, as Kafka's coordinator has them with transactions of version 1."""

from collections.abc import Callable
from functools import partial

import pytest

from onemq.engine.transactions.settings import TransactionSettings
from onemq.engine.transactions.transaction import ABORTED, COMMITTED, EMPTY, EPOCH_MAX, ONGOING
from onemq.model.refusal import Reason, Refusal
from unit.engine.transactions.transaction_bench import BILLS, MINUTE_MS, ORDERS, SPACE, TOPICS, Bench

DAY_MS = 24 * 60 * MINUTE_MS


def refused(work: Callable[[], object]) -> Reason:
    with pytest.raises(Refusal) as caught:
        work()
    return caught.value.reason


@pytest.fixture
def bench() -> Bench:
    return Bench()


class TestProducer:
    def test_a_new_id_begins_with_epoch_nought(self, bench: Bench) -> None:
        assert bench.begin() == (0, 0)
        assert bench.state() == EMPTY

    def test_each_initialisation_has_the_next_epoch_of_the_same_producer(self, bench: Bench) -> None:
        assert [bench.begin() for _ in range(3)] == [(0, 0), (0, 1), (0, 2)]

    def test_ids_of_namespaces_are_strangers(self, bench: Bench) -> None:
        bench.begin()
        other = bench.transactions.initialise("other", "payments", MINUTE_MS, -1, -1)
        assert (other.producer_id, other.epoch) == (1, 0)

    @pytest.mark.parametrize("timeout_ms", [0, -1, 900_001])
    def test_a_time_out_must_be_in_range(self, bench: Bench, timeout_ms: int) -> None:
        assert refused(lambda: bench.begin(timeout_ms)) == Reason.TRANSACTION_TIMEOUT
        assert bench.transactions.find(SPACE, "payments") is None

    def test_the_longest_time_out_is_in_range(self, bench: Bench) -> None:
        assert bench.begin(900_000) == (0, 0)

    def test_an_empty_id_is_invalid(self, bench: Bench) -> None:
        assert refused(lambda: bench.transactions.initialise(SPACE, "", MINUTE_MS, -1, -1)) == Reason.INVALID

    def test_the_number_of_ids_is_bounded(self) -> None:
        bench = Bench(TransactionSettings(ids_max=1))
        bench.begin()
        assert refused(lambda: bench.transactions.initialise(SPACE, "b", 1, -1, -1)) == Reason.LIMIT
        assert bench.begin() == (0, 1)

    def test_a_producer_goes_on_with_its_next_epoch(self, bench: Bench) -> None:
        bench.begin()
        assert bench.begin(MINUTE_MS, 0, 0) == (0, 1)

    def test_going_on_twice_gives_the_same_epoch(self, bench: Bench) -> None:
        bench.begin()
        assert bench.begin(MINUTE_MS, 0, 0) == (0, 1)
        assert bench.begin(MINUTE_MS, 0, 0) == (0, 1)
        bench.restart()
        assert bench.begin(MINUTE_MS, 0, 0) == (0, 1)

    def test_who_was_replaced_cannot_go_on(self, bench: Bench) -> None:
        bench.begin()
        bench.begin()
        assert refused(lambda: bench.begin(MINUTE_MS, 0, 0)) == Reason.PRODUCER_FENCED

    def test_another_number_cannot_go_on(self, bench: Bench) -> None:
        bench.begin()
        assert refused(lambda: bench.begin(MINUTE_MS, 77, 0)) == Reason.PRODUCER_FENCED

    def test_an_unknown_id_takes_whoever_asks(self, bench: Bench) -> None:
        assert bench.begin(MINUTE_MS, 77, 5) == (0, 0)

    def test_a_used_up_number_is_changed(self, bench: Bench) -> None:
        bench.begin()
        bench.set_epoch(EPOCH_MAX - 2)
        assert bench.begin() == (0, EPOCH_MAX - 1)
        assert bench.begin() == (1, 0)

    def test_a_used_up_number_is_changed_once(self, bench: Bench) -> None:
        bench.begin()
        bench.set_epoch(EPOCH_MAX - 1)
        assert bench.begin(MINUTE_MS, 0, EPOCH_MAX - 1) == (1, 0)
        assert bench.begin(MINUTE_MS, 0, EPOCH_MAX - 1) == (1, 0)
        bench.restart_from_snapshot()
        assert bench.begin(MINUTE_MS, 0, EPOCH_MAX - 1) == (1, 0)
        bench.join((1, 0), ORDERS)
        assert refused(lambda: bench.begin(MINUTE_MS, 0, EPOCH_MAX - 1)) == Reason.PRODUCER_FENCED
        bench.end((1, 0), True)
        assert refused(lambda: bench.begin(MINUTE_MS, 0, EPOCH_MAX - 1)) == Reason.PRODUCER_FENCED

    def test_a_used_up_number_can_still_be_fenced(self, bench: Bench) -> None:
        bench.begin()
        bench.set_epoch(EPOCH_MAX - 1)
        bench.join((0, EPOCH_MAX - 1), ORDERS)
        assert bench.begin() == (1, 0)
        assert bench.participants.markers == [(*ORDERS, 0, EPOCH_MAX, False)]


class TestTakingOver:
    def test_an_open_transaction_is_aborted_under_an_epoch_between(self, bench: Bench) -> None:
        old = bench.begin()
        bench.join(old, ORDERS, BILLS)
        bench.join_group(old, "group")
        new = bench.begin()
        assert new == (0, 2)
        assert bench.participants.markers == [(*ORDERS, 0, 1, False), (*BILLS, 0, 1, False)]
        assert bench.participants.ended == [(0, False)]
        assert bench.state() == EMPTY
        assert refused(lambda: bench.join(old, ORDERS)) == Reason.PRODUCER_FENCED
        assert refused(lambda: bench.end(old, True)) == Reason.PRODUCER_FENCED
        assert refused(lambda: bench.may_write(old, ORDERS)) == Reason.PRODUCER_EPOCH_STALE
        assert refused(lambda: bench.may_commit(old, "group")) == Reason.PRODUCER_EPOCH_STALE

    def test_the_producer_itself_may_go_on_in_the_middle(self, bench: Bench) -> None:
        old = bench.begin()
        bench.join(old, ORDERS)
        assert bench.begin(MINUTE_MS, *old) == (0, 2)
        assert bench.begin(MINUTE_MS, *old) == (0, 2)
        assert bench.participants.markers == [(*ORDERS, 0, 1, False)]

    def test_who_was_replaced_does_not_abort_the_transaction_of_the_new_one(self, bench: Bench) -> None:
        old = bench.begin()
        new = bench.begin()
        bench.join(new, ORDERS)
        assert refused(lambda: bench.begin(MINUTE_MS, *old)) == Reason.PRODUCER_FENCED
        assert bench.state() == ONGOING
        bench.end(new, True)
        assert bench.participants.markers == [(*ORDERS, 0, 1, True)]

    def test_all_of_it_is_one_commit(self, bench: Bench) -> None:
        old = bench.begin()
        bench.join(old, ORDERS)
        bench.turn()
        before = len(bench.disk.commits)
        bench.begin()
        bench.turn()
        assert len(bench.disk.commits) == before + 1


class TestTransaction:
    def test_it_begins_with_its_first_partition(self, bench: Bench) -> None:
        producer = bench.begin()
        assert refused(lambda: bench.may_write(producer, ORDERS)) == Reason.NOT_IN_TRANSACTION
        bench.join(producer, ORDERS)
        assert bench.state() == ONGOING
        bench.may_write(producer, ORDERS)
        assert refused(lambda: bench.may_write(producer, BILLS)) == Reason.NOT_IN_TRANSACTION
        assert refused(lambda: bench.may_commit(producer, "group")) == Reason.NOT_IN_TRANSACTION

    def test_it_begins_with_its_first_group(self, bench: Bench) -> None:
        producer = bench.begin()
        bench.join_group(producer, "group")
        assert bench.state() == ONGOING
        bench.may_commit(producer, "group")
        assert refused(lambda: bench.may_commit(producer, "another")) == Reason.NOT_IN_TRANSACTION

    @pytest.mark.parametrize("commit", [True, False])
    def test_its_end_reaches_every_partition_and_the_groups(self, bench: Bench, commit: bool) -> None:
        producer = bench.begin()
        bench.join(producer, ORDERS)
        bench.join(producer, BILLS, ORDERS)
        bench.join_group(producer, "group")
        bench.end(producer, commit)
        assert bench.participants.markers == [(*ORDERS, 0, 0, commit), (*BILLS, 0, 0, commit)]
        assert bench.participants.ended == [(0, commit)]
        assert bench.state() == (COMMITTED if commit else ABORTED)

    def test_groups_are_not_asked_when_there_are_none(self, bench: Bench) -> None:
        producer = bench.begin()
        bench.join(producer, ORDERS)
        bench.end(producer, True)
        assert bench.participants.ended == []

    def test_what_was_added_does_not_last_beyond_the_end(self, bench: Bench) -> None:
        producer = bench.begin()
        bench.join(producer, ORDERS)
        bench.join_group(producer, "group")
        bench.end(producer, True)
        assert refused(lambda: bench.may_write(producer, ORDERS)) == Reason.NOT_IN_TRANSACTION
        assert refused(lambda: bench.may_commit(producer, "group")) == Reason.NOT_IN_TRANSACTION
        bench.join(producer, BILLS)
        assert refused(lambda: bench.may_write(producer, ORDERS)) == Reason.NOT_IN_TRANSACTION
        bench.join(producer, ORDERS)
        bench.may_write(producer, ORDERS)

    @pytest.mark.parametrize("commit", [True, False])
    def test_the_same_end_again_is_fine_the_other_is_not(self, bench: Bench, commit: bool) -> None:
        producer = bench.begin()
        bench.join(producer, ORDERS)
        bench.end(producer, commit)
        bench.end(producer, commit)
        assert len(bench.participants.markers) == 1
        assert refused(lambda: bench.end(producer, not commit)) == Reason.TRANSACTION_STATE

    @pytest.mark.parametrize("commit", [True, False])
    def test_nothing_cannot_end(self, bench: Bench, commit: bool) -> None:
        producer = bench.begin()
        assert refused(lambda: bench.end(producer, commit)) == Reason.TRANSACTION_STATE

    def test_unknown_ids_and_numbers(self, bench: Bench) -> None:
        ghost = (0, 0)
        for producer in (ghost, (9, 0)):
            for work in (
                partial(bench.join, producer, ORDERS),
                partial(bench.end, producer, True),
                partial(bench.may_write, producer, ORDERS),
                partial(bench.may_commit, producer, "group"),
            ):
                assert refused(work) == Reason.PRODUCER_UNKNOWN
            if producer == ghost:
                bench.begin()

    def test_a_newer_epoch_is_as_wrong_as_an_older_one(self, bench: Bench) -> None:
        bench.begin()
        assert refused(lambda: bench.join((0, 1), ORDERS)) == Reason.PRODUCER_FENCED
        assert refused(lambda: bench.end((0, 1), True)) == Reason.PRODUCER_FENCED
        assert refused(lambda: bench.may_write((0, 1), ORDERS)) == Reason.PRODUCER_EPOCH_STALE

    def test_what_is_in_it_already_costs_no_fact(self, bench: Bench) -> None:
        producer = bench.begin()
        bench.join(producer, ORDERS)
        bench.turn()
        before = len(bench.disk.commits)
        bench.join(producer, ORDERS)
        bench.turn()
        assert len(bench.disk.commits) == before

    def test_a_partition_with_a_newer_epoch_does_not_hold_the_end_up(self, bench: Bench) -> None:
        producer = bench.begin()
        bench.join(producer, ORDERS, BILLS)
        bench.participants.newer_epochs[ORDERS] = 5
        bench.end(producer, True)
        assert bench.participants.markers == [(*BILLS, 0, 0, True)]
        assert bench.state() == COMMITTED


class TestTime:
    def test_what_lasts_too_long_is_aborted_and_its_producer_fenced(self, bench: Bench) -> None:
        producer = bench.begin(MINUTE_MS)
        bench.join(producer, ORDERS)
        bench.pass_time(MINUTE_MS - 1)
        assert bench.state() == ONGOING
        bench.pass_time(1)
        assert bench.state() == ABORTED
        assert bench.participants.markers == [(*ORDERS, 0, 1, False)]
        assert refused(lambda: bench.end(producer, True)) == Reason.PRODUCER_FENCED
        assert refused(lambda: bench.begin(MINUTE_MS, *producer)) == Reason.PRODUCER_FENCED
        assert bench.begin() == (0, 2)

    def test_adding_does_not_win_time(self, bench: Bench) -> None:
        producer = bench.begin(MINUTE_MS)
        bench.join(producer, ORDERS)
        bench.pass_time(MINUTE_MS - 1)
        bench.join(producer, BILLS)
        bench.pass_time(1)
        assert bench.state() == ABORTED

    def test_each_transaction_has_its_own_time(self, bench: Bench) -> None:
        producer = bench.begin(MINUTE_MS)
        for _ in range(5):
            bench.join(producer, ORDERS)
            bench.pass_time(MINUTE_MS - 1)
            bench.end(producer, True)
        bench.pass_time(DAY_MS)
        assert bench.state() == COMMITTED

    @pytest.mark.parametrize("snapshot", [True, False])
    def test_deadlines_outlive_the_process(self, bench: Bench, snapshot: bool) -> None:
        producer = bench.begin(MINUTE_MS)
        bench.join(producer, ORDERS)
        bench.pass_time(10_000)
        restart = bench.restart_from_snapshot if snapshot else bench.restart
        restart(after_ms=10_000)
        bench.pass_time(MINUTE_MS - 20_001)
        assert bench.state() == ONGOING
        bench.pass_time(1)
        assert bench.state() == ABORTED
        restart(after_ms=MINUTE_MS)
        bench.turn()
        assert bench.state() == ABORTED
        assert len(bench.participants.markers) == 1

    def test_what_ran_out_while_nobody_ran_is_aborted_at_once(self, bench: Bench) -> None:
        producer = bench.begin(MINUTE_MS)
        bench.join(producer, ORDERS)
        bench.restart(after_ms=DAY_MS)
        bench.turn()
        assert bench.state() == ABORTED

    def test_idle_ids_are_forgotten(self, bench: Bench) -> None:
        bench.begin()
        bench.pass_time(7 * DAY_MS - 1)
        producer = bench.begin()
        bench.pass_time(1)
        bench.join(producer, ORDERS)
        bench.end(producer, True)
        bench.pass_time(7 * DAY_MS - 1)
        assert bench.state() == COMMITTED
        bench.restart()
        bench.pass_time(1)
        assert bench.transactions.find(SPACE, "payments") is None
        assert refused(lambda: bench.join(producer, ORDERS)) == Reason.PRODUCER_UNKNOWN
        bench.restart()
        assert bench.transactions.find(SPACE, "payments") is None
        assert bench.core.next_deadline_ms() == 0

    def test_a_forgotten_id_that_comes_back_has_its_own_time(self, bench: Bench) -> None:
        bench.begin()
        bench.pass_time(7 * DAY_MS)
        assert bench.transactions.find(SPACE, "payments") is None
        producer = bench.begin(MINUTE_MS)
        bench.join(producer, ORDERS)
        bench.pass_time(MINUTE_MS)
        assert bench.state() == ABORTED


class TestRestart:
    @pytest.mark.parametrize("snapshot", [True, False])
    def test_an_open_transaction_goes_on(self, bench: Bench, snapshot: bool) -> None:
        producer = bench.begin()
        bench.join(producer, ORDERS)
        bench.join_group(producer, "group")
        (bench.restart_from_snapshot if snapshot else bench.restart)()
        bench.may_write(producer, ORDERS)
        bench.may_commit(producer, "group")
        bench.end(producer, True)
        assert bench.participants.markers == [(*ORDERS, 0, 0, True)]
        assert bench.participants.ended == [(0, True)]

    def test_the_snapshot_is_what_the_facts_say(self, bench: Bench) -> None:
        for name, steps in (("a", 0), ("b", 1), ("c", 2), ("d", 3)):
            found = bench.transactions.initialise(SPACE, name, MINUTE_MS, -1, -1)
            if steps > 0:
                bench.transactions.join(SPACE, name, found.producer_id, 0, [ORDERS], ["group"])
            if steps > 1:
                bench.transactions.end(SPACE, name, found.producer_id, 0, steps == 2)
            bench.pass_time(1)
        live = bench.transactions.changes()
        bench.restart()
        assert bench.transactions.changes() == live
        bench.restart_from_snapshot()
        assert bench.transactions.changes() == live


def test_topics_of_the_bench_are_what_the_constants_say() -> None:
    assert ORDERS[0] == TOPICS["orders"] and BILLS[0] == TOPICS["bills"]
