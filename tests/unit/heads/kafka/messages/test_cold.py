"""The generated codecs that are not compiled: as kafka-python understands them. The rest is in ../test_messages.py."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tools.kafka_messages.notation import Schema

from unit.heads.kafka import message_checks as checks
from unit.heads.kafka.message_samples import SCHEMAS

pytestmark = pytest.mark.slow

COLD = [schema for schema in SCHEMAS if not schema.is_hot]


def named(schema: Schema) -> str:
    return schema.module


@pytest.mark.parametrize("schema", COLD, ids=named)
def test_what_the_peer_encodes_is_read(schema: Schema) -> None:
    checks.check_requests_of_the_peer(schema)


@pytest.mark.parametrize("schema", COLD, ids=named)
def test_what_is_written_the_peer_decodes(schema: Schema) -> None:
    checks.check_responses_at_the_peer(schema)


@pytest.mark.parametrize("schema", COLD, ids=named)
def test_a_request_that_ends_early_is_a_wire_error(schema: Schema) -> None:
    checks.check_truncation(schema)


@pytest.mark.parametrize("schema", COLD, ids=named)
def test_a_damaged_request_is_a_message_or_a_wire_error(schema: Schema) -> None:
    checks.check_damage(schema, rounds=60)


@pytest.mark.parametrize("schema", COLD, ids=named)
def test_lengths_that_are_lies_take_no_memory(schema: Schema) -> None:
    checks.check_allocation(schema)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), schema=st.sampled_from(COLD))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes, schema: Schema) -> None:
    checks.check_any_bytes(schema, data)
