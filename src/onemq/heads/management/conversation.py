"""One connection of operators: HTTP requests to calls, one answer after the other.

A call that answers later holds the requests behind it back; one whose answer only has to become durable does not: its answer is
parked at its place.
Must not: authorise, limit, count, time out, or touch a socket.
Spec: docs/decisions/0010; RFC 9110 sections 9.3.2 (HEAD), 15.5.2 (401), 15.5.6 (405); RFC 9112 section 9.3.2 (order of answers).
"""

from collections.abc import Sequence
from typing import Final

from librt.strings import BytesWriter

from onemq.auth.gate import Gate
from onemq.heads.contract import Conversation, Link, Profile
from onemq.heads.management.area import Area
from onemq.heads.management.call import JSON, LANE, Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.pages import LaterPage, Page, PageRequest, Pages
from onemq.heads.management.query import parse_query, split_path
from onemq.heads.management.routes import has_tag
from onemq.heads.management.session import Session, is_foreign
from onemq.heads.management.settings import ManagementSettings
from onemq.model.refusal import Refusal, WireError
from onemq.wire.http import CONTINUE, HttpReceiver, HttpRequest, write_response
from onemq.wire.http_errors import HttpRefused

_NO_STORE: Final = b"Cache-Control: no-store\r\n"
_NOTHING: Final = Page(404, b"there is nothing here\n")


