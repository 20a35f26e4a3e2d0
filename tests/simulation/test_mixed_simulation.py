"""A broker with all heads and its files from one seed: AMQP, Kafka and SQS clients on shared names, crashes at any step.

`make sim SEED=n` runs that seed alone, `make sim SECONDS=n` new seeds for that long.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from simulation import planted_bugs  # noqa: E402
from simulation.mixed_world import MixedWorld, MixedWorldWithoutMembers, MixedWorldWithoutShares  # noqa: E402
from simulation.running import (  # noqa: E402
    ONE_SEED,
    SECONDS,
    first_finding,
    over_the_sources,
    run,
    run_new_seeds,
)

SEEDS = 24
CHUNK = 8

REGRESSIONS = {
    3: "a transaction's markers stayed in the bytes of the queue over its topic",
    1674: "a fetch whose batches came from the disk named an end that lay before the last of them",
    1271: "a delay was not looked at when its batch became durable with one before it, in a queue over a topic",
}
NO_BUGS = {
    1795858841795713: "a consumer's leases were noted after those of a receive that the same dispatch had served after it",
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
        run(MixedWorld, int(ONE_SEED))

else:

    @pytest.mark.parametrize("start", range(0, SEEDS, CHUNK))
    def test_no_promise_is_broken(start: int) -> None:
        for seed in range(start, start + CHUNK):
            run(MixedWorld, seed)


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_what_was_found_before_stays_fixed(seed: int) -> None:
    run(MixedWorldWithoutMembers, seed)


@pytest.mark.parametrize("seed", NO_BUGS)
def test_what_was_no_bug_is_not_called_one(seed: int) -> None:
    run(MixedWorldWithoutShares, seed)


@pytest.mark.timeout(SECONDS + 240)
def test_new_seeds() -> None:
    run_new_seeds(MixedWorld)


def test_the_simulation_reaches_what_it_is_for() -> None:
    """A simulation that does nothing finds nothing."""
    counts: dict[str, int] = {}
    lapses = groups = read = placed = 0
    shared = lapsed = buried = 0
    for seed in range(2000, 2020):
        world = run(MixedWorld, seed)
        lapses += world.shadow.lapses
        groups += world.shadow.group_checks
        read += world.shadow.topics.read
        placed += world.confirmed
        shared += world.shadow.shares.acquired
        lapsed += world.shadow.shares.lapsed
        buried += world.shadow.shares.buried
        for what, count in world.counts.items():
            counts[what] = counts.get(what, 0) + count
    wanted = ["a crash", "orderly stops", "full disks", "Loaded", "rehearsals", "comparisons with replay"]
    wanted += ["SQS confirms", "SQS receives", "Kafka acknowledgements", "Kafka commits", "Kafka aborts"]
    wanted += [
        "commits of members",
        "commits refused",
        "Kafka places",
        "transactions lost",
        "sent again after a crash",
        "sent again",
        "heartbeats of share members",
        "share acknowledgements",
        "share acknowledgements refused",
        "share sessions closed",
    ]
    assert [what for what in wanted if not counts.get(what)] == []
    assert lapses > 50 and groups > 100 and read > 200 and placed > 0
    assert shared > 200 and lapsed > 5 and buried > 5


def test_the_same_seed_gives_the_same_trace() -> None:
    for seed in (3, 6):
        assert run(MixedWorld, seed).digest.hexdigest() == run(MixedWorld, seed).digest.hexdigest()


@pytest.mark.parametrize("bug", planted_bugs.PLANS)
def test_a_planted_bug_is_found(bug: str) -> None:
    plan, words = planted_bugs.PLANS[bug]
    assert re.search(words, first_finding(MixedWorld, plan()))


@pytest.mark.parametrize("bug", planted_bugs.MIXED_PATCHES)
def test_a_bug_planted_in_the_engine_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if planted_bugs.COMPILED:
        over_the_sources(__file__, f"test_a_bug_planted_in_the_engine_is_found[{bug}]")
        return
    planted, patch, words = planted_bugs.MIXED_PATCHES[bug]
    for name, method in patch(planted).items():
        monkeypatch.setattr(planted, name, method)
    assert re.search(words, first_finding(MixedWorld, None))
