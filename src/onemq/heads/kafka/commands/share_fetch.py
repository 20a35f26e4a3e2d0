"""ShareFetch: records for one member of a share group, at once or when there are some; and what it says of earlier ones.

Spec: KIP-932, "ShareFetch API" 1; KIP-1206 and KIP-1222 for version 2 (strict limits, renewing locks).
"""

from typing import Final

from onemq.engine.natives import Natives
from onemq.engine.quotas import CONSUMER_BYTE_RATE
from onemq.engine.share.fetching import ShareAsk, ShareFetch, ShareFetched, ShareFetchWaiter
from onemq.engine.share.partition import SharePartition
from onemq.engine.share.sessions import FIRST_EPOCH, LAST_EPOCH, Place
from onemq.heads.kafka.call import Call, Canceller
from onemq.heads.kafka.commands.share_acknowledge import (
    AcknowledgementList,
    acknowledge,
    checked_names,
    place_code,
)
from onemq.heads.kafka.errors import code_of
from onemq.heads.kafka.messages.share_fetch import (
    AcquiredRecords,
    PartitionData,
    ShareFetchableTopicResponse,
    ShareFetchRequest,
    ShareFetchResponse,
    read_share_fetch_request,
    write_share_fetch_response,
)
from onemq.model.record_batch import OWN_LEADER_EPOCH, leader_epoch
from onemq.model.refusal import Reason, Refusal

WHOLE_BATCHES: Final = 0
"""Acquire mode: whole batches until there are as many records as wanted; the other is "no more than that"."""

DELIVERIES_MAX: Final = 32767
"""What the answer has room for; a topic's own limit may be higher."""


class ShareFetchCall(ShareFetchWaiter):
    """One share fetch on its way. `slots`: the answers' places, in the order of the share partitions asked."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call
        self.response = ShareFetchResponse()
        self.position = 0
        self.slots: list[Place] = []
        self._topics: dict[bytes, ShareFetchableTopicResponse] = {}
        self._places: dict[Place, PartitionData] = {}

    def place(self, topic_id: bytes, index: int) -> PartitionData:
        """The partition's place in the answer; made when there is none."""
        key = (topic_id, index)
        found = self._places.get(key)
        if found is None:
            topic = self._topics.get(topic_id)
            if topic is None:
                topic = ShareFetchableTopicResponse(topic_id=topic_id)
                self._topics[topic_id] = topic
                self.response.responses.append(topic)
            found = PartitionData(partition_index=index, records=[])
            self._places[key] = found
            topic.partitions.append(found)
        return found

    def share_fetched(self, results: list[ShareFetched]) -> None:
        try:
            natives = self.call.session.access.catalog.natives
            for index in range(len(results)):
                if results[index].acquired:
                    topic_id, number = self.slots[index]
                    _fill(self.place(topic_id, number), results[index], natives)
            self.send()
        except Exception as error:
            self.call.fail(error)

    def refuse(self, refusal: Refusal) -> None:
        self.response.error_code = code_of(refusal)
        self.response.error_message = refusal.detail or refusal.reason.name
        self.send()

    def send(self) -> None:
        call = self.call
        size = 0
        for place in self._places.values():
            for batch in place.records or []:
                size += len(batch)
        call.session.hold(size)
        throttle_ms = call.session.access.admin.charge(call.client_id, CONSUMER_BYTE_RATE, size)
        self.response.throttle_time_ms = throttle_ms
        writer = call.writer()
        write_share_fetch_response(writer, self.response, call.version)
        call.send(writer, self.position, throttle_ms)


class ShareFetchCanceller(Canceller):
    """Forgets a fetch that nobody waits for any more."""

    def __init__(self, fetch: ShareFetch) -> None:
        super().__init__()
        self._fetch = fetch

    def cancel(self) -> None:
        self._fetch.cancel()


