"""Where the workers put what they have finished. Wakes the engine's thread, once until it has looked."""

import threading
from collections.abc import Callable

from onemq.engine.ports import Completion, Failed, Resumed, Stalled


class Completions:
    """A queue from the workers to the engine's thread.

    Also the store's two states of trouble, which any worker may cause: stalled (no space, retried) and failed
    (for good).
    """

    __slots__ = ("_failed", "_items", "_lock", "_stalled", "_wake", "_woken")

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._items: list[Completion] = []
        self._woken = False
        self._failed = False
        self._stalled: set[str] = set()

    def add(self, completion: Completion) -> None:
        with self._lock:
            if self._failed:
                return
            self._items.append(completion)
            wake = not self._woken
            self._woken = True
        if wake:
            self._wake()

    def attend(self) -> None:
        """The engine's thread works itself now and takes what there is afterwards: nobody has to wake it."""
        with self._lock:
            self._woken = True

    def take(self) -> list[Completion]:
        with self._lock:
            items = self._items
            self._items = []
            self._woken = False
        return items

    def fail(self, detail: str) -> None:
        """Reports Failed, once; nothing is reported after it."""
        with self._lock:
            if self._failed:
                return
            # In one go: a sync that another worker finishes right now must not be reported behind it.
            self._items.append(Failed(detail))
            self._failed = True
            wake = not self._woken
            self._woken = True
        if wake:
            self._wake()

    def failed(self) -> bool:
        return self._failed

    def stall(self, worker: str, detail: str) -> None:
        with self._lock:
            first = not self._stalled
            self._stalled.add(worker)
        if first:
            self.add(Stalled(detail))

    def resume(self, worker: str) -> None:
        """The worker writes again; Resumed is reported when no other one is stalled. Cheap when it was not
        stalled.
        """
        if not self._stalled:
            return
        with self._lock:
            last = worker in self._stalled and len(self._stalled) == 1
            self._stalled.discard(worker)
        if last:
            self.add(Resumed())
