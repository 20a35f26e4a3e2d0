"""What doctor says of a broker that runs, from what its health says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from onemq.cli.checks.broker import check_broker
from onemq.cli.checks.check import OK, PROBLEM, WARNING

ANSWERS: dict[str, tuple[int, str]] = {}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, text = ANSWERS.get(self.path, (404, "no\n"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def url() -> Generator[str, None, None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    overview = {"alarms": [], "resident_bytes": 1 << 20, "connections": 3}
    ANSWERS.clear()
    ANSWERS.update(
        {
            "/health/live": (200, "live\n"),
            "/health/ready": (200, "ready\n"),
            "/v1/overview": (200, json.dumps(overview)),
        }
    )
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def states(url: str) -> list[str]:
    return [each.state for each in check_broker(url, True, "guest", "guest")]


def test_well(url: str) -> None:
    assert states(url) == [OK, OK]


def test_not_ready_and_with_an_alarm(url: str) -> None:
    ANSWERS["/health/ready"] = (503, "not ready: no disk\n")
    overview = {"alarms": ["disk"], "resident_bytes": 1 << 20, "connections": 3}
    ANSWERS["/v1/overview"] = (200, json.dumps(overview))
    ready, alarms = check_broker(url, True, "guest", "guest")
    assert ready.state == PROBLEM and "no disk" in ready.found
    assert alarms.state == PROBLEM and "disk" in alarms.found


def test_without_a_login(url: str) -> None:
    ANSWERS["/v1/overview"] = (401, "{}")
    assert states(url) == [OK, WARNING]


def test_somebody_else(url: str) -> None:
    ANSWERS["/health/live"] = (404, "no\n")
    assert states(url) == [PROBLEM]


def test_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    assert [each.state for each in check_broker(url, True, "guest", "guest")] == [PROBLEM]
    assert [each.state for each in check_broker(url, False, "guest", "guest")] == [OK]
