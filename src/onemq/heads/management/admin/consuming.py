"""Taking records from a queue by leases with a time, and settling them by handle."""

from collections.abc import Sequence
from typing import Final

from onemq.engine.access import Access
from onemq.engine.peek import Peek, Peeked, PeekWaiter
from onemq.engine.receiving import QUEUES_VISIBILITY, LeaseHandle, Receive, Received, ReceiveWaiter
from onemq.heads.management.admin.message_shapes import Consume, Consumed, Settle, Settled
from onemq.heads.management.admin.messages import read_handle, received_message
from onemq.heads.management.admin.service import acting, within
from onemq.heads.management.call import Call, Canceller
from onemq.heads.management.routes import Route
from onemq.model.refusal import Reason, Refusal

COUNT_MAX: Final = 1000
WAIT_MS_MAX: Final = 60_000
VISIBILITY_MS_MAX: Final = 12 * 3600 * 1000
HANDLES_MAX: Final = 10_000


class Consuming:
    """See the module."""

    def routes(self) -> list[Route]:
        return [
            Route(
                "POST",
                "/v1/consume/{namespace}/{queue}",
                self.consume,
                summary="Leases ready records",
                request=Consume,
                response=Consumed,
            ),
            Route(
                "POST",
                "/v1/settle/{namespace}/{queue}",
                self.settle,
                summary="Settles leased records",
                request=Settle,
                response=Settled,
            ),
        ]

    def consume(self, call: Call) -> None:
        wanted = call.body(Consume)
        within("count", wanted.count, 1, COUNT_MAX)
        within("wait_ms", wanted.wait_ms, 0, WAIT_MS_MAX)
        visibility_ms = QUEUES_VISIBILITY
        if wanted.visibility_ms is not None:
            visibility_ms = within("visibility_ms", wanted.visibility_ms, 0, VISIBILITY_MS_MAX)
        receiving = _Receiving(call, acting(call), wanted.acknowledge)
        receiving.begin(Receive(wanted.count, visibility_ms, wanted.wait_ms))

    def settle(self, call: Call) -> None:
        wanted = call.body(Settle)
        within("handles", len(wanted.handles), 1, HANDLES_MAX)
        within("delay_ms", wanted.delay_ms, 0, VISIBILITY_MS_MAX)
        handles = [read_handle(text) for text in wanted.handles]
        access = acting(call)
        queue = call.values["queue"]
        if wanted.action == "reject":
            _Rejecting(call, access, queue, handles, wanted.handles).begin()
            return
        lost = [
            text
            for text, handle in zip(wanted.handles, handles, strict=True)
            if not _settled(access, queue, handle, wanted)
        ]
        call.answer(Settled(settled=len(handles) - len(lost), lost=lost))


def _settled(access: Access, queue: str, handle: LeaseHandle, wanted: Settle) -> bool:
    if wanted.action == "ack":
        return access.leases.settle(queue, handle)
    try:
        access.leases.change(queue, handle, wanted.delay_ms)
    except Refusal as refusal:
        if refusal.reason != Reason.UNKNOWN_DELIVERY:
            raise
        return False
    return True


class _Receiving(ReceiveWaiter, Canceller):
    def __init__(self, call: Call, access: Access, acknowledge: bool) -> None:
        super().__init__()
        self._call = call
        self._access = access
        self._acknowledge = acknowledge
        self._queue = call.values["queue"]
        self._asking = False
        self._found: list[Received] | None = None

    def begin(self, wanted: Receive) -> None:
        self._asking = True
        self._access.leases.receive(self._queue, wanted, self)
        self._asking = False
        if self._found is None:
            self._call.canceller = self
        else:
            self._finish()

    def received(self, found: list[Received]) -> None:
        self._found = found
        if not self._asking:
            self._call.soon(self._finish)

    def cancel(self) -> None:
        self._call.work = None
        if self._found is None:
            self._access.leases.forget(self._queue, self)

    def hurry(self) -> None:
        self.cancel()
        self._found = self._found or []
        self._finish()

    def _finish(self) -> None:
        found = self._found
        assert found is not None, "nothing was received yet"
        messages = [received_message(self._access, each) for each in found]
        if self._acknowledge:
            for each in found:
                self._access.leases.settle(self._queue, each.handle)
            for message in messages:
                message.handle = None
        self._call.answer(Consumed(queue=self._queue, messages=messages))


class _Rejecting(PeekWaiter, Canceller):
    """Looks at one record after the other, and has it die."""

    def __init__(
        self, call: Call, access: Access, queue: str, handles: Sequence[LeaseHandle], texts: Sequence[str]
    ) -> None:
        super().__init__()
        self._call = call
        self._access = access
        self._queue = queue
        self._handles = handles
        self._texts = texts
        self._at = 0
        self._lost: list[str] = []
        self._asking = False
        self._peek: Peek | None = None
        self._found: list[Peeked] | None = None

    def begin(self) -> None:
        if not self._go_on():
            self._call.canceller = self

    def peeked(self, found: list[Peeked], more: bool) -> None:
        self._found = found
        if not self._asking:
            self._call.soon(self._resumed)

    def cancel(self) -> None:
        self._call.work = None
        if self._peek is not None:
            self._peek.cancel()

    def _resumed(self) -> None:
        self._reject()
        self._go_on()

    def _go_on(self) -> bool:
        while self._at < len(self._handles):
            self._asking = True
            self._peek = self._access.leases.look(self._queue, self._handles[self._at], self)
            self._asking = False
            if self._found is None:
                return False
            self._reject()
        self._call.answer(Settled(settled=len(self._handles) - len(self._lost), lost=self._lost))
        return True

    def _reject(self) -> None:
        found, self._found = self._found, None
        handle = self._handles[self._at]
        if not found or not self._access.leases.reject(self._queue, handle, found[0].record):
            self._lost.append(self._texts[self._at])
        self._at += 1
