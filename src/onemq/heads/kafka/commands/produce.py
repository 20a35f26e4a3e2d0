"""Produce: record batches into partitions.

Spec: Kafka protocol guide, "Produce API"; KIP-98 (batches of version 2 only from version 3 on), KIP-110 (zstd from version 7
on), KIP-467 (messages of errors).
"""

from typing import Final

from onemq.engine.quotas import PRODUCER_BYTE_RATE
from onemq.engine.topics.topic import Topic
from onemq.engine.topics.validation import BadRecords
from onemq.heads.advice import refusal_line
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import topic_code
from onemq.heads.kafka.errors import (
    INVALID_RECORD,
    INVALID_REQUIRED_ACKS,
    NONE,
    TRANSACTION_ABORTABLE,
    UNSUPPORTED_COMPRESSION_TYPE,
    code_of,
)
from onemq.heads.kafka.messages.produce import (
    BatchIndexAndErrorMessage,
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
    read_produce_request,
    write_produce_response,
)
from onemq.model.refusal import Reason, Refusal

_CODEC_AT: Final = 22
"""Low byte of the attributes of a record batch."""
_ZSTD: Final = 4
_ZSTD_VERSION: Final = 7
_KNOWS_ABORTABLE: Final = 11
"""First version whose clients know TRANSACTION_ABORTABLE (KIP-890)."""


def handle_produce(call: Call) -> None:
    request_bytes = call.reader.remaining()
    request = read_produce_request(call.reader, call.version)
    session = call.session
    session.publishes()
    acks = request.acks
    failed = NONE
    topics: list[TopicProduceResponse] = []
    for topic in request.topic_data:
        partitions = _append_all(call, request, topic)
        for partition in partitions:
            if partition.error_code != NONE:
                failed = partition.error_code
        topics.append(TopicProduceResponse(name=topic.name, partition_responses=partitions))
    throttle_ms = session.access.admin.charge(call.client_id, PRODUCER_BYTE_RATE, request_bytes)
    if acks == 0:
        call.send_nothing(throttle_ms)
        if failed != NONE:
            # The only way to tell a client that does not want to hear anything.
            session.link.warn(
                "operation_refused",
                f"a produce with acks=0 was refused (error {failed}): closing, there is no other way to tell; acks=1 tells the "
                "client why",
            )
            session.link.close()
        return
    writer = call.writer()
    response = ProduceResponse(responses=topics, throttle_time_ms=throttle_ms)
    write_produce_response(writer, response, call.version)
    call.send(writer, session.access.position(), throttle_ms)


def _append_all(
    call: Call, request: ProduceRequest, topic: TopicProduceData
) -> list[PartitionProduceResponse]:
    """What came for the partitions of one topic."""
    if request.acks < -1 or request.acks > 1:
        return [_refused(each.index, INVALID_REQUIRED_ACKS, None) for each in topic.partition_data]
    try:
        found = call.session.access.topics.find(topic.name)
    except Refusal as refusal:
        code = topic_code(refusal)
        return [_refused(each.index, code, None) for each in topic.partition_data]
    return [_append(call, request.transactional_id, found, each) for each in topic.partition_data]


def _append(
    call: Call, transactional_id: str | None, topic: Topic, partition: PartitionProduceData
) -> PartitionProduceResponse:
    data = partition.records
    version = call.version
    if data is None or not data:
        return _refused(
            partition.index,
            INVALID_RECORD,
            f"Produce requests with version {version} must have exactly one record batch per partition",
        )
    if version < _ZSTD_VERSION and len(data) > _CODEC_AT and data[_CODEC_AT] & 7 == _ZSTD:
        return _refused(
            partition.index,
            UNSUPPORTED_COMPRESSION_TYPE,
            f"Produce requests with version {version} are not allowed to use ZStandard compression",
        )
    try:
        appended = call.session.access.topics.produce(topic, partition.index, data, transactional_id)
    except Refusal as refusal:
        if refusal.reason == Reason.TOO_LARGE:
            text = f"a batch for partition {partition.index} of topic {topic.name!r} is too large: {refusal.detail}"
            reason, line, _ = refusal_line(refusal, text)
            call.session.link.warn(reason, f"{line} (the topic's max.message.bytes)", f"topic {topic.name}")
        answer = _refused(partition.index, _code(refusal, version), refusal.detail or None)
        if isinstance(refusal, BadRecords):
            for index in refusal.indexes:
                answer.record_errors.append(_bad_record(index, refusal, topic, partition.index))
        return answer
    return PartitionProduceResponse(
        index=partition.index,
        base_offset=int(appended.base_offset),
        log_append_time_ms=int(appended.append_time_ms),
        log_start_offset=int(topic.partitions[partition.index].log.start_offset),
    )


def _bad_record(index: int, refusal: Refusal, topic: Topic, partition: int) -> BatchIndexAndErrorMessage:
    text = f"{refusal.detail} in topic partition {topic.name}-{partition}"
    return BatchIndexAndErrorMessage(batch_index=index, batch_index_error_message=text)


def _code(refusal: Refusal, version: int) -> int:
    if refusal.reason == Reason.NOT_IN_TRANSACTION and version >= _KNOWS_ABORTABLE:
        return TRANSACTION_ABORTABLE
    return code_of(refusal)


def _refused(index: int, code: int, message: str | None) -> PartitionProduceResponse:
    return PartitionProduceResponse(index=index, error_code=code, base_offset=-1, error_message=message)
