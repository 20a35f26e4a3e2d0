"""One AMQP 0-9-1 connection: frames to channels and commands, errors to close frames.

Must not: authorise, limit, count, time out, or touch a socket.
Spec: AMQP 0-9-1 sections 2.2, 2.3 and 4.2; where RabbitMQ differs, RabbitMQ.
"""

from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from onemq.auth.gate import Gate
from onemq.heads.advice import OPERATION_REFUSED, refusal_line
from onemq.heads.amqp091.channel import EXPECT_BODY, EXPECT_HEADER, EXPECT_METHOD, Channel
from onemq.heads.amqp091.codec import Codec, frame_text, method_key, settlement_tag, write_method_frame
from onemq.heads.amqp091.commands import basic_publish, settle
from onemq.heads.amqp091.commands.basic_consume import forget_replies
from onemq.heads.amqp091.commands.table import COMMANDS
from onemq.heads.amqp091.frames import (
    BASIC_ACK,
    BASIC_NACK,
    BASIC_PUBLISH,
    BASIC_REJECT,
    BODY,
    CHANNEL_CLOSE,
    CHANNEL_CLOSE_OK,
    CHANNEL_ERROR,
    CHANNEL_OPEN,
    COMMAND_INVALID,
    CONNECTION_CLOSE,
    CONNECTION_CLOSE_OK,
    CONNECTION_FORCED,
    CONNECTION_UPDATE_SECRET,
    HEADER,
    HEARTBEAT,
    INTERNAL_ERROR,
    METHOD,
    NEED_DATA,
    NOT_ALLOWED,
    PROTOCOL_HEADER,
    UNEXPECTED_FRAME,
    AmqpWireError,
    reply_text,
)
from onemq.heads.amqp091.handshake import DONE, FAILED, GREETING, Handshake
from onemq.heads.amqp091.methods import (
    METHODS,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ChannelOpenOk,
    ConnectionBlocked,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionUnblocked,
    ConnectionUpdateSecret,
    ConnectionUpdateSecretOk,
    Method,
    decode_method,
)
from onemq.heads.amqp091.profile import connection_profile
from onemq.heads.amqp091.replies import AmqpRefusal, Reply, amqp_reply, refusal_reply
from onemq.heads.amqp091.session import Session
from onemq.heads.amqp091.settings import AmqpSettings
from onemq.heads.contract import Conversation, Link, Profile
from onemq.model.refusal import Refusal

_GOODBYE_LANE: Final = 0
_EXPECTED: Final = {
    EXPECT_METHOD: "expected method frame, got non method frame instead",
    EXPECT_HEADER: "expected content header for class 60, got non content header frame instead",
    EXPECT_BODY: "expected content body, got non content body frame instead",
}


