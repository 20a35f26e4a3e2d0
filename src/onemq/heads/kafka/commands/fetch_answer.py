"""The answer to a fetch, as bytes: what partitions gave, without joining their batches.

Job: write the response of versions 4 to 16.
Must not: ask the engine for anything.
Spec: Kafka protocol guide, "Fetch Response"; KIP-98 (aborted transactions), KIP-392, KIP-516 (topic ids).
"""

from typing import Final

from librt.strings import BytesWriter, write_i16_be, write_i32_be, write_i64_be
from mypy_extensions import i64

from onemq.heads.kafka.primitives import write_length, write_string

FLEXIBLE_FIRST: Final = 12
TOPIC_IDS_FIRST: Final = 13
NO_REPLICA: Final = -1
COPIED_BYTES_MAX: Final = 4096
"""A smaller batch is copied beside what stands before it: cheaper than a part of its own."""


class PartitionAnswer:
    """What one partition gave. `aborted`: (producer id, first offset) pairs, flat; None where nobody asked."""

    __slots__ = (
        "aborted",
        "batches",
        "error_code",
        "high_watermark",
        "index",
        "stable_end",
        "start_offset",
    )

    def __init__(self, index: int, error_code: int = 0) -> None:
        self.index = index
        self.error_code = error_code
        self.high_watermark: i64 = -1
        self.stable_end: i64 = -1
        self.start_offset: i64 = -1
        self.aborted: list[int] | None = None
        self.batches: list[bytes] = []


class TopicAnswer:
    """The partitions of one topic that the request named, in its order."""

    __slots__ = ("name", "partitions", "topic_id")

    def __init__(self, name: str, topic_id: bytes) -> None:
        self.name = name
        self.topic_id = topic_id
        self.partitions: list[PartitionAnswer] = []


class AnswerWriter:
    """Bytes in parts: small ones together, large batches as they are."""

    def __init__(self, writer: BytesWriter, version: int) -> None:
        """writer: the answer's header is in it; the first part."""
        self.first = writer
        self.parts: list[bytes] = []
        self._writer = writer
        self._version = version
        self._flexible = version >= FLEXIBLE_FIRST

    def write(self, throttle_ms: int, error_code: int, topics: list[TopicAnswer]) -> None:
        writer = self._writer
        write_i32_be(writer, throttle_ms)
        if self._version >= 7:
            write_i16_be(writer, error_code)
            # No fetch sessions: the client keeps none with an answer that has no id.
            write_i32_be(writer, 0)
        write_length(writer, len(topics), self._flexible)
        for topic in topics:
            writer = self._writer
            if self._version >= TOPIC_IDS_FIRST:
                writer.write(topic.topic_id)
            else:
                write_string(writer, topic.name, self._flexible)
            write_length(writer, len(topic.partitions), self._flexible)
            for partition in topic.partitions:
                self._partition(partition)
            self._no_tags()
        self._no_tags()
        if self._writer is not self.first:
            self.parts.append(self._writer.getvalue())

    def _no_tags(self) -> None:
        if self._flexible:
            self._writer.append(0)

    def _partition(self, partition: PartitionAnswer) -> None:
        writer = self._writer
        flexible = self._flexible
        write_i32_be(writer, partition.index)
        write_i16_be(writer, partition.error_code)
        write_i64_be(writer, partition.high_watermark)
        write_i64_be(writer, partition.stable_end)
        if self._version >= 5:
            write_i64_be(writer, partition.start_offset)
        aborted = partition.aborted
        if aborted is None:
            write_length(writer, -1, flexible)
        else:
            write_length(writer, len(aborted) // 2, flexible)
            at = 0
            while at < len(aborted):
                write_i64_be(writer, aborted[at])
                write_i64_be(writer, aborted[at + 1])
                self._no_tags()
                at += 2
        if self._version >= 11:
            write_i32_be(writer, NO_REPLICA)
        self._batches(partition.batches)
        self._no_tags()

    def _batches(self, batches: list[bytes]) -> None:
        size = 0
        for batch in batches:
            size += len(batch)
        write_length(self._writer, size, self._flexible)
        for batch in batches:
            if len(batch) <= COPIED_BYTES_MAX:
                self._writer.write(batch)
                continue
            if self._writer is self.first:
                self._writer = BytesWriter()
            elif len(self._writer) > 0:
                self.parts.append(self._writer.getvalue())
                self._writer = BytesWriter()
            self.parts.append(batch)
