"""The generated codecs: as the generator writes them, and as kafka-python and Apache Kafka understand them.

Here those that are compiled; messages/test_cold.py has the others.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from librt.strings import BytesWriter
from tools.kafka_messages import generate
from tools.kafka_messages.notation import Field, Schema, Struct

from onemq.heads.kafka.messages.api_versions import (
    ApiVersionsResponse,
    SupportedFeatureKey,
    write_api_versions_response,
)
from onemq.heads.kafka.messages.fetch import (
    FetchableTopicResponse,
    FetchResponse,
    PartitionData,
    write_fetch_response,
)
from onemq.heads.kafka.messages.metadata import (
    MetadataRequest,
    MetadataResponse,
    MetadataResponseTopic,
    write_metadata_response,
)
from unit.heads.kafka import message_checks as checks
from unit.heads.kafka import message_peer
from unit.heads.kafka.message_samples import SCHEMAS, Sample, differences, module_of, read, write

pytestmark = pytest.mark.slow

HOT = [schema for schema in SCHEMAS if schema.is_hot]
NOT_AT_THE_PEER = {68, 69, 76, 77, 78, 79, 90, 91, 92}
"""API keys that kafka-python lacks: Apache Kafka's own bytes stand in for it."""


def named(schema: Schema) -> str:
    return schema.module


def test_the_modules_are_as_the_generator_writes_them() -> None:
    made = generate.generate()
    there = {
        path.relative_to(generate.TARGET).as_posix(): path.read_text(encoding="utf-8")
        for path in generate.TARGET.rglob("*.py")
        if path.name != "__init__.py"
    }
    assert sorted(there) == sorted(made)
    assert [path for path, text in made.items() if there[path] != text] == [], (
        "run tools/kafka_messages/generate.py"
    )


def test_the_peer_knows_all_but_the_newest() -> None:
    """Or the tests below would test nothing."""
    unknown = {
        schema.api_key
        for schema in SCHEMAS
        if any(len(message_peer.versions(message)) == 0 for message in schema.messages)
    }
    assert unknown == NOT_AT_THE_PEER
    narrower = [
        message.body.name
        for schema in SCHEMAS
        for message in schema.messages
        if schema.api_key not in NOT_AT_THE_PEER
        and message_peer.versions(message)[-1] < min(message.versions.last, max(schema.served.last, 0))
    ]
    assert narrower == []


@pytest.mark.parametrize("schema", HOT, ids=named)
def test_what_the_peer_encodes_is_read(schema: Schema) -> None:
    checks.check_requests_of_the_peer(schema)


@pytest.mark.parametrize("schema", HOT, ids=named)
def test_what_is_written_the_peer_decodes(schema: Schema) -> None:
    checks.check_responses_at_the_peer(schema)


@pytest.mark.parametrize("schema", HOT, ids=named)
def test_a_request_that_ends_early_is_a_wire_error(schema: Schema) -> None:
    checks.check_truncation(schema)


@pytest.mark.parametrize("schema", HOT, ids=named)
def test_a_damaged_request_is_a_message_or_a_wire_error(schema: Schema) -> None:
    checks.check_damage(schema, rounds=60)


@pytest.mark.parametrize("schema", HOT, ids=named)
def test_lengths_that_are_lies_take_no_memory(schema: Schema) -> None:
    checks.check_allocation(schema)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), schema=st.sampled_from(HOT))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes, schema: Schema) -> None:
    checks.check_any_bytes(schema, data)


# Apache Kafka's own bytes, for the messages that kafka-python lacks ------------------------------------------------

VECTORS = json.loads((Path(__file__).parent / "message_vectors.json").read_text(encoding="utf-8"))


def from_vector(struct: Struct, values: Sample) -> Sample:
    return {
        field.name: _field_from_vector(field, values[field.name])
        for field in struct.fields
        if field.name in values
    }


