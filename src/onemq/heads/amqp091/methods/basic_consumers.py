"""Methods of the class basic that begin and end consumers, and say how much they take.

Job: hold the arguments of one method each, read and write them in the order of the wire.
Must not: be used for what comes by the thousand (codec and frame_writers have functions for that), or check meaning.
Spec: AMQP 0-9-1 class reference, basic; the cancel that the server sends: RabbitMQ.
"""

from onemq.heads.amqp091.frames import (
    BASIC_CANCEL,
    BASIC_CANCEL_OK,
    BASIC_CONSUME,
    BASIC_CONSUME_OK,
    BASIC_QOS,
    BASIC_QOS_OK,
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
