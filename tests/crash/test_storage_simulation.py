"""The file store over a simulated file system: crashes at any file operation, lost and torn writes, full disks, failing
syncs. Checks invariant 1: what was reported durable is there, in order, once, byte for byte.
"""

from __future__ import annotations

import os
import random

import pytest

from onemq.engine.ports import Durable, Failed, Store
from onemq.storage.errors import StorageError
from onemq.storage.file_store import FileStore
from onemq.storage.files import Files
from onemq.storage.settings import StoreSettings
from onemq.storage.workers import Workers
from simulation.simulated_files import Crash, SimulatedFiles
from simulation.stepped import Stepped
from simulation.store_engine import StoreEngine, fold
from unit.storage.parts import Opened

SEEDS = int(os.environ.get("ONEMQ_STORE_SEEDS", "100"))
LIVES = 6
ACTS = 60


def settings_of(seed: random.Random, sync: str) -> StoreSettings:
    return StoreSettings(
        "/data",
        sync=sync,
        sync_interval_ms=seed.choice([1, 3000]),
        segment_bytes=seed.choice([300, 1000, 100_000]),
        carry_percent=seed.choice([25, 80]),
        index_bytes=seed.choice([1, 300]),
        open_files_max=seed.choice([1, 3, 50]),
        preallocate_bytes=seed.choice([0, 2000]),
        read_ahead_bytes=seed.choice([0, 1000, 1 << 20]),
    )


class Simulation:
    """Several lives of one data directory, each ended by a crash, a failure, or a close."""

    def __init__(self, number: int, sync: str = "always") -> None:
        self.random = random.Random(number)
        self.files = SimulatedFiles(self.random)
        self.settings = settings_of(self.random, sync)
        self.history: list[bytes] = []
        self.durable = 0
        self.next_log_id = 1
        self.crashes = 0
        self.checked_loads = 0
        self.checkpoints = 0

    def make_store(self, settings: StoreSettings, files: Files, workers: Workers) -> Store:
        return FileStore(settings, files, workers, lambda: None)

    def run(self) -> None:
        for _ in range(LIVES):
            engine = self.recover()
            try:
                self.live(engine)
            except Crash:
                pass
            else:
                if not engine.failed and not engine.stalled and self.random.random() < 0.5:
                    self.close(engine)
            self.end(engine)
        engine = self.recover()
        self.load_all(engine)

    def recover(self) -> StoreEngine:
        """With crashes while it goes on; whatever they do, a later one must find the same."""
        while True:
            self.workers = Stepped()
            store = self.make_store(self.settings, self.files, self.workers)
            engine = StoreEngine(store, self.random, self.history, self.next_log_id)
            self.files.crash_at = self.random.choice([0, 0, self.random.randrange(1, 12)])
            try:
                position = engine.recover()
            except Crash:
                self.stop()
                continue
            self.files.crash_at = 0
            assert position >= self.durable, "confirmed commits are gone"
            if self.random.random() < 0.5:
                self.load_all(engine)
            return engine

    def live(self, engine: StoreEngine) -> None:
        # Every file operation is as likely a place to crash as any other.
        self.files.crash_at = self.random.choice([0, self.random.randrange(1, 300)])
        for _ in range(ACTS):
            engine.act()
            for _ in range(self.random.randrange(4)):
                self.workers.step(self.random)
            if self.random.random() < 0.3:
                engine.harvest()
            self.trouble(engine)
            if engine.failed:
                return
        self.files.space_bytes = -1
        self.workers.run(self.random)
        engine.harvest()
        if not engine.failed:
            assert not engine.stalled
            assert engine.durable == len(self.history)

    def trouble(self, engine: StoreEngine) -> None:
        dice = self.random.random()
        if dice < 0.01:
            self.files.space_bytes = self.files._used_bytes() + self.random.randrange(300)
        elif dice < 0.1:
            self.files.space_bytes = -1
        elif dice < 0.105:
            self.files.fail_sync_at = self.random.randrange(1, 20)

    def close(self, engine: StoreEngine) -> None:
        self.files.crash_at = 0
        self.files.fail_sync_at = 0
        engine.store.close()
        engine.harvest()
        assert engine.durable == len(self.history)
        assert self.files.open_handles() == 0

    def end(self, engine: StoreEngine) -> None:
        """What was reported before the machine stopped counts, even if the engine never asked."""
        if not engine.failed:
            engine.harvest()
        self.durable = engine.durable if self.settings.sync == "always" else engine.checkpointed
        self.next_log_id = engine.next_log_id
        self.checked_loads += engine.checked_loads
        self.checkpoints += 1 if engine.checkpointed else 0
        self.files.space_bytes = -1
        self.stop()
        self.crashes += 1

    def stop(self) -> None:
        """The machine stops, or only the process: the next one must not rely on what only the kernel knows."""
        if self.random.random() < 0.3:
            self.files.kill()
        else:
            self.files.crash(self.random)

    def load_all(self, engine: StoreEngine) -> None:
        """Everything that lives in segments can be had, reading from the start to the end."""
        for log_id in list(engine.state.logs):
            offset = 0
            end = engine.state.logs[log_id].spilled_to
            while offset < end:
                engine.request(log_id, offset)
                self.workers.run(self.random)
                for item in engine.harvest():
                    if type(item).__name__ == "Loaded":
                        if not item.batches:  # type: ignore[attr-defined]
                            offset = end
                        else:
                            assert item.next_offset > offset  # type: ignore[attr-defined]
                            offset = item.next_offset  # type: ignore[attr-defined]
                assert not engine.failed
        self.checked_loads += engine.checked_loads
        engine.checked_loads = 0


