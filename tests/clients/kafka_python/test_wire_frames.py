"""Frames and versions: what is advertised is served, and what is no request harms nobody else."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import pytest
from kafka.protocol.admin import (
    DescribeClusterRequest,
    DescribeClusterResponse,
    ListGroupsRequest,
    ListGroupsResponse,
)
from kafka.protocol.consumer import (
    ListOffsetsRequest,
    ListOffsetsResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
)
from kafka.protocol.metadata import (
    ApiVersionsRequest,
    ApiVersionsResponse,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    MetadataRequest,
    MetadataResponse,
)
from kafka.protocol.producer import InitProducerIdRequest, InitProducerIdResponse

from clients.kafka_python.session import MakeTopic, Unique, produce
from clients.kafka_python.wire import Batch, Wire

UNSUPPORTED_VERSION = 35
INVALID_REQUEST = 42
OFFSET_OUT_OF_RANGE = 1
UNKNOWN_TOPIC_OR_PARTITION = 3
METADATA, FETCH, LIST_OFFSETS, OFFSET_FETCH, FIND_COORDINATOR, LIST_GROUPS, API_VERSIONS = (
    3,
    1,
    2,
    9,
    10,
    16,
    18,
)
INIT_PRODUCER_ID, DESCRIBE_CLUSTER = 22, 60


def versions_of(wire: Wire, api_key: int, schema: Any) -> range:
    """What the broker advertises, as far as our codec knows it."""
    first, last = wire.api_versions()[api_key]
    return range(first, min(last, schema.max_version) + 1)


def header(api_key: int, version: int, correlation_id: int = 7) -> bytes:
    """A request header of version 1, without client id."""
    return struct.pack(">hhih", api_key, version, correlation_id, -1)


def framed(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


def test_what_is_advertised_covers_every_client(wire: Wire) -> None:
    """Ranges of the newest librdkafka and of the oldest kafkajs: ApiVersions lists them."""
    ranges = wire.api_versions()
    for api_key, version in {
        0: 10, 1: 11, 2: 7, 3: 6, 8: 5, 9: 4, 10: 2, 11: 5, 12: 4, 13: 3, 14: 3, 15: 2, 16: 3, 17: 1, 18: 3, 19: 4, 20: 3,
        21: 2, 22: 4, 23: 2, 24: 0, 25: 0, 26: 1, 28: 3, 29: 2, 30: 2, 31: 2, 32: 2, 33: 1, 35: 1, 36: 1, 37: 3, 42: 1,
        43: 2, 44: 1, 47: 0, 48: 1, 49: 1, 50: 0, 51: 0, 60: 0,
    }.items():  # fmt: skip
        assert api_key in ranges, f"API {api_key} is missing"
        first, last = ranges[api_key]
        assert first <= version <= last, f"API {api_key}: {first} to {last}"


def test_no_telemetry_on_onemq(wire: Wire, against_onemq: bool) -> None:
    if not against_onemq:
        pytest.skip("Kafka has it")
    assert not {71, 72} & set(wire.api_versions())


@pytest.mark.parametrize("version", range(5))
def test_every_version_of_api_versions(wire: Wire, version: int) -> None:
    request = ApiVersionsRequest(
        version=version, client_software_name="test-client", client_software_version="1.0"
    )
    answer = wire.call(request, ApiVersionsResponse, version)
    assert answer.error_code == 0
    assert API_VERSIONS in {entry.api_key for entry in answer.api_keys}


@pytest.mark.parametrize("version", [6, 42, 99, 32_767])
def test_a_version_of_the_future_is_answered_in_the_oldest_form(wire: Wire, version: int) -> None:
    wire.send_bytes(framed(header(API_VERSIONS, version) + b"\0" + b"whatever they will send then"))
    frame = wire.receive_frame()
    assert struct.unpack_from(">i", frame)[0] == 7
    answer = ApiVersionsResponse[0].decode(frame[4:], version=0)
    assert answer.error_code == UNSUPPORTED_VERSION
    ranges = {entry.api_key: (entry.min_version, entry.max_version) for entry in answer.api_keys}
    assert ranges[API_VERSIONS][0] == 0 and 3 <= ranges[API_VERSIONS][1] < version
    # The connection goes on with the version that was named.
    assert wire.api_versions()[API_VERSIONS] == ranges[API_VERSIONS]


def test_a_client_name_that_is_none(wire: Wire) -> None:
    request = ApiVersionsRequest(version=3, client_software_name="bad name!", client_software_version="1")
    wire.send(request, 3)
    assert struct.unpack_from(">h", wire.receive_frame(), 4)[0] == INVALID_REQUEST


@pytest.mark.parametrize(
    ("api_key", "version"),
    [(METADATA, 99), (FETCH, 3), (FETCH, 99), (LIST_OFFSETS, 0), (999, 0), (-1, 0), (4, 0)],
)
def test_what_is_not_advertised_closes_the_connection(wire: Wire, api_key: int, version: int) -> None:
    wire.send_bytes(framed(header(api_key, version) + bytes(40)))
    assert wire.closed()


def test_every_version_of_metadata(wire: Wire, make_topic: MakeTopic, bootstrap: str) -> None:
    topic = make_topic(2)
    for version in versions_of(wire, METADATA, MetadataRequest):
        entry = MetadataRequest.MetadataRequestTopic(version=version, name=topic)
        answer = wire.call(MetadataRequest(version=version, topics=[entry]), MetadataResponse, version)
        (broker,) = answer.brokers
        assert f"{broker.host}:{broker.port}" == bootstrap
        (found,) = answer.topics
        assert (found.error_code, found.name) == (0, topic)
        assert sorted(part.partition_index for part in found.partitions) == [0, 1]
        assert {part.leader_id for part in found.partitions} == {broker.node_id}


def test_all_topics_and_none(wire: Wire, topic: str) -> None:
    """Null is all, empty is none; in version 0 empty is all."""
    for version, asked, everything in (
        (0, [], True),
        (1, None, True),
        (1, [], False),
        (9, None, True),
        (9, [], False),
    ):
        answer = wire.call(MetadataRequest(version=version, topics=asked), MetadataResponse, version)
        assert (topic in {found.name for found in answer.topics}) == everything


def test_topics_by_id(wire: Wire, topic: str) -> None:
    entry = MetadataRequest.MetadataRequestTopic(version=12, topic_id=wire.topic_id(topic), name=None)
    answer = wire.call(MetadataRequest(version=12, topics=[entry]), MetadataResponse, 12)
    assert [(found.error_code, found.name) for found in answer.topics] == [(0, topic)]


def test_every_version_of_fetch(wire: Wire, topic: str) -> None:
    wire.produce(topic, Batch(values=[b"a", b"b"]))
    first, last = wire.api_versions()[FETCH]
    assert (first, last) >= (4, 16)
    for version in range(4, min(last, 17) + 1):
        fetched = wire.fetch(topic, version=version)
        assert (fetched.error, fetched.high_watermark, fetched.values()) == (0, 2, [b"a", b"b"])


def test_every_version_of_list_offsets(wire: Wire, topic: str) -> None:
    wire.produce(topic, Batch(values=[b"a", b"b"]))
    entry = ListOffsetsRequest.ListOffsetsTopic
    for version in versions_of(wire, LIST_OFFSETS, ListOffsetsRequest):
        for timestamp, offset in ((-1, 2), (-2, 0), (1, 0)):
            part = entry.ListOffsetsPartition(version=version, partition_index=0, timestamp=timestamp)
            part.current_leader_epoch = -1
            request = ListOffsetsRequest(
                version=version, replica_id=-1, topics=[entry(version=version, name=topic, partitions=[part])]
            )
            answer = wire.call(request, ListOffsetsResponse, version).topics[0].partitions[0]
            assert (answer.error_code, answer.offset) == (0, offset), (version, timestamp)


def test_every_version_of_the_small_requests(wire: Wire, unique: Unique) -> None:
    group = unique("group")
    for version in versions_of(wire, FIND_COORDINATOR, FindCoordinatorRequest):
        request = FindCoordinatorRequest(version=version, key=group, key_type=0, coordinator_keys=[group])
        answer = wire.call(request, FindCoordinatorResponse, version)
        found = answer if version < 4 else answer.coordinators[0]
        assert found.error_code == 0 and found.port
    for version in versions_of(wire, INIT_PRODUCER_ID, InitProducerIdRequest):
        if version > 5:
            continue
        request = InitProducerIdRequest(version=version, transactional_id=None, transaction_timeout_ms=1000)
        request.producer_id = request.producer_epoch = -1
        answer = wire.call(request, InitProducerIdResponse, version)
        assert (answer.error_code, answer.producer_epoch) == (0, 0) and answer.producer_id >= 0
    for version in versions_of(wire, LIST_GROUPS, ListGroupsRequest):
        request = ListGroupsRequest(version=version, states_filter=[], types_filter=[])
        assert wire.call(request, ListGroupsResponse, version).error_code == 0
    for version in versions_of(wire, DESCRIBE_CLUSTER, DescribeClusterRequest):
        answer = wire.call(DescribeClusterRequest(version=version), DescribeClusterResponse, version)
        assert answer.error_code == 0 and len(answer.brokers) == 1


def test_every_version_of_offset_fetch_for_a_group_without_offsets(
    wire: Wire, topic: str, unique: Unique
) -> None:
    group = unique("group")
    for version in versions_of(wire, OFFSET_FETCH, OffsetFetchRequest):
        if version > 9:
            continue
        if version < 8:
            entry = OffsetFetchRequest.OffsetFetchRequestTopic
            request = OffsetFetchRequest(
                version=version,
                group_id=group,
                topics=[entry(version=version, name=topic, partition_indexes=[0])],
                require_stable=False,
            )
            part = wire.call(request, OffsetFetchResponse, version).topics[0].partitions[0]
        else:
            many = OffsetFetchRequest.OffsetFetchRequestGroup
            asked = many.OffsetFetchRequestTopics(version=version, name=topic, partition_indexes=[0])
            request = OffsetFetchRequest(
                version=version,
                groups=[many(version=version, group_id=group, topics=[asked])],
                require_stable=False,
            )
            part = wire.call(request, OffsetFetchResponse, version).groups[0].topics[0].partitions[0]
        assert (part.error_code, part.committed_offset, part.metadata) == (0, -1, "")


def test_byte_by_byte(wire: Wire, topic: str) -> None:
    request = wire.produce_request(topic, Batch().encode(), 9, 0, -1, None)
    for byte in wire.encode(request, 9):
        wire.send_bytes(bytes([byte]))
    wire.receive_frame()
    assert wire.fetch(topic).high_watermark == 1


def test_half_a_frame_and_gone(bootstrap: str, wire: Wire, topic: str) -> None:
    other = Wire(bootstrap)
    data = other.encode(other.produce_request(topic, Batch().encode(), 9, 0, -1, None), 9)
    other.send_bytes(data[:-5])
    other.close()
    assert wire.fetch(topic).high_watermark == 0
    assert wire.produce(topic, Batch()).base_offset == 0


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">i", 2**31 - 1),
        struct.pack(">i", -1),
        struct.pack(">i", -(2**31)),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),
        framed(b"\0"),
        framed(header(METADATA, 12) + b"\xff" * 30),
        framed(header(METADATA, 1) + struct.pack(">i", 2**31 - 1)),
        framed(header(0, 9) + b"\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
    ],
    ids=[
        "oversize",
        "negative",
        "most negative",
        "http",
        "tls",
        "one byte",
        "bad varint",
        "huge array",
        "bad produce",
    ],
)
def test_what_is_no_request_closes_only_its_own_connection(bootstrap: str, wire: Wire, sent: bytes) -> None:
    other = Wire(bootstrap)
    other.send_bytes(sent)
    assert other.closed()
    other.close()
    assert wire.api_versions()


def test_answers_keep_the_order_of_requests(bootstrap: str, wire: Wire, topic: str) -> None:
    """A long poll holds back the answers of the requests after it, until data comes."""
    waiting = wire.send_fetch({(topic, 0): 0}, wait_ms=60_000)
    following = wire.send(ApiVersionsRequest(version=0), 0)
    produce(bootstrap, topic, b"wake up")
    (fetched,) = wire.receive_fetch(waiting)
    assert fetched.values() == [b"wake up"]
    assert wire.receive(ApiVersionsResponse, 0, following).error_code == 0


@pytest.mark.parametrize(("size", "count"), [(900_000, 20), (6_000, 2_500)])
def test_an_answer_larger_than_any_buffer_arrives_whole(
    bootstrap: str, wire: Wire, topic: str, size: int, count: int
) -> None:
    """A few large batches, or more than one call can write; to a client that is slow, and has said all it has to say."""
    sent = [bytes([number % 256]) * size for number in range(count)]
    for value in sent:
        request = wire.produce_request(topic, Batch([value]).encode(), 9, 0, -1, None)
        wire.send(request, 9)
    for _ in sent:
        wire.receive_frame()
    reader = Wire(bootstrap)
    waiting = reader.send_fetch({(topic, 0): 0}, partition_bytes_max=50_000_000)
    reader.socket.shutdown(socket.SHUT_WR)
    time.sleep(0.3)
    (fetched,) = reader.receive_fetch(waiting)
    assert fetched.values() == sent
    reader.close()


def test_a_lost_connection_ends_its_long_poll(bootstrap: str, topic: str) -> None:
    for _ in range(20):
        connection = Wire(bootstrap)
        connection.send_fetch({(topic, 0): 0}, wait_ms=60_000)
        connection.close()
    produce(bootstrap, topic, b"m")


def test_a_fetch_waits_for_its_bytes(bootstrap: str, wire: Wire, make_topic: MakeTopic) -> None:
    """Across partitions: each alone has too few."""
    topic = make_topic(3)
    waiting = wire.send_fetch(
        {(topic, partition): 0 for partition in range(3)}, wait_ms=60_000, bytes_min=2500
    )
    for partition in range(3):
        produce(bootstrap, topic, bytes(1000), partition=partition)
    fetched = wire.receive_fetch(waiting)
    assert sum(len(part.data) for part in fetched) >= 2500
    assert [part.values() for part in fetched] == [[bytes(1000)]] * 3


def test_a_fetch_that_gets_too_little_is_answered_in_time(wire: Wire, topic: str) -> None:
    wire.produce(topic, Batch())
    assert wire.fetch(topic, wait_ms=200, bytes_min=100_000).values() == [b"value"]
    assert wire.fetch(topic, offset=1, wait_ms=200).values() == []


def test_an_error_is_answered_at_once(wire: Wire, topic: str, unique: Unique) -> None:
    assert wire.fetch(topic, offset=5, wait_ms=60_000).error == OFFSET_OUT_OF_RANGE
    assert wire.fetch(topic, offset=-5, wait_ms=60_000).error == OFFSET_OUT_OF_RANGE
    assert wire.fetch(topic, partition=3, wait_ms=60_000).error == UNKNOWN_TOPIC_OR_PARTITION
    assert wire.fetch(unique("absent"), wait_ms=60_000).error == UNKNOWN_TOPIC_OR_PARTITION


def test_the_first_batch_is_given_whatever_the_limits(wire: Wire, topic: str) -> None:
    for _ in range(3):
        wire.produce(topic, Batch(values=[bytes(5000)]))
    for limits in (
        {"bytes_max": 1},
        {"partition_bytes_max": 1},
        {"bytes_max": 6000},
        {"partition_bytes_max": 6000},
    ):
        assert len(wire.fetch(topic, **limits).batches()) == 1, limits
    assert len(wire.fetch(topic, partition_bytes_max=12_000).batches()) == 2


def test_the_limit_of_the_whole_answer(wire: Wire, make_topic: MakeTopic) -> None:
    topic = make_topic(4)
    for partition in range(4):
        wire.produce(topic, Batch(values=[bytes(5000)]), partition=partition)
    waiting = wire.send_fetch({(topic, partition): 0 for partition in range(4)}, bytes_max=11_000)
    sizes = [len(part.batches()) for part in wire.receive_fetch(waiting)]
    assert sizes[0] == 1 and sum(sizes) == 2


def test_an_offset_inside_a_batch_gives_the_whole_batch(wire: Wire, topic: str) -> None:
    wire.produce(topic, Batch(values=[b"a", b"b", b"c"]))
    wire.produce(topic, Batch(values=[b"d"]))
    batches = wire.fetch(topic, offset=2).batches()
    assert [batch.base_offset for batch in batches] == [0, 3]
    assert [batch.base_offset for batch in wire.fetch(topic, offset=3).batches()] == [3]


def test_stored_batches_have_a_good_checksum(wire: Wire, topic: str) -> None:
    wire.produce(topic, Batch(values=[b"a"]))
    wire.produce(topic, Batch(values=[b"b"]))
    assert all(batch.validate_crc() and batch.leader_epoch == 0 for batch in wire.fetch(topic).batches())
