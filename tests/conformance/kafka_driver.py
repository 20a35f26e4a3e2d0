"""The conformance driver of Kafka: librdkafka (confluent-kafka); raw requests of kafka-python's schemas where no client would send them.

A queue is a topic of one partition, read by a group of its name that commits its position: what is settled is all up to a record.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as Record
from confluent_kafka.admin import AdminClient, NewTopic
from kafka.protocol.sasl import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

from broker_process import BrokerProcess
from clients.kafka_python.wire import Batch, ConnectionLost, Wire
from conformance.driver import (
    WITHIN_SECONDS,
    Client,
    Denied,
    Driver,
    Envelope,
    Gone,
    Light,
    Message,
    Pipeline,
    Queue,
    Word,
)

PUBLISH_SECONDS = 4.0
PIPELINE_MAX = 1000  # waiting for their confirms
BATCH_BYTES_MAX = 1_048_588  # the default of max.message.bytes
BATCH_OVERHEAD_BYTES = 61 + 11  # of one record without key and headers, of that size
ALREADY_EXISTS = 36
PROPERTIES = {
    "content-type": "content_type",
    "correlation-id": "correlation_id",
    "message-id": "message_id",
    "reply-to": "reply_to",
}


def denied(error: KafkaError) -> Denied | Gone:
    """librdkafka's errors as the suite's: its own have codes below zero."""
    if error.code() == KafkaError._AUTHENTICATION:
        # Before the words it tells where and after how long.
        return Denied(error.code(), error.str().partition("failed: ")[2].partition(" (after")[0], True)
    if error.code() < 0 and error.code() not in (KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION):
        return Gone(f"{error.code()} {error.str()}")
    return Denied(error.code(), error.str(), False)


class KafkaClient(Client):
    def __init__(self, bootstrap: str, user: str, password: str) -> None:
        self._refusals: list[KafkaError] = []
        self._settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": password,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            "retry.backoff.ms": 20,
            "topic.metadata.propagation.max.ms": 500,
            "error_cb": self._failed,
            "log_level": 0,
        }
        self._bootstrap = bootstrap
        self._admin = AdminClient(self._settings)
        self._producer: Producer | None = None
        self._consumers: dict[str, Consumer] = {}
        self._next: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        self.sync()

    def _failed(self, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTHENTICATION:
            self._refusals.append(error)

    def sync(self) -> None:
        deadline = time.monotonic() + WITHIN_SECONDS
        while True:
            try:
                self._admin.list_topics("__nothing__", timeout=0.5)
                return
            except KafkaException as error:
                self._admin.poll(0)
                if self._refusals:
                    raise denied(self._refusals[0]) from error
                if time.monotonic() > deadline:
                    raise denied(error.args[0]) from error

    def declare(self, queue: Queue) -> None:
        created = self._admin.create_topics([NewTopic(queue.name, 1, 1)])
        try:
            created[queue.name].result(WITHIN_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != ALREADY_EXISTS:
                raise denied(error.args[0]) from error

    def publish(
        self, queue: str, body: bytes, *, delay_ms: int = 0, expires_ms: int | None = None, key: str = ""
    ) -> None:
        self._produce(queue, body, key=key or None)

    def _produce(self, queue: str, body: bytes, **more: Any) -> None:
        if self._producer is None:
            self._producer = make_producer(self._settings)
        reports: list[KafkaError | None] = []
        # With a partition of its own choice it would first wait for the topic to appear.
        self._producer.produce(
            queue, body, partition=0, on_delivery=lambda error, _record: reports.append(error), **more
        )
        while not reports:
            self._producer.poll(1)
        if reports[0] is not None:
            raise denied(reports[0])

    def send(self, queue: str, envelope: Envelope) -> Envelope:
        headers: list[tuple[str, str | bytes]] = [
            (name, value)
            for name, attribute in PROPERTIES.items()
            if (value := getattr(envelope, attribute)) is not None
        ]
        headers += envelope.headers.items()
        more = {} if envelope.timestamp is None else {"timestamp": envelope.timestamp * 1000}
        self._produce(queue, envelope.body, key=envelope.key, headers=headers, **more)
        return envelope

    def fetch(self, queue: str) -> Envelope:
        message = self.take_within(queue)
        self.accept(message)
        record: Record = message.handle
        headers: dict[str, str | bytes] = {}
        known: dict[str, str] = {}
        for name, value in record.headers() or []:
            if name in PROPERTIES:
                known[PROPERTIES[name]] = text_of(value)
            else:
                headers[name] = text_or_bytes(value)
        key = record.key()
        return Envelope(
            record.value(),
            headers,
            None if key is None else text_of(key),
            timestamp=record.timestamp()[1] // 1000,
            **known,
        )

    def _consumer(self, queue: str) -> Consumer:
        consumer = self._consumers.get(queue)
        if consumer is None:
            settings = {
                "group.id": queue,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "fetch.error.backoff.ms": 20,
            }
            consumer = Consumer({**self._settings, **settings})
            place = TopicPartition(queue, 0)
            low, _high = consumer.get_watermark_offsets(place, WITHIN_SECONDS)
            (committed,) = consumer.committed([place], WITHIN_SECONDS)
            if committed.error is not None:
                raise KafkaException(committed.error)
            place.offset = self._next[queue] = max(low, committed.offset)
            consumer.assign([place])
            self._consumers[queue] = consumer
        return consumer

    def take(self, queue: str) -> Message | None:
        try:
            consumer = self._consumer(queue)
            if self._next[queue] >= self._ends.get(queue, 0):
                place = TopicPartition(queue, 0)
                _low, self._ends[queue] = consumer.get_watermark_offsets(place, WITHIN_SECONDS)
            if self._next[queue] >= self._ends[queue]:
                return None
            record = consumer.poll(WITHIN_SECONDS)
        except KafkaException as error:
            raise denied(error.args[0]) from error
        if record is None:
            raise Gone(f"nothing of {queue} came")
        if record.error() is not None:
            raise denied(record.error())
        self._next[queue] = record.offset() + 1
        return Message(record.value(), handle=record)

    def accept(self, message: Message) -> None:
        record: Record = message.handle
        self._consumers[record.topic()].commit(message=record, asynchronous=False)

    def drain(self, queue: str) -> list[bytes]:
        """As the others, with one commit for all."""
        bodies = []
        last: Message | None = None
        while (message := self.take(queue)) is not None:
            bodies.append(message.body)
            last = message
        if last is not None:
            self.accept(last)
        return bodies

    def release(self, message: Message) -> None:
        record: Record = message.handle
        self._consumers[record.topic()].seek(TopicPartition(record.topic(), 0, record.offset()))
        self._next[record.topic()] = record.offset()

    def fail(self, message: Message) -> None:
        self.release(message)

    def close(self) -> None:
        for consumer in self._consumers.values():
            consumer.close()
        self._consumers = {}
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(0)
        self._producer = None

    def drop(self) -> None:
        # A reader that is no member of its group says nothing when it goes.
        self.close()


def text_of(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def text_or_bytes(value: bytes | str | None) -> str | bytes:
    """Kafka's headers are bytes: which of them are text is for the reader to say."""
    if value is None:
        return ""
    try:
        return text_of(value)
    except UnicodeDecodeError:
        return value


