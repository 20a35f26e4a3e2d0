"""Runs worlds for the tests: one seed, new seeds for some time, until a planted bug is found.

ONEMQ_SIM_SEED: that seed alone. ONEMQ_SIM_SECONDS: how long new seeds are tried, in each kind of world: both together a minute
where nothing is said.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TypeVar

import pytest

from onemq.engine.ports import StateUnreadable
from onemq.storage.errors import StorageError
from simulation.broker_world import BrokerWorld, failing_trace
from simulation.world_turns import Plan

TESTS = Path(__file__).resolve().parents[1]
ONE_SEED = os.environ.get("ONEMQ_SIM_SEED", "")
NEW_SEEDS_ASKED_FOR = "ONEMQ_SIM_SECONDS" in os.environ
SECONDS = float(os.environ.get("ONEMQ_SIM_SECONDS", "30"))
PLANTED_SEEDS = 60

World = TypeVar("World", bound=BrokerWorld)


def run(kind: type[World], seed: int, plan: Plan | None = None) -> World:
    world = kind(seed, plan)
    try:
        world.run()
    except Exception as error:
        again = f"{kind.__name__}; again: make sim SEED={seed}"
        raise AssertionError(f"{again}\n{error!r}\n{failing_trace(world)}") from error
    return world


def _first_new_seed() -> int:
    """Asked for by hand: one that nobody has tried. In `make test`: other ones with every change of the sources or of the
    simulation, so that what is found is found again by whoever looks at that change."""
    if NEW_SEEDS_ASKED_FOR:
        return time.time_ns() // 1000
    folders = (TESTS.parent / "src", TESTS / "simulation")
    digest = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:6], "big") * 1000


def run_new_seeds(kind: type[World]) -> None:
    by = time.monotonic() + SECONDS
    seed = _first_new_seed()
    while time.monotonic() < by:
        run(kind, seed)
        seed += 1


def first_finding(kind: type[World], plan: Plan | None) -> str:
    """What the first seed that notices says."""
    for seed in range(PLANTED_SEEDS):
        try:
            kind(seed, plan).run()
        except (AssertionError, StorageError, StateUnreadable) as error:
            return str(error)
    return "nothing"


def over_the_sources(path: str, test: str) -> None:
    """Compiled classes cannot be patched: runs the test again in a process that imports the sources."""
    if os.environ.get("ONEMQ_SIM_SOURCES"):
        pytest.skip("the sources were compiled in place")
    child = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"{Path(path).resolve()}::{test}"],
        cwd=TESTS.parent,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent / "src"), "ONEMQ_SIM_SOURCES": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert child.returncode == 0, child.stdout
