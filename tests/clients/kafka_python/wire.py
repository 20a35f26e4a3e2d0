"""A raw connection that speaks Kafka's protocol: for requests that no client sends, and for looking at stored batches.

Messages are encoded by kafka-python's schema classes, a codec that is not ours; record batches are laid out by hand so that every
field can be wrong. No test lives here. Record batch: https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import google_crc32c
from kafka.protocol.consumer import FetchRequest, FetchResponse
from kafka.protocol.metadata import ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, MetadataResponse
from kafka.protocol.producer import (
    InitProducerIdRequest,
    InitProducerIdResponse,
    ProduceRequest,
    ProduceResponse,
)
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

TIMEOUT_SECONDS = 20.0
HEADER = struct.Struct(">qiibIhiqqqhii")
CRC_AT = 17
CRC_FROM = 21
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TRANSACTIONAL = 0x10
CONTROL = 0x20
PRODUCE_VERSION = 9
FETCH_VERSION = 11
ApiVersions = 18
LOADING = 14  # COORDINATOR_LOAD_IN_PROGRESS


class ConnectionLost(Exception):
    """The broker closed the connection."""


def varint(number: int) -> bytes:
    """Zigzag, as in records."""
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def encoded_bytes(value: bytes | None) -> bytes:
    return varint(-1) if value is None else varint(len(value)) + value


def record(delta: int, key: bytes | None, value: bytes | None) -> bytes:
    body = b"\0" + varint(0) + varint(delta) + encoded_bytes(key) + encoded_bytes(value) + varint(0)
    return varint(len(body)) + body


@dataclass
class Batch:
    """A record batch, every field of which may be wrong; a field that is None is set right."""

    values: Sequence[bytes | None] = (b"value",)
    key: bytes | None = None
    producer_id: int = -1
    epoch: int = -1
    sequence: int = -1
    attributes: int = 0
    magic: int = 2
    base_offset: int = 0
    timestamp: int = field(default_factory=lambda: int(time.time() * 1000))
    last_delta: int | None = None
    count: int | None = None
    crc: int | None = None
    length: int | None = None
    payload: bytes | None = None

    def encode(self) -> bytes:
        payload = self.payload
        if payload is None:
            payload = b"".join(record(delta, self.key, value) for delta, value in enumerate(self.values))
        count = len(self.values)
        data = bytearray(
            HEADER.pack(
                self.base_offset,
                HEADER.size - 12 + len(payload) if self.length is None else self.length,
                -1,
                self.magic,
                0,
                self.attributes,
                count - 1 if self.last_delta is None else self.last_delta,
                self.timestamp,
                self.timestamp,
                self.producer_id,
                self.epoch,
                self.sequence,
                count if self.count is None else self.count,
            )
            + payload
        )
        crc = google_crc32c.value(bytes(data[CRC_FROM:])) if self.crc is None else self.crc
        struct.pack_into(">I", data, CRC_AT, crc)
        return bytes(data)


def compressed_batch(codec: str, values: Sequence[bytes], times_ms: Sequence[int] = ()) -> bytes:
    """One batch of kafka-python's making. Which records a client's producer puts into one batch is up to its threads."""
    builder = DefaultRecordBatchBuilder(2, CODECS.index(codec), False, -1, -1, -1, 1 << 20)
    now_ms = int(time.time() * 1000)
    for offset, value in enumerate(values):
        builder.append(offset, times_ms[offset] if times_ms else now_ms, None, value, [])
    return bytes(builder.build())


@dataclass
class Produced:
    error: int
    base_offset: int
    append_time: int
    start_offset: int


@dataclass
class FetchedPartition:
    error: int
    high_watermark: int
    stable_end: int
    start_offset: int
    aborted: list[tuple[int, int]]
    data: bytes

    def batches(self) -> list[DefaultRecordBatch]:
        """The whole batches in the answer."""
        found, at = [], 0
        while at + 12 <= len(self.data):
            (length,) = struct.unpack_from(">i", self.data, at + 8)
            end = at + 12 + length
            if end > len(self.data):
                break
            found.append(DefaultRecordBatch(self.data[at:end]))
            at = end
        return found

    def values(self) -> list[bytes]:
        return [record.value for batch in self.batches() if not batch.is_control_batch for record in batch]


class Wire:
    """One connection. Requests are sent one by one or pipelined (`send`, then `receive`)."""

    def __init__(self, bootstrap: str, client_id: str = "wire-test") -> None:
        host, _, port = bootstrap.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), TIMEOUT_SECONDS)
        self._client_id = client_id
        self._correlation_id = 100

    def close(self) -> None:
        self.socket.close()

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def encode(self, request: Any, version: int) -> bytes:
        """The framed request, under a new correlation id."""
        self._correlation_id += 1
        request.with_header(correlation_id=self._correlation_id, client_id=self._client_id)
        return bytes(request.encode(version=version, header=True, framed=True))

    def send(self, request: Any, version: int) -> int:
        """Returns the correlation id."""
        self.send_bytes(self.encode(request, version))
        return self._correlation_id

    def receive_frame(self) -> bytes:
        """The next answer without its length. Raises ConnectionLost."""
        (size,) = struct.unpack(">i", self._receive(4))
        return self._receive(size)

    def receive(self, response: Any, version: int, correlation_id: int) -> Any:
        frame = self.receive_frame()
        assert struct.unpack_from(">i", frame)[0] == correlation_id, "answers out of order"
        # Answers to ApiVersions have the old header whatever their version.
        flexible = response.flexible_version_q(version) and ApiVersions != response.API_KEY
        header_size = 5 if flexible else 4
        if flexible:
            assert frame[4] == 0, "tagged fields in the header"
        return response[version].decode(frame[header_size:], version=version)

    def call(self, request: Any, response: Any, version: int) -> Any:
        return self.receive(response, version, self.send(request, version))

    def closed(self) -> bool:
        """Wait for the broker to close; False when it answers something instead."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def api_versions(self) -> dict[int, tuple[int, int]]:
        answer = self.call(ApiVersionsRequest(version=0), ApiVersionsResponse, 0)
        assert answer.error_code == 0
        return {entry.api_key: (entry.min_version, entry.max_version) for entry in answer.api_keys}

    def topic_id(self, topic: str) -> Any:
        request = MetadataRequest(
            version=12,
            topics=[MetadataRequest.MetadataRequestTopic(version=12, name=topic)],
            allow_auto_topic_creation=False,
        )
        return self.call(request, MetadataResponse, 12).topics[0].topic_id

    def init_producer(self, producer_id: int = -1, epoch: int = -1) -> tuple[int, int]:
        """An idempotent producer's id and epoch."""
        request = InitProducerIdRequest(
            version=4,
            transactional_id=None,
            transaction_timeout_ms=60_000,
            producer_id=producer_id,
            producer_epoch=epoch,
        )
        deadline = time.monotonic() + TIMEOUT_SECONDS
        answer = self.call(request, InitProducerIdResponse, 4)
        while answer.error_code == LOADING and time.monotonic() < deadline:  # Kafka, when it has just started
            answer = self.call(request, InitProducerIdResponse, 4)
        assert answer.error_code == 0
        return answer.producer_id, answer.producer_epoch

    def produce_request(
        self,
        topic: str,
        data: bytes | None,
        version: int,
        partition: int,
        acks: int,
        transactional_id: str | None,
    ) -> ProduceRequest:
        entry = ProduceRequest.TopicProduceData
        return ProduceRequest(
            version=version,
            transactional_id=transactional_id,
            acks=acks,
            timeout_ms=10_000,
            topic_data=[
                entry(
                    version=version,
                    name=topic,
                    partition_data=[
                        entry.PartitionProduceData(version=version, index=partition, records=data)
                    ],
                )
            ],
        )

    def produce(
        self,
        topic: str,
        batch: Batch | bytes | None,
        version: int = PRODUCE_VERSION,
        partition: int = 0,
        acks: int = -1,
        transactional_id: str | None = None,
    ) -> Produced:
        data = batch.encode() if isinstance(batch, Batch) else batch
        request = self.produce_request(topic, data, version, partition, acks, transactional_id)
        answer = self.call(request, ProduceResponse, version)
        assert answer.responses[0].name == topic
        part = answer.responses[0].partition_responses[0]
        return Produced(part.error_code, part.base_offset, part.log_append_time_ms, part.log_start_offset)

    def fetch_request(
        self,
        positions: dict[tuple[str, int], int],
        version: int,
        wait_ms: int,
        bytes_min: int,
        bytes_max: int,
        partition_bytes_max: int,
        committed: bool,
    ) -> FetchRequest:
        topics: dict[str, list[Any]] = {}
        entry = FetchRequest.FetchTopic
        for (topic, partition), offset in positions.items():
            topics.setdefault(topic, []).append(
                entry.FetchPartition(
                    version=version,
                    partition=partition,
                    current_leader_epoch=-1,
                    fetch_offset=offset,
                    log_start_offset=-1,
                    partition_max_bytes=partition_bytes_max,
                )
            )
        keyword = "topic" if version < 13 else "topic_id"
        return FetchRequest(
            version=version,
            max_wait_ms=wait_ms,
            min_bytes=bytes_min,
            max_bytes=bytes_max,
            isolation_level=int(committed),
            session_id=0,
            session_epoch=-1,
            topics=[
                entry(
                    version=version,
                    partitions=partitions,
                    **{keyword: name if version < 13 else self.topic_id(name)},
                )
                for name, partitions in topics.items()
            ],
        )

    def send_fetch(
        self,
        positions: dict[tuple[str, int], int],
        version: int = FETCH_VERSION,
        wait_ms: int = 0,
        bytes_min: int = 1,
        bytes_max: int = 50_000_000,
        partition_bytes_max: int = 1_000_000,
        committed: bool = False,
    ) -> int:
        request = self.fetch_request(
            positions, version, wait_ms, bytes_min, bytes_max, partition_bytes_max, committed
        )
        return self.send(request, version)

    def receive_fetch(self, correlation_id: int, version: int = FETCH_VERSION) -> list[FetchedPartition]:
        """Partitions in the order of the answer."""
        answer = self.receive(FetchResponse, version, correlation_id)
        assert (answer.error_code, answer.session_id) == (0, 0)
        return [
            FetchedPartition(
                part.error_code,
                part.high_watermark,
                part.last_stable_offset,
                part.log_start_offset,
                [(entry.producer_id, entry.first_offset) for entry in part.aborted_transactions or []],
                bytes(part.records or b""),
            )
            for topic in answer.responses
            for part in topic.partitions
        ]

    def fetch(self, topic: str, offset: int = 0, partition: int = 0, **limits: Any) -> FetchedPartition:
        """One partition, as of `send_fetch`'s limits."""
        version = limits.get("version", FETCH_VERSION)
        correlation_id = self.send_fetch({(topic, partition): offset}, **limits)
        (fetched,) = self.receive_fetch(correlation_id, version)
        return fetched

    def _receive(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                piece = self.socket.recv(size - len(data))
            except ConnectionResetError as error:
                raise ConnectionLost from error
            if not piece:
                raise ConnectionLost
            data += piece
        return bytes(data)
