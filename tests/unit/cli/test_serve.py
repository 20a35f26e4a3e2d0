"""The real process: its lines, its exit statuses, how it stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from broker_process import BrokerProcess

EXIT_SECONDS_MAX = 30


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "onemq", *arguments],
        capture_output=True,
        text=True,
        timeout=EXIT_SECONDS_MAX,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_bad_setting_exits_2_and_names_itself(tmp_path: Path) -> None:
    done = run("serve", "--data", str(tmp_path), "--amqp-port", "70000")
    assert done.returncode == 2 and done.stdout == ""
    assert "amqp.port" in done.stderr and "'70000'" in done.stderr and "--amqp-port" in done.stderr
    assert run("serve", "--memory", ONEMQ_AMQP_FRAME_BYTES_MAX="1").returncode == 2
    assert run("serve", "--data", str(tmp_path), "--memory").returncode == 2
    assert run("serve", "--set", "novalue").returncode == 2
    assert run("serve", "--config", str(tmp_path / "absent.toml")).returncode == 2


def test_other_hosts_are_refused_without_a_user(tmp_path: Path) -> None:
    done = run("serve", "--data", str(tmp_path), "--host", "0.0.0.0", "--amqp-port", "0", "--http-port", "0")
    assert done.returncode == 2 and "server.host" in done.stderr


def test_bad_certificates_exit_2(tmp_path: Path) -> None:
    name = str(tmp_path / "none.pem")
    done = run("serve", "--memory", "--set", f"tls.certificate={name}", "--set", f"tls.key={name}")
    assert done.returncode == 2 and name in done.stderr


def test_hashes_and_version(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "onemq", "hash-password", "--stdin"],
        input="secret\n",
        capture_output=True,
        text=True,
        timeout=EXIT_SECONDS_MAX,
        check=True,
    )
    from onemq.model.passwords import parse_hash

    assert parse_hash(done.stdout.strip()).matches("secret")
    assert run("--version").stdout.startswith("onemq ")


@pytest.mark.parametrize("memory", [True, False])
def test_serves_and_stops_in_order(tmp_path: Path, memory: bool) -> None:
    broker = BrokerProcess(tmp_path, memory=memory)
    broker.start()
    try:
        http = HTTPConnection("127.0.0.1", broker.ports["http"], timeout=10)
        answers = []
        for path in ("/health/live", "/health/ready", "/metrics", "/nothing"):
            http.request("GET", path)
            answer = http.getresponse()
            answers.append((answer.status, answer.read()))
        http.close()
        assert [status for status, _ in answers] == [200, 200, 200, 404]
        assert b'onemq_connections{protocol="http"} 1\n' in answers[2][1]
        # A connection that has not even greeted must not hold up the stop.
        with socket.create_connection(("127.0.0.1", broker.port)):
            assert broker.terminate() == 0
    finally:
        broker.kill9()


def test_a_second_process_on_the_same_data_is_refused(tmp_path: Path) -> None:
    broker = BrokerProcess(tmp_path)
    broker.start()
    try:
        done = run("serve", "--data", str(tmp_path / "data"), "--amqp-port", "0", "--http-port", "0")
        assert done.returncode == 1
        assert "in use" in done.stderr and str(broker.pid) in done.stderr and "listening" not in done.stdout
        taken = run("serve", "--memory", "--amqp-port", str(broker.port), "--http-port", "0")
        assert taken.returncode == 1 and f"127.0.0.1:{broker.port}" in taken.stderr
        assert "listening" not in taken.stdout
    finally:
        broker.kill9()


def test_interrupt_is_an_orderly_stop_too(tmp_path: Path) -> None:
    broker = BrokerProcess(tmp_path, memory=True)
    broker.start()
    try:
        os.kill(broker.pid, signal.SIGINT)
        deadline = time.monotonic() + EXIT_SECONDS_MAX
        while broker.running and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not broker.running and broker.terminate() == 0
    finally:
        broker.kill9()
