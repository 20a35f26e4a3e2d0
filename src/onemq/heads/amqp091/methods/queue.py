"""Methods of the class queue.

Job: hold the arguments of one method each, read and write them in the order of the wire.
Must not: be used for what comes by the thousand (codec and frame_writers have functions for that), or check meaning.
Spec: AMQP 0-9-1 class reference, queue.
"""

from onemq.heads.amqp091.frames import (
    QUEUE_BIND,
    QUEUE_BIND_OK,
    QUEUE_DECLARE,
    QUEUE_DECLARE_OK,
    QUEUE_DELETE,
    QUEUE_DELETE_OK,
    QUEUE_PURGE,
    QUEUE_PURGE_OK,
    QUEUE_UNBIND,
    QUEUE_UNBIND_OK,
)
from onemq.heads.amqp091.methods.fields import FieldReader, FieldWriter, Method
from onemq.heads.amqp091.table import FieldValue


class QueueDeclare(Method):
    """queue.declare: an empty name asks the server for one."""

    __slots__ = (
        "queue",
        "passive",
        "durable",
        "exclusive",
        "auto_delete",
        "no_wait",
        "arguments",
    )

    def __init__(
        self,
        queue: str = "",
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        no_wait: bool = False,
        arguments: dict[str, FieldValue] | None = None,
    ) -> None:
        self.queue = queue
        self.passive = passive
        self.durable = durable
        self.exclusive = exclusive
        self.auto_delete = auto_delete
        self.no_wait = no_wait
        self.arguments: dict[str, FieldValue] = {} if arguments is None else arguments

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "QueueDeclare":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        queue = fields.short_string()
        bits = fields.octet()
        arguments = fields.table()
        fields.finish()
        return QueueDeclare(
            queue=queue,
            passive=bits & 1 != 0,
            durable=bits & 2 != 0,
            exclusive=bits & 4 != 0,
            auto_delete=bits & 8 != 0,
            no_wait=bits & 16 != 0,
            arguments=arguments,
        )

    def encode(self) -> bytes:
        fields = FieldWriter(QUEUE_DECLARE)
        fields.short(0)
        fields.short_string(self.queue)
        fields.bits(self.passive, self.durable, self.exclusive, self.auto_delete, self.no_wait)
        fields.table(self.arguments)
        return fields.payload()


class QueueDeclareOk(Method):
    """queue.declare-ok"""

    __slots__ = (
        "queue",
        "message_count",
        "consumer_count",
    )

    def __init__(self, queue: str, message_count: int, consumer_count: int) -> None:
        self.queue = queue
        self.message_count = message_count
        self.consumer_count = consumer_count

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "QueueDeclareOk":
        fields = FieldReader(data, payload_start, payload_end)
        queue = fields.short_string()
        message_count = fields.long()
        consumer_count = fields.long()
        fields.finish()
        return QueueDeclareOk(queue=queue, message_count=message_count, consumer_count=consumer_count)

    def encode(self) -> bytes:
        fields = FieldWriter(QUEUE_DECLARE_OK)
        fields.short_string(self.queue)
        fields.long(self.message_count)
        fields.long(self.consumer_count)
        return fields.payload()


class QueueBind(Method):
    """queue.bind"""

    __slots__ = (
        "queue",
        "exchange",
        "routing_key",
        "no_wait",
        "arguments",
    )

    def __init__(
        self,
        queue: str,
        exchange: str,
        routing_key: str = "",
        no_wait: bool = False,
        arguments: dict[str, FieldValue] | None = None,
    ) -> None:
        self.queue = queue
        self.exchange = exchange
        self.routing_key = routing_key
        self.no_wait = no_wait
        self.arguments: dict[str, FieldValue] = {} if arguments is None else arguments

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "QueueBind":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        queue = fields.short_string()
        exchange = fields.short_string()
        routing_key = fields.short_string()
        bits = fields.octet()
        arguments = fields.table()
        fields.finish()
        return QueueBind(
            queue=queue,
            exchange=exchange,
            routing_key=routing_key,
            no_wait=bits & 1 != 0,
            arguments=arguments,
        )

    def encode(self) -> bytes:
        fields = FieldWriter(QUEUE_BIND)
        fields.short(0)
        fields.short_string(self.queue)
        fields.short_string(self.exchange)
        fields.short_string(self.routing_key)
        fields.bits(self.no_wait)
        fields.table(self.arguments)
        return fields.payload()