def _field_from_vector(field: Field, value: object) -> object:
    if isinstance(value, list):
        return [_field_from_vector(field, each) for each in value]
    if isinstance(value, dict) and field.struct is not None:
        return from_vector(field.struct, value)
    if isinstance(value, str) and field.type in ("uuid", "bytes", "records"):
        return bytes.fromhex(value)
    return value


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['message']}-{vector['version']}")
def test_the_bytes_are_those_of_apache_kafka(vector: Sample) -> None:
    """Encoded with the message classes of Apache Kafka's clients, 4.2."""
    found = [
        (schema, message)
        for schema in SCHEMAS
        for message in schema.messages
        if message.body.name == vector["message"]
    ]
    schema, message = found[0]
    values = from_vector(message.body, vector["values"])
    data, version = bytes.fromhex(vector["bytes"]), vector["version"]
    if message.kind == "request":
        assert differences(message.body, values, read(schema, message, data, version)) == []
    else:
        assert write(schema, message, values, version) == data


def test_there_are_bytes_of_each_message_that_the_peer_lacks() -> None:
    wanted = {
        (message.body.name, version)
        for schema in SCHEMAS
        if schema.api_key in NOT_AT_THE_PEER
        for message in schema.messages
        for version in range(message.versions.first, message.versions.last + 1)
    }
    assert {(vector["message"], vector["version"]) for vector in VECTORS} == wanted


# Single rules --------------------------------------------------------------------------------------------------------


def test_records_of_a_response_are_parts_behind_their_common_length() -> None:
    parts = [b"first", b"", b"second"]
    partition = PartitionData(partition_index=1, records=parts)
    response = FetchResponse(responses=[FetchableTopicResponse(topic="t", partitions=[partition])])
    for version, length in ((4, b"\0\0\0\x0b"), (12, b"\x0c")):
        writer = BytesWriter()
        write_fetch_response(writer, response, version)
        assert length + b"firstsecond" in writer.getvalue()


def test_two_messages_share_no_list() -> None:
    assert MetadataResponse().topics is not MetadataResponse().topics
    assert MetadataRequest().topics is not MetadataRequest().topics
    assert MetadataRequest(topics=None).topics is None


def test_a_null_that_the_version_lacks_is_our_own_bug() -> None:
    response = MetadataResponse(topics=[MetadataResponseTopic(name=None, topic_id=bytes(range(16)))])
    write_metadata_response(BytesWriter(), response, 12)
    with pytest.raises(AssertionError):
        write_metadata_response(BytesWriter(), response, 11)


def test_a_tagged_field_is_written_where_it_is_not_its_default() -> None:
    def tail(response: ApiVersionsResponse) -> bytes:
        writer = BytesWriter()
        write_api_versions_response(writer, response, 3)
        return writer.getvalue()[2 + 1 + 4 :]

    assert tail(ApiVersionsResponse()) == b"\x00"
    assert tail(ApiVersionsResponse(finalized_features_epoch=-1)) == b"\x00"
    assert tail(ApiVersionsResponse(finalized_features_epoch=0)) == b"\x01" + b"\x01\x08" + bytes(8)
    feature = SupportedFeatureKey(name="f", max_version=2)
    assert tail(ApiVersionsResponse(supported_features=[feature], zk_migration_ready=True)) == (
        b"\x02" + b"\x00\x08" + b"\x02" + b"\x02f\x00\x00\x00\x02\x00" + b"\x03\x01\x01"
    )


def test_unknown_tagged_fields_are_skipped() -> None:
    schema = next(schema for schema in SCHEMAS if schema.module == "find_coordinator")
    message = schema.messages[0]
    data = b"\x01" + b"\x02" + b"\x02g" + b"\x02" + b"\x09\x03abc" + b"\x85\x01\x00"
    found = read(schema, message, data, 4)
    assert (found.key_type, found.coordinator_keys) == (1, ["g"])


def test_a_tagged_field_may_not_lie_about_its_size() -> None:
    schema = next(schema for schema in SCHEMAS if schema.module == "fetch")
    message = schema.messages[0]
    body = bytes(4 + 4 + 4 + 4 + 1 + 4 + 4) + b"\x01\x01\x01"
    assert read(schema, message, body + b"\x01" + b"\x00\x02\x02a", 12).cluster_id == "a"
    # Tag 0 is a string of one letter: two bytes with its length.
    for size in (b"\x01", b"\x03"):
        assert not checks.read_anything(schema, message, body + b"\x01" + b"\x00" + size + b"\x02ab", 12)


def test_every_module_has_both_directions() -> None:
    for schema in SCHEMAS:
        names = dir(module_of(schema))
        if schema.api_key >= 0:
            assert f"read_{schema.module}_request" in names
            assert f"write_{schema.module}_response" in names
