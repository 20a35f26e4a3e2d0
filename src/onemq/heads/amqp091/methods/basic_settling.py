"""Methods of the class basic that settle messages, or ask for them again.

Job: hold the arguments of one method each, read and write them in the order of the wire.
Must not: be used for what comes by the thousand (codec and frame_writers have functions for that), or check meaning.
Spec: AMQP 0-9-1 class reference, basic; nack: RabbitMQ.
"""

from onemq.heads.amqp091.frames import (
    BASIC_ACK,
    BASIC_NACK,
    BASIC_RECOVER,
    BASIC_RECOVER_ASYNC,
    BASIC_RECOVER_OK,
    BASIC_REJECT,
)
from onemq.heads.amqp091.methods.fields import FieldReader, FieldWriter, Method


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
