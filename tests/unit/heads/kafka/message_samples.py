"""Sample values of Kafka's messages, made from the schemas for any version, and their way into our classes and back.

A sample is a dict of field names; it has the fields of its version only. An absent tagged struct is None.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from librt.strings import BytesWriter

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from tools.kafka_messages.code_lines import snake
from tools.kafka_messages.generate import HERE
from tools.kafka_messages.notation import Field, Message, Schema, Struct, parse

from onemq.heads.kafka.primitives import Reader

Sample = dict[str, Any]

INTEGERS = {
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
TEXTS = ("", "orders", "Grüße, 世界", "x" * 300, "a.b-c_d")
BLOBS = (b"", b"\x00\xff", bytes(range(256)), b"z" * 20_000)

SCHEMAS = [parse(path) for path in sorted((HERE / "schemas").glob("*.txt"))]


def module_of(schema: Schema) -> ModuleType:
    folder = "" if schema.is_hot else "cold."
    return import_module(f"onemq.heads.kafka.messages.{folder}{schema.module}")


def versions_of(message: Message) -> range:
    return range(message.versions.first, message.versions.last + 1)


def sample(struct: Struct, version: int, random: Random) -> Sample:
    """Values for every field that the version has."""
    values: Sample = {}
    for field in struct.fields:
        if field.versions.holds(version):
            values[field.name] = _value(field, version, random)
    return values


def smallest(struct: Struct, version: int) -> Sample:
    """The least bytes that still have an element in each array."""
    values: Sample = {}
    for field in struct.fields:
        if not field.versions.holds(version):
            continue
        value: Any = default_of(field)
        if field.tag is None:
            if field.struct is not None:
                value = smallest(field.struct, version)
            elif field.is_array or value is None:
                value = {"string": "", "bool": False, "bytes": b"", "records": b"", "uuid": bytes(16)}.get(
                    field.type, 0
                )
            value = [value] if field.is_array else value
        values[field.name] = value
    return values


def default_of(field: Field) -> Any:
    """What stands for a field that is left out."""
    if field.default == "null" or (field.struct is not None and not field.is_array):
        return None
    if field.is_array:
        return []
    if field.type in INTEGERS:
        return int(field.default or 0)
    if field.type == "bool":
        return field.default == "true"
    return {"string": "", "uuid": bytes(16), "float64": 0.0, "bytes": b"", "records": None}[field.type]


def _value(field: Field, version: int, random: Random) -> Any:
    if field.tag is not None and random.random() < 0.4:
        return default_of(field)
    if field.nullable.holds(version) and random.random() < 0.3:
        return None
    if field.is_array:
        return [_element(field, version, random) for _ in range(random.choice((0, 1, 1, 2, 3)))]
    return _element(field, version, random)


def _element(field: Field, version: int, random: Random) -> Any:
    if field.struct is not None:
        return sample(field.struct, version, random)
    if field.type in INTEGERS:
        low, high = INTEGERS[field.type]
        return random.choice((low, high, 0, 1, 7, random.randint(low, high)))
    if field.type == "bool":
        return random.random() < 0.5
    if field.type == "float64":
        return random.choice((0.0, -1.5, 1e300))
    if field.type == "uuid":
        # Never 0 in the first byte: some implementations take the zero UUID for "none".
        return bytes([1 + random.randrange(255)]) + random.randbytes(15)
    return random.choice(TEXTS if field.type == "string" else BLOBS)


def build(module: ModuleType, struct: Struct, values: Sample) -> Any:
    """Our object with these values."""
    arguments: Sample = {}
    for field in struct.fields:
        if field.name in values:
            arguments[field.name] = _ours(module, field, values[field.name])
    return getattr(module, struct.name)(**arguments)


def _ours(module: ModuleType, field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.type == "records":
        # In two parts, as batches come from a log.
        return [value[:3], value[3:]]
    struct = field.struct
    if struct is None:
        return value
    if field.is_array:
        return [build(module, struct, each) for each in value]
    return build(module, struct, value)


def write(schema: Schema, message: Message, values: Sample, version: int) -> bytes:
    """The bytes that our writer makes."""
    module = module_of(schema)
    writer = BytesWriter()
    getattr(module, f"write_{snake(message.body.name)}")(writer, build(module, message.body, values), version)
    return writer.getvalue()


def read(schema: Schema, message: Message, data: bytes, version: int) -> Any:
    """The object that our reader makes; all of data has to be read."""
    reader = Reader(data)
    found = getattr(module_of(schema), f"read_{snake(message.body.name)}")(reader, version)
    assert reader.remaining() == 0
    return found


def differences(struct: Struct, values: Sample, found: Any, where: str = "") -> list[str]:
    """Fields of our object that are not as in the sample; those that the sample lacks have to have their defaults."""
    different: list[str] = []
    for field in struct.fields:
        place = f"{where}.{field.name}"
        actual = getattr(found, field.name)
        if field.name not in values:
            wanted = default_of(field)
            if actual != wanted and not (field.struct is not None and not field.is_array):
                different.append(f"{place}: {actual!r}, not the default")
            continue
        wanted = values[field.name]
        if field.struct is None or wanted is None or actual is None:
            if actual != wanted:
                different.append(f"{place}: {actual!r}, not {wanted!r}")
        elif field.is_array:
            if len(actual) != len(wanted):
                different.append(f"{place}: {len(actual)} elements, not {len(wanted)}")
            for index, (each, one) in enumerate(zip(wanted, actual, strict=False)):
                different += differences(field.struct, each, one, f"{place}[{index}]")
        else:
            different += differences(field.struct, wanted, actual, place)
    return different
