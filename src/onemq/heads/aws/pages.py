"""Documents that are fetched by a plain GET, without a signature: SNS's certificate, for instance. Whoever makes one puts it here."""


class Page:
    """One document."""

    __slots__ = ("body", "content_type")

    def __init__(self, content_type: bytes, body: bytes) -> None:
        self.content_type = content_type
        self.body = body


class Pages:
    """By path."""

    def __init__(self) -> None:
        self._pages: dict[bytes, Page] = {}

    def put(self, path: str, page: Page) -> None:
        self._pages[path.encode("ascii")] = page

    def find(self, path: bytes, query: bytes) -> Page | None:
        """None where the path is no page's, or the query asks for an operation."""
        if not self._pages or b"Action=" in query:
            return None
        return self._pages.get(path)
