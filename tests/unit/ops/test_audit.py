"""The audit log: lines of the log or of a file that is rotated; failed log-ins are bounded; a file that breaks is said."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from onemq.engine.ports import REFUSED, Act
from onemq.model.principal import Peer
from onemq.ops.audit import AuditFile, AuditLog, CannotAudit, sentence
from onemq.ops.log_bounds import LogBounds

PEER = Peer("10.0.0.5", 7, protocol="amqp")


def act(name: str, action: str = "delete") -> Act:
    found = Act(1_500, "alice", "/", PEER, action, "queue", name)
    found.detail = "3 records"
    return found


def bounds(alike_max: int = 5) -> LogBounds:
    return LogBounds(alike_max, 100, 3600.0)


def test_the_file_has_one_object_per_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(bounds(), AuditFile(str(path), 1 << 20, 3))
    log.note(act("orders"))
    denied = Act(2_000, "", "", None, "create", "user", "bob")
    denied.result = REFUSED
    denied.reason = "ACCESS_DENIED"
    log.note(denied)
    log.close()
    first, second = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert first == {
        "time": "1970-01-01T00:00:01.500Z", "user": "alice", "peer": "10.0.0.5:7", "protocol": "amqp",
        "namespace": "/", "action": "delete", "kind": "queue", "name": "orders", "result": "done",
        "detail": "3 records",
    }  # fmt: skip
    assert (second["peer"], second["result"], second["reason"]) == ("", "refused", "ACCESS_DENIED")
    assert path.stat().st_mode & 0o007 == 0
    again = AuditLog(bounds(), AuditFile(str(path), 1 << 20, 3))
    again.note(act("payments"))
    again.close()
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


def test_files_are_rotated_and_bounded_in_number(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(bounds(), AuditFile(str(path), 1_000, 3))
    for number in range(100):
        log.note(act(f"q{number}"))
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["audit.log", "audit.log.1", "audit.log.2"]
    assert all(file.stat().st_size <= 1_000 for file in files)
    assert '"q99"' in path.read_text(encoding="utf-8")


def test_failed_logins_are_bounded_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(bounds(2), AuditFile(str(path), 1 << 20, 3))
    for _ in range(1_000):
        log.note(act("alice", "log in"))
        log.note(act("orders"))
    log.close()
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len([line for line in found if line["action"] == "delete"]) == 1_000
    logins = [line for line in found if line["action"] == "log in"]
    assert len(logins) == 3
    assert (logins[-1]["left_out"], logins[-1]["peer"]) == (998, "10.0.0.5")


def test_without_a_file_acts_are_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    denied = act("orders")
    denied.result = REFUSED
    denied.reason = "ACCESS_DENIED"
    AuditLog(bounds()).note(denied)
    (record,) = caplog.records
    assert record.name == "onemq.audit"
    assert record.getMessage() == (
        "alice (amqp 10.0.0.5:7): delete queue 'orders' in /: refused, ACCESS_DENIED, 3 records"
    )
    fields = record.__dict__["fields"]
    assert (fields["user"], fields["why"], "reason" in fields) == ("alice", "ACCESS_DENIED", False)
    assert sentence(Act(0, "", "", None, "make", "key", "k")) == "nobody (the broker): make key 'k': done"


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(CannotAudit, match="none/audit"):
        AuditFile(str(tmp_path / "none" / "audit.log"), 1 << 20, 3)
    file = AuditFile(str(tmp_path / "audit.log"), 1 << 20, 3)
    assert file.stream is not None
    file.stream.close()
    AuditLog(bounds(), file).note(act("orders"))
    assert "cannot be written" in caplog.text and "audit.log" in caplog.text
