"""One Kafka connection: frames to requests, requests to commands, one answer after the other.

Kafka answers the requests of a connection in their order. So a command that answers later (a long poll, a join) holds the
requests behind it back; one whose answer only has to become durable (a produce) does not: its answer is parked at its place.
Must not: authorise, limit, count, time out, or touch a socket.
Spec: Kafka protocol guide, "Protocol Requests and Responses", "SASL"; KIP-43, KIP-152, KIP-511.
"""

from typing import Final

from mypy_extensions import i64

from onemq.auth.gate import Gate
from onemq.heads.contract import Conversation, HeldUp, Link, Profile, Worker
from onemq.heads.kafka.api import API_VERSIONS, APIS
from onemq.heads.kafka.call import LANE, Call
from onemq.heads.kafka.codec import REQUEST_BYTES_MIN, Codec
from onemq.heads.kafka.commands.api_versions import answer_unknown_version
from onemq.heads.kafka.commands.authentication import LOGIN_KEYS, SASL_AUTHENTICATE, answer_raw
from onemq.heads.kafka.commands.table import handler_of, is_offered
from onemq.heads.kafka.primitives import Reader
from onemq.heads.kafka.session import Session
from onemq.heads.kafka.settings import KafkaSettings
from onemq.model.refusal import Refusal, WireError

ANSWER_BYTES_MAX: Final = 1024 * 1024
"""Answers that may wait to be sent before the next request is taken: small requests can have large answers."""


