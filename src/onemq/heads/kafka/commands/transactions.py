"""InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit, EndTxn.

Job: read the request, ask the engine, word its answer; each version's own error codes.
Must not: decide about producers or transactions.
Spec: Kafka protocol guide; KIP-98, KIP-360; error codes by version as Apache Kafka's "KafkaApis" has them.
"""

from typing import Final

from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.errors import (
    INVALID_PRODUCER_EPOCH,
    INVALID_TXN_STATE,
    NONE,
    TRANSACTION_ABORTABLE,
    code_of,
)
from onemq.heads.kafka.messages.add_offsets_to_txn import (
    AddOffsetsToTxnResponse,
    read_add_offsets_to_txn_request,
    write_add_offsets_to_txn_response,
)
from onemq.heads.kafka.messages.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopicResult,
    read_add_partitions_to_txn_request,
    write_add_partitions_to_txn_response,
)
from onemq.heads.kafka.messages.end_txn import EndTxnResponse, read_end_txn_request, write_end_txn_response
from onemq.heads.kafka.messages.init_producer_id import (
    InitProducerIdResponse,
    read_init_producer_id_request,
    write_init_producer_id_response,
)
from onemq.heads.kafka.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
    read_txn_offset_commit_request,
    write_txn_offset_commit_response,
)
from onemq.model.refusal import Reason, Refusal

INIT_KNOWS_FENCED: Final = 4
REQUESTS_KNOW_FENCED: Final = 2
OFFSETS_KNOW_ABORTABLE: Final = 4
"""First versions whose clients know PRODUCER_FENCED or TRANSACTION_ABORTABLE; older ones get the next best code."""


def _code(refusal: Refusal, knows_fenced: bool) -> int:
    if refusal.reason == Reason.PRODUCER_FENCED and not knows_fenced:
        return INVALID_PRODUCER_EPOCH
    return code_of(refusal)


def handle_init_producer_id(call: Call) -> None:
    """API 22."""
    version = call.version
    request = read_init_producer_id_request(call.reader, version)
    access = call.session.access
    try:
        grant = access.transactions.initialise(
            request.transactional_id,
            request.transaction_timeout_ms,
            request.producer_id,
            request.producer_epoch,
        )
        response = InitProducerIdResponse(producer_id=grant.producer_id, producer_epoch=grant.epoch)
    except Refusal as refusal:
        code = _code(refusal, version >= INIT_KNOWS_FENCED)
        response = InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1)
    writer = call.writer()
    write_init_producer_id_response(writer, response, version)
    call.send(writer, access.position())


def handle_add_partitions_to_txn(call: Call) -> None:
    """API 24, versions 0 to 3: later ones are for brokers."""
    version = call.version
    request = read_add_partitions_to_txn_request(call.reader, version)
    access = call.session.access
    wanted: list[tuple[str, int]] = []
    for topic in request.v3_and_below_topics:
        for index in topic.partitions:
            wanted.append((topic.name, index))
    codes: list[int] = []
    try:
        outcomes = access.transactions.add_partitions(
            request.v3_and_below_transactional_id,
            request.v3_and_below_producer_id,
            request.v3_and_below_producer_epoch,
            wanted,
        )
        for outcome in outcomes:
            codes.append(NONE if outcome is None else code_of(outcome))
    except Refusal as refusal:
        codes = [_code(refusal, version >= REQUESTS_KNOW_FENCED)] * len(wanted)
    results: list[AddPartitionsToTxnTopicResult] = []
    at = 0
    for topic in request.v3_and_below_topics:
        rows: list[AddPartitionsToTxnPartitionResult] = []
        for index in topic.partitions:
            rows.append(
                AddPartitionsToTxnPartitionResult(partition_index=index, partition_error_code=codes[at])
            )
            at += 1
        results.append(AddPartitionsToTxnTopicResult(name=topic.name, results_by_partition=rows))
    writer = call.writer()
    response = AddPartitionsToTxnResponse(results_by_topic_v3_and_below=results)
    write_add_partitions_to_txn_response(writer, response, version)
    call.send(writer, access.position())


