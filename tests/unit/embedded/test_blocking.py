"""The broker in this process: every call, threads, its ends. Real listeners, a thread of its own; no client but the API."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

import onemq
from onemq.config_sources import BadSettings
from onemq.embedded.blocking import BlockingBroker
from onemq.storage.keeping_store import KeepingStore


@pytest.fixture(scope="module")
def shared() -> Iterator[BlockingBroker]:
    with onemq.Broker() as broker:
        yield broker


@pytest.fixture
def broker(shared: BlockingBroker) -> Iterator[BlockingBroker]:
    before = shared.names()
    yield shared
    shared.delete_since(before)


def can_connect(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_each_listener_is_where_it_says(broker: BlockingBroker) -> None:
    ports = broker.ports
    assert set(ports) >= {"amqp", "kafka", "aws", "http"}
    assert len(set(ports.values())) == len(ports)
    assert all(can_connect(port) for port in ports.values())
    assert broker.amqp_url == f"amqp://guest:guest@127.0.0.1:{ports['amqp']}/%2F"
    assert broker.kafka_bootstrap == f"127.0.0.1:{ports['kafka']}"
    assert broker.aws_endpoint == f"http://127.0.0.1:{ports['aws']}"
    assert broker.http_url == f"http://127.0.0.1:{ports['http']}"


def test_a_message_there_and_back(broker: BlockingBroker) -> None:
    broker.declare_queue("orders")
    assert broker.publish("orders", "one", key="k", headers={"a": "b", "none": None})
    message = broker.get("orders")
    assert message is not None
    assert (message.body, message.text(), message.key) == (b"one", "one", b"k")
    assert message.headers == {"a": b"b", "none": None}
    assert message.attempts == 0
    assert broker.count("orders") == (0, 1, 0)
    message.ack()
    assert broker.count("orders") == (0, 0, 0)
    assert broker.get("orders") is None
    with pytest.raises(onemq.Refused) as refused:
        message.ack()
    assert refused.value.reason == "UNKNOWN_DELIVERY"


def test_nack_gives_back_or_buries(broker: BlockingBroker) -> None:
    broker.declare_queue("dead")
    broker.declare_queue("orders", dead_letter_to="dead")
    broker.publish("orders", "poison")
    for attempt in range(3):
        message = broker.get("orders")
        assert message is not None
        assert message.attempts == attempt
        message.nack()
    message = broker.get("orders")
    assert message is not None
    message.nack(requeue=False)
    assert broker.count("orders") == (0, 0, 0)
    (dead,) = broker.peek("dead")
    assert dead.died == [("orders", "rejected", 1)]
    assert broker.redrive("dead") == 1
    assert [each.text() for each in broker.peek("orders")] == ["poison"]
    assert broker.peek("dead") == []


def test_delivery_limit(broker: BlockingBroker) -> None:
    broker.declare_queue("dead")
    broker.declare_queue("orders", dead_letter_to="dead", delivery_limit=1)
    broker.publish("orders", "poison")
    for _ in range(2):
        message = broker.get("orders", wait=30)
        assert message is not None
        message.nack()
    dead = broker.get("dead", wait=30)
    assert dead is not None
    assert dead.died == [("orders", "delivery_limit", 1)]


def test_an_iterator_waits_ends_and_is_bounded(broker: BlockingBroker) -> None:
    broker.declare_queue("orders")
    for number in range(20):
        broker.publish("orders", str(number))
    with broker.consume("orders", prefetch=3) as messages:
        held = [next(messages) for _ in range(3)]
        assert broker.count("orders") == (17, 3, 0)
        held[0].ack()
        assert next(messages).text() == "3"
        held[1].ack()
    # What was not settled is back.
    assert broker.count("orders") == (18, 0, 0)
    with broker.consume("orders", wait=0.05) as rest:
        texts = []
        for message in rest:
            texts.append(message.text())
            message.ack()
    assert texts == [str(number) for number in range(20) if number not in (0, 1)]


def test_a_consumer_ends_with_its_queue(broker: BlockingBroker) -> None:
    broker.declare_queue("orders")
    messages = broker.consume("orders")
    ended = threading.Event()

    def consume() -> None:
        for _message in messages:
            pass
        ended.set()

    thread = threading.Thread(target=consume)
    thread.start()
    broker.delete_queue("orders")
    assert ended.wait(30)
    thread.join()


def test_from_many_threads(broker: BlockingBroker) -> None:
    broker.declare_queue("orders")
    got: list[str] = []
    messages = broker.consume("orders", wait=30)

    def produce(name: int) -> None:
        for number in range(50):
            broker.publish("orders", f"{name}-{number}")

    def consume() -> None:
        while len(got) < 200:
            message = next(messages, None)
            if message is None:
                return
            got.append(message.text())
            message.ack()
            if len(got) == 200:
                messages.close()

    threads = [threading.Thread(target=produce, args=(name,)) for name in range(4)]
    threads += [threading.Thread(target=consume) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(got) == sorted(f"{name}-{number}" for name in range(4) for number in range(50))
    assert broker.count("orders") == (0, 0, 0)


def test_topics(broker: BlockingBroker) -> None:
    broker.declare_topic("events", partitions=3)
    broker.declare_topic("events", partitions=3)
    for number in range(9):
        assert broker.publish("events", str(number), key=f"key {number % 2}", headers={"n": str(number)})
    seen = broker.peek("events", 100)
    assert sorted(each.text() for each in seen) == [str(number) for number in range(9)]
    # One key, one partition, in order.
    for key in (b"key 0", b"key 1"):
        texts = [each.text() for each in seen if each.key == key]
        assert texts == sorted(texts)
    broker.delete_topic("events")
    with pytest.raises(onemq.Refused, match="not found"):
        broker.peek("events")


def test_refusals_say_what_and_why(broker: BlockingBroker) -> None:
    for call in (
        lambda: broker.publish("nowhere", "x"),
        lambda: broker.get("nowhere"),
        lambda: broker.peek("nowhere"),
        lambda: broker.count("nowhere"),
        lambda: broker.redrive("nowhere"),
        lambda: broker.consume("nowhere"),
    ):
        with pytest.raises(onemq.Refused, match="'nowhere'") as refused:
            call()
        assert refused.value.reason == "NOT_FOUND"
    broker.declare_queue("orders", length_max=1, arguments={"x-overflow": "reject-publish"})
    broker.publish("orders", "x")
    with pytest.raises(onemq.Refused, match="full"):
        broker.publish("orders", "y")
    with pytest.raises(onemq.Refused) as refused:
        broker.declare_queue("orders")
    assert refused.value.reason == "EXISTS_OTHERWISE"
    with pytest.raises(onemq.Refused, match="x-max-priority"):
        broker.declare_queue("other", arguments={"x-max-priority": -1})


def test_settings_are_checked_and_the_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEMQ_NO_SUCH_SETTING", "1")
    with pytest.raises(BadSettings, match=r"kafka\.partitions"):
        onemq.Broker(settings={"kafka.partitions": 0})
    with pytest.raises(BadSettings, match="no_such"):
        onemq.Broker(settings={"kafka": {"no_such": 0}})
    with pytest.raises(ValueError, match="memory"):
        onemq.Broker("data", memory=True)
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    users = {"alice": {"password": "s3/cret", "access_keys": {"AK": "SK"}, "permissions": {"/": everything}}}
    with onemq.Broker(settings={"kafka": {"port": "off"}, "users": users}) as broker:
        assert "kafka" not in broker.ports
        assert broker.amqp_url.startswith("amqp://alice:s3%2Fcret@127.0.0.1:")
        assert broker.aws_options["aws_access_key_id"] == "AK"
        with pytest.raises(onemq.BrokerFailed, match="kafka is off"):
            _ = broker.kafka_bootstrap


def test_tls_listeners_are_there_when_there_is_a_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    tls = {"certificate": str(tmp_path / "certificate.pem"), "key": str(tmp_path / "key.pem")}
    with onemq.Broker(settings={"tls": tls}) as broker:
        assert set(broker.ports) >= {"amqp", "amqps", "kafka", "kafkas", "aws", "awss", "http", "https"}
        context = ssl.create_default_context()
        authority.configure_trust(context)
        for name in ("amqps", "kafkas", "awss", "https"):
            plain = socket.create_connection(("127.0.0.1", broker.ports[name]), timeout=30)
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted:
                assert encrypted.version() is not None


def test_a_journal_in_memory_does_not_grow_for_ever(broker: BlockingBroker) -> None:
    broker.declare_queue("orders")
    for _ in range(40):
        broker.publish("orders", b"x" * 500_000)
        message = broker.get("orders")
        assert message is not None
        message.ack()
    store = broker._running().server.store
    assert isinstance(store, KeepingStore)
    assert store.kept_bytes() < 12_000_000


def test_messages_that_nobody_saw_have_not_failed(broker: BlockingBroker) -> None:
    broker.declare_queue("dead")
    broker.declare_queue("orders", dead_letter_to="dead", delivery_limit=1)
    broker.publish("orders", "x")
    for _ in range(5):
        broker.consume("orders").close()
    assert broker.count("orders") == (1, 0, 0)


def test_twenty_starts_leave_nothing_behind(tmp_path: Path) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = 0
    others = set(threading.enumerate())  # Brokers that other tests share.
    for round_number in range(20):
        with onemq.Broker(tmp_path / "data" if round_number % 2 else None) as broker:
            broker.declare_queue("orders")
            broker.publish("orders", "x")
            ports = list(broker.ports.values())
        # At once: a little later they may be some other process's.
        assert not any(can_connect(port) for port in ports)
        if round_number == 3:
            before = open_files()
    assert open_files() <= before
    left = [thread.name for thread in threading.enumerate() if thread not in others]
    assert not [name for name in left if name.startswith("onemq")], left
    with onemq.Broker(tmp_path / "data") as broker:
        assert broker.count("orders") == (10, 0, 0)


def test_several_at_once_know_nothing_of_each_other() -> None:
    with onemq.Broker() as first, onemq.Broker() as second:
        first.declare_queue("orders")
        first.publish("orders", "x")
        with pytest.raises(onemq.Refused):
            second.publish("orders", "x")


def test_a_directory_that_is_in_use_is_refused(tmp_path: Path) -> None:
    with onemq.Broker(tmp_path / "data"), pytest.raises(onemq.BrokerFailed, match="data directory"):
        BlockingBroker(tmp_path / "data").start()


def test_a_failing_disk_fails_this_broker_and_not_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with onemq.Broker(tmp_path / "data") as broker, onemq.Broker() as other:
        broker.declare_queue("orders")
        port = broker.ports["amqp"]

        def broken(handle: int) -> None:
            raise OSError(5, "the disk is gone")

        for name in ("fdatasync", "fsync"):
            monkeypatch.setattr(os, name, broken)
        with pytest.raises(onemq.BrokerFailed, match="the disk is gone"):
            broker.publish("orders", "x")
        assert "the disk is gone" in broker.failure
        assert not broker.running
        with pytest.raises(onemq.BrokerFailed, match="the disk is gone"):
            broker.publish("orders", "x")
        other.declare_queue("orders")
        assert other.publish("orders", "x")
        assert not can_connect(port)
    monkeypatch.undo()
    with onemq.Broker(tmp_path / "data") as broker:
        assert broker.names().queues == {"orders"}
