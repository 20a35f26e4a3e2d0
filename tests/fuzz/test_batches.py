"""Record batches that are nearly valid: what is read of them is right, or there is one CorruptBatch; memory stays bounded."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import google_crc32c

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from fuzz.mutation import Seeded, mutated, seeds, tries  # noqa: E402
from onemq.engine.topics.config import TopicConfig  # noqa: E402
from onemq.engine.topics.validation import validated  # noqa: E402
from onemq.model.compression import GZIP, LZ4, SNAPPY, ZSTD, BadCompression, decompress  # noqa: E402
from onemq.model.record import Death, Deaths, Record  # noqa: E402
from onemq.model.record_batch import CorruptBatch, check_batch, placed_batch, recompressed_batch  # noqa: E402
from onemq.model.record_codec import decode_batch, encode_batch  # noqa: E402
from onemq.model.record_walk import check_records, decode_keys, keep_live  # noqa: E402
from onemq.model.refusal import Refusal  # noqa: E402
from onemq.model.reserved_header import AddressCache  # noqa: E402
from transaction_driver import batch  # noqa: E402

NOW_MS = 1_700_000_000_000
CODECS = (GZIP, SNAPPY, LZ4, ZSTD)


def ours() -> bytes:
    """With all that travels beside a record."""
    addresses = AddressCache()
    records = []
    for number in range(5):
        record = Record(b"value" * number, addresses.get("exchange", f"key{number}"), priority=number)
        record.offset = number
        record.timestamp_ms = NOW_MS
        record.expires_at_ms = NOW_MS + 5
        record.key = b"key"
        record.headers = [("name", b"value"), ("nothing", None)]
        record.native = b"native bytes"
        records.append(record)
    return encode_batch(records)


def inputs() -> list[bytes]:
    plain = batch([b"one", b"two", b"", b"x" * 500], NOW_MS, producer=7, epoch=0, sequence=0)
    many = batch([b"v%d" % number for number in range(200)], NOW_MS)
    return [plain, many, ours(), *(recompressed_batch(many, codec) for codec in CODECS)]


def with_crc(data: bytes) -> bytes:
    """Its checksum put right, so that what it covers is looked at."""
    if len(data) < 21:
        return data
    return data[:17] + int(google_crc32c.value(data[21:])).to_bytes(4, "big") + data[21:]


def nearly(random: Seeded, valid: list[bytes]) -> bytes:
    data = mutated(random, random.choice(valid), valid)
    if random.random() < 0.6 and len(data) > 12:
        data = data[:8] + (len(data) - 12).to_bytes(4, "big") + data[12:]
    return with_crc(data) if random.random() < 0.8 else data


def read(data: bytes) -> None:
    """As a queue, a compactor and a consumer do; each reader bears what the checks let pass, and what they do not."""
    try:
        check_batch(data)
    except CorruptBatch:
        return
    for reader in (
        lambda: decode_batch(data, 0, AddressCache()),
        lambda: check_records(data, True),
        lambda: decode_keys(data),
        lambda: keep_live(data, [0, 2]),
        lambda: recompressed_batch(data, LZ4),
    ):
        with suppress(CorruptBatch):
            reader()


def test_readers() -> None:
    valid = inputs()
    for random in seeds():
        data = nearly(random, valid)
        tries(random, data, partial(read, data))


def test_what_a_producer_sends() -> None:
    """What is taken can be read."""
    valid = inputs()
    configs = [
        TopicConfig({}),
        TopicConfig({"compression.type": "zstd"}),
        TopicConfig({"cleanup.policy": "compact"}),
    ]
    for random in seeds():
        data = nearly(random, valid)
        config = random.choice(configs)

        def produce(data: bytes = data, config: TopicConfig = config) -> None:
            try:
                stored = validated(data, config, NOW_MS)
            except Refusal:
                return
            placed = placed_batch(stored, 5)
            check_batch(placed)
            decode_batch(placed, 0, AddressCache())

        tries(random, data, produce)


def test_compressed_octets() -> None:
    for random in seeds():
        plain = random.randbytes(random.randrange(50)) * random.choice([1, 20, 2000])
        codec = random.choice(CODECS)
        section = recompressed_batch(batch([plain], NOW_MS), codec)[61:]
        data = mutated(random, section, [])

        def inflate(data: bytes = data, codec: int = codec) -> None:
            with suppress(BadCompression):
                assert len(decompress(codec, data, 1 << 20)) <= 1 << 20

        tries(random, data, inflate)


def test_deaths_and_addresses() -> None:
    """The reserved header of our own batches, by itself."""
    record = Record(b"v", AddressCache().get("e", "k"))
    first = ("queue", "rejected", "e")
    record.deaths = Deaths([Death("queue", "rejected", "e", ["k"], 2, NOW_MS)], first, first)
    valid = [encode_batch([record]), ours()]
    for random in seeds():
        data = nearly(random, valid)
        tries(random, data, partial(read, data))
