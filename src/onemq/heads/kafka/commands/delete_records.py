"""DeleteRecords: a partition begins at a later offset from now on.

Spec: KIP-107.
"""

from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import topic_code
from onemq.heads.kafka.errors import POLICY_VIOLATION
from onemq.heads.kafka.messages.cold.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsPartitionResult,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
    read_delete_records_request,
    write_delete_records_response,
)
from onemq.model.refusal import Reason, Refusal


def handle_delete_records(call: Call) -> None:
    request = read_delete_records_request(call.reader, call.version)
    topics = []
    for topic in request.topics:
        results = [_delete(call, topic.name, partition) for partition in topic.partitions]
        topics.append(DeleteRecordsTopicResult(name=topic.name, partitions=results))
    writer = call.writer()
    write_delete_records_response(writer, DeleteRecordsResponse(topics=topics), call.version)
    call.send(writer, call.session.access.position())


def _delete(call: Call, name: str, wanted: DeleteRecordsPartition) -> DeleteRecordsPartitionResult:
    topics = call.session.access.topics
    result = DeleteRecordsPartitionResult(partition_index=wanted.partition_index, low_watermark=-1)
    try:
        topic = topics.find(name)
        result.low_watermark = topics.delete_records(topic, wanted.partition_index, wanted.offset)
    except Refusal as refusal:
        compacted = refusal.reason == Reason.NOT_SUPPORTED
        result.error_code = POLICY_VIOLATION if compacted else topic_code(refusal)
    return result
