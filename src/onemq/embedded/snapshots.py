"""Snapshots: all that a broker would find again after a restart, as a directory that a new broker can begin with.

A snapshot is a data directory (docs/formats) and a note about the clock. A broker in memory writes one, a broker with a directory copies
its own; either kind can begin with either. Called on the broker's thread; blocks it meanwhile.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from onemq.app.construction import make_store
from onemq.app.server import StoreMaker
from onemq.config import Settings
from onemq.embedded.errors import BrokerFailed
from onemq.engine.facts import unpack
from onemq.engine.ports import Completion, Failed, Loaded, Replay, Stalled, Store
from onemq.storage.errors import StorageError
from onemq.storage.file_store import FileStore
from onemq.storage.files import Files
from onemq.storage.format import LOCK_FILE
from onemq.storage.keeping_store import KeepingStore
from onemq.storage.settings import SYNC_NEVER, StoreSettings
from onemq.storage.workers import Threads

NOTE: Final = "onemq-snapshot.json"
DATA: Final = "data"
VERSION: Final = 1
LOAD_BYTES: Final = 8 << 20
SPILL_BYTES: Final = 8 << 20
WAIT_SECONDS_MAX: Final = 60.0
POLL_SECONDS: Final = 0.001


class Snapshot:
    """One snapshot at a path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / DATA

    def ahead_ms(self) -> int:
        """How far the clock was ahead. Raises BrokerFailed when there is no snapshot."""
        try:
            note = json.loads((self.path / NOTE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BrokerFailed(f"{self.path} is not a snapshot of a broker: {error}") from None
        if note.get("version") != VERSION:
            raise BrokerFailed(f"{self.path} is a snapshot of version {note.get('version')}, not {VERSION}")
        return int(note["ahead_ms"])


def take(store: Store, path: Path, ahead_ms: int) -> None:
    """Everything that is durable now. Raises BrokerFailed when something is at the path already, or it cannot be written."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise BrokerFailed(f"cannot write a snapshot to {path}: something is there already")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all.
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        if isinstance(store, FileStore):
            _copy_files(store, work / DATA)
        else:
            assert isinstance(store, KeepingStore), "this broker's store keeps nothing"
            _write_files(store, work / DATA)
        note = {"version": VERSION, "ahead_ms": ahead_ms}
        (work / NOTE).write_text(json.dumps(note) + "\n", encoding="utf-8")
        if path.exists():
            path.rmdir()
        work.rename(path)
    except (OSError, StorageError) as error:
        raise BrokerFailed(f"cannot write a snapshot to {path}: {error}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def restore_into(snapshot: Snapshot, data: Path) -> None:
    """Makes the snapshot the content of a new data directory. Raises BrokerFailed when something is there already."""
    if data.exists() and any(data.iterdir()):
        raise BrokerFailed(f"cannot restore into {data}: it has data already")
    shutil.copytree(snapshot.data, data, dirs_exist_ok=True)


def make_keeping_store(settings: Settings, snapshot: Snapshot | None) -> StoreMaker:
    """Makes the store of a broker that can be saved, beginning with the snapshot if it is one in memory."""
    if not settings.storage.memory:
        return make_store

    def make(_settings: Settings, wake: Callable[[], None]) -> Store:
        store = KeepingStore(wake)
        if snapshot is not None:
            _read_files(snapshot.data, store)
        return store

    return make


def _copy_files(store: FileStore, target: Path) -> None:
    store.pause()
    try:
        shutil.copytree(store.directory(), target, ignore=shutil.ignore_patterns(LOCK_FILE))
    finally:
        store.resume()


def _write_files(kept: KeepingStore, target: Path) -> None:
    store = _open(target)
    try:
        store.recover(_Reading())
        # A checkpoint has a position; the first commit is one without facts.
        store.append(b"")
        if kept.snapshot:
            for log_id, batches in kept.spilled.items():
                for piece in _pieces(batches):
                    store.spill(1, log_id, piece)
            store.checkpoint(2, store.roll(), kept.snapshot)
        for facts in kept.journal:
            store.append(facts)
    finally:
        # Finishes what it was given.
        store.close()
    for completion in store.completions():
        _check(completion)


def _pieces(batches: list[bytes]) -> list[list[bytes]]:
    found: list[list[bytes]] = []
    size = SPILL_BYTES
    for data in batches:
        if size + len(data) > SPILL_BYTES:
            found.append([])
            size = 0
        found[-1].append(data)
        size += len(data)
    return found


def _read_files(source: Path, kept: KeepingStore) -> None:
    """From a copy: opening a data directory changes it."""
    with tempfile.TemporaryDirectory(prefix="onemq-restore-") as work:
        copy = Path(work) / DATA
        shutil.copytree(source, copy)
        store = _open(copy)
        try:
            reading = _Reading()
            store.recover(reading)
            kept.snapshot = reading.snapshot
            kept.journal = reading.journal
            for log_id in reading.log_ids():
                batches = _load_all(store, log_id)
                if batches:
                    kept.spilled[log_id] = batches
        finally:
            store.close()


class _Reading(Replay):
    """Takes what is there as it is."""

    def __init__(self) -> None:
        self.snapshot = b""
        self.journal: list[bytes] = []

    def restore(self, snapshot: bytes) -> None:
        self.snapshot = bytes(snapshot)

    def replay(self, position: int, facts: bytes) -> None:
        self.journal.append(bytes(facts))

    def log_ids(self) -> list[int]:
        """Logs with records in segments: all of them are in the snapshot of the checkpoint that made the segments count."""
        if not self.snapshot:
            return []
        logs = unpack(self.snapshot)["logs"]
        assert isinstance(logs, dict)
        return [int(log_id) for log_id in logs]


def _load_all(store: FileStore, log_id: int) -> list[bytes]:
    found: list[bytes] = []
    offset = 0
    while True:
        store.load(1, log_id, offset, LOAD_BYTES)
        answer = _wait_for_load(store)
        if not answer.batches:
            return found
        found += [bytes(data) for data in answer.batches]
        offset = answer.next_offset


def _wait_for_load(store: FileStore) -> Loaded:
    by = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < by:
        for completion in store.completions():
            _check(completion)
            if isinstance(completion, Loaded):
                return completion
        time.sleep(POLL_SECONDS)
    raise BrokerFailed(f"the snapshot's records were not read within {WAIT_SECONDS_MAX:g} s")


def _check(completion: Completion) -> None:
    if isinstance(completion, (Failed, Stalled)):
        raise BrokerFailed(f"the snapshot's files: {completion.detail}")


def _open(directory: Path) -> FileStore:
    settings = StoreSettings(directory=str(directory), sync=SYNC_NEVER, preallocate_bytes=0)
    return FileStore(settings, Files(), Threads(), _no_wake)


def _no_wake() -> None:
    pass
