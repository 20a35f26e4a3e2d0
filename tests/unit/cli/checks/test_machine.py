"""What doctor says of limits, memory and clock."""

from __future__ import annotations

import resource
import time

import pytest

from onemq.cli.checks.check import BAD, GOOD, WARNING, Finding
from onemq.cli.checks.machine import check_machine
from onemq.config import Settings


def found(settings: Settings) -> dict[str, Finding]:
    return {each.name: each for each in check_machine(settings)}


def test_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    settings.storage.memory = True
    settings.limits.connections_max = 1000
    for limits, state, advice in (
        ((5000, 5000), GOOD, ""),
        ((1024, 5000), WARNING, "ulimit -n 1192"),
        ((1024, 1024), WARNING, "hard limit"),
        ((200, 200), BAD, "limits.connections_max=8"),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda which, limits=limits: limits)
        finding = found(settings)["open files"]
        assert finding.state == state and advice in finding.advice


def test_an_alarm_above_what_there_is_and_a_clock_of_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    settings.storage.memory = True
    assert found(settings)["memory"].state == GOOD
    settings.memory.alarm_bytes = 1 << 60
    assert found(settings)["memory"].state == BAD
    assert found(settings)["clock"].state == GOOD
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    assert found(settings)["clock"].state == BAD
