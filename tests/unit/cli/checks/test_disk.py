"""What doctor says of the data directory."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

import pytest

from onemq.cli.checks.check import OK, PROBLEM, WARNING, Finding
from onemq.cli.checks.disk import check_disk, file_system, free_space
from onemq.config import OFF, Settings


def found(directory: Path, **ports: int) -> dict[str, Finding]:
    settings = Settings()
    settings.storage.data = str(directory)
    for name in ("amqp", "kafka", "aws", "http", "metrics"):
        getattr(settings, name).port = ports.get(name, OFF)
    return {each.name: each for each in check_disk(settings)}


def test_a_good_directory_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    findings = found(tmp_path)
    assert all(findings[name].state == OK for name in ("data directory", "permissions", "used by"))
    assert "commits a second" in findings["sync"].found and "/s" in findings["disk speed"].found
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_one_that_is_not_there_yet_is_looked_for_above(tmp_path: Path) -> None:
    findings = found(tmp_path / "a" / "b")
    assert findings["data directory"].found.endswith(f"will be made in {tmp_path}")
    assert not list(tmp_path.iterdir())


def test_a_file_and_a_closed_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    assert found(tmp_path / "file")["data directory"].state == PROBLEM
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    findings = found(tmp_path)
    assert list(findings) == ["data directory"] and findings["data directory"].state == PROBLEM
    assert "--data" in findings["data directory"].advice


def test_one_that_another_broker_uses(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(f"{os.getpid()}\n")
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert found(tmp_path)["used by"].state == OK, "nothing is known of its ports"
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert found(tmp_path, amqp=port)["used by"].state == OK
        finding = found(tmp_path, amqp=port)["used by"]
        assert finding.state == PROBLEM and f"process {os.getpid()}" in finding.found


@pytest.mark.parametrize(
    ("mount", "state"),
    [("ext4", OK), ("tmpfs", WARNING), ("nfs4", WARNING), ("fuse.sshfs", WARNING), ("overlay", WARNING)],
)
def test_file_systems(tmp_path: Path, mount: str, state: str) -> None:
    mounts = tmp_path / "mounts"
    place = tmp_path / "a b"
    place.mkdir()
    at = str(place.resolve()).replace(" ", "\\040")
    mounts.write_text(f"/dev/a / xfs rw 0 0\ndev {at} {mount} rw 0 0\nother {at}c ext2 rw 0 0\n")
    finding = file_system(place, mounts)
    assert finding.state == state and finding.found.startswith(mount)
    assert file_system(place, tmp_path / "absent").state == OK


def test_free_space() -> None:
    assert free_space(10, 20).state == PROBLEM and "disk.free_bytes_min" in free_space(10, 20).advice
    assert free_space(1 << 29, 20).state == WARNING
    assert free_space(1 << 40, 20).state == OK and free_space(1 << 40, 1 << 40).state == WARNING


def test_memory_only() -> None:
    settings = Settings()
    settings.storage.memory = True
    assert [each.state for each in check_disk(settings)] == [OK]
