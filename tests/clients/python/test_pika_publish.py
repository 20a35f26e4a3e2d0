"""Publishing with pika: bodies, properties, confirms, mandatory, transactions, CC and BCC, direct reply-to."""

from __future__ import annotations

import datetime
import decimal
import threading
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import NackError, UnroutableError
from pika.spec import BasicProperties
from pika_session import (
    Broker,
    Collector,
    Connect,
    Name,
    Table,
    channel_error,
    connection_error,
    drain,
    fetch,
    get,
    parameters,
    publish,
    settle,
    wait_ready_count,
    wait_until,
)

REPLY_TO = "amq.rabbitmq.reply-to"


@pytest.mark.parametrize("size", [0, 1, 131064, 131065, 5_000_000])
def test_bodies_of_many_sizes(channel: BlockingChannel, queue: str, size: int) -> None:
    # 131064 bytes fill exactly one frame of pika's default frame size.
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    channel.basic_publish("", queue, body)
    received = fetch(channel, queue)
    assert len(received.body) == size
    assert received.body == body


def test_every_property_round_trips(channel: BlockingChannel, queue: str) -> None:
    sent = BasicProperties(
        content_type="application/json",
        content_encoding="gzip",
        headers={"key": "value"},
        delivery_mode=2,
        priority=7,
        correlation_id="correlation",
        reply_to="reply",
        expiration="60000",
        message_id="message-1",
        timestamp=1_700_000_000,
        type="kind",
        user_id="guest",
        app_id="application",
        cluster_id="cluster",
    )
    channel.basic_publish("", queue, b"m", sent)
    received = fetch(channel, queue).properties
    assert vars(received) == vars(sent)


def test_absent_properties_stay_absent(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"m")
    assert vars(fetch(channel, queue).properties) == vars(BasicProperties())


def test_empty_properties_are_not_absent(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"m", content_type="", headers={}, correlation_id="", priority=0)
    received = fetch(channel, queue).properties
    assert (received.content_type, received.correlation_id, received.priority) == ("", "", 0)
    assert received.headers == {}


# pika encodes no floating point numbers: test_py_amqp.py and test_aio_pika.py have the other types.
HEADER_VALUES: dict[str, Any] = {
    "true": True,
    "false": False,
    "byte-like": 5,
    "int": 2**31 - 1,
    "negative": -(2**31),
    "long": 2**40,
    "long-negative": -(2**62),
    "decimal": decimal.Decimal("12.34"),
    "text": "naïve ☃",
    "empty": "",
    "bytes": b"\x00\xff\xfe",
    "timestamp": datetime.datetime(2024, 2, 29, 12, 30, 15),
    "none": None,
    "list": [1, "two", [b"3", None], {"deep": True}],
    "empty-list": [],
    "table": {"a": {"b": {"c": [1, 2, {"d": "e"}]}}, "t": True},
    "empty-table": {},
    "k" * 128: "a key of 128 bytes",
}


@pytest.mark.parametrize("key", HEADER_VALUES)
def test_every_type_of_header_value_round_trips(channel: BlockingChannel, queue: str, key: str) -> None:
    publish(channel, queue, b"m", headers={key: HEADER_VALUES[key]})
    received = fetch(channel, queue).headers[key]
    sent = HEADER_VALUES[key]
    if isinstance(sent, datetime.datetime):
        received = received.replace(tzinfo=None)
    assert received == sent
    assert isinstance(received, type(sent))


def test_all_header_values_together(channel: BlockingChannel, queue: str) -> None:
    sent = {key: value for key, value in HEADER_VALUES.items() if key != "timestamp"}
    publish(channel, queue, b"m", headers=sent)
    assert fetch(channel, queue).headers == sent


def test_user_id_must_be_the_user(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"m", user_id="somebody")
    with channel_error(
        406, "PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was 'guest'"
    ):
        channel.queue_declare("", exclusive=True)


@pytest.mark.parametrize("expiration", ["soon", "-1", "1.5", ""])
def test_invalid_expiration(channel: BlockingChannel, queue: str, expiration: str) -> None:
    publish(channel, queue, b"m", expiration=expiration)
    with channel_error(406, f"PRECONDITION_FAILED - invalid expiration '{expiration}'"):
        channel.queue_declare("", exclusive=True)


