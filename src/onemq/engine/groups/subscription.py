"""The topics in a classic consumer's subscription, the one part of members' metadata that a broker looks into.

Must not: change it; fail on what it cannot read.
Spec: Kafka's embedded consumer protocol, ConsumerProtocolSubscription (KIP-429): version (2), array of topics, more.
"""

from typing import Final

from librt.strings import read_i16_be, read_i32_be
from mypy_extensions import i64

CONSUMER_PROTOCOL: Final = "consumer"
"""The protocol type of groups whose metadata are subscriptions."""


def subscribed_topics(metadata: bytes) -> list[str] | None:
    """None if this is no subscription."""
    size: i64 = len(metadata)
    if size < 6 or read_i16_be(metadata, 0) < 0:
        return None
    count: i64 = i64(read_i32_be(metadata, 2))
    if count < 0 or count > size // 2:
        return None
    at: i64 = 6
    topics: list[str] = []
    for _ in range(count):
        if at + 2 > size:
            return None
        length: i64 = i64(read_i16_be(metadata, at))
        at += 2
        if length < 0 or at + length > size:
            return None
        topics.append(metadata[at : at + length].decode("utf-8", "surrogateescape"))
        at += length
    return topics


def assigned_partitions(assignment: bytes) -> dict[str, list[int]]:
    """Topic to partitions of a member's assignment (ConsumerProtocolAssignment); {} if it is none."""
    found: dict[str, list[int]] = {}
    size: i64 = len(assignment)
    if size < 6 or read_i16_be(assignment, 0) < 0:
        return found
    count: i64 = i64(read_i32_be(assignment, 2))
    at: i64 = 6
    while count > 0 and at + 2 <= size:
        count -= 1
        length: i64 = i64(read_i16_be(assignment, at))
        at += 2
        if length < 0 or at + length + 4 > size:
            return {}
        topic = assignment[at : at + length].decode("utf-8", "surrogateescape")
        at += length
        many: i64 = i64(read_i32_be(assignment, at))
        at += 4
        if many < 0 or at + 4 * many > size:
            return {}
        partitions: list[int] = []
        for _ in range(many):
            partitions.append(int(read_i32_be(assignment, at)))
            at += 4
        found[topic] = partitions
    return found
