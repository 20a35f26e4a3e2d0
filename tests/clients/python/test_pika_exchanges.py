"""Exchanges with pika: every type, bindings, alternate and internal exchanges, refusals with RabbitMQ's texts."""

from __future__ import annotations

from typing import Any

import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import UnroutableError
from pika.spec import BasicProperties
from pika_session import Connect, Name, channel_error, drain, fetch, publish, ready_count


def bound_queue(
    channel: BlockingChannel, queue: str, exchange: str, *keys: str, arguments: dict[str, Any] | None = None
) -> str:
    channel.queue_declare(queue, durable=True)
    for key in keys:
        channel.queue_bind(queue, exchange, key, arguments)
    return queue


def test_direct_exchange_matches_the_whole_key(channel: BlockingChannel, name: Name) -> None:
    exchange = name("direct")
    channel.exchange_declare(exchange, "direct")
    red = bound_queue(channel, name("red"), exchange, "red")
    both = bound_queue(channel, name("both"), exchange, "red", "blue")
    for key in ("red", "blue", "RED", "red.x", ""):
        channel.basic_publish(exchange, key, key)
    assert drain(channel, red) == [b"red"]
    assert drain(channel, both) == [b"red", b"blue"]


def test_fanout_exchange_copies_to_every_queue_once(channel: BlockingChannel, name: Name) -> None:
    exchange = name("fanout")
    channel.exchange_declare(exchange, "fanout")
    queues = [bound_queue(channel, name(f"q{n}"), exchange, "", "other") for n in range(3)]
    channel.basic_publish(exchange, "whatever", b"copy")
    assert [drain(channel, queue) for queue in queues] == [[b"copy"]] * 3


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("#", ["", "a", "a.b.c"], []),
        ("*", ["a", "abc"], ["", "a.b"]),
        ("a.*", ["a.b"], ["a", "a.b.c", "b.a"]),
        ("a.#", ["a", "a.b", "a.b.c"], ["b", "ab"]),
        ("#.z", ["z", "a.z", "a.b.z"], ["z.a", ""]),
        ("a.#.z", ["a.z", "a.b.z", "a.b.c.z"], ["a", "a.zz", "z.a"]),
        ("*.*", ["a.b", ".", "a."], ["a", "a.b.c"]),
        ("#.b.#", ["b", "a.b", "b.c", "a.b.c", "b.b"], ["a", "a.c"]),
        ("a.b", ["a.b"], ["a", "a.b.c", "a.*"]),
        ("*.b.#", ["a.b", "a.b.c"], ["b", "a.c.b"]),
    ],
)
def test_topic_exchange(
    channel: BlockingChannel, name: Name, pattern: str, matching: list[str], others: list[str]
) -> None:
    exchange = name("topic")
    channel.exchange_declare(exchange, "topic")
    queue = bound_queue(channel, name("queue"), exchange, pattern)
    for key in others + matching:
        channel.basic_publish(exchange, key, key)
    assert drain(channel, queue) == [key.encode() for key in matching]


HEADERS_CASES: list[tuple[dict[str, Any], dict[str, Any] | None, bool]] = [
    ({"x-match": "all", "a": "1", "b": 2}, {"a": "1", "b": 2, "c": 3}, True),
    ({"x-match": "all", "a": "1", "b": 2}, {"a": "1"}, False),
    ({"x-match": "all", "a": "1"}, {"a": "2"}, False),
    ({"a": "1", "b": "2"}, {"a": "1"}, False),
    ({"x-match": "any", "a": "1", "b": 2}, {"b": 2}, True),
    ({"x-match": "any", "a": "1", "b": 2}, {"b": 3, "c": "1"}, False),
    ({"x-match": "any", "a": "1"}, None, False),
    ({"x-match": "all"}, {"anything": 1}, True),
    ({"x-match": "any"}, {"anything": 1}, False),
    ({"x-match": "all", "a": None}, {"a": "any value"}, True),
    ({"x-match": "all", "a": None}, {"b": 1}, False),
    ({"x-match": "any", "x-a": "1"}, {"x-a": "1"}, False),
    ({"x-match": "any-with-x", "x-a": "1"}, {"x-a": "1"}, True),
    ({"x-match": "any-with-x", "x-a": "1", "b": "2"}, {"x-a": "2"}, False),
    ({"x-match": "all", "x-a": "1", "b": "2"}, {"b": "2"}, True),
    ({"x-match": "all-with-x", "x-a": "1", "b": "2"}, {"b": "2"}, False),
    ({"x-match": "all-with-x", "x-a": "1", "b": "2"}, {"x-a": "1", "b": "2"}, True),
    ({"x-match": "all", "a": True}, {"a": True}, True),
    ({"x-match": "all", "a": True}, {"a": "true"}, False),
]


