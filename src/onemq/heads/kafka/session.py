"""What all requests of one connection share.

Must not: know any request; decide about rights or limits (the Access does).
"""

from typing import Final

from mypy_extensions import i64

from onemq.auth.exchange import SaslExchange
from onemq.auth.gate import Gate
from onemq.engine.access import Access
from onemq.engine.core import Agenda
from onemq.heads.advice import refusal_line
from onemq.heads.contract import HeldUp, Link, Worker
from onemq.heads.kafka.settings import KafkaSettings
from onemq.model.principal import Peer, Principal

UNHELD_BYTES_MAX: Final = 64 * 1024


class Unmute(Agenda):
    """Ends a connection's mute at its deadline."""

    def __init__(self, session: "Session") -> None:
        super().__init__()
        self._session = session

    def on_deadline(self) -> None:
        self._session.unmute()


class Session:
    """One connection.

    Attributes:
        client_software: name and version from ApiVersions, "" if it did not say. client_id: of the last request.
        muted_until_ms: no request is taken before (a quota was exceeded); 0 = not muted.
        publishing: the net knows that this peer publishes. blocked: an alarm holds it up.
        held_bytes: batches in answers that count as on their way to this peer.
        answer_bytes: answers made since the last one had left when a request was taken.
        exchange: the SASL exchange that is under way. raw_login: its tokens come without requests around them (SaslHandshake
            of version 0).
        lost: the connection is gone. worker: does what would hold up the others.
    """

    __slots__ = (
        "_access",
        "_principal",
        "_unmute",
        "answer_bytes",
        "client_id",
        "client_software",
        "exchange",
        "gate",
        "held_bytes",
        "link",
        "lost",
        "muted_until_ms",
        "peer",
        "blocked",
        "publishing",
        "raw_login",
        "settings",
        "worker",
    )

    def __init__(self, link: Link, gate: Gate, settings: KafkaSettings, worker: Worker) -> None:
        self.link = link
        self.worker = worker
        self.peer: Peer = link.peer
        self.gate = gate
        self.settings = settings
        self.client_software = ""
        self.client_id = ""
        self.muted_until_ms: i64 = 0
        self.publishing = False
        self.blocked = False
        self.lost = False
        self.answer_bytes: i64 = 0
        self.held_bytes: i64 = 0
        self.exchange: SaslExchange | None = None
        self.raw_login = False
        self._access: Access | None = None
        self._principal: Principal | None = None
        self._unmute: Unmute | None = None

    @property
    def authenticated(self) -> bool:
        return self._access is not None

    @property
    def access(self) -> Access:
        """The way into the engine. Only after `enter`: the conversation lets no command come here before."""
        access = self._access
        assert access is not None, "a command was served before authentication"
        return access

    @property
    def principal(self) -> Principal:
        """Who the peer is. Only after `enter`."""
        principal = self._principal
        assert principal is not None, "a command was served before authentication"
        return principal

    def user(self) -> str:
        """Who the peer is, "" before `enter`."""
        return "" if self._principal is None else self._principal.name

    def enter(self, principal: Principal) -> None:
        """The peer is `principal` from now on. Raises Refusal NAMESPACE_DENIED."""
        access = self.gate.enter_ruled(principal, self.settings.namespace, self.peer, "kafka")
        self.leave()
        self._access = access
        self._principal = principal
        self.link.logged_in()

    def describe(self) -> None:
        """Logs name this connection by what is known of it now."""
        known = [text for text in (self.client_id, self.client_software) if text]
        self.link.describe(self.user(), self.settings.namespace, ", ".join(known))

    def tell_denied(self, request: str) -> None:
        """What a request was denied is a line in the log; its answer says so in a code among others."""
        access = self._access
        if access is None:
            return
        denied = access.authority.take_denied()
        if denied is not None:
            text = f"{request}: {denied.detail} on {denied.entity_kind} {denied.entity!r} is denied"
            reason, line, entity = refusal_line(denied, text)
            self.link.warn(reason, line, entity)

    def leave(self) -> None:
        """Gives back everything that the connection holds in the engine."""
        access = self._access
        self._access = None
        if access is not None:
            if self.lost and self._unmute is not None:
                access.core.unschedule(self._unmute)
            access.close()

    def publishes(self) -> None:
        """Called by every operation that publishes, before it does anything: under an alarm publishers are held up. Raises HeldUp."""
        if not self.publishing:
            self.publishing = True
            self.link.publishes()
        if self.blocked:
            raise HeldUp

    def hold(self, size: i64) -> None:
        """Batches are on their way to the peer. A little counts as having left: the net's limit holds for it."""
        if size > UNHELD_BYTES_MAX:
            self.held_bytes += size
            self.access.core.fetch_bytes_left -= size

    def release(self) -> None:
        """They have left, as far as we can tell."""
        access = self._access
        if access is not None and self.held_bytes:
            access.core.fetch_bytes_left += self.held_bytes
            self.held_bytes = 0

    def mute(self, throttle_ms: i64) -> None:
        """Takes no request for that long."""
        access = self.access
        until_ms = access.core.now_ms + throttle_ms
        if until_ms <= self.muted_until_ms:
            return
        if self.muted_until_ms == 0:
            self.link.warn(
                "throttled",
                f"went above its quota: no request is taken for {throttle_ms} ms; let the client send and fetch less, or raise its "
                "quota (kafka-configs --alter)",
            )
        self.muted_until_ms = until_ms
        if self._unmute is None:
            self._unmute = Unmute(self)
        access.core.schedule(self._unmute, until_ms)

    def unmute(self) -> None:
        if self.lost:
            return
        access = self._access
        unmute = self._unmute
        if access is not None and unmute is not None and access.core.now_ms < self.muted_until_ms:
            # It was muted again, for longer, while this deadline ran.
            access.core.schedule(unmute, self.muted_until_ms)
            return
        self.muted_until_ms = 0
        self.link.again()
