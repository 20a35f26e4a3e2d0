"""The audit log: what administrators did, one line each, in the log (logger onemq.audit) or in a file of its own, as JSON lines.

Log-ins that fail are bounded like other lines alike: who tries passwords must not push out what others did.
Must not: hold up or fail an act because it cannot be written down; that is said in the log.
"""

import json
import logging
import os
import time
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from typing import Final

from onemq.engine.ports import DONE, Act, Auditor
from onemq.ops.log_bounds import LeftOut, LogBounds
from onemq.ops.logs import rfc3339

LOG_IN: Final = "log in"
_FILE_MODE: Final = 0o640
_audit: Final = logging.getLogger("onemq.audit")
_log: Final = logging.getLogger("onemq")


class CannotAudit(Exception):
    """The file cannot be written. The text says which and why."""


class AuditFile(RotatingFileHandler):
    """path: of the newest file; older ones are path.1 and so on. bytes_max: of each. files_max: how many there are at most."""

    def __init__(self, path: str, bytes_max: int, files_max: int) -> None:
        """Raises CannotAudit."""
        try:
            super().__init__(path, maxBytes=bytes_max, backupCount=files_max - 1, encoding="utf-8")
        except OSError as error:
            raise CannotAudit(f"{path}: {error.strerror or error}") from None
        self.setFormatter(logging.Formatter("%(message)s"))

    def _open(self) -> TextIOWrapper:
        """Not for everybody to read: it has names of users and addresses."""
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _FILE_MODE)
        return open(handle, "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:
        _log.error(
            "the audit log %s cannot be written, acts go unrecorded: make space, or mend its permissions",
            self.baseFilename,
            exc_info=True,
            extra={"fields": {"reason": "audit_broken"}},
        )


class AuditLog(Auditor):
    """file: None = lines go to the log. bounds: of log-ins that fail."""

    def __init__(self, bounds: LogBounds, file: AuditFile | None = None) -> None:
        super().__init__()
        self._bounds = bounds
        self._file = file

    def note(self, act: Act) -> None:
        peer = act.peer
        if act.action == LOG_IN:
            host = "" if peer is None else peer.host
            if not self._bounds.admit(LOG_IN, host, time.monotonic()):
                return
        entry: dict[str, object] = {
            "user": act.user,
            "peer": "" if peer is None else f"{peer.host}:{peer.port}",
            "protocol": "" if peer is None else peer.protocol,
            "namespace": act.namespace,
            "action": act.action,
            "kind": act.kind,
            "name": act.name,
            "result": act.result,
        }
        if act.detail:
            entry["detail"] = act.detail
        if act.reason:
            entry["reason"] = act.reason
        self._write(int(act.time_ms), entry, sentence(act))

    def tell_left_out(self, everything: bool = False) -> None:
        """Once a second: how many failed log-ins were left out."""
        for left_out in self._bounds.take_left_out(time.monotonic(), everything):
            self._write(int(time.time() * 1000), *_left_out(left_out))

    def close(self) -> None:
        self.tell_left_out(everything=True)
        if self._file is not None:
            self._file.close()

    def _write(self, time_ms: int, entry: dict[str, object], text: str) -> None:
        file = self._file
        if file is None:
            # As fields of the line; "reason" is taken there: it says what bounds lines alike, and these are not bounded.
            fields = {("why" if name == "reason" else name): value for name, value in entry.items()}
            _audit.info("%s", text, extra={"fields": fields})
            return
        line = json.dumps({"time": rfc3339(time_ms / 1000), **entry}, ensure_ascii=False)
        file.handle(logging.LogRecord(_audit.name, logging.INFO, "", 0, line, None, None))


def sentence(act: Act) -> str:
    """For people: `alice (amqp 10.0.0.5:40112) delete queue orders in /: done, 12 records`."""
    peer = act.peer
    origin = "the broker" if peer is None else f"{peer.protocol} {peer.host}:{peer.port}".strip()
    place = f" in {act.namespace}" if act.namespace else ""
    outcome = act.result if act.result == DONE else f"{act.result}, {act.reason}"
    detail = f", {act.detail}" if act.detail else ""
    subject = f"{act.action} {act.kind} {act.name!r}"
    return f"{act.user or 'nobody'} ({origin}): {subject}{place}: {outcome}{detail}"


def _left_out(left_out: LeftOut) -> tuple[dict[str, object], str]:
    entry: dict[str, object] = {"action": LOG_IN, "result": "refused", "left_out": left_out.count}
    about = ""
    if left_out.host:
        entry["peer"] = left_out.host
        about = f", most from {left_out.host}"
    return entry, f"{left_out.count} more log-ins that failed were left out{about}"
