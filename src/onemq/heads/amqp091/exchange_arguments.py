"""Arguments of exchange.declare: from type names and x-words to the engine's settings, checked as RabbitMQ checks them.

Must not: know of frames or call the engine.
Spec: AMQP 0-9-1 class exchange; RabbitMQ's alternate exchanges, x-consistent-hash and x-delayed-message plugins.
"""

from typing import Final

from onemq.heads.amqp091.arguments import ArgumentReader, plain_arguments
from onemq.heads.amqp091.frames import PRECONDITION_FAILED
from onemq.heads.amqp091.replies import AmqpRefusal
from onemq.heads.amqp091.table import FieldValue
from onemq.model.entities import (
    KIND_CONSISTENT_HASH,
    KIND_DIRECT,
    KIND_FANOUT,
    KIND_HEADERS,
    KIND_TOPIC,
    ExchangeSettings,
)

DELAYED_TYPE: Final = "x-delayed-message"
_KINDS: Final = {
    "direct": KIND_DIRECT,
    "fanout": KIND_FANOUT,
    "topic": KIND_TOPIC,
    "headers": KIND_HEADERS,
    "x-consistent-hash": KIND_CONSISTENT_HASH,
}
_HASH_PROPERTIES: Final = ("message_id", "correlation_id", "timestamp")


def exchange_settings(
    name: str,
    vhost: str,
    type_name: str,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    given: dict[str, FieldValue],
) -> ExchangeSettings:
    """Settings for a new exchange. Raises AmqpRefusal 406 in RabbitMQ's words."""
    reader = ArgumentReader(given, "exchange", name, vhost)
    kind = _kind(type_name, given)
    settings = ExchangeSettings(kind, durable, auto_delete, internal, plain_arguments(given))
    settings.type_name = type_name
    settings.delayed = type_name == DELAYED_TYPE
    alternate = reader.exchange_name("alternate-exchange")
    if alternate is not None:
        settings.alternate = alternate
    if kind == KIND_CONSISTENT_HASH:
        _read_hash(given, settings)
    return settings


def second_declaration(
    type_name: str, durable: bool, auto_delete: bool, internal: bool, given: dict[str, FieldValue]
) -> ExchangeSettings:
    """What a declaration of an exchange that is there already asks for: to be compared, not checked.

    Raises AmqpRefusal 406 for an unknown type. RabbitMQ's own types are told apart by their alternate exchange alone.
    """
    kind = _kind(type_name, given)
    settings = ExchangeSettings(kind, durable, auto_delete, internal, plain_arguments(given))
    settings.type_name = type_name
    if kind == type_name:
        settings.compared = ("alternate-exchange",)
    return settings


def _kind(type_name: str, given: dict[str, FieldValue]) -> str:
    routed_as = _delayed_type(given) if type_name == DELAYED_TYPE else type_name
    kind = _KINDS.get(routed_as)
    if kind is None:
        raise AmqpRefusal(PRECONDITION_FAILED, f"unknown exchange type '{routed_as}'")
    return kind


def _delayed_type(given: dict[str, FieldValue]) -> str:
    value = given.get("x-delayed-type")
    if not isinstance(value, str) or value == DELAYED_TYPE:
        raise AmqpRefusal(
            PRECONDITION_FAILED,
            "Invalid argument, 'x-delayed-type' must be an existing exchange type",
        )
    return value


def _read_hash(given: dict[str, FieldValue], settings: ExchangeSettings) -> None:
    header = given.get("hash-header")
    header_property = given.get("hash-property")
    if header is not None and header_property is not None:
        raise AmqpRefusal(PRECONDITION_FAILED, "hash-header and hash-property are mutually exclusive")
    if header is not None:
        if not isinstance(header, str):
            raise AmqpRefusal(PRECONDITION_FAILED, "hash-header must be a string")
        settings.hash_header = header
    if header_property is not None:
        if not isinstance(header_property, str) or header_property not in _HASH_PROPERTIES:
            raise AmqpRefusal(
                PRECONDITION_FAILED,
                f"Unsupported property: {header_property!r}. "
                "Supported values are: message_id, correlation_id, timestamp",
            )
        settings.hash_property = header_property
