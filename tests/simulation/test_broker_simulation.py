"""The whole broker and its files from one seed: crashes at any step, lost and torn writes, full disks, failing syncs.

`ONEMQ_SIM_SEED=n` runs that seed alone; `ONEMQ_SIM_SECONDS=n` goes on with new seeds for that long.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from onemq.engine.ledger import Ledger  # noqa: E402
from onemq.storage.errors import StorageError  # noqa: E402
from simulation import planted_bugs  # noqa: E402
from simulation.broker_world import BrokerWorld, failing_trace  # noqa: E402
from simulation.world_turns import Plan  # noqa: E402

SEEDS = 48
CHUNK = 8
PLANTED_SEEDS = 40
ONE_SEED = os.environ.get("ONEMQ_SIM_SEED", "")
SECONDS = float(os.environ.get("ONEMQ_SIM_SECONDS", "0"))

REGRESSIONS = {
    49: "a delayed record that came due after a restart overtook one that had come back before",
    18: "a transient record of a queue that stores all was stored where it was dead-lettered to, once it had been spilled",
    335: "a persistent record of a queue in memory became transient by being spilled: dead-lettered, it was lost",
    1322: "what a purge left delayed in a queue in memory was counted as durable for ever",
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of full disks and failing syncs are no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def run(seed: int, plan: Plan | None = None) -> BrokerWorld:
    world = BrokerWorld(seed, plan)
    try:
        world.run()
    except Exception as error:
        raise AssertionError(f"ONEMQ_SIM_SEED={seed}: {error!r}\n{failing_trace(world)}") from error
    return world


if ONE_SEED:

    def test_the_seed_asked_for() -> None:
        run(int(ONE_SEED))

else:

    @pytest.mark.parametrize("start", range(0, SEEDS, CHUNK))
    def test_no_promise_is_broken(start: int) -> None:
        for seed in range(start, start + CHUNK):
            run(seed)


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_what_was_found_before_stays_fixed(seed: int) -> None:
    run(seed)


@pytest.mark.skipif(not SECONDS, reason="ONEMQ_SIM_SECONDS is not set")
@pytest.mark.timeout(SECONDS + 120)
def test_new_seeds() -> None:
    by = time.monotonic() + SECONDS
    seed = time.time_ns() // 1000
    while time.monotonic() < by:
        run(seed)
        seed += 1


def test_the_simulation_reaches_what_it_is_for() -> None:
    """A simulation that does nothing finds nothing."""
    counts: dict[str, int] = {}
    delivered = ordered = 0
    confirmed_over_amqp = False
    for seed in range(1000, 1012):
        world = run(seed)
        confirmed_over_amqp = confirmed_over_amqp or world.confirmed > 0
        delivered += world.shadow.delivered
        ordered += world.shadow.order_checks
        for what, count in world.counts.items():
            counts[what] = counts.get(what, 0) + count
    wanted = [
        "a crash",
        "crashes in recovery",
        "orderly stops",
        "time jumps",
        "full disks",
        "Stalled",
        "Resumed",
    ]
    wanted += ["Spilled", "Loaded", "Checkpointed", "rehearsals", "comparisons with replay"]
    assert [what for what in wanted if not counts.get(what)] == []
    assert delivered > 1000
    assert ordered > 500
    assert confirmed_over_amqp


def test_the_same_seed_gives_the_same_trace() -> None:
    for seed in (3, 6):
        assert run(seed).digest.hexdigest() == run(seed).digest.hexdigest()


def test_the_trace_does_not_depend_on_the_process() -> None:
    """Hashes of strings differ from process to process: nothing may follow the order of a set."""
    script = (
        "import logging, sys; logging.disable(logging.CRITICAL); sys.path[:0] = sys.argv[1:]; "
        "from simulation.broker_world import BrokerWorld; world = BrokerWorld(4); world.run(); "
        "print(world.digest.hexdigest())"
    )
    digests = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        found = subprocess.run(
            [sys.executable, "-c", script, str(TESTS), *sys.path],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        digests.add(found.stdout.strip())
    assert len(digests) == 1


def found(plan: Plan | None) -> str:
    """What the first seed that notices says."""
    for seed in range(PLANTED_SEEDS):
        try:
            BrokerWorld(seed, plan).run()
        except (AssertionError, StorageError) as error:
            return str(error)
    return "nothing"


@pytest.mark.parametrize("bug", planted_bugs.PLANS)
def test_a_planted_bug_is_found(bug: str) -> None:
    plan, words = planted_bugs.PLANS[bug]
    assert re.search(words, found(plan()))


@pytest.mark.parametrize("bug", planted_bugs.PATCHES)
def test_a_bug_planted_in_the_engine_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if planted_bugs.COMPILED:
        _over_the_sources(bug)
        return
    patch, words = planted_bugs.PATCHES[bug]
    for name, method in patch(Ledger).items():
        monkeypatch.setattr(Ledger, name, method)
    assert re.search(words, found(None))


def _over_the_sources(bug: str) -> None:
    """Compiled classes cannot be patched: runs the test again in a process that imports the sources."""
    if os.environ.get("ONEMQ_SIM_SOURCES"):
        pytest.skip("the sources were compiled in place")
    test = f"{Path(__file__).resolve()}::test_a_bug_planted_in_the_engine_is_found[{bug}]"
    child = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test],
        cwd=TESTS.parent,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent / "src"), "ONEMQ_SIM_SOURCES": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert child.returncode == 0, child.stdout
