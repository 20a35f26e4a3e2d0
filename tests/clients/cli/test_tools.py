"""status, bench, doctor, hash-password: what they say, and how they end."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from clients.cli.conftest import Cli
from onemq.model.passwords import parse_hash


def test_status(onemq: Cli) -> None:
    found = onemq.json("status")
    ports = {each["protocol"]: each["port"] for each in found["listeners"]}
    assert {name: ports[name] for name in ("amqp", "kafka", "aws", "http")} == onemq.broker.ports
    text = onemq.text("status")
    assert f"process {onemq.broker.pid}" in text and "alarms" in text


@pytest.mark.parametrize("protocol", ["amqp", "kafka", "sqs"])
def test_bench_loads_a_running_broker_over_each_protocol(onemq: Cli, protocol: str) -> None:
    before = {queue["name"] for queue in onemq.json("queues", "list")}
    found = onemq.json(
        "bench", "--protocol", protocol, "--messages", "200", "--duration", "30s", "--size", "64"
    )
    assert found["published"] >= 200 and found["consumed"] == found["published"]
    for latencies in (found["publish_ms"], found["delivery_ms"]):
        assert (
            0
            < latencies["p50"]
            <= latencies["p90"]
            <= latencies["p99"]
            <= latencies["p99_9"]
            <= latencies["max"] + 1
        )
    left = {queue["name"] for queue in onemq.json("queues", "list")} - before
    assert not [name for name in left if name.startswith("onemq-bench-")]


def test_bench_on_an_existing_queue_and_with_one_side_only(onemq: Cli, name: str) -> None:
    onemq.run("queues", "create", name)
    arguments = ("bench", "--target", name, "--messages", "50", "--duration", "30s")
    assert onemq.json(*arguments, "--consumers", "0")["published"] >= 50
    waiting = onemq.json("queues", "show", name)["queue"]["ready"]
    assert waiting >= 50
    text = onemq.text("bench", "--target", name, "--producers", "0", "--duration", "2s")
    assert "delivery latencies" in text
    assert "there is nothing to do" in onemq.fails("bench", "--producers", "0", "--consumers", "0", status=2)
    assert "--duration" in onemq.fails("bench", "--duration", "2h", status=2)


def doctor(onemq: Cli, *arguments: str, status: int = 0) -> dict[str, Any]:
    import json

    done = onemq.run("doctor", *arguments, "--json", status=status)
    return {each["check"]: each for each in json.loads(done.stdout)}


def free_ports() -> list[str]:
    return [f"--set={name}.port=0" for name in ("amqp", "kafka", "aws", "http", "metrics")]


def test_doctor_finds_nothing_bad_here(onemq: Cli, tmp_path: Path) -> None:
    found = doctor(onemq, "--data", str(tmp_path / "data"), *free_ports())
    assert {"settings", "open files", "memory", "clock", "disk speed", "sync", "free space"} <= set(found)
    assert all(each["state"] != "bad" for each in found.values())
    assert not list(tmp_path.iterdir()), "what it made for measuring is gone"
    text = onemq.text("doctor", "--data", str(tmp_path), *free_ports())
    assert "0 bad" in text


def test_doctor_says_who_has_a_port(onemq: Cli, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        arguments = ["--data", str(tmp_path), *free_ports(), f"--set=amqp.port={port}"]
        found = doctor(onemq, *arguments, status=1)[f"amqp.port {port}"]
    assert found["state"] == "bad" and f"process {os.getpid()}" in found["found"]
    assert "--amqp-port" in found["advice"]
    port = onemq.broker.ports["kafka"]
    arguments = ["--data", str(tmp_path), *free_ports(), f"--set=kafka.port={port}"]
    found = doctor(onemq, *arguments)[f"kafka.port {port}"]
    assert found["state"] == "note" and f"process {onemq.broker.pid}" in found["found"]


def test_doctor_says_what_is_wrong_with_the_settings_and_the_directory(onemq: Cli, tmp_path: Path) -> None:
    settings = tmp_path / "onemq.toml"
    settings.write_text("[amqp]\nprot = 1\n")
    found = doctor(onemq, "--config", str(settings), status=1)
    assert "amqp.port" in found["settings"]["found"]
    file = tmp_path / "file"
    file.write_text("")
    found = doctor(onemq, "--data", str(file), *free_ports(), status=1)
    assert found["data"]["state"] == "bad" and "is a file" in found["data"]["found"]
    found = doctor(onemq, "--set=storage.memory=true", *free_ports())
    assert found["data"]["state"] == "note"


def test_hashes(onemq: Cli) -> None:
    text = onemq.text("hash-password", "--stdin", input="secret\n").strip()
    assert parse_hash(text).matches("secret")
    assert parse_hash(onemq.json("hash-password", "--stdin", input="secret\n")["password_hash"]).matches(
        "secret"
    )
    assert "an empty password" in onemq.fails("hash-password", "--stdin", status=2)
