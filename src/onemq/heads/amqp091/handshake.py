"""From the protocol header to connection.open-ok: greeting, login, tuning, entering a vhost.

Must not: check credentials or rights (the Gate does).
Spec: AMQP 0-9-1 sections 2.2.4 and 4.2.2, class connection; RabbitMQ's texts.
"""

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from onemq.auth.gate import Gate
from onemq.heads.amqp091 import table
from onemq.heads.amqp091.codec import Codec, write_method_frame
from onemq.heads.amqp091.frames import (
    ACCESS_REFUSED,
    CHANNEL_ERROR,
    COMMAND_INVALID,
    CONNECTION_OPEN,
    CONNECTION_START_OK,
    CONNECTION_TUNE_OK,
    FRAME_BYTES_MIN,
    HEARTBEAT_FRAME,
    NOT_ALLOWED,
    PROTOCOL_HEADER_0_9_1,
    SYNTAX_ERROR,
    AmqpWireError,
    reply_text,
)
from onemq.heads.amqp091.methods import (
    ConnectionClose,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    Method,
)
from onemq.heads.amqp091.replies import refusal_reply
from onemq.heads.amqp091.session import Session
from onemq.heads.amqp091.settings import SERVER_PRODUCT, SERVER_VERSION, AmqpSettings
from onemq.heads.amqp091.table import FieldValue
from onemq.heads.contract import Link
from onemq.model.principal import Principal
from onemq.model.refusal import Refusal

GREETING: Final = 0
STARTING: Final = 1
TUNING: Final = 2
OPENING: Final = 3
DONE: Final = 4
FAILED: Final = 5
_STATE_NAMES: Final = ("handshake", "starting", "tuning", "opening", "running", "closed")

CAPABILITIES: Final = (
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
)
"""What is announced is what is served."""


def server_properties(settings: AmqpSettings) -> dict[str, FieldValue]:
    """RabbitMQ's, because clients look at them; ourselves in keys of our own."""
    capabilities: dict[str, FieldValue] = {}
    for name in CAPABILITIES:
        capabilities[name] = True
    return {
        "capabilities": capabilities,
        "cluster_name": settings.cluster_name,
        "copyright": "onemq contributors",
        "information": "onemq, licensed under Apache-2.0, speaks like the RabbitMQ of this version",
        "platform": "onemq",
        "product": SERVER_PRODUCT,
        "version": SERVER_VERSION,
        "onemq_version": settings.onemq_version,
    }


