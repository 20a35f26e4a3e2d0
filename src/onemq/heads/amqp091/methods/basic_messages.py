"""Methods of the class basic that a message goes with, and the request for one.

Job: hold the arguments of one method each, read and write them in the order of the wire.
Must not: be used for what comes by the thousand (codec and frame_writers have functions for that), or check meaning.
Spec: AMQP 0-9-1 class reference, basic.
"""

from onemq.heads.amqp091.frames import (
    BASIC_DELIVER,
    BASIC_GET,
    BASIC_GET_EMPTY,
    BASIC_GET_OK,
    BASIC_PUBLISH,
    BASIC_RETURN,
)
from onemq.heads.amqp091.methods.fields import FieldReader, FieldWriter, Method


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
