"""The conformance driver of AMQP 0-9-1: pika, and py-amqp where publishes must not wait for their confirms."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Generator
from contextlib import contextmanager, suppress

import amqp
import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import (
    AMQPConnectionError,
    AMQPError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    NackError,
    UnroutableError,
)
from pika.spec import Basic, BasicProperties

from broker_process import BrokerProcess
from conformance.driver import (
    WITHIN_SECONDS,
    Client,
    Death,
    Denied,
    Driver,
    Envelope,
    Gone,
    Light,
    Message,
    Pipeline,
    Queue,
    Word,
    until,
)

DELAYING = "conformance.delaying"
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
METHOD, BODY = 1, 3


@contextmanager
def denials() -> Generator[None, None, None]:
    """pika's exceptions as the suite's."""
    try:
        yield
    except ChannelClosedByBroker as error:
        raise Denied(error.reply_code, error.reply_text, False) from error
    except ConnectionClosedByBroker as error:
        raise Denied(error.reply_code, error.reply_text, True) from error
    except UnroutableError as error:
        raise Denied(error.messages[0].method.reply_code, repr(error), False) from error
    except NackError as error:
        raise Denied(0, repr(error), False) from error
    except AMQPConnectionError as error:
        # While a connection is being opened pika wraps the close it got into an exception of its own.
        told = re.search(r"ConnectionClosedByBroker: \((\d+)\) '?(.*)", str(error))
        if told is not None:
            raise Denied(int(told[1]), told[2], True) from error
        raise Gone(repr(error)) from error


class PikaClient(Client, Light):
    def __init__(self, parameters: pika.ConnectionParameters) -> None:
        with denials():
            self._connection = pika.BlockingConnection(parameters)
        self._channel: BlockingChannel | None = None
        self._arrived: list[Message] = []
        self._blocked = False
        self._connection.add_on_connection_blocked_callback(lambda *_: self._set_blocked(True))
        self._connection.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(False))

    def declare(self, queue: Queue) -> None:
        arguments: dict[str, object] = {}
        if queue.dead_letter_to:
            arguments["x-dead-letter-exchange"] = ""
            arguments["x-dead-letter-routing-key"] = queue.dead_letter_to
        if queue.attempts_max:
            # The limit is of returns: a message is delivered once more than that.
            arguments |= {"x-queue-type": "quorum", "x-delivery-limit": queue.attempts_max - 1}
        with denials():
            self._open().queue_declare(queue.name, durable=True, arguments=arguments)

    def publish(
        self, queue: str, body: bytes, *, delay_ms: int = 0, expires_ms: int | None = None, key: str = ""
    ) -> None:
        properties = BasicProperties(delivery_mode=2)
        if expires_ms is not None:
            properties.expiration = str(expires_ms)
        exchange = ""
        with denials():
            channel = self._open()
            if delay_ms:
                exchange = DELAYING
                properties.headers = {"x-delay": delay_ms}
                channel.exchange_declare(
                    exchange, "x-delayed-message", durable=True, arguments={"x-delayed-type": "direct"}
                )
                channel.queue_bind(queue, exchange, queue)
            channel.basic_publish(exchange, queue, body, properties, mandatory=not delay_ms)

    def send(self, queue: str, envelope: Envelope) -> Envelope:
        headers: dict[str, object] = dict(envelope.headers)
        if envelope.key is not None:
            headers["x-key"] = envelope.key
        properties = BasicProperties(
            headers=headers,
            delivery_mode=2,
            content_type=envelope.content_type,
            correlation_id=envelope.correlation_id,
            message_id=envelope.message_id,
            reply_to=envelope.reply_to,
            timestamp=envelope.timestamp,
        )
        with denials():
            self._open().basic_publish("", queue, envelope.body, properties, mandatory=True)
        return envelope

    def fetch(self, queue: str) -> Envelope:
        found: list[Envelope] = []

        def arrived() -> bool:
            with denials():
                method, properties, body = self._open().basic_get(queue, auto_ack=True)
            if method is not None:
                found.append(envelope(properties, body))
            return bool(found)

        until(arrived, f"no message in {queue}")
        return found[0]

    def take(self, queue: str) -> Message | None:
        with denials():
            method, properties, body = self._open().basic_get(queue)
        return None if method is None else message(method, properties, body)

    def consume(self, queue: str, prefetch: int = 0) -> None:
        with denials():
            channel = self._open()
            channel.basic_qos(prefetch_count=prefetch)
            channel.basic_consume(
                queue, lambda _channel, *parts: self._arrived.append(message(*parts)), auto_ack=False
            )

    def received(self, within_seconds: float = 0.0) -> list[Message]:
        with denials():
            self._connection.process_data_events(time_limit=within_seconds)
        arrived, self._arrived = self._arrived, []
        return arrived

    def accept(self, message: Message) -> None:
        with denials():
            self._open().basic_ack(message.handle)

    def release(self, message: Message) -> None:
        with denials():
            self._open().basic_nack(message.handle, requeue=True)

    def fail(self, message: Message) -> None:
        with denials():
            self._open().basic_reject(message.handle, requeue=True)

    def sync(self) -> None:
        with denials():
            channel = self._connection.channel()
            channel.close()

    def blocked(self) -> bool:
        with denials():
            self._connection.process_data_events(time_limit=0)
        return self._blocked

    def idle(self, seconds: float) -> None:
        with denials():
            self._connection.sleep(seconds)

    def close(self) -> None:
        with suppress(AMQPError):
            self._connection.close()

    def drop(self) -> None:
        # pika has no words for it: the socket under it ends, and it finds out.
        self._connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)
        with suppress(AMQPError):
            self._connection.process_data_events(time_limit=WITHIN_SECONDS)

    def _open(self) -> BlockingChannel:
        """The channel; a new one when the broker has closed the last."""
        if self._channel is None or self._channel.is_closed:
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
        return self._channel

    def _set_blocked(self, blocked: bool) -> None:
        self._blocked = blocked


def envelope(properties: BasicProperties, body: bytes) -> Envelope:
    headers = dict(properties.headers or {})
    key = headers.pop("x-key", None)
    return Envelope(
        body,
        {
            name: value if isinstance(value, bytes) else str(value)
            for name, value in headers.items()
            if not name.startswith("x-")
        },
        key,
        properties.content_type,
        properties.correlation_id,
        properties.message_id,
        properties.reply_to,
        properties.timestamp,
    )


def message(method: Basic.Deliver | Basic.GetOk, properties: BasicProperties, body: bytes) -> Message:
    deaths = (properties.headers or {}).get("x-death", [])
    history = [Death(death["queue"], death["reason"], death["count"]) for death in deaths]
    return Message(body, method.redelivered, method.delivery_tag, history)


class AmqpPipeline(Pipeline):
    def __init__(self, broker: BrokerProcess, queue: str) -> None:
        self.confirmed: set[int] = set()
        self._queue = queue
        self._numbers: list[int] = []
        self._settled = 0
        self._connection = amqp.Connection(
            f"{broker.host}:{broker.port}", userid="guest", password="guest", connect_timeout=WITHIN_SECONDS
        )
        self._connection.connect()
        self._channel = self._connection.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._acked)

    def publish(self, number: int) -> None:
        self._numbers.append(number)
        with self._denials():
            self._channel.basic_publish(amqp.Message(str(number), delivery_mode=2), "", self._queue)

    def pump(self, seconds: float) -> None:
        with self._denials():
            while True:
                try:
                    self._connection.drain_events(timeout=seconds)
                except TimeoutError:
                    return

    def close(self) -> None:
        self._connection.collect()

    def _acked(self, tag: int, multiple: bool) -> None:
        first = self._settled if multiple else tag - 1
        self.confirmed.update(self._numbers[first:tag])
        if multiple:
            self._settled = tag

    @contextmanager
    def _denials(self) -> Generator[None, None, None]:
        try:
            yield
        except amqp.exceptions.AMQPError as error:
            if not error.reply_code:
                raise Gone(repr(error)) from error
            raise Denied(error.reply_code, error.reply_text, True) from error
        except TimeoutError:
            raise
        except OSError as error:
            raise Gone(repr(error)) from error


class Amqp091(Driver):
    name = "amqp091"
    listener = "amqp"
    greeting = PROTOCOL_HEADER
    strangers = [
        (beginning, PROTOCOL_HEADER)
        for beginning in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"AMQP\x00\x01\x00\x00",  # AMQP 1.0
            b"AMQP\x03\x01\x00\x00",  # AMQP 1.0 with SASL
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
            b"\x00" * 8,
            b"\xff" * 4096,
        )
    ]
    speaks = frozenset(Word)
    body_bytes_max = 256 * 1024
    bad_logins = [("guest", "wrong"), ("guest", ""), ("nobody", "guest"), ("", "")]
    frame_too_large = struct.pack(">BHI", METHOD, 0, 0x7FFFFFFF) + b"x" * 1000
    codes = {
        "login": (403,),
        "forbidden": (403,),
        "unknown": (404, 312),
        "too large": (406,),
        "stopping": (320,),
        "namespace": (530,),
    }

    def connect(
        self,
        broker: BrokerProcess,
        *,
        user: str = "guest",
        password: str = "guest",
        namespace: str = "",
        idle_seconds: int = 0,
    ) -> PikaClient:
        return PikaClient(
            pika.ConnectionParameters(
                broker.host,
                broker.port,
                namespace or "/",
                pika.PlainCredentials(user, password),
                heartbeat=idle_seconds,
                socket_timeout=WITHIN_SECONDS,
                stack_timeout=WITHIN_SECONDS,
                connection_attempts=1,
            )
        )

    def light(self, broker: BrokerProcess) -> Light:
        return self.connect(broker)

    def pipeline(self, broker: BrokerProcess, queue: str) -> Pipeline:
        return AmqpPipeline(broker, queue)

    def forbidden_text(self, action: str, queue: str, user: str) -> str:
        # To publish to a queue is to write to the default exchange.
        entity = "exchange 'amq.default'" if action == "write" else f"queue '{queue}'"
        return f"ACCESS_REFUSED - {action} access to {entity} in vhost '/' refused for user '{user}'"

    def greeted(self, peer: socket.socket) -> None:
        peer.sendall(self.greeting)
        assert b"PLAIN" in read_frame(peer)

    def log_in(self, peer: socket.socket, idle_seconds: int) -> None:
        self.greeted(peer)
        response = b"\0guest\0guest"
        start_ok = (
            struct.pack(">I", 0) + b"\x05PLAIN" + struct.pack(">I", len(response)) + response + b"\x05en_US"
        )
        peer.sendall(method(10, 11, start_ok))
        read_frame(peer)
        peer.sendall(method(10, 31, struct.pack(">HIH", 0, 131072, idle_seconds)))
        peer.sendall(method(10, 40, b"\x01/\x00\x00"))
        assert struct.unpack_from(">HH", read_frame(peer)) == (10, 41)

    def half_a_frame(self) -> bytes:
        return struct.pack(">BHI", BODY, 1, 1000) + b"half"

    def garbage_after_login(self) -> tuple[bytes, bytes]:
        return b"\x2a" * 7 + b"\x00" * 64, b"FRAME_ERROR"


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def method(class_id: int, method_id: int, arguments: bytes) -> bytes:
    return frame(METHOD, 0, struct.pack(">HH", class_id, method_id) + arguments)


def read_frame(peer: socket.socket) -> bytes:
    """The payload of the next frame."""
    head = peer.recv(7, socket.MSG_WAITALL)
    assert len(head) == 7, head
    size: int = struct.unpack(">I", head[3:])[0]
    return peer.recv(size + 1, socket.MSG_WAITALL)[:-1]
