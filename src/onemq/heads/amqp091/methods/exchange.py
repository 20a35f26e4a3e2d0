"""Methods of the class exchange.

Job: hold the arguments of one method each, read and write them in the order of the wire.
Must not: be used for what comes by the thousand (codec and frame_writers have functions for that), or check meaning.
Spec: AMQP 0-9-1 class reference, exchange; bind and unbind: RabbitMQ.
"""

from onemq.heads.amqp091.frames import (
    EXCHANGE_BIND,
    EXCHANGE_BIND_OK,
    EXCHANGE_DECLARE,
    EXCHANGE_DECLARE_OK,
    EXCHANGE_DELETE,
    EXCHANGE_DELETE_OK,
    EXCHANGE_UNBIND,
    EXCHANGE_UNBIND_OK,
)
from onemq.heads.amqp091.methods.fields import FieldReader, FieldWriter, Method
from onemq.heads.amqp091.table import FieldValue


class ExchangeDeclare(Method):
    """exchange.declare"""

    __slots__ = (
        "exchange",
        "type",
        "passive",
        "durable",
        "auto_delete",
        "internal",
        "no_wait",
        "arguments",
    )

    def __init__(
        self,
        exchange: str,
        type: str = "direct",
        passive: bool = False,
        durable: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        no_wait: bool = False,
        arguments: dict[str, FieldValue] | None = None,
    ) -> None:
        self.exchange = exchange
        self.type = type
        self.passive = passive
        self.durable = durable
        self.auto_delete = auto_delete
        self.internal = internal
        self.no_wait = no_wait
        self.arguments: dict[str, FieldValue] = {} if arguments is None else arguments

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ExchangeDeclare":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        exchange = fields.short_string()
        type = fields.short_string()
        bits = fields.octet()
        arguments = fields.table()
        fields.finish()
        return ExchangeDeclare(
            exchange=exchange,
            type=type,
            passive=bits & 1 != 0,
            durable=bits & 2 != 0,
            auto_delete=bits & 4 != 0,
            internal=bits & 8 != 0,
            no_wait=bits & 16 != 0,
            arguments=arguments,
        )

    def encode(self) -> bytes:
        fields = FieldWriter(EXCHANGE_DECLARE)
        fields.short(0)
        fields.short_string(self.exchange)
        fields.short_string(self.type)
        fields.bits(self.passive, self.durable, self.auto_delete, self.internal, self.no_wait)
        fields.table(self.arguments)
        return fields.payload()


class ExchangeDeclareOk(Method):
    """exchange.declare-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ExchangeDeclareOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return ExchangeDeclareOk()

    def encode(self) -> bytes:
        fields = FieldWriter(EXCHANGE_DECLARE_OK)
        return fields.payload()


class ExchangeDelete(Method):
    """exchange.delete"""

    __slots__ = (
        "exchange",
        "if_unused",
        "no_wait",
    )

    def __init__(self, exchange: str, if_unused: bool = False, no_wait: bool = False) -> None:
        self.exchange = exchange
        self.if_unused = if_unused
        self.no_wait = no_wait

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ExchangeDelete":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        exchange = fields.short_string()
        bits = fields.octet()
        fields.finish()
        return ExchangeDelete(exchange=exchange, if_unused=bits & 1 != 0, no_wait=bits & 2 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(EXCHANGE_DELETE)
        fields.short(0)
        fields.short_string(self.exchange)
        fields.bits(self.if_unused, self.no_wait)
        return fields.payload()


class ExchangeDeleteOk(Method):
    """exchange.delete-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ExchangeDeleteOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return ExchangeDeleteOk()

    def encode(self) -> bytes:
        fields = FieldWriter(EXCHANGE_DELETE_OK)
        return fields.payload()


class ExchangeBind(Method):
    """exchange.bind: RabbitMQ: exchange to exchange."""

    __slots__ = (
        "destination",
        "source",
        "routing_key",
        "no_wait",
        "arguments",
    )

    def __init__(
        self,
        destination: str,
        source: str,
        routing_key: str = "",
        no_wait: bool = False,
        arguments: dict[str, FieldValue] | None = None,
    ) -> None:
        self.destination = destination
        self.source = source
        self.routing_key = routing_key
        self.no_wait = no_wait
        self.arguments: dict[str, FieldValue] = {} if arguments is None else arguments

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ExchangeBind":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        destination = fields.short_string()
        source = fields.short_string()
        routing_key = fields.short_string()
        bits = fields.octet()
        arguments = fields.table()
        fields.finish()
        return ExchangeBind(
            destination=destination,
            source=source,
            routing_key=routing_key,
            no_wait=bits & 1 != 0,
            arguments=arguments,
        )

    def encode(self) -> bytes:
        fields = FieldWriter(EXCHANGE_BIND)
        fields.short(0)
        fields.short_string(self.destination)
        fields.short_string(self.source)
        fields.short_string(self.routing_key)
        fields.bits(self.no_wait)
        fields.table(self.arguments)
        return fields.payload()


class ExchangeBindOk(Method):
    """exchange.bind-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ExchangeBindOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return ExchangeBindOk()

    def encode(self) -> bytes:
        fields = FieldWriter(EXCHANGE_BIND_OK)
        return fields.payload()


class ExchangeUnbind(Method):
    """exchange.unbind: RabbitMQ: exchange to exchange."""

    __slots__ = (
        "destination",
        "source",
        "routing_key",
        "no_wait",
        "arguments",
    )

    def __init__(
        self,
        destination: str,
        source: str,
        routing_key: str = "",
        no_wait: bool = False,
        arguments: dict[str, FieldValue] | None = None,
    ) -> None:
        self.destination = destination
        self.source = source
        self.routing_key = routing_key
        self.no_wait = no_wait
        self.arguments: dict[str, FieldValue] = {} if arguments is None else arguments

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ExchangeUnbind":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        destination = fields.short_string()
        source = fields.short_string()
        routing_key = fields.short_string()
        bits = fields.octet()
        arguments = fields.table()
        fields.finish()
        return ExchangeUnbind(
            destination=destination,
            source=source,
            routing_key=routing_key,
            no_wait=bits & 1 != 0,
            arguments=arguments,
        )

    def encode(self) -> bytes:
        fields = FieldWriter(EXCHANGE_UNBIND)
        fields.short(0)
        fields.short_string(self.destination)
        fields.short_string(self.source)
        fields.short_string(self.routing_key)
        fields.bits(self.no_wait)
        fields.table(self.arguments)
        return fields.payload()


class ExchangeUnbindOk(Method):
    """exchange.unbind-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ExchangeUnbindOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return ExchangeUnbindOk()

    def encode(self) -> bytes:
        fields = FieldWriter(EXCHANGE_UNBIND_OK)
        return fields.payload()