class KafkaConversation(Conversation):
    """One peer's state: who it is, and the request whose answer is awaited."""

    def __init__(self, link: Link, gate: Gate, settings: KafkaSettings, worker: Worker) -> None:
        super().__init__()
        self._link = link
        self._settings = settings
        self._session = Session(link, gate, settings, worker)
        self._codec = Codec(settings.request_bytes_max)
        self._waiting: Call | None = None
        self._satiated = False
        self._leaving = False
        self._full = False
        self._holding = False
        self._over = False
        # A request that publishes, during an alarm.
        self._kept = b""
        link.set_idle(0, settings.idle_ms, b"")
        if not settings.sasl_required:
            self._enter_anonymously(gate)
        if not self._session.authenticated:
            self._codec.request_bytes_max = settings.login_request_bytes_max

    # Called by the net.

    def received(self, data: bytes) -> None:
        if not self._over:
            self._codec.feed(data)
            self._serve()

    def resumed(self) -> None:
        if not self._over:
            self._serve()

    def end_turn(self) -> None:
        if self._satiated and not self._link.outbox.lane_waits(LANE):
            self._satiated = False
            self._session.answer_bytes = 0
            self._link.again()
        if self._session.held_bytes and not self._leaving:
            # Written at the end of this turn; in the next one it shows whether the peer takes it.
            self._leaving = True
            self._link.again()

    def refused(self, error: Exception) -> None:
        # Kafka has no word for it: the connection closes.
        self._end()

    def drain(self, reason: str) -> None:
        self._end()

    def profile(self) -> Profile:
        session = self._session
        profile = Profile("Kafka", session.user(), self._settings.namespace, session.client_id)
        if not session.authenticated:
            profile.state = "starting"
        if session.client_software:
            profile.client_properties = {"product": session.client_software}
        return profile

    def blocked(self, reason: str) -> None:
        # Kafka has no word for it: the net does not read from this peer, its producer waits.
        self._session.blocked = True

    def unblocked(self) -> None:
        self._session.blocked = False
        if self._kept and not self._over:
            self._link.again()

    def pressed(self, full: bool) -> None:
        self._full = full
        if not full and not self._over:
            self._link.again()

    def lost(self) -> None:
        self._session.lost = True
        self._session.release()
        self._end()
        self._session.leave()

    # Requests.

    def _serve(self) -> None:
        """Takes requests as long as nothing holds them back."""
        session = self._session
        codec = self._codec
        if self._leaving and not self._full:
            self._leaving = False
            session.release()
        if not self._link.outbox.lane_waits(LANE):
            session.answer_bytes = 0
        while not self._held_back():
            if self._kept:
                kept = self._kept
                self._kept = b""
                self._request(kept, 0, len(kept))
            elif not codec.next(0 if session.raw_login else REQUEST_BYTES_MIN):
                break
            elif session.raw_login:
                self._token(codec.data[codec.start : codec.end])
            else:
                self._request(codec.data, codec.start, codec.end)
            if session.answer_bytes > ANSWER_BYTES_MAX:
                self._satiated = True
        self._hold_reading()

    def _held_back(self) -> bool:
        waiting = self._waiting
        if waiting is not None:
            if not waiting.answered:
                _raise_failure(waiting)
                return True
            self._waiting = None
        session = self._session
        if self._kept and session.blocked:
            return True
        return self._over or self._full or self._satiated or session.muted_until_ms != 0

    def _hold_reading(self) -> None:
        hold = self._codec.buffered_bytes() > self._settings.buffered_bytes_max and self._held_back()
        if hold != self._holding and not self._over:
            self._holding = hold
            self._link.hold_reading(hold)

    def _token(self, token: bytes) -> None:
        call = Call(self._session, SASL_AUTHENTICATE, 0, 0, "", Reader(token, 0, len(token)), False)
        answer_raw(call, token)
        if not call.answered:
            call.defer()
            self._waiting = call
            _raise_failure(call)
        if self._session.authenticated:
            self._codec.request_bytes_max = self._settings.request_bytes_max

    def _request(self, data: bytes, start: i64, end: i64) -> None:
        session = self._session
        reader = Reader(data, start, end)
        api_key = reader.int16()
        version = reader.int16()
        correlation_id = reader.int32()
        if not session.authenticated and api_key not in LOGIN_KEYS:
            raise WireError(
                f"request {api_key} before authentication: set security.protocol=SASL_PLAINTEXT (or SASL_SSL), "
                "sasl.mechanism and sasl.jaas.config (user and password) in the client"
            )
        api = APIS.get(api_key)
        if api is None or not is_offered(api_key):
            raise WireError(f"request of kind {api_key} (version {version}), which is not served")
        if not api.serves(version):
            if api_key == API_VERSIONS:
                call = Call(session, api_key, 0, correlation_id, "", reader, False)
                answer_unknown_version(call)
                return
            raise WireError(
                f"{api.name} of version {version}, served are {api.served_first} to {api.served_last}: "
                "the client did not ask with ApiVersions, or is too old or too new"
            )
        client_id = reader.nullable_string(False)
        if api.is_flexible(version):
            reader.skip_tagged_fields()
        session.client_id = "" if client_id is None else client_id
        call = Call(
            session,
            api_key,
            version,
            correlation_id,
            session.client_id,
            reader,
            api.response_header_has_tags(version),
        )
        authenticated = session.authenticated
        try:
            handler_of(api_key)(call)
        except HeldUp:
            self._kept = data[start:end]
            return
        session.tell_denied(api.name)
        if not call.answered:
            call.defer()
            self._waiting = call
            _raise_failure(call)
        if not authenticated and session.authenticated:
            self._codec.request_bytes_max = self._settings.request_bytes_max

    # Ends.

    def _enter_anonymously(self, gate: Gate) -> None:
        try:
            self._session.enter(gate.anonymous(self._link.peer))
        except Refusal:
            # It has to authenticate then; the first request that it sends without says so.
            return

    def _end(self) -> None:
        """Takes no more requests; nobody will hear the answer that is awaited."""
        self._over = True
        self._codec.clear()
        waiting = self._waiting
        self._waiting = None
        if waiting is not None and not waiting.answered and waiting.canceller is not None:
            waiting.canceller.cancel()


def _raise_failure(call: Call) -> None:
    if call.failure is not None:
        raise call.failure
