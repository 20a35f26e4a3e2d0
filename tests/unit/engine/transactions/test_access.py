"""Who may use a transactional id, and what comes of names that do not exist."""

from collections.abc import Callable
from functools import partial

import pytest

from onemq.engine.acls import Acls
from onemq.engine.authority import Authority
from onemq.engine.transactions.access import TransactionAccess
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights
from unit.engine.transactions.transaction_bench import BILLS, MINUTE_MS, SPACE, TOPICS, Bench

NONE = "^$"


def door(bench: Bench, write: str = ".*", read: str = ".*", tags: tuple[str, ...] = ()) -> TransactionAccess:
    rights = Rights(NamePattern(NONE), NamePattern(write), NamePattern(read))
    authority = Authority(Acls(bench.core), Principal("user", list(tags)), rights)
    return TransactionAccess(bench.transactions, authority, SPACE)


def refused(work: Callable[[], object]) -> tuple[Reason, str]:
    with pytest.raises(Refusal) as caught:
        work()
    return caught.value.reason, caught.value.entity_kind


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_producer_without_an_id_gets_a_new_number(bench: Bench) -> None:
    access = door(bench, write=NONE, read=NONE)
    assert [access.initialise(None, 0).producer_id for _ in range(2)] == [0, 1]
    assert access.initialise(None, 0, 55, 3).epoch == 0


@pytest.mark.parametrize(("producer_id", "epoch"), [(1, -1), (-1, 1)])
def test_number_and_epoch_come_together(bench: Bench, producer_id: int, epoch: int) -> None:
    for name in (None, "payments"):
        work = partial(door(bench).initialise, name, MINUTE_MS, producer_id, epoch)
        assert refused(work) == (Reason.INVALID, "request")


def test_an_id_is_used_by_who_may_write_it(bench: Bench) -> None:
    mine = door(bench).initialise("payments", MINUTE_MS)
    stranger = door(bench, write="^other$", read="^group$")
    who = ("payments", mine.producer_id, mine.epoch)
    denied = (Reason.ACCESS_DENIED, "transactional id")
    assert refused(lambda: stranger.initialise("payments", MINUTE_MS)) == denied
    assert refused(lambda: stranger.add_partitions(*who, [("orders", 0)])) == denied
    assert refused(lambda: stranger.add_offsets(*who, "group")) == denied
    assert refused(lambda: stranger.check_offsets(*who, "group")) == denied
    assert refused(lambda: stranger.may_commit_offsets("payments", "group")) == denied
    assert refused(lambda: stranger.end(*who, True)) == denied
    assert refused(lambda: stranger.may_produce(0, 0, "payments", "orders", 0)) == denied
    assert refused(lambda: stranger.describe("payments")) == denied
    assert stranger.all() == []
    assert [found.transactional_id for found in door(bench).all()] == ["payments"]


def test_a_transactional_batch_needs_an_id(bench: Bench) -> None:
    for name, expected in (
        (None, (Reason.ACCESS_DENIED, "transactional id")),
        ("", (Reason.INVALID, "request")),
    ):
        assert refused(partial(door(bench).may_produce, 0, 0, name, "orders", 0)) == expected


def test_partitions_are_added_all_or_none(bench: Bench) -> None:
    access = door(bench, write="^(payments|orders)$")
    grant = access.initialise("payments", MINUTE_MS)
    wanted = [("orders", 0), ("orders", 9), ("bills", 0), ("nothing", 0)]
    outcomes = access.add_partitions("payments", grant.producer_id, 0, wanted)
    reasons = [(found.reason, found.entity_kind) for found in outcomes if found is not None]
    assert reasons == [
        (Reason.NOT_ATTEMPTED, "partition"),
        (Reason.NOT_FOUND, "partition"),
        (Reason.ACCESS_DENIED, "topic"),
        (Reason.ACCESS_DENIED, "topic"),
    ]
    assert refused(lambda: access.end("payments", 0, 0, True))[0] == Reason.TRANSACTION_STATE
    assert access.add_partitions("payments", 0, 0, [("orders", 0), ("orders", 1)]) == [None, None]
    access.may_produce(0, 0, "payments", "orders", 0)
    assert refused(lambda: access.may_produce(0, 0, "payments", "bills", 0))[0] == Reason.NOT_IN_TRANSACTION
    assert refused(lambda: access.may_produce(0, 0, "payments", "gone", 0))[0] == Reason.NOT_IN_TRANSACTION
    assert access.partitions_of(access.describe("payments")) == {"orders": [0, 1]}


def test_groups_are_added_by_who_may_read_them(bench: Bench) -> None:
    access = door(bench, read="^mine$")
    access.initialise("payments", MINUTE_MS)
    assert refused(lambda: access.add_offsets("payments", 0, 0, "other")) == (Reason.ACCESS_DENIED, "group")
    assert refused(lambda: access.may_commit_offsets("payments", "other")) == (Reason.ACCESS_DENIED, "group")
    assert refused(lambda: access.check_offsets("payments", 0, 0, "mine"))[0] == Reason.NOT_IN_TRANSACTION
    access.add_offsets("payments", 0, 0, "mine")
    access.check_offsets("payments", 0, 0, "mine")


def test_offsets_are_committed_for_topics_that_exist_and_may_be_read(bench: Bench) -> None:
    access = door(bench, read="^orders$")
    assert access.readable("orders", 0) is None
    for topic, index, reason in (("orders", 9, Reason.NOT_FOUND), ("bills", 0, Reason.ACCESS_DENIED)):
        found = access.readable(topic, index)
        assert found is not None and found.reason == reason


def test_description(bench: Bench) -> None:
    access = door(bench, write="^payments$", read="^orders$")
    everything = door(bench)
    assert refused(lambda: access.describe("payments")) == (Reason.NOT_FOUND, "transactional id")
    assert refused(lambda: access.describe("")) == (Reason.INVALID, "request")
    everything.initialise("payments", MINUTE_MS)
    everything.add_partitions("payments", 0, 0, [("orders", 0), ("bills", 1)])
    assert access.partitions_of(access.describe("payments")) == {"orders": [0]}
    assert everything.partitions_of(everything.describe("payments")) == {"orders": [0], "bills": [1]}
    del bench.participants.topics["bills"]
    assert everything.partitions_of(everything.describe("payments")) == {"orders": [0]}


def test_producers_are_shown_to_who_may_read_the_topic(bench: Bench) -> None:
    access = door(bench, read="^orders$")
    assert access.producers("orders", 0) == {}
    assert refused(lambda: access.producers("orders", 9)) == (Reason.NOT_FOUND, "partition")
    assert refused(lambda: access.producers("bills", 0)) == (Reason.ACCESS_DENIED, "topic")


def test_administrators_end_transactions_of_others(bench: Bench) -> None:
    work = refused(lambda: door(bench).end_for_another("bills", 1, 7, 3, False, 0))
    assert work == (Reason.ACCESS_DENIED, "cluster")
    root = door(bench, tags=("administrator",))
    root.end_for_another("bills", 1, 7, 3, False, 0)
    assert bench.participants.markers == [(TOPICS["bills"], 1, 7, 3, False)]
    bench.participants.newer_epochs[BILLS] = 4
    assert refused(lambda: root.end_for_another("bills", 1, 7, 3, False, 0))[0] == Reason.PRODUCER_EPOCH_STALE
    assert refused(lambda: root.end_for_another("bills", 9, 7, 3, False, 0)) == (
        Reason.NOT_FOUND,
        "partition",
    )
