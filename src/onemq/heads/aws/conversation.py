"""One connection of AWS clients: HTTP requests to calls, one answer after the other.

A call that answers later (a long poll) holds the requests behind it back; one whose answer only has to become durable does not:
its answer is parked at its place.
Must not: authorise, limit, count, time out, or touch a socket.
Spec: docs/decisions/0009; RFC 9112 section 9.3.2 (answers keep the order of pipelined requests).
"""

from typing import Final

from librt.strings import BytesWriter

from onemq.auth.gate import Gate
from onemq.heads.advice import refusal_line
from onemq.heads.aws.call import LANE, Call
from onemq.heads.aws.errors import AwsError, internal_failure
from onemq.heads.aws.identifiers import Identifiers
from onemq.heads.aws.pages import Pages
from onemq.heads.aws.protocol import Protocol
from onemq.heads.aws.routing import Router
from onemq.heads.aws.session import Session
from onemq.heads.aws.settings import AwsSettings
from onemq.heads.aws.urls import clean_host
from onemq.heads.contract import Conversation, HeldUp, Link, Profile
from onemq.model.refusal import Reason, Refusal, WireError
from onemq.wire.http import CONTINUE, HttpReceiver, HttpRequest, write_response
from onemq.wire.http_errors import HttpRefused

PLAIN_TEXT: Final = b"text/plain; charset=utf-8"
ROOT: Final = b"/"


