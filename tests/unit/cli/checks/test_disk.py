"""What doctor says of the data directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onemq.cli.checks.check import BAD, GOOD, NOTE, Finding
from onemq.cli.checks.disk import check_disk
from onemq.config import Settings


def found(directory: Path, **disk: int) -> dict[str, Finding]:
    settings = Settings()
    settings.storage.data = str(directory)
    for name, value in disk.items():
        setattr(settings.disk, name, value)
    return {each.name: each for each in check_disk(settings)}


def test_a_good_directory_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    findings = found(tmp_path)
    assert all(findings[name].state == GOOD for name in ("data", "permissions", "free space"))
    assert "ms usually" in findings["sync"].said and "/s written" in findings["disk speed"].said
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_one_that_is_not_there_yet_is_looked_for_above(tmp_path: Path) -> None:
    findings = found(tmp_path / "a" / "b")
    assert findings["data"].said.endswith(f"will be made in {tmp_path}, and may be written to")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_and_a_closed_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = found(tmp_path, free_bytes_min=1 << 60)["free space"]
    assert finding.state == BAD and "disk.free_bytes_min" in finding.advice
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    finding = found(tmp_path)["data"]
    assert finding.state == BAD and "chown" in finding.advice


def test_a_crash_may_lose_what_is_not_synced(tmp_path: Path) -> None:
    settings = Settings()
    settings.storage.data = str(tmp_path)
    settings.storage.sync = "never"
    findings = {each.name: each for each in check_disk(settings)}
    assert findings["sync"].state == NOTE and "a crash may lose" in findings["sync"].said
