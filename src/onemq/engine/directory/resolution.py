"""What is in force where a policy applies: the declaration, the policy, and the operator policy, as RabbitMQ joins them.

Pure. An argument wins over a policy; of two limits the lower one wins, whoever set it; an operator policy tightens a policy.
Spec: RabbitMQ 4, "Policies" (operator policies), rabbit_policies:merge_policy_value, rabbit_queue_type_util:args_policy_lookup and who
calls it: rabbit_amqqueue_process, rabbit_quorum_queue, rabbit_stream_queue.
"""

from typing import Final

from onemq.engine.directory.definitions import age_ms
from onemq.engine.directory.policies import Policy
from onemq.engine.settings_codec import queue_copy
from onemq.model.entities import ExchangeSettings, QueueSettings

_LOWER_WINS: Final = (
    "message-ttl",
    "expires",
    "max-length",
    "max-length-bytes",
    "max-in-memory-length",
    "max-in-memory-bytes",
    "delivery-limit",
)
_TIME_MS_MAX: Final = 10**15
_QUORUM: Final = "quorum"
_OVERFLOW_ARGUMENT: Final = "x-overflow"
_LIMIT_ARGUMENT: Final = "x-delivery-limit"


def merged_definition(policy: Policy | None, operator: Policy | None) -> dict[str, object]:
    """Both definitions as one. Not to be changed."""
    if operator is None:
        return {} if policy is None else policy.definition
    if policy is None:
        return operator.definition
    merged = dict(policy.definition)
    for key, value in operator.definition.items():
        own = merged.get(key)
        if key in _LOWER_WINS and isinstance(own, int) and isinstance(value, int):
            merged[key] = min(own, value)
        else:
            merged[key] = value
    return merged


def policy_name(policy: Policy | None) -> str:
    """ "" = none."""
    return "" if policy is None else policy.name


def queue_in_force(declared: QueueSettings, definition: dict[str, object]) -> QueueSettings:
    """The settings of a queue that was declared so, under a definition: `declared` itself where that changes nothing."""
    if not definition:
        return declared
    settings = queue_copy(declared)
    age = definition.get("max-age")
    if declared.kept:
        if isinstance(age, str):
            settings.retention_ms = _lower(declared.retention_ms, age_ms(age))
        settings.retention_bytes = _lower_of(declared.retention_bytes, definition, "max-length-bytes")
        settings.segment_bytes = _lower_of(
            declared.segment_bytes, definition, "stream-max-segment-size-bytes"
        )
        return settings
    settings.message_ttl_ms = _lower_of(declared.message_ttl_ms, definition, "message-ttl")
    settings.expires_ms = _lower_of(declared.expires_ms, definition, "expires")
    settings.length_max = _lower_of(declared.length_max, definition, "max-length")
    settings.bytes_max = _lower_of(declared.bytes_max, definition, "max-length-bytes")
    settings.consumer_timeout_ms = _lower_of(declared.consumer_timeout_ms, definition, "consumer-timeout")
    _set_overflow(settings, declared, definition)
    _set_dead_letters(settings, declared, definition)
    if declared.type_name == _QUORUM:
        _set_delivery_limit(settings, declared, definition)
    return settings


def exchange_in_force(declared: ExchangeSettings, definition: dict[str, object]) -> ExchangeSettings:
    """As `queue_in_force`. A policy can give an exchange an alternate, where its declaration does not."""
    alternate = definition.get("alternate-exchange")
    if declared.alternate or not isinstance(alternate, str) or not alternate:
        return declared
    settings = ExchangeSettings(
        declared.kind, declared.durable, declared.auto_delete, declared.internal, declared.arguments
    )
    settings.type_name = declared.type_name
    settings.delayed = declared.delayed
    settings.hash_header = declared.hash_header
    settings.hash_property = declared.hash_property
    settings.alternate = alternate
    return settings


def _lower(own: int | None, other: int) -> int:
    return other if own is None else min(own, other)


def _lower_of(own: int | None, definition: dict[str, object], key: str) -> int | None:
    value = definition.get(key)
    if not isinstance(value, int):
        return own
    return _lower(own, min(value, _TIME_MS_MAX))


def _set_overflow(settings: QueueSettings, declared: QueueSettings, definition: dict[str, object]) -> None:
    overflow = definition.get("overflow")
    if not isinstance(overflow, str):
        return
    # Quorum queues ask the policy first, classic ones the argument.
    if declared.type_name == _QUORUM or _OVERFLOW_ARGUMENT not in declared.arguments:
        settings.overflow = overflow


def _set_dead_letters(
    settings: QueueSettings, declared: QueueSettings, definition: dict[str, object]
) -> None:
    exchange = definition.get("dead-letter-exchange")
    if declared.dead_letter_exchange is None and isinstance(exchange, str):
        settings.dead_letter_exchange = exchange
    routing_key = definition.get("dead-letter-routing-key")
    if declared.dead_letter_routing_key is None and isinstance(routing_key, str):
        settings.dead_letter_routing_key = routing_key


def _set_delivery_limit(
    settings: QueueSettings, declared: QueueSettings, definition: dict[str, object]
) -> None:
    limit = definition.get("delivery-limit")
    if not isinstance(limit, int):
        return
    own = declared.arguments.get(_LIMIT_ARGUMENT)
    if isinstance(own, int):
        # A negative one means none: it loses against one that limits.
        limit = max(own, limit) if own < 0 or limit < 0 else min(own, limit)
    settings.delivery_limit = limit if limit >= 0 else None
