"""Methods of the class connection.

Job: hold the arguments of one method each, read and write them in the order of the wire.
Must not: be used for what comes by the thousand (codec and frame_writers have functions for that), or check meaning.
Spec: AMQP 0-9-1 class reference, connection; blocked, unblocked and update-secret: RabbitMQ.
"""

from onemq.heads.amqp091.frames import (
    CONNECTION_BLOCKED,
    CONNECTION_CLOSE,
    CONNECTION_CLOSE_OK,
    CONNECTION_OPEN,
    CONNECTION_OPEN_OK,
    CONNECTION_SECURE,
    CONNECTION_SECURE_OK,
    CONNECTION_START,
    CONNECTION_START_OK,
    CONNECTION_TUNE,
    CONNECTION_TUNE_OK,
    CONNECTION_UNBLOCKED,
    CONNECTION_UPDATE_SECRET,
    CONNECTION_UPDATE_SECRET_OK,
)
from onemq.heads.amqp091.methods.fields import FieldReader, FieldWriter, Method
from onemq.heads.amqp091.table import FieldValue


class ConnectionStart(Method):
    """connection.start: version, properties, SASL mechanisms and locales (both separated by spaces)."""

    __slots__ = (
        "version_major",
        "version_minor",
        "server_properties",
        "mechanisms",
        "locales",
    )

    def __init__(
        self,
        version_major: int,
        version_minor: int,
        server_properties: dict[str, FieldValue],
        mechanisms: str,
        locales: str = "en_US",
    ) -> None:
        self.version_major = version_major
        self.version_minor = version_minor
        self.server_properties = server_properties
        self.mechanisms = mechanisms
        self.locales = locales

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionStart":
        fields = FieldReader(data, payload_start, payload_end)
        version_major = fields.octet()
        version_minor = fields.octet()
        server_properties = fields.table()
        mechanisms = fields.long_string().decode("utf-8", "surrogateescape")
        locales = fields.long_string().decode("utf-8", "surrogateescape")
        fields.finish()
        return ConnectionStart(
            version_major=version_major,
            version_minor=version_minor,
            server_properties=server_properties,
            mechanisms=mechanisms,
            locales=locales,
        )

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_START)
        fields.octet(self.version_major)
        fields.octet(self.version_minor)
        fields.table(self.server_properties)
        fields.long_string(self.mechanisms.encode("utf-8", "surrogateescape"))
        fields.long_string(self.locales.encode("utf-8", "surrogateescape"))
        return fields.payload()


class ConnectionStartOk(Method):
    """connection.start-ok: the chosen SASL mechanism and its first response."""

    __slots__ = (
        "client_properties",
        "mechanism",
        "response",
        "locale",
    )

    def __init__(
        self, client_properties: dict[str, FieldValue], mechanism: str, response: bytes, locale: str = "en_US"
    ) -> None:
        self.client_properties = client_properties
        self.mechanism = mechanism
        self.response = response
        self.locale = locale

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionStartOk":
        fields = FieldReader(data, payload_start, payload_end)
        client_properties = fields.table()
        mechanism = fields.short_string()
        response = fields.long_string()
        locale = fields.short_string()
        fields.finish()
        return ConnectionStartOk(
            client_properties=client_properties, mechanism=mechanism, response=response, locale=locale
        )

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_START_OK)
        fields.table(self.client_properties)
        fields.short_string(self.mechanism)
        fields.long_string(self.response)
        fields.short_string(self.locale)
        return fields.payload()


class ConnectionSecure(Method):
    """connection.secure: SASL challenge."""

    __slots__ = ("challenge",)

    def __init__(self, challenge: bytes) -> None:
        self.challenge = challenge

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionSecure":
        fields = FieldReader(data, payload_start, payload_end)
        challenge = fields.long_string()
        fields.finish()
        return ConnectionSecure(challenge=challenge)

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_SECURE)
        fields.long_string(self.challenge)
        return fields.payload()


class ConnectionSecureOk(Method):
    """connection.secure-ok: SASL response."""

    __slots__ = ("response",)

    def __init__(self, response: bytes) -> None:
        self.response = response

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionSecureOk":
        fields = FieldReader(data, payload_start, payload_end)
        response = fields.long_string()
        fields.finish()
        return ConnectionSecureOk(response=response)

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_SECURE_OK)
        fields.long_string(self.response)
        return fields.payload()