@pytest.mark.parametrize(("arguments", "headers", "matches"), HEADERS_CASES)
def test_headers_exchange(
    channel: BlockingChannel,
    name: Name,
    arguments: dict[str, Any],
    headers: dict[str, Any] | None,
    matches: bool,
) -> None:
    exchange = name("headers")
    channel.exchange_declare(exchange, "headers")
    queue = bound_queue(channel, name("queue"), exchange, "ignored", arguments=arguments)
    channel.basic_publish(exchange, "", b"m", BasicProperties(headers=headers))
    assert drain(channel, queue) == ([b"m"] if matches else [])


def test_default_exchange_routes_to_the_queue_of_that_name(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"direct")
    message = fetch(channel, queue)
    assert (message.body, message.exchange, message.routing_key) == (b"direct", "", queue)


def test_default_exchange_cannot_be_bound_or_deleted(connection: BlockingConnection, queue: str) -> None:
    refusal = "ACCESS_REFUSED - operation not permitted on the default exchange"
    with channel_error(403, refusal):
        connection.channel().queue_bind(queue, "", "key")
    with channel_error(403, refusal):
        connection.channel().queue_unbind(queue, "", queue)
    with channel_error(403, refusal):
        connection.channel().exchange_delete("")


@pytest.mark.parametrize(
    ("exchange", "exchange_type"),
    [
        ("amq.direct", "direct"),
        ("amq.fanout", "fanout"),
        ("amq.topic", "topic"),
        ("amq.headers", "headers"),
        ("amq.match", "headers"),
    ],
)
def test_predeclared_exchanges_are_there(
    channel: BlockingChannel, queue: str, exchange: str, exchange_type: str
) -> None:
    channel.exchange_declare(exchange, passive=True)
    channel.exchange_declare(exchange, exchange_type, durable=True)
    channel.queue_bind(queue, exchange, queue, {"only": queue})
    channel.basic_publish(exchange, queue, b"m", BasicProperties(headers={"only": queue}))
    assert fetch(channel, queue).exchange == exchange


def test_reserved_names_are_refused(connection: BlockingConnection) -> None:
    with channel_error(403, "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'"):
        connection.channel().exchange_declare("amq.mine", "direct")
    with channel_error(403, "ACCESS_REFUSED"):
        connection.channel().exchange_delete("amq.direct")


def test_inequivalent_exchange_declarations(connection: BlockingConnection, name: Name) -> None:
    exchange = name("x")
    connection.channel().exchange_declare(exchange, "direct", durable=True)
    connection.channel().exchange_declare(exchange, "direct", durable=True)
    prefix = f"PRECONDITION_FAILED - inequivalent arg '{{}}' for exchange '{exchange}' in vhost '/': "
    with channel_error(406, prefix.format("type") + "received 'fanout' but current is 'direct'"):
        connection.channel().exchange_declare(exchange, "fanout", durable=True)
    with channel_error(406, prefix.format("durable") + "received 'false' but current is 'true'"):
        connection.channel().exchange_declare(exchange, "direct")
    with channel_error(406, prefix.format("auto_delete") + "received 'true' but current is 'false'"):
        connection.channel().exchange_declare(exchange, "direct", durable=True, auto_delete=True)
    with channel_error(406, prefix.format("internal") + "received 'true' but current is 'false'"):
        connection.channel().exchange_declare(exchange, "direct", durable=True, internal=True)


