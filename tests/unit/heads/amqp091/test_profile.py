"""What operators see of an AMQP connection, and how they close it."""

from __future__ import annotations

from onemq.heads.amqp091.frames import CONNECTION_FORCED
from onemq.heads.amqp091.methods import (
    BasicConsume,
    BasicConsumeOk,
    BasicQos,
    BasicQosOk,
    ConfirmSelect,
    ConfirmSelectOk,
    ConnectionClose,
    ConnectionCloseOk,
    QueueDeclare,
    QueueDeclareOk,
    TxSelect,
    TxSelectOk,
)
from onemq.heads.amqp091.profile import json_value
from onemq.heads.amqp091.properties import BasicProperties
from onemq.heads.amqp091.table import Decimal, Timestamp
from unit.heads.amqp091.playbook import SlowDisk, Stage


def test_values_of_fields_in_json() -> None:
    assert json_value({"t": Timestamp(5), "d": Decimal(2, 314), "n": None}) == {"t": 5, "d": 3.14, "n": None}
    assert json_value([b"text", b"\xff", True, 1.5]) == [
        "text",
        "Invalid UTF-8, base64 is: /w==",
        True,
        1.5,
    ]
    assert json_value("\udcff") == "Invalid UTF-8, base64 is: /w=="


def test_a_connection_before_its_login() -> None:
    profile = Stage().link().conversation.profile()
    assert (profile.protocol, profile.state, profile.user) == ("AMQP 0-9-1", "starting", "")


def test_a_connection_with_its_channels() -> None:
    stage = Stage(store=SlowDisk())
    peer = stage.connect(properties={"connection_name": "billing", "product": "Pika", "since": Timestamp(9)})
    peer.opens(1)
    peer.opens(7)
    peer.says(1, QueueDeclare("q", durable=True), BasicQos(0, 10, False), ConfirmSelect())
    peer.hears(1, QueueDeclareOk("q", 0, 0), BasicQosOk(), ConfirmSelectOk())
    peer.says(1, BasicConsume("q", "c", exclusive=True, arguments={"x-priority": 3, "since": Timestamp(9)}))
    peer.hears(1, BasicConsumeOk("c"))
    peer.publishes(1, "", "q", b"one", b"two")
    peer.heard()
    peer.says(7, TxSelect())
    peer.hears(7, TxSelectOk())
    peer.publishes(7, "", "q", b"held")
    profile = peer.conversation.profile()
    assert (profile.user, profile.namespace, profile.client_name) == ("guest", "/", "billing")
    assert profile.client_properties["product"] == "Pika" and profile.client_properties["since"] == 9
    assert (profile.frame_bytes_max, profile.channels_max, profile.heartbeat_seconds) == (131072, 2047, 60)
    assert profile.mechanism == "PLAIN"
    first, second = profile.channels
    assert (first.number, first.prefetch, first.confirms, first.unsettled) == (1, 10, True, 2)
    assert first.unconfirmed == 0 and (second.transactional, second.held_publishes) == (True, 1)
    (consumer,) = first.consumers
    assert (consumer.tag, consumer.queue, consumer.acknowledges, consumer.exclusive) == ("c", "q", True, True)
    assert (consumer.prefetch, consumer.priority) == (10, 3)
    assert consumer.timeout_ms == stage.broker.settings.consumer_timeout_ms
    assert consumer.arguments == {"x-priority": 3, "since": 9}


def test_confirms_that_wait_for_the_disk_are_counted() -> None:
    disk = SlowDisk()
    stage = Stage(store=disk)
    peer = stage.connect()
    peer.opens(1)
    peer.says(1, QueueDeclare("q", durable=True), ConfirmSelect())
    peer.hears(1, QueueDeclareOk("q", 0, 0), ConfirmSelectOk())
    disk.syncs = False
    durable = BasicProperties(delivery_mode=2)
    peer.publishes(1, "", "q", b"one", b"two", properties=durable)
    peer.publishes(1, "", "q", b"three", properties=durable)
    protocol = stage.broker.core.totals.protocol("amqp091")

    def unconfirmed() -> int:
        """Over all channels, as the metric has it."""
        return protocol.unconfirmed(stage.broker.durable_position)

    assert peer.conversation.profile().channels[0].unconfirmed == unconfirmed() == 3
    # A transient one waits for those before it; on another channel there are none.
    peer.publishes(1, "", "q", b"four")
    assert peer.conversation.profile().channels[0].unconfirmed == unconfirmed() == 4
    other = stage.connect()
    other.opens(1)
    other.says(1, ConfirmSelect())
    other.publishes(1, "", "q", b"five")
    assert unconfirmed() == 4
    disk.syncs = True
    stage.turn()
    assert peer.conversation.profile().channels[0].unconfirmed == unconfirmed() == 0
    disk.syncs = False
    peer.publishes(1, "", "q", b"six", properties=durable)
    assert unconfirmed() == 1
    disk.syncs = True
    stage.turn()
    peer.publishes(1, "", "q", b"seven", properties=durable)
    assert unconfirmed() == 0 and len(protocol._confirms) <= 1, (
        "what is durable is not kept for a reader that never comes"
    )


def test_an_operators_goodbye_is_rabbitmqs() -> None:
    stage = Stage()
    peer = stage.connect()
    peer.opens(1)
    peer.says(1, QueueDeclare("q"), BasicConsume("q", "c"))
    peer.conversation.dismissed("Closed via management plugin")
    stage.turn()
    goodbye = peer.heard()[-1].what
    assert goodbye == ConnectionClose(
        CONNECTION_FORCED, "CONNECTION_FORCED - Closed via management plugin", 0, 0
    )
    peer.says(0, ConnectionCloseOk())
    assert peer.link.closed and peer.refusal is None
