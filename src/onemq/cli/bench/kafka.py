"""Load over Kafka's protocol: Produce 7 and Fetch 11, batches as the broker's own codec makes them. Source: Kafka protocol guide."""

import struct
import time
from collections import deque
from typing import Final

from onemq.cli.bench.wire import Wire
from onemq.cli.bench.worker import BenchFailed, Plan, Worker
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import (
    AddressCache,
    batch_bytes,
    decode_batch,
    encode_batch,
    end_offset,
    placed_batch,
)

PRODUCE: Final = 0
FETCH: Final = 1
SASL_HANDSHAKE: Final = 17
SASL_AUTHENTICATE: Final = 36
NO_SASL_HERE: Final = 34
FETCH_BYTES_MAX: Final = 4 * 1024 * 1024
_LENGTH_AT: Final = 12
"""Octets of a batch before its length counts."""


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">h", len(encoded)) + encoded


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
            raise BenchFailed(f"the broker refuses the login of user '{plan.user}'")

    def send(self, key: int, version: int, body: bytes) -> None:
        self._correlation += 1
        head = struct.pack(">hhi", key, version, self._correlation) + text("onemq-bench")
        self.wire.send(struct.pack(">i", len(head) + len(body)) + head + body)

    def receive(self) -> bytes:
        """Without the correlation id: answers come in order."""
        (size,) = struct.unpack(">i", self.wire.take(4))
        return self.wire.take(size)[4:]

    def call(self, key: int, version: int, body: bytes) -> bytes:
        self.send(key, version, body)
        return self.receive()

    def close(self) -> None:
        self.wire.close()


class KafkaProducer(Worker):
    def work(self) -> None:
        plan = self.plan
        connection = KafkaConnection(plan)
        waiting: deque[int] = deque()
        while True:
            while len(waiting) < plan.window and self._wants_more(len(waiting)):
                connection.send(PRODUCE, 7, self._request())
                waiting.append(time.monotonic_ns())
                if plan.per_second:
                    break
            if not waiting:
                break
            self._check(connection.receive())
            self.sent(plan.batch, time.monotonic_ns() - waiting.popleft())
        connection.close()

    def _wants_more(self, waiting: int) -> bool:
        most = self.plan.messages
        return not (most and self.messages + waiting * self.plan.batch >= most) and self.may_send(
            self.plan.batch
        )

    def _request(self) -> bytes:
        plan = self.plan
        now_ms = int(time.time() * 1000)
        records = []
        for index in range(plan.batch):
            record = Record(self.body(), NO_ADDRESS)
            record.offset = index
            record.timestamp_ms = now_ms
            records.append(record)
        batch = placed_batch(encode_batch(records), 0)
        return (
            struct.pack(">hhi", -1, -1, 30_000)
            + struct.pack(">i", 1)
            + text(plan.target)
            + struct.pack(">iii", 1, self.index % plan.partitions, len(batch))
            + batch
        )

    def _check(self, answer: bytes) -> None:
        (length,) = struct.unpack_from(">h", answer, 4)
        (error,) = struct.unpack_from(">h", answer, 6 + length + 8)
        if error:
            raise BenchFailed(f"the broker refuses to produce to {self.plan.target}: Kafka's error {error}")


class KafkaConsumer(Worker):
    """Reads its share of the partitions; consumers: how many share them."""

    def __init__(self, plan: Plan, index: int, consumers: int) -> None:
        super().__init__(plan, index)
        self._offsets = {
            partition: 0 for partition in range(plan.partitions) if partition % consumers == index
        }
        self._addresses = AddressCache()

    def start_at(self, partition: int, offset: int) -> None:
        if partition in self._offsets:
            self._offsets[partition] = offset

    def work(self) -> None:
        plan = self.plan
        connection = KafkaConnection(plan)
        while not plan.draining.is_set() and self._offsets:
            self._take(connection.call(FETCH, 11, self._request()))
        connection.close()

    def _request(self) -> bytes:
        parts = b"".join(
            struct.pack(">iiqqi", partition, -1, offset, -1, FETCH_BYTES_MAX)
            for partition, offset in self._offsets.items()
        )
        return (
            struct.pack(">iiiibii", -1, 100, 1, FETCH_BYTES_MAX, 0, 0, -1)
            + struct.pack(">i", 1)
            + text(self.plan.target)
            + struct.pack(">i", len(self._offsets))
            + parts
            + struct.pack(">i", 0)
            + text("")
        )

    def _take(self, answer: bytes) -> None:
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
                at = self._take_partition(answer, at)

    def _take_partition(self, answer: bytes, at: int) -> int:
        partition, error, _, _, _, aborted = struct.unpack_from(">ihqqqi", answer, at)
        if error:
            raise BenchFailed(f"the broker refuses to fetch partition {partition}: Kafka's error {error}")
        at += 34 + max(aborted, 0) * 16
        _, size = struct.unpack_from(">ii", answer, at)
        at += 8
        end: int = at + max(size, 0)
        while end - at >= _LENGTH_AT and end - at >= batch_bytes(answer, at):
            for record in decode_batch(answer, at, self._addresses):
                self.took(record.value or b"")
            self._offsets[partition] = int(end_offset(answer, at))
            at += int(batch_bytes(answer, at))
        return end
