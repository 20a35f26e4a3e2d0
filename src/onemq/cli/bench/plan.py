"""What a load is to be, and its pace. Pure: times are arguments.

A load with a rate has a timetable: message n is due at start + n / rate, and its latencies count from then, whether the
sender got to it or not. Otherwise a broker that stalls would hold up the sender, and the messages that had to wait would look
as fast as the others (coordinated omission).
"""

from typing import Final

STAMP_BYTES: Final = 20
"""A body begins with the time at which it was due: monotonic ns as 20 digits, text everywhere."""
MESSAGES_MAX: Final = 10_000_000
KEPT_BYTES_MAX: Final = 1 << 30
"""Of bodies that nobody takes."""


class Plan:
    """Attributes:
    host, port: of the protocol's listener. user, password, namespace: of the login. target: queue or topic.
    size: of a body, bytes. per_second: of one producer; 0 = as fast as it goes. messages: at most, of one producer.
    window: messages (Kafka: requests) that may be without an answer. batch: messages in a request, at most.
    backlog: published and not yet taken, at most; 0 = no bound. confirm: whether the broker is to confirm. partitions: of a topic.
    """

    def __init__(self, host: str, port: int, target: str) -> None:
        self.host = host
        self.port = port
        self.target = target
        self.user = "guest"
        self.password = "guest"
        self.namespace = "/"
        self.size = 100
        self.per_second = 0.0
        self.messages = MESSAGES_MAX
        self.window = 100
        self.batch = 1
        self.backlog = 0
        self.confirm = True
        self.partitions = 1
        self.producers = 1
        self.consumers = 1


def messages_default(size: int, consumers: int) -> int:
    """How many messages are published at most when nobody says: without consumers they stay, and take room."""
    return MESSAGES_MAX if consumers else max(min(MESSAGES_MAX, KEPT_BYTES_MAX // size), 1)


class Pace:
    """When one producer's messages are due."""

    def __init__(self, per_second: float, most: int, start_ns: int) -> None:
        self._per_second = per_second
        self._left = most
        self._start_ns = start_ns
        self._gone = 0

    def done(self) -> bool:
        return self._left <= 0

    def ready(self, wanted: int, now_ns: int) -> int:
        """How many of so many may be sent now."""
        count = min(wanted, self._left)
        if self._per_second:
            due = int((now_ns - self._start_ns) * self._per_second / 1e9) + 1 - self._gone
            count = min(count, due)
        return max(count, 0)

    def take(self, now_ns: int) -> int:
        """One is sent. The time from which its latencies count."""
        stamp = self._due_ns() if self._per_second else now_ns
        self._gone += 1
        self._left -= 1
        return stamp

    def wait_seconds(self, now_ns: int, most: float) -> float:
        """Until the next one is due."""
        if not self._per_second:
            return 0.0
        return min(max((self._due_ns() - now_ns) / 1e9, 0.0), most)

    def _due_ns(self) -> int:
        return self._start_ns + int(self._gone * 1e9 / self._per_second)


def body(stamp_ns: int, size: int) -> bytes:
    return (b"%020d" % stamp_ns).ljust(size, b".")


def stamp_of(data: bytes) -> int:
    """0: it is not a body of ours."""
    stamp = data[:STAMP_BYTES]
    return int(stamp) if len(stamp) == STAMP_BYTES and stamp.isdigit() else 0
