"""One request and its answer.

A handler reads `parameters`, and answers once: with `done`, or by raising AwsError or Refusal, or later with `fail`; at once, or
later (a long poll), when it has left a `canceller`. Answers leave in the order of the requests: the conversation takes no
further request before this one is answered, and all answers go through one lane of the outbox.
Must not: know any operation.
"""

from abc import abstractmethod
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import mypyc_attr

from onemq.engine.access import Access
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.identifiers import Identifiers
from onemq.heads.aws.protocol import Protocol
from onemq.heads.aws.session import Session
from onemq.heads.aws.shapes import OperationShape
from onemq.wire.http import write_response

LANE: Final = 0


@mypyc_attr(allow_interpreted_subclasses=True)
class Canceller:
    """What a handler that answers later leaves behind. One of the two is called at most once, and not after the answer."""

    @abstractmethod
    def cancel(self) -> None:
        """The connection is gone: forget the request, nobody waits for its answer."""

    @abstractmethod
    def hurry(self) -> None:
        """The broker is stopping: answer now, with what there is."""


class Call:
    """See the module.

    Attributes:
        session: the connection. access: the way into the engine of whoever sent this request.
        service: "sqs", "sns". operation: its name. parameters: as JSON would have them, whichever protocol brought them.
        now_ms: time of the request. region: of its credential scope. host: as the client reached us, with the port.
        path: of the request's target, as it was sent (a queue's URL may stand there).
        request_id: of the answer. identifiers: where ids of messages come from.
        canceller: set by a handler that answers later.
        answered: `done` or `fail` was called. failure: what `crash` was given.
        keep_alive: the connection takes further requests.
    """

    __slots__ = (
        "_deferred",
        "_protocol",
        "_shape",
        "access",
        "answered",
        "canceller",
        "failure",
        "host",
        "identifiers",
        "keep_alive",
        "now_ms",
        "operation",
        "parameters",
        "path",
        "region",
        "request_id",
        "service",
        "session",
    )

    def __init__(
        self,
        session: Session,
        access: Access,
        service: str,
        shape: OperationShape,
        protocol: Protocol,
        parameters: dict[str, object],
        region: str,
        host: str,
        path: str,
        identifiers: Identifiers,
        request_id: str,
        keep_alive: bool,
    ) -> None:
        self.session = session
        self.access = access
        self.service = service
        self.operation = shape.name
        self.parameters = parameters
        self.now_ms = access.now_ms()
        self.region = region
        self.host = host
        self.path = path
        self.identifiers = identifiers
        self.request_id = request_id
        self.keep_alive = keep_alive
        self.canceller: Canceller | None = None
        self.answered = False
        self.failure: Exception | None = None
        self._shape = shape
        self._protocol = protocol
        self._deferred = False

    @property
    def scheme(self) -> str:
        return self.session.scheme

    def done(self, result: dict[str, object], position: int = 0) -> None:
        """Completes the call: the answer leaves once `position` is durable and the answers before it have left.
        Members whose value is None are left out by the Query protocol only: do not put them in."""
        body = self._protocol.result(self._shape, result, self.request_id)
        self._answer(200, body, b"", position)

    @property
    def writes_json(self) -> bool:
        """Its result may be given as JSON, too (`done_in_json`)."""
        return self._protocol.writes_json

    def done_in_json(self, result: bytes, position: int) -> None:
        """As `done`, for what is asked for so often that a dictionary of it would cost too much. Only where `writes_json`."""
        self._answer(200, result, b"", position)

    def fail(self, error: AwsError) -> None:
        """Completes the call with an error."""
        protocol = self._protocol
        body = protocol.error(error, self.request_id)
        self._answer(error.status, body, protocol.error_fields(error), 0)

    def crash(self, error: Exception) -> None:
        """The answer could not be made, because of a bug of ours: the conversation raises `error` where the net handles it.
        For waiters that are called while the engine works: an exception there would count as the engine's."""
        self.failure = error
        self.canceller = None
        if self._deferred and not self.session.lost:
            self.session.link.again()

    def defer(self) -> None:
        """For the conversation: the handler has returned without an answer."""
        self._deferred = True

    def _answer(self, status: int, body: bytes, fields: bytes, position: int) -> None:
        assert not self.answered, "a call was answered twice"
        self.answered = True
        self.canceller = None
        session = self.session
        if session.lost:
            return
        writer = BytesWriter()
        fields = b"".join((b"x-amzn-RequestId: ", self.request_id.encode("ascii"), b"\r\n", fields))
        write_response(writer, status, self._protocol.content_type, body, self.keep_alive, fields)
        session.answer_bytes += len(writer)
        session.link.outbox.park(LANE, position, writer.getvalue())
        if self._deferred:
            session.link.touch()
            session.link.again()
