"""One connection: the error boundary around its conversation, its idle and login limits, its close, its back-pressure.

The conversation is the only one who knows the protocol; the socket is socket_protocol.py's. Every exception of a
conversation ends here: it is logged once and ends this connection; unless it came out of the engine or the store, whose
state is then wrong: that ends the process.
"""

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from onemq.heads.contract import Conversation, Head, PeerView
from onemq.model.principal import Peer
from onemq.model.refusal import Reason, Refusal, WireError
from onemq.net.outbox import ParkingOutbox
from onemq.net.party import Party
from onemq.net.registry import Registry
from onemq.net.timers import Deadline
from onemq.net.turns import Turns

if TYPE_CHECKING:
    from asyncio import Transport


_log = logging.getLogger("onemq.net")

SHOWN_CHARACTERS_MAX: Final = 200
TEXT_CHARACTERS_MAX: Final = 1000
FATAL_FOLDERS: Final = ("onemq/engine/", "onemq/storage/")


class Limits:
    """What a connection may take of us.

    Attributes:
        login_ms: time from the first byte to `logged_in`; 0 = unlimited.
        outbox_bytes_max: bytes written but not read by the peer, above which deliveries to it pause; reading from it
            stops at twice as much (its requests still make replies). Both go on at half of it.
        drain_ms: how long a close waits for what must be sent first.
        linger_ms: how long the peer gets to read our goodbye and close, before we do.
        slow_ms: a peer that does not read for so long is told to the operator; 0 = never.
    """

    __slots__ = ("drain_ms", "linger_ms", "login_ms", "outbox_bytes_max", "slow_ms")

    def __init__(
        self, login_ms: int, outbox_bytes_max: int, drain_ms: int, linger_ms: int, slow_ms: int = 0
    ) -> None:
        self.slow_ms: i64 = slow_ms
        self.login_ms: i64 = login_ms
        self.outbox_bytes_max: i64 = outbox_bytes_max
        self.drain_ms: i64 = drain_ms
        self.linger_ms: i64 = linger_ms


