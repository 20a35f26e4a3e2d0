"""Load over Kafka's protocol: Produce 7 and Fetch 11, batches as the broker's own codec makes them. Source: Kafka protocol guide."""

import struct
import time
from collections import deque
from typing import Final

from onemq.cli.bench.plan import Plan, body
from onemq.cli.bench.wire import BenchFailed, Wire
from onemq.cli.bench.worker import Board, Consumer, Producer
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import batch_bytes, end_offset, placed_batch
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.reserved_header import AddressCache

PRODUCE: Final = 0
FETCH: Final = 1
SASL_HANDSHAKE: Final = 17
API_VERSIONS: Final = 18
SASL_AUTHENTICATE: Final = 36
NO_SASL_HERE: Final = 34
FETCH_BYTES_MAX: Final = 4 * 1024 * 1024
FETCH_WAIT_MS: Final = 100
BATCH_BYTES_MAX: Final = 900_000
"""Below what a topic takes unless it is told otherwise (max.message.bytes)."""
RECORD_BYTES: Final = 50
"""Around a body, at most."""
_LENGTH_AT: Final = 12
"""Octets of a batch before its length counts."""


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">h", len(encoded)) + encoded


def batch_count(batch: int, size: int) -> int:
    """How many messages fit into a request."""
    return max(min(batch, BATCH_BYTES_MAX // (size + RECORD_BYTES)), 1)


def produce_error(answer: bytes) -> int:
    """Of the only partition of a Produce 7 answer; 0: none."""
    (length,) = struct.unpack_from(">h", answer, 4)
    return int(struct.unpack_from(">h", answer, 6 + length + 8)[0])


class KafkaConnection:
    """Logged in, if the broker wants that."""

    def __init__(self, plan: Plan) -> None:
        self.wire = Wire(plan.host, plan.port)
        self._correlation = 0
        answer = self.call(SASL_HANDSHAKE, 1, text("PLAIN"))
        (error,) = struct.unpack_from(">h", answer)
        if error == NO_SASL_HERE:
            return
        if error:
            raise BenchFailed(f"the broker refuses SASL PLAIN (error {error})")
        token = f"\0{plan.user}\0{plan.password}".encode()
        answer = self.call(SASL_AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
        if struct.unpack_from(">h", answer)[0]:
            raise BenchFailed(f"the login of user '{plan.user}' failed")

    def send(self, key: int, version: int, content: bytes) -> None:
        self._correlation += 1
        head = struct.pack(">hhi", key, version, self._correlation) + text("onemq-bench")
        self.wire.send(struct.pack(">i", len(head) + len(content)) + head + content)

    def receive(self) -> bytes:
        """Without the correlation id: answers come in order."""
        (size,) = struct.unpack(">i", self.wire.take(4))
        return self.wire.take(size)[4:]

    def call(self, key: int, version: int, content: bytes) -> bytes:
        self.send(key, version, content)
        return self.receive()

    def close(self) -> None:
        """When the answer is there, the broker has seen all that was sent before."""
        self.call(API_VERSIONS, 0, b"")
        self.wire.close()


class KafkaProducer(Producer):
    def work(self) -> None:
        plan = self.plan
        most = batch_count(plan.batch, plan.size)
        connection = KafkaConnection(plan)
        waiting: deque[list[int]] = deque()
        unanswered = 0
        self.begin()
        while not self.over() or waiting:
            now = time.monotonic_ns()
            self.tick(now)
            count = self.room(unanswered, most, now) if len(waiting) < plan.window else 0
            stamps = [self.pace.take(now) for _ in range(count)]
            if stamps:
                connection.send(PRODUCE, 7, self._request(stamps))
                if plan.confirm:
                    waiting.append(stamps)
                    unanswered += count
                else:
                    self.sent(stamps, now)
            seconds = 0.0 if stamps and len(waiting) < plan.window else self.wait_seconds(now)
            if connection.wire.received or connection.wire.wait(seconds):
                error = produce_error(connection.receive())
                if error:
                    raise BenchFailed(
                        f"the broker refuses to produce to {plan.target}: Kafka's error {error}"
                    )
                answered = waiting.popleft()
                unanswered -= len(answered)
                self.sent(answered, time.monotonic_ns())
        connection.close()

    def _request(self, stamps: list[int]) -> bytes:
        plan = self.plan
        now_ms = int(time.time() * 1000)
        records = []
        for offset, stamp in enumerate(stamps):
            record = Record(body(stamp, plan.size), NO_ADDRESS)
            record.offset = offset
            record.timestamp_ms = now_ms
            records.append(record)
        batch = placed_batch(encode_batch(records), 0)
        return (
            struct.pack(">hhi", -1, -1 if plan.confirm else 0, 30_000)
            + struct.pack(">i", 1)
            + text(plan.target)
            + struct.pack(">iii", 1, self.index % plan.partitions, len(batch))
            + batch
        )


class KafkaConsumer(Consumer):
    """Reads its share of the partitions."""

    def __init__(self, plan: Plan, board: Board, index: int) -> None:
        super().__init__(plan, board, index)
        self._offsets = {each: 0 for each in range(plan.partitions) if each % plan.consumers == index}
        self._addresses = AddressCache()

    def work(self) -> None:
        connection = KafkaConnection(self.plan)
        while not self.over() and self._offsets:
            answer = connection.call(FETCH, 11, self._request())
            now = time.monotonic_ns()
            self._take(answer, now)
            self.tick(now)
        connection.close()

    def _request(self) -> bytes:
        parts = b"".join(
            struct.pack(">iiqqi", partition, -1, offset, -1, FETCH_BYTES_MAX)
            for partition, offset in self._offsets.items()
        )
        return (
            struct.pack(">iiiibii", -1, FETCH_WAIT_MS, 1, FETCH_BYTES_MAX, 0, 0, -1)
            + struct.pack(">i", 1)
            + text(self.plan.target)
            + struct.pack(">i", len(self._offsets))
            + parts
            + struct.pack(">i", 0)
            + text("")
        )

    def _take(self, answer: bytes, now_ns: int) -> None:
        _, error, _, topics = struct.unpack_from(">ihii", answer)
        if error:
            raise BenchFailed(f"the broker refuses to fetch: Kafka's error {error}")
        at = 14
        for _ in range(topics):
            (length,) = struct.unpack_from(">h", answer, at)
            at += 2 + length
            (partitions,) = struct.unpack_from(">i", answer, at)
            at += 4
            for _ in range(partitions):
                at = self._take_partition(answer, at, now_ns)

    def _take_partition(self, answer: bytes, at: int, now_ns: int) -> int:
        partition, error, _, _, _, aborted = struct.unpack_from(">ihqqqi", answer, at)
        if error:
            raise BenchFailed(f"the broker refuses to fetch partition {partition}: Kafka's error {error}")
        at += 34 + max(aborted, 0) * 16
        _, size = struct.unpack_from(">ii", answer, at)
        at += 8
        end: int = at + max(size, 0)
        while end - at >= _LENGTH_AT and end - at >= batch_bytes(answer, at):
            for record in decode_batch(answer, at, self._addresses):
                self.took(record.value or b"", now_ns)
            self._offsets[partition] = int(end_offset(answer, at))
            at += int(batch_bytes(answer, at))
        return end
