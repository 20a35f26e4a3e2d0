"""OffsetDelete: an administrator takes offsets away that no member needs.

Spec: KIP-496, "OffsetDelete API" 0.
"""

from onemq.engine.groups.offsets import Commit
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import topic_code
from onemq.heads.kafka.commands.offset_commit import unreadable
from onemq.heads.kafka.errors import NONE, code_of
from onemq.heads.kafka.messages.cold.offset_delete import (
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
    read_offset_delete_request,
    write_offset_delete_response,
)
from onemq.model.refusal import Refusal


def handle_offset_delete(call: Call) -> None:
    """API 47."""
    request = read_offset_delete_request(call.reader, call.version)
    access = call.session.access
    wanted: list[Commit] = []
    for topic in request.topics:
        for partition in topic.partitions:
            item = Commit(topic.name, partition.partition_index, 0)
            item.refused = unreadable(access, topic.name, partition.partition_index)
            wanted.append(item)
    response = OffsetDeleteResponse()
    try:
        access.groups.delete_offsets(request.group_id, wanted)
        at = 0
        for topic in request.topics:
            answer = OffsetDeleteResponseTopic(name=topic.name)
            response.topics.append(answer)
            for partition in topic.partitions:
                refused = wanted[at].refused
                at += 1
                answer.partitions.append(
                    OffsetDeleteResponsePartition(
                        partition_index=partition.partition_index,
                        error_code=NONE if refused is None else topic_code(refused),
                    )
                )
    except Refusal as refusal:
        response.error_code = code_of(refusal)
    writer = call.writer()
    write_offset_delete_response(writer, response, call.version)
    call.send(writer, access.position())
