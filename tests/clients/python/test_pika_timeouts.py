"""Time limits and negotiated limits as a client sees them: consumer timeout, heartbeats, frame and channel limits."""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path

import amqp
import pytest
from broker_settings import login, running
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import ChannelClosedByBroker
from pika_session import (
    WITHIN_SECONDS,
    Broker,
    Collector,
    Connect,
    Name,
    Table,
    connection_error,
    fetch,
    get,
    publish,
    ready_count,
    settle,
    wait_until,
)

TIMEOUT_MS = 300


def timing_queue(channel: BlockingChannel, name: Name, **arguments: object) -> str:
    queue = name("timing")
    table: Table = {
        "x-consumer-timeout": TIMEOUT_MS,
        **{k.replace("_", "-"): v for k, v in arguments.items()},
    }
    channel.queue_declare(queue, durable=True, arguments=table)
    return queue


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_a_consumer_that_keeps_a_message_too_long_is_cancelled_and_another_gets_it(
    connect: Connect, name: Name, queue_type: str
) -> None:
    holding, other = connect().channel(), connect().channel()
    queue = timing_queue(holding, name, x_queue_type=queue_type)
    cancelled: list[str] = []
    holding.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    holder = Collector(holding).consume(queue)
    publish(other, queue, b"kept too long", delivery_mode=2)
    held = holder.wait(1)[0]
    taker = Collector(other).consume(queue)
    wait_until(holding, lambda: cancelled == [holder.tag])
    again = taker.wait(1)[0]
    assert (again.body, again.redelivered) == (b"kept too long", True)
    # Too late: the acknowledgement is passed over, and does not take the message from its new holder.
    holding.basic_ack(held.tag)
    settle(holding)
    other.basic_cancel(taker.tag)
    other.basic_nack(again.tag, requeue=True)
    third = fetch(holding, queue, auto_ack=False)
    assert third.body == b"kept too long"
    # The channel goes on, with a new consumer too.
    holding.basic_ack(third.tag)
    successor = Collector(holding, acknowledge=True).consume(queue)
    publish(other, queue, b"next")
    assert successor.wait(1)[0].body == b"next"
    assert ready_count(other, queue) == 0


def test_a_consumer_that_settles_in_time_is_left_alone(connect: Connect, name: Name) -> None:
    channel = connect().channel()
    queue = timing_queue(channel, name)
    cancelled: list[object] = []
    channel.add_on_cancel_callback(cancelled.append)
    collector = Collector(channel, acknowledge=True).consume(queue)
    deadline = time.monotonic() + 3 * TIMEOUT_MS / 1000
    while time.monotonic() < deadline:
        publish(channel, queue, b"m")
        collector.wait(len(collector.messages) + 1)
    assert cancelled == []


def test_the_timeout_of_the_whole_broker(tmp_path: Path) -> None:
    with running(tmp_path, memory=True, arguments=["--set", "limits.consumer_timeout_ms=200"]) as broker:
        channel = login(broker, "guest", "guest").channel()
        channel.queue_declare("work")
        cancelled: list[object] = []
        channel.add_on_cancel_callback(cancelled.append)
        publish(channel, "work", b"m")
        Collector(channel).consume("work").wait(1)
        wait_until(channel, lambda: len(cancelled) == 1)
        assert fetch(channel, "work").redelivered


@pytest.mark.parametrize(("asked", "agreed"), [(7, 7), (0, 0), (600, 600), (None, 60)])
def test_the_client_decides_about_heartbeats(connect: Connect, asked: int | None, agreed: int) -> None:
    offered: list[int] = []

    def decide(_connection: object, server_value: int) -> int:
        offered.append(server_value)
        return server_value if asked is None else asked

    connection = connect(heartbeat=decide)
    assert offered == [60]
    assert connection._impl.params.heartbeat == agreed


