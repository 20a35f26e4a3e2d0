"""Durable state that is neither catalog nor log: committed offsets, transactions, access rules, ... Each area is a `Part`.

A part changes in one way only: it notes a change (a map of plain values) with `Core.note` and applies it with the same code that
replays it after a restart. What is noted in one turn is one commit, together with everything appended in that turn.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import mypyc_attr

PART_PRODUCER_IDS: Final = 1
PART_GROUPS: Final = 2
PART_TRANSACTIONS: Final = 3
PART_ACLS: Final = 4
PART_QUOTAS: Final = 5
PART_CREDENTIALS: Final = 6
PART_SHARE_GROUPS: Final = 7
PART_IDENTITY: Final = 8
PART_GROUP_CONFIGS: Final = 9
PART_DEDUPLICATION: Final = 10
PART_REDRIVES: Final = 11
PART_NOTICES: Final = 12
PART_USERS: Final = 13
PART_PERMISSIONS: Final = 14
PART_NAMESPACES: Final = 15
PART_LIMITS: Final = 16
PART_PARAMETERS: Final = 17
PART_POLICIES: Final = 18
"""Numbers of the parts, as they stand in facts: never reused (docs/formats/facts.md)."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Part:
    """See the module. `number` is one of PART_*."""

    number: int = 0

    @abstractmethod
    def apply(self, change: dict[str, object]) -> None:
        """Replays one change; names that do not exist any more are passed over."""

    @abstractmethod
    def changes(self) -> list[dict[str, object]]:
        """The state as the changes that would make it, for the snapshot."""

    def clear_namespace(self, name: str) -> None:
        """The namespace is being deleted: notes what makes this part's state of it go. Not called for replays."""
        return

    def forget_namespace(self, name: str) -> None:
        """The namespace has gone: what this part kept by its name follows, without a fact. Called when that is replayed, too."""
        return

    def finish_recovery(self) -> None:
        """Everything was replayed: set deadlines, forget what has become void."""
        return