class ManagementConversation(Conversation):
    """One peer's state: what it has sent, and the request whose answer is awaited."""

    def __init__(
        self,
        link: Link,
        gate: Gate,
        settings: ManagementSettings,
        areas: dict[str, Area],
        pages: Sequence[Pages],
    ) -> None:
        super().__init__()
        self._link = link
        self._settings = settings
        self._areas = areas
        self._pages = pages
        self._session = Session(link, gate)
        self._http = HttpReceiver(settings.header_bytes_max, settings.request_bytes_max)
        self._waiting: Call | None = None
        self._later: _AwaitedPage | None = None
        self._satiated = False
        self._full = False
        self._holding = False
        self._over = False
        link.logged_in()
        link.set_idle(0, settings.idle_ms, b"")

    # Called by the net.

    def received(self, data: bytes) -> None:
        if not self._over:
            self._http.feed(data)
            self._serve()

    def resumed(self) -> None:
        if self._over:
            return
        waiting = self._waiting
        if waiting is not None and waiting.work is not None:
            work = waiting.work
            waiting.work = None
            waiting.guard(work)
        self._serve()

    def end_turn(self) -> None:
        if self._satiated and not self._link.outbox.lane_waits(LANE):
            self._satiated = False
            self._session.answer_bytes = 0
            self._link.again()

    def refused(self, error: Exception) -> None:
        if isinstance(error, HttpRefused):
            self._write(Page(error.status, f"{error}\n".encode()), False, False)
        elif isinstance(error, WireError):
            self._write(Page(400, b"bad request\n"), False, False)
        else:
            self._write(Page(500, b"internal error\n"), False, False)
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
        profile = Profile("HTTP", self._session.user)
        profile.operates = True
        return profile

    def blocked(self, reason: str) -> None:
        return

    def unblocked(self) -> None:
        return

    def pressed(self, full: bool) -> None:
        self._full = full
        if not full and not self._over:
            self._link.again()

    def lost(self) -> None:
        self._session.lost = True
        self._end()

    # Requests.

    def _serve(self) -> None:
        """Takes requests as long as nothing holds them back."""
        session = self._session
        http = self._http
        if not self._link.outbox.lane_waits(LANE):
            session.answer_bytes = 0
        while not self._held_back():
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
            waiting.release()
            self._waiting = None
            if not waiting.keep_alive:
                self._close()
        later = self._later
        if later is not None:
            if later.page.page is None:
                return True
            self._later = None
            self._write(later.page.page, later.keep_alive, later.head_only)
            if not later.keep_alive:
                self._close()
        return self._over or self._full or self._satiated

    def _hold_reading(self) -> None:
        hold = self._http.waiting_bytes > self._settings.buffered_bytes_max and self._held_back()
        if hold != self._holding and not self._over:
            self._holding = hold
            self._link.hold_reading(hold)

    def _request(self, request: HttpRequest) -> None:
        target, _, query = request.target.decode("latin-1").partition("?")
        page = self._page(request, target, query)
        if isinstance(page, LaterPage) and page.page is None:
            self._later = _AwaitedPage(page, request.keep_alive, request.method == b"HEAD")
            page.tell(self._page_is_there)
            return
        if isinstance(page, LaterPage):
            page = page.page
        if page is not None:
            self._write(page, request.keep_alive, request.method == b"HEAD")
        else:
            area = self._areas.get(target[1 : target.find("/", 1)] if target.count("/") > 1 else target[1:])
            if area is None:
                self._write(_NOTHING, request.keep_alive, request.method == b"HEAD")
            else:
                call = self._call(area, request, target, query)
                if call is not None and not call.answered:
                    self._waiting = call
                    call.defer()
                    if call.failure is not None:
                        raise call.failure
                    return
        if not request.keep_alive:
            self._close()

    def _page_is_there(self) -> None:
        self._link.touch()
        self._link.again()

    def _page(self, request: HttpRequest, target: str, query: str) -> Page | LaterPage | None:
        asked = PageRequest(
            target,
            query,
            request.headers.get(b"accept", b"").decode("latin-1"),
            request.headers.get(b"accept-encoding", b"").decode("latin-1"),
        )
        for pages in self._pages:
            page = pages(asked)
            if page is not None:
                if request.method != b"GET" and request.method != b"HEAD":
                    return Page(405, b"GET and HEAD are served here\n", fields=b"Allow: GET, HEAD\r\n")
                return page
        return None

    def _call(self, area: Area, request: HttpRequest, target: str, query: str) -> Call | None:
        """The call, when it got as far as its handler; otherwise the problem has been written."""
        try:
            match = area.routes.find(request.method.decode("ascii", "replace"), split_path(target))
            if match is None:
                raise area.unknown()
            if request.method == b"OPTIONS":
                self._write(Page(200, b"", "", _allow(match.methods)), request.keep_alive, False)
                return None
            if match.route is None:
                raise area.not_allowed(match.methods)
            if is_foreign(request):
                raise Problem(403, "access_denied", "pages of another origin may not change anything here")
            principal = self._session.login(request)
            if principal is None:
                raise area.login_needed()
            if not has_tag(principal, match.route.tag):
                text = f"it takes a user with the tag {match.route.tag}"
                self._session.tell_denied(request, principal, text)
                raise area.tag_missing(match.route.tag)
            call = Call(self._session, area, request, match.values, parse_query(query), principal)
        except Problem as problem:
            self._write_problem(area, problem, request)
            return None
        try:
            match.route.handler(call)
        except (Problem, Refusal) as error:
            call.fail(error)
        except BaseException:
            call.release()
            raise
        return call

    # Answers without a call.

    def _write_problem(self, area: Area, problem: Problem, request: HttpRequest) -> None:
        body = area.body(problem)
        page = Page(problem.status, body, JSON.decode("ascii") if body else "", problem.fields)
        self._write(page, request.keep_alive, request.method == b"HEAD")

    def _write(self, page: Page, keep_alive: bool, head_only: bool) -> None:
        writer = BytesWriter()
        content_type = page.content_type.encode("ascii")
        write_response(
            writer, page.status, content_type, page.body, keep_alive, _NO_STORE + page.fields, head_only
        )
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
        if self._later is not None:
            self._later.page.forget()
            self._later = None
        waiting = self._waiting
        self._waiting = None
        if waiting is not None:
            if not waiting.answered and waiting.canceller is not None:
                canceller = waiting.canceller
                waiting.canceller = None
                canceller.cancel()
            waiting.release()


class _AwaitedPage:
    """The request behind a page that is still being made."""

    __slots__ = ("head_only", "keep_alive", "page")

    def __init__(self, page: LaterPage, keep_alive: bool, head_only: bool) -> None:
        self.page = page
        self.keep_alive = keep_alive
        self.head_only = head_only


def _allow(methods: list[str]) -> bytes:
    return b"Allow: " + ", ".join([*methods, "OPTIONS"]).encode("ascii") + b"\r\n"
