"""Data directories of released format versions, as a killed broker left them, are opened and give exactly their messages.

How they were made is in golden_data.py. They are never made again: a broker that cannot read them is wrong.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from broker_process import BrokerProcess  # noqa: E402
from crash.raw_client import RawClient, drain  # noqa: E402
from onemq.heads.amqp091.methods import (  # noqa: E402
    BasicConsume,
    BasicConsumeOk,
    BasicQos,
    BasicQosOk,
    ChannelClose,
    QueueDeclare,
)

VERSIONS = sorted(path.name for path in (HERE / "data").iterdir())


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def broker(version: str, tmp_path: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path / "broker")
    shutil.copytree(HERE / "data" / version / "data", tmp_path / "broker" / "data")
    process.start()
    yield process
    process.kill9()


def expected(version: str) -> dict[str, list[bytes]]:
    told = json.loads((HERE / "data" / version / "expected.json").read_text(encoding="utf-8"))
    return {queue: [body.encode() for body in bodies] for queue, bodies in told.items()}


def test_every_queue_gives_its_messages(broker: BrokerProcess, version: str) -> None:
    wanted = expected(version)
    log = wanted.pop("log")
    for queue, bodies in wanted.items():
        assert drain(broker.host, broker.port, queue) == bodies, queue
    for _ in range(2):
        client = RawClient(broker.host, broker.port)
        client.say(BasicQos(0, 1000, False))
        client.expect(BasicQosOk)
        client.say(BasicConsume("log", "", arguments={"x-stream-offset": "first"}))
        client.expect(BasicConsumeOk)
        client.await_deliveries(len(log))
        assert [delivered.body for delivered in client.deliveries] == log
        client.close()
        # What was taken is taken, and a stream keeps: after a stop in order as well.
        broker.restart()
    for queue in wanted:
        assert drain(broker.host, broker.port, queue) == [], queue


def test_properties_and_history_are_kept(broker: BrokerProcess, version: str) -> None:
    client = RawClient(broker.host, broker.port)
    client.consume("work", prefetch=1)
    client.await_deliveries(1)
    properties = client.deliveries[0].properties
    assert properties.headers == {
        "number": 7,
        "name": "größer",
        "flag": True,
        "list": [1, "two"],
        "table": {"in": b"\0\1"},
    } | ({"x-delivery-count": 1} if "x-delivery-count" in (properties.headers or {}) else {})
    assert (properties.content_type, properties.delivery_mode, properties.priority) == ("text/plain", 2, 3)
    assert (properties.correlation_id, properties.reply_to) == ("correlation", "answers")
    assert (properties.message_id, properties.timestamp) == ("message-1", 1_700_000_000)
    assert (properties.type, properties.app_id) == ("kind", "golden")
    client.close()
    reader = RawClient(broker.host, broker.port)
    reader.consume("dead")
    reader.await_deliveries(len(expected(version)["dead"]))
    for delivered in reader.deliveries:
        headers = delivered.properties.headers or {}
        assert headers["x-first-death-queue"] == "work"
        assert headers["x-first-death-reason"] == "rejected"
    reader.close()


def test_entities_and_bindings_are_kept(broker: BrokerProcess) -> None:
    client = RawClient(broker.host, broker.port)
    # Declared again as it was: the same; its settings are compared.
    client.declare(
        "work", {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead", "x-max-priority": 5}
    )
    client.confirm_select()
    client.publish("asia.weather.tokyo", b"snow", exchange="news")
    client.publish("elsewhere", b"nobody", exchange="news")
    client.publish("", b"again to all", exchange="amq.fanout")
    client.await_confirms(3)
    assert drain(broker.host, broker.port, "copies") == [b"rain", b"sun", b"to all", b"snow", b"again to all"]
    client.say(QueueDeclare("memory", passive=True))
    refused = client.expect(ChannelClose)
    assert isinstance(refused, ChannelClose)
    assert refused.reply_code == 404
    client.close()


def test_the_fixture_is_small() -> None:
    for name in VERSIONS:
        size = sum(path.stat().st_size for path in (HERE / "data" / name).rglob("*") if path.is_file())
        assert size < 100 * 1024
