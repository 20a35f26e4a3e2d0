"""What README.md and the guide show is run: the first program in each protocol, and the commands that start the broker."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pika
import pytest

from example_runner import EXAMPLE_SECONDS_MAX, EXAMPLES, ROOT, STOP_SECONDS_MAX, Examples, until

FIRST_STEPS = EXAMPLES / "first_steps"
PORTS = {"localhost:5672": "amqp", "localhost:9092": "kafka", "127.0.0.1:4566": "aws"}


def run(examples: Examples, name: str) -> list[str]:
    """What a program prints; the ports that it names are those of the test's broker."""
    code = (FIRST_STEPS / f"{name}.py").read_text()
    for address, listener in PORTS.items():
        code = code.replace(address, f"127.0.0.1:{examples.broker.ports[listener]}")
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=EXAMPLE_SECONDS_MAX
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


def test_the_first_programs_meet_on_orders(examples: Examples) -> None:
    with pika.BlockingConnection(pika.URLParameters(examples.environment["AMQP_URL"])) as connection:
        channel = connection.channel()
        channel.queue_delete("orders")
        assert run(examples, "with_amqp") == ["b'{\"id\": 1}'"]
        assert run(examples, "with_kafka") == ["b'7' b'{\"id\": 2}'"]
        assert run(examples, "with_sqs") == ['{"id": 2}'], "Kafka's waits in the queue"
        _method, _properties, body = channel.basic_get("orders", auto_ack=True)
        assert body == b"hello"


def test_one_name_is_one_log(examples: Examples) -> None:
    with pika.BlockingConnection(pika.URLParameters(examples.environment["AMQP_URL"])) as connection:
        connection.channel().queue_delete("parcels")
    assert run(examples, "one_log") == (FIRST_STEPS / "one_log.txt").read_text().splitlines()


def test_a_look_with_the_command_line(examples: Examples) -> None:
    with pika.BlockingConnection(pika.URLParameters(examples.environment["AMQP_URL"])) as connection:
        channel = connection.channel()
        channel.queue_delete("parcels")
        channel.queue_declare("parcels", durable=True)
        lines = (FIRST_STEPS / "look.sh").read_text().splitlines()
        printed = {line.split()[1]: examples.command(line, examples.directory) for line in lines}
        assert "parcels" in printed["queues"]
        assert "parcel 3" in printed["peek"]
        assert "parcel 3" in printed["consume"]
        assert channel.queue_declare("parcels", passive=True).method.message_count == 0


def commands() -> list[str]:
    lines = (FIRST_STEPS / "serve.sh").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make")])
def test_make_knows_what_the_guide_tells(command: str) -> None:
    words = ["make", "--dry-run", *shlex.split(command)[1:]]
    finished = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=EXAMPLE_SECONDS_MAX)
    assert finished.returncode == 0, finished.stderr
    assert "onemq serve" in finished.stdout


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("onemq")])
def test_the_broker_starts_as_the_guide_tells(command: str, tmp_path: Path) -> None:
    program, *words = shlex.split(command)
    assert program == "onemq"
    words = [str(tmp_path / "data") if word.startswith("/var/") else word for word in words]
    listeners = ("AMQP", "KAFKA", "AWS", "HTTP", "METRICS")
    free = {f"ONEMQ_{name}_PORT": "0" for name in listeners}  # a flag of the command goes before
    log_path = tmp_path / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "onemq", *words],
            env={**os.environ, **free, "PYTHONUNBUFFERED": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: "ready in" in log_path.read_text() or process.poll() is not None, "it is ready")
        listening = set(re.findall(r"^listening (\w+) ", log_path.read_text(), re.MULTILINE))
        shown = set(re.findall(r"^listening (\w+) ", (ROOT / "docs" / "index.md").read_text(), re.MULTILINE))
        off = set(re.findall(r"--(\w+)-port off", command))
        assert listening == shown - off, log_path.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS_MAX) == 0
    finally:
        process.kill()
        process.wait()
