"""WriteTxnMarkers (an administrator ends a hanging transaction), DescribeProducers, DescribeTransactions, ListTransactions. Cold.

Job: read the request, ask the engine, word its answer.
Must not: decide about producers or transactions.
Spec: Kafka protocol guide; KIP-664, KIP-994 (duration filter), KIP-1152 (pattern).
"""

from typing import Final

from onemq.engine.groups.pattern import TopicPattern
from onemq.engine.transactions.transaction import ABORTED, COMMITTED, EMPTY, ONGOING, Transaction
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.wording import words_of
from onemq.heads.kafka.errors import NONE, code_of
from onemq.heads.kafka.messages.cold.describe_producers import (
    DescribeProducersResponse,
    PartitionResponse,
    ProducerState,
    TopicResponse,
    read_describe_producers_request,
    write_describe_producers_response,
)
from onemq.heads.kafka.messages.cold.describe_transactions import (
    DescribeTransactionsResponse,
    TopicData,
    TransactionState,
    read_describe_transactions_request,
    write_describe_transactions_response,
)
from onemq.heads.kafka.messages.cold.list_transactions import (
    ListTransactionsRequest,
    ListTransactionsResponse,
    read_list_transactions_request,
    write_list_transactions_response,
)
from onemq.heads.kafka.messages.cold.list_transactions import TransactionState as ListedTransaction
from onemq.heads.kafka.messages.cold.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerPartitionResult,
    WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
    WriteTxnMarkersResponse,
    read_write_txn_markers_request,
    write_write_txn_markers_response,
)
from onemq.model.refusal import Refusal

STATE_NAMES: Final = {
    EMPTY: "Empty",
    ONGOING: "Ongoing",
    COMMITTED: "CompleteCommit",
    ABORTED: "CompleteAbort",
}
KNOWN_STATES: Final = (*STATE_NAMES.values(), "PrepareCommit", "PrepareAbort", "Dead", "PrepareEpochFence")
"""What a filter may name without being told that there is no such state."""
PATTERN_CHARACTERS_MAX: Final = 1000


def handle_write_txn_markers(call: Call) -> None:
    """API 27. Brokers use it among themselves; from clients it comes as Admin.abortTransaction."""
    request = read_write_txn_markers_request(call.reader, call.version)
    results = [_write_marker(call, marker) for marker in request.markers]
    writer = call.writer()
    write_write_txn_markers_response(writer, WriteTxnMarkersResponse(markers=results), call.version)
    call.send(writer, call.session.access.position())


def _write_marker(call: Call, marker: WritableTxnMarker) -> WritableTxnMarkerResult:
    transactions = call.session.access.transactions
    topics: list[WritableTxnMarkerTopicResult] = []
    for topic in marker.topics:
        rows: list[WritableTxnMarkerPartitionResult] = []
        for index in topic.partition_indexes:
            code = NONE
            try:
                transactions.end_for_another(
                    topic.name,
                    index,
                    marker.producer_id,
                    marker.producer_epoch,
                    marker.transaction_result,
                    marker.coordinator_epoch,
                )
            except Refusal as refusal:
                code = code_of(refusal)
            rows.append(WritableTxnMarkerPartitionResult(partition_index=index, error_code=code))
        topics.append(WritableTxnMarkerTopicResult(name=topic.name, partitions=rows))
    return WritableTxnMarkerResult(producer_id=marker.producer_id, topics=topics)


def handle_describe_producers(call: Call) -> None:
    """API 61."""
    request = read_describe_producers_request(call.reader, call.version)
    topics: list[TopicResponse] = []
    for topic in request.topics:
        rows = [_describe_partition(call, topic.name, index) for index in topic.partition_indexes]
        topics.append(TopicResponse(name=topic.name, partitions=rows))
    writer = call.writer()
    write_describe_producers_response(writer, DescribeProducersResponse(topics=topics), call.version)
    call.send(writer)


def _describe_partition(call: Call, topic: str, index: int) -> PartitionResponse:
    try:
        known = call.session.access.transactions.producers(topic, index)
    except Refusal as refusal:
        text = words_of(Refusal(refusal.reason, "topic", topic))
        return PartitionResponse(partition_index=index, error_code=code_of(refusal), error_message=text)
    active: list[ProducerState] = []
    for producer_id, state in known.items():
        active.append(
            ProducerState(
                producer_id=producer_id,
                producer_epoch=int(state.epoch),
                last_sequence=int(state.last_sequence),
                last_timestamp=int(state.last_ms),
                coordinator_epoch=int(state.coordinator_epoch),
                current_txn_start_offset=int(state.open_from),
            )
        )
    return PartitionResponse(partition_index=index, active_producers=active)


def handle_describe_transactions(call: Call) -> None:
    """API 65."""
    request = read_describe_transactions_request(call.reader, call.version)
    states = [_describe(call, transactional_id) for transactional_id in request.transactional_ids]
    writer = call.writer()
    response = DescribeTransactionsResponse(transaction_states=states)
    write_describe_transactions_response(writer, response, call.version)
    call.send(writer)


def _describe(call: Call, transactional_id: str) -> TransactionState:
    transactions = call.session.access.transactions
    try:
        found = transactions.describe(transactional_id)
    except Refusal as refusal:
        return TransactionState(error_code=code_of(refusal), transactional_id=transactional_id)
    topics: list[TopicData] = []
    for name, partitions in transactions.partitions_of(found).items():
        topics.append(TopicData(topic=name, partitions=partitions))
    return TransactionState(
        transactional_id=transactional_id,
        transaction_state=STATE_NAMES[found.state],
        transaction_timeout_ms=found.timeout_ms,
        transaction_start_time_ms=found.started_ms,
        producer_id=found.producer_id,
        producer_epoch=found.epoch,
        topics=topics,
    )


def handle_list_transactions(call: Call) -> None:
    """API 66."""
    request = read_list_transactions_request(call.reader, call.version)
    try:
        response = _list(call, request)
    except Refusal as refusal:
        response = ListTransactionsResponse(error_code=code_of(refusal))
    writer = call.writer()
    write_list_transactions_response(writer, response, call.version)
    call.send(writer)


def _list(call: Call, request: ListTransactionsRequest) -> ListTransactionsResponse:
    """Refusal INVALID_PATTERN."""
    access = call.session.access
    source = request.transactional_id_pattern
    pattern = TopicPattern(source, PATTERN_CHARACTERS_MAX) if source else None
    unknown = [name for name in request.state_filters if name not in KNOWN_STATES]
    states: list[ListedTransaction] = []
    for found in access.transactions.all():
        name = found.transactional_id
        if not _is_wanted(found, request, access.now_ms()):
            continue
        if pattern is not None and not pattern.matches(name):
            continue
        states.append(
            ListedTransaction(
                transactional_id=name,
                producer_id=found.producer_id,
                transaction_state=STATE_NAMES[found.state],
            )
        )
    return ListTransactionsResponse(unknown_state_filters=unknown, transaction_states=states)


def _is_wanted(found: Transaction, request: ListTransactionsRequest, now_ms: int) -> bool:
    if request.producer_id_filters and found.producer_id not in request.producer_id_filters:
        return False
    if request.state_filters and STATE_NAMES[found.state] not in request.state_filters:
        return False
    # Transactions that are shorter are left out; one that never began counts as begun at -1, as Kafka has it.
    return request.duration_filter < 0 or now_ms - found.started_ms > request.duration_filter
