"""AMQP's words, for a head that is not AMQP's own: declarations, messages and refusals as JSON has them (RabbitMQ's management API).

Heads are strangers to each other: the composition root hands this to the one that needs it, which knows it by a protocol class of its
own (heads/management/rabbitmq/ports.py).
Must not: know HTTP; decide what is allowed (the Access does).
Spec: RabbitMQ's management API (rabbit_mgmt_format, rabbit_mgmt_util:to_amqp_table): numbers are longs or doubles, text is longstr.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.access import Access
from onemq.engine.consumption import Leaser
from onemq.engine.enqueueing import ROUTED
from onemq.heads.amqp091.arguments import plain_arguments, queue_settings, with_default_type
from onemq.heads.amqp091.arguments import second_declaration as second_queue
from onemq.heads.amqp091.channel import consumed_properties
from onemq.heads.amqp091.commands.names import forbid_default_exchange, forbid_reserved, stripped
from onemq.heads.amqp091.exchange_arguments import exchange_settings
from onemq.heads.amqp091.exchange_arguments import second_declaration as second_exchange
from onemq.heads.amqp091.frames import ACCESS_REFUSED, NOT_IMPLEMENTED, PRECONDITION_FAILED, AmqpWireError
from onemq.heads.amqp091.mapping import (
    delay_ms,
    expiration_ms,
    extra_routing_keys,
    record_headers,
    routing_headers,
    with_long_header,
)
from onemq.heads.amqp091.profile import json_table
from onemq.heads.amqp091.properties import (
    PERSISTENT,
    BasicProperties,
    decode_properties,
    encode_properties,
    parse_flags,
)
from onemq.heads.amqp091.replies import AmqpRefusal, refusal_reply
from onemq.heads.amqp091.settings import MESSAGE_BYTES_MAX, SERVER_VERSION
from onemq.heads.amqp091.table import FieldValue
from onemq.model.record import NATIVE_AMQP091, HeaderValue, Record
from onemq.model.refusal import Reason, Refusal

_DEPTH_MAX: Final = 32
_I64_MAX: Final = (1 << 63) - 1
_REASONS: Final = {
    ACCESS_REFUSED: Reason.ACCESS_DENIED,
    NOT_IMPLEMENTED: Reason.NOT_SUPPORTED,
    PRECONDITION_FAILED: Reason.INVALID,
}


class AmqpWords:
    """See the module. `version`: the RabbitMQ that we speak like."""

    def __init__(self, message_bytes_max: int = MESSAGE_BYTES_MAX) -> None:
        """message_bytes_max: largest body, as of a client of AMQP."""
        self._message_bytes_max = message_bytes_max
        self.version = SERVER_VERSION

    # Declarations. Raise Refusal; of kind "" where its `detail` is the whole text.

    def declare_queue(
        self,
        access: Access,
        name: str,
        durable: bool,
        auto_delete: bool,
        arguments: dict[str, object],
        settings_over: dict[str, object] | None = None,
    ) -> bool:
        """True: it was made; False: it is there, and the same. settings_over: fields of QueueSettings that go before what the arguments
        say, when it is made."""
        fields = _fields(arguments)
        try:
            forbid_reserved("queue", name)
            default_type = access.queues.default_type()
            if default_type:
                fields = with_default_type(fields, default_type, durable, False, auto_delete)
            existing = access.queues.type_of(name)
            if existing:
                settings = second_queue(existing, durable, False, auto_delete, fields)
            else:
                settings = queue_settings(name, access.namespace, durable, False, auto_delete, fields)
                if settings_over is not None:
                    for field, value in settings_over.items():
                        setattr(settings, field, value)
        except AmqpRefusal as refusal:
            raise _as_refusal(refusal) from None
        access.queues.declare(stripped(name), settings)
        return not existing

    def declare_exchange(
        self,
        access: Access,
        name: str,
        type_name: str,
        durable: bool,
        auto_delete: bool,
        internal: bool,
        arguments: dict[str, object],
    ) -> bool:
        """As `declare_queue`."""
        fields = _fields(arguments)
        existing = True
        try:
            access.exchanges.check(name)
        except Refusal:
            existing = False
        try:
            forbid_default_exchange(name)
            if existing:
                settings = second_exchange(type_name, durable, auto_delete, internal, fields)
            else:
                settings = exchange_settings(
                    name, access.namespace, type_name, durable, auto_delete, internal, fields
                )
                forbid_reserved("exchange", name)
        except AmqpRefusal as refusal:
            raise _as_refusal(refusal) from None
        access.exchanges.declare(stripped(name), settings)
        return not existing

    def binding_arguments(self, arguments: dict[str, object]) -> dict[str, object]:
        """As the engine takes them."""
        return plain_arguments(_fields(arguments))

    def shown(self, fields: dict[str, object]) -> dict[str, object]:
        """Arguments as JSON has them."""
        return json_table(fields)

    # Messages.

    def publish(
        self, access: Access, exchange: str, routing_key: str, properties: dict[str, object], body: bytes
    ) -> bool:
        """False: it went to no queue. properties: by AMQP's names with underscores; unknown ones are passed over, as RabbitMQ does."""
        most = self._message_bytes_max
        if len(body) > most:
            text = f"message size {len(body)} is larger than configured max size {most}"
            raise Refusal(Reason.TOO_LARGE, detail=text)
        try:
            route = access.route(exchange, routing_key)
            raw = encode_properties(_properties(properties))
            info = parse_flags(raw)
            record = Record(
                body,
                route.address,
                NATIVE_AMQP091,
                info.raw,
                info.delivery_mode != PERSISTENT,
                int(info.priority) if info.priority > 0 else 0,
            )
            now_ms: i64 = access.now_ms()
            if info.expiration is not None:
                record.expires_at_ms = now_ms + expiration_ms(info.expiration)
            _check_user(access, properties)
            headers: dict[str, FieldValue] = info.headers() if info.has_headers() else {}
            keys: list[str] = []
            if headers:
                record.headers = record_headers(headers)
                keys = extra_routing_keys(headers, "CC") + extra_routing_keys(headers, "BCC")
                if route.delayed:
                    wait_ms = delay_ms(headers)
                    if wait_ms > 0:
                        record.not_before_ms = now_ms + wait_ms
                        record.native = with_long_header(record.native, "x-delay", -wait_ms)
            routed_by: dict[str, HeaderValue] | None = None
            if route.needs_headers:
                routed_by = routing_headers(headers, info)
        except AmqpRefusal as refusal:
            raise _as_refusal(refusal) from None
        except AmqpWireError as error:
            raise Refusal(Reason.INVALID, detail=str(error)) from None
        return access.publish(route, record, routed_by, keys if keys else None) & ROUTED != 0

    def properties_of(self, record: Record, queue: Leaser, attempts: int, failures: int) -> dict[str, object]:
        """What an AMQP consumer of this record would be told, by AMQP's names with underscores; absent ones are left out."""
        found = decode_properties(consumed_properties(record, queue, attempts, failures))
        shown: dict[str, object] = {}
        for name, value in (
            ("cluster_id", found.cluster_id),
            ("app_id", found.app_id),
            ("user_id", found.user_id),
            ("type", found.type),
            ("timestamp", found.timestamp),
            ("message_id", found.message_id),
            ("expiration", found.expiration),
            ("reply_to", found.reply_to),
            ("correlation_id", found.correlation_id),
            ("priority", found.priority),
            ("delivery_mode", found.delivery_mode),
            ("content_encoding", found.content_encoding),
            ("content_type", found.content_type),
        ):
            if value is not None:
                shown[name] = value
        headers = found.headers
        if headers is not None:
            fields: dict[str, object] = {**headers}
            shown["headers"] = json_table(fields)
        return json_table(shown)

    # Refusals.

    def reply(self, refusal: Refusal, vhost: str, user: str) -> tuple[int, str]:
        """Code and text of AMQP's reply, the code's name before the text: (404, "NOT_FOUND - no queue 'q' in vhost '/'")."""
        if refusal.entity_kind == "" and refusal.detail:
            code = ACCESS_REFUSED if refusal.reason == Reason.ACCESS_DENIED else PRECONDITION_FAILED
            name = "ACCESS_REFUSED" if code == ACCESS_REFUSED else "PRECONDITION_FAILED"
            return code, f"{name} - {refusal.detail}"
        reply = refusal_reply(refusal, vhost, user)
        return reply.code, reply.text


