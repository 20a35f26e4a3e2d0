"""Methods of the class basic.

Job: hold the arguments of one method each, read and write them in the order of the wire.
Must not: be used for what comes by the thousand (codec and frame_writers have functions for that), or check meaning.
Spec: AMQP 0-9-1 class reference, basic; nack and the cancel that the server sends: RabbitMQ.
"""

from onemq.heads.amqp091.frames import (
    BASIC_ACK,
    BASIC_CANCEL,
    BASIC_CANCEL_OK,
    BASIC_CONSUME,
    BASIC_CONSUME_OK,
    BASIC_DELIVER,
    BASIC_GET,
    BASIC_GET_EMPTY,
    BASIC_GET_OK,
    BASIC_NACK,
    BASIC_PUBLISH,
    BASIC_QOS,
    BASIC_QOS_OK,
    BASIC_RECOVER,
    BASIC_RECOVER_ASYNC,
    BASIC_RECOVER_OK,
    BASIC_REJECT,
    BASIC_RETURN,
)
from onemq.heads.amqp091.methods.fields import FieldReader, FieldWriter, Method
from onemq.heads.amqp091.table import FieldValue


class BasicQos(Method):
    """basic.qos: RabbitMQ: without is_global the limit is for each later consumer of the channel."""

    __slots__ = (
        "prefetch_size",
        "prefetch_count",
        "is_global",
    )

    def __init__(self, prefetch_size: int = 0, prefetch_count: int = 0, is_global: bool = False) -> None:
        self.prefetch_size = prefetch_size
        self.prefetch_count = prefetch_count
        self.is_global = is_global

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicQos":
        fields = FieldReader(data, payload_start, payload_end)
        prefetch_size = fields.long()
        prefetch_count = fields.short()
        bits = fields.octet()
        fields.finish()
        return BasicQos(prefetch_size=prefetch_size, prefetch_count=prefetch_count, is_global=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_QOS)
        fields.long(self.prefetch_size)
        fields.short(self.prefetch_count)
        fields.bits(self.is_global)
        return fields.payload()