def test_immediate_is_not_implemented(broker: Broker, queue: str) -> None:
    # With py-amqp: pika has no such parameter any more.
    import amqp

    with amqp.Connection(f"{broker.host}:{broker.port}", userid="guest", password="guest") as connection:
        channel = connection.channel()
        channel._basic_publish(amqp.Message("m"), routing_key=queue, immediate=True)
        with pytest.raises(amqp.exceptions.AMQPNotImplementedError) as caught:
            channel.queue_declare(exclusive=True)
        assert "NOT_IMPLEMENTED - immediate=true" in caught.value.reply_text


def test_confirms_one_by_one(confirming: BlockingChannel, queue: str) -> None:
    for number in range(50):
        confirming.basic_publish("", queue, str(number), BasicProperties(delivery_mode=2))
    assert drain(confirming, queue) == [str(number).encode() for number in range(50)]


def test_confirms_in_a_stream_cover_every_message(broker: Broker, queue: str) -> None:
    """pika's asynchronous connection: 500 publishes without waiting; acks may be single or multiple."""
    count = 500
    outstanding: set[int] = set()
    seen: list[tuple[int, bool]] = []
    problems: list[str] = []

    def on_confirm(frame: pika.frame.Method[Any]) -> None:
        method = frame.method
        if not isinstance(method, pika.spec.Basic.Ack):
            problems.append(repr(method))
        seen.append((method.delivery_tag, method.multiple))
        settled = {
            t
            for t in outstanding
            if t == method.delivery_tag or (method.multiple and t < method.delivery_tag)
        }
        if not settled:
            problems.append(f"tag {method.delivery_tag} was not outstanding")
        outstanding.difference_update(settled)
        if not outstanding:
            connection.close()

    def on_channel(channel: pika.channel.Channel) -> None:
        outstanding.update(range(1, count + 1))

        def on_select(_frame: object) -> None:
            for number in range(count):
                channel.basic_publish("", queue, str(number), BasicProperties(delivery_mode=2))

        channel.confirm_delivery(on_confirm, on_select)

    def give_up(problem: object) -> None:
        problems.append(repr(problem))
        connection.ioloop.stop()

    connection = pika.SelectConnection(
        parameters(broker.url),
        on_open_callback=lambda opened: opened.channel(on_open_callback=on_channel),
        on_close_callback=lambda closed, _reason: closed.ioloop.stop(),
        on_open_error_callback=lambda _failed, error: give_up(error),
    )
    connection.ioloop.call_later(15, lambda: give_up("too slow"))
    connection.ioloop.start()
    assert problems == []
    assert outstanding == set()
    assert len(seen) <= count


