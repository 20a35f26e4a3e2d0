"""What every load client has: its thread, its counts, its pace, and how it ends. Protocols are in their own modules.

A body begins with the time at which it was sent (monotonic ns, 20 digits: text everywhere), so that whoever takes it knows how long it
was on its way. Must not: print; know a protocol.
"""

import threading
import time
from typing import Final

from onemq.cli.bench.histogram import Histogram

STAMP_BYTES: Final = 20
SOCKET_SECONDS: Final = 10.0


class BenchFailed(Exception):
    """The broker did something that ends the load. The text is for people."""


class Plan:
    """What is to be done.

    Attributes:
        host, port: of the protocol's listener. user, password, namespace: of the login.
        target: queue or topic. size: of a body. per_second: of one producer; 0 = as fast as it goes.
        window: messages or requests that may be without an answer. batch: messages in a request. partitions: of a topic.
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
        self.window = 100
        self.batch = 1
        self.partitions = 1
        self.messages = 0
        self.stopping = threading.Event()
        self.draining = threading.Event()


class Worker(threading.Thread):
    """One connection's load.

    Attributes:
        messages, octets: done so far. latencies: of its kind: until a publish was confirmed, or a message was here.
        failure: why it ended before its time.
    """

    def __init__(self, plan: Plan, index: int) -> None:
        super().__init__(daemon=True, name=f"bench-{type(self).__name__}-{index}")
        self.plan = plan
        self.index = index
        self.messages = 0
        self.octets = 0
        self.latencies = Histogram()
        self.failure: Exception | None = None
        self._due = 0.0

    def run(self) -> None:
        try:
            self.work()
        except (OSError, BenchFailed, ValueError, KeyError) as error:
            self.failure = error
            self.plan.stopping.set()

    def work(self) -> None:
        raise NotImplementedError

    # Sending.

    def body(self) -> bytes:
        stamp = b"%020d" % time.monotonic_ns()
        return stamp.ljust(self.plan.size, b".")

    def may_send(self, count: int) -> bool:
        """False: this producer has sent its share, or all are to stop. Keeps the pace."""
        plan = self.plan
        if plan.stopping.is_set() or (plan.messages and self.messages >= plan.messages):
            return False
        if plan.per_second:
            now = time.monotonic()
            if self._due == 0.0:
                self._due = now
            if self._due > now:
                plan.stopping.wait(self._due - now)
            # What was missed for more than a second is not made up for.
            self._due = max(self._due, now - 1.0) + count / plan.per_second
        return not plan.stopping.is_set()

    def sent(self, count: int, took_ns: int) -> None:
        self.messages += count
        self.octets += count * self.plan.size
        self.latencies.note(took_ns, count)

    # Taking.

    def took(self, body: bytes) -> None:
        self.messages += 1
        self.octets += len(body)
        stamp = body[:STAMP_BYTES]
        if stamp.isdigit():
            self.latencies.note(max(time.monotonic_ns() - int(stamp), 1))
