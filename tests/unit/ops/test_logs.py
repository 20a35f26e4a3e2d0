"""Lines: both forms, fields, and the bound on lines alike. Over a real logger and what it wrote."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from onemq.ops.log_bounds import LogBounds
from onemq.ops.logs import flush_logs, rfc3339, start_logging, tell_left_out

Stderr = pytest.CaptureFixture[str]


@pytest.fixture
def stderr(capsys: Stderr) -> Iterator[Stderr]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield capsys
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stderr: Stderr) -> list[dict[str, object]]:
    return [json.loads(line) for line in stderr.readouterr().err.splitlines()]


def test_json_lines_have_the_fields(stderr: Stderr) -> None:
    start_logging("info", "auto")
    log = logging.getLogger("onemq.net")
    fields = {"reason": "login_refused", "peer": "10.0.0.5:7", "user": "alice\nroot", "level": "mine"}
    log.warning("%s: refused", "amqp 10.0.0.5:7", extra={"fields": fields})
    log.debug("not written")
    try:
        raise ValueError("broken")
    except ValueError as error:
        log.error("a bug", exc_info=error)
    first, second = lines(stderr)
    assert first["message"] == "amqp 10.0.0.5:7: refused" and first["level"] == "warning"
    assert (first["logger"], first["reason"], first["peer"]) == ("onemq.net", "login_refused", "10.0.0.5:7")
    assert first["user"] == "alice\nroot" and str(first["time"]).endswith("Z")
    assert "ValueError: broken" in str(second["error"])


def test_human_lines_cannot_be_forged(stderr: Stderr) -> None:
    start_logging("info", "human")
    logging.getLogger("onemq.net").warning("user %s", "x\n2026-01-01 ERROR onemq: forged")
    (line,) = stderr.readouterr().err.splitlines()
    assert line.endswith("WARNING onemq.net: user x\\n2026-01-01 ERROR onemq: forged")


def test_lines_alike_are_bounded_and_counted(stderr: Stderr) -> None:
    start_logging("info", "json", LogBounds(2, 100, 3600.0))
    log = logging.getLogger("onemq.net")
    for port in range(10_000):
        fields = {"reason": "login_refused", "peer": f"10.0.0.5:{port}"}
        log.warning("login refused", extra={"fields": fields})
    for number in range(20):
        log.info("without a reason: %d", number)
        log.warning("a template: %d", number)
        log.critical("always")
    flush_logs()
    found = lines(stderr)
    texts = [str(line["message"]) for line in found]
    assert texts.count("login refused") == 2
    assert len([text for text in texts if text.startswith("without")]) == 20
    assert len([text for text in texts if text.startswith("a template")]) == 2
    assert texts.count("always") == 20
    left_out = {line["of"]: line["left_out"] for line in found if line.get("reason") == "left_out"}
    assert left_out == {"login_refused": 9_998, "a template: %d": 18}
    assert "most about 10.0.0.5: login_refused" in texts[-2]
    tell_left_out(everything=True)
    assert lines(stderr) == []


def test_times() -> None:
    assert rfc3339(1.5) == "1970-01-01T00:00:01.500Z"
