"""What survives a kill -9 and a restart, with pika. Each test has a broker of its own.

onemq promises more than RabbitMQ here: all queues share one journal, so a publish that was confirmed also makes durable
every ack and dead-lettering processed before it. A RabbitMQ killed at that moment may redeliver what was acknowledged,
and may lose a dead letter on its way.
"""

from __future__ import annotations

from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import AMQPConnectionError, AMQPError, ConnectionClosedByBroker
from pika.spec import BasicProperties
from pika_session import (
    Collector,
    channel_error,
    drain,
    fetch,
    get,
    parameters,
    wait_until,
)

from broker_process import BrokerProcess

PERSISTENT = BasicProperties(delivery_mode=2)
TRANSIENT = BasicProperties(delivery_mode=1)


def confirming_channel(broker: BrokerProcess) -> BlockingChannel:
    channel = pika.BlockingConnection(parameters(broker.url)).channel()
    channel.confirm_delivery()
    return channel


def crash(broker: BrokerProcess) -> BlockingChannel:
    """Kill the broker, start it again, and connect."""
    broker.kill9()
    broker.restart()
    return confirming_channel(broker)


def test_confirmed_persistent_messages_survive_in_order_and_transient_ones_do_not(
    own_broker: BrokerProcess,
) -> None:
    channel = confirming_channel(own_broker)
    channel.queue_declare("durable", durable=True)
    bodies = [f"{number}:".encode() + b"x" * (number * 97 % 5000) for number in range(200)]
    for number, body in enumerate(bodies):
        properties = BasicProperties(
            delivery_mode=2, message_id=str(number), headers={"n": number, "deep": {"a": [1, None]}}
        )
        channel.basic_publish("", "durable", body, properties)
        if number % 10 == 0:
            channel.basic_publish("", "durable", b"transient", TRANSIENT)
    channel = crash(own_broker)
    messages = [fetch(channel, "durable") for _ in bodies]
    assert [message.body for message in messages] == bodies
    assert [message.properties.message_id for message in messages] == [str(n) for n in range(200)]
    assert messages[7].headers == {"n": 7, "deep": {"a": [1, None]}}
    assert get(channel, "durable") is None


def test_topology_survives_by_its_durability(own_broker: BrokerProcess) -> None:
    channel = confirming_channel(own_broker)
    channel.queue_declare("durable", durable=True, arguments={"x-max-length": 10})
    channel.queue_declare("transient")
    channel.queue_declare("deleted", durable=True)
    channel.exchange_declare("durable-x", "topic", durable=True)
    channel.exchange_declare("behind-x", "fanout", durable=True)
    channel.exchange_declare("transient-x", "topic")
    channel.exchange_bind("behind-x", "durable-x", "far.#")
    channel.queue_bind("durable", "durable-x", "near.#")
    channel.queue_bind("durable", "durable-x", "removed.#")
    channel.queue_bind("durable", "behind-x")
    channel.queue_unbind("durable", "durable-x", "removed.#")
    channel.queue_delete("deleted")
    channel = crash(own_broker)
    connection = channel.connection
    for key in ("near.1", "far.1", "removed.1"):
        channel.basic_publish("durable-x", key, key, PERSISTENT)
    assert drain(channel, "durable") == [b"near.1", b"far.1"]
    # The arguments survive as well: the same declaration is accepted, another is not.
    channel.queue_declare("durable", durable=True, arguments={"x-max-length": 10})
    with channel_error(406, "inequivalent arg 'x-max-length'"):
        connection.channel().queue_declare("durable", durable=True, arguments={"x-max-length": 11})
    for queue in ("transient", "deleted"):
        with channel_error(404, f"no queue '{queue}'"):
            connection.channel().queue_declare(queue, passive=True)
    with channel_error(404, "no exchange 'transient-x'"):
        connection.channel().exchange_declare("transient-x", passive=True)


def test_unacknowledged_messages_return_redelivered_and_settled_ones_do_not(
    own_broker: BrokerProcess,
) -> None:
    channel = confirming_channel(own_broker)
    channel.queue_declare("work", durable=True)
    channel.queue_declare("dead", durable=True)
    channel.queue_declare(
        "rejecting",
        durable=True,
        arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"},
    )
    for number in range(6):
        channel.basic_publish("", "work", str(number), PERSISTENT)
    channel.basic_publish("", "rejecting", b"poison", PERSISTENT)
    held = [fetch(channel, "work", auto_ack=False) for _ in range(4)]
    channel.basic_ack(held[1].tag)
    channel.basic_nack(held[2].tag, requeue=False)
    channel.basic_reject(fetch(channel, "rejecting", auto_ack=False).tag, requeue=False)
    assert fetch(channel, "dead", auto_ack=False).body == b"poison"
    # A confirmed publish after them makes all of it durable.
    channel.basic_publish("", "work", b"6", PERSISTENT)
    channel = crash(own_broker)
    messages = [fetch(channel, "work") for _ in range(5)]
    assert [message.body for message in messages] == [b"0", b"3", b"4", b"5", b"6"]
    assert messages[0].redelivered and messages[1].redelivered
    poison = fetch(channel, "dead")
    assert (poison.body, poison.headers["x-death"][0]["queue"]) == (b"poison", "rejecting")
    assert [get(channel, queue) for queue in ("work", "dead", "rejecting")] == [None, None, None]


