"""What the engine asks of the world: one shard of durable storage, somebody who writes down what administrators do, and a tracer.

No file-system words here.

The engine calls these methods and never waits. What takes time comes back as a `Completion`, which the composition root
collects with `completions()` after the store's wake-up call and hands to the broker, on the engine's thread.

Positions count commits: `append` number n has position n, each append is atomic (after a crash it is there whole or
not at all), and appends become durable in order. Position 0 is durable always.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.model.principal import Peer
from onemq.model.record import Record


class Completion:
    """Something the store has finished. `ticket` is the number the engine gave with the call."""

    __slots__ = ("ticket",)

    def __init__(self, ticket: int = 0) -> None:
        self.ticket = ticket


class Durable(Completion):
    """Every append up to and including `position` survives a crash from now on."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        super().__init__(0)
        self.position = position


class Loaded(Completion):
    """Answer to `load`: whole record batches in order of offset, CRC-checked.

    `next_offset`: offset after the last one covered by this answer: a reader continues there. Offsets between the one
    asked for and `next_offset` that no batch holds do not exist any more.
    """

    __slots__ = ("batches", "log_id", "next_offset")

    def __init__(self, ticket: int, log_id: int, batches: list[bytes], next_offset: int) -> None:
        super().__init__(ticket)
        self.log_id = log_id
        self.batches = batches
        self.next_offset = next_offset


class Spilled(Completion):
    """Answer to `spill`: the batches can be had with `load` from now on (not necessarily durable before a checkpoint)."""

    __slots__ = ()


class Checkpointed(Completion):
    """Answer to `checkpoint`."""

    __slots__ = ()


class Found(Completion):
    """Answer to `find_time`: first offset stored whose record's batch may hold that time; -1 if none."""

    __slots__ = ("log_id", "offset")

    def __init__(self, ticket: int, log_id: int, offset: int) -> None:
        super().__init__(ticket)
        self.log_id = log_id
        self.offset = offset


class Stalled(Completion):
    """The store cannot write now (no space) and keeps trying; nothing is lost, nothing gets durable. `detail` says why."""

    __slots__ = ("detail",)

    def __init__(self, detail: str) -> None:
        super().__init__(0)
        self.detail = detail


class Resumed(Completion):
    """The store writes again."""

    __slots__ = ()


class Failed(Completion):
    """A sync failed or the store broke: nothing can be promised any more, the process must stop. `detail` says why."""

    __slots__ = ("detail",)

    def __init__(self, detail: str) -> None:
        super().__init__(0)
        self.detail = detail


class StateUnreadable(Exception):
    """What the store has kept, with checksums that are right, does not make a state: another onemq wrote it, or a bug did."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Replay:
    """What a store calls while it opens: the newest snapshot (if any) first, then every later append in order."""

    @abstractmethod
    def restore(self, snapshot: bytes) -> None:
        """The state up to the checkpoint's position."""

    @abstractmethod
    def replay(self, position: int, facts: bytes) -> None:
        """One append, in order of position."""

    def progressed(self, done_bytes: int, total_bytes: int) -> None:
        """Now and then: how much of the appends has been read. total_bytes: at most so much there is."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Store:
    """One shard: an ordered stream of facts, and the older records of many logs."""

    persistent: bool = True
    """False: nothing outlives the process, and `spill` is not served (memory only)."""

    @abstractmethod
    def recover(self, replay: Replay) -> int:
        """Opens what is there, feeds it to `replay`, returns the last position. Called once, first; blocks."""

    @abstractmethod
    def append(self, facts: bytes) -> int:
        """Takes one commit and returns its position: the previous one plus 1. Does not block; Durable follows."""

    def append_parts(self, facts: list[bytes]) -> int:
        """As `append`, of a commit that comes in parts: where it can, a store does not copy large ones together."""
        return self.append(b"".join(facts))

    def settle_turn(self, awaited: bool) -> None:
        """The turn has appended what it had. awaited: a client waits until it is durable; otherwise it may take a little
        longer, to share its sync with what comes next; a process that is killed loses none of it even so, where the disk is quick.

        May commit on this thread where that takes no longer than to have another one do it: `completions()` has its Durable then.
        From the first call on, appends become durable only after the call that follows them (or at the close).
        """

    @abstractmethod
    def pending_bytes(self) -> int:
        """Bytes appended that are not written yet: when they pile up, the disk is slower than the publishers."""

    @abstractmethod
    def journal_bytes(self) -> int:
        """Bytes appended since the last `roll`: the engine begins a checkpoint when they exceed its setting."""

    @abstractmethod
    def roll(self) -> int:
        """Begins a checkpoint: returns the last position appended. Later appends can be told from earlier ones."""

    @abstractmethod
    def checkpoint(self, ticket: int, position: int, snapshot: bytes) -> None:
        """Makes the snapshot (state as of `position`, which `roll` returned) and all spills finished before this call durable;
        then what was appended up to `position` is not needed any more. Checkpointed follows.

        Takes effect only after everything appended before this call is durable.
        """

    @abstractmethod
    def spill(self, ticket: int, log_id: int, batches: list[bytes]) -> None:
        """Stores record batches outside the engine's memory. Per log, base offsets ascend over all calls. Spilled follows.

        After a crash, spills that no checkpoint covered are gone (their facts are replayed instead).
        """

    @abstractmethod
    def load(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> None:
        """Reads spilled batches from the one holding `offset` (or the next after it) on: at least one batch if there
        is any, otherwise about `bytes_max` bytes at most. Loaded follows."""

    @abstractmethod
    def find_time(self, ticket: int, log_id: int, timestamp_ms: int) -> None:
        """Looks for the first spilled batch whose newest record is at or after that time. Found follows."""

    @abstractmethod
    def reclaim(self, log_id: int, live: list[int], exact: bool = False) -> None:
        """Gives back space: only offsets in `live` (flat [start, end) pairs, ascending) are needed from now on.

        `exact`: what is not live goes, even where that gives back little.

        Takes effect only after everything appended before this call is durable. Records that are not live may
        still be returned by `load` for a while.
        """

    @abstractmethod
    def drop_log(self, log_id: int) -> None:
        """The log and all its spilled records are gone. Same condition as `reclaim`."""

    @abstractmethod
    def retain_logs(self, log_ids: list[int]) -> None:
        """Called once after recovery: spilled records of any other log are left-overs and go."""

    @abstractmethod
    def log_bytes(self, log_id: int) -> int:
        """Bytes that the spilled records of a log take."""

    @abstractmethod
    def completions(self) -> list[Completion]:
        """What was finished since the last call, in order. Called on the engine's thread."""

    @abstractmethod
    def close(self) -> None:
        """Finishes what was appended and lets go of everything. Blocks."""


