"""ConsumerGroupHeartbeat and ConsumerGroupDescribe over the real engine. kafka-python has no schemas of these, so the
requests are written here octet by octet."""

from __future__ import annotations

import struct

import pytest

from onemq.heads.kafka.primitives import Reader
from unit.heads.kafka.playbook import Peer, Stage
from unit.heads.kafka.requests import make_topic

NONE, INVALID_REQUEST, NOT_FOUND, FENCED, UNSUPPORTED_ASSIGNOR, INVALID_PATTERN = 0, 42, 69, 110, 112, 128
UNKNOWN_MEMBER_ID, GROUP_DENIED, TOPIC_DENIED = 25, 30, 29


def text(value: str | None) -> bytes:
    return b"\0" if value is None else bytes([len(value) + 1]) + value.encode()


def frame(key: int, version: int, body: bytes) -> bytes:
    head = struct.pack(">hhih", key, version, 1, 4) + b"test\0"
    return struct.pack(">i", len(head + body)) + head + body


class Answer:
    """What a heartbeat is answered."""

    def __init__(self, data: bytes) -> None:
        reader = Reader(data)
        assert reader.int32() == 1
        reader.skip_tagged_fields()
        assert reader.int32() == 0
        self.code = reader.int16()
        self.message = reader.nullable_string(True)
        self.member_id = reader.nullable_string(True)
        self.epoch = reader.int32()
        self.interval_ms = reader.int32()
        self.partitions: dict[bytes, list[int]] | None = None
        if reader.struct_present():
            self.partitions = {}
            for _ in range(reader.array_length(True, 18)):
                topic_id = reader.uuid()
                self.partitions[topic_id] = [reader.int32() for _ in range(reader.array_length(True, 4))]
                reader.skip_tagged_fields()
            reader.skip_tagged_fields()
        reader.skip_tagged_fields()
        assert reader.remaining() == 0


def beat(
    peer: Peer,
    version: int,
    epoch: int = 0,
    *,
    group: str = "g",
    member_id: str = "m",
    instance: str | None = None,
    rack: str | None = None,
    rebalance_ms: int = 30_000,
    names: list[str] | None = None,
    pattern: str | None = None,
    assignor: str | None = None,
    owned: bool | None = True,
) -> Answer:
    body = text(group) + text(member_id) + struct.pack(">i", epoch) + text(instance) + text(rack)
    body += struct.pack(">i", rebalance_ms)
    body += b"\0" if names is None else bytes([len(names) + 1]) + b"".join(text(one) for one in names)
    if version >= 1:
        body += text(pattern)
    body += text(assignor) + (b"\1" if owned else b"\0") + b"\0"
    peer.sends(frame(68, version, body))
    (data,) = peer.frames()
    return Answer(data)


@pytest.fixture
def peer() -> Peer:
    made = Stage().connect()
    make_topic(made, "t")
    return made


@pytest.mark.parametrize("version", [0, 1])
def test_join_stay_and_leave(peer: Peer, version: int) -> None:
    topic_id = make_topic(peer, "t").topic_id
    joined = beat(peer, version, names=["t"])
    assert (joined.code, joined.member_id, joined.epoch, joined.interval_ms) == (NONE, "m", 1, 5000)
    assert joined.partitions is not None and list(joined.partitions.values()) == [[0]]
    assert topic_id is not None
    assert beat(peer, version, 1, rebalance_ms=-1, owned=False).partitions is None
    assert beat(peer, version, 2, rebalance_ms=-1, owned=False).code == FENCED
    assert beat(peer, version, -1, rebalance_ms=-1, owned=False).epoch == -1
    assert beat(peer, version, 1, rebalance_ms=-1, owned=False).code == UNKNOWN_MEMBER_ID


