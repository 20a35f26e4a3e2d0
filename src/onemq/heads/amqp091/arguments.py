"""Arguments of exchanges, queues and consumers: from x-words to the engine's settings, checked as RabbitMQ checks them.

Must not: know of frames or call the engine.
Spec: RabbitMQ's documentation of queue, exchange and consumer arguments; the texts are RabbitMQ's.
"""

from typing import Final

from onemq.heads.amqp091.frames import PRECONDITION_FAILED
from onemq.heads.amqp091.replies import AmqpRefusal, entity_text
from onemq.heads.amqp091.table import Decimal, FieldValue, Timestamp
from onemq.model.entities import DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX, QueueSettings

CLASSIC: Final = "classic"
QUORUM: Final = "quorum"
STREAM: Final = "stream"

QUORUM_DELIVERY_LIMIT: Final = 20
"""RabbitMQ 4's default for quorum queues that set none."""

TIME_MS_MAX: Final = 10**15
"""31 000 years: RabbitMQ takes any time, but sums of times must fit 64 bits."""
_PRIORITY_MAX: Final = 255

_ACCEPTED: Final[dict[str, tuple[str, ...]]] = {
    CLASSIC: (
        "x-expires",
        "x-message-ttl",
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-max-length",
        "x-max-length-bytes",
        "x-max-priority",
        "x-overflow",
        "x-queue-mode",
        "x-queue-version",
        "x-single-active-consumer",
        "x-queue-type",
        "x-queue-master-locator",
        "x-queue-leader-locator",
        "x-consumer-timeout",
    ),
    QUORUM: (
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-dead-letter-strategy",
        "x-expires",
        "x-max-length",
        "x-max-length-bytes",
        "x-max-in-memory-length",
        "x-max-in-memory-bytes",
        "x-overflow",
        "x-single-active-consumer",
        "x-queue-type",
        "x-quorum-initial-group-size",
        "x-quorum-target-group-size",
        "x-delivery-limit",
        "x-message-ttl",
        "x-queue-leader-locator",
        "x-consumer-timeout",
        "x-delayed-retry-type",
        "x-delayed-retry-min",
        "x-delayed-retry-max",
    ),
    STREAM: (
        "x-max-length-bytes",
        "x-queue-type",
        "x-max-age",
        "x-stream-max-segment-size-bytes",
        "x-stream-filter-size-bytes",
        "x-initial-cluster-size",
        "x-queue-leader-locator",
    ),
}
"""What each type knows, in the order in which RabbitMQ compares a second declaration with the first."""
_KNOWN: Final = frozenset(_ACCEPTED[CLASSIC] + _ACCEPTED[QUORUM] + _ACCEPTED[STREAM])
_OF_CONSUMERS: Final[dict[str, tuple[str, ...]]] = {
    CLASSIC: ("x-priority",),
    QUORUM: ("x-priority",),
    STREAM: ("x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered"),
}
_LOCATORS: Final = ("client-local", "balanced")
_MODULES: Final = {
    CLASSIC: "rabbit_classic_queue",
    QUORUM: "rabbit_quorum_queue",
    STREAM: "rabbit_stream_queue",
}
_AGE_UNITS_MS: Final = {
    "Y": 365 * 86_400_000,
    "M": 30 * 86_400_000,
    "D": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
}


def type_name(value: FieldValue) -> str:
    """A field's type as RabbitMQ names it in its errors."""
    if value is None:
        return "void"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "signedint" if -(1 << 31) <= value < 1 << 31 else "long"
    if isinstance(value, float):
        return "double"
    if isinstance(value, str):
        return "longstr"
    if isinstance(value, bytes):
        return "binary"
    if isinstance(value, Timestamp):
        return "timestamp"
    if isinstance(value, Decimal):
        return "decimal"
    if isinstance(value, list):
        return "array"
    return "table"


