"""The real process on a disk that fills up: nothing is confirmed that is not there, publishers are told, nothing is lost,
and it goes on by itself when there is space again.

Needs the right to mount a small file system. What a failing sync does is tested over simulated files
(test_storage_simulation.py, tests/simulation): a real one cannot be had without a hook in the product.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from broker_process import BrokerProcess
from crash.raw_client import SECONDS_MAX, RawClient, drain
from onemq.heads.amqp091.methods import ConnectionBlocked, ConnectionUnblocked

QUEUE = "full"
DISK_BYTES = 6 << 20
BALLAST_BYTES = 3 << 20
BODY_BYTES = 8000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The broker's data directory on a file system of its own."""
    data = tmp_path / "broker" / "data"
    data.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=750", "tmpfs", str(data)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"may not mount a small file system: {mounted.stderr.strip()}")
    try:
        yield data
    finally:
        subprocess.run(["umount", "-l", str(data)], check=True)


@pytest.fixture
def broker(small_disk: Path, tmp_path: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path / "broker", arguments=["--set", "disk.free_bytes_min=0"])
    yield process
    process.kill9()


def body(number: int) -> bytes:
    return f"{number}:".encode().ljust(BODY_BYTES, bytes([number % 251]))


def fill(broker: BrokerProcess, ballast: Path) -> RawClient:
    """Publishes until the broker says that it is blocked."""
    broker.start()
    ballast.write_bytes(bytes(BALLAST_BYTES))
    client = RawClient(broker.host, broker.port)
    client.declare(QUEUE)
    client.confirm_select()
    by = time.monotonic() + SECONDS_MAX
    while not client.methods:
        assert time.monotonic() < by, f"{client.confirmed} confirmed, and the disk is still not full"
        if client.published - client.confirmed < 40 and not client.unsent_bytes():
            client.publish(QUEUE, body(client.published + 1))
        client.flush()
        client.hear(0.005)
    blocked = client.expect(ConnectionBlocked)
    assert isinstance(blocked, ConnectionBlocked)
    assert blocked.reason == "low on disk"
    return client


def test_a_full_disk_blocks_and_goes_on(broker: BrokerProcess, small_disk: Path) -> None:
    client = fill(broker, small_disk / "ballast")
    confirmed = client.confirmed
    assert confirmed * BODY_BYTES < DISK_BYTES, "more was confirmed than fits"
    assert client.published > confirmed
    # It tries again all the time, and must not confirm anything by that.
    assert not client.hear(1.5)
    assert client.confirmed == confirmed
    (small_disk / "ballast").unlink()
    client.expect(ConnectionUnblocked)
    client.await_confirms(client.published)
    client.close()
    found = drain(broker.host, broker.port, QUEUE)
    assert found == [body(number) for number in range(1, client.published + 1)]
    assert broker.running


def test_killed_on_a_full_disk(broker: BrokerProcess, small_disk: Path) -> None:
    client = fill(broker, small_disk / "ballast")
    broker.kill9()
    client.hear_the_rest()
    (small_disk / "ballast").unlink()
    broker.start()
    found = drain(broker.host, broker.port, QUEUE)
    assert len(found) >= client.confirmed
    assert found == [body(number) for number in range(1, len(found) + 1)]


def test_consumers_go_on_while_the_disk_is_full(broker: BrokerProcess, small_disk: Path) -> None:
    """What is durable already is delivered; what is taken makes room in the end."""
    client = fill(broker, small_disk / "ballast")
    confirmed = client.confirmed
    consumer = RawClient(broker.host, broker.port)
    consumer.consume(QUEUE, prefetch=10)
    consumer.await_deliveries(10)
    assert [delivered.body for delivered in consumer.deliveries] == [body(number) for number in range(1, 11)]
    assert client.confirmed == confirmed
    consumer.close()
    client.close()


def test_the_alarm_comes_before_the_disk_is_full(small_disk: Path, tmp_path: Path) -> None:
    """With disk.free_bytes_min publishers are held up while there is still space to write in."""
    broker = BrokerProcess(tmp_path / "broker", arguments=["--set", f"disk.free_bytes_min={BALLAST_BYTES}"])
    try:
        broker.start()
        client = RawClient(broker.host, broker.port)
        client.declare(QUEUE)
        client.confirm_select()
        client.publish(QUEUE, body(1))
        client.await_confirms(1)
        (small_disk / "ballast").write_bytes(bytes(BALLAST_BYTES))
        client.expect(ConnectionBlocked)
        assert "low on disk" in broker.log() or "disk alarm" in broker.log()
        # What was sent before is confirmed all the same.
        (small_disk / "ballast").unlink()
        client.expect(ConnectionUnblocked)
        client.publish(QUEUE, body(2))
        client.await_confirms(2)
        client.close()
    finally:
        broker.kill9()
