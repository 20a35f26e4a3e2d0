"""Pages without a login: health and metrics. What answers them is handed in by the composition root.

A page is asked by path alone and answers at once; it must not change anything.
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


Pages = Callable[[PageRequest], Page | None]
"""None: no page has this path."""
