"""What records can be routed to, and a counted set of such things.

Must not: know what a destination does with a record.
"""

from mypy_extensions import mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class Destination:
    """Something records can be routed to. Compared by identity: several may share a name."""

    def __init__(self, name: str) -> None:
        self.name = name


class Destinations:
    """A set that counts how often each destination was added, in order of first addition.

    Removal costs the same however many there are: the list that `put_into` copies is rebuilt when next read.
    """

    __slots__ = ("_counts", "_listed", "_stale")

    def __init__(self) -> None:
        self._counts: dict[Destination, int] = {}
        self._listed: list[Destination] = []
        self._stale = False

    def add(self, destination: Destination) -> None:
        count = self._counts.get(destination)
        if count is not None:
            self._counts[destination] = count + 1
            return
        self._counts[destination] = 1
        if not self._stale:
            self._listed.append(destination)

    def remove(self, destination: Destination) -> None:
        """Takes back one addition. The destination must be there."""
        count = self._counts[destination]
        if count > 1:
            self._counts[destination] = count - 1
            return
        del self._counts[destination]
        self._stale = True

    def is_empty(self) -> bool:
        return not self._counts

    def put_into(self, out: list[Destination]) -> None:
        """Appends each destination once."""
        if self._stale:
            self._listed = list(self._counts)
            self._stale = False
        out.extend(self._listed)
