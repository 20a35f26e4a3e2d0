"""The store of a broker that keeps nothing: commits are "durable" at once, no files, no threads."""

from collections.abc import Callable

from onemq.engine.ports import Checkpointed, Completion, Durable, Found, Replay, Store
from onemq.storage.errors import StoreMisuse


class MemoryStore(Store):
    """See onemq.engine.ports.Store. `spill` and `load` are not served: `persistent` is False."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.persistent = False
        self._wake = wake
        self._position = 0
        self._reported = 0
        self._items: list[Completion] = []
        self._woken = False

    def recover(self, replay: Replay) -> int:
        return 0

    def append(self, facts: bytes) -> int:
        self._position += 1
        self._notify()
        return self._position

    def journal_bytes(self) -> int:
        return 0

    def pending_bytes(self) -> int:
        return 0

    def roll(self) -> int:
        return self._position

    def checkpoint(self, ticket: int, position: int, snapshot: bytes) -> None:
        self._items.append(Checkpointed(ticket))
        self._notify()

    def spill(self, ticket: int, log_id: int, batches: list[bytes]) -> None:
        raise StoreMisuse("a store in memory does not take spills")

    def load(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> None:
        raise StoreMisuse("a store in memory has no spilled records to load")

    def find_time(self, ticket: int, log_id: int, timestamp_ms: int) -> None:
        self._items.append(Found(ticket, log_id, -1))
        self._notify()

    def reclaim(self, log_id: int, live: list[int], exact: bool = False) -> None:
        """Nothing is stored, so nothing is given back."""

    def drop_log(self, log_id: int) -> None:
        """Nothing is stored."""

    def retain_logs(self, log_ids: list[int]) -> None:
        """Nothing is stored."""

    def log_bytes(self, log_id: int) -> int:
        return 0

    def completions(self) -> list[Completion]:
        items = self._items
        self._items = []
        self._woken = False
        if self._reported < self._position:
            self._reported = self._position
            items.append(Durable(self._position))
        return items

    def close(self) -> None:
        """There is nothing to finish."""

    def _notify(self) -> None:
        if not self._woken:
            self._woken = True
            self._wake()
