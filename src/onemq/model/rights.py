"""What a principal may do in one namespace: three regular expressions over names, as RabbitMQ has them.

Pure: it asks nobody. Access consults it; heads never do.
"""

import re
from typing import Final

CACHED_NAMES_MAX: Final = 1024
"""Names remembered per right. A peer that invents names must not grow our memory: the cache starts over."""


class NamePattern:
    """A regular expression that is searched for in a name (not anchored); "" matches nothing. Raises re.error."""

    __slots__ = ("_known", "_regex", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._regex = re.compile(source if source else "^$")
        self._known: dict[str, bool] = {}

    def matches(self, name: str) -> bool:
        known = self._known.get(name)
        if known is not None:
            return known
        # The default exchange has no name: rights on it are asked under the one RabbitMQ gave it.
        found = self._regex.search(name if name else "amq.default") is not None
        if len(self._known) >= CACHED_NAMES_MAX:
            self._known.clear()
        self._known[name] = found
        return found


class Rights:
    """The rights of one principal in one namespace: to change entities, to publish into them, to consume from them."""

    __slots__ = ("_configure", "_read", "_write")

    def __init__(self, configure: NamePattern, write: NamePattern, read: NamePattern) -> None:
        self._configure = configure
        self._write = write
        self._read = read

    def replace(self, configure: NamePattern, write: NamePattern, read: NamePattern) -> None:
        """Other rights from now on, for everybody who holds this object."""
        self._configure = configure
        self._write = write
        self._read = read

    def may_configure(self, name: str) -> bool:
        return self._configure.matches(name)

    def may_write(self, name: str) -> bool:
        return self._write.matches(name)

    def may_read(self, name: str) -> bool:
        return self._read.matches(name)


def all_rights() -> Rights:
    """For tests and for the broker's own accesses."""
    return Rights(NamePattern(".*"), NamePattern(".*"), NamePattern(".*"))


def no_rights() -> Rights:
    """For principals without permissions: only rules can allow them anything."""
    return Rights(NamePattern(""), NamePattern(""), NamePattern(""))
