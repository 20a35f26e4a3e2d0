"""Damaged data directories and commits: the store opens, or says in one StorageError what is wrong, and never gives a wrong record."""

from __future__ import annotations

import random as random_module
import sys
from functools import partial
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from engine_driver import Disk, FakeStore  # noqa: E402
from fuzz.mutation import Seeded, mutated, seeds, tries  # noqa: E402
from onemq.engine.broker import Broker  # noqa: E402
from onemq.engine.checkpoint import snapshot  # noqa: E402
from onemq.engine.facts import pack  # noqa: E402
from onemq.engine.ports import Loaded, StateUnreadable  # noqa: E402
from onemq.engine.settings import EngineSettings  # noqa: E402
from onemq.model.record_batch import CorruptBatch, check_batch  # noqa: E402
from onemq.model.record_codec import decode_batch  # noqa: E402
from onemq.model.reserved_header import AddressCache  # noqa: E402
from onemq.storage.errors import StorageError  # noqa: E402
from onemq.storage.file_store import FileStore  # noqa: E402
from onemq.storage.settings import StoreSettings  # noqa: E402
from simulation.simulated_files import SimulatedFiles, _Directory, _File  # noqa: E402
from simulation.stepped import Stepped  # noqa: E402
from simulation.store_engine import StoreEngine  # noqa: E402
from transaction_driver import TransactionDriver, batch  # noqa: E402

ROUNDS = 60


def settings() -> StoreSettings:
    return StoreSettings("/data", segment_bytes=3000, index_bytes=300, open_files_max=4, preallocate_bytes=0)


def directory(seed: int) -> tuple[SimulatedFiles, StoreEngine]:
    """Journal, segments and a snapshot of some work."""
    random = random_module.Random(seed)
    files = SimulatedFiles(random)
    workers = Stepped()
    store = FileStore(settings(), files, workers, lambda: None)
    engine = StoreEngine(store, random, [], 1)
    engine.recover()
    for _ in range(150):
        engine.act()
        workers.step(random)
        engine.harvest()
    workers.run(random)
    engine.harvest()
    store.close()
    return files, engine


def paths(files: SimulatedFiles, at: _Directory | None = None, path: str = "") -> list[str]:
    found: list[str] = []
    for name, entry in (at or files._root).live.items():
        if isinstance(entry, _File):
            found.append(f"{path}/{name}")
        else:
            found += paths(files, entry, f"{path}/{name}")
    return found


def damage(random: random_module.Random, files: SimulatedFiles) -> str:
    """One file with other bytes, shorter, or gone. Returns which."""
    path = random.choice(paths(files))
    content = files.content(path)
    if random.random() < 0.1:
        files.remove(path)
    else:
        content[:] = mutated(random, bytes(content), [])
    return path


def test_damaged_directories() -> None:
    opened = refused = 0
    for random in seeds(ROUNDS):
        files, before = directory(random.first % 7)
        what = [damage(random, files) for _ in range(random.choice([1, 1, 2]))]

        def reopen(
            files: SimulatedFiles = files, before: StoreEngine = before, random: Seeded = random
        ) -> bool:
            workers = Stepped()
            store = FileStore(settings(), files, workers, lambda: None)
            again = StoreEngine(store, random, list(before.history), before.next_log_id)
            try:
                # Compares every commit that comes with what was committed.
                again.recover()
            except StorageError as error:
                assert len(str(error)) > 20
                return False
            for log_id in list(again.state.logs):
                store.load(log_id, log_id, 0, 1 << 20)
            workers.run(random)
            for found in store.completions():
                if isinstance(found, Loaded):
                    for data in found.batches:
                        check_batch(data)
                        decode_batch(data, 0, AddressCache())
            return True

        if tries(random, repr(what).encode(), reopen):
            opened += 1
        else:
            refused += 1
    assert opened and refused


def commits() -> tuple[list[bytes], bytes]:
    """Of a broker that did something of everything; and a snapshot."""
    disk = Disk()
    driver = TransactionDriver(store=FakeStore(disk))
    driver.declare("q")
    driver.make_topic("t", 2)
    driver.declare("t")
    for number in range(6):
        driver.publish("q", b"%d" % number, delay_ms=number * 10, priority=number)
        driver.publish("t", b"%d" % number)
        driver.topics.produce(driver.topics.find("t"), 1, batch([b"v"], driver.now_ms), None)
        driver.settle_down()
    grant = driver.transactions.initialise("x", 60_000)
    driver.transactions.add_partitions("x", grant.producer_id, grant.epoch, [("t", 0)])
    driver.settle_down()
    driver.drain("q")
    return [disk.commits[position] for position in sorted(disk.commits)], pack(
        snapshot(driver.broker.catalog)
    )


class Altered(FakeStore):
    """Replays what it is given."""

    def __init__(self, snapshot: bytes, commits: list[bytes]) -> None:
        super().__init__(Disk())
        self.state = snapshot
        self.facts = commits

    def recover(self, replay: object) -> int:
        if self.state:
            replay.restore(self.state)  # type: ignore[attr-defined]
        for position, facts in enumerate(self.facts, 1):
            replay.replay(position, facts)  # type: ignore[attr-defined]
        self.position = self.durable = len(self.facts)
        return len(self.facts)


def recovers(snapshot: bytes, facts: list[bytes]) -> bool:
    broker = Broker(Altered(snapshot, facts), EngineSettings(), lambda size: bytes(size))
    broker.begin_turn(1_700_000_000_000)
    try:
        broker.recover()
    except (StateUnreadable, CorruptBatch):
        return False
    return True


def test_facts() -> None:
    """Commits whose checksums were right, and that nobody of ours wrote."""
    known, _kept = commits()
    assert recovers(b"", known)
    for random in seeds():
        at = random.randrange(len(known))
        changed = mutated(random, known[at], known)
        tries(random, changed, partial(recovers, b"", [*known[:at], changed, *known[at + 1 :]]))


def test_snapshots() -> None:
    _known, kept = commits()
    assert recovers(kept, [])
    for random in seeds():
        changed = mutated(random, kept, [])
        tries(random, changed, partial(recovers, changed, []))