def _as_refusal(refusal: AmqpRefusal) -> Refusal:
    return Refusal(_REASONS.get(refusal.code, Reason.INVALID), detail=refusal.explanation)


def _fields(arguments: dict[str, object]) -> dict[str, FieldValue]:
    return {name: _field(value, 0) for name, value in arguments.items()}


def _field(value: object, depth: int) -> FieldValue:
    """Refusal INVALID: null_not_allowed, or what AMQP cannot hold."""
    if depth > _DEPTH_MAX:
        raise Refusal(Reason.INVALID, detail="arguments are nested too deeply")
    if value is None:
        raise Refusal(Reason.INVALID, detail="null_not_allowed")
    if isinstance(value, (bool, float, str)):
        return value
    if isinstance(value, int):
        if not -_I64_MAX - 1 <= value <= _I64_MAX:
            raise Refusal(Reason.INVALID, detail=f"{value} does not fit 64 bits")
        return value
    if isinstance(value, list):
        return [_field(item, depth + 1) for item in value]
    if isinstance(value, dict):
        fields: dict[str, FieldValue] = {}
        for name, item in value.items():
            if len(str(name).encode("utf-8")) > 255:
                raise Refusal(Reason.INVALID, detail="a name of more than 255 octets")
            fields[str(name)] = _field(item, depth + 1)
        return fields
    raise Refusal(Reason.INVALID, detail=f"a value that AMQP has no field for: {type(value).__name__}")


