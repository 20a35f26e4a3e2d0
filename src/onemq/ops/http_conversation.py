"""One HTTP/1.1 connection of operations: h11 (sans-IO) reads the requests, health.py answers them.

Bodies of requests are read and ignored. RFC 9112.
"""

import h11

from onemq.heads.contract import Conversation, Link
from onemq.model.refusal import WireError
from onemq.ops.health import Answer, Health

IDLE_MS = 60_000


class HttpConversation(Conversation):
    """From the first request to the close."""

    def __init__(self, link: Link, health: Health) -> None:
        self._link = link
        self._health = health
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=16_384)
        link.logged_in()
        link.set_idle(0, IDLE_MS, b"")

    def received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._serve()

    def _serve(self) -> None:
        request: h11.Request | None = None
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise WireError(str(error)) from error
            if isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.EndOfMessage):
                if request is None or not self._answer(request):
                    return
                request = None
            elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                # A request whose body is still on its way: answered now, and the connection closes after it.
                if request is not None:
                    self._answer(request)
                    self._link.close()
                return

    def _answer(self, request: h11.Request) -> bool:
        """True when the connection goes on with another request."""
        path = request.target.decode("ascii", "replace").partition("?")[0]
        answer = self._health.answer(request.method.decode("ascii", "replace"), path)
        self._write(answer)
        if self._http.our_state is not h11.DONE:
            self._link.close()
            return False
        if self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def _write(self, answer: Answer) -> None:
        body = answer.body.encode("utf-8")
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ]
        response = h11.Response(status_code=answer.status, headers=headers)
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self._link.outbox.writer.write(self._http.send(event) or b"")

    def end_turn(self) -> None:
        pass

    def refused(self, error: Exception) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            status = 400 if isinstance(error, WireError) else 500
            self._write(Answer(status, "bad request\n" if status == 400 else "internal error\n"))

    def drain(self, reason: str) -> None:
        pass

    def blocked(self, reason: str) -> None:
        pass

    def unblocked(self) -> None:
        pass

    def pressed(self, full: bool) -> None:
        pass

    def lost(self) -> None:
        pass
