"""What the native API gives of a record."""

from onemq.model.record import Record


class Message:
    """One message, as the native API shows it, whatever protocol brought it.

    Attributes:
        queue: where it was taken from (or looked at). body: its bytes. key: ordering key, or None.
        headers: as a Kafka consumer would see them. attempts: how often it was delivered before.
        published_at: seconds since the epoch, by the broker's clock. offset: its place in its log.
        died: where it died before, newest first: (queue, reason, how often).
    """

    __slots__ = ("attempts", "body", "died", "headers", "key", "offset", "published_at", "queue")

    def __init__(
        self, queue: str, record: Record, headers: list[tuple[str, bytes | None]], attempts: int
    ) -> None:
        self.queue = queue
        self.body = record.value or b""
        self.key = record.key
        self.headers: dict[str, bytes | None] = dict(headers)
        self.attempts = attempts
        self.published_at = int(record.timestamp_ms) / 1000
        self.offset = int(record.offset)
        entries = record.deaths.entries if record.deaths is not None else []
        self.died: list[tuple[str, str, int]] = [(each.queue, each.reason, each.count) for each in entries]

    def text(self) -> str:
        """The body as UTF-8. Raises UnicodeDecodeError."""
        return self.body.decode("utf-8")

    def __repr__(self) -> str:
        shown = self.body[:40]
        return f"<{type(self).__name__} {shown!r}{'...' if len(self.body) > 40 else ''} from {self.queue!r}>"


def copy_message(source: Message, target: Message) -> None:
    for name in Message.__slots__:
        setattr(target, name, getattr(source, name))