@pytest.mark.parametrize("version", (0, 1))
def test_who_has_found_no_topic_yet_may_join(version: int) -> None:
    peer = Stage().connect()
    topic_id = make_topic(peer, "t").topic_id.bytes
    joined = beat(peer, version, names=[])
    assert (joined.code, joined.partitions) == (NONE, {})
    found = beat(peer, version, joined.epoch, names=["t"])
    assert found.code == NONE
    assert found.partitions == {topic_id: [0]}


def test_errors(peer: Peer) -> None:
    assert beat(peer, 1, group="", names=["t"]).code == INVALID_REQUEST
    assert beat(peer, 1, names=["t"], instance="").code == INVALID_REQUEST
    assert beat(peer, 1, names=["t"], rack="").code == INVALID_REQUEST
    assert beat(peer, 1, names=["t"], member_id="").code == INVALID_REQUEST
    assert beat(peer, 1, names=["t"], rebalance_ms=-1).code == INVALID_REQUEST
    assert beat(peer, 1, names=["t"], owned=None).code == INVALID_REQUEST
    assert beat(peer, 1, names=None).code == INVALID_REQUEST
    assert beat(peer, 1, -3).code == INVALID_REQUEST
    assert beat(peer, 1, -2).code == INVALID_REQUEST
    assert beat(peer, 1, 1).code == NOT_FOUND
    refused = beat(peer, 1, names=["t"], assignor="sticky")
    assert refused.code == UNSUPPORTED_ASSIGNOR and "uniform, range" in (refused.message or "")
    assert beat(peer, 1, pattern="(t").code == INVALID_PATTERN
    assert beat(peer, 1, pattern="t.*").partitions is not None


def test_an_id_is_made_in_version_0_only(peer: Peer) -> None:
    answer = beat(peer, 0, member_id="", names=["t"])
    assert answer.code == NONE and answer.member_id is not None and len(answer.member_id) == 36


def test_rights() -> None:
    stage = Stage(users=True)
    guest = stage.connect().logs_in("guest")
    for name in ("open", "closed"):
        make_topic(guest, name)
    peer = stage.connect().logs_in("reader")
    assert beat(peer, 1, group="closed", names=["open"]).code == GROUP_DENIED
    assert beat(peer, 1, group="open", names=["closed"]).code == TOPIC_DENIED
    found = beat(peer, 1, group="open", pattern=".*")
    assert found.partitions is not None and len(found.partitions) == 1


@pytest.mark.parametrize("version", [0, 1])
def test_describe(peer: Peer, version: int) -> None:
    beat(peer, 1, names=["t"], instance="i", rack="r")
    peer.sends(frame(69, version, bytes([3]) + text("g") + text("none") + b"\1\0"))
    (data,) = peer.frames()
    reader = Reader(data)
    assert reader.int32() == 1
    reader.skip_tagged_fields()
    assert (reader.int32(), reader.array_length(True, 1)) == (0, 2)
    assert (reader.int16(), reader.nullable_string(True), reader.string(True)) == (NONE, None, "g")
    assert (reader.string(True), reader.int32(), reader.int32()) == ("Stable", 1, 1)
    assert (reader.string(True), reader.array_length(True, 1)) == ("uniform", 1)
    assert [reader.nullable_string(True) for _ in range(3)] == ["m", "i", "r"]
    assert (reader.int32(), reader.string(True), reader.string(True)) == (1, "test", "/127.0.0.1")
    assert (reader.array_length(True, 1), reader.string(True)) == (1, "t")
    assert reader.nullable_string(True) == ""
    for _ in range(2):
        assert reader.array_length(True, 1) == 1
        assert len(reader.uuid()) == 16
        assert (reader.string(True), reader.array_length(True, 4), reader.int32()) == ("t", 1, 0)
        reader.skip_tagged_fields()
        reader.skip_tagged_fields()
    if version >= 1:
        assert reader.int8() == 1
    reader.skip_tagged_fields()
    assert reader.int32() > 0
    reader.skip_tagged_fields()
    assert (reader.int16(), reader.nullable_string(True)) == (NOT_FOUND, "Group none not found.")
