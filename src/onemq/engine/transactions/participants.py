"""What takes part in transactions, as the coordinator sees it: partitions get markers, groups get offsets.

A port inside the engine: topics ask the coordinator before a transactional append, so the coordinator must not know topics.
"""

from abc import abstractmethod

from mypy_extensions import mypyc_attr

from onemq.engine.topics.producers import Producers


@mypyc_attr(allow_interpreted_subclasses=True)
class Participants:
    """See the module. What has gone meanwhile is passed over."""

    @abstractmethod
    def topic_id(self, namespace: str, topic: str, index: int) -> bytes:
        """Id of the topic when it has that partition, else b""."""

    @abstractmethod
    def topic_name(self, topic_id: bytes) -> str:
        """ "" when the topic has gone."""

    @abstractmethod
    def end_in_partition(
        self, topic_id: bytes, index: int, producer_id: int, epoch: int, commit: bool, coordinator_epoch: int
    ) -> None:
        """Appends the marker that ends the producer's transaction there. Refusal PRODUCER_EPOCH_STALE."""

    @abstractmethod
    def producers(self, namespace: str, topic: str, index: int) -> Producers | None:
        """Of one partition; None when there is no such partition."""

    @abstractmethod
    def end_in_groups(self, producer_id: int, commit: bool) -> None:
        """The producer's pending offsets become the groups' (commit) or are dropped."""
