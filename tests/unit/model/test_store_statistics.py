"""What the store counts of its own work, with real threads on the real file system."""

from __future__ import annotations

from pathlib import Path

import pytest

from onemq.engine.ports import Checkpointed, Durable, Loaded, Spilled
from unit.storage.parts import batch
from unit.storage.test_file_store import Real


@pytest.mark.parametrize("sync", ["always", "interval", "never"])
def test_every_commit_is_counted_once_whatever_syncs(tmp_path: Path, sync: str) -> None:
    real = Real(tmp_path / "data", sync=sync).recover()
    for number in range(50):
        real.store.append(b"facts %02d" % number)
    real.wait(Durable, position=50)
    statistics = real.store.statistics
    assert statistics.commits == 50 and statistics.commit_bytes == 50 * 8
    assert statistics.commit_times.count == 50
    assert 1 <= statistics.groups <= 50
    if sync == "always":
        assert 1 <= statistics.sync_times.count <= statistics.groups
        assert statistics.commit_times.sum_us >= statistics.sync_times.sum_us // statistics.groups
    real.store.close()


def test_checkpoints_spills_loads_and_what_is_stored(tmp_path: Path) -> None:
    real = Real(tmp_path / "data").recover()
    store = real.store
    assert store.stored_bytes()[1] == 0
    store.append(b"x" * 1000)
    real.wait(Durable, position=1)
    before, _ = store.stored_bytes()
    assert before > 1000
    data = batch(0, 1, 2)
    store.spill(1, 7, [data])
    real.wait(Spilled, 1)
    store.load(2, 7, 0, 1 << 20)
    real.wait(Loaded, 2)
    position = store.roll()
    store.append(b"y")
    store.checkpoint(3, position, b"state")
    real.wait(Checkpointed, 3)
    statistics = store.statistics
    assert (statistics.checkpoints, statistics.checkpoint_bytes) == (1, 5)
    assert statistics.checkpoint_times.count == 1
    assert (statistics.spilled_bytes, statistics.loaded_bytes) == (len(data), len(data))
    journal, segments = store.stored_bytes()
    assert segments == len(data)
    assert journal < before, "what the checkpoint covers is gone"
    store.close()
    again = Real(tmp_path / "data").recover()
    assert again.store.stored_bytes() == (journal, segments)
    again.store.close()
