"""One request to a route, and its answer.

A handler reads `values`, `query` and the body, works on an `access`, and answers once: at once, or later (records that must be
loaded, a long poll) when it has left a `canceller`; by raising Problem or Refusal, too. Answers leave in the order of the requests.
Must not: know any route.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from librt.strings import BytesWriter

from onemq.engine.access import Access
from onemq.heads.advice import refusal_line
from onemq.heads.management.area import Area
from onemq.heads.management.encoding import json_octets
from onemq.heads.management.errors import Problem
from onemq.heads.management.json_body import BadJson, decoded
from onemq.heads.management.query import Query
from onemq.heads.management.session import Session
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal
from onemq.wire.http import HttpRequest, write_response

LANE: Final = 0
PROTOCOL: Final = "http"
"""Under which what is done here counts."""
JSON: Final = b"application/json"
_NO_STORE: Final = b"Cache-Control: no-cache\r\n"
_T = TypeVar("_T")


class Canceller:
    """What a handler that answers later leaves behind. One of the two is called at most once, and not after the answer."""

    @abstractmethod
    def cancel(self) -> None:
        """The connection is gone: forget the request, nobody waits for its answer."""

    def hurry(self) -> None:
        """The broker is stopping: answer now, with what there is."""
        self.cancel()


class Call:
    """See the module.

    Attributes:
        session: the connection. area: whose route it is.
        request: as it came. method: its method. values: of the names in the route's template. query: its parameters.
        principal: who sent it.
        canceller: set by a handler that answers later.
        answered: one of the answers was given. failure: what `crash` was given.
        keep_alive: the connection takes further requests.
        work: what is to be done in the next turn for an answer that comes later (`soon`).
    """

    def __init__(
        self,
        session: Session,
        area: Area,
        request: HttpRequest,
        values: dict[str, str],
        query: Query,
        principal: Principal,
    ) -> None:
        self.session = session
        self.area = area
        self.request = request
        self.method = request.method.decode("ascii", "replace")
        self.values = values
        self.query = query
        self.principal = principal
        self.canceller: Canceller | None = None
        self.answered = False
        self.failure: Exception | None = None
        self.keep_alive = request.keep_alive
        self.work: Callable[[], None] | None = None
        self._accesses: dict[str, Access] = {}
        self._deferred = False

    # Who asks, and what for.

    def access(self, namespace: str) -> Access:
        """The principal's way into a namespace, until the answer. Refusal NAMESPACE_DENIED."""
        found = self._accesses.get(namespace)
        if found is None:
            peer = self.session.link.peer
            found = self.session.gate.enter(self.principal, namespace, peer, PROTOCOL, logs_in=False)
            found.authority.host = peer.host
            self._accesses[namespace] = found
        return found

    def watch(self, namespace: str) -> Access:
        """As `access`; who may monitor gets in everywhere, to look. Refusal NAMESPACE_DENIED."""
        found = self._accesses.get(namespace)
        if found is None:
            found = self.session.gate.enter_watching(self.principal, namespace, self.session.link.peer)
            self._accesses[namespace] = found
        return found

    def anywhere(self) -> Access:
        """A way in for what belongs to no namespace (the directory). It may lead to nothing else."""
        for found in self._accesses.values():
            return found
        gate = self.session.gate
        name = gate.all_namespaces()[0]
        found = gate.enter_ruled(self.principal, name, self.session.link.peer, PROTOCOL)
        self._accesses["\0"] = found
        return found

    def namespaces(self) -> list[str]:
        """Those that the principal may look into, in order of their names."""
        return self.session.gate.namespaces_of(self.principal)

    def now_ms(self) -> int:
        """Time of this turn, ms since the epoch."""
        return self.session.gate.now_ms()

    def header(self, name: str) -> str:
        """A header field's value, "" without. name: in lower case."""
        return self.request.headers.get(name.encode("ascii"), b"").decode("utf-8", "replace")

    def json(self, default: Any = None) -> Any:
        """The body as plain values; `default` when there is none. Raises Problem."""
        if not self.request.body:
            return default
        try:
            return decoded(self.request.body)
        except BadJson as error:
            raise Problem(400, "bad_request", f"the body is not JSON: {error}") from None

    def body(self, kind: type[_T]) -> _T:
        """The body as a msgspec struct; an empty one counts as {}. Raises Problem, which names the member."""
        try:
            # Members may take any value: those have to be fit to be kept as well.
            decoded(self.request.body or b"{}")
            return msgspec.json.decode(self.request.body or b"{}", type=kind)
        except (msgspec.DecodeError, BadJson) as error:
            raise Problem(400, "bad_request", str(error)) from None

    # The answer.

    def answer(self, value: object, status: int = 200, fields: bytes = b"") -> None:
        """Completes the call with JSON: a struct, or plain values."""
        self.send(status, json_octets(value), JSON, fields)

    def empty(self, status: int = 204, fields: bytes = b"") -> None:
        """Completes the call without a body."""
        self.send(status, b"", b"", fields)

    def send(self, status: int, body: bytes, content_type: bytes, fields: bytes = b"") -> None:
        """Completes the call. The answer leaves once everything that was done for it is durable and the answers before it have left."""
        assert not self.answered, "a call was answered twice"
        self.answered = True
        self.canceller = None
        self.work = None
        position = 0
        for access in self._accesses.values():
            if self.method != "GET" and self.method != "HEAD":
                position = access.position()
        if not self._deferred:
            # Otherwise the engine may be at work, and the conversation does it when it goes on.
            self.release()
        session = self.session
        if session.lost:
            return
        writer = BytesWriter()
        write_response(
            writer,
            status,
            content_type,
            body,
            self.keep_alive,
            _NO_STORE + fields,
            head_only=self.method == "HEAD",
        )
        session.answer_bytes += len(writer)
        session.link.outbox.park(LANE, position, writer.getvalue())
        if self._deferred:
            session.link.touch()
            session.link.again()

    def fail(self, error: Problem | Refusal) -> None:
        """Completes the call with a problem."""
        problem = self.area.problem(error, self) if isinstance(error, Refusal) else error
        if isinstance(error, Refusal) and error.reason == Reason.ACCESS_DENIED:
            text = f"{self.method} {self.request.target.decode('latin-1')}: {problem.text}"
            reason, line, entity = refusal_line(error, text)
            self.session.link.warn(reason, line, entity)
        elif problem.status in (401, 403):
            # The engine has not heard of it.
            self.session.tell_denied(self.request, self.principal, problem.text)
        body = self.area.body(problem)
        self.send(problem.status, body, JSON if body else b"", problem.fields)

    def soon(self, work: Callable[[], None]) -> None:
        """Goes on with an answer that comes later, outside of the engine's dispatch. For waiters, which must not call the engine."""
        self.work = work
        if self._deferred and not self.session.lost:
            self.session.link.again()

    def guard(self, work: Callable[[], None]) -> None:
        """Runs a part of a handler that answers later: its problems are answered, its bugs end the connection, not the engine.
        Not from within the engine."""
        if self.answered:
            return
        try:
            work()
        except (Problem, Refusal) as error:
            if not self.answered:
                self.fail(error)
        except Exception as error:
            self.crash(error)

    def crash(self, error: Exception) -> None:
        """The answer could not be made, because of a bug of ours: the conversation raises `error` where the net handles it."""
        self.failure = error
        self.canceller = None
        if self._deferred and not self.session.lost:
            self.session.link.again()

    # For the conversation.

    def defer(self) -> None:
        """The handler has returned without an answer."""
        assert self.canceller is not None or self.failure is not None, (
            "no answer, and nothing that could be cancelled"
        )
        self._deferred = True
        if self.work is not None:
            self.session.link.again()

    def release(self) -> None:
        """Gives back what the call holds in the engine."""
        for access in self._accesses.values():
            access.close()
        self._accesses = {}
