"""`onemq serve --port-file`: there when clients are served, whole, gone after the stop."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LISTENERS = ("amqp", "kafka", "aws", "http", "metrics")
FREE = [word for name in LISTENERS for word in (f"--{name}-port", "0")]
SECONDS_MAX = 60.0


def start(path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "onemq", "serve", "--memory", "--port-file", str(path), *FREE]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS_MAX
    while not path.exists():
        assert process.poll() is None, "the broker has ended"
        assert time.monotonic() < deadline, "no port file"
        time.sleep(0.01)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_says_where_everything_is_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    process = start(path)
    try:
        found = wait_for(path, process)
        assert found["pid"] == process.pid
        listeners = found["listeners"]
        assert set(listeners) == set(LISTENERS)
        for listener in listeners.values():
            socket.create_connection((listener["host"], listener["port"]), timeout=30).close()
        assert [each.name for each in tmp_path.iterdir()] == ["ports.json"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS_MAX) == 0
        assert not path.exists()
    finally:
        process.kill()
        process.communicate()


def test_another_brokers_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    process = start(path)
    try:
        wait_for(path, process)
        path.write_text('{"pid": 1}', encoding="utf-8")
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS_MAX) == 0
        assert path.read_text(encoding="utf-8") == '{"pid": 1}'
    finally:
        process.kill()
        process.communicate()


def test_a_file_that_cannot_be_written_ends_the_broker(tmp_path: Path) -> None:
    process = start(tmp_path / "no such directory" / "ports.json")
    _out, errors = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 1
    assert b"server.port_file" in errors
