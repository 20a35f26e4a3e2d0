"""Load over AMQP 0-9-1: publishes, with confirms, and deliveries with acknowledgements. Source: AMQP 0-9-1, sections 2.3 and 4.2."""

import struct
import time
from typing import Final

from onemq.cli.bench.plan import Plan, body
from onemq.cli.bench.wire import BenchFailed, Wire
from onemq.cli.bench.worker import IDLE_SECONDS, Board, Consumer, Producer

CHANNEL: Final = 1
METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
PREFETCH: Final = 1000
ACK_EVERY: Final = 100
CHUNK: Final = 64
"""Messages in one write, at most."""
CHUNK_BYTES: Final = 1 << 20
_END: Final = b"\xce"
_HEAD: Final = struct.Struct(">BHI")
_PAIR: Final = struct.Struct(">HH")
_CLOSES: Final = ((10, 50), (20, 40))
_DELIVER: Final = (60, 60)
_ACK: Final = (60, 80)
_NACK: Final = (60, 120)

Frame = tuple[int, bytes]
"""Its type and payload."""


def short(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return _HEAD.pack(kind, channel, len(payload)) + payload + _END


def method(channel: int, class_id: int, method_id: int, arguments: bytes) -> bytes:
    return frame(METHOD, channel, _PAIR.pack(class_id, method_id) + arguments)


def body_frames(data: bytes, frame_bytes_max: int) -> bytes:
    """frame_bytes_max: of a whole frame, as was negotiated; 0: no bound."""
    room = frame_bytes_max - 8 if frame_bytes_max else len(data)
    return b"".join(frame(BODY, CHANNEL, data[at : at + room]) for at in range(0, len(data), room))


def take_frames(received: bytearray) -> list[Frame]:
    """Takes all whole frames. Raises BenchFailed when the broker closes."""
    found: list[Frame] = []
    at = 0
    while len(received) - at >= 8:
        kind, _, length = _HEAD.unpack_from(received, at)
        end = at + 8 + length
        if end > len(received):
            break
        payload = bytes(received[at + 7 : end - 1])
        if kind == METHOD and _PAIR.unpack_from(payload) in _CLOSES:
            code, size = struct.unpack_from(">HB", payload, 4)
            raise BenchFailed(f"the broker closed: {code} {payload[7 : 7 + size].decode('utf-8', 'replace')}")
        found.append((kind, payload))
        at = end
    del received[:at]
    return found


class AmqpConnection:
    """Logged in, with one channel and no heartbeats."""

    def __init__(self, plan: Plan) -> None:
        self.wire = Wire(plan.host, plan.port)
        self.wire.send(b"AMQP\x00\x00\x09\x01")
        self._expect(10, 10)
        response = f"\0{plan.user}\0{plan.password}".encode()
        login = struct.pack(">I", 0) + short("PLAIN") + struct.pack(">I", len(response)) + response
        self.wire.send(method(0, 10, 11, login + short("en_US")))
        try:
            channels, self.frame_bytes_max, _ = struct.unpack(">HIH", self._expect(10, 30))
        except BenchFailed as error:
            raise BenchFailed(f"the login of user '{plan.user}' failed: {error}") from None
        self.wire.send(method(0, 10, 31, struct.pack(">HIH", channels, self.frame_bytes_max, 0)))
        self.wire.send(method(0, 10, 40, short(plan.namespace) + b"\0\0"))
        self._expect(10, 41)
        self.call(20, 10, b"\0", 11)

    def _expect(self, class_id: int, method_id: int) -> bytes:
        """Only where nothing else can come, or where what else comes is nothing to us."""
        while True:
            head = self.wire.take(7)
            rest = self.wire.take(int.from_bytes(head[3:7], "big") + 1)
            for kind, payload in take_frames(bytearray(head + rest)):
                if kind == METHOD and _PAIR.unpack_from(payload) == (class_id, method_id):
                    return payload[4:]

    def call(self, class_id: int, method_id: int, arguments: bytes, answer: int) -> bytes:
        self.wire.send(method(CHANNEL, class_id, method_id, arguments))
        return self._expect(class_id, answer)

    def close(self) -> None:
        """When the answer is there, the broker has seen all that was sent before."""
        self.call(20, 40, struct.pack(">H", 200) + short("") + struct.pack(">HH", 0, 0), 41)
        self.wire.close()


class Unconfirmed:
    """Stamps of the messages that wait for their confirms, by delivery tag."""

    def __init__(self) -> None:
        self._stamps: dict[int, int] = {}
        self._tag = 0

    def __len__(self) -> int:
        return len(self._stamps)

    def add(self, stamp: int) -> None:
        self._tag += 1
        self._stamps[self._tag] = stamp

    def confirmed(self, payload: bytes) -> list[int]:
        """Of a method; empty when it is none of confirms. Raises BenchFailed for a refusal."""
        kind = _PAIR.unpack_from(payload)
        if kind == _NACK:
            raise BenchFailed("the broker refused a message: basic.nack")
        if kind != _ACK:
            return []
        tag, multiple = struct.unpack_from(">QB", payload, 4)
        if not multiple:
            return [self._stamps.pop(tag)]
        found = []
        for each in list(self._stamps):
            if each > tag:
                break
            found.append(self._stamps.pop(each))
        return found


class AmqpProducer(Producer):
    def work(self) -> None:
        plan = self.plan
        connection = AmqpConnection(plan)
        if plan.confirm:
            connection.call(85, 10, b"\0", 11)
        publish = method(CHANNEL, 60, 40, struct.pack(">H", 0) + short("") + short(plan.target) + b"\0")
        start = publish + frame(HEADER, CHANNEL, struct.pack(">HHQHB", 60, 0, plan.size, 0x1000, 2))
        waiting = Unconfirmed()
        chunk_most = min(CHUNK, max(CHUNK_BYTES // plan.size, 1))
        self.begin()
        while not self.over() or waiting:
            now = time.monotonic_ns()
            self.tick(now)
            open_window = plan.window - len(waiting) if plan.confirm else chunk_most
            count = self.room(len(waiting), min(open_window, chunk_most), now)
            stamps = [self.pace.take(now) for _ in range(count)]
            if stamps:
                bodies = [body_frames(body(stamp, plan.size), connection.frame_bytes_max) for stamp in stamps]
                connection.wire.send(b"".join([start + each for each in bodies]))
                if plan.confirm:
                    for stamp in stamps:
                        waiting.add(stamp)
                else:
                    self.sent(stamps, now)
            # While the window is open and more is due, what has come is looked at, and not waited for.
            full = plan.confirm and len(waiting) >= plan.window
            seconds = 0.0 if stamps and not full else self.wait_seconds(now)
            if connection.wire.wait(seconds):
                now = time.monotonic_ns()
                for kind, payload in take_frames(connection.wire.received):
                    if kind == METHOD:
                        self.sent(waiting.confirmed(payload), now)
        connection.close()


class Deliveries:
    """Puts frames together to messages.

    Attributes:
        tag: of the last delivery.
    """

    def __init__(self) -> None:
        self.tag = 0
        self._expected = 0
        self._parts: list[bytes] = []
        self._size = 0

    def whole(self, kind: int, payload: bytes) -> bytes | None:
        """The body that this frame completes. Bodies are never empty here."""
        if kind == BODY:
            self._parts.append(payload)
            self._size += len(payload)
            return b"".join(self._parts) if self._size >= self._expected else None
        if kind == HEADER:
            (self._expected,) = struct.unpack_from(">Q", payload, 4)
            self._parts = []
            self._size = 0
        elif kind == METHOD and _PAIR.unpack_from(payload) == _DELIVER:
            (self.tag,) = struct.unpack_from(">Q", payload, 5 + payload[4])
        return None


class AmqpConsumer(Consumer):
    def __init__(self, plan: Plan, board: Board, index: int) -> None:
        super().__init__(plan, board, index)
        self._deliveries = Deliveries()
        self._unacknowledged = 0

    def work(self) -> None:
        plan = self.plan
        connection = AmqpConnection(plan)
        connection.call(60, 10, struct.pack(">IHB", 0, PREFETCH, 0), 11)
        arguments = struct.pack(">H", 0) + short(plan.target) + short("") + b"\0" + struct.pack(">I", 0)
        # What comes with the answer stays in the buffer.
        connection.call(60, 20, arguments, 21)
        while not self.over():
            self.tick(time.monotonic_ns())
            frames = take_frames(connection.wire.received)
            if frames:
                self._take(frames, time.monotonic_ns())
                if self._unacknowledged >= ACK_EVERY:
                    self._acknowledge(connection)
            elif not connection.wire.wait(0.0):
                self._acknowledge(connection)
                connection.wire.wait(IDLE_SECONDS)
        self._acknowledge(connection)
        connection.close()

    def _take(self, frames: list[Frame], now_ns: int) -> None:
        for kind, payload in frames:
            data = self._deliveries.whole(kind, payload)
            if data is not None:
                self.took(data, now_ns)
                self._unacknowledged += 1

    def _acknowledge(self, connection: AmqpConnection) -> None:
        if self._unacknowledged:
            connection.wire.send(method(CHANNEL, 60, 80, struct.pack(">QB", self._deliveries.tag, 1)))
            self._unacknowledged = 0