class QueueBindOk(Method):
    """queue.bind-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "QueueBindOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return QueueBindOk()

    def encode(self) -> bytes:
        fields = FieldWriter(QUEUE_BIND_OK)
        return fields.payload()


class QueueUnbind(Method):
    """queue.unbind"""

    __slots__ = (
        "queue",
        "exchange",
        "routing_key",
        "arguments",
    )

    def __init__(
        self, queue: str, exchange: str, routing_key: str = "", arguments: dict[str, FieldValue] | None = None
    ) -> None:
        self.queue = queue
        self.exchange = exchange
        self.routing_key = routing_key
        self.arguments: dict[str, FieldValue] = {} if arguments is None else arguments

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "QueueUnbind":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        queue = fields.short_string()
        exchange = fields.short_string()
        routing_key = fields.short_string()
        arguments = fields.table()
        fields.finish()
        return QueueUnbind(queue=queue, exchange=exchange, routing_key=routing_key, arguments=arguments)

    def encode(self) -> bytes:
        fields = FieldWriter(QUEUE_UNBIND)
        fields.short(0)
        fields.short_string(self.queue)
        fields.short_string(self.exchange)
        fields.short_string(self.routing_key)
        fields.table(self.arguments)
        return fields.payload()


class QueueUnbindOk(Method):
    """queue.unbind-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "QueueUnbindOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return QueueUnbindOk()

    def encode(self) -> bytes:
        fields = FieldWriter(QUEUE_UNBIND_OK)
        return fields.payload()


class QueuePurge(Method):
    """queue.purge"""

    __slots__ = (
        "queue",
        "no_wait",
    )

    def __init__(self, queue: str, no_wait: bool = False) -> None:
        self.queue = queue
        self.no_wait = no_wait

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "QueuePurge":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        queue = fields.short_string()
        bits = fields.octet()
        fields.finish()
        return QueuePurge(queue=queue, no_wait=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(QUEUE_PURGE)
        fields.short(0)
        fields.short_string(self.queue)
        fields.bits(self.no_wait)
        return fields.payload()


class QueuePurgeOk(Method):
    """queue.purge-ok"""

    __slots__ = ("message_count",)

    def __init__(self, message_count: int) -> None:
        self.message_count = message_count

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "QueuePurgeOk":
        fields = FieldReader(data, payload_start, payload_end)
        message_count = fields.long()
        fields.finish()
        return QueuePurgeOk(message_count=message_count)

    def encode(self) -> bytes:
        fields = FieldWriter(QUEUE_PURGE_OK)
        fields.long(self.message_count)
        return fields.payload()


class QueueDelete(Method):
    """queue.delete"""

    __slots__ = (
        "queue",
        "if_unused",
        "if_empty",
        "no_wait",
    )

    def __init__(
        self, queue: str, if_unused: bool = False, if_empty: bool = False, no_wait: bool = False
    ) -> None:
        self.queue = queue
        self.if_unused = if_unused
        self.if_empty = if_empty
        self.no_wait = no_wait

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "QueueDelete":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        queue = fields.short_string()
        bits = fields.octet()
        fields.finish()
        return QueueDelete(
            queue=queue, if_unused=bits & 1 != 0, if_empty=bits & 2 != 0, no_wait=bits & 4 != 0
        )

    def encode(self) -> bytes:
        fields = FieldWriter(QUEUE_DELETE)
        fields.short(0)
        fields.short_string(self.queue)
        fields.bits(self.if_unused, self.if_empty, self.no_wait)
        return fields.payload()


class QueueDeleteOk(Method):
    """queue.delete-ok"""

    __slots__ = ("message_count",)

    def __init__(self, message_count: int) -> None:
        self.message_count = message_count

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "QueueDeleteOk":
        fields = FieldReader(data, payload_start, payload_end)
        message_count = fields.long()
        fields.finish()
        return QueueDeleteOk(message_count=message_count)

    def encode(self) -> bytes:
        fields = FieldWriter(QUEUE_DELETE_OK)
        fields.long(self.message_count)
        return fields.payload()
