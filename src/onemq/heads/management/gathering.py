"""Long lists: made some objects at a time, so that the broker's clients have their turns in between.

Must not: know what the objects are, or hold anything that may go meanwhile: `build` looks again.
"""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from onemq.heads.management.call import Call, Canceller

SLICE: Final = 200
"""Objects that are made in one turn."""
T = TypeVar("T")


def answer_gathered(call: Call, count: int, build: Callable[[int], T | None]) -> None:
    """Completes the call, now or later, with the objects of places 0 to count - 1. build: None for one that has gone."""
    gathering: Gathering[T] = Gathering(call, list(range(count)), build, call.answer)
    gathering.go_on()
    if not call.answered:
        call.canceller = gathering


class Gathering(Canceller, Generic[T]):
    """Makes the objects of a list, some in each turn."""

    def __init__(
        self,
        call: Call,
        places: list[int],
        build: Callable[[int], T | None],
        finish: Callable[[list[T]], None],
    ) -> None:
        self._call = call
        self._places = places
        self._build = build
        self._finish = finish
        self._at = 0
        self._items: list[T] = []

    def go_on(self) -> None:
        end = min(self._at + SLICE, len(self._places))
        for place in self._places[self._at : end]:
            item = self._build(place)
            if item is not None:
                self._items.append(item)
        self._at = end
        if end == len(self._places):
            self._finish(self._items)
        else:
            self._call.soon(self.go_on)

    def cancel(self) -> None:
        self._call.work = None

    def hurry(self) -> None:
        self._call.work = None
        self._finish(self._items)
