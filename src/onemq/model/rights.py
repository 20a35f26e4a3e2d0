"""What a principal may do in one namespace: three regular expressions over names, as RabbitMQ has them.

Pure: it asks nobody. Access consults it; heads never do.
"""

from typing import Final

from onemq.model.pattern import Pattern
from onemq.model.pattern_syntax import PatternError, perl_pattern

CACHED_NAMES_MAX: Final = 1024
"""Names remembered per right. A peer that invents names must not grow our memory: the cache starts over."""
PATTERN_LENGTH_MAX: Final = 4096


class NamePattern:
    """A regular expression that is searched for in a name (not anchored); "" matches the empty name only.

    `unnamed`: what is asked about when the name is empty. The default exchange has none: rights on it are asked under the one that
    RabbitMQ gave it.
    """

    __slots__ = ("_known", "_pattern", "_unnamed", "source")

    def __init__(self, source: str, unnamed: str = "amq.default", kept: bool = False) -> None:
        """Raises PatternError; not where it is `kept` from an earlier run: what that took and this one does not matches nothing.
        Those are read when they are asked first: there may be very many, and most of their users do not come."""
        self.source = source
        self._unnamed = unnamed
        self._known: dict[str, bool] = {}
        self._pattern: Pattern | None = None if kept else _compiled(source)

    def matches(self, name: str) -> bool:
        known = self._known.get(name)
        if known is not None:
            return known
        pattern = self._pattern
        if pattern is None:
            try:
                pattern = _compiled(self.source)
            except PatternError:
                pattern = Pattern(self.source)
            self._pattern = pattern
        found = pattern.is_in(name if name else self._unnamed)
        if len(self._known) >= CACHED_NAMES_MAX:
            self._known.clear()
        self._known[name] = found
        return found


def _compiled(source: str) -> Pattern:
    """Raises PatternError."""
    return checked_pattern(source if source else "^$")


def checked_pattern(source: str) -> Pattern:
    """As operators write them, in RabbitMQ's language. Raises PatternError."""
    if len(source) > PATTERN_LENGTH_MAX:
        raise PatternError(f"longer than {PATTERN_LENGTH_MAX} characters")
    return perl_pattern(source)


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