def test_without_heartbeats_a_silent_client_stays(
    connect: Connect, name: Name, channel: BlockingChannel
) -> None:
    """Two clients that do nothing: the one with heartbeats is dropped, and by then the other is still there."""
    silent, dropped = connect(heartbeat=0).channel(), connect(heartbeat=1).channel()
    queues = {silent: name("silent"), dropped: name("dropped")}
    for owner, queue in queues.items():
        owner.queue_declare(queue, exclusive=True)
    watcher = channel.connection

    def state(queue: str) -> int:
        with pytest.raises(ChannelClosedByBroker) as caught:
            watcher.channel().queue_declare(queue, passive=True)
        return int(caught.value.reply_code)

    wait_until(channel, lambda: state(queues[dropped]) == 404)
    assert state(queues[silent]) == 405  # locked: its connection lives


@pytest.mark.parametrize("frame_max", [4096, 8192, 131072])
def test_bodies_that_do_not_fit_into_a_frame(connect: Connect, name: Name, frame_max: int) -> None:
    """Both ways, by way of a consumer; lengths around the frame's own."""
    channel = connect(frame_max=frame_max).channel()
    queue = name("frames")
    channel.queue_declare(queue)
    sizes = [0, 1, frame_max - 9, frame_max - 8, frame_max - 7, frame_max, 3 * frame_max, 1_000_003]
    bodies = [os.urandom(size) for size in sizes]
    publish(channel, queue, *bodies)
    assert [m.body for m in Collector(channel).consume(queue, auto_ack=True).wait(len(sizes))] == bodies


def test_frames_sent_to_a_client_are_no_larger_than_it_said(
    broker: Broker, connect: Connect, name: Name
) -> None:
    channel = connect().channel()
    queue = name("frames")
    channel.queue_declare(queue)
    publish(channel, queue, b"x" * 100_000)
    with socket.create_connection((broker.host, broker.port), WITHIN_SECONDS) as peer:
        payloads = raw_login(peer, frame_max=4096)
        peer.sendall(method_frame(1, 20, 10, b"\0"))
        next(payloads)
        name_bytes = queue.encode()
        consume = b"\0\0" + bytes([len(name_bytes)]) + name_bytes + b"\0" + b"\2" + b"\0\0\0\0"
        peer.sendall(method_frame(1, 60, 20, consume))
        received = 0
        largest = 0
        for kind, payload in payloads:
            largest = max(largest, len(payload) + 8)
            if kind == 3:
                received += len(payload)
            if received == 100_000:
                break
    assert largest == 4096


@pytest.mark.parametrize(
    ("channel_max", "frame_max", "text"),
    [
        (0, 4095, "negotiated frame_max = 4095 is lower than the minimum allowed value (4096)"),
        (0, 1_000_000, "negotiated frame_max = 1000000 is higher than the maximum allowed value (131072)"),
        (3000, 0, "negotiated channel_max = 3000 is higher than the maximum allowed value (2047)"),
    ],
)
def test_limits_that_cannot_be_negotiated(
    broker: Broker, channel_max: int, frame_max: int, text: str
) -> None:
    with socket.create_connection((broker.host, broker.port), WITHIN_SECONDS) as peer:
        payloads = raw_login(peer, frame_max, channel_max, expect_open=False)
        _kind, payload = next(payloads)
        class_id, method_id, code = struct.unpack_from(">HHH", payload)
        assert (class_id, method_id, code) == (10, 50, 530)
        assert text.encode() in payload


def test_more_channels_than_agreed(broker: Broker) -> None:
    with socket.create_connection((broker.host, broker.port), WITHIN_SECONDS) as peer:
        payloads = raw_login(peer, channel_max=2)
        for number in (1, 2):
            peer.sendall(method_frame(number, 20, 10, b"\0"))
            assert struct.unpack_from(">HH", next(payloads)[1]) == (20, 11)
        peer.sendall(method_frame(3, 20, 10, b"\0"))
        payload = next(payloads)[1]
        assert struct.unpack_from(">HHH", payload) == (10, 50, 530)
        assert b"number of channels opened (2) has reached the negotiated channel_max (2)" in payload