@pytest.mark.parametrize("start", range(0, SEEDS, 25))
def test_what_was_durable_survives(start: int) -> None:
    for number in range(start, start + 25):
        simulation = Simulation(number)
        try:
            simulation.run()
        except AssertionError as error:
            raise AssertionError(f"seed {number}: {error}") from error


@pytest.mark.parametrize("sync", ["interval", "never"])
def test_without_sync_what_is_left_is_a_consistent_beginning(sync: str) -> None:
    for number in range(40):
        simulation = Simulation(number, sync)
        try:
            simulation.run()
        except AssertionError as error:
            raise AssertionError(f"seed {number}: {error}") from error


def test_the_simulation_reaches_what_it_is_for() -> None:
    checked_loads = 0
    checkpoints = 0
    for number in range(20):
        simulation = Simulation(number)
        simulation.run()
        checked_loads += simulation.checked_loads
        checkpoints += simulation.checkpoints
        assert fold(simulation.history).same() is not None
    assert checked_loads > 50
    assert checkpoints > 10


FACTS = [b"%d" % number * 50 for number in range(1, 5)]


def stopped(step: int, seed: int, kills: bool) -> int:
    """The machine, or the process alone, stops at a step of using a journal file again and of the checkpoint after it; later
    the machine does. Returns how many steps that took.
    """
    opened = Opened(preallocate_bytes=1000).recover()
    for facts in FACTS[:2]:
        opened.store.append(facts)
        opened.run()
        opened.checkpoint()
    assert any(name.endswith(".spare") for name in opened.journal_files())
    before = opened.files.calls
    opened.files.crash_at = step
    confirmed = 2
    try:
        opened.store.append(FACTS[2])
        if any(isinstance(item, Durable) for item in opened.run()):
            confirmed = 3
            assert not any(name.endswith(".spare") for name in opened.journal_files())
        opened.checkpoint()
    except Crash:
        pass
    steps = opened.files.calls - before
    if kills:
        opened.files.kill()
        opened = opened.again().recover()
        assert opened.position >= confirmed
        opened.store.append(FACTS[opened.position])
        assert any(isinstance(item, Durable) for item in opened.run())
        confirmed = opened.position + 1
    opened = opened.crash(seed)
    assert opened.position >= confirmed
    assert opened.seen.entries == [(position, FACTS[position - 1]) for position, _ in opened.seen.entries]
    return steps


@pytest.mark.parametrize("kills", [False, True])
def test_a_stop_at_any_step_of_using_a_journal_file_again_loses_nothing(kills: bool) -> None:
    steps = stopped(0, 1, False)
    assert steps > 15
    for step in range(1, steps + 1):
        for seed in range(100):
            stopped(step, 1000 * step + seed, kills)


def test_what_a_failed_sync_left_in_memory_is_not_taken_for_durable_by_the_next_run() -> None:
    for seed in range(20):
        opened = Opened().recover()
        opened.store.append(b"confirmed")
        opened.run()
        opened.files.fail_sync_at = 1
        opened.store.append(b"never confirmed")
        assert [type(item) for item in opened.run()] == [Failed]
        opened.files.kill()
        again = opened.again().recover()
        assert again.seen.entries == [(1, b"confirmed")]
        again.store.append(b"confirmed later")
        assert Durable in [type(item) for item in again.run()]
        assert again.crash(seed).seen.entries == [(1, b"confirmed"), (2, b"confirmed later")]


class ForgetfulFiles(SimulatedFiles):
    """A disk that says it has synced, and has not."""

    def sync(self, handle: int) -> None:
        self._changing()


class NamelessFiles(SimulatedFiles):
    """A disk that keeps contents but not names."""

    def sync_directory(self, path: str) -> None:
        self._changing()


@pytest.mark.parametrize("planted", [ForgetfulFiles, NamelessFiles])
def test_a_planted_bug_is_caught(planted: type[SimulatedFiles]) -> None:
    for number in range(60):
        simulation = Simulation(number)
        simulation.files = planted(simulation.random)
        try:
            simulation.run()
        except (AssertionError, StorageError):
            return
    raise AssertionError("a store that does not sync went unnoticed")
