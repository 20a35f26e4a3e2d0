"""The whole broker and its files from one seed: crashes at any step, lost and torn writes, full disks, failing syncs.

`make sim SEED=n` runs that seed alone, `make sim SECONDS=n` new seeds for that long.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from onemq.engine.ledger import Ledger  # noqa: E402
from simulation import planted_bugs  # noqa: E402
from simulation.broker_world import BrokerWorld  # noqa: E402
from simulation.running import ONE_SEED, SECONDS, first_finding, over_the_sources, run, run_new_seeds  # noqa: E402

SEEDS = 48
CHUNK = 8

REGRESSIONS = {
    49: "a delayed record that came due after a restart overtook one that had come back before",
    18: "a transient record of a queue that stores all was stored where it was dead-lettered to, once it had been spilled",
    335: "a persistent record of a queue in memory became transient by being spilled: dead-lettered, it was lost",
    1322: "what a purge left delayed in a queue in memory was counted as durable for ever",
}
NO_BUGS = {
    1795900000001898: "what came of a queue that had gone with its last consumer was held, and then rejected, by who got it",
    275334170140724630: "after a restart a purge leaves what has come due and has not been looked at yet",
}
"""Seeds that the checkers were wrong about."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of full disks and failing syncs are no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


if ONE_SEED:

    def test_the_seed_asked_for() -> None:
        run(BrokerWorld, int(ONE_SEED))

else:

    @pytest.mark.parametrize("start", range(0, SEEDS, CHUNK))
    def test_no_promise_is_broken(start: int) -> None:
        for seed in range(start, start + CHUNK):
            run(BrokerWorld, seed)


class LanesOnlyWorld(BrokerWorld):
    """As it was before turns could commit: its seeds find what they found."""

    commits_in_turns = False


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_what_was_found_before_stays_fixed(seed: int) -> None:
    run(LanesOnlyWorld, seed)


@pytest.mark.parametrize("seed", NO_BUGS)
def test_what_was_no_bug_is_not_called_one(seed: int) -> None:
    run(BrokerWorld, seed)


@pytest.mark.timeout(SECONDS + 240)
def test_new_seeds() -> None:
    run_new_seeds(BrokerWorld)


def test_the_simulation_reaches_what_it_is_for() -> None:
    """A simulation that does nothing finds nothing."""
    counts: dict[str, int] = {}
    delivered = ordered = 0
    confirmed_over_amqp = False
    for seed in range(1000, 1012):
        world = run(BrokerWorld, seed)
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
        assert run(BrokerWorld, seed).digest.hexdigest() == run(BrokerWorld, seed).digest.hexdigest()


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


@pytest.mark.parametrize("bug", planted_bugs.PLANS)
def test_a_planted_bug_is_found(bug: str) -> None:
    plan, words = planted_bugs.PLANS[bug]
    assert re.search(words, first_finding(BrokerWorld, plan()))


@pytest.mark.parametrize("bug", planted_bugs.PATCHES)
def test_a_bug_planted_in_the_engine_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if planted_bugs.COMPILED:
        over_the_sources(__file__, f"test_a_bug_planted_in_the_engine_is_found[{bug}]")
        return
    patch, words = planted_bugs.PATCHES[bug]
    for name, method in patch(Ledger).items():
        monkeypatch.setattr(Ledger, name, method)
    assert re.search(words, first_finding(BrokerWorld, None))
