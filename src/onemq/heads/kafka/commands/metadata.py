"""Metadata: brokers, topics and where their partitions are; makes topics that do not exist if both sides want that.

Spec: Kafka protocol guide, "Metadata API"; KIP-4, KIP-430, KIP-516 (topic ids).
"""

from typing import Final

from onemq.engine.topics.topic import Topic
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import (
    OPERATIONS_UNKNOWN,
    advertised_host,
    advertised_port,
    cluster_operations,
    topic_operations,
)
from onemq.heads.kafka.errors import INVALID_REQUEST, UNKNOWN_TOPIC_ID, code_of
from onemq.heads.kafka.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
    read_metadata_request,
    write_metadata_response,
)
from onemq.heads.kafka.primitives import ZERO_UUID
from onemq.model.refusal import Reason, Refusal

_IDS_FROM: Final = 12
CREATED_MAX: Final = 1000
"""Topics that one request makes: it is one turn's work. The client asks again for those that are not there."""


def handle_metadata(call: Call) -> None:
    request = read_metadata_request(call.reader, call.version)
    session = call.session
    settings = session.settings
    with_operations = request.include_topic_authorized_operations
    topics: list[MetadataResponseTopic] = []
    most = session.access.topics.count() + CREATED_MAX
    wanted = request.topics
    if wanted is not None and not _is_valid(wanted, call.version):
        _refuse(call, wanted)
        return
    if wanted is None or (call.version == 0 and not wanted):
        for topic in session.access.topics.topics():
            topics.append(_topic(call, topic, with_operations))
    else:
        asked: set[str] = set()
        for entry in wanted:
            name = entry.name
            if name is not None and entry.topic_id == ZERO_UUID:
                if name in asked:
                    continue
                asked.add(name)
            topics.append(_find(call, request, entry, most))
    operations = OPERATIONS_UNKNOWN
    if request.include_cluster_authorized_operations:
        operations = cluster_operations(session.access)
    response = MetadataResponse(
        brokers=[
            MetadataResponseBroker(
                node_id=settings.broker_id,
                host=advertised_host(session),
                port=advertised_port(session),
                rack=settings.rack,
            )
        ],
        cluster_id=settings.cluster_id,
        controller_id=settings.broker_id,
        topics=topics,
        cluster_authorized_operations=operations,
    )
    writer = call.writer()
    write_metadata_response(writer, response, call.version)
    # A topic that was made here has to be there when the client has its answer.
    call.send(writer, session.access.position())


def _is_valid(wanted: list[MetadataRequestTopic], version: int) -> bool:
    """Ids count from version 12 on, whatever the format of 10 and 11 has room for; and something has to be named."""
    for entry in wanted:
        if version < _IDS_FROM and entry.topic_id != ZERO_UUID:
            return False
        if entry.name is None and (version < _IDS_FROM or entry.topic_id == ZERO_UUID):
            return False
    return True


def _refuse(call: Call, wanted: list[MetadataRequestTopic]) -> None:
    """As Kafka refuses the whole request: nothing of the cluster, and every topic is in error."""
    topics: list[MetadataResponseTopic] = []
    for entry in wanted:
        name = entry.name
        if name is None and call.version < _IDS_FROM:
            name = ""
        topics.append(MetadataResponseTopic(error_code=INVALID_REQUEST, name=name, topic_id=entry.topic_id))
    writer = call.writer()
    write_metadata_response(writer, MetadataResponse(controller_id=-1, topics=topics), call.version)
    call.send(writer)


def _find(
    call: Call, request: MetadataRequest, entry: MetadataRequestTopic, most: int
) -> MetadataResponseTopic:
    access = call.session.access
    topic_id = entry.topic_id
    if topic_id != ZERO_UUID:
        try:
            return _topic(call, access.topics.find_id(topic_id), request.include_topic_authorized_operations)
        except Refusal as refusal:
            code = UNKNOWN_TOPIC_ID if refusal.reason == Reason.NOT_FOUND else code_of(refusal)
            return MetadataResponseTopic(
                error_code=code, name=None if call.version >= 12 else "", topic_id=topic_id
            )
    name = entry.name or ""
    try:
        topic = _find_or_create(call, request, name, most)
    except Refusal as refusal:
        return MetadataResponseTopic(error_code=code_of(refusal), name=name)
    return _topic(call, topic, request.include_topic_authorized_operations)


def _find_or_create(call: Call, request: MetadataRequest, name: str, most: int) -> Topic:
    topics = call.session.access.topics
    settings = call.session.settings
    try:
        return topics.find(name)
    except Refusal as refusal:
        if (
            refusal.reason != Reason.NOT_FOUND
            or not settings.auto_create_topics
            or not request.allow_auto_topic_creation
            or topics.count() >= most
        ):
            raise
    topic = topics.create(name, settings.partitions_default, {})
    assert topic is not None
    return topic


def _topic(call: Call, topic: Topic, with_operations: bool) -> MetadataResponseTopic:
    broker_id = call.session.settings.broker_id
    here = [broker_id]
    partitions = []
    for index in range(len(topic.partitions)):
        partitions.append(
            MetadataResponsePartition(
                partition_index=index, leader_id=broker_id, leader_epoch=0, replica_nodes=here, isr_nodes=here
            )
        )
    operations = topic_operations(call.session.access, topic.name) if with_operations else OPERATIONS_UNKNOWN
    return MetadataResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        partitions=partitions,
        topic_authorized_operations=operations,
    )
