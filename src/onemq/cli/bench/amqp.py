"""Load over AMQP 0-9-1: publishes with confirms, deliveries with acknowledgements. Source: AMQP 0-9-1, sections 2.3 and 4.2."""

import contextlib
import struct
import time
from collections import deque
from typing import Final

from onemq.cli.bench.wire import Wire
from onemq.cli.bench.worker import BenchFailed, Plan, Worker

CHANNEL: Final = 1
_END: Final = b"\xce"
_METHOD: Final = 1
_BODY: Final = 3
_CLOSES: Final = ((10, 50), (20, 40))


def short(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + _END


def method(channel: int, class_id: int, method_id: int, arguments: bytes) -> bytes:
    return frame(_METHOD, channel, struct.pack(">HH", class_id, method_id) + arguments)


class AmqpConnection:
    """Logged in, with one channel."""

    def __init__(self, plan: Plan) -> None:
        self.wire = Wire(plan.host, plan.port)
        self.wire.send(b"AMQP\x00\x00\x09\x01")
        self._expect(10, 10)
        response = f"\0{plan.user}\0{plan.password}".encode()
        login = (
            struct.pack(">I", 0)
            + short("PLAIN")
            + struct.pack(">I", len(response))
            + response
            + short("en_US")
        )
        self.wire.send(method(0, 10, 11, login))
        channels, octets, _ = struct.unpack(">HIH", self._expect(10, 30))
        self.wire.send(method(0, 10, 31, struct.pack(">HIH", channels, octets, 0)))
        self.wire.send(method(0, 10, 40, short(plan.namespace) + b"\0\0"))
        self._expect(10, 41)
        self.call(20, 10, b"\0", 11)

    def frame(self) -> tuple[int, bytes]:
        kind, _, length = struct.unpack(">BHI", self.wire.take(7))
        payload = self.wire.take(length + 1)[:-1]
        if kind == _METHOD and struct.unpack_from(">HH", payload) in _CLOSES:
            code, size = struct.unpack_from(">HB", payload, 4)
            raise BenchFailed(f"the broker closed: {code} {payload[7 : 7 + size].decode('utf-8', 'replace')}")
        return kind, payload

    def has_frame(self) -> bool:
        """A whole one is here."""
        head = self.wire.peek(7)
        return len(head) == 7 and self.wire.buffered() >= 8 + int.from_bytes(head[3:7], "big")

    def _expect(self, class_id: int, method_id: int) -> bytes:
        while True:
            kind, payload = self.frame()
            if kind == _METHOD and struct.unpack_from(">HH", payload) == (class_id, method_id):
                return payload[4:]

    def call(self, class_id: int, method_id: int, arguments: bytes, answer: int) -> bytes:
        self.wire.send(method(CHANNEL, class_id, method_id, arguments))
        return self._expect(class_id, answer)

    def close(self) -> None:
        self.wire.close()


class AmqpProducer(Worker):
    def work(self) -> None:
        plan = self.plan
        connection = AmqpConnection(plan)
        connection.call(85, 10, b"\0", 11)
        arguments = method(CHANNEL, 60, 40, struct.pack(">H", 0) + short("") + short(plan.target) + b"\0")
        header = frame(2, CHANNEL, struct.pack(">HHQHB", 60, 0, plan.size, 0x1000, 2))
        start = arguments + header
        waiting: deque[int] = deque()
        done = 0
        while True:
            chunk: list[bytes] = []
            while len(waiting) < plan.window and self._wants_more(len(waiting)):
                chunk.append(start + frame(_BODY, CHANNEL, self.body()))
                waiting.append(time.monotonic_ns())
                if plan.per_second:
                    break
            if chunk:
                connection.wire.send(b"".join(chunk))
            if not waiting:
                break
            while True:
                done = self._confirmed(connection.frame(), waiting, done)
                if not connection.has_frame():
                    break
        connection.close()

    def _wants_more(self, waiting: int) -> bool:
        most = self.plan.messages
        return not (most and self.messages + waiting >= most) and self.may_send(1)

    def _confirmed(self, found: tuple[int, bytes], waiting: deque[int], done: int) -> int:
        kind, payload = found
        if kind != _METHOD or struct.unpack_from(">HH", payload) not in ((60, 80), (60, 120)):
            return done
        tag, multiple = struct.unpack_from(">QB", payload, 4)
        if payload[3] == 120:
            raise BenchFailed("the broker refused a message: the queue is full")
        now = time.monotonic_ns()
        for _ in range(tag - done if multiple else 1):
            self.sent(1, now - waiting.popleft())
        return max(int(tag), done)


class AmqpConsumer(Worker):
    def work(self) -> None:
        plan = self.plan
        connection = AmqpConnection(plan)
        connection.call(60, 10, struct.pack(">IHB", 0, 1000, 0), 11)
        arguments = struct.pack(">H", 0) + short(plan.target) + short("") + b"\0" + struct.pack(">I", 0)
        connection.call(60, 20, arguments, 21)
        connection.wire.set_timeout(0.1)
        tag = unacknowledged = 0
        expected = -1
        parts: list[bytes] = []
        while not plan.draining.is_set():
            if not connection.has_frame():
                if unacknowledged:
                    connection.wire.send(method(CHANNEL, 60, 80, struct.pack(">QB", tag, 1)))
                    unacknowledged = 0
                with contextlib.suppress(TimeoutError):
                    connection.wire.fill()
                continue
            kind, payload = connection.frame()
            if kind == _METHOD and struct.unpack_from(">HH", payload) == (60, 60):
                at = 5 + payload[4]
                (tag,) = struct.unpack_from(">Q", payload, at)
            elif kind == 2:
                (expected,) = struct.unpack_from(">Q", payload, 4)
                parts = []
            elif kind == _BODY:
                parts.append(payload)
            if kind != _METHOD and expected == sum(len(part) for part in parts):
                self.took(b"".join(parts))
                unacknowledged += 1
                expected = -1
        if unacknowledged:
            connection.wire.send(method(CHANNEL, 60, 80, struct.pack(">QB", tag, 1)))
        # So that the acknowledgement has arrived before the connection goes.
        connection.wire.set_timeout(5)
        connection.call(20, 40, struct.pack(">H", 200) + short("") + struct.pack(">HH", 0, 0), 41)
        connection.close()
