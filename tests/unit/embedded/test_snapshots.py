"""Snapshots: what a restart would find, from and to both kinds of broker."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import onemq
from onemq.embedded.blocking import BlockingBroker

SMALL = {
    "storage.journal_bytes_max": 1 << 20,
    "storage.segment_bytes": 64 << 10,
    "memory.tail_bytes_max": 1 << 20,
}
"""So that a few megabytes make checkpoints and segments."""

KINDS = list(itertools.product([False, True], repeat=2))


def fill(broker: BlockingBroker) -> None:
    broker.declare_queue("dead")
    broker.declare_queue("orders", dead_letter_to="dead")
    broker.declare_topic("events", partitions=2)
    for number in range(30):
        broker.publish("orders", f"{number} " + "x" * 100_000)
        broker.publish("events", f"event {number} " + "y" * 50_000, key=str(number))
    for _ in range(10):
        message = broker.get("orders")
        assert message is not None
        message.ack()
    message = broker.get("orders")
    assert message is not None
    message.nack(requeue=False)
    # In somebody's hands: after a restore it is ready.
    assert broker.get("orders") is not None


def numbers(broker: BlockingBroker) -> list[int]:
    return [int(each.text().split()[0]) for each in broker.peek("orders", 100)]


def check(broker: BlockingBroker) -> None:
    assert numbers(broker) == list(range(11, 30))
    (dead,) = broker.peek("dead")
    assert dead.died == [("orders", "rejected", 1)]
    events = list(broker.peek("events", 100))
    assert sorted(int(each.text().split()[1]) for each in events) == list(range(30))
    assert all(each.key == each.text().split()[1].encode() for each in events)


@pytest.mark.parametrize(("from_disk", "to_disk"), KINDS)
def test_from_either_kind_to_either(tmp_path: Path, from_disk: bool, to_disk: bool) -> None:
    saved = tmp_path / "saved"
    with onemq.Broker(tmp_path / "first" if from_disk else None, settings=SMALL) as broker:
        fill(broker)
        broker.snapshot(saved)
        # It goes on as before, and what comes now is not in the snapshot.
        broker.publish("orders", "99 later")
        assert numbers(broker)[-1] == 99
        broker.purge_queue("dead")
    for attempt in range(2):
        data = tmp_path / f"second {attempt}" if to_disk else None
        with onemq.Broker(data, settings=SMALL, restore=saved) as broker:
            check(broker)
            broker.snapshot(tmp_path / f"again {attempt}")
            with broker.consume("orders", wait=0.05) as messages:
                for message in messages:
                    message.ack()
            broker.delete_topic("events")
    with onemq.Broker(restore=tmp_path / "again 1") as broker:
        check(broker)


def test_the_clock_is_in_it(tmp_path: Path) -> None:
    with onemq.Broker() as broker:
        broker.declare_queue("orders")
        broker.clock.advance(1000)
        broker.publish("orders", "x", delay=3600)
        at = broker.clock.now()
        broker.snapshot(tmp_path / "saved")
    with onemq.Broker(restore=tmp_path / "saved") as broker:
        assert broker.clock.now() >= at
        assert broker.count("orders") == (0, 0, 1)
        broker.clock.advance(3600)
        assert broker.count("orders") == (1, 0, 0)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    with onemq.Broker(tmp_path / "data") as broker:
        broker.declare_queue("orders")
        broker.snapshot(saved)
        with pytest.raises(onemq.BrokerFailed, match="something is there"):
            broker.snapshot(saved)
    with pytest.raises(onemq.BrokerFailed, match="has data already"):
        BlockingBroker(tmp_path / "data", restore=saved).start()
    with pytest.raises(onemq.BrokerFailed, match="not a snapshot"):
        BlockingBroker(restore=tmp_path / "data").start()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "saved"]