class BasicQosOk(Method):
    """basic.qos-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicQosOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return BasicQosOk()

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_QOS_OK)
        return fields.payload()


class BasicConsume(Method):
    """basic.consume: an empty tag asks the server for one."""

    __slots__ = (
        "queue",
        "consumer_tag",
        "no_local",
        "no_ack",
        "exclusive",
        "no_wait",
        "arguments",
    )

    def __init__(
        self,
        queue: str,
        consumer_tag: str = "",
        no_local: bool = False,
        no_ack: bool = False,
        exclusive: bool = False,
        no_wait: bool = False,
        arguments: dict[str, FieldValue] | None = None,
    ) -> None:
        self.queue = queue
        self.consumer_tag = consumer_tag
        self.no_local = no_local
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.no_wait = no_wait
        self.arguments: dict[str, FieldValue] = {} if arguments is None else arguments

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicConsume":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        queue = fields.short_string()
        consumer_tag = fields.short_string()
        bits = fields.octet()
        arguments = fields.table()
        fields.finish()
        return BasicConsume(
            queue=queue,
            consumer_tag=consumer_tag,
            no_local=bits & 1 != 0,
            no_ack=bits & 2 != 0,
            exclusive=bits & 4 != 0,
            no_wait=bits & 8 != 0,
            arguments=arguments,
        )

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_CONSUME)
        fields.short(0)
        fields.short_string(self.queue)
        fields.short_string(self.consumer_tag)
        fields.bits(self.no_local, self.no_ack, self.exclusive, self.no_wait)
        fields.table(self.arguments)
        return fields.payload()


class BasicConsumeOk(Method):
    """basic.consume-ok"""

    __slots__ = ("consumer_tag",)

    def __init__(self, consumer_tag: str) -> None:
        self.consumer_tag = consumer_tag

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicConsumeOk":
        fields = FieldReader(data, payload_start, payload_end)
        consumer_tag = fields.short_string()
        fields.finish()
        return BasicConsumeOk(consumer_tag=consumer_tag)

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_CONSUME_OK)
        fields.short_string(self.consumer_tag)
        return fields.payload()


class BasicCancel(Method):
    """basic.cancel: from the server (RabbitMQ): the consumer ended, its queue is gone."""

    __slots__ = (
        "consumer_tag",
        "no_wait",
    )

    def __init__(self, consumer_tag: str, no_wait: bool = False) -> None:
        self.consumer_tag = consumer_tag
        self.no_wait = no_wait

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicCancel":
        fields = FieldReader(data, payload_start, payload_end)
        consumer_tag = fields.short_string()
        bits = fields.octet()
        fields.finish()
        return BasicCancel(consumer_tag=consumer_tag, no_wait=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_CANCEL)
        fields.short_string(self.consumer_tag)
        fields.bits(self.no_wait)
        return fields.payload()


class BasicCancelOk(Method):
    """basic.cancel-ok"""

    __slots__ = ("consumer_tag",)

    def __init__(self, consumer_tag: str) -> None:
        self.consumer_tag = consumer_tag

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicCancelOk":
        fields = FieldReader(data, payload_start, payload_end)
        consumer_tag = fields.short_string()
        fields.finish()
        return BasicCancelOk(consumer_tag=consumer_tag)

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_CANCEL_OK)
        fields.short_string(self.consumer_tag)
        return fields.payload()


class BasicPublish(Method):
    """basic.publish: content follows."""

    __slots__ = (
        "exchange",
        "routing_key",
        "mandatory",
        "immediate",
    )

    def __init__(
        self, exchange: str = "", routing_key: str = "", mandatory: bool = False, immediate: bool = False
    ) -> None:
        self.exchange = exchange
        self.routing_key = routing_key
        self.mandatory = mandatory
        self.immediate = immediate

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicPublish":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        exchange = fields.any_short_string()
        routing_key = fields.any_short_string()
        bits = fields.octet()
        fields.finish()
        return BasicPublish(
            exchange=exchange, routing_key=routing_key, mandatory=bits & 1 != 0, immediate=bits & 2 != 0
        )

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_PUBLISH)
        fields.short(0)
        fields.short_string(self.exchange)
        fields.short_string(self.routing_key)
        fields.bits(self.mandatory, self.immediate)
        return fields.payload()


class BasicReturn(Method):
    """basic.return: content follows."""

    __slots__ = (
        "reply_code",
        "reply_text",
        "exchange",
        "routing_key",
    )

    def __init__(self, reply_code: int, reply_text: str, exchange: str, routing_key: str) -> None:
        self.reply_code = reply_code
        self.reply_text = reply_text
        self.exchange = exchange
        self.routing_key = routing_key

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicReturn":
        fields = FieldReader(data, payload_start, payload_end)
        reply_code = fields.short()
        reply_text = fields.any_short_string()
        exchange = fields.any_short_string()
        routing_key = fields.any_short_string()
        fields.finish()
        return BasicReturn(
            reply_code=reply_code, reply_text=reply_text, exchange=exchange, routing_key=routing_key
        )

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_RETURN)
        fields.short(self.reply_code)
        fields.short_string(self.reply_text)
        fields.short_string(self.exchange)
        fields.short_string(self.routing_key)
        return fields.payload()


class BasicDeliver(Method):
    """basic.deliver: content follows."""

    __slots__ = (
        "consumer_tag",
        "delivery_tag",
        "redelivered",
        "exchange",
        "routing_key",
    )

    def __init__(
        self, consumer_tag: str, delivery_tag: int, redelivered: bool, exchange: str, routing_key: str
    ) -> None:
        self.consumer_tag = consumer_tag
        self.delivery_tag = delivery_tag
        self.redelivered = redelivered
        self.exchange = exchange
        self.routing_key = routing_key

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicDeliver":
        fields = FieldReader(data, payload_start, payload_end)
        consumer_tag = fields.any_short_string()
        delivery_tag = fields.long_long()
        bits = fields.octet()
        exchange = fields.any_short_string()
        routing_key = fields.any_short_string()
        fields.finish()
        return BasicDeliver(
            consumer_tag=consumer_tag,
            delivery_tag=delivery_tag,
            redelivered=bits & 1 != 0,
            exchange=exchange,
            routing_key=routing_key,
        )

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_DELIVER)
        fields.short_string(self.consumer_tag)
        fields.long_long(self.delivery_tag)
        fields.bits(self.redelivered)
        fields.short_string(self.exchange)
        fields.short_string(self.routing_key)
        return fields.payload()


class BasicGet(Method):
    """basic.get"""

    __slots__ = (
        "queue",
        "no_ack",
    )

    def __init__(self, queue: str, no_ack: bool = False) -> None:
        self.queue = queue
        self.no_ack = no_ack

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicGet":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short()
        queue = fields.short_string()
        bits = fields.octet()
        fields.finish()
        return BasicGet(queue=queue, no_ack=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_GET)
        fields.short(0)
        fields.short_string(self.queue)
        fields.bits(self.no_ack)
        return fields.payload()


class BasicGetOk(Method):
    """basic.get-ok: content follows."""

    __slots__ = (
        "delivery_tag",
        "redelivered",
        "exchange",
        "routing_key",
        "message_count",
    )

    def __init__(
        self, delivery_tag: int, redelivered: bool, exchange: str, routing_key: str, message_count: int
    ) -> None:
        self.delivery_tag = delivery_tag
        self.redelivered = redelivered
        self.exchange = exchange
        self.routing_key = routing_key
        self.message_count = message_count

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicGetOk":
        fields = FieldReader(data, payload_start, payload_end)
        delivery_tag = fields.long_long()
        bits = fields.octet()
        exchange = fields.any_short_string()
        routing_key = fields.any_short_string()
        message_count = fields.long()
        fields.finish()
        return BasicGetOk(
            delivery_tag=delivery_tag,
            redelivered=bits & 1 != 0,
            exchange=exchange,
            routing_key=routing_key,
            message_count=message_count,
        )

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_GET_OK)
        fields.long_long(self.delivery_tag)
        fields.bits(self.redelivered)
        fields.short_string(self.exchange)
        fields.short_string(self.routing_key)
        fields.long(self.message_count)
        return fields.payload()


class BasicGetEmpty(Method):
    """basic.get-empty"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicGetEmpty":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short_string()
        fields.finish()
        return BasicGetEmpty()

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_GET_EMPTY)
        fields.short_string("")
        return fields.payload()