NO_POSITION: Final = 0

DONE: Final = "done"
REFUSED: Final = "refused"
FAILED: Final = "failed"
"""What came of an act: it was done; it was denied (or made no sense); it broke."""


class Act:
    """One administrative act, for the audit log. docs/operations.md lists which there are.

    Attributes:
        time_ms: when, ms since the epoch.
        user: who; "" where nobody had logged in. namespace: in which, "" where it is about none.
        peer: from where and by which protocol; None: the broker itself.
        action: a verb: "delete", "purge", "alter", "create", "log in", ...
        kind, name: on what: "queue" and its name.
        detail: what exactly, for people. Never a secret.
        result: DONE, REFUSED or FAILED. reason: why it was not done.
    """

    __slots__ = (
        "action",
        "detail",
        "kind",
        "name",
        "namespace",
        "peer",
        "reason",
        "result",
        "time_ms",
        "user",
    )

    def __init__(
        self, time_ms: int, user: str, namespace: str, peer: Peer | None, action: str, kind: str, name: str
    ) -> None:
        self.time_ms: i64 = time_ms
        self.user = user
        self.namespace = namespace
        self.peer = peer
        self.action = action
        self.kind = kind
        self.name = name
        self.detail = ""
        self.result = DONE
        self.reason = ""


@mypyc_attr(allow_interpreted_subclasses=True)
class Auditor:
    """Writes acts down (`Core.auditor`; None where nobody wants them). Code that does such acts goes through auditing.py."""

    @abstractmethod
    def note(self, act: Act) -> None:
        """Must not block for long, and must not raise."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Tracer:
    """Is told what happens to messages (`Core.tracer`; None, and one comparison a message, where no exporter is configured).

    protocol: as `ProtocolCounters.name`. Nothing here may block, raise, or change what it is given.
    """

    @abstractmethod
    def published(self, record: Record, protocol: str, exchange: str, routing_key: str) -> None:
        """A client has published it; exchange "" and a queue's name: straight to the queue."""

    @abstractmethod
    def noticed(self, headers: list[tuple[str, bytes | None]], topic: str, size: int) -> None:
        """A client has published to a notice topic. headers: the notice's attributes that are text."""

    @abstractmethod
    def batch_published(self, batch: bytes, protocol: str, topic: str, partition: int) -> None:
        """A producer's batch was appended, as it is stored."""

    @abstractmethod
    def delivered(self, record: Record, protocol: str, queue: str, log_id: int, held: bool) -> None:
        """It was given to a consumer or receiver. held: it has to settle it (`settled`)."""

    @abstractmethod
    def batches_delivered(
        self, batches: list[bytes], first_offset: int, protocol: str, topic: str, partition: int
    ) -> None:
        """Whole batches were given to a reader, who wanted records from `first_offset` on."""

    @abstractmethod
    def settled(self, log_id: int, offset: int, how: str) -> None:
        """A delivery is over. how: "ack", "reject" or "requeue"."""
