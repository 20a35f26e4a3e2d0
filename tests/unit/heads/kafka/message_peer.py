"""kafka-python's own protocol classes as the peer of our codecs: it encodes and decodes the samples."""

from __future__ import annotations

import uuid
from functools import cache
from importlib import import_module
from typing import Any

import pytest

pytest.importorskip("kafka", minversion="3.0", reason="kafka-python is not installed")

from kafka.protocol.api_data import ApiData
from kafka.protocol.api_message import ApiMessage
from tools.kafka_messages.notation import Field, Message, Struct

from unit.heads.kafka.message_samples import Sample

OPERATIONS_UNKNOWN = -(2**31)


@cache
def classes() -> dict[str, Any]:
    """All message classes that kafka-python has, by the message's name."""
    for name in ("admin", "consumer", "metadata", "producer", "sasl"):
        import_module(f"kafka.protocol.{name}")
    found = {}
    for base in (ApiMessage, ApiData):
        for each in base.__subclasses__():
            # It makes a class of each version that was used, too.
            if getattr(each, "_class_version", None) is None:
                found[each.name] = each
    return found


def versions(message: Message) -> range:
    """Those that both know; empty where the peer lacks the message."""
    known = classes().get(message.body.name)
    if known is None:
        return range(0)
    return range(message.versions.first, min(message.versions.last, known.max_version) + 1)


def encode(message: Message, values: Sample, version: int) -> bytes:
    peer = classes()[message.body.name]
    made = peer(version=version, **_arguments(message.body, peer._struct, values))
    return bytes(made.encode(header=False) if message.kind == "data" else made.encode())


def decode(message: Message, data: bytes, version: int) -> Sample:
    peer = classes()[message.body.name]
    found = peer.decode(data, version=version, header=False)
    return _values(message.body, peer._struct, found, version)


def _peer_field(struct: Any, field: Field) -> Any:
    """Some fields of authorized operations are renamed there."""
    found = struct.fields.get(field.name)
    return found if found is not None else struct.fields["authorized_operations"]


def _arguments(struct: Struct, peer: Any, values: Sample) -> Sample:
    arguments = {}
    for field in struct.fields:
        if field.name in values and not _is_absent_struct(field, values[field.name]):
            peer_field = _peer_field(peer, field)
            arguments[peer_field.name] = _to_peer(field, peer_field, values[field.name])
    return arguments


def _is_absent_struct(field: Field, value: Any) -> bool:
    return field.tag is not None and field.struct is not None and value is None


def _to_peer(field: Field, peer: Any, value: Any) -> Any:
    if value is None:
        return None
    if field.is_array:
        return [_one_to_peer(field, peer, each) for each in value]
    return _one_to_peer(field, peer, value)


def _one_to_peer(field: Field, peer: Any, value: Any) -> Any:
    if field.struct is not None:
        return peer.data_class(**_arguments(field.struct, peer, value))
    if field.type == "uuid":
        return uuid.UUID(bytes=value)
    if peer.type_str == "bitfield":
        return None if value == OPERATIONS_UNKNOWN else {bit for bit in range(32) if value >> bit & 1}
    return value


def _values(struct: Struct, peer: Any, found: Any, version: int) -> Sample:
    values: Sample = {}
    for field in struct.fields:
        if field.versions.holds(version):
            peer_field = _peer_field(peer, field)
            values[field.name] = _from_peer(field, peer_field, getattr(found, peer_field.name), version)
    return values


def _from_peer(field: Field, peer: Any, value: Any, version: int) -> Any:
    if peer.type_str == "bitfield" and value is None:
        return OPERATIONS_UNKNOWN
    if value is None:
        return None
    if field.is_array:
        return [_one_from_peer(field, peer, each, version) for each in value]
    return _one_from_peer(field, peer, value, version)


def _one_from_peer(field: Field, peer: Any, value: Any, version: int) -> Any:
    if field.struct is not None:
        return _values(field.struct, peer, value, version)
    if field.type == "uuid":
        return value.bytes
    if field.type in ("bytes", "records"):
        return bytes(value)
    if peer.type_str == "bitfield":
        bits = sum(1 << bit for bit in value)
        return bits if bits < 2**31 else bits - 2**32
    return value