class AwsConversation(Conversation):
    """One peer's state: what it has sent, and the request whose answer is awaited."""

    def __init__(
        self,
        link: Link,
        gate: Gate,
        settings: AwsSettings,
        router: Router,
        pages: Pages,
        identifiers: Identifiers,
    ) -> None:
        super().__init__()
        self._link = link
        self._settings = settings
        self._gate = gate
        self._router = router
        self._pages = pages
        self._identifiers = identifiers
        self._session = Session(link, gate, settings)
        self._http = HttpReceiver(settings.header_bytes_max, settings.request_bytes_max)
        self._waiting: Call | None = None
        self._protocol: Protocol | None = None
        self._host_field = b""
        self._host_text = ""
        self._satiated = False
        self._full = False
        self._holding = False
        self._over = False
        # A request that publishes, during an alarm.
        self._kept: HttpRequest | None = None
        link.logged_in()
        link.set_idle(0, settings.idle_ms, b"")

    # Called by the net.

    def received(self, data: bytes) -> None:
        if not self._over:
            self._http.feed(data)
            self._serve()

    def resumed(self) -> None:
        if not self._over:
            self._serve()

    def end_turn(self) -> None:
        if self._satiated and not self._link.outbox.lane_waits(LANE):
            self._satiated = False
            self._session.answer_bytes = 0
            self._link.again()

    def refused(self, error: Exception) -> None:
        if isinstance(error, HttpRefused):
            self._write_plain(error.status, str(error))
        elif isinstance(error, WireError):
            self._write_plain(400, "bad request")
        else:
            self._write_error(internal_failure())
        self._end()

    def drain(self, reason: str) -> None:
        waiting = self._waiting
        if waiting is not None and not waiting.answered and waiting.canceller is not None:
            canceller = waiting.canceller
            waiting.canceller = None
            canceller.hurry()
        self._over = True
        self._http.close()

    def profile(self) -> Profile:
        session = self._session
        profile = Profile("AWS", session.user(), self._settings.namespace)
        if session.user_agent:
            profile.client_properties = {"user_agent": session.user_agent.decode("latin-1")}
        return profile

    def blocked(self, reason: str) -> None:
        # HTTP has no word for it: the net does not read from this peer, its requests wait.
        self._session.blocked = True

    def unblocked(self) -> None:
        self._session.blocked = False
        if self._kept is not None and not self._over:
            self._link.again()

    def pressed(self, full: bool) -> None:
        self._full = full
        if not full and not self._over:
            self._link.again()

    def lost(self) -> None:
        self._session.lost = True
        self._end()
        self._session.leave()

    # Requests.

    def _serve(self) -> None:
        """Takes requests as long as nothing holds them back."""
        session = self._session
        http = self._http
        if not self._link.outbox.lane_waits(LANE):
            session.answer_bytes = 0
        while not self._held_back():
            request = self._kept
            self._kept = None
            if request is None:
                request = http.next()
            if request is None:
                if http.wants_continue():
                    self._link.outbox.park(LANE, 0, CONTINUE)
                break
            self._request(request)
            if session.answer_bytes > self._settings.answer_bytes_max:
                self._satiated = True
        self._hold_reading()

    def _held_back(self) -> bool:
        waiting = self._waiting
        if waiting is not None:
            if not waiting.answered:
                if waiting.failure is not None:
                    raise waiting.failure
                return True
            self._waiting = None
            if not waiting.keep_alive:
                self._close()
        if self._kept is not None and self._session.blocked:
            return True
        return self._over or self._full or self._satiated

    def _hold_reading(self) -> None:
        hold = self._http.waiting_bytes > self._settings.buffered_bytes_max and self._held_back()
        if hold != self._holding and not self._over:
            self._holding = hold
            self._link.hold_reading(hold)

    def _request(self, request: HttpRequest) -> None:
        self._session.user_agent = request.headers.get(b"user-agent", b"")
        self._session.trace = request.headers.get(b"x-amzn-trace-id", b"")
        target = request.target
        mark = -1 if target == ROOT else target.find(b"?")
        path = target if mark < 0 else target[:mark]
        query = b"" if mark < 0 else target[mark + 1 :]
        region, service_name = self._session.scope(request, query)
        self._protocol = None
        try:
            if self._page(request, path, query):
                return
            routed = self._router.route(request, query, service_name)
            self._protocol = routed.protocol
            if routed.operation.unsigned and b"authorization" not in request.headers:
                access = self._session.enter_unsigned()
            else:
                access = self._session.enter(request, path, query)
            call = Call(
                self._session,
                access,
                routed.service.name,
                routed.operation.shape,
                routed.protocol,
                routed.parameters(request.body),
                region,
                self._host(request),
                path.decode("latin-1"),
                self._identifiers,
                self._identifiers.next(),
                request.keep_alive,
            )
        except AwsError as error:
            if self._protocol is None:
                self._protocol = self._router.protocol(request, service_name)
            self._write_error(error, request.keep_alive)
            if not request.keep_alive:
                self._close()
            return
        try:
            routed.operation.handler(call)
        except HeldUp:
            self._kept = request
            return
        except AwsError as error:
            call.fail(error)
        except Refusal as refusal:
            refused = routed.service.refused(call, refusal)
            if refusal.reason == Reason.ACCESS_DENIED:
                reason, line, entity = refusal_line(refusal, f"{call.operation}: {refused.text}")
                self._link.warn(reason, line, entity)
            call.fail(refused)
        if not call.answered:
            call.defer()
            self._waiting = call
            if call.failure is not None:
                raise call.failure
        elif not request.keep_alive:
            self._close()

    def _page(self, request: HttpRequest, path: bytes, query: bytes) -> bool:
        """True when the path is a page's, which has been written."""
        if request.method != b"GET" and request.method != b"HEAD":
            return False
        page = self._pages.find(path, query)
        if page is None:
            return False
        writer = BytesWriter()
        write_response(
            writer,
            200,
            page.content_type,
            page.body,
            request.keep_alive,
            head_only=request.method == b"HEAD",
        )
        self._park(writer)
        if not request.keep_alive:
            self._close()
        return True

    def _host(self, request: HttpRequest) -> str:
        """As the client reached us; what it says is looked at once while it says the same."""
        field = request.headers.get(b"host", b"")
        if field != self._host_field or not self._host_text:
            self._host_field = field
            self._host_text = clean_host(field.decode("latin-1"))
            if not self._host_text:
                peer = self._link.peer
                self._host_text = f"{peer.local_host}:{peer.local_port}"
        return self._host_text

    # Answers without a call.

    def _write_error(self, error: AwsError, keep_alive: bool = False) -> None:
        protocol = self._protocol
        if protocol is None:
            self._write_plain(error.status, error.text)
            return
        request_id = self._identifiers.next()
        body = protocol.error(error, request_id)
        fields = f"x-amzn-RequestId: {request_id}\r\n".encode("ascii") + protocol.error_fields(error)
        writer = BytesWriter()
        write_response(writer, error.status, protocol.content_type, body, keep_alive, fields)
        self._park(writer)

    def _write_plain(self, status: int, text: str) -> None:
        writer = BytesWriter()
        write_response(writer, status, PLAIN_TEXT, f"{text}\n".encode(), keep_alive=False)
        self._park(writer)

    def _park(self, writer: BytesWriter) -> None:
        self._session.answer_bytes += len(writer)
        self._link.outbox.park(LANE, 0, writer.getvalue())

    # Ends.

    def _close(self) -> None:
        """The last answer is on its way."""
        self._over = True
        self._http.close()
        self._link.close()

    def _end(self) -> None:
        """Takes no more requests; nobody will hear the answer that is awaited."""
        self._over = True
        self._http.close()
        waiting = self._waiting
        self._waiting = None
        if waiting is not None and not waiting.answered and waiting.canceller is not None:
            waiting.canceller.cancel()
