"""One request and its answer.

A handler reads the request from `reader`, and answers once: with `send`, `send_parts` or `send_nothing`; at once, or later
(a long poll, a join), when it has left a `canceller`. Answers leave in the order of the requests: the conversation takes no
further request before this one is answered, and all answers go through one lane of the outbox.
Must not: know any request.
Spec: Kafka protocol guide, "Response Header v0", "v1".
"""

from abc import abstractmethod
from typing import Final

from librt.strings import BytesWriter, write_i32_be
from mypy_extensions import i64, mypyc_attr, u8

from onemq.heads.kafka.primitives import Reader
from onemq.heads.kafka.session import Session

LANE: Final = 0
_LENGTH_BYTES: Final = 4


@mypyc_attr(allow_interpreted_subclasses=True)
class Canceller:
    """What a handler that answers later leaves behind."""

    @abstractmethod
    def cancel(self) -> None:
        """The connection is gone or going: forget the request, nobody waits for its answer. Called at most once, and not
        after the answer."""


class Call:
    """See the module.

    Attributes:
        api_key, version, correlation_id, client_id: from the request's header ("" for no client id).
        reader: stands at the request's body. Valid only while the handler runs.
        session: the connection.
        canceller: set by a handler that answers later.
        answered: one of the send methods was called. failure: what `fail` was given.
    """

    __slots__ = (
        "_deferred",
        "_flexible",
        "answered",
        "api_key",
        "canceller",
        "client_id",
        "correlation_id",
        "failure",
        "reader",
        "session",
        "version",
    )

    def __init__(
        self,
        session: Session,
        api_key: int,
        version: int,
        correlation_id: int,
        client_id: str,
        reader: Reader,
        flexible: bool,
    ) -> None:
        """flexible: the answer's header is of version 1 (it has tagged fields)."""
        self.session = session
        self.api_key = api_key
        self.version = version
        self.correlation_id = correlation_id
        self.client_id = client_id
        self.reader = reader
        self.canceller: Canceller | None = None
        self.answered = False
        self.failure: Exception | None = None
        self._flexible = flexible
        self._deferred = False

    def writer(self) -> BytesWriter:
        """A fresh one, with room for the length and the answer's header in it."""
        writer = BytesWriter()
        write_i32_be(writer, 0)
        write_i32_be(writer, self.correlation_id)
        if self._flexible:
            writer.append(0)
        return writer

    def send(self, writer: BytesWriter, position: int = 0, throttle_ms: int = 0) -> None:
        """Completes the call: the answer leaves once `position` is durable and the answers before it have left. For
        `throttle_ms` no further request of this connection is taken."""
        _set_length(writer, len(writer) - _LENGTH_BYTES)
        self._complete(throttle_ms)
        if not self.session.lost:
            self.session.answer_bytes += len(writer)
            self.session.link.outbox.park(LANE, position, writer.getvalue())

    def send_parts(
        self, writer: BytesWriter, parts: list[bytes], position: int = 0, throttle_ms: int = 0
    ) -> None:
        """As `send`, of an answer that goes on after `writer` with `parts`: large ones are not copied together first."""
        length: i64 = len(writer) - _LENGTH_BYTES
        for part in parts:
            length += len(part)
        _set_length(writer, length)
        self._complete(throttle_ms)
        if self.session.lost:
            return
        self.session.answer_bytes += length
        outbox = self.session.link.outbox
        outbox.park(LANE, position, writer.getvalue())
        for part in parts:
            outbox.park(LANE, 0, part)

    def send_nothing(self, throttle_ms: int = 0) -> None:
        """Completes a call that has no answer (a produce with acks=0)."""
        self._complete(throttle_ms)

    def fail(self, error: Exception) -> None:
        """The answer could not be made, because of a bug of ours: the conversation raises `error` where the net handles it.
        For waiters that are called while the engine works: an exception there would count as the engine's."""
        self.failure = error
        self.canceller = None
        if self._deferred and not self.session.lost:
            self.session.link.again()

    def defer(self) -> None:
        """For the conversation: the handler has returned without an answer."""
        self._deferred = True

    def _complete(self, throttle_ms: i64) -> None:
        assert not self.answered, "a call was answered twice"
        self.answered = True
        self.canceller = None
        session = self.session
        if session.lost:
            return
        if throttle_ms > 0 and session.authenticated:
            session.mute(throttle_ms)
        if self._deferred:
            session.link.touch()
            session.link.again()


def _set_length(writer: BytesWriter, length: i64) -> None:
    writer[0] = u8((length >> 24) & 0xFF)
    writer[1] = u8((length >> 16) & 0xFF)
    writer[2] = u8((length >> 8) & 0xFF)
    writer[3] = u8(length & 0xFF)
