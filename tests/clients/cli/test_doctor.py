"""`onemq doctor` on this machine, beside a real broker."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from clients.cli.conftest import Cli

SECTIONS = ("amqp", "kafka", "aws", "http", "metrics")
FREE = [f"--set={name}.port=0" for name in SECTIONS]


def doctor(onemq: Cli, *arguments: str, status: int = 0) -> dict[str, Any]:
    done = onemq.run("doctor", *arguments, "--json", status=status)
    return {each["check"]: each for each in json.loads(done.stdout)}


def test_no_problem_here(onemq: Cli, tmp_path: Path) -> None:
    found = doctor(onemq, "--data", str(tmp_path / "data"), *FREE)
    looked_at = {
        "settings",
        "data directory",
        "file system",
        "free space",
        "disk speed",
        "sync",
        "open files",
    }
    assert looked_at | {"memory", "clock", "build", "running broker", "alarms"} <= set(found)
    assert found["running broker"]["found"] == f"{onemq.url} is live and ready"
    assert all(each["advice"] for each in found.values() if each["state"] != "ok")
    assert not list(tmp_path.iterdir()), "what it made for measuring is gone"
    assert "0 problems" in onemq.text("doctor", "--memory", *FREE)


def test_the_broker_that_runs_here_is_no_problem(onemq: Cli) -> None:
    ports = [f"--set={name}.port={port}" for name, port in onemq.broker.ports.items()]
    data = str(onemq.broker.directory / "data")
    found = doctor(onemq, "--data", data, "--set=metrics.port=0", *ports)
    mine = f"the broker that runs here (process {onemq.broker.pid})"
    assert found["used by"]["found"] == mine
    for name, port in onemq.broker.ports.items():
        assert f"process {onemq.broker.pid}" in found[f"port {port} ({name}.port)"]["found"]


def test_another_broker_has_the_ports_or_the_data(onemq: Cli, tmp_path: Path) -> None:
    port = onemq.broker.ports["kafka"]
    found = doctor(onemq, "--data", str(tmp_path), *FREE, f"--set=kafka.port={port}", status=1)
    taken = found[f"port {port} (kafka.port)"]
    assert taken["state"] == "problem" and f"another broker, process {onemq.broker.pid}" in taken["found"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        data = str(onemq.broker.directory / "data")
        found = doctor(onemq, "--data", data, *FREE, f"--set=amqp.port={port}", status=1)
    assert (
        found["used by"]["state"] == "problem" and f"process {onemq.broker.pid}" in found["used by"]["found"]
    )
    taken = found[f"port {port} (amqp.port)"]
    assert taken["state"] == "problem" and f"process {os.getpid()}" in taken["found"]
    assert "amqp.port" in taken["advice"]


def test_no_broker_where_one_has_to_be(onemq: Cli, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    found = doctor(onemq, "--memory", *FREE, "--url", url, status=1)
    assert (
        found["running broker"]["state"] == "problem" and "onemq serve" in found["running broker"]["advice"]
    )