def _properties(given: dict[str, object]) -> BasicProperties:
    headers = given.get("headers")
    if headers is not None and not isinstance(headers, dict):
        raise Refusal(Reason.INVALID, detail="headers are an object")
    fields: dict[str, FieldValue] | None = None
    if isinstance(headers, dict):
        fields = _fields({str(name): value for name, value in headers.items()})
    return BasicProperties(
        content_type=_text(given, "content_type"),
        content_encoding=_text(given, "content_encoding"),
        headers=fields,
        delivery_mode=_number(given, "delivery_mode", 255),
        priority=_number(given, "priority", 255),
        correlation_id=_text(given, "correlation_id"),
        reply_to=_text(given, "reply_to"),
        expiration=_text(given, "expiration"),
        message_id=_text(given, "message_id"),
        timestamp=_number(given, "timestamp", _I64_MAX),
        type=_text(given, "type"),
        user_id=_text(given, "user_id"),
        app_id=_text(given, "app_id"),
        cluster_id=_text(given, "cluster_id"),
    )


def _text(given: dict[str, object], name: str) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refusal(Reason.INVALID, detail=f"not_string {name}")
    if len(value.encode("utf-8", "surrogateescape")) > 255:
        raise Refusal(Reason.INVALID, detail=f"{name} has more than 255 octets")
    return value


def _number(given: dict[str, object], name: str, most: int) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Refusal(Reason.INVALID, detail=f"not_int {name}")
    return value


def _check_user(access: Access, properties: dict[str, object]) -> None:
    claimed = properties.get("user_id")
    actual = access.principal.name
    if claimed is not None and claimed != actual and "impersonator" not in access.principal.tags:
        text = f"user_id property set to '{claimed}' but authenticated user was '{actual}'"
        raise Refusal(Reason.INVALID, detail=text)
