"""Requests and answers of share groups as bytes, straight from the schemas: kafka-python has no classes for them.

Only what flexible versions without tags need. Values are dicts by field name; what is left out has its default.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from tools.kafka_messages.generate import HERE
from tools.kafka_messages.notation import Field, Message, Schema, Struct, parse

from unit.heads.kafka.message_samples import default_of
from unit.heads.kafka.playbook import Peer

WIDTHS = {"int8": 1, "int16": 2, "int32": 4, "int64": 8}


class Told(dict[str, Any]):
    """An answer's struct: fields as attributes."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


def _uvarint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _scalar(field: Field, value: Any) -> bytes:
    if field.type in WIDTHS:
        return int(value).to_bytes(WIDTHS[field.type], "big", signed=True)
    if field.type == "bool":
        return bytes([bool(value)])
    if field.type == "uuid":
        return bytes(value)
    if value is None:
        return _uvarint(0)
    data = value.encode() if isinstance(value, str) else bytes(value)
    return _uvarint(len(data) + 1) + data


def encode(struct: Struct, values: dict[str, Any], version: int) -> bytes:
    out = b""
    for field in struct.fields:
        if not field.versions.holds(version):
            continue
        value = values.get(field.name, default_of(field))
        inner = field.struct
        if field.is_array:
            if value is None:
                out += _uvarint(0)
                continue
            out += _uvarint(len(value) + 1)
            for each in value:
                out += encode(inner, each, version) if inner is not None else _scalar(field, each)
        elif inner is not None:
            out += encode(inner, value, version)
        else:
            out += _scalar(field, value)
    return out + b"\0"


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        assert self.at + size <= len(self.data), "the answer ends too soon"
        self.at += size
        return self.data[self.at - size : self.at]

    def uvarint(self) -> int:
        value = shift = 0
        while True:
            octet = self.take(1)[0]
            value |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                return value

    def scalar(self, field: Field) -> Any:
        if field.type in WIDTHS:
            return int.from_bytes(self.take(WIDTHS[field.type]), "big", signed=True)
        if field.type == "bool":
            return self.take(1) != b"\0"
        if field.type == "uuid":
            return self.take(16)
        length = self.uvarint()
        if length == 0:
            return None
        data = self.take(length - 1)
        return data.decode() if field.type == "string" else data

    def struct(self, struct: Struct, version: int) -> Told:
        found = Told()
        for field in struct.fields:
            if field.versions.holds(version):
                found[field.name] = self._field(field, version)
        assert self.uvarint() == 0, "no tagged fields"
        return found

    def _field(self, field: Field, version: int) -> Any:
        inner = field.struct
        if field.is_array:
            count = self.uvarint() - 1
            if count < 0:
                return None
            return [
                self.struct(inner, version) if inner is not None else self.scalar(field) for _ in range(count)
            ]
        if inner is None:
            return self.scalar(field)
        if field.nullable.holds(version) and self.take(1) == b"\xff":
            return None
        return self.struct(inner, version)


def _message(schema: Schema, kind: str) -> Message:
    return next(message for message in schema.messages if message.kind == kind)


@cache
def _schema(api: str) -> Schema:
    return parse(HERE / "schemas" / f"{api}.txt")


def request_frame(
    api: str, version: int, correlation_id: int, client_id: str, values: dict[str, Any]
) -> bytes:
    """A whole request, its length before it."""
    schema = _schema(api)
    client = client_id.encode()
    frame = schema.api_key.to_bytes(2, "big") + version.to_bytes(2, "big")
    frame += correlation_id.to_bytes(4, "big") + len(client).to_bytes(2, "big") + client + b"\0"
    frame += encode(_message(schema, "request").body, values, version)
    return len(frame).to_bytes(4, "big") + frame


def read_answer(api: str, version: int, frame: bytes) -> tuple[int, Told]:
    """Correlation id and content of an answer, without its length."""
    data = _Bytes(frame)
    correlation_id = int.from_bytes(data.take(4), "big")
    assert data.take(1) == b"\0"
    found = data.struct(_message(_schema(api), "response").body, version)
    assert data.at == len(frame), "the answer is longer than it should be"
    return correlation_id, found


class SharePeer:
    """A connection that speaks of share groups."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._open: list[tuple[int, str, int]] = []
        self._correlation = 1000

    def says(self, api: str, version: int, **values: Any) -> None:
        self._correlation += 1
        self._open.append((self._correlation, api, version))
        self.peer.sends(request_frame(api, version, self._correlation, self.peer.client_id, values))

    def hears(self) -> list[Told]:
        answers = []
        for frame in self.peer.frames():
            expected, api, version = self._open.pop(0)
            correlation_id, answer = read_answer(api, version, frame)
            assert correlation_id == expected
            answers.append(answer)
        return answers

    def asks(self, api: str, version: int, **values: Any) -> Told:
        self.says(api, version, **values)
        answers = self.hears()
        assert len(answers) == 1, (answers, self.peer.refusal, self.peer.link.log)
        return answers[0]