@mypyc_attr(allow_interpreted_subclasses=True)
class Connection(Party):
    """The net's side of one link. Born connected; `lost` is its end.

    A connection is open; then closing (nothing is read any more, what is parked may still leave), then finished (all
    was sent, we wait for the peer to close, so that it can read our goodbye), then lost.
    """

    def __init__(
        self, head: Head, peer: Peer, transport: "Transport", turns: Turns, registry: Registry, limits: Limits
    ) -> None:
        outbox = ParkingOutbox(turns.durability)
        super().__init__(outbox, peer)
        self._parking = outbox
        self._transport = transport
        self._turns = turns
        self._registry = registry
        self._traffic = registry.traffic(head.name)
        self._limits = limits
        self._protocol = head.name
        self._address = f"{head.name} {peer.host}:{peer.port}"
        self._name = self._address
        self._user = ""
        self._namespace = ""
        self._client = ""
        self._dirty = False
        self._failed = False
        self._closing = False
        self._finished = False
        self._lost = False
        self._publishing = False
        self._held = False
        self._choked = False
        self._resuming = False
        self._slowed = False
        self._full = False
        self._slow_by_ms: i64 = 0
        self._told_slow = False
        self._stuffed = False
        self._reading = True
        self._heartbeat = b""
        self._send_ms: i64 = 0
        self._receive_ms: i64 = 0
        self._last_sent_ms: i64 = turns.peers_ms
        self._last_received_ms: i64 = turns.peers_ms
        self._connected_at_ms: i64 = turns.peers_ms
        self._received_bytes: i64 = 0
        self._sent_bytes: i64 = 0
        self._login_by_ms: i64 = 0
        self._close_by_ms: i64 = 0
        self._conversation: Conversation | None = None
        self._deadline = Deadline(self)
        outbox.bind(self)

    # What the socket tells ------------------------------------------------------------------------------------------

    def start(self, head: Head) -> None:
        """Opens the conversation. A head that raises here closes the connection."""
        self._turns.enter()
        self._last_received_ms = self._turns.peers_ms
        self._last_sent_ms = self._turns.peers_ms
        self._connected_at_ms = self._turns.peers_ms
        self._registry.add(self)
        self._traffic.opened += 1
        if self._limits.login_ms != 0:
            self._login_by_ms = self._turns.peers_ms + self._limits.login_ms
        try:
            self._conversation = head.open(self)
        except Exception as error:
            extra = self._fields("internal_error", "")
            _log.error(
                "%s: could not open a conversation: a bug, please report it",
                self._name,
                exc_info=error,
                extra=extra,
            )
            self._transport.abort()
        self._rearm()

    def received(self, data: bytes) -> None:
        """Bytes from the peer."""
        turns = self._turns
        if not turns.active:
            turns.enter()
        self._last_received_ms = turns.peers_ms
        conversation = self._conversation
        if self._closing or conversation is None:
            return
        self._registry.bytes_in += len(data)
        self._traffic.bytes_in += len(data)
        self._received_bytes += len(data)
        self.touch()
        try:
            conversation.received(data)
        except Exception as error:
            self._fail(error)

    def full(self) -> None:
        """The peer does not read: more than the high-water mark waits."""
        self._full = True
        if self._limits.slow_ms != 0:
            self._slow_by_ms = self._turns.now_ms + self._limits.slow_ms
            self._rearm()
        self._press()

    def drained(self) -> None:
        """What waited has fallen below the low-water mark."""
        self._full = False
        self._slow_by_ms = 0
        if self._told_slow:
            self._told_slow = False
            _log.info("%s: reads again", self._name, extra=self._fields("slow_reader_over", ""))
        self._press()
        self._regard_reading()

    def lost(self) -> None:
        """The socket is closed."""
        if self._lost:
            return
        self._lost = True
        self._closing = True
        self._registry.remove(self)
        self._traffic.closed += 1
        self._turns.pressure.remove(self)
        self._turns.enter()
        conversation = self._conversation
        self._conversation = None
        if conversation is not None:
            try:
                conversation.lost()
            except Exception as error:
                self._report(error, "while its connection was given up")
        self._parking.clear()
        self._deadline.cancel()

    def name(self) -> str:
        """As logs name it."""
        return self._name

    # What the conversation asks for (Link) --------------------------------------------------------------------------

    def touch(self) -> None:
        if not self._dirty:
            self._dirty = True
            self._turns.add(self)

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._login_by_ms = 0
        self._close_by_ms = self._turns.peers_ms + self._limits.drain_ms
        self._rearm()
        self.touch()

    def set_idle(self, send_ms: int, receive_ms: int, heartbeat: bytes) -> None:
        self._send_ms = send_ms
        self._receive_ms = receive_ms
        self._heartbeat = heartbeat
        self._rearm()

    def logged_in(self) -> None:
        self._login_by_ms = 0

    def describe(self, user: str, namespace: str, client: str = "") -> None:
        self._user = _shown(user)
        self._namespace = _shown(namespace)
        self._client = _shown(client)
        known = f"{self._user}@{self._client}" if self._user and self._client else self._user or self._client
        self._name = f"{self._address} ({known})" if known else self._address

    def publishes(self) -> None:
        if not self._publishing:
            self._publishing = True
            self._turns.pressure.add(self)

    def again(self) -> None:
        if not self._resuming:
            self._resuming = True
            self._turns.add_resuming(self)

    def hold_reading(self, hold: bool) -> None:
        self._choked = hold
        self._regard_reading()

    def warn(self, reason: str, text: str, entity: str = "") -> None:
        _log.warning("%s: %s", self._name, text[:TEXT_CHARACTERS_MAX], extra=self._fields(reason, entity))

    def _fields(self, reason: str, entity: str) -> dict[str, object]:
        """Of a log line about this connection, as ops/logs.py takes them: what is not known is left out."""
        fields = {"reason": reason, "protocol": self._protocol, "peer": f"{self.peer.host}:{self.peer.port}"}
        if self._user:
            fields["user"] = self._user
        if self._namespace:
            fields["namespace"] = self._namespace
        if self._client:
            fields["client"] = self._client
        if entity:
            fields["entity"] = _shown(entity)
        return {"fields": fields}

    # What the turn asks for (turns.py) ---------------------------------------------------------------------------

    def resume(self) -> None:
        self._resuming = False
        conversation = self._conversation
        if self._closing or conversation is None:
            return
        self.touch()
        try:
            conversation.resumed()
        except Exception as error:
            self._fail(error)

    def end_turn(self) -> None:
        conversation = self._conversation
        if conversation is None or self._failed:
            return
        try:
            conversation.end_turn()
        except Exception as error:
            self._fail(error)

    def flush(self) -> None:
        self._dirty = False
        if self._lost:
            return
        before = self._parking.take_before()
        data = self._parking.take()
        if before:
            if data:
                before.append(data)
            size: i64 = 0
            for part in before:
                size += len(part)
            self._count_sent(size)
            # The event loop hands the parts to the socket as they are, in one call.
            self._transport.writelines(before)
        elif data:
            self._count_sent(len(data))
            self._transport.write(data)
        if self._full or self._stuffed or self._parking.parked_bytes > self._limits.outbox_bytes_max:
            self._regard_reading()
        if self._closing and not self._finished and self._parking.is_empty():
            self._finish()

    def _count_sent(self, size: i64) -> None:
        self._last_sent_ms = self._turns.peers_ms
        self._registry.bytes_out += size
        self._traffic.bytes_out += size
        self._sent_bytes += size

    # Deadlines (timers.py) ----------------------------------------------------------------------------------------------

    def due(self, now_ms: i64) -> i64:
        if self._lost:
            return 0
        if self._close_by_ms != 0 and now_ms >= self._close_by_ms:
            self._transport.abort()
            return 0
        if self._login_by_ms != 0 and now_ms >= self._login_by_ms:
            self.warn(
                "login_timeout",
                f"did not log in within {self._limits.login_ms} ms: closing; a slow network needs a higher "
                f"{self._protocol}.login_seconds",
            )
            self._transport.abort()
            return 0
        if self._slow_by_ms != 0 and now_ms >= self._slow_by_ms:
            self._slow_by_ms = 0
            self._tell_slow()
        if not self._closing:
            if (
                self._receive_ms != 0
                and self._reading
                and now_ms - self._last_received_ms >= self._receive_ms
            ):
                if self._heartbeat:
                    # Where there are no heartbeats, a peer that has nothing to ask is no news.
                    silent_ms = now_ms - self._last_received_ms
                    self.warn(
                        "missed_heartbeats",
                        f"nothing was received for {silent_ms} ms, heartbeats were due: closing; the client hangs, is gone, or "
                        "needs a longer heartbeat",
                    )
                self._transport.abort()
                return 0
            if self._send_ms != 0 and now_ms - self._last_sent_ms >= self._send_ms:
                self._beat(now_ms)
        return self._next_deadline_ms()

    # Alarms (pressure.py), stopping (drain.py) --------------------------------------------------------------------------

    def hold(self, reason: str) -> None:
        self._held = True
        self.warn(
            "blocked",
            f"publishes, and is not read from while the broker is {reason}; see the line about the alarm for what to do",
        )
        self._tell(reason)
        self._regard_reading()

    def unhold(self) -> None:
        self._held = False
        self._tell("")
        self._regard_reading()

    def slow_down(self, slow: bool) -> None:
        self._slowed = slow
        self._regard_reading()

    def drain(self, reason: str) -> None:
        self._say_goodbye(reason, False)

    def dismiss(self, reason: str) -> None:
        extra = self._fields("closed_by_operator", "")
        _log.info("%s: closed by an operator: %s", self._name, _shown(reason), extra=extra)
        self._say_goodbye(reason, True)

    def _say_goodbye(self, reason: str, by_operator: bool) -> None:
        conversation = self._conversation
        if conversation is None or self._closing:
            return
        self._turns.enter()
        try:
            if by_operator:
                conversation.dismissed(reason)
            else:
                conversation.drain(reason)
        except Exception as error:
            self._report(error, "while it said goodbye")
        self.close()

    def view(self, number: i64) -> PeerView | None:
        conversation = self._conversation
        if conversation is None:
            return None
        profile = conversation.profile()
        if self._closing:
            profile.state = "closing"
        elif self._held and profile.state == "running":
            profile.state = "blocked"
        return PeerView(
            number,
            self._protocol,
            self.peer,
            profile,
            self._connected_at_ms,
            self._received_bytes,
            self._sent_bytes,
            self._parking.parked_bytes + self._transport_waiting(),
        )

    def abort(self) -> None:
        self._transport.abort()

    # Inside ---------------------------------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        """The end of the conversation: its goodbye, and the close."""
        self._failed = True
        conversation = self._conversation
        self._report(error, "closing the connection")
        if conversation is not None:
            try:
                conversation.refused(error)
            except Exception as second:
                self._report(second, "while it said goodbye")
        self.close()

    def _report(self, error: Exception, doing: str) -> None:
        if isinstance(error, WireError):
            cause = error.__cause__
            if isinstance(cause, Refusal):
                denied = cause.reason in (Reason.AUTHENTICATION_FAILED, Reason.NAMESPACE_DENIED)
                entity = f"{cause.entity_kind} {cause.entity}".strip()
                self.warn("login_refused" if denied else "refused", f"refused, {doing}: {error}", entity)
                return
            self.warn(
                "protocol_error",
                f"protocol error, {doing}: {error}; does the client speak {self._protocol} to this port?",
            )
        elif isinstance(error, Refusal):
            self.warn("refused", f"refused, {doing}: {error}", f"{error.entity_kind} {error.entity}".strip())
        elif raised_in(error, FATAL_FOLDERS):
            self._turns.fatal(f"the engine failed under {self._name}", error)
        else:
            extra = self._fields("internal_error", "")
            _log.error("%s: a bug, %s; please report it", self._name, doing, exc_info=error, extra=extra)

    def _tell_slow(self) -> None:
        self._told_slow = True
        waiting = self._parking.parked_bytes + self._transport_waiting()
        self.warn(
            "slow_reader",
            f"has not read for {self._limits.slow_ms} ms, {waiting} bytes wait for it, nothing more is delivered until it does; the "
            "client hangs, does too much before it reads on, or its network is slow (a lower prefetch keeps others supplied)",
        )

    def _finish(self) -> None:
        """All is sent. A close with unread input would reset the connection and take our goodbye with it: so we wait
        for the peer to close, for a while."""
        self._finished = True
        self._close_by_ms = self._turns.peers_ms + self._limits.linger_ms
        self._rearm()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._regard_reading()

    def _beat(self, now_ms: i64) -> None:
        self._last_sent_ms = now_ms
        # A peer that does not read has more than enough waiting for it.
        if self._heartbeat and not self._full:
            self._parking.writer.write(self._heartbeat)
            self.touch()

    def _press(self) -> None:
        conversation = self._conversation
        if conversation is None or self._failed:
            return
        self._turns.enter()
        try:
            conversation.pressed(self._full)
        except Exception as error:
            self._fail(error)

    def _tell(self, reason: str) -> None:
        conversation = self._conversation
        if conversation is None or self._closing:
            return
        self.touch()
        try:
            if reason:
                conversation.blocked(reason)
            else:
                conversation.unblocked()
        except Exception as error:
            self._fail(error)

    def _regard_reading(self) -> None:
        """Reads, or stops reading, as the alarms and the peer's own reading want it."""
        if self._lost:
            return
        waiting: i64 = self._parking.parked_bytes
        if self._full:
            waiting += self._transport_waiting()
        outbox_bytes_max = self._limits.outbox_bytes_max
        self._stuffed = waiting > (outbox_bytes_max if self._stuffed else 2 * outbox_bytes_max)
        reading = self._finished or not (self._held or self._choked or self._slowed or self._stuffed)
        if reading == self._reading:
            return
        self._reading = reading
        if reading:
            # What we did not read cannot be held against the peer.
            self._last_received_ms = self._turns.peers_ms
            self._transport.resume_reading()
            self._rearm()
        else:
            self._transport.pause_reading()

    def _transport_waiting(self) -> i64:
        waiting: int = self._transport.get_write_buffer_size()
        return waiting

    def _rearm(self) -> None:
        self._turns.timers.arm(self._deadline, self._next_deadline_ms())
        self._turns.enter()

    def _next_deadline_ms(self) -> i64:
        soonest: i64 = 0
        if self._close_by_ms != 0:
            return self._close_by_ms
        if self._login_by_ms != 0:
            soonest = self._login_by_ms
        if self._slow_by_ms != 0:
            soonest = _sooner(soonest, self._slow_by_ms)
        if self._send_ms != 0:
            soonest = _sooner(soonest, self._last_sent_ms + self._send_ms)
        if self._receive_ms != 0 and self._reading:
            soonest = _sooner(soonest, self._last_received_ms + self._receive_ms)
        return soonest


def _shown(text: str) -> str:
    """What a peer says of itself may be anything, and of any length."""
    cut = text[:SHOWN_CHARACTERS_MAX]
    return cut if cut.isprintable() else ascii(cut)


def _sooner(first: i64, second: i64) -> i64:
    return second if first == 0 or second < first else first


def raised_in(error: Exception, folders: tuple[str, ...]) -> bool:
    """True when the innermost frame of the error's traceback lies in one of the folders."""
    at: TracebackType | None = error.__traceback__
    file_name = ""
    while at is not None:
        file_name = at.tb_frame.f_code.co_filename
        at = at.tb_next
    return any(folder in file_name for folder in folders)