def handle_share_fetch(call: Call) -> None:
    """API 78."""
    request = read_share_fetch_request(call.reader, call.version)
    fetch = ShareFetchCall(call)
    try:
        group, member = checked_names(request.group_id, request.member_id)
        places = _session(fetch, request, group, member)
    except Refusal as refusal:
        fetch.refuse(refusal)
        return
    access = call.session.access
    fetch.response.acquisition_lock_timeout_ms = access.shares.lock_ms(group)
    said = _acknowledge(fetch, request, group, member)
    if request.share_session_epoch == LAST_EPOCH:
        access.shares.close_session(group, member)
        places = []
        said = True
    if said:
        fetch.position = access.position()
    shares: list[SharePartition] = []
    refused = False
    for topic_id, index in places:
        try:
            shares.append(access.shares.share(group, topic_id, index))
            fetch.slots.append((topic_id, index))
        except Refusal as refusal:
            refused = True
            place = fetch.place(topic_id, index)
            place.error_code = place_code(refusal)
            place.error_message = refusal.detail or refusal.reason.name
    if not shares or request.is_renew_ack:
        fetch.send()
        return
    ask = ShareAsk(
        member,
        max(request.min_bytes, 0),
        max(request.max_bytes, 0),
        max(request.max_records, 0),
        0 if refused else max(request.max_wait_ms, 0),
        request.share_acquire_mode == WHOLE_BATCHES,
    )
    under_way = access.shares.fetch(shares, ask, fetch)
    if not call.answered:
        call.canceller = ShareFetchCanceller(under_way)


def _session(fetch: ShareFetchCall, request: ShareFetchRequest, group: str, member: str) -> list[Place]:
    """What is to be fetched. Refusal INVALID ("request"), SESSION_UNKNOWN, SESSION_EPOCH, SESSION_LIMIT, ACCESS_DENIED, NOT_FOUND."""
    named: list[Place] = []
    says = False
    for topic in request.topics:
        for partition in topic.partitions:
            named.append((topic.topic_id, partition.partition_index))
            says = says or len(partition.acknowledgement_batches) > 0
    if request.is_renew_ack and (
        request.max_bytes or request.min_bytes or request.max_records or request.max_wait_ms
    ):
        raise Refusal(Reason.INVALID, "request", "", "A request that renews locks fetches nothing.")
    shares = fetch.call.session.access.shares
    if request.share_session_epoch == FIRST_EPOCH:
        if says:
            raise Refusal(
                Reason.INVALID, "request", "", "The first request of a share session acknowledges nothing."
            )
        return shares.open_session(group, member, named)
    if request.share_session_epoch == LAST_EPOCH:
        shares.check_session(group, member, LAST_EPOCH)
        return []
    forgotten: list[Place] = []
    for gone in request.forgotten_topics_data:
        for index in gone.partitions:
            forgotten.append((gone.topic_id, index))
    return shares.use_session(group, member, request.share_session_epoch, named, forgotten)


def _acknowledge(fetch: ShareFetchCall, request: ShareFetchRequest, group: str, member: str) -> bool:
    """What the member says of earlier records; the answers are in their places. True when it says anything."""
    said = False
    access = fetch.call.session.access
    for topic in request.topics:
        for partition in topic.partitions:
            if not partition.acknowledgement_batches:
                continue
            said = True
            items = AcknowledgementList(request.is_renew_ack)
            for batch in partition.acknowledgement_batches:
                items.add(batch.first_offset, batch.last_offset, batch.acknowledge_types)
            code, message = acknowledge(
                access, group, member, topic.topic_id, partition.partition_index, items
            )
            place = fetch.place(topic.topic_id, partition.partition_index)
            place.acknowledge_error_code = code
            place.acknowledge_error_message = message
    return said


def _fill(place: PartitionData, result: ShareFetched, natives: Natives) -> None:
    """Puts what the engine gave into its place."""
    batches: list[bytes] = []
    for data in result.batches:
        batches.append(natives.plain_batch(data) if leader_epoch(data) == OWN_LEADER_EPOCH else data)
    place.records = batches
    for run in result.acquired:
        place.acquired_records.append(
            AcquiredRecords(
                first_offset=int(run.first),
                last_offset=int(run.last),
                delivery_count=min(int(run.deliveries), DELIVERIES_MAX),
            )
        )
