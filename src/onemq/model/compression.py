"""The compression codecs of Kafka's record batches (attributes bits 0 to 2): none, gzip, snappy, lz4, zstd.

Pure functions over bytes. What a peer sent inflates up to a given bound and no further: a small batch must not fill the memory.
Sources: Apache Kafka documentation, "Record Batch"; LZ4 frame format; snappy's framing of the Java library (magic "\\x82SNAPPY\\0").
"""

from typing import Final

import cramjam

NONE: Final = 0
GZIP: Final = 1
SNAPPY: Final = 2
LZ4: Final = 3
ZSTD: Final = 4
CODEC_NAMES: Final = ("none", "gzip", "snappy", "lz4", "zstd")

_JAVA_SNAPPY: Final = b"\x82SNAPPY\x00"
_JAVA_SNAPPY_HEADER_BYTES: Final = 16
_FIRST_GUESS: Final = 8
_GROWTH: Final = 8
_LZ4_HEADER: Final = b"\x04\x22\x4d\x18\x60\x70\x73"
"""Version 1, independent blocks of up to 4 MiB, no checksums: what Java's Kafka client reads (it refuses dependent blocks)."""
_LZ4_BLOCK_BYTES: Final = 4 << 20
_LZ4_UNCOMPRESSED: Final = 0x80000000


class BadCompression(Exception):
    """The bytes are not what their codec makes, or inflate beyond the bound."""


def decompress(codec: int, data: bytes, bytes_max: int) -> bytes:
    """Raises BadCompression; `bytes_max` bounds the result."""
    if codec == NONE:
        return data
    if codec == SNAPPY:
        return _snappy(data, bytes_max)
    size = min(max(len(data) * _FIRST_GUESS, 4096), bytes_max)
    while True:
        out = bytearray(size)
        try:
            if codec == GZIP:
                length = cramjam.gzip.decompress_into(data, out)
            elif codec == LZ4:
                length = cramjam.lz4.decompress_into(data, out)
            elif codec == ZSTD:
                length = cramjam.zstd.decompress_into(data, out)
            else:
                raise BadCompression(f"codec {codec} is unknown")
        except cramjam.DecompressionError as error:
            if size >= bytes_max or "whole buffer" not in str(error):
                raise BadCompression(f"{CODEC_NAMES[codec]}: {error}") from None
            size = min(size * _GROWTH, bytes_max)
            continue
        return bytes(memoryview(out)[:length])


def _snappy(data: bytes, bytes_max: int) -> bytes:
    if not data.startswith(_JAVA_SNAPPY):
        return _snappy_block(data, bytes_max)
    parts: list[bytes] = []
    at = _JAVA_SNAPPY_HEADER_BYTES
    total = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        at += 4
        if size == 0 or size > len(data) - at:
            raise BadCompression("snappy: a block reaches beyond the data")
        block = _snappy_block(data[at : at + size], bytes_max - total)
        total += len(block)
        parts.append(block)
        at += size
    return b"".join(parts)


def _snappy_block(data: bytes, bytes_max: int) -> bytes:
    try:
        size = cramjam.snappy.decompress_raw_len(data)
        if size > bytes_max:
            raise BadCompression(f"snappy: {size} bytes, more than {bytes_max}")
        return bytes(cramjam.snappy.decompress_raw(data))
    except cramjam.DecompressionError as error:
        raise BadCompression(str(error)) from None


def compress(codec: int, data: bytes) -> bytes:
    """As every Kafka client can read it."""
    if codec == NONE:
        return data
    if codec == GZIP:
        return bytes(cramjam.gzip.compress(data))
    if codec == SNAPPY:
        return bytes(cramjam.snappy.compress_raw(data))
    if codec == LZ4:
        return _lz4(data)
    assert codec == ZSTD, f"codec {codec} is unknown"
    return bytes(cramjam.zstd.compress(data))


def _lz4(data: bytes) -> bytes:
    parts = [_LZ4_HEADER]
    for at in range(0, len(data), _LZ4_BLOCK_BYTES):
        block = data[at : at + _LZ4_BLOCK_BYTES]
        packed = bytes(cramjam.lz4.compress_block(block, store_size=False))
        if len(packed) >= len(block):
            parts.append((len(block) | _LZ4_UNCOMPRESSED).to_bytes(4, "little"))
            parts.append(block)
        else:
            parts.append(len(packed).to_bytes(4, "little"))
            parts.append(packed)
    parts.append(bytes(4))
    return b"".join(parts)