def test_confirm_and_transaction_exclude_each_other(connection: BlockingConnection) -> None:
    confirming = connection.channel()
    confirming.confirm_delivery()
    with channel_error(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode"):
        confirming.tx_select()
    transactional = connection.channel()
    transactional.tx_select()
    with channel_error(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode"):
        transactional.confirm_delivery()


def test_an_unroutable_mandatory_message_is_returned(channel: BlockingChannel) -> None:
    returned: list[tuple[Any, BasicProperties, bytes]] = []
    channel.add_on_return_callback(
        lambda _ch, method, properties, body: returned.append((method, properties, body))
    )
    channel.basic_publish(
        "amq.direct",
        "no-such-key",
        b"come back",
        BasicProperties(message_id="7", headers={"a": 1}),
        mandatory=True,
    )
    wait_until(channel, lambda: len(returned) == 1)
    method, properties, body = returned[0]
    assert (method.reply_code, method.reply_text) == (312, "NO_ROUTE")
    assert (method.exchange, method.routing_key) == ("amq.direct", "no-such-key")
    assert (properties.message_id, properties.headers, body) == ("7", {"a": 1}, b"come back")


def test_unroutable_messages_are_confirmed_after_their_return(confirming: BlockingChannel) -> None:
    with pytest.raises(UnroutableError) as caught:
        confirming.basic_publish("", "no-such-queue", b"m", mandatory=True)
    assert [message.body for message in caught.value.messages] == [b"m"]
    confirming.basic_publish("", "no-such-queue", b"m")  # not mandatory: confirmed and gone


def test_rejected_by_a_full_queue_is_nacked(confirming: BlockingChannel, name: Name) -> None:
    queue = name("full")
    confirming.queue_declare(
        queue, durable=True, arguments={"x-max-length": 2, "x-overflow": "reject-publish"}
    )
    confirming.basic_publish("", queue, b"1")
    confirming.basic_publish("", queue, b"2")
    with pytest.raises(NackError):
        confirming.basic_publish("", queue, b"3")
    assert drain(confirming, queue) == [b"1", b"2"]
    confirming.basic_publish("", queue, b"4")
    assert drain(confirming, queue) == [b"4"]


def test_one_full_queue_among_several_nacks(confirming: BlockingChannel, name: Name) -> None:
    exchange, full, roomy = name("fanout"), name("full"), name("roomy")
    confirming.exchange_declare(exchange, "fanout")
    confirming.queue_declare(
        full, durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    )
    confirming.queue_declare(roomy, durable=True)
    for queue in (full, roomy):
        confirming.queue_bind(queue, exchange)
    confirming.basic_publish(exchange, "", b"1")
    with pytest.raises(NackError):
        confirming.basic_publish(exchange, "", b"2")
    assert drain(confirming, full) == [b"1"]
    assert drain(confirming, roomy) == [b"1", b"2"]


def test_transaction_commits_publishes_and_acks_together(connect: Connect, queue: str) -> None:
    connection = connect()
    channel, other = connection.channel(), connect().channel()
    publish(other, queue, b"to ack")
    wait_ready_count(other, queue, 1)
    channel.tx_select()
    tag = fetch(channel, queue, auto_ack=False).tag
    channel.basic_ack(tag)
    publish(channel, queue, b"1", b"2")
    settle(channel)
    assert get(other, queue) is None
    channel.tx_commit()
    assert [fetch(other, queue).body for _ in range(2)] == [b"1", b"2"]
    connection.close()
    assert get(other, queue) is None


def test_rollback_drops_publishes_and_forgets_acks(connect: Connect, queue: str) -> None:
    connection = connect()
    channel, other = connection.channel(), connect().channel()
    publish(other, queue, b"held")
    wait_ready_count(other, queue, 1)
    channel.tx_select()
    tag = fetch(channel, queue, auto_ack=False).tag
    channel.basic_ack(tag)
    publish(channel, queue, b"never")
    channel.tx_rollback()
    # After a rollback the message is still held, not requeued, and can be acknowledged again.
    assert get(other, queue) is None
    channel.basic_ack(tag)
    channel.tx_commit()
    connection.close()
    assert get(other, queue) is None


def test_a_transaction_left_open_leaves_nothing(connect: Connect, queue: str) -> None:
    connection = connect()
    channel = connection.channel()
    channel.tx_select()
    publish(channel, queue, b"never")
    settle(channel)
    connection.close()
    assert drain(connect().channel(), queue) == []


def test_commit_without_select(channel: BlockingChannel) -> None:
    with channel_error(406, "PRECONDITION_FAILED - channel is not transactional"):
        channel.tx_commit()


def test_cc_and_bcc_route_too_and_bcc_is_removed(channel: BlockingChannel, name: Name) -> None:
    queues = [name(kind) for kind in ("to", "cc", "bcc")]
    for queue in queues:
        channel.queue_declare(queue, durable=True)
    publish(channel, queues[0], b"m", headers={"CC": [queues[1]], "BCC": [queues[2]], "kept": 1})
    messages = [fetch(channel, queue) for queue in queues]
    assert all(message.headers == {"CC": [queues[1]], "kept": 1} for message in messages)
    assert all(message.routing_key == queues[0] for message in messages)


def test_a_returned_message_hides_its_bcc_too(channel: BlockingChannel, name: Name) -> None:
    returned: list[Table] = []
    channel.add_on_return_callback(
        lambda _channel, _method, properties, _body: returned.append(properties.headers)
    )
    properties = BasicProperties(headers={"BCC": [name("nobody")], "kept": 1})
    channel.basic_publish("", name("nowhere"), b"m", properties, mandatory=True)
    wait_until(channel, lambda: len(returned) == 1)
    assert returned == [{"kept": 1}]


@pytest.mark.parametrize(("value", "kind"), [("one", "longstr"), (1, "signedint"), (None, "void")])
def test_bcc_of_a_wrong_type(channel: BlockingChannel, queue: str, value: object, kind: str) -> None:
    publish(channel, queue, b"m", headers={"BCC": value})
    with channel_error(406, f'invalid message: {{unacceptable_type_in_header,"BCC",{kind}}}'):
        channel.queue_declare("", exclusive=True)


def test_an_expiration_has_no_upper_limit(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"m", expiration="9" * 25)
    assert fetch(channel, queue).properties.expiration == "9" * 25


def test_cc_must_be_a_list(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"m", headers={"CC": "one"})
    with channel_error(406, "PRECONDITION_FAILED"):
        channel.queue_declare("", exclusive=True)


def test_direct_reply_to(connect: Connect, name: Name) -> None:
    requests = name("requests")
    caller, server = connect().channel(), connect().channel()
    server.queue_declare(requests, durable=True)
    replies = Collector(caller).consume(REPLY_TO, auto_ack=True)
    for number in (1, 2):
        publish(caller, requests, f"question {number}", reply_to=REPLY_TO, correlation_id=str(number))
    for _ in range(2):
        request = fetch(server, requests)
        address = request.properties.reply_to
        assert address is not None and address.startswith(REPLY_TO + ".")
        server.queue_declare(address, passive=True)  # a server may ask whether the caller is still there
        publish(
            server, address, b"answer to " + request.body, correlation_id=request.properties.correlation_id
        )
    messages = replies.wait(2)
    assert [message.body for message in messages] == [b"answer to question 1", b"answer to question 2"]
    assert [message.properties.correlation_id for message in messages] == ["1", "2"]
    assert messages[0].exchange == ""


def test_a_reply_to_a_caller_that_left_is_unroutable(connect: Connect, name: Name) -> None:
    requests = name("requests")
    calling = connect()
    caller, server = calling.channel(), connect().channel()
    server.queue_declare(requests, durable=True)
    Collector(caller).consume(REPLY_TO, auto_ack=True)
    publish(caller, requests, b"question", reply_to=REPLY_TO)
    address = fetch(server, requests).properties.reply_to
    assert address is not None
    calling.close()
    with channel_error(404, "NOT_FOUND"):
        server.queue_declare(address, passive=True)


def test_direct_reply_to_needs_auto_ack_and_a_consumer(connection: BlockingConnection, queue: str) -> None:
    with channel_error(406, "PRECONDITION_FAILED - reply consumer cannot acknowledge"):
        connection.channel().basic_consume(REPLY_TO, lambda *_: None)
    channel = connection.channel()
    publish(channel, queue, b"m", reply_to=REPLY_TO)
    with channel_error(406, "PRECONDITION_FAILED - fast reply consumer does not exist"):
        channel.queue_declare("", exclusive=True)


def test_publishers_at_the_same_time_lose_nothing(
    broker: Broker, channel: BlockingChannel, queue: str
) -> None:
    def run(number: int) -> None:
        with pika.BlockingConnection(parameters(broker.url)) as connection:
            own = connection.channel()
            own.confirm_delivery()
            for position in range(50):
                own.basic_publish("", queue, f"{number}:{position}")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    bodies = [body.decode() for body in drain(channel, queue)]
    assert len(bodies) == 200
    for number in range(4):
        own = [body for body in bodies if body.startswith(f"{number}:")]
        assert own == [f"{number}:{position}" for position in range(50)]


def test_a_publish_to_a_missing_exchange_with_confirms(connection: BlockingConnection) -> None:
    channel = connection.channel()
    channel.confirm_delivery()
    with channel_error(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'"):
        channel.basic_publish("nowhere", "key", b"m")


def test_an_oversized_frame_closes_the_connection(broker: Broker) -> None:
    connection = pika.BlockingConnection(parameters(broker.url, frame_max=8192))
    channel = connection.channel()
    # pika cuts bodies at the negotiated size; told otherwise, it sends one frame that is too large.
    connection._impl._body_max_length = 20000
    with connection_error(501, "FRAME_ERROR"):
        channel.basic_publish("", "anywhere", b"x" * 10000)
        channel.queue_declare("", exclusive=True)