class AmqpConversation(Conversation):
    """One peer's state: the handshake, then a session with its channels."""

    def __init__(
        self, link: Link, gate: Gate, settings: AmqpSettings, entropy: Callable[[int], bytes]
    ) -> None:
        super().__init__()
        self._link = link
        self._codec = Codec(settings.frame_bytes_max)
        self._handshake = Handshake(link, gate, settings, entropy, self._codec)
        self._session: Session | None = None
        self._channels: dict[int, Channel] = {}
        self._last: Channel | None = None
        self._over = False
        self._draining = False
        self._released = False
        self._held = False
        self._unread: list[bytes] = []
        """What came while publishers are held up: the frames behind a first publish wait, too, however they were cut."""

    # Called by the net.

    def received(self, data: bytes) -> None:
        if self._held:
            self._unread.append(data)
            return
        self._codec.feed(data)
        self._read_frames()

    def resumed(self) -> None:
        if self._held:
            return
        self._read_frames()
        while self._unread and not self._held:
            self._codec.feed(self._unread.pop(0))
            self._read_frames()

    def _read_frames(self) -> None:
        codec = self._codec
        while not (self._over or self._held):
            kind = codec.next()
            if kind == NEED_DATA:
                break
            number = codec.channel
            if number == 0:
                self._connection_frame(kind)
                continue
            last = self._last
            if last is None or last.number != number:
                last = self._channels.get(int(number))
                if last is None:
                    self._without_channel(kind)
                    continue
                self._last = last
            self._channel_frame(last, kind, codec.data, codec.payload_start, codec.payload_end)
        session = self._session
        if session is not None:
            session.flush_confirms()

    def end_turn(self) -> None:
        session = self._session
        if session is not None:
            session.touched = False

    def refused(self, error: Exception) -> None:
        if self._over or self._handshake.state == GREETING:
            return
        reply = self._reply(error)
        class_id, method_id = 0, 0
        if isinstance(error, AmqpWireError):
            class_id, method_id = error.class_id, error.method_id
        self._over = True
        self._release()
        self._send(ConnectionClose(reply.code, reply.text, class_id, method_id))

    def drain(self, reason: str) -> None:
        self._say_goodbye(f"broker forced connection closure with reason '{reason}'")

    def dismissed(self, reason: str) -> None:
        self._say_goodbye(reason)

    def profile(self) -> Profile:
        session = self._session if not self._released else None
        return connection_profile(self._handshake, session, list(self._channels.values()))

    def _say_goodbye(self, explanation: str) -> None:
        if self._over or self._draining:
            return
        self._draining = True
        session = self._session
        if session is None or self._released:
            self._over = True
            return
        session.access.pause(True)
        session.flush_confirms()
        text = reply_text(CONNECTION_FORCED, explanation)
        frame = BytesWriter()
        write_method_frame(frame, 0, ConnectionClose(CONNECTION_FORCED, text, 0, 0).encode())
        # What was published before the goodbye is confirmed before it.
        self._link.outbox.park(_GOODBYE_LANE, int(session.access.position()), frame.getvalue())

    def blocked(self, reason: str) -> None:
        self._held = True
        if self._handshake.can("connection.blocked") and not self._over:
            self._send(ConnectionBlocked(reason))

    def unblocked(self) -> None:
        self._held = False
        self._link.again()
        if self._handshake.can("connection.blocked") and not self._over:
            self._send(ConnectionUnblocked())

    def pressed(self, full: bool) -> None:
        if self._session is not None and not self._released:
            self._session.access.pause(full)

    def lost(self) -> None:
        self._over = True
        self._release()

    # Connection.

    def _connection_frame(self, kind: i64) -> None:
        codec = self._codec
        data, start, end = codec.data, codec.payload_start, codec.payload_end
        if kind == HEARTBEAT:
            return
        if kind == PROTOCOL_HEADER:
            self._handshake.greet(data[start:end])
            self._over = self._handshake.state == FAILED
            return
        if kind != METHOD:
            raise AmqpWireError(UNEXPECTED_FRAME, frame_text(int(kind), data[start:end]))
        key = method_key(data, start)
        if key == CONNECTION_CLOSE:
            self._closed_by_peer()
        elif key == CONNECTION_CLOSE_OK:
            self._over = True
            self._link.close()
        elif self._session is None:
            self._handshake.method(key, data, start, end)
            self._over = self._handshake.state == FAILED
            if self._handshake.state == DONE:
                self._session = self._handshake.session
        elif key == CONNECTION_UPDATE_SECRET:
            ConnectionUpdateSecret.decode(data, int(start), int(end))
            self._send(ConnectionUpdateSecretOk())
        else:
            decode_method(data, int(start), int(end))
            raise AmqpWireError(
                CHANNEL_ERROR,
                "unexpected method in connection state running",
                int(key) >> 16,
                int(key) & 0xFFFF,
            )

    def _closed_by_peer(self) -> None:
        """connection.close: exclusive queues go before the answer, as clients assume."""
        self._over = True
        self._release()
        self._send(ConnectionCloseOk())
        self._link.close()

    def _release(self) -> None:
        """Gives back everything that the connection holds. Once."""
        if self._released:
            return
        self._released = True
        session = self._session
        if session is None:
            return
        for channel in self._channels.values():
            channel.closing = True
            forget_replies(channel)
            if channel.confirms is not None:
                channel.confirms.drop(session.outbox)
            session.outbox.drop_lane(int(channel.number))
        self._channels.clear()
        self._last = None
        session.access.close()

    def _reply(self, error: Exception) -> Reply:
        if isinstance(error, AmqpWireError):
            return Reply(error.code, error.text.split(" - ", 1)[-1], True)
        session = self._session
        if isinstance(error, Refusal):
            vhost = "" if session is None else session.vhost
            user = "" if session is None else session.user
            return refusal_reply(error, vhost, user)
        if isinstance(error, AmqpRefusal):
            return amqp_reply(error)
        return Reply(INTERNAL_ERROR, "the broker failed on this connection; see its log", True)

    def _send(self, method: Method) -> None:
        write_method_frame(self._link.outbox.writer, 0, method.encode())

    # Channels.

    def _without_channel(self, kind: i64) -> None:
        """A frame on a channel that is not open: only channel.open is right."""
        codec = self._codec
        data, start, end = codec.data, codec.payload_start, codec.payload_end
        number = int(codec.channel)
        session = self._session
        if session is None:
            raise AmqpWireError(UNEXPECTED_FRAME, frame_text(int(kind), data[start:end]))
        if kind != METHOD:
            raise AmqpWireError(UNEXPECTED_FRAME, _EXPECTED[EXPECT_METHOD])
        key = method_key(data, start)
        if key == CHANNEL_CLOSE_OK or self._draining:
            return
        if key != CHANNEL_OPEN:
            decode_method(data, int(start), int(end))
            raise AmqpWireError(CHANNEL_ERROR, "expected 'channel.open'", int(key) >> 16, int(key) & 0xFFFF)
        ChannelOpen.decode(data, int(start), int(end))
        most = self._handshake.channels_max
        if most != 0 and len(self._channels) >= most:
            count = len(self._channels)
            raise AmqpWireError(
                NOT_ALLOWED,
                f"number of channels opened ({count}) has reached the negotiated channel_max ({most})",
            )
        channel = Channel(session, number)
        session.access.open_channel(channel)
        self._channels[number] = channel
        channel.send(ChannelOpenOk())

    def _channel_frame(self, channel: Channel, kind: i64, data: bytes, start: i64, end: i64) -> None:
        if channel.closing:
            self._closing_frame(channel, kind, data, start)
            return
        key: i64 = BASIC_PUBLISH
        try:
            if kind == METHOD:
                key = method_key(data, start)
                if channel.expects != EXPECT_METHOD:
                    raise AmqpWireError(UNEXPECTED_FRAME, _EXPECTED[int(channel.expects)], 60, 40)
                if key == BASIC_PUBLISH:
                    if not self._draining:
                        basic_publish.begin(channel, data, start, end)
                elif key == BASIC_ACK:
                    settle.ack(channel, settlement_tag(data, start, end), data[start + 12] & 1 != 0)
                else:
                    self._method(channel, key, data, start, end)
            elif kind == HEADER:
                if channel.expects != EXPECT_HEADER:
                    self._unexpected_content(channel)
                else:
                    basic_publish.header(channel, data, start, end)
            elif kind == BODY:
                if channel.expects != EXPECT_BODY:
                    self._unexpected_content(channel)
                else:
                    basic_publish.body(channel, data, start, end)
            else:
                raise AmqpWireError(UNEXPECTED_FRAME, frame_text(int(kind), data[start:end]))
        except Refusal as refusal:
            session = channel.session
            reply = refusal_reply(refusal, session.vhost, session.user)
            if not reply.closes_connection:
                text = f"channel {channel.number} is closed: {reply.text}"
                reason, line, entity = refusal_line(refusal, text)
                self._link.warn(reason, line, entity)
            self._refuse(channel, reply, key)
        except AmqpRefusal as amqp_refusal:
            reply = amqp_reply(amqp_refusal)
            if not reply.closes_connection:
                self._link.warn(OPERATION_REFUSED, f"channel {channel.number} is closed: {reply.text}")
            self._refuse(channel, reply, key)

    def _unexpected_content(self, channel: Channel) -> None:
        if not self._draining:
            # Inside a content its method is the one at fault.
            class_id, method_id = (0, 0) if channel.expects == EXPECT_METHOD else (60, 40)
            raise AmqpWireError(UNEXPECTED_FRAME, _EXPECTED[int(channel.expects)], class_id, method_id)

    def _method(self, channel: Channel, key: i64, data: bytes, start: i64, end: i64) -> None:
        if key == BASIC_NACK:
            bits = data[end - 1]
            settle.nack(channel, settlement_tag(data, start, end), bits & 1 != 0, bits & 2 != 0)
        elif key == BASIC_REJECT:
            settle.reject(channel, settlement_tag(data, start, end), data[end - 1] & 1 != 0)
        elif key == CHANNEL_CLOSE:
            self._close_channel(channel)
        elif self._draining:
            return
        elif key == CHANNEL_OPEN:
            raise AmqpWireError(CHANNEL_ERROR, "second 'channel.open' seen", 20, 10)
        else:
            command = COMMANDS.get(int(key))
            if command is None:
                decode_method(data, int(start), int(end))
                raise AmqpWireError(
                    COMMAND_INVALID, "unimplemented method", int(key) >> 16, int(key) & 0xFFFF
                )
            command(channel, data, int(start), int(end))

    def _closing_frame(self, channel: Channel, kind: i64, data: bytes, start: i64) -> None:
        """After our channel.close everything is ignored but its answer."""
        if kind != METHOD:
            return
        key = method_key(data, start)
        if key == CHANNEL_CLOSE:
            channel.send(ChannelCloseOk())
            self._forget(channel)
        elif key == CHANNEL_CLOSE_OK:
            self._forget(channel)

    def _refuse(self, channel: Channel, reply: Reply, key: i64) -> None:
        """Ends what the refusal says: the connection, or this channel alone."""
        class_id, method_id = int(key) >> 16, int(key) & 0xFFFF
        if int(key) not in METHODS:
            class_id, method_id = 0, 0
        if reply.closes_connection:
            raise AmqpWireError(reply.code, reply.text.split(" - ", 1)[-1], class_id, method_id)
        self._end_channel(channel)
        channel.send(ChannelClose(reply.code, reply.text, class_id, method_id))

    def _close_channel(self, channel: Channel) -> None:
        self._end_channel(channel)
        channel.send(ChannelCloseOk())
        self._forget(channel)

    def _end_channel(self, channel: Channel) -> None:
        """Its consumers end, its deliveries go back, an open transaction is forgotten."""
        session = channel.session
        channel.closing = True
        if channel.confirms is not None:
            channel.confirms.drop(session.outbox)
        if channel.transaction is not None:
            session.held_bytes -= channel.transaction.held_bytes
            channel.transaction = None
        channel.unacked.clear()
        channel.tags.clear()
        channel.reset_content()
        # What still waited for the answer of a basic.get will not be missed.
        channel.slots.clear()
        forget_replies(channel)
        session.access.close_sink(channel)

    def _forget(self, channel: Channel) -> None:
        self._channels.pop(int(channel.number), None)
        if self._last is channel:
            self._last = None
