"""OffsetForLeaderEpoch: where an epoch of a partition's leader ended. There has been one leader, in epoch 0.

Spec: KIP-101, KIP-320.
"""

from onemq.engine.topics.partition import LEADER_EPOCH, Partition
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import topic_code
from onemq.heads.kafka.errors import UNKNOWN_LEADER_EPOCH, UNKNOWN_TOPIC_OR_PARTITION
from onemq.heads.kafka.messages.cold.offset_for_leader_epoch import (
    EpochEndOffset,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
    read_offset_for_leader_epoch_request,
    write_offset_for_leader_epoch_response,
)
from onemq.model.refusal import Refusal


def handle_offset_for_leader_epoch(call: Call) -> None:
    request = read_offset_for_leader_epoch_request(call.reader, call.version)
    topics = []
    for topic in request.topics:
        partitions: list[Partition] = []
        code = 0
        try:
            partitions = call.session.access.topics.find(topic.topic).partitions
        except Refusal as refusal:
            code = topic_code(refusal)
        answers = [_answer(partitions, wanted, code) for wanted in topic.partitions]
        topics.append(OffsetForLeaderTopicResult(topic=topic.topic, partitions=answers))
    writer = call.writer()
    response = OffsetForLeaderEpochResponse(topics=topics)
    write_offset_for_leader_epoch_response(writer, response, call.version)
    call.send(writer)


def _answer(partitions: list[Partition], wanted: OffsetForLeaderPartition, code: int) -> EpochEndOffset:
    answer = EpochEndOffset(error_code=code, partition=wanted.partition)
    if code != 0:
        return answer
    if wanted.partition < 0 or wanted.partition >= len(partitions):
        answer.error_code = UNKNOWN_TOPIC_OR_PARTITION
    elif wanted.current_leader_epoch > LEADER_EPOCH:
        answer.error_code = UNKNOWN_LEADER_EPOCH
    elif wanted.leader_epoch == LEADER_EPOCH:
        answer.leader_epoch = LEADER_EPOCH
        answer.end_offset = int(partitions[wanted.partition].log.visible_end)
    return answer
