"""The real process stopped in order under load, started twice on one directory, and left without the right to write."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from broker_process import BrokerProcess
from crash.raw_client import SECONDS_MAX, Gone, RawClient, drain
from onemq.heads.amqp091.methods import ConnectionClose

QUEUE = "stopped"
DRAIN_SECONDS = 2


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path / "broker", arguments=["--set", f"server.drain_seconds={DRAIN_SECONDS}"])
    yield process
    process.kill9()


def body(number: int) -> bytes:
    return f"{number}:".encode() + bytes([number % 256]) * (number % 700)


def test_an_orderly_stop_under_load(broker: BrokerProcess) -> None:
    """The peer gets its confirms and a goodbye, the process ends in time, the next start has nothing to replay."""
    broker.start()
    client = RawClient(broker.host, broker.port)
    client.declare(QUEUE)
    client.confirm_select()
    by = time.monotonic() + SECONDS_MAX
    stopping = False
    try:
        while True:
            assert time.monotonic() < by, "the load goes on"
            if client.published - client.confirmed < 500 and not client.unsent_bytes():
                first = client.published + 1
                client.publish(QUEUE, *(body(number) for number in range(first, first + 20)))
            client.flush()
            client.hear(0.002)
            if client.confirmed > 1000 and not stopping:
                stopping = True
                asked = time.monotonic()
                os.kill(broker.pid, signal.SIGTERM)
            if client.methods:
                break
    except Gone:
        raise AssertionError("no goodbye") from None
    goodbye = client.expect(ConnectionClose)
    assert isinstance(goodbye, ConnectionClose)
    assert goodbye.reply_code == 320
    client.close()
    while broker.running:
        assert time.monotonic() < by, broker.log_tail()
        time.sleep(0.01)
    assert broker.terminate() == 0
    # Connections and the last checkpoint have drain_seconds each; the rest is for a busy machine.
    assert time.monotonic() - asked < 2 * DRAIN_SECONDS + SECONDS_MAX
    confirmed = client.confirmed
    saved = re.findall(r"checkpoint at position (\d+)", broker.log())
    broker.start()
    opened = re.findall(r"opened at position (\d+)", broker.log())
    assert saved, broker.log_tail()
    assert int(opened[-1]) == int(saved[-1]), "commits after the last checkpoint had to be replayed"
    found = drain(broker.host, broker.port, QUEUE)
    assert len(found) >= confirmed
    assert found == [body(number) for number in range(1, len(found) + 1)]


def test_a_second_process_on_the_same_directory_is_refused(broker: BrokerProcess) -> None:
    broker.start()
    data = broker.directory / "data"
    second = subprocess.run(
        [
            sys.executable,
            "-m",
            "onemq",
            "serve",
            "--data",
            str(data),
            "--amqp-port",
            "0",
            "--http-port",
            "off",
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    assert second.returncode == 1
    assert "ready" not in second.stdout
    assert str(data) in second.stderr
    assert str(broker.pid) in second.stderr
    # The first one has not noticed.
    client = RawClient(broker.host, broker.port)
    client.declare(QUEUE)
    client.confirm_select()
    client.publish(QUEUE, b"still here")
    client.await_confirms(1)
    client.close()
    # The lock goes with its process, however that ends.
    broker.kill9()
    broker.start()
    assert drain(broker.host, broker.port, QUEUE) == [b"still here"]


def test_a_damaged_journal_is_not_started_from(broker: BrokerProcess) -> None:
    """A flipped bit in the middle of what was synced is damage, not the end of the journal: the broker must not go on."""
    broker.start()
    client = RawClient(broker.host, broker.port)
    client.declare(QUEUE)
    client.confirm_select()
    for number in range(1, 200):
        client.publish(QUEUE, body(number))
        client.await_confirms(number)
    broker.kill9()
    client.close()
    (journal,) = (broker.directory / "data" / "journal").glob("*.log")
    data = bytearray(journal.read_bytes())
    at = data.find(body(150)[:4])
    assert at > 0
    data[at] ^= 1
    journal.write_bytes(bytes(data))
    before = len(broker.log())
    with pytest.raises(AssertionError, match="exited before it was ready"):
        broker.start()
    assert journal.name in broker.log()[before:]
