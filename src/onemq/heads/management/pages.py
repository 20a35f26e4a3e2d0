"""Pages without a login: health and metrics. What answers them is handed in by the composition root.

A page is asked by path alone and answers at once, or later (`LaterPage`); it must not change anything.
"""

from collections.abc import Callable
from typing import Final

PLAIN_TEXT: Final = "text/plain; charset=utf-8"


class PageRequest:
    """path: decoded, without the query. query: not decoded. accept_encoding: what the peer can unpack ("" when it does not say)."""

    __slots__ = ("accept", "accept_encoding", "path", "query")

    def __init__(self, path: str, query: str = "", accept: str = "", accept_encoding: str = "") -> None:
        self.path = path
        self.query = query
        self.accept = accept
        self.accept_encoding = accept_encoding


class Page:
    """What GET and HEAD of a path answer. fields: more header fields, each with its CRLF."""

    __slots__ = ("body", "content_type", "fields", "status")

    def __init__(self, status: int, body: bytes, content_type: str = PLAIN_TEXT, fields: bytes = b"") -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.fields = fields


class LaterPage:
    """An answer that is still being made. page: it, when it is there."""

    __slots__ = ("_told", "page")

    def __init__(self) -> None:
        self.page: Page | None = None
        self._told: Callable[[], None] | None = None

    def complete(self, page: Page) -> None:
        """Called once, in no call of the conversation's."""
        self.page = page
        told = self._told
        self._told = None
        if told is not None:
            told()

    def tell(self, told: Callable[[], None]) -> None:
        """Calls it when the page is there."""
        self._told = told

    def forget(self) -> None:
        """Nobody waits any more."""
        self._told = None


Pages = Callable[[PageRequest], Page | LaterPage | None]
"""None: no page has this path."""
