"""What is known of namespaces beside their names: description, tags, metadata; durable. That they exist is the catalog's fact.

Spec: RabbitMQ, "Virtual Hosts" (metadata).
"""

from onemq.engine.core import Core
from onemq.engine.parts import PART_NAMESPACES, Part


class NamespaceRecord:
    """One namespace; never changed in place.

    Attributes:
        configured: it stands in the settings.
        default_queue_type: as it was given; "" = none.
        metadata: further plain values.
    """

    __slots__ = ("configured", "default_queue_type", "description", "metadata", "name", "tags")

    def __init__(
        self,
        name: str,
        description: str = "",
        tags: list[str] | None = None,
        default_queue_type: str = "",
        metadata: dict[str, object] | None = None,
        configured: bool = False,
    ) -> None:
        self.name = name
        self.description = description
        self.tags: list[str] = [] if tags is None else tags
        self.default_queue_type = default_queue_type
        self.metadata: dict[str, object] = {} if metadata is None else metadata
        self.configured = configured


class NamespaceRecords(Part):
    """See the module."""

    def __init__(self, core: Core) -> None:
        self.number = PART_NAMESPACES
        self._core = core
        self._records: dict[str, NamespaceRecord] = {}

    def find(self, name: str) -> NamespaceRecord:
        """Of a namespace that is there."""
        found = self._records.get(name)
        return NamespaceRecord(name) if found is None else found

    def store(self, record: NamespaceRecord) -> None:
        change = _to_plain(record)
        self._core.note(self, change)
        self.apply(change)

    def forget_namespace(self, name: str) -> None:
        """It has gone: no fact of its own."""
        self._records.pop(name, None)

    def apply(self, change: dict[str, object]) -> None:
        name = change["name"]
        tags = change["tags"]
        metadata = change["metadata"]
        assert isinstance(name, str) and isinstance(tags, (list, tuple)) and isinstance(metadata, dict)
        self._records[name] = NamespaceRecord(
            name, str(change["description"]), list(tags), str(change["queue_type"]), metadata
        )

    def changes(self) -> list[dict[str, object]]:
        return [_to_plain(record) for record in self._records.values()]


def _to_plain(record: NamespaceRecord) -> dict[str, object]:
    return {
        "name": record.name,
        "description": record.description,
        "tags": record.tags,
        "queue_type": record.default_queue_type,
        "metadata": record.metadata,
    }
