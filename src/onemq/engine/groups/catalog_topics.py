"""The catalog's topics, as groups see them, and what they hear of them.

Must not: change topics.
"""

from onemq.engine.catalog import Catalog
from onemq.engine.groups.group_store import GroupStore
from onemq.engine.groups.topic_book import TopicBook, TopicShape
from onemq.engine.topics.topic import Topic
from onemq.engine.topics.topics import TopicListener


class CatalogTopics(TopicBook):
    """See the module."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def generation(self) -> int:
        return int(self._catalog.generation)

    def find(self, namespace: str, name: str) -> TopicShape | None:
        space = self._catalog.namespaces.get(namespace)
        topic = None if space is None else space.topics.get(name)
        return None if topic is None else TopicShape(topic.topic_id, topic.name, len(topic.partitions))

    def names(self, namespace: str) -> list[str]:
        space = self._catalog.namespaces.get(namespace)
        return [] if space is None else list(space.topics)


class ForgetsOffsets(TopicListener):
    """With a topic go the offsets committed for it."""

    def __init__(self, groups: GroupStore) -> None:
        self._groups = groups

    def topic_removed(self, topic: Topic) -> None:
        self._groups.topic_removed(topic.namespace, topic.name)
