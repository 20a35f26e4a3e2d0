"""Fetch: batches from partitions, at once or when there are enough.

There are no fetch sessions: every answer says session 0, so clients name all partitions every time (KIP-227 allows it).
Spec: Kafka protocol guide, "Fetch API"; KIP-74 (size limits), KIP-98 (isolation), KIP-320 (leader epochs), KIP-516 (topic ids).
"""

from typing import Final

from onemq.engine.natives import Natives
from onemq.engine.quotas import CONSUMER_BYTE_RATE
from onemq.engine.topics.fetching import Fetch, Fetched, FetchPart, FetchWaiter
from onemq.engine.topics.partition import LEADER_EPOCH
from onemq.engine.topics.topic import Topic
from onemq.heads.kafka.call import Call, Canceller
from onemq.heads.kafka.commands.brokers import topic_code
from onemq.heads.kafka.commands.fetch_answer import (
    TOPIC_IDS_FIRST,
    AnswerWriter,
    PartitionAnswer,
    TopicAnswer,
)
from onemq.heads.kafka.errors import (
    FETCH_SESSION_ID_NOT_FOUND,
    INVALID_FETCH_SESSION_EPOCH,
    NONE,
    UNKNOWN_LEADER_EPOCH,
    UNKNOWN_TOPIC_ID,
    code_of,
)
from onemq.heads.kafka.messages.fetch import FetchPartition, FetchRequest, FetchTopic, read_fetch_request
from onemq.model.refusal import Reason, Refusal

READ_COMMITTED: Final = 1
_EPOCH_AT: Final = 12
"""The leader's epoch in a batch's header, -1 in batches of other protocols."""
_NO_EPOCH: Final = b"\xff\xff\xff\xff"


class FetchCall(FetchWaiter):
    """One fetch on its way. `slots`: the answers' places, in the order of the plan's parts."""

    def __init__(self, call: Call, committed: bool) -> None:
        super().__init__()
        self.call = call
        self.committed = committed
        self.topics: list[TopicAnswer] = []
        self.slots: list[PartitionAnswer] = []
        self.refused = False

    def fetched(self, results: list[Fetched]) -> None:
        try:
            natives = self.call.session.access.catalog.natives
            for index in range(len(results)):
                _fill(self.slots[index], results[index], self.committed, natives)
            self.send(NONE)
        except Exception as error:
            self.call.fail(error)

    def send(self, error_code: int) -> None:
        call = self.call
        records_bytes = 0
        for slot in self.slots:
            for batch in slot.batches:
                records_bytes += len(batch)
        call.session.hold(records_bytes)
        throttle_ms = call.session.access.admin.charge(call.client_id, CONSUMER_BYTE_RATE, records_bytes)
        answer = AnswerWriter(call.writer(), call.version)
        answer.write(throttle_ms, error_code, self.topics)
        call.send_parts(answer.first, answer.parts, 0, throttle_ms)


class FetchCanceller(Canceller):
    """Forgets a fetch that nobody waits for any more."""

    def __init__(self, fetch: Fetch) -> None:
        super().__init__()
        self._fetch = fetch

    def cancel(self) -> None:
        self._fetch.cancel()


def handle_fetch(call: Call) -> None:
    request = read_fetch_request(call.reader, call.version)
    fetch = FetchCall(call, request.isolation_level == READ_COMMITTED)
    refused = _session_error(request)
    if refused != NONE:
        fetch.send(refused)
        return
    parts: list[FetchPart] = []
    for topic in request.topics:
        _add_topic(fetch, topic, parts)
    if not parts:
        fetch.send(NONE)
        return
    # What has an error is told at once: the client has to react to it.
    wait_ms = 0 if fetch.refused else max(request.max_wait_ms, 0)
    bytes_max = min(max(request.max_bytes, 0), call.session.settings.fetch_bytes_max)
    # Nobody can wait for more than one answer may hold.
    bytes_min = min(max(request.min_bytes, 0), bytes_max)
    under_way = call.session.access.topics.fetch(parts, bytes_min, bytes_max, wait_ms, fetch.committed, fetch)
    if not call.answered:
        call.canceller = FetchCanceller(under_way)


def _session_error(request: FetchRequest) -> int:
    if request.session_id != 0:
        return FETCH_SESSION_ID_NOT_FOUND
    return INVALID_FETCH_SESSION_EPOCH if request.session_epoch > 0 else NONE


def _add_topic(fetch: FetchCall, topic: FetchTopic, parts: list[FetchPart]) -> None:
    """Makes the places of a topic's partitions, and the parts of the plan for those that can be read."""
    topics = fetch.call.session.access.topics
    found: Topic | None = None
    code = NONE
    try:
        if fetch.call.version < TOPIC_IDS_FIRST:
            found = topics.find(topic.topic)
        else:
            found = topics.find_id(topic.topic_id)
    except Refusal as refusal:
        code = topic_code(refusal)
        if refusal.reason == Reason.NOT_FOUND and fetch.call.version >= TOPIC_IDS_FIRST:
            code = UNKNOWN_TOPIC_ID
    answer = TopicAnswer(topic.topic, topic.topic_id)
    fetch.topics.append(answer)
    for partition in topic.partitions:
        refused = code if code != NONE else _epoch_error(partition)
        place = PartitionAnswer(partition.partition, refused)
        answer.partitions.append(place)
        if code != NONE:
            place.aborted = []
        if refused != NONE:
            fetch.refused = True
            continue
        fetch.slots.append(place)
        bytes_max = max(partition.partition_max_bytes, 0)
        parts.append(topics.fetch_part(found, partition.partition, partition.fetch_offset, bytes_max))


def _epoch_error(partition: FetchPartition) -> int:
    return UNKNOWN_LEADER_EPOCH if partition.current_leader_epoch > LEADER_EPOCH else NONE


def _fill(place: PartitionAnswer, result: Fetched, committed: bool, natives: Natives) -> None:
    """Puts what the engine gave into its place."""
    refused = result.refused
    if refused is not None:
        place.error_code = code_of(Refusal(refused, "partition"))
        # Beside an error Kafka says nothing of the log.
        if refused == Reason.NOT_FOUND:
            place.aborted = []
        return
    place.high_watermark = result.high_watermark
    place.stable_end = result.stable_end
    place.start_offset = result.start_offset
    if committed:
        aborted: list[int] = []
        for transaction in result.aborted or []:
            aborted.append(int(transaction.producer_id))
            aborted.append(int(transaction.first))
        place.aborted = aborted
    for batch in result.batches:
        if batch[_EPOCH_AT : _EPOCH_AT + 4] == _NO_EPOCH:
            batch = natives.plain_batch(batch)
        place.batches.append(batch)
