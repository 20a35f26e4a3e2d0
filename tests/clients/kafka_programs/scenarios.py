"""Runs a program that plays many scenarios at once and prints a line `RESULT <json>` for each.

One process for all of them: a client's start costs more than most scenarios. It knows nothing of any broker.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pytest

MARK = "RESULT "
OUTPUT_CHARACTERS = 4000


class Played:
    """A program that plays scenarios; it runs on its own until the first result is asked for."""

    def __init__(self, process: subprocess.Popen[bytes], printed: IO[bytes], deadline: float) -> None:
        self._process = process
        self._printed = printed
        self._deadline = deadline
        self._output: str | None = None
        self._outcomes: dict[str, dict[str, Any]] = {}

    def result(self, scenario: str) -> Any:
        """What the scenario found out; fails the test when it broke off or did not end in time."""
        output = self._ended()
        outcome = self._outcomes.get(scenario)
        if outcome is None:
            pytest.fail(f"no result of {scenario}:\n{output[-OUTPUT_CHARACTERS:]}", pytrace=False)
        if "error" in outcome:
            pytest.fail(f"{scenario}: {outcome['error']}", pytrace=False)
        return outcome["result"]

    def stop(self) -> None:
        """Kill it if it still runs."""
        self._process.kill()
        self._process.wait()

    def _ended(self) -> str:
        """All it printed; it is killed when it takes too long, and what it printed by then counts."""
        if self._output is None:
            late = ""
            try:
                self._process.wait(max(self._deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                self.stop()
                late = "\nkilled: it took too long"
            self._printed.seek(0)
            self._output = self._printed.read().decode(errors="replace") + late
            lines = [line for line in self._output.splitlines() if line.startswith(MARK)]
            outcomes: list[dict[str, Any]] = [json.loads(line.removeprefix(MARK)) for line in lines]
            self._outcomes = {outcome["scenario"]: outcome for outcome in outcomes}
        return self._output


@contextmanager
def play(command: Sequence[str], environment: Mapping[str, str], seconds_max: float) -> Iterator[Played]:
    """Start the program; it has so many seconds and ends with the context."""
    with tempfile.TemporaryFile() as printed:  # a pipe that nobody reads yet would fill
        process = subprocess.Popen(
            [*command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        played = Played(process, printed, time.monotonic() + seconds_max)
        try:
            yield played
        finally:
            played.stop()


def is_wanted(request: pytest.FixtureRequest, fixture: str) -> bool:
    """Whether a test of this run uses the fixture."""
    return any(
        isinstance(item, pytest.Function) and fixture in item.fixturenames for item in request.session.items
    )


def wanted_scenarios(request: pytest.FixtureRequest, test: Callable[..., None]) -> list[str]:
    """The scenarios that this test is asked for in this run."""
    return sorted(
        str(item.callspec.params["scenario"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test.__name__
    )
