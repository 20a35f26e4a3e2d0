"""What groups ask about topics.

Must not: be asked for rights (GroupAccess is).
"""

from abc import abstractmethod

from mypy_extensions import mypyc_attr


class TopicShape:
    """A topic as assignors see it."""

    __slots__ = ("name", "partitions", "topic_id")

    def __init__(self, topic_id: bytes, name: str, partitions: int) -> None:
        self.topic_id = topic_id
        self.name = name
        self.partitions = partitions


@mypyc_attr(allow_interpreted_subclasses=True)
class TopicBook:
    """See the module. Made over the catalog by the broker."""

    @abstractmethod
    def generation(self) -> int:
        """Changes whenever a topic is made, is deleted or gets partitions."""

    @abstractmethod
    def find(self, namespace: str, name: str) -> TopicShape | None: ...

    @abstractmethod
    def names(self, namespace: str) -> list[str]:
        """All topics of the namespace."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Visibility:
    """Which topics the principal of a request may know of: those a regular expression can find."""

    @abstractmethod
    def sees(self, topic: str) -> bool: ...


@mypyc_attr(allow_interpreted_subclasses=True)
class OtherGroups:
    """Groups of types that are kept elsewhere, but have their names from the same stock."""

    @abstractmethod
    def has(self, key: tuple[str, str]) -> bool: ...


class SeesAll(Visibility):
    def sees(self, topic: str) -> bool:
        return True
