"""Kafka's topics, with their partitions and the settings that were made for them, from one cluster to another.

`python -m examples.moving.topics OLD:9092 NEW:9092`
"""

from __future__ import annotations

import sys

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ConfigSource, ResourceType
from confluent_kafka.cimpl import NewTopic

TIMEOUT_SECONDS = 30.0


def topics_of(admin: AdminClient) -> list[NewTopic]:
    """All topics but the internal ones. One replica: the cluster that they move to is one node."""
    found = admin.list_topics(timeout=TIMEOUT_SECONDS).topics
    partitions = {name: len(topic.partitions) for name, topic in found.items() if not name.startswith("__")}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in partitions]
    topics = []
    for resource, answer in admin.describe_configs(resources).items() if resources else ():
        made_for_it = {
            entry.name: entry.value
            for entry in answer.result(TIMEOUT_SECONDS).values()
            if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value and entry.value is not None
        }
        topics.append(
            NewTopic(
                resource.name,
                num_partitions=partitions[resource.name],
                replication_factor=1,
                config=made_for_it,
            )
        )
    return topics


def move(old: str, new: str) -> list[str]:
    """The names of those that were created; one that is there already stays as it is."""
    topics = topics_of(AdminClient({"bootstrap.servers": old}))
    created = []
    admin = AdminClient({"bootstrap.servers": new})
    for name, answer in admin.create_topics(topics).items() if topics else ():
        try:
            answer.result(TIMEOUT_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            created.append(name)
    return created


if __name__ == "__main__":
    print("created:", ", ".join(move(sys.argv[1], sys.argv[2])) or "nothing")
