"""The participants of transactions as the catalog has them. Finds them, no more."""

from collections.abc import Callable

from onemq.engine.catalog import Catalog
from onemq.engine.topics.partition import Partition
from onemq.engine.topics.producers import Producers
from onemq.engine.transactions.participants import Participants


class CatalogParticipants(Participants):
    """See the module. `end_offsets`: the groups' part in a transaction's end (producer id, commit)."""

    def __init__(self, catalog: Catalog, end_offsets: Callable[[int, bool], None]) -> None:
        self._catalog = catalog
        self._end_offsets = end_offsets

    def topic_id(self, namespace: str, topic: str, index: int) -> bytes:
        space = self._catalog.namespaces.get(namespace)
        found = None if space is None else space.topics.get(topic)
        if found is None or index < 0 or index >= len(found.partitions):
            return b""
        return found.topic_id

    def topic_name(self, topic_id: bytes) -> str:
        found = self._catalog.topics.by_id.get(topic_id)
        return "" if found is None else found.name

    def _partition(self, topic_id: bytes, index: int) -> Partition | None:
        found = self._catalog.topics.by_id.get(topic_id)
        if found is None or index < 0 or index >= len(found.partitions):
            return None
        return found.partitions[index]

    def end_in_partition(
        self, topic_id: bytes, index: int, producer_id: int, epoch: int, commit: bool, coordinator_epoch: int
    ) -> None:
        partition = self._partition(topic_id, index)
        if partition is not None:
            partition.append_marker(producer_id, epoch, commit, coordinator_epoch)

    def producers(self, namespace: str, topic: str, index: int) -> Producers | None:
        partition = self._partition(self.topic_id(namespace, topic, index), index)
        return None if partition is None else partition.producers

    def end_in_groups(self, producer_id: int, commit: bool) -> None:
        self._end_offsets(producer_id, commit)
