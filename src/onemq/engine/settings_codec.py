"""Entities' settings as plain values, for the catalog's facts and for the snapshot, and back.

Fields are named, so that a newer version can add one: what is missing keeps its default, what is unknown is refused.
"""

from typing import Final

from onemq.model.entities import ExchangeSettings, QueueSettings

EXCHANGE_FIELDS: Final = (
    "kind",
    "type_name",
    "durable",
    "auto_delete",
    "internal",
    "alternate",
    "delayed",
    "hash_header",
    "hash_property",
    "arguments",
)
QUEUE_FIELDS: Final = (
    "type_name",
    "durable",
    "exclusive",
    "auto_delete",
    "kept",
    "persists_all",
    "message_ttl_ms",
    "expires_ms",
    "length_max",
    "bytes_max",
    "overflow",
    "dead_letter_exchange",
    "dead_letter_routing_key",
    "priority_max",
    "single_active",
    "delivery_limit",
    "consumer_timeout_ms",
    "retry_delay_min_ms",
    "retry_delay_max_ms",
    "retry_delay_returned",
    "retention_ms",
    "retention_bytes",
    "segment_bytes",
    "visibility_ms",
    "delay_ms",
    "receive_limit",
    "grouping",
    "dead_letter_expired",
    "attributes",
    "arguments",
)


def exchange_to_plain(settings: ExchangeSettings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in EXCHANGE_FIELDS}


def exchange_from_plain(plain: object) -> ExchangeSettings:
    assert isinstance(plain, dict)
    settings = ExchangeSettings(str(plain["kind"]))
    for name, value in plain.items():
        assert name in EXCHANGE_FIELDS, f"exchange setting {name!r} is of a newer version"
        setattr(settings, name, value)
    return settings


def queue_to_plain(settings: QueueSettings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in QUEUE_FIELDS}


def queue_from_plain(plain: object) -> QueueSettings:
    assert isinstance(plain, dict)
    settings = QueueSettings()
    for name, value in plain.items():
        assert name in QUEUE_FIELDS, f"queue setting {name!r} is of a newer version"
        setattr(settings, name, value)
    return settings


def queue_copy(settings: QueueSettings) -> QueueSettings:
    """A copy that can be changed."""
    copy = queue_from_plain(queue_to_plain(settings))
    copy.arguments = dict(settings.arguments)
    copy.attributes = dict(settings.attributes)
    return copy