def handle_add_offsets_to_txn(call: Call) -> None:
    """API 25."""
    version = call.version
    request = read_add_offsets_to_txn_request(call.reader, version)
    access = call.session.access
    code = NONE
    try:
        access.transactions.add_offsets(
            request.transactional_id, request.producer_id, request.producer_epoch, request.group_id
        )
    except Refusal as refusal:
        code = _code(refusal, version >= REQUESTS_KNOW_FENCED)
    writer = call.writer()
    write_add_offsets_to_txn_response(writer, AddOffsetsToTxnResponse(error_code=code), version)
    call.send(writer, access.position())


def handle_end_txn(call: Call) -> None:
    """API 26. The answer leaves when markers, offsets and state are durable together."""
    version = call.version
    request = read_end_txn_request(call.reader, version)
    access = call.session.access
    code = NONE
    try:
        access.transactions.end(
            request.transactional_id, request.producer_id, request.producer_epoch, request.committed
        )
    except Refusal as refusal:
        code = _code(refusal, version >= REQUESTS_KNOW_FENCED)
    writer = call.writer()
    write_end_txn_response(writer, EndTxnResponse(error_code=code), version)
    call.send(writer, access.position())


def handle_txn_offset_commit(call: Call) -> None:
    """API 28."""
    version = call.version
    request = read_txn_offset_commit_request(call.reader, version)
    access = call.session.access
    codes: dict[tuple[int, int], int] = {}
    try:
        access.transactions.may_commit_offsets(request.transactional_id, request.group_id)
        _commit_offsets(call, request, codes)
    except Refusal as refusal:
        code = _commit_code(refusal, version)
        for at, topic in enumerate(request.topics):
            for row in range(len(topic.partitions)):
                codes.setdefault((at, row), code)
    results: list[TxnOffsetCommitResponseTopic] = []
    for at, topic in enumerate(request.topics):
        rows: list[TxnOffsetCommitResponsePartition] = []
        for row, partition in enumerate(topic.partitions):
            rows.append(
                TxnOffsetCommitResponsePartition(
                    partition_index=partition.partition_index, error_code=codes.get((at, row), NONE)
                )
            )
        results.append(TxnOffsetCommitResponseTopic(name=topic.name, partitions=rows))
    writer = call.writer()
    write_txn_offset_commit_response(writer, TxnOffsetCommitResponse(topics=results), version)
    call.send(writer, access.position())


def _commit_code(refusal: Refusal, version: int) -> int:
    if refusal.reason == Reason.NOT_IN_TRANSACTION:
        return TRANSACTION_ABORTABLE if version >= OFFSETS_KNOW_ABORTABLE else INVALID_TXN_STATE
    return code_of(refusal)


def _commit_offsets(call: Call, request: TxnOffsetCommitRequest, codes: dict[tuple[int, int], int]) -> None:
    """Puts into `codes` what was refused, by topic's and partition's place. Refusal when all the others are refused."""
    access = call.session.access
    commits: list[Commit] = []
    places: list[tuple[int, int]] = []
    for at, topic in enumerate(request.topics):
        for row, partition in enumerate(topic.partitions):
            refused = access.transactions.readable(topic.name, partition.partition_index)
            if refused is not None:
                codes[(at, row)] = code_of(refused)
                continue
            metadata = partition.committed_metadata
            commits.append(
                Commit(
                    topic.name,
                    partition.partition_index,
                    partition.committed_offset,
                    partition.committed_leader_epoch,
                    "" if metadata is None else metadata,
                )
            )
            places.append((at, row))
    if not commits:
        return
    access.transactions.check_offsets(
        request.transactional_id, request.producer_id, request.producer_epoch, request.group_id
    )
    member = Membership(request.generation_id, request.member_id, request.group_instance_id)
    access.groups.commit_transactional(request.group_id, request.producer_id, commits, member)
    for place, commit in zip(places, commits, strict=True):
        if commit.refused is not None:
            codes[place] = code_of(commit.refused)
