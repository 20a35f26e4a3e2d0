"""One HTTP/1.1 connection of operations: wire/http.py reads the requests, health.py answers them.

Bodies of requests are read, up to a bound, and ignored.
"""

from typing import Final

from onemq.heads.contract import Conversation, Link
from onemq.model.refusal import WireError
from onemq.ops.health import Answer, Health
from onemq.wire.http import CONTINUE, HttpReceiver, write_response
from onemq.wire.http_errors import HttpRefused

IDLE_MS: Final = 60_000
HEADER_BYTES_MAX: Final = 16_384
BODY_BYTES_MAX: Final = 65_536


class HttpConversation(Conversation):
    """From the first request to the close."""

    def __init__(self, link: Link, health: Health) -> None:
        self._link = link
        self._health = health
        self._http = HttpReceiver(HEADER_BYTES_MAX, BODY_BYTES_MAX)
        link.logged_in()
        link.set_idle(0, IDLE_MS, b"")

    def received(self, data: bytes) -> None:
        self._http.feed(data)
        while True:
            request = self._http.next()
            if request is None:
                break
            path = request.target.decode("ascii", "replace").partition("?")[0]
            method = request.method.decode("ascii", "replace")
            answer = self._health.answer(method, path)
            self._write(answer, request.keep_alive, method == "HEAD")
            if not request.keep_alive:
                self._link.close()
                return
        if self._http.wants_continue():
            self._link.outbox.writer.write(CONTINUE)

    def _write(self, answer: Answer, keep_alive: bool, head_only: bool = False) -> None:
        write_response(
            self._link.outbox.writer,
            answer.status,
            answer.content_type.encode("ascii"),
            answer.body.encode("utf-8"),
            keep_alive,
            b"Cache-Control: no-store\r\n",
            head_only,
        )

    def end_turn(self) -> None:
        pass

    def refused(self, error: Exception) -> None:
        if isinstance(error, HttpRefused):
            self._write(Answer(error.status, f"{error}\n"), False)
        elif isinstance(error, WireError):
            self._write(Answer(400, "bad request\n"), False)
        else:
            self._write(Answer(500, "internal error\n"), False)

    def drain(self, reason: str) -> None:
        pass

    def blocked(self, reason: str) -> None:
        pass

    def unblocked(self) -> None:
        pass

    def pressed(self, full: bool) -> None:
        pass

    def lost(self) -> None:
        self._http.close()