class ConnectionTune(Method):
    """connection.tune: proposed limits; 0 is no limit. heartbeat in seconds."""

    __slots__ = (
        "channel_max",
        "frame_max",
        "heartbeat",
    )

    def __init__(self, channel_max: int, frame_max: int, heartbeat: int) -> None:
        self.channel_max = channel_max
        self.frame_max = frame_max
        self.heartbeat = heartbeat

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionTune":
        fields = FieldReader(data, payload_start, payload_end)
        channel_max = fields.short()
        frame_max = fields.long()
        heartbeat = fields.short()
        fields.finish()
        return ConnectionTune(channel_max=channel_max, frame_max=frame_max, heartbeat=heartbeat)

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_TUNE)
        fields.short(self.channel_max)
        fields.long(self.frame_max)
        fields.short(self.heartbeat)
        return fields.payload()


class ConnectionTuneOk(Method):
    """connection.tune-ok: agreed limits; 0 is no limit. heartbeat in seconds."""

    __slots__ = (
        "channel_max",
        "frame_max",
        "heartbeat",
    )

    def __init__(self, channel_max: int, frame_max: int, heartbeat: int) -> None:
        self.channel_max = channel_max
        self.frame_max = frame_max
        self.heartbeat = heartbeat

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionTuneOk":
        fields = FieldReader(data, payload_start, payload_end)
        channel_max = fields.short()
        frame_max = fields.long()
        heartbeat = fields.short()
        fields.finish()
        return ConnectionTuneOk(channel_max=channel_max, frame_max=frame_max, heartbeat=heartbeat)

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_TUNE_OK)
        fields.short(self.channel_max)
        fields.long(self.frame_max)
        fields.short(self.heartbeat)
        return fields.payload()


class ConnectionOpen(Method):
    """connection.open: enter a virtual host."""

    __slots__ = ("virtual_host",)

    def __init__(self, virtual_host: str = "/") -> None:
        self.virtual_host = virtual_host

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionOpen":
        fields = FieldReader(data, payload_start, payload_end)
        virtual_host = fields.short_string()
        fields.short_string()
        fields.octet()
        fields.finish()
        return ConnectionOpen(virtual_host=virtual_host)

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_OPEN)
        fields.short_string(self.virtual_host)
        fields.short_string("")
        fields.octet(0)
        return fields.payload()


class ConnectionOpenOk(Method):
    """connection.open-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionOpenOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.short_string()
        fields.finish()
        return ConnectionOpenOk()

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_OPEN_OK)
        fields.short_string("")
        return fields.payload()


class ConnectionClose(Method):
    """connection.close: goodbye; class and method of the cause, 0 if none."""

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
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionClose":
        fields = FieldReader(data, payload_start, payload_end)
        reply_code = fields.short()
        reply_text = fields.short_string()
        class_id = fields.short()
        method_id = fields.short()
        fields.finish()
        return ConnectionClose(
            reply_code=reply_code, reply_text=reply_text, class_id=class_id, method_id=method_id
        )

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_CLOSE)
        fields.short(self.reply_code)
        fields.short_string(self.reply_text)
        fields.short(self.class_id)
        fields.short(self.method_id)
        return fields.payload()


class ConnectionCloseOk(Method):
    """connection.close-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionCloseOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return ConnectionCloseOk()

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_CLOSE_OK)
        return fields.payload()


class ConnectionBlocked(Method):
    """connection.blocked: RabbitMQ: the server reads no publishes until unblocked."""

    __slots__ = ("reason",)

    def __init__(self, reason: str = "") -> None:
        self.reason = reason

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionBlocked":
        fields = FieldReader(data, payload_start, payload_end)
        reason = fields.short_string()
        fields.finish()
        return ConnectionBlocked(reason=reason)

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_BLOCKED)
        fields.short_string(self.reason)
        return fields.payload()


class ConnectionUnblocked(Method):
    """connection.unblocked"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionUnblocked":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return ConnectionUnblocked()

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_UNBLOCKED)
        return fields.payload()


class ConnectionUpdateSecret(Method):
    """connection.update-secret: RabbitMQ: a fresh credential, such as a renewed token."""

    __slots__ = (
        "new_secret",
        "reason",
    )

    def __init__(self, new_secret: bytes, reason: str = "") -> None:
        self.new_secret = new_secret
        self.reason = reason

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionUpdateSecret":
        fields = FieldReader(data, payload_start, payload_end)
        new_secret = fields.long_string()
        reason = fields.short_string()
        fields.finish()
        return ConnectionUpdateSecret(new_secret=new_secret, reason=reason)

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_UPDATE_SECRET)
        fields.long_string(self.new_secret)
        fields.short_string(self.reason)
        return fields.payload()


class ConnectionUpdateSecretOk(Method):
    """connection.update-secret-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConnectionUpdateSecretOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return ConnectionUpdateSecretOk()

    def encode(self) -> bytes:
        fields = FieldWriter(CONNECTION_UPDATE_SECRET_OK)
        return fields.payload()
