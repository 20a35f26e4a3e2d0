"""The worker of playbooks: what heads have done beside the turns is done at the next one."""

from __future__ import annotations

from collections.abc import Callable

from onemq.heads.contract import Worker


class StageWorker(Worker):
    """Does what it is given at the next turn, one piece in each; not while it `rests`."""

    def __init__(self) -> None:
        super().__init__()
        self.rests = False
        self.waiting: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self.done = 0

    def is_busy(self) -> bool:
        return bool(self.waiting) and not self.rests

    def compute(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        self.waiting.append((work, then))

    def go_on(self) -> None:
        if self.is_busy():
            work, then = self.waiting.pop(0)
            work()
            self.done += 1
            then()
