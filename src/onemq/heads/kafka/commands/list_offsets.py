"""ListOffsets: offsets of a partition by time, or its ends.

Spec: Kafka protocol guide, "ListOffsets API"; KIP-79 (times), KIP-98 (isolation), KIP-734 (latest time), KIP-405 and KIP-1005
(tiers).
"""

from typing import Final

from onemq.engine.topics.lookup import Lookup, LookupWaiter
from onemq.engine.topics.partition import LEADER_EPOCH
from onemq.engine.topics.topic import Topic
from onemq.engine.topics.topic_access import EARLIEST, EARLIEST_LOCAL, LATEST, LATEST_TIERED, MAX_TIMESTAMP
from onemq.heads.kafka.call import Call, Canceller
from onemq.heads.kafka.commands.brokers import topic_code
from onemq.heads.kafka.errors import INVALID_REQUEST, NONE, UNKNOWN_LEADER_EPOCH, UNSUPPORTED_VERSION, code_of
from onemq.heads.kafka.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsResponse,
    ListOffsetsTopic,
    ListOffsetsTopicResponse,
    read_list_offsets_request,
    write_list_offsets_response,
)
from onemq.model.refusal import Refusal

READ_COMMITTED: Final = 1
_SPECIAL: Final = {EARLIEST: 1, LATEST: 1, MAX_TIMESTAMP: 7, EARLIEST_LOCAL: 8, LATEST_TIERED: 9}
"""Special times, and the version from which each may be asked for."""


class OffsetsCall(Canceller):
    """One request: its answers are sent when no look-up is under way any more."""

    def __init__(self, call: Call, committed: bool) -> None:
        super().__init__()
        self.call = call
        self.committed = committed
        self.topics: list[ListOffsetsTopicResponse] = []
        # One for the reading of the request itself: answers that come meanwhile must not send it.
        self.open = 1
        self.lookups: list[Lookup] = []

    def closed(self) -> None:
        """One that was open is answered."""
        self.open -= 1
        if self.open == 0:
            call = self.call
            writer = call.writer()
            write_list_offsets_response(writer, ListOffsetsResponse(topics=self.topics), call.version)
            call.send(writer, call.session.access.position())

    def cancel(self) -> None:
        for lookup in self.lookups:
            lookup.cancelled = True


class OffsetLookup(LookupWaiter):
    """One partition's place in the answer."""

    def __init__(self, offsets: OffsetsCall, answer: ListOffsetsPartitionResponse) -> None:
        super().__init__()
        self._offsets = offsets
        self._answer = answer

    def looked_up(self, offset: int, time_ms: int) -> None:
        answer = self._answer
        answer.offset = offset
        answer.timestamp = time_ms
        answer.leader_epoch = LEADER_EPOCH if offset >= 0 else -1
        try:
            self._offsets.closed()
        except Exception as error:
            self._offsets.call.fail(error)


def handle_list_offsets(call: Call) -> None:
    request = read_list_offsets_request(call.reader, call.version)
    offsets = OffsetsCall(call, request.isolation_level == READ_COMMITTED)
    for topic in request.topics:
        offsets.topics.append(_topic(offsets, topic))
    offsets.closed()
    if not call.answered:
        call.canceller = offsets


def _topic(offsets: OffsetsCall, wanted: ListOffsetsTopic) -> ListOffsetsTopicResponse:
    response = ListOffsetsTopicResponse(name=wanted.name)
    topic: Topic | None = None
    code = NONE
    try:
        topic = offsets.call.session.access.topics.find(wanted.name)
    except Refusal as refusal:
        code = topic_code(refusal)
    asked: dict[int, list[ListOffsetsPartition]] = {}
    for partition in wanted.partitions:
        asked.setdefault(partition.partition_index, []).append(partition)
    for index, questions in asked.items():
        answer = ListOffsetsPartitionResponse(partition_index=index, error_code=code)
        response.partitions.append(answer)
        if len(questions) > 1:
            answer.error_code = INVALID_REQUEST
        elif topic is not None:
            _look_up(offsets, topic, questions[0], answer)
    return response


def _look_up(
    offsets: OffsetsCall, topic: Topic, wanted: ListOffsetsPartition, answer: ListOffsetsPartitionResponse
) -> None:
    call = offsets.call
    time_ms = wanted.timestamp
    if time_ms < 0:
        since = _SPECIAL.get(time_ms)
        if since is None or call.version < since:
            answer.error_code = UNSUPPORTED_VERSION
            return
    if wanted.current_leader_epoch > LEADER_EPOCH:
        answer.error_code = UNKNOWN_LEADER_EPOCH
        return
    offsets.open += 1
    try:
        lookup = call.session.access.topics.offset_for(
            topic, wanted.partition_index, time_ms, offsets.committed, OffsetLookup(offsets, answer)
        )
    except Refusal as refusal:
        offsets.open -= 1
        answer.error_code = code_of(refusal)
        return
    if lookup is not None:
        offsets.lookups.append(lookup)
