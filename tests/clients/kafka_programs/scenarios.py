"""Runs a program that plays many scenarios at once and prints a line `RESULT <json>` for each.

One process for all of them: a client's start costs more than most scenarios. It knows nothing of any broker.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

MARK = "RESULT "
OUTPUT_CHARACTERS = 4000


class Played:
    """What the scenarios of one program printed."""

    def __init__(self, output: str) -> None:
        self._output = output
        lines = [line for line in output.splitlines() if line.startswith(MARK)]
        outcomes: list[dict[str, Any]] = [json.loads(line.removeprefix(MARK)) for line in lines]
        self._outcomes = {outcome["scenario"]: outcome for outcome in outcomes}

    def result(self, scenario: str) -> Any:
        """What the scenario found out; fails the test when it broke off or did not end in time."""
        outcome = self._outcomes.get(scenario)
        if outcome is None:
            pytest.fail(f"no result of {scenario}:\n{self._output[-OUTPUT_CHARACTERS:]}", pytrace=False)
        if "error" in outcome:
            pytest.fail(f"{scenario}: {outcome['error']}", pytrace=False)
        return outcome["result"]


def play(command: Sequence[str], environment: Mapping[str, str], seconds_max: float) -> Played:
    """Run the program and collect what it prints; one that takes too long is killed, what it printed counts."""
    process = subprocess.Popen(
        [*command],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _none = process.communicate(timeout=seconds_max)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _none = process.communicate()
        output += f"\nkilled after {seconds_max} s"
    return Played(output)
