"""The store in memory that keeps what one on disk would."""

from __future__ import annotations

from onemq.engine.ports import Checkpointed, Completion, Durable, Found, Loaded, Replay, Spilled
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_codec import encode_batch
from onemq.storage.keeping_store import KeepingStore


class Reader(Replay):
    def __init__(self) -> None:
        self.snapshot = b""
        self.commits: list[tuple[int, bytes]] = []

    def restore(self, snapshot: bytes) -> None:
        self.snapshot = snapshot

    def replay(self, position: int, facts: bytes) -> None:
        self.commits.append((position, facts))


def batch(base: int, count: int = 2, time_ms: int = 0) -> bytes:
    records = []
    for offset in range(base, base + count):
        record = Record(b"x", NO_ADDRESS)
        record.offset = offset
        record.timestamp_ms = time_ms
        records.append(record)
    return encode_batch(records)


def opened() -> KeepingStore:
    store = KeepingStore(lambda: None)
    assert store.recover(Reader()) == 0
    return store


def only(completions: list[Completion]) -> Completion:
    (found,) = completions
    return found


def test_appends_are_durable_at_once() -> None:
    store = opened()
    assert [store.append(b"a"), store.append(b"b")] == [1, 2]
    done = only(store.completions())
    assert isinstance(done, Durable)
    assert done.position == 2
    assert store.completions() == []


def test_a_checkpoint_takes_the_place_of_what_was_before_its_position() -> None:
    store = opened()
    store.append(b"first")
    store.append(b"second")
    assert store.journal_bytes() == 11
    position = store.roll()
    assert (position, store.journal_bytes()) == (2, 0)
    store.append(b"third")
    store.completions()
    store.checkpoint(7, position, b"state")
    done = only(store.completions())
    assert isinstance(done, Checkpointed)
    assert done.ticket == 7
    assert (store.snapshot, store.journal) == (b"state", [b"third"])
    assert store.kept_bytes() == len(b"state") + len(b"third")
    assert store.append(b"fourth") == 4
    store.checkpoint(8, store.roll(), b"newer")
    assert store.journal == []


def test_what_is_put_in_is_recovered() -> None:
    store = KeepingStore(lambda: None)
    store.snapshot = b"state"
    store.journal = [b"a", b"b"]
    reader = Reader()
    assert store.recover(reader) == 2
    assert (reader.snapshot, reader.commits) == (b"state", [(1, b"a"), (2, b"b")])
    assert store.completions() == []
    assert store.append(b"c") == 3


def test_spills_are_loaded_in_bounded_pieces() -> None:
    store = opened()
    batches = [batch(0), batch(2), batch(10)]
    store.spill(1, 5, batches[:2])
    store.spill(2, 5, batches[2:])
    assert [type(each) for each in store.completions()] == [Spilled, Spilled]
    assert store.log_bytes(5) == sum(map(len, batches)) == store.kept_bytes()
    for offset, bytes_max, expected, next_offset in (
        (0, 1, batches[:1], 2),
        (1, 1 << 20, batches, 12),
        (2, 1 << 20, batches[1:], 12),
        (4, 1 << 20, batches[2:], 12),
        (12, 1 << 20, [], 12),
    ):
        store.load(3, 5, offset, bytes_max)
        done = only(store.completions())
        assert isinstance(done, Loaded)
        assert (done.batches, done.next_offset) == (expected, next_offset)


def test_looks_for_a_time() -> None:
    store = opened()
    store.spill(1, 5, [batch(0, time_ms=100), batch(2, time_ms=200)])
    store.completions()
    for time_ms, offset in ((50, 0), (150, 2), (201, -1)):
        store.find_time(2, 5, time_ms)
        done = only(store.completions())
        assert isinstance(done, Found)
        assert done.offset == offset


def test_gives_back_what_nobody_needs() -> None:
    store = opened()
    store.spill(1, 5, [batch(0), batch(2)])
    store.spill(1, 6, [batch(0)])
    store.reclaim(5, [2, 4])
    assert store.spilled[5] == [batch(2)]
    store.reclaim(5, [])
    assert 5 not in store.spilled
    assert store.kept_bytes() == store.log_bytes(6) > 0
    store.spill(1, 7, [batch(0)])
    store.retain_logs([6])
    assert list(store.spilled) == [6]
    store.drop_log(6)
    assert store.kept_bytes() == 0