def test_a_second_exchange_declaration_is_compared_not_checked(
    connection: BlockingConnection, name: Name
) -> None:
    exchange = name("x")
    connection.channel().exchange_declare(
        exchange, "direct", arguments={"alternate-exchange": "a", "x-note": 1}
    )
    connection.channel().exchange_declare(exchange, "direct", arguments={"alternate-exchange": "a"})
    prefix = f"PRECONDITION_FAILED - inequivalent arg '{{}}' for exchange '{exchange}' in vhost '/': "
    with channel_error(406, prefix.format("type")):
        connection.channel().exchange_declare(exchange, "fanout", arguments={"alternate-exchange": 5})
    with channel_error(406, prefix.format("alternate-exchange")):
        connection.channel().exchange_declare(exchange, "direct", arguments={"alternate-exchange": 5})


def test_passive_declare_of_an_unknown_exchange(channel: BlockingChannel) -> None:
    with channel_error(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'"):
        channel.exchange_declare("nowhere", passive=True)


def test_unknown_exchange_type(channel: BlockingChannel, name: Name) -> None:
    # RabbitMQ 4; 3.10 closes the connection with 503 COMMAND_INVALID instead.
    with channel_error(406, "PRECONDITION_FAILED - unknown exchange type 'no-such-type'"):
        channel.exchange_declare(name("x"), "no-such-type")


def test_publish_to_an_unknown_exchange_closes_the_channel(channel: BlockingChannel) -> None:
    channel.basic_publish("nowhere", "key", b"m")
    with channel_error(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'"):
        channel.queue_declare("", exclusive=True)


def test_binding_to_what_is_not_there(connection: BlockingConnection, queue: str) -> None:
    with channel_error(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'"):
        connection.channel().queue_bind(queue, "nowhere", "key")
    with channel_error(404, "NOT_FOUND - no queue 'no-such-queue' in vhost '/'"):
        connection.channel().queue_bind("no-such-queue", "amq.direct", "key")
    with channel_error(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'"):
        connection.channel().queue_bind("no-such-queue", "nowhere", "key")


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("some", 'Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x'),
        (5, "Invalid x-match field type signedint (value 5); expected longstr"),
    ],
)
def test_an_unknown_x_match(channel: BlockingChannel, queue: str, mode: object, text: str) -> None:
    with channel_error(406, f"PRECONDITION_FAILED - {text}"):
        channel.queue_bind(queue, "amq.headers", arguments={"x-match": mode})


def test_binding_twice_is_one_binding_and_unbinding_is_idempotent(
    channel: BlockingChannel, name: Name
) -> None:
    exchange = name("direct")
    channel.exchange_declare(exchange, "direct")
    queue = bound_queue(channel, name("queue"), exchange, "key", "key")
    channel.basic_publish(exchange, "key", b"once")
    assert drain(channel, queue) == [b"once"]
    channel.queue_unbind(queue, exchange, "key")
    channel.queue_unbind(queue, exchange, "key")
    channel.basic_publish(exchange, "key", b"lost")
    assert drain(channel, queue) == []


def test_bindings_that_differ_in_arguments_are_two(channel: BlockingChannel, name: Name) -> None:
    exchange = name("headers")
    channel.exchange_declare(exchange, "headers")
    queue = bound_queue(channel, name("queue"), exchange, "", arguments={"a": "1"})
    channel.queue_bind(queue, exchange, "", {"a": "2"})
    channel.queue_unbind(queue, exchange, "", {"a": "1"})
    for value in ("1", "2"):
        channel.basic_publish(exchange, "", value, BasicProperties(headers={"a": value}))
    assert drain(channel, queue) == [b"2"]


def test_exchange_to_exchange_binding(channel: BlockingChannel, name: Name) -> None:
    source, middle = name("source"), name("middle")
    channel.exchange_declare(source, "topic")
    channel.exchange_declare(middle, "direct")
    channel.exchange_bind(middle, source, "order.#")
    queue = bound_queue(channel, name("queue"), middle, "order.new")
    for key in ("order.new", "order.old", "new"):
        channel.basic_publish(source, key, key)
    assert drain(channel, queue) == [b"order.new"]
    channel.exchange_unbind(middle, source, "order.#")
    channel.basic_publish(source, "order.new", b"lost")
    assert drain(channel, queue) == []


def test_a_ring_of_exchanges_delivers_once(channel: BlockingChannel, name: Name) -> None:
    ring = [name(f"x{n}") for n in range(3)]
    for exchange in ring:
        channel.exchange_declare(exchange, "fanout")
    for position, exchange in enumerate(ring):
        channel.exchange_bind(ring[(position + 1) % 3], exchange)
    queue = bound_queue(channel, name("queue"), ring[2], "")
    channel.queue_bind(queue, ring[0], "")
    channel.basic_publish(ring[0], "", b"round")
    assert drain(channel, queue) == [b"round"]


def test_alternate_exchange_takes_what_has_no_route(confirming: BlockingChannel, name: Name) -> None:
    main, alternate = name("main"), name("alternate")
    confirming.exchange_declare(alternate, "fanout")
    confirming.exchange_declare(main, "direct", arguments={"alternate-exchange": alternate})
    routed = bound_queue(confirming, name("routed"), main, "known")
    rest = bound_queue(confirming, name("rest"), alternate, "")
    for key in ("known", "unknown"):
        confirming.basic_publish(main, key, key, mandatory=True)
    assert drain(confirming, routed) == [b"known"]
    message = fetch(confirming, rest)
    assert (message.body, message.exchange, message.routing_key) == (b"unknown", main, "unknown")


def test_an_alternate_exchange_without_route_still_returns(confirming: BlockingChannel, name: Name) -> None:
    main, alternate = name("main"), name("alternate")
    confirming.exchange_declare(alternate, "direct")
    confirming.exchange_declare(main, "direct", arguments={"alternate-exchange": alternate})
    with pytest.raises(UnroutableError):
        confirming.basic_publish(main, "unknown", b"m", mandatory=True)


def test_internal_exchange_takes_no_publish(connection: BlockingConnection, name: Name) -> None:
    channel = connection.channel()
    front, inner = name("front"), name("inner")
    channel.exchange_declare(front, "fanout")
    channel.exchange_declare(inner, "fanout", internal=True)
    channel.exchange_bind(inner, front)
    queue = bound_queue(channel, name("queue"), inner, "")
    channel.basic_publish(front, "", b"through")
    assert fetch(channel, queue).body == b"through"
    channel.basic_publish(inner, "", b"no")
    with channel_error(403, f"ACCESS_REFUSED - cannot publish to internal exchange '{inner}' in vhost '/'"):
        channel.queue_declare("", exclusive=True)
    assert ready_count(connection.channel(), queue) == 0


def test_delete_if_unused(connection: BlockingConnection, name: Name) -> None:
    channel = connection.channel()
    exchange = name("x")
    channel.exchange_declare(exchange, "direct")
    queue = bound_queue(channel, name("queue"), exchange, "k")
    with channel_error(406, f"PRECONDITION_FAILED - exchange '{exchange}' in vhost '/' in use"):
        connection.channel().exchange_delete(exchange, if_unused=True)
    channel.queue_unbind(queue, exchange, "k")
    channel.exchange_delete(exchange, if_unused=True)
    channel.exchange_delete(exchange)  # deleting what is not there is no error
    with channel_error(404, "no exchange"):
        channel.exchange_declare(exchange, passive=True)


def test_auto_delete_exchange_goes_with_its_last_binding(connection: BlockingConnection, name: Name) -> None:
    channel = connection.channel()
    exchange = name("x")
    channel.exchange_declare(exchange, "direct", auto_delete=True)
    queue = bound_queue(channel, name("queue"), exchange, "a", "b")
    channel.queue_unbind(queue, exchange, "a")
    channel.exchange_declare(exchange, passive=True)
    channel.queue_delete(queue)
    with channel_error(404, "no exchange"):
        channel.exchange_declare(exchange, passive=True)


def test_deleting_a_queue_removes_its_bindings(confirming: BlockingChannel, name: Name) -> None:
    exchange = name("direct")
    confirming.exchange_declare(exchange, "direct")
    queue = bound_queue(confirming, name("queue"), exchange, "key")
    confirming.queue_delete(queue)
    confirming.queue_declare(queue, durable=True)
    with pytest.raises(UnroutableError):
        confirming.basic_publish(exchange, "key", b"m", mandatory=True)


def test_exchanges_are_seen_by_other_connections(connect: Connect, name: Name) -> None:
    exchange = name("x")
    connect().channel().exchange_declare(exchange, "fanout")
    connect().channel().exchange_declare(exchange, passive=True)
