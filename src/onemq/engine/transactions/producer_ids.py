"""Numbers of producers: never handed out twice, over restarts too.

They are claimed durably in blocks; what is left of a block when the process ends is lost (Kafka's producer id blocks, KIP-730).
"""

from typing import Final

from onemq.engine.core import Core
from onemq.engine.parts import PART_PRODUCER_IDS, Part

BLOCK: Final = 1000
"""Ids claimed with one fact."""


class ProducerIds(Part):
    """See the module. `claimed`: ids below it may have been handed out."""

    def __init__(self, core: Core) -> None:
        self.number = PART_PRODUCER_IDS
        self.core = core
        self.claimed = 0
        self._next = 0

    def take(self) -> int:
        """A new producer id. It may be told to a client when `core.position()` is durable."""
        if self._next >= self.claimed:
            change: dict[str, object] = {"to": self._next + BLOCK}
            self._claim(change)
            self.core.note(self, change)
        producer_id = self._next
        self._next += 1
        return producer_id

    def _claim(self, change: dict[str, object]) -> None:
        claimed = change["to"]
        assert isinstance(claimed, int)
        self.claimed = claimed

    def apply(self, change: dict[str, object]) -> None:
        """Replays a claim: its ids count as handed out."""
        self._claim(change)
        self._next = self.claimed

    def changes(self) -> list[dict[str, object]]:
        if self.claimed == 0:
            return []
        return [{"to": self.claimed}]
