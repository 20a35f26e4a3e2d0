"""The store without files."""

from __future__ import annotations

import pytest

from onemq.engine.ports import Checkpointed, Durable, Found
from onemq.storage.errors import StoreMisuse
from onemq.storage.memory_store import MemoryStore
from unit.storage.parts import Seen


def test_durable_at_the_next_harvest_with_one_wake() -> None:
    wakes: list[int] = []
    store = MemoryStore(lambda: wakes.append(1))
    assert store.recover(Seen()) == 0
    assert not store.persistent
    assert store.completions() == []
    assert [store.append(b"a"), store.append(b"b"), store.roll()] == [1, 2, 2]
    assert len(wakes) == 1
    (durable,) = store.completions()
    assert isinstance(durable, Durable) and durable.position == 2
    assert store.completions() == []
    store.append(b"c")
    assert len(wakes) == 2


def test_what_it_answers_and_what_it_refuses() -> None:
    store = MemoryStore(lambda: None)
    store.checkpoint(4, 0, b"")
    store.find_time(5, 1, 0)
    checkpointed, found = store.completions()
    assert isinstance(checkpointed, Checkpointed) and checkpointed.ticket == 4
    assert isinstance(found, Found) and (found.ticket, found.offset) == (5, -1)
    assert store.journal_bytes() == store.pending_bytes() == store.log_bytes(1) == 0
    with pytest.raises(StoreMisuse):
        store.spill(1, 1, [])
    with pytest.raises(StoreMisuse):
        store.load(1, 1, 0, 1)
    store.reclaim(1, [])
    store.drop_log(1)
    store.retain_logs([])
    store.close()
