"""Receiving, as heads see it: some records now, or the first that come within a time, each leased until a time.

Job: what a receive asks for and gets; part of the engine's public face. leasing.py authorises, receivers.py keeps those that wait;
docs/decisions/0008.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.model.record import Record

QUEUES_VISIBILITY: Final = -1
"""As `visibility_ms`: what the queue's settings say."""


class Receive:
    """What is wanted: at most `count` records, leased for `visibility_ms` each; when there is none, wait up to `wait_ms` for the first.

    attempt: asked for again under the same name, the same is given while all of it is still leased ("": not to be asked for again).
    """

    __slots__ = ("attempt", "count", "visibility_ms", "wait_ms")

    def __init__(
        self, count: int = 1, visibility_ms: int = QUEUES_VISIBILITY, wait_ms: int = 0, attempt: str = ""
    ) -> None:
        self.attempt = attempt
        self.count: i64 = count
        self.visibility_ms: i64 = visibility_ms
        self.wait_ms: i64 = wait_ms


@mypyc_attr(acyclic=True)
class LeaseHandle:
    """Names one giving of one record: what its receiver settles it by. attempt, first_at_ms: as in `Received`. The time tells records
    apart that had the same offset: a crash takes those that were kept in memory only, and their offsets are given again."""

    __slots__ = ("attempt", "first_at_ms", "log_id", "offset")

    def __init__(self, log_id: int, offset: i64, attempt: i64, first_at_ms: i64) -> None:
        self.log_id = log_id
        self.offset: i64 = offset
        self.attempt: i64 = attempt
        self.first_at_ms: i64 = first_at_ms


@mypyc_attr(acyclic=True)
class Received:
    """One record leased until `until_ms`. log_id, offset: where it stands. attempts: how often it has been given to somebody, this
    time included. first_at_ms: when somebody received it first."""

    __slots__ = ("attempts", "first_at_ms", "log_id", "offset", "record", "until_ms")

    def __init__(
        self, record: Record, log_id: int, offset: i64, attempts: i64, first_at_ms: i64, until_ms: i64
    ) -> None:
        self.record = record
        self.log_id = log_id
        self.offset: i64 = offset
        self.attempts: i64 = attempts
        self.first_at_ms: i64 = first_at_ms
        self.until_ms: i64 = until_ms

    @property
    def handle(self) -> LeaseHandle:
        """What this giving is settled by."""
        return LeaseHandle(self.log_id, self.offset, self.attempts, self.first_at_ms)


@mypyc_attr(allow_interpreted_subclasses=True)
class ReceiveWaiter:
    """Waits for the answer to one receive."""

    @abstractmethod
    def received(self, found: list[Received]) -> None:
        """What was received; nothing when none came in time, or the queue has gone. Called once, perhaps within `receive`.

        The leases are durable at `Access.position()`, which may be asked for here; nothing else of the engine may be called.
        """