class ArgumentReader:
    """Reads the arguments of one declaration; each method raises AmqpRefusal 406 in RabbitMQ's words."""

    __slots__ = ("entity", "given")

    def __init__(self, given: dict[str, FieldValue], kind: str, name: str, vhost: str) -> None:
        self.given = given
        self.entity = entity_text(kind, name, vhost)

    def invalid(self, key: str, error: str) -> AmqpRefusal:
        return AmqpRefusal(PRECONDITION_FAILED, f"invalid arg '{key}' for {self.entity}: {error}")

    def number(self, key: str, negative_allowed: bool = False) -> int | None:
        """An integer, None where absent."""
        if key not in self.given:
            return None
        value = self.given[key]
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.invalid(key, f'"expected integer, got {type_name(value)}"')
        if value < 0 and not negative_allowed:
            raise self.invalid(key, f"{{value_negative,{value}}}")
        return value

    def time_ms(self, key: str) -> int | None:
        """Milliseconds; what is longer than for ever is for ever."""
        value = self.number(key)
        return None if value is None else min(value, TIME_MS_MAX)

    def positive(self, key: str) -> int | None:
        value = self.number(key)
        if value == 0:
            raise self.invalid(key, "{value_zero,0}")
        return value

    def text(self, key: str) -> str | None:
        if key not in self.given:
            return None
        value = self.given[key]
        if not isinstance(value, str):
            raise self.invalid(key, f"{{unacceptable_type,{type_name(value)}}}")
        return value

    def flag(self, key: str) -> bool:
        if key not in self.given:
            return False
        value = self.given[key]
        if not isinstance(value, bool):
            raise self.invalid(key, f"{{unacceptable_type,{type_name(value)}}}")
        return value

    def exchange_name(self, key: str) -> str | None:
        """An exchange's name: RabbitMQ has words of its own for a wrong type here."""
        if key not in self.given:
            return None
        value = self.given[key]
        if not isinstance(value, str):
            raise AmqpRefusal(
                PRECONDITION_FAILED, f"invalid type '{type_name(value)}' for arg '{key}' in {self.entity}"
            )
        return value

    def choice(self, key: str, choices: tuple[str, ...], error: str) -> str | None:
        value = self.text(key)
        if value is not None and value not in choices:
            raise self.invalid(key, error)
        return value

    def age_ms(self, key: str) -> int | None:
        """A retention like 7D or 12h."""
        value = self.text(key)
        if value is None:
            return None
        parsed = age_text_ms(value)
        if parsed is None:
            raise self.invalid(key, "invalid_max_age")
        return parsed


def age_text_ms(text: str) -> int | None:
    """Digits and one unit of Y, M, D, h, m, s in milliseconds; None when it is not that or zero."""
    digits, unit = text[:-1], text[-1:]
    if unit not in _AGE_UNITS_MS or not (digits.isascii() and digits.isdigit()) or int(digits) == 0:
        return None
    return int(digits) * _AGE_UNITS_MS[unit]


def with_default_type(
    given: dict[str, FieldValue], default_type: str, durable: bool, exclusive: bool, auto_delete: bool
) -> dict[str, FieldValue]:
    """A declaration without a type, in a vhost that has one for such: unless a queue of that type cannot be declared so."""
    if "x-queue-type" in given:
        return given
    if default_type != CLASSIC and (exclusive or not durable or (auto_delete and default_type == STREAM)):
        return given
    return {"x-queue-type": default_type, **given}


def queue_settings(
    name: str,
    vhost: str,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
    given: dict[str, FieldValue],
    server_named: bool = False,
) -> QueueSettings:
    """Settings for a new queue. Raises AmqpRefusal 406 in RabbitMQ's words, for what RabbitMQ looks at first."""
    reader = ArgumentReader(given, "queue", name, vhost)
    dead_letter_exchange = reader.exchange_name("x-dead-letter-exchange")
    kind = reader.text("x-queue-type")
    if kind is None:
        kind = CLASSIC
    elif kind not in _ACCEPTED:
        raise reader.invalid("x-queue-type", f"\"unsupported queue type '{kind}'\"")
    if server_named and kind != CLASSIC:
        raise AmqpRefusal(
            PRECONDITION_FAILED, f"Cannot declare a server-named queue for type {_MODULES[kind]}"
        )
    settings = QueueSettings(durable and not exclusive, exclusive, auto_delete, plain_arguments(given))
    settings.type_name = kind
    settings.dead_letter_exchange = dead_letter_exchange
    accepted = _ACCEPTED[kind]
    reader.given = {key: value for key, value in given.items() if key in accepted}
    _read_times(reader, settings)
    _read_limits(reader, settings)
    _read_rest(reader, settings)
    for key in given:
        if key in _KNOWN and key not in accepted:
            raise AmqpRefusal(
                PRECONDITION_FAILED, f"invalid arg '{key}' for {reader.entity} of queue type {_MODULES[kind]}"
            )
    if kind != CLASSIC:
        _check_properties(reader.entity, settings)
    return settings


def second_declaration(
    existing_type: str, durable: bool, exclusive: bool, auto_delete: bool, given: dict[str, FieldValue]
) -> QueueSettings:
    """What a declaration of a queue that is there already asks for: to be compared, not checked."""
    settings = QueueSettings(durable and not exclusive, exclusive, auto_delete, plain_arguments(given))
    kind = given.get("x-queue-type", CLASSIC)
    settings.type_name = kind if isinstance(kind, str) else type_name(kind)
    settings.compared = _ACCEPTED[existing_type]
    return settings