class Handshake:
    """Attributes:
    state: one of the constants above. session: there when the state is DONE.
    channels_max, heartbeat_seconds: negotiated. capabilities: the client's.
    client_properties, connection_name, mechanism: what the client said, as far as it has.
    """

    def __init__(
        self, link: Link, gate: Gate, settings: AmqpSettings, entropy: Callable[[int], bytes], codec: Codec
    ) -> None:
        self.state: i64 = GREETING
        self.session: Session | None = None
        self.channels_max: i64 = settings.channels_max
        self.frame_bytes_max: i64 = settings.frame_bytes_max
        self.capabilities: dict[str, FieldValue] = {}
        self.client_properties: dict[str, FieldValue] = {}
        self.connection_name = ""
        self.mechanism = ""
        self.heartbeat_seconds: i64 = 0
        self._principal: Principal | None = None
        self._link = link
        self._gate = gate
        self._settings = settings
        self._entropy = entropy
        self._codec = codec

    def can(self, capability: str) -> bool:
        """Whether the client announced it."""
        return self.capabilities.get(capability) is True

    def greet(self, header: bytes) -> None:
        """The first eight bytes."""
        if header != PROTOCOL_HEADER_0_9_1 and header != b"AMQP\x01\x01\x00\x09":
            self._link.warn(
                "protocol_error",
                f"sent {header!r} instead of AMQP 0-9-1's header: closing; another protocol, another version of AMQP, or TLS on the "
                "plain port",
            )
            self._link.outbox.writer.write(PROTOCOL_HEADER_0_9_1)
            self._fail()
            return
        mechanisms = " ".join(self._gate.mechanisms(self._link.peer))
        properties = server_properties(self._settings)
        cluster_name = self._gate.cluster_name()
        if cluster_name:
            properties["cluster_name"] = cluster_name
        self._send(ConnectionStart(0, 9, properties, mechanisms))
        self.state = STARTING

    def method(self, key: i64, data: bytes, start: i64, end: i64) -> None:
        """A method on channel 0 before the connection is open."""
        if key == CONNECTION_START_OK and self.state == STARTING:
            self._start_ok(ConnectionStartOk.decode(data, int(start), int(end)))
        elif key == CONNECTION_TUNE_OK and self.state == TUNING:
            self._tune_ok(ConnectionTuneOk.decode(data, int(start), int(end)))
        elif key == CONNECTION_OPEN and self.state == OPENING:
            self._open(ConnectionOpen.decode(data, int(start), int(end)))
        else:
            name = _STATE_NAMES[int(self.state)]
            raise AmqpWireError(
                CHANNEL_ERROR,
                f"unexpected method in connection state {name}",
                int(key) >> 16,
                int(key) & 0xFFFF,
            )

    def _start_ok(self, method: ConnectionStartOk) -> None:
        properties = method.client_properties
        capabilities = properties.get("capabilities")
        if isinstance(capabilities, dict):
            self.capabilities = capabilities
        name = properties.get("connection_name")
        if isinstance(name, str):
            self.connection_name = name
        self.client_properties = properties
        self.mechanism = method.mechanism
        if method.mechanism not in self._gate.mechanisms(self._link.peer):
            raise AmqpWireError(
                COMMAND_INVALID, f"unknown authentication mechanism '{method.mechanism}'", 10, 11
            )
        try:
            self._principal = self._login(method.mechanism, method.response)
        except Refusal as refusal:
            self._link.warn(
                "login_refused",
                f"login refused: {refusal.detail or refusal}; check the user and its password in the client and here",
                f"user {refusal.entity}",
            )
            self._refuse_login(method.mechanism)
            return
        self._link.logged_in()
        settings = self._settings
        self._send(
            ConnectionTune(settings.channels_max, settings.frame_bytes_max, settings.heartbeat_seconds)
        )
        self.state = TUNING

    def _login(self, mechanism: str, response: bytes) -> Principal:
        peer = self._link.peer
        if mechanism != "AMQPLAIN":
            return self._gate.login(mechanism, response, peer)
        fields = table.decode(response, 0, len(response))
        user, password = fields.get("LOGIN"), fields.get("PASSWORD")
        if not isinstance(user, str) or not isinstance(password, str):
            raise AmqpWireError(
                SYNTAX_ERROR, "AMQPLAIN auth info does not contain LOGIN and PASSWORD", 10, 11
            )
        return self._gate.login_plain(user, password, peer)

    def _refuse_login(self, mechanism: str) -> None:
        if self.can("authentication_failure_close"):
            text = reply_text(
                ACCESS_REFUSED,
                f"Login was refused using authentication mechanism {mechanism}. For details see the broker logfile.",
            )
            self._send(ConnectionClose(ACCESS_REFUSED, text, 0, 0))
        self._fail()

    def _tune_ok(self, method: ConnectionTuneOk) -> None:
        settings = self._settings
        frame_bytes: i64 = _negotiated(
            "frame_max", method.frame_max, FRAME_BYTES_MIN, settings.frame_bytes_max
        )
        self.channels_max = _negotiated("channel_max", method.channel_max, 1, settings.channels_max)
        self.frame_bytes_max = frame_bytes
        self._codec.frame_bytes_max = frame_bytes
        self.heartbeat_seconds = method.heartbeat
        heartbeat_ms = method.heartbeat * 1000
        # RabbitMQ's rule: sends when nothing was sent for half the interval, gives up after two without a byte.
        self._link.set_idle(heartbeat_ms // 2, heartbeat_ms * 2, HEARTBEAT_FRAME)
        self.state = OPENING

    def _open(self, method: ConnectionOpen) -> None:
        vhost = method.virtual_host
        principal = self._principal
        assert principal is not None, "connection.open before login"
        try:
            access = self._gate.enter(principal, vhost, self._link.peer, "amqp091")
            try:
                access.begin_connection()
            except Refusal:
                access.close()
                raise
        except Refusal as refusal:
            reply = refusal_reply(refusal, vhost, principal.name)
            raise AmqpWireError(reply.code, _without_name(reply.text), 10, 40) from refusal
        self.session = Session(
            self._link,
            access,
            self._settings,
            self._entropy,
            principal.name,
            vhost,
            self.frame_bytes_max,
            self.can("consumer_cancel_notify"),
        )
        self._link.describe(principal.name, vhost, self.connection_name)
        self._send(ConnectionOpenOk())
        self.state = DONE

    def _fail(self) -> None:
        self.state = FAILED
        self._link.close()

    def _send(self, method: Method) -> None:
        write_method_frame(self._link.outbox.writer, 0, method.encode())


def _negotiated(name: str, wanted: int, least: int, most: int) -> int:
    """A limit both sides hold to; 0 from the client is "no limit", so ours. Raises AmqpWireError 530."""
    if wanted == 0:
        return most
    if wanted < least:
        raise AmqpWireError(
            NOT_ALLOWED,
            f"negotiated {name} = {wanted} is lower than the minimum allowed value ({least})",
            10,
            30,
        )
    if most != 0 and wanted > most:
        raise AmqpWireError(
            NOT_ALLOWED,
            f"negotiated {name} = {wanted} is higher than the maximum allowed value ({most})",
            10,
            30,
        )
    return wanted


def _without_name(text: str) -> str:
    """A reply text without the code's name, which AmqpWireError puts before it."""
    return text.split(" - ", 1)[-1]
