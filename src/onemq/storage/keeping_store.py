"""A store in memory that keeps what a store on disk would: so that a broker without files can be saved and brought back whole.

Everything is done at once and "durable" when it is appended. Must not touch files: whoever saves it reads `snapshot`, `journal` and
`spilled`, and whoever brings it back fills them before `recover`.
"""

from collections.abc import Callable

from onemq.engine.ports import Checkpointed, Completion, Durable, Found, Loaded, Replay, Spilled, Store
from onemq.model.record_batch import end_offset, max_timestamp_ms
from onemq.model.record_walk import keep_live


class KeepingStore(Store):
    """See onemq.engine.ports.Store.

    Attributes:
        snapshot: of the last checkpoint, b"" before the first. journal: the commits after it.
        spilled: record batches by log, in order of offset.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.persistent = True
        self.snapshot = b""
        self.journal: list[bytes] = []
        self.spilled: dict[int, list[bytes]] = {}
        self._position = 0
        self._first = 1
        """Position of the journal's first commit."""
        self._rolled_bytes = 0
        self._journal_bytes = 0
        self._spilled_bytes = 0
        self._reported = 0
        self._items: list[Completion] = []

    def recover(self, replay: Replay) -> int:
        if self.snapshot:
            replay.restore(self.snapshot)
        for facts in self.journal:
            self._position += 1
            self._journal_bytes += len(facts)
            replay.replay(self._position, facts)
        self._reported = self._position
        for batches in self.spilled.values():
            for data in batches:
                self._spilled_bytes += len(data)
        return self._position

    def kept_bytes(self) -> int:
        """What it holds, beside what the engine holds itself."""
        return self._journal_bytes + self._spilled_bytes + len(self.snapshot)

    def append(self, facts: bytes) -> int:
        self._position += 1
        self.journal.append(facts)
        self._journal_bytes += len(facts)
        self._rolled_bytes += len(facts)
        return self._position

    def pending_bytes(self) -> int:
        return 0

    def journal_bytes(self) -> int:
        return self._rolled_bytes

    def roll(self) -> int:
        self._rolled_bytes = 0
        return self._position

    def checkpoint(self, ticket: int, position: int, snapshot: bytes) -> None:
        self.snapshot = snapshot
        count = position + 1 - self._first
        for facts in self.journal[:count]:
            self._journal_bytes -= len(facts)
        del self.journal[:count]
        self._first = position + 1
        self._items.append(Checkpointed(ticket))

    def spill(self, ticket: int, log_id: int, batches: list[bytes]) -> None:
        kept = self.spilled.get(log_id)
        if kept is None:
            kept = []
            self.spilled[log_id] = kept
        for data in batches:
            kept.append(data)
            self._spilled_bytes += len(data)
        self._items.append(Spilled(ticket))

    def load(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> None:
        batches = self.spilled.get(log_id, [])
        index = self._first_ending_after(batches, offset)
        found: list[bytes] = []
        size = 0
        next_offset = offset
        while index < len(batches):
            data = batches[index]
            if found and size + len(data) > bytes_max:
                break
            found.append(data)
            size += len(data)
            next_offset = int(end_offset(data))
            index += 1
        self._items.append(Loaded(ticket, log_id, found, next_offset))

    def _first_ending_after(self, batches: list[bytes], offset: int) -> int:
        low = 0
        high = len(batches)
        while low < high:
            middle = (low + high) // 2
            if end_offset(batches[middle]) <= offset:
                low = middle + 1
            else:
                high = middle
        return low

    def find_time(self, ticket: int, log_id: int, timestamp_ms: int) -> None:
        offset = -1
        for data in self.spilled.get(log_id, []):
            if max_timestamp_ms(data) >= timestamp_ms:
                offset = int.from_bytes(data[0:8], "big")
                break
        self._items.append(Found(ticket, log_id, offset))

    def reclaim(self, log_id: int, live: list[int], exact: bool = False) -> None:
        kept: list[bytes] = []
        for data in self.spilled.get(log_id, []):
            self._spilled_bytes -= len(data)
            rest = keep_live(data, live)
            if rest:
                self._spilled_bytes += len(rest)
                kept.append(rest)
        if kept:
            self.spilled[log_id] = kept
        else:
            self.spilled.pop(log_id, None)

    def drop_log(self, log_id: int) -> None:
        for data in self.spilled.pop(log_id, []):
            self._spilled_bytes -= len(data)

    def retain_logs(self, log_ids: list[int]) -> None:
        for log_id in list(self.spilled):
            if log_id not in log_ids:
                self.drop_log(log_id)

    def log_bytes(self, log_id: int) -> int:
        total = 0
        for data in self.spilled.get(log_id, []):
            total += len(data)
        return total

    def completions(self) -> list[Completion]:
        items = self._items
        self._items = []
        if self._reported < self._position:
            self._reported = self._position
            items.append(Durable(self._position))
        return items

    def close(self) -> None:
        """There is nothing to finish."""
