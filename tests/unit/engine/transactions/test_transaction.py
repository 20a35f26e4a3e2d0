"""The state of one transactional id: what each change does to it, and that a snapshot says all of it."""

from onemq.engine.facts import pack, unpack
from onemq.engine.transactions.transaction import (
    ABORTED,
    COMMITTED,
    EMPTY,
    EPOCH_MAX,
    ONGOING,
    Transaction,
    is_exhausted,
)

PRODUCER: dict[str, object] = {
    "producer": 7,
    "epoch": 3,
    "last_producer": 6,
    "last_epoch": 2,
    "timeout": 1000,
    "now": 10,
}
TOPIC = b"t" * 16


def joined() -> Transaction:
    transaction = Transaction("/", "payments")
    transaction.begin_producer(PRODUCER)
    transaction.join({"partitions": [[TOPIC, 1]], "groups": ["g"], "now": 20})
    return transaction


def test_a_transaction_from_beginning_to_end() -> None:
    transaction = joined()
    assert (transaction.state, transaction.started_ms, transaction.updated_ms) == (ONGOING, 20, 20)
    transaction.join({"partitions": [[TOPIC, 2]], "groups": [], "now": 30})
    assert (transaction.started_ms, transaction.updated_ms) == (20, 30)
    assert list(transaction.partitions) == [(TOPIC, 1), (TOPIC, 2)]
    transaction.end({"commit": True, "epoch": 3, "last_epoch": 2, "now": 40})
    assert (transaction.state, transaction.is_committed(), transaction.partitions) == (COMMITTED, True, {})
    assert (transaction.groups, transaction.started_ms) == ({}, 20)
    transaction.end({"commit": False, "epoch": 4, "last_epoch": -1, "now": 50})
    assert (transaction.state, transaction.is_committed(), transaction.epoch) == (ABORTED, False, 4)


def test_a_new_producer_finds_nothing_of_the_old_one() -> None:
    transaction = joined()
    transaction.begin_producer(PRODUCER)
    assert (transaction.state, transaction.partitions, transaction.groups) == (EMPTY, {}, {})
    assert transaction.started_ms == -1


def test_a_snapshot_holds_everything() -> None:
    transaction = joined()
    copy = Transaction("/", "payments")
    copy.restore(unpack(pack(transaction.to_change())))
    # A compiled class keeps its attributes' names elsewhere.
    names = getattr(Transaction, "__slots__", None) or Transaction.__mypyc_attrs__  # type: ignore[attr-defined]
    for name in names:
        assert getattr(copy, name) == getattr(transaction, name), name


def test_the_last_epoch_is_for_fencing_only() -> None:
    assert not is_exhausted(EPOCH_MAX - 2)
    assert is_exhausted(EPOCH_MAX - 1)
