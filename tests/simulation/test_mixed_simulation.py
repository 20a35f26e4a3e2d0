"""A broker with all heads and its files from one seed: AMQP, Kafka, SQS and SNS clients on shared names, crashes at any step.

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
from simulation.mixed_world import (  # noqa: E402
    MixedWorld,
    MixedWorldOfDeletions,
    MixedWorldOfKeys,
    MixedWorldOfMembers,
    MixedWorldWithoutCleaning,
    MixedWorldWithoutMembers,
    MixedWorldWithoutNotices,
    MixedWorldWithoutShares,
)
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
REACH_SEEDS = 100
REACHED = {
    "a crash": 1,
    "orderly stops": 1,
    "full disks": 1,
    "Loaded": 1,
    "rehearsals": 1,
    "comparisons with replay": 1,
    "confirms": 1,
    "SQS confirms": 1,
    "SQS receives": 1,
    "leases lapsed": 50,
    "order by group checked": 100,
    "Kafka acknowledgements": 1,
    "Kafka commits": 1,
    "Kafka aborts": 1,
    "Kafka places": 1,
    "commits of members": 1,
    "commits refused": 1,
    "transactions lost": 1,
    "sent again": 1,
    "sent again after a crash": 1,
    "records read": 200,
    "heartbeats of share members": 1,
    "records acquired": 200,
    "locks lapsed": 5,
    "records buried": 5,
    "share acknowledgements": 1,
    "share acknowledgements refused": 1,
    "share sessions closed": 1,
    "records compacted": 10,
    "records gone": 10,
    "records deleted": 2,
    "tombstones gone": 3,
    "commits of modern members": 10,
    "commits of stale epochs": 3,
    "modern members left": 1,
    "modern partitions moved": 10,
    "SNS confirms": 20,
    "SNS subscriptions": 5,
    "SNS changes": 2,
    "SNS duplicates": 2,
    "copies of notices": 100,
    "notices filtered": 10,
}
"""How often what the simulation is for has to come about."""

REGRESSIONS = {
    3: "a transaction's markers stayed in the bytes of the queue over its topic",
    1674: "a fetch whose batches came from the disk named an end that lay before the last of them",
    1271: "a delay was not looked at when its batch became durable with one before it, in a queue over a topic",
}
REGRESSIONS_WITH_SHARES = {
    275334170140724221: "records were said to be deleted for good one commit too early",
}
NO_BUGS: dict[int, tuple[type[MixedWorld], str]] = {
    1795858841795713: (
        MixedWorldWithoutShares,
        "a consumer's leases were noted after those of a receive that the same dispatch had served after it",
    ),
    1796000000000778: (
        MixedWorldWithoutCleaning,
        "a share session that had ended before was taken for one that is closed, with what its member held",
    ),
    1795873920776118: (
        MixedWorldWithoutNotices,
        "a transient record's lease, which nobody has to keep, was expected to wait for the turn's commit",
    ),
}
"""Seeds that the checkers were wrong about, in the world of then."""


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


@pytest.mark.parametrize("seed", REGRESSIONS_WITH_SHARES)
def test_what_was_found_since_stays_fixed(seed: int) -> None:
    run(MixedWorldWithoutNotices, seed)


@pytest.mark.parametrize("seed", NO_BUGS)
def test_what_was_no_bug_is_not_called_one(seed: int) -> None:
    run(NO_BUGS[seed][0], seed)


@pytest.mark.timeout(SECONDS + 240)
def test_new_seeds() -> None:
    run_new_seeds(MixedWorld)


def test_the_simulation_reaches_what_it_is_for() -> None:
    """A simulation that does nothing finds nothing. What is rare takes as many seeds as it takes, within bounds."""
    counts: dict[str, int] = {}
    for seed in range(2000, 2000 + REACH_SEEDS):
        world = run(MixedWorld, seed)
        shadow = world.shadow
        found = {
            **world.counts,
            "leases lapsed": shadow.lapses,
            "order by group checked": shadow.group_checks,
            "records read": shadow.topics.read,
            "confirms": world.confirmed,
            "records acquired": shadow.shares.acquired,
            "locks lapsed": shadow.shares.lapsed,
            "records buried": shadow.shares.buried,
            "records compacted": shadow.topics.compacted,
            "tombstones gone": shadow.topics.tombstones_gone,
            "modern partitions moved": shadow.modern.moved,
            "records gone": shadow.topics.gone,
            "copies of notices": shadow.notices.copies,
            "notices filtered": shadow.notices.filtered,
        }
        for what, count in found.items():
            counts[what] = counts.get(what, 0) + count
        missing = [what for what, least in REACHED.items() if counts.get(what, 0) < least]
        if not missing:
            break
    assert missing == []


def test_the_same_seed_gives_the_same_trace() -> None:
    for seed in (3, 6):
        assert run(MixedWorld, seed).digest.hexdigest() == run(MixedWorld, seed).digest.hexdigest()


@pytest.mark.parametrize("bug", planted_bugs.PLANS)
def test_a_planted_bug_is_found(bug: str) -> None:
    plan, words = planted_bugs.PLANS[bug]
    assert re.search(words, first_finding(MixedWorld, plan()))


WORLDS = {
    "deleted records come back": MixedWorldOfDeletions,
    "a tombstone that goes before its time": MixedWorldOfKeys,
    "deleted keys come back": MixedWorldOfKeys,
    "compaction without its lag": MixedWorldOfKeys,
    "two owners of a partition": MixedWorldOfMembers,
    "a commit of a stale epoch is taken": MixedWorldOfMembers,
    "a partition without an owner": MixedWorldOfMembers,
    "a group's members are forgotten": MixedWorldOfMembers,
}
"""Where a bug shows itself soon that needs what MixedWorld seldom has."""


@pytest.mark.parametrize("bug", planted_bugs.MIXED_PATCHES)
def test_a_bug_planted_in_the_engine_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if planted_bugs.COMPILED:
        over_the_sources(__file__, f"test_a_bug_planted_in_the_engine_is_found[{bug}]")
        return
    planted, patch, words = planted_bugs.MIXED_PATCHES[bug]
    for name, method in patch(planted).items():
        monkeypatch.setattr(planted, name, method)
    assert re.search(words, first_finding(WORLDS.get(bug, MixedWorld), None))