def test_purged_committed_and_prioritised_messages(own_broker: BrokerProcess) -> None:
    channel = confirming_channel(own_broker)
    connection = channel.connection
    channel.queue_declare("purged", durable=True)
    channel.queue_declare("priority", durable=True, arguments={"x-max-priority": 5})
    channel.queue_declare("committed", durable=True)
    channel.basic_publish("", "purged", b"gone", PERSISTENT)
    channel.queue_purge("purged")
    for priority in (1, 5, 3):
        channel.basic_publish(
            "", "priority", str(priority), BasicProperties(delivery_mode=2, priority=priority)
        )
    transactional = connection.channel()
    transactional.tx_select()
    transactional.basic_publish("", "committed", b"committed", PERSISTENT)
    transactional.tx_commit()
    transactional.basic_publish("", "committed", b"not committed", PERSISTENT)
    transactional.connection.process_data_events(0)
    channel = crash(own_broker)
    assert drain(channel, "purged") == []
    assert drain(channel, "priority") == [b"5", b"3", b"1"]
    assert drain(channel, "committed") == [b"committed"]


def test_quorum_queues_and_streams_survive(own_broker: BrokerProcess) -> None:
    channel = confirming_channel(own_broker)
    for queue_type in ("quorum", "stream"):
        channel.queue_declare(queue_type, durable=True, arguments={"x-queue-type": queue_type})
        for number in range(5):
            channel.basic_publish("", queue_type, str(number))  # they keep even what says it is transient
    channel = crash(own_broker)
    assert [fetch(channel, "quorum").body for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    channel.basic_publish("", "stream", b"5")
    channel.basic_qos(prefetch_count=10)
    collector = Collector(channel).consume("stream", arguments={"x-stream-offset": 3})
    messages = collector.wait(3)
    assert collector.bodies == [b"3", b"4", b"5"]
    assert [message.headers["x-stream-offset"] for message in messages] == [3, 4, 5]


def test_three_crashes_in_a_row(own_broker: BrokerProcess) -> None:
    channel = confirming_channel(own_broker)
    channel.queue_declare("work", durable=True)
    channel.queue_declare("barrier", durable=True)
    taken = 0
    for crash_number in range(3):
        for number in range(20):
            channel.basic_publish("", "work", str(crash_number * 20 + number), PERSISTENT)
        for _ in range(10):
            message = fetch(channel, "work", auto_ack=False)
            assert message.body == str(taken).encode()
            channel.basic_ack(message.tag)
            taken += 1
        channel.basic_publish("", "barrier", b"durable up to here", PERSISTENT)
        channel = crash(own_broker)
    assert drain(channel, "work") == [str(number).encode() for number in range(30, 60)]


def test_an_orderly_stop_says_goodbye_and_loses_nothing(own_broker: BrokerProcess) -> None:
    channel = confirming_channel(own_broker)
    channel.queue_declare("work", durable=True)
    channel.basic_publish("", "work", b"kept", PERSISTENT)
    own_broker.terminate()
    with pytest.raises(AMQPError) as caught:
        wait_until(channel, lambda: False)
    assert isinstance(caught.value, ConnectionClosedByBroker)
    assert caught.value.reply_code == 320
    assert "CONNECTION_FORCED" in caught.value.reply_text
    with pytest.raises(AMQPConnectionError):
        pika.BlockingConnection(parameters(own_broker.url))
    own_broker.restart()
    assert drain(confirming_channel(own_broker), "work") == [b"kept"]


def test_in_memory_mode_keeps_nothing(tmp_path: Path, own_broker: BrokerProcess) -> None:
    own_broker.kill9()
    broker = BrokerProcess(tmp_path / "memory", memory=True)
    broker.start()
    try:
        channel = confirming_channel(broker)
        channel.queue_declare("durable", durable=True)
        channel.basic_publish("", "durable", b"m", PERSISTENT)
        assert fetch(channel, "durable").body == b"m"
        channel = crash(broker)
        with channel_error(404, "NOT_FOUND"):
            channel.queue_declare("durable", passive=True)
    finally:
        broker.kill9()


def test_connections_are_refused_while_it_is_down_and_served_after(own_broker: BrokerProcess) -> None:
    own_broker.kill9()
    with pytest.raises(AMQPConnectionError):
        pika.BlockingConnection(parameters(own_broker.url))
    port = own_broker.port
    own_broker.restart()
    assert own_broker.port == port
    connection: BlockingConnection = pika.BlockingConnection(parameters(own_broker.url))
    connection.close()
