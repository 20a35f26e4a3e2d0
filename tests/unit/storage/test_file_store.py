"""The whole store with real threads on the real file system."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import onemq
from onemq.engine.ports import Checkpointed, Completion, Durable, Found, Loaded, Spilled
from onemq.storage.errors import DirectoryInUse
from onemq.storage.file_store import FileStore
from onemq.storage.files import Files
from onemq.storage.settings import StoreSettings
from onemq.storage.workers import Threads
from unit.storage.parts import Seen, batch, offsets_of

WAIT_SECONDS = 60


class Real:
    """A store, and a way to wait for its completions."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.woken = threading.Event()
        self.seen = Seen()
        options = StoreSettings(str(directory), **settings)  # type: ignore[arg-type]
        self.store = FileStore(options, Files(), Threads(), self.woken.set)
        self.got: list[Completion] = []

    def recover(self) -> Real:
        self.position = self.store.recover(self.seen)
        return self

    def wait(self, kind: type[Completion], ticket: int = 0, position: int = 0) -> Completion:
        while True:
            self.woken.clear()
            for item in self.store.completions():
                self.got.append(item)
            for item in self.got:
                if type(item) is kind and item.ticket == ticket and getattr(item, "position", 0) >= position:
                    return item
            assert self.woken.wait(WAIT_SECONDS), [type(item) for item in self.got]


@pytest.mark.parametrize("sync", ["always", "interval", "never"])
def test_everything_once(tmp_path: Path, sync: str) -> None:
    real = Real(tmp_path / "data", sync=sync, segment_bytes=2000).recover()
    entries = [b"facts %d" % number for number in range(1, 301)]
    for facts in entries[:200]:
        real.store.append(facts)
    real.wait(Durable, position=200)
    batches = [batch(offset, offset + 1) for offset in range(0, 200, 2)]
    real.store.spill(1, 7, batches)
    real.wait(Spilled, 1)
    position = real.store.roll()
    for facts in entries[200:]:
        real.store.append(facts)
    real.store.checkpoint(2, position, b"state")
    real.store.load(3, 7, 5, 1 << 20)
    real.store.find_time(4, 7, 500)
    real.wait(Checkpointed, 2)
    loaded = real.wait(Loaded, 3)
    assert isinstance(loaded, Loaded) and offsets_of(loaded.batches) == list(range(4, 200))
    found = real.wait(Found, 4)
    assert isinstance(found, Found) and found.offset == 50
    real.store.reclaim(7, [100, 200])
    assert real.store.free_bytes() > 0
    real.store.close()
    real.store.close()

    again = Real(tmp_path / "data", segment_bytes=2000).recover()
    assert (again.position, again.seen.snapshot) == (300, b"state")
    assert [facts for _, facts in again.seen.entries] == entries[200:]
    again.store.load(1, 7, 0, 1 << 20)
    loaded = again.wait(Loaded, 1)
    assert isinstance(loaded, Loaded) and offsets_of(loaded.batches)[-100:] == list(range(100, 200))
    again.store.close()


def test_positions_are_reported_in_order_under_load(tmp_path: Path) -> None:
    real = Real(tmp_path / "data").recover()
    for number in range(3000):
        assert real.store.append(b"x" * (number % 300)) == number + 1
    real.wait(Durable, position=3000)
    positions = [item.position for item in real.got if isinstance(item, Durable)]
    assert positions == sorted(set(positions)) and positions[-1] == 3000
    real.store.close()
    again = Real(tmp_path / "data").recover()
    assert again.position == 3000
    again.store.close()


HOLDER = """
import sys
from onemq.engine.ports import Replay
from onemq.storage.file_store import FileStore
from onemq.storage.files import Files
from onemq.storage.settings import StoreSettings
from onemq.storage.workers import Threads
store = FileStore(StoreSettings(sys.argv[1]), Files(), Threads(), lambda: None)
store.recover(Replay())
store.append(b"held")
store.close() if len(sys.argv) > 2 else None
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_by_the_number_of_the_first(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    source = str(Path(onemq.__file__ or "").parents[1])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": source},
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DirectoryInUse, match=f"in use by process {holder.pid};"):
            Real(directory).recover()
    finally:
        holder.kill()
        holder.communicate(timeout=WAIT_SECONDS)
    # A killed process holds nothing.
    real = Real(directory).recover()
    real.store.append(b"mine")
    real.store.close()
