"""Runs a store's lanes in the caller's thread, one turn at a time, in an order that a seed decides."""

from __future__ import annotations

import random as random_module
from typing import Final

from onemq.storage.workers import MORE, Lane, Workers

_STEP_MS: Final = 1000
_STOP_TURNS_MAX: Final = 100_000


class Stepped(Workers):
    """See onemq.storage.workers.Workers. Its clock goes on by a second with each step, so retries are due at once."""

    def __init__(self) -> None:
        self._lanes: list[Lane] = []
        self._broken: set[str] = set()
        self._now_ms = 0

    def start(self, lanes: list[Lane]) -> None:
        self._lanes = list(lanes)

    def notify(self, index: int) -> None:
        """Every step looks at every lane."""

    def notify_later(self, index: int) -> None:
        """Every step looks at every lane."""

    def now_ms(self) -> int:
        return self._now_ms

    def step(self, random: random_module.Random) -> bool:
        """Lets one lane do one piece of work; False when none has any that it can do now."""
        self._now_ms += _STEP_MS
        order = list(self._lanes)
        random.shuffle(order)
        return any(self._turn(lane, False) for lane in order)

    def run(self, random: random_module.Random) -> None:
        """Steps until there is nothing to do. A full disk ends it, too."""
        while self.step(random):
            pass

    def stop(self) -> None:
        for lane in self._lanes:
            for _ in range(_STOP_TURNS_MAX):
                if not self._turn(lane, True):
                    break
            else:
                raise AssertionError(f"lane {lane.name} does not come to an end")

    def _turn(self, lane: Lane, closing: bool) -> bool:
        if lane.name in self._broken:
            return False
        try:
            return lane.turn(self._now_ms, closing) == MORE
        except Exception as error:
            self._broken.add(lane.name)
            lane.broke(error)
            return True
