"""What doctor says of a disk's speed, and that nothing is left of the measurement."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onemq.cli.checks.check import OK, WARNING
from onemq.cli.checks.speed import ROOM_BYTES, check_speed, sync_cost, write_speed


def test_a_fast_and_a_slow_disk() -> None:
    assert write_speed(32 << 20, 0.1).state == OK
    assert write_speed(1 << 20, 1.0).state == WARNING
    fast = sync_cost([1.0] * 98 + [30.0, 40.0], "always")
    assert fast.state == OK and "p50 1.00 ms, p99 40.00 ms of 100: about 1,000 commits" in fast.found
    assert sync_cost([20.0], "always").state == WARNING
    assert sync_cost([1.0], "never").state == WARNING and "storage.sync" in sync_cost([1.0], "never").advice


def test_the_file_goes_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [each.name for each in check_speed(tmp_path, ROOM_BYTES, "always")] == ["disk speed", "sync"]
    assert list(tmp_path.iterdir()) == []

    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    (finding,) = check_speed(tmp_path, ROOM_BYTES, "always")
    assert finding.state == WARNING and "Input/output error" in finding.found
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_not_written_to(tmp_path: Path) -> None:
    (finding,) = check_speed(tmp_path, ROOM_BYTES - 1, "always")
    assert finding.state == WARNING and "not measured" in finding.found