def make_producer(settings: dict[str, Any]) -> Producer:
    limits = {
        "linger.ms": 0,
        "message.timeout.ms": int(PUBLISH_SECONDS * 1000),
        "message.max.bytes": 10_000_000,
        "enable.idempotence": True,
    }
    return Producer({**settings, **limits})


class KafkaPipeline(Pipeline):
    def __init__(self, client: KafkaClient, queue: str) -> None:
        self.confirmed: set[int] = set()
        self._client = client
        self._producer = make_producer(client._settings)
        self._queue = queue
        self._errors: list[KafkaError] = []
        self._waiting: set[int] = set()

    def publish(self, number: int) -> None:
        while len(self._waiting) >= PIPELINE_MAX:
            self.pump(0.1)
        self._waiting.add(number)
        self._producer.produce(
            self._queue,
            str(number),
            partition=0,
            on_delivery=lambda error, _record: self._reported(number, error),
        )

    def _reported(self, number: int, error: KafkaError | None) -> None:
        self._waiting.discard(number)
        if error is None:
            self.confirmed.add(number)
        else:
            self._errors.append(error)

    def pump(self, seconds: float) -> None:
        self._producer.poll(seconds)
        if self._errors:
            raise Gone(self._errors[0].str())

    def close(self) -> None:
        self._producer.purge()
        self._producer.flush(1)
        self._client.close()


