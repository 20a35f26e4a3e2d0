"""A topic: a named set of partitions with settings."""

from onemq.engine.topics.config import TopicConfig
from onemq.engine.topics.partition import Partition


class Topic:
    """One topic.

    Attributes:
        namespace, name: where it is. topic_id: 16 unpredictable octets: tells it from an earlier one of the same name.
        partitions: by number. config: its settings. deleted: it has gone.
        queue_starts: per partition, where a queue of the same name begins when it is made again.
        taken_from: first offset kept of a queue's log that partition 0 took over, -1 when it did not.
        taken_to: where that log ended then: transient records that only memory had are not replaced by others of their offsets.
    """

    def __init__(self, namespace: str, name: str, topic_id: bytes, config: TopicConfig) -> None:
        self.namespace = namespace
        self.name = name
        self.topic_id = topic_id
        self.config = config
        self.partitions: list[Partition] = []
        self.queue_starts: list[int] = []
        self.taken_from: int = -1
        self.taken_to: int = -1
        self.deleted = False

    def configure(self, config: TopicConfig) -> None:
        self.config = config
        for partition in self.partitions:
            partition.configured()

    def to_plain(self) -> dict[str, object]:
        """The catalog's change that makes it."""
        return {
            "op": "topic",
            "namespace": self.namespace,
            "name": self.name,
            "id": self.topic_id,
            "logs": [int(partition.log.log_id) for partition in self.partitions],
            "config": dict(self.config.overrides),
            "starts": list(self.queue_starts),
            "taken_from": self.taken_from,
            "taken_to": self.taken_to,
        }
