"""What members of groups with server-side assignment (KIP-848) are answered when they are wrong, and as they come and go.

kafka-python has no schemas of ConsumerGroupHeartbeat, so it is written and read here octet by octet.
Spec: Kafka protocol guide, "ConsumerGroupHeartbeat API".
"""

from __future__ import annotations

import struct
from typing import Final

from differential.kafka.asking import Side
from differential.kafka.group_scenarios import commit

API_KEY: Final = 68
CORRELATION: Final = 7


def text(value: str | None) -> bytes:
    """A compact string of less than 127 bytes."""
    return b"\0" if value is None else bytes([len(value.encode()) + 1]) + value.encode()


def beat(
    side: Side,
    group: str,
    epoch: int = 0,
    *,
    member: str = "m",
    version: int = 1,
    instance: str | None = None,
    rebalance_ms: int = 30_000,
    names: tuple[str, ...] | None = None,
    pattern: str | None = None,
    assignor: str | None = None,
    owned: bytes | None = b"\1",
) -> int:
    """Kept is the code: the words are others for members. Returns the member's epoch."""
    body = text(group) + text(member) + struct.pack(">i", epoch) + text(instance) + text(None)
    body += struct.pack(">i", rebalance_ms)
    body += b"\0" if names is None else bytes([len(names) + 1]) + b"".join(map(text, names))
    if version >= 1:
        body += text(pattern)
    body += text(assignor) + (b"\0" if owned is None else owned) + b"\0"
    head = struct.pack(">hhih", API_KEY, version, CORRELATION, 4) + b"test\0"
    wire = side.wire()
    wire.send_bytes(struct.pack(">i", len(head + body)) + head + body)
    answer = wire.receive_frame()
    (code,) = struct.unpack_from(">h", answer, 9)
    _, at = read_text(answer, 11)
    _, at = read_text(answer, at)
    member_epoch, interval_ms = struct.unpack_from(">ii", answer, at)
    label = f"ConsumerGroupHeartbeat v{version} epoch {epoch} member {member} {instance} {names} {pattern} {assignor} {owned!r}"
    side.heard.append((label, {"error_code": code, "interval": interval_ms}))
    return int(member_epoch)


def read_text(data: bytes, at: int) -> tuple[str | None, int]:
    """A compact string and where it ends; its length may take two bytes."""
    length = data[at]
    at += 1
    if length > 0x7F:
        length = (length & 0x7F) | data[at] << 7
        at += 1
    if length == 0:
        return None, at
    return data[at : at + length - 1].decode(), at + length - 1


def heartbeats(side: Side) -> None:
    topic, group = side.topic("t", 2), side.name("g")
    for version in (0, 1):
        beat(side, group, version=version, names=())
        beat(side, group, version=version)
        beat(side, "", version=version, names=(topic,))
        beat(side, group, version=version, names=(topic,), rebalance_ms=-1)
        beat(side, group, version=version, names=(topic,), owned=None)
        beat(side, group, version=version, names=(topic,), assignor="none")
        beat(side, group, version=version, names=(topic,), assignor="")
        beat(side, group, version=version, names=(topic,), instance="")
        beat(side, group, version=version, names=(topic,), member="")
        beat(side, group, 5, version=version)
        beat(side, group, -1, version=version)
        beat(side, group, -2, version=version)
        beat(side, group, -2, version=version, instance="i")
        beat(side, group, -3, version=version)
    beat(side, group, pattern="(")
    beat(side, group, pattern="")
    epoch = beat(side, group, names=(topic,))
    beat(side, group, epoch, owned=None, rebalance_ms=-1)
    beat(side, group, epoch + 7, owned=None, rebalance_ms=-1)
    beat(side, group, epoch, member="other", owned=None, rebalance_ms=-1)
    beat(side, group, 0, member="second", names=(topic,), instance="i")
    beat(side, group, 0, member="third", names=(topic,), instance="i")
    beat(side, group, -1, member="third", instance="i")
    beat(side, group, -1, member="second", instance="other")
    commit(side, group, topic, member="m", generation=epoch + 7)
    commit(side, group, topic, member="other", generation=epoch)
    commit(side, group, topic)
    beat(side, group, -1)
    beat(side, group, -1)
    beat(side, group, -2, member="second", instance="i")
    beat(side, group, -1, member="second", instance="i")


SCENARIOS: Final = (heartbeats,)
