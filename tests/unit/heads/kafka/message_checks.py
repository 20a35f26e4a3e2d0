"""What holds for every message: it agrees with another implementation, and any bytes give a message or a WireError."""

from __future__ import annotations

import tracemalloc
from random import Random
from typing import Any

import pytest
from tools.kafka_messages.code_lines import snake
from tools.kafka_messages.notation import Message, Schema

from onemq.heads.kafka.primitives import Reader
from onemq.model.refusal import WireError
from unit.heads.kafka import message_peer
from unit.heads.kafka.message_samples import (
    differences,
    module_of,
    read,
    sample,
    smallest,
    versions_of,
    write,
)

SAMPLES = 8
ALLOCATED_BYTES_MAX = 200_000
"""By a reader that was given 64 bytes."""


def check_requests_of_the_peer(schema: Schema) -> None:
    """The peer encodes, we read: the values are equal."""
    for message in schema.messages:
        if message.kind != "response":
            for version in message_peer.versions(message):
                # The smallest shows that no length is refused that its elements bear out.
                for values in [smallest(message.body, version), *samples(message, version)]:
                    data = message_peer.encode(message, values, version)
                    found = read(schema, message, data, version)
                    assert differences(message.body, values, found) == [], f"version {version}"


def check_responses_at_the_peer(schema: Schema) -> None:
    """We write, the peer decodes: the values are equal."""
    for message in schema.messages:
        if message.kind != "request":
            for version in message_peer.versions(message):
                for values in samples(message, version):
                    data = write(schema, message, values, version)
                    assert message_peer.decode(message, data, version) == values, f"version {version}"


def samples(message: Message, version: int) -> list[dict[str, Any]]:
    found = [
        sample(message.body, version, Random(f"{message.body.name} {version} {seed}"))
        for seed in range(SAMPLES)
    ]
    if message.body.name == "ApiVersionsResponse":
        for values in found:
            # Clients take an answer with an error as of version 0, whatever was asked.
            values["error_code"] = 0
    return found


def encoded_requests(schema: Schema) -> list[tuple[Message, int, bytes]]:
    """One small request of each version, by the peer; for messages that it lacks, of zeros."""
    found = []
    for message in schema.messages:
        if message.kind != "response":
            for version in versions_of(message):
                data = bytes(40)
                if version in message_peer.versions(message):
                    shortest = min(
                        (
                            message_peer.encode(message, values, version)
                            for values in samples(message, version)
                        ),
                        key=len,
                    )
                    data = shortest[:2000]
                found.append((message, version, data))
    return found


def read_anything(schema: Schema, message: Message, data: bytes, version: int) -> bool:
    """Whether data is a message; WireError is the only other thing that may come of it."""
    reader = Reader(data)
    try:
        getattr(module_of(schema), f"read_{snake(message.body.name)}")(reader, version)
    except WireError:
        return False
    return True


def check_truncation(schema: Schema) -> None:
    """A request that ends early is a WireError, wherever it ends."""
    for message in schema.messages:
        if message.kind != "response":
            for version in message_peer.versions(message):
                data = min(
                    (message_peer.encode(message, values, version) for values in samples(message, version)),
                    key=len,
                )
                ends = range(len(data)) if len(data) < 1500 else [*range(500), *range(500, len(data), 997)]
                for end in ends:
                    # The buffer goes on behind the end: nothing of it may be seen.
                    reader = Reader(data, 0, end)
                    with pytest.raises(WireError):
                        getattr(module_of(schema), f"read_{snake(message.body.name)}")(reader, version)


def check_any_bytes(schema: Schema, data: bytes) -> None:
    for message in schema.messages:
        if message.kind != "response":
            for version in versions_of(message):
                read_anything(schema, message, data, version)


def check_damage(schema: Schema, rounds: int) -> None:
    """Requests with single bytes changed: a message or a WireError, and no memory for lengths that are lies."""
    random = Random(schema.module)
    for message, version, data in encoded_requests(schema):
        for _ in range(rounds):
            damaged = bytearray(data)
            for _ in range(random.choice((1, 1, 2, 4))):
                if damaged:
                    damaged[random.randrange(len(damaged))] = random.choice(
                        (0, 1, 0x7F, 0x80, 0xFF, random.randrange(256))
                    )
            read_anything(schema, message, bytes(damaged), version)


def check_allocation(schema: Schema) -> None:
    """64 bytes that speak of billions of elements do not make us allocate for them."""
    check_any_bytes(schema, b"")  # imports the module
    for lie in (b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff\x0f", b"\x00\x00\x00\x20", b"\x7f"):
        data = (lie * 64)[:64]
        tracemalloc.start()
        try:
            check_any_bytes(schema, data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < ALLOCATED_BYTES_MAX, f"{peak} bytes for {data[:8]!r}..."
