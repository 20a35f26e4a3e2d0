"""Methods of the classes channel and access.

Job: hold the arguments of one method each, read and write them in the order of the wire.
Must not: be used for what comes by the thousand (codec and frame_writers have functions for that), or check meaning.
Spec: AMQP 0-9-1 class reference, channel; access is a relic of 0-8.
"""

from onemq.heads.amqp091.frames import (
    ACCESS_REQUEST,
    ACCESS_REQUEST_OK,
    CHANNEL_CLOSE,
    CHANNEL_CLOSE_OK,
    CHANNEL_FLOW,
    CHANNEL_FLOW_OK,
    CHANNEL_OPEN,
    CHANNEL_OPEN_OK,
)
from onemq.heads.amqp091.methods.fields import FieldReader, FieldWriter, Method


class ChannelOpen(Method):
    """channel.open"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ChannelOpen":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short_string()
        fields.finish()
        return ChannelOpen()

    def encode(self) -> bytes:
        fields = FieldWriter(CHANNEL_OPEN)
        fields.short_string("")
        return fields.payload()


class ChannelOpenOk(Method):
    """channel.open-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ChannelOpenOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.long_string()
        fields.finish()
        return ChannelOpenOk()

    def encode(self) -> bytes:
        fields = FieldWriter(CHANNEL_OPEN_OK)
        fields.long_string(b"")
        return fields.payload()


class ChannelFlow(Method):
    """channel.flow: stop or resume the flow of messages."""

    __slots__ = ("active",)

    def __init__(self, active: bool) -> None:
        self.active = active

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ChannelFlow":
        fields = FieldReader(data, payload_start, payload_end)
        bits = fields.octet()
        fields.finish()
        return ChannelFlow(active=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(CHANNEL_FLOW)
        fields.bits(self.active)
        return fields.payload()


class ChannelFlowOk(Method):
    """channel.flow-ok"""

    __slots__ = ("active",)

    def __init__(self, active: bool) -> None:
        self.active = active

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ChannelFlowOk":
        fields = FieldReader(data, payload_start, payload_end)
        bits = fields.octet()
        fields.finish()
        return ChannelFlowOk(active=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(CHANNEL_FLOW_OK)
        fields.bits(self.active)
        return fields.payload()


class ChannelClose(Method):
    """channel.close: goodbye; class and method of the cause, 0 if none."""

    __slots__ = (
        "reply_code",
        "reply_text",
        "class_id",
        "method_id",
    )

    def __init__(self, reply_code: int, reply_text: str = "", class_id: int = 0, method_id: int = 0) -> None:
        self.reply_code = reply_code
        self.reply_text = reply_text
        self.class_id = class_id
        self.method_id = method_id

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ChannelClose":
        fields = FieldReader(data, payload_start, payload_end)
        reply_code = fields.short()
        reply_text = fields.short_string()
        class_id = fields.short()
        method_id = fields.short()
        fields.finish()
        return ChannelClose(
            reply_code=reply_code, reply_text=reply_text, class_id=class_id, method_id=method_id
        )

    def encode(self) -> bytes:
        fields = FieldWriter(CHANNEL_CLOSE)
        fields.short(self.reply_code)
        fields.short_string(self.reply_text)
        fields.short(self.class_id)
        fields.short(self.method_id)
        return fields.payload()


class ChannelCloseOk(Method):
    """channel.close-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ChannelCloseOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return ChannelCloseOk()

    def encode(self) -> bytes:
        fields = FieldWriter(CHANNEL_CLOSE_OK)
        return fields.payload()


class AccessRequest(Method):
    """access.request: a relic of 0-8 that old clients send and RabbitMQ grants."""

    __slots__ = (
        "realm",
        "exclusive",
        "passive",
        "active",
        "write",
        "read",
    )

    def __init__(
        self,
        realm: str = "/data",
        exclusive: bool = False,
        passive: bool = True,
        active: bool = True,
        write: bool = True,
        read: bool = True,
    ) -> None:
        self.realm = realm
        self.exclusive = exclusive
        self.passive = passive
        self.active = active
        self.write = write
        self.read = read

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "AccessRequest":
        fields = FieldReader(data, payload_start, payload_end)
        realm = fields.short_string()
        bits = fields.octet()
        fields.finish()
        return AccessRequest(
            realm=realm,
            exclusive=bits & 1 != 0,
            passive=bits & 2 != 0,
            active=bits & 4 != 0,
            write=bits & 8 != 0,
            read=bits & 16 != 0,
        )

    def encode(self) -> bytes:
        fields = FieldWriter(ACCESS_REQUEST)
        fields.short_string(self.realm)
        fields.bits(self.exclusive, self.passive, self.active, self.write, self.read)
        return fields.payload()


class AccessRequestOk(Method):
    """access.request-ok"""

    __slots__ = ("ticket",)

    def __init__(self, ticket: int = 1) -> None:
        self.ticket = ticket

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "AccessRequestOk":
        fields = FieldReader(data, payload_start, payload_end)
        ticket = fields.short()
        fields.finish()
        return AccessRequestOk(ticket=ticket)

    def encode(self) -> bytes:
        fields = FieldWriter(ACCESS_REQUEST_OK)
        fields.short(self.ticket)
        return fields.payload()