class LightKafka(Light):
    """One connection, requests by hand."""

    def __init__(self, bootstrap: str) -> None:
        try:
            self._wire = Wire(bootstrap)
            log_in(self._wire)
        except (ConnectionLost, OSError) as error:
            raise Gone(repr(error)) from error

    def publish(self, queue: str, body: bytes) -> None:
        produced = self._wire.produce(queue, Batch([body]))
        assert produced.error == 0, produced

    def sync(self) -> None:
        try:
            self._wire.api_versions()
        except (ConnectionLost, OSError) as error:
            raise Gone(repr(error)) from error

    def close(self) -> None:
        self._wire.close()

    def drop(self) -> None:
        self._wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._wire.close()


def log_in(wire: Wire) -> None:
    """guest, by PLAIN."""
    shaken = wire.call(SaslHandshakeRequest(version=1, mechanism="PLAIN"), SaslHandshakeResponse, 1)
    assert shaken.error_code == 0, shaken
    request = SaslAuthenticateRequest(version=1, auth_bytes=b"\0guest\0guest")
    assert wire.call(request, SaslAuthenticateResponse, 1).error_code == 0


def wire_of(peer: socket.socket) -> Wire:
    """The requests of `Wire` on a socket that is open."""
    wire = Wire.__new__(Wire)
    wire.socket = peer
    wire._client_id = "conformance"
    wire._correlation_id = 0
    return wire


class Kafka(Driver):
    name = "kafka"
    listener = "kafka"
    speaks = frozenset({Word.LOGIN, Word.SECRET_USERS, Word.SILENCE, Word.EMPTY})
    greeting = struct.pack(">ihhi", 10, 18, 0, 7) + b"\xff\xff"  # ApiVersions of version 0, no client id
    strangers = [
        (beginning, b"")
        for beginning in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"AMQP\x00\x00\x09\x01",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
            b"\x00" * 8,
            b"\xff" * 4096,
        )
    ]
    frame_too_large = struct.pack(">ihhi", 0x7FFFFFFF, 0, 9, 1) + b"x" * 1000
    body_bytes_max = BATCH_BYTES_MAX - BATCH_OVERHEAD_BYTES
    settings = "[kafka]\nidle_seconds = 1\n"
    codes = {
        "login": (KafkaError._AUTHENTICATION,),
        "forbidden": (29, 30),  # TOPIC_ and GROUP_AUTHORIZATION_FAILED
        "unknown": (3, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION),
        "too large": (10,),
    }

    def connect(
        self,
        broker: BrokerProcess,
        *,
        user: str = "guest",
        password: str = "guest",
        namespace: str = "",
        idle_seconds: int = 0,
    ) -> KafkaClient:
        return KafkaClient(self._bootstrap(broker), user, password)

    def light(self, broker: BrokerProcess) -> Light:
        return LightKafka(self._bootstrap(broker))

    def pipeline(self, broker: BrokerProcess, queue: str) -> Pipeline:
        return KafkaPipeline(self.connect(broker), queue)

    def _bootstrap(self, broker: BrokerProcess) -> str:
        return f"{broker.host}:{broker.ports[self.listener]}"

    def greeted(self, peer: socket.socket) -> None:
        peer.sendall(self.greeting)
        wire = wire_of(peer)
        assert wire.receive_frame()[:4] == struct.pack(">i", 7)

    def log_in(self, peer: socket.socket, idle_seconds: int) -> None:
        self.greeted(peer)
        log_in(wire_of(peer))

    def half_a_frame(self) -> bytes:
        return struct.pack(">ihhi", 1000, 0, 9, 1) + b"half"

    def garbage_after_login(self) -> tuple[bytes, bytes]:
        return struct.pack(">i", 20) + b"\x7f" * 20, b""

    def large_questions(self, queue: str, count: int) -> list[bytes]:
        wire = wire_of(socket.socket())
        wire.socket.close()
        limits = {"wait_ms": 0, "bytes_min": 1, "bytes_max": 1, "partition_bytes_max": 1, "committed": False}
        return [
            wire.encode(wire.fetch_request({(queue, 0): number}, 11, **limits), 11)  # type: ignore[arg-type]
            for number in range(count)
        ]
