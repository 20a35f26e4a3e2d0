"""`onemq bench` on a real broker: what it counts is what went through, and nothing of it is left. No test looks at how fast it was."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import closing
from typing import Any

import pytest

from broker_process import BrokerProcess
from clients.cli.conftest import SECONDS_MAX, Cli
from clients.cli.terminal import Terminal


def left(onemq: Cli) -> list[str]:
    """Queues and topics of loads."""
    names = [queue["name"] for queue in onemq.json("queues", "list")]
    names += [topic["name"] for topic in onemq.json("topics", "list")]
    return [name for name in names if name.startswith("onemq-bench-")]


def wait_for(onemq: Cli, process: subprocess.Popen[str]) -> None:
    """Until its messages come."""
    deadline = time.monotonic() + SECONDS_MAX
    counted = onemq.json("status")["counters"]["published"]
    while onemq.json("status")["counters"]["published"] == counted:
        assert process.poll() is None and time.monotonic() < deadline


def ordered(latencies: dict[str, Any]) -> bool:
    values = [latencies[name] for name in ("p50", "p90", "p99", "p99_9", "max")]
    return values == sorted(values) and values[0] > 0


@pytest.mark.parametrize("protocol", ["amqp", "kafka", "sqs"])
def test_a_load_over_each_protocol(onemq: Cli, protocol: str) -> None:
    before = onemq.json("status")["counters"]["published"]
    arguments = ("--messages", "300", "--seconds", "40", "--size", "64", "--connections", "2")
    found = onemq.json("bench", protocol, *arguments)
    assert found["published"] == found["consumed"] == 300 and not found["interrupted"]
    assert found["producers"] == found["consumers"] == 2 and found["size"] == 64
    assert ordered(found["publish_ms"]) and ordered(found["delivery_ms"])
    assert onemq.json("status")["counters"]["published"] - before >= 300
    assert left(onemq) == []


@pytest.mark.parametrize("protocol", ["amqp", "kafka"])
def test_without_confirms_all_arrives_as_well(onemq: Cli, protocol: str) -> None:
    found = onemq.json("bench", protocol, "--no-confirm", "--messages", "300", "--seconds", "40")
    assert found["published"] == found["consumed"] == 300
    assert found["publish_ms"]["p50"] is None and ordered(found["delivery_ms"])


def test_big_messages_at_a_rate_and_nobody_who_takes_them(onemq: Cli) -> None:
    arguments = ("--size", "300000", "--rate", "50", "--messages", "10", "--seconds", "40")
    found = onemq.json("bench", "amqp", *arguments)
    assert found["published"] == found["consumed"] == 10 and found["rate"] == 50
    assert found["seconds"] >= 9 / 50, "the tenth is not due sooner"
    text = onemq.text("bench", "sqs", "--consumers", "0", "--messages", "20", "--seconds", "40")
    assert "publish to confirm" in text and "delivery" not in text
    assert left(onemq) == []


def test_what_cannot_be(onemq: Cli) -> None:
    for arguments in (
        ("sqs", "--no-confirm"),
        ("sqs", "--size", "300000"),
        ("amqp", "--batch", "5"),
        ("kafka", "--namespace", "other"),
        ("--producers", "0"),
        ("--producers", "3", "--messages", "2"),
        ("--seconds", "7200"),
        ("mqtt",),
    ):
        onemq.fails("bench", *arguments, status=2)
    assert "refuses the login" in onemq.fails("bench", "--password", "wrong")
    port = str(onemq.broker.ports["http"])
    assert "the load failed" in onemq.fails("bench", "amqp", "--port", port, "--seconds", "5")
    assert left(onemq) == []


def test_a_broker_that_goes_ends_the_load_with_a_reason(own_broker: BrokerProcess) -> None:
    onemq = Cli(own_broker)
    process = subprocess.Popen(
        onemq.command("bench", "--seconds", "50", "--rate", "100"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=onemq.environment(),
    )
    wait_for(onemq, process)
    own_broker.kill9()
    output, said = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 1 and output == ""
    assert "onemq: the load failed" in said and "is still there" in said and "Traceback" not in said


def test_a_terminated_load_deletes_its_queue(onemq: Cli) -> None:
    command = onemq.command("bench", "--seconds", "50", "--rate", "100", "--json")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=onemq.environment())
    wait_for(onemq, process)
    os.kill(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=SECONDS_MAX)
    assert left(onemq) == []
    found = json.loads(output)
    assert found["interrupted"] and found["published"] > 0 and process.returncode == 0


def test_it_is_watched_on_a_terminal_and_control_c_ends_it(onemq: Cli) -> None:
    arguments = ("bench", "--seconds", "50", "--rate", "200")
    with closing(Terminal(onemq.command(*arguments), onemq.environment())) as shown:
        counting = re.compile(r"publish to delivery +[1-9]")
        live = shown.until(lambda screen: "ctrl-C ends" in screen and counting.search(screen) is not None)
        assert "amqp: 100 bytes a message, onemq-bench-" in live
        assert "per second" in live and "p99.9" in live
        shown.type("\x03")
        shown.until(lambda screen: "publish to delivery, ms" in screen)
        assert shown.ends() == 0
        assert "#" in shown.screen
    assert left(onemq) == []