class BasicAck(Method):
    """basic.ack: from the server (RabbitMQ): a publisher confirm."""

    __slots__ = (
        "delivery_tag",
        "multiple",
    )

    def __init__(self, delivery_tag: int = 0, multiple: bool = False) -> None:
        self.delivery_tag = delivery_tag
        self.multiple = multiple

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicAck":
        fields = FieldReader(data, payload_start, payload_end)
        delivery_tag = fields.long_long()
        bits = fields.octet()
        fields.finish()
        return BasicAck(delivery_tag=delivery_tag, multiple=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_ACK)
        fields.long_long(self.delivery_tag)
        fields.bits(self.multiple)
        return fields.payload()


class BasicReject(Method):
    """basic.reject"""

    __slots__ = (
        "delivery_tag",
        "requeue",
    )

    def __init__(self, delivery_tag: int, requeue: bool = True) -> None:
        self.delivery_tag = delivery_tag
        self.requeue = requeue

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicReject":
        fields = FieldReader(data, payload_start, payload_end)
        delivery_tag = fields.long_long()
        bits = fields.octet()
        fields.finish()
        return BasicReject(delivery_tag=delivery_tag, requeue=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_REJECT)
        fields.long_long(self.delivery_tag)
        fields.bits(self.requeue)
        return fields.payload()


class BasicRecoverAsync(Method):
    """basic.recover-async"""

    __slots__ = ("requeue",)

    def __init__(self, requeue: bool = False) -> None:
        self.requeue = requeue

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicRecoverAsync":
        fields = FieldReader(data, payload_start, payload_end)
        bits = fields.octet()
        fields.finish()
        return BasicRecoverAsync(requeue=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_RECOVER_ASYNC)
        fields.bits(self.requeue)
        return fields.payload()


class BasicRecover(Method):
    """basic.recover"""

    __slots__ = ("requeue",)

    def __init__(self, requeue: bool = False) -> None:
        self.requeue = requeue

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicRecover":
        fields = FieldReader(data, payload_start, payload_end)
        bits = fields.octet()
        fields.finish()
        return BasicRecover(requeue=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_RECOVER)
        fields.bits(self.requeue)
        return fields.payload()


class BasicRecoverOk(Method):
    """basic.recover-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicRecoverOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return BasicRecoverOk()

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_RECOVER_OK)
        return fields.payload()


class BasicNack(Method):
    """basic.nack: RabbitMQ; from the server: a publish that was not taken."""

    __slots__ = (
        "delivery_tag",
        "multiple",
        "requeue",
    )

    def __init__(self, delivery_tag: int = 0, multiple: bool = False, requeue: bool = True) -> None:
        self.delivery_tag = delivery_tag
        self.multiple = multiple
        self.requeue = requeue

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "BasicNack":
        fields = FieldReader(data, payload_start, payload_end)
        delivery_tag = fields.long_long()
        bits = fields.octet()
        fields.finish()
        return BasicNack(delivery_tag=delivery_tag, multiple=bits & 1 != 0, requeue=bits & 2 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(BASIC_NACK)
        fields.long_long(self.delivery_tag)
        fields.bits(self.multiple, self.requeue)
        return fields.payload()