def forbid_foreign_consumer_arguments(reader: ArgumentReader, kind: str) -> None:
    """Raises AmqpRefusal 406 for an argument that only consumers of another type of queue know."""
    for key in reader.given:
        if key not in _OF_CONSUMERS[kind] and any(key in others for others in _OF_CONSUMERS.values()):
            raise AmqpRefusal(
                PRECONDITION_FAILED, f"invalid arg '{key}' for {reader.entity} of queue type {_MODULES[kind]}"
            )


def _read_times(reader: ArgumentReader, settings: QueueSettings) -> None:
    reader.positive("x-expires")
    settings.expires_ms = reader.time_ms("x-expires")
    settings.message_ttl_ms = reader.time_ms("x-message-ttl")
    settings.dead_letter_routing_key = reader.text("x-dead-letter-routing-key")
    if settings.dead_letter_routing_key is not None and settings.dead_letter_exchange is None:
        raise reader.invalid("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined")
    reader.choice("x-dead-letter-strategy", ("at-most-once", "at-least-once"), "invalid_dlx_strategy")


def _read_limits(reader: ArgumentReader, settings: QueueSettings) -> None:
    settings.length_max = reader.number("x-max-length")
    settings.bytes_max = reader.number("x-max-length-bytes")
    reader.number("x-max-in-memory-length")
    reader.number("x-max-in-memory-bytes")
    priority_max = reader.number("x-max-priority")
    if priority_max is not None:
        if priority_max > _PRIORITY_MAX:
            raise reader.invalid("x-max-priority", f"{{max_value_exceeded,{priority_max}}}")
        settings.priority_max = priority_max
    overflow = reader.choice(
        "x-overflow", (DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX), "invalid_overflow"
    )
    if overflow is not None:
        settings.overflow = overflow


def _read_rest(reader: ArgumentReader, settings: QueueSettings) -> None:
    mode = reader.text("x-queue-mode")
    if mode is not None and mode not in ("default", "lazy"):
        raise reader.invalid("x-queue-mode", f"\"unsupported queue mode '{mode}'\"")
    version = reader.number("x-queue-version")
    if version is not None and version not in (1, 2):
        raise reader.invalid("x-queue-version", f"\"unsupported queue version '{version}'\"")
    settings.single_active = reader.flag("x-single-active-consumer")
    reader.positive("x-quorum-initial-group-size")
    if settings.type_name == STREAM:
        settings.kept = True
        settings.persists_all = True
        settings.retention_ms = reader.age_ms("x-max-age")
        settings.retention_bytes = settings.bytes_max
        settings.bytes_max = None
        settings.segment_bytes = reader.number("x-stream-max-segment-size-bytes")
        reader.number("x-stream-filter-size-bytes")
        reader.positive("x-initial-cluster-size")
    reader.choice("x-queue-leader-locator", _LOCATORS, "invalid_queue_locator_arg")
    settings.consumer_timeout_ms = reader.time_ms("x-consumer-timeout")
    if settings.type_name == QUORUM:
        settings.persists_all = True
        limit = reader.number("x-delivery-limit", negative_allowed=True)
        if limit is None:
            limit = QUORUM_DELIVERY_LIMIT
        settings.delivery_limit = limit if limit >= 0 else None
        _read_delayed_retry(reader, settings)


def _read_delayed_retry(reader: ArgumentReader, settings: QueueSettings) -> None:
    """RabbitMQ 4.3: which returned messages wait before they are delivered again."""
    kind = reader.choice(
        "x-delayed-retry-type", ("disabled", "all", "failed", "returned"), "invalid_delayed_retry_type"
    )
    shortest = reader.time_ms("x-delayed-retry-min")
    longest = reader.time_ms("x-delayed-retry-max")
    if kind is None or kind == "disabled" or shortest is None:
        return
    settings.retry_delay_min_ms = shortest
    settings.retry_delay_max_ms = shortest if longest is None else max(longest, shortest)
    settings.retry_delay_returned = kind in ("all", "returned")


def _check_properties(entity: str, settings: QueueSettings) -> None:
    wrong = ""
    if settings.auto_delete:
        wrong = "auto-delete"
    elif settings.exclusive:
        wrong = "exclusive-owner"
    elif not settings.durable:
        wrong = "non-durable"
    if wrong:
        raise AmqpRefusal(PRECONDITION_FAILED, f"invalid property '{wrong}' for {entity}")


def plain_arguments(given: dict[str, FieldValue]) -> dict[str, object]:
    """Arguments as the catalog keeps them: what JSON can hold, timestamps as seconds, decimals as floats."""
    return {key: plain_value(value) for key, value in given.items()}


def plain_value(value: FieldValue) -> object:
    """One value without AMQP's own types."""
    if isinstance(value, Timestamp):
        return value.seconds
    if isinstance(value, Decimal):
        return value.value / 10**value.scale
    if isinstance(value, list):
        return [plain_value(item) for item in value]
    if isinstance(value, dict):
        return plain_arguments(value)
    return value