def test_the_header_of_0_9_is_served(broker: Broker) -> None:
    with socket.create_connection((broker.host, broker.port), WITHIN_SECONDS) as peer:
        assert raw_login(peer, header=b"AMQP\x01\x01\x00\x09") is not None


def test_flow_and_recover(connection: BlockingConnection, queue: str) -> None:
    channel = connection.channel()
    assert channel.flow(True) is True
    collector = Collector(channel).consume(queue)
    publish(channel, queue, b"1", b"2")
    collector.wait(2)
    channel.basic_recover(requeue=True)
    collector.wait(4)
    assert [(m.body, m.redelivered) for m in collector.messages[2:]] == [(b"1", True), (b"2", True)]
    channel.basic_ack(collector.messages[3].tag, multiple=True)
    settle(channel)
    channel.close()
    assert get(connection.channel(), queue) is None


def test_flow_cannot_be_stopped(connect: Connect) -> None:
    with connection_error(540, "NOT_IMPLEMENTED - active=false"):
        connect().channel().flow(False)


def test_no_local_is_ignored(broker: Broker, queue: str) -> None:
    with amqp.Connection(f"{broker.host}:{broker.port}", userid="guest", password="guest") as connection:
        channel = connection.channel()
        bodies: list[str] = []
        channel.basic_consume(queue, no_local=True, no_ack=True, callback=lambda m: bodies.append(m.body))
        channel.basic_publish(amqp.Message("my own"), "", queue)
        connection.drain_events(timeout=WITHIN_SECONDS)
        assert bodies == ["my own"]


@pytest.mark.parametrize("strategy", ["at-least-once", "at-most-once"])
def test_a_dead_letter_strategy_is_accepted(channel: BlockingChannel, name: Name, strategy: str) -> None:
    queue, dead = name("queue"), name("dead")
    channel.queue_declare(dead, durable=True)
    channel.queue_declare(
        queue,
        durable=True,
        arguments={
            "x-queue-type": "quorum",
            "x-dead-letter-strategy": strategy,
            "x-overflow": "reject-publish",
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead,
        },
    )
    publish(channel, queue, b"m")
    channel.basic_reject(fetch(channel, queue, auto_ack=False).tag, requeue=False)
    assert fetch(channel, dead).headers["x-death"][0]["reason"] == "rejected"


def method_frame(channel: int, class_id: int, method_id: int, arguments: bytes) -> bytes:
    payload = struct.pack(">HH", class_id, method_id) + arguments
    return struct.pack(">BHI", 1, channel, len(payload)) + payload + b"\xce"


class Frames:
    """The frames that arrive on a bare socket, one by one: (kind, payload)."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer

    def __iter__(self) -> Frames:
        return self

    def __next__(self) -> tuple[int, bytes]:
        head = self._peer.recv(7, socket.MSG_WAITALL)
        assert len(head) == 7, "closed"
        kind, _channel, size = struct.unpack(">BHI", head)
        return kind, self._peer.recv(size + 1, socket.MSG_WAITALL)[:-1]


def raw_login(
    peer: socket.socket,
    frame_max: int = 0,
    channel_max: int = 0,
    *,
    header: bytes = b"AMQP\x00\x00\x09\x01",
    expect_open: bool = True,
) -> Frames:
    """From the header to connection.open, with frames of one's own."""
    frames = Frames(peer)
    peer.sendall(header)
    next(frames)
    response = b"\0guest\0guest"
    start_ok = b"\0\0\0\0\x05PLAIN" + struct.pack(">I", len(response)) + response + b"\x05en_US"
    peer.sendall(method_frame(0, 10, 11, start_ok))
    next(frames)
    peer.sendall(method_frame(0, 10, 31, struct.pack(">HIH", channel_max, frame_max, 0)))
    peer.sendall(method_frame(0, 10, 40, b"\x01/\x00\x00"))
    if expect_open:
        assert struct.unpack_from(">HH", next(frames)[1]) == (10, 41)
    return frames
