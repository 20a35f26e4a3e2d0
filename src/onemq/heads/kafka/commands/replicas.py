"""DescribeLogDirs, ElectLeaders, AlterPartitionReassignments, ListPartitionReassignments: what a cluster has, said by one node.

Every partition has one replica, which leads, in the one store. Nothing is ever moved or elected.
Must not: authorise (the Access does).
Spec: Kafka protocol guide; KIP-113, KIP-183, KIP-455, KIP-460, KIP-827.
"""

from onemq.engine.acls import ALTER, DESCRIBE
from onemq.engine.topics.topic import Topic
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.topics import Denied
from onemq.heads.kafka.commands.wording import words_of
from onemq.heads.kafka.errors import (
    ELECTION_NOT_NEEDED,
    INVALID_REPLICA_ASSIGNMENT,
    NO_REASSIGNMENT_IN_PROGRESS,
    NONE,
    UNKNOWN_TOPIC_OR_PARTITION,
    code_of,
)
from onemq.heads.kafka.messages.cold import elect_leaders as election
from onemq.heads.kafka.messages.cold.alter_partition_reassignments import (
    AlterPartitionReassignmentsResponse,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
    read_alter_partition_reassignments_request,
    write_alter_partition_reassignments_response,
)
from onemq.heads.kafka.messages.cold.describe_log_dirs import (
    DescribeLogDirsPartition,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
    read_describe_log_dirs_request,
    write_describe_log_dirs_response,
)
from onemq.heads.kafka.messages.cold.list_partition_reassignments import (
    ListPartitionReassignmentsResponse,
    read_list_partition_reassignments_request,
    write_list_partition_reassignments_response,
)
from onemq.heads.kafka.server_configs import LOG_DIRECTORY
from onemq.model.refusal import Reason, Refusal


def handle_describe_log_dirs(call: Call) -> None:
    request = read_describe_log_dirs_request(call.reader, call.version)
    access = call.session.access
    response = DescribeLogDirsResponse()
    try:
        access.admin.demand_cluster(DESCRIBE)
        asked: dict[str, list[int]] | None = None
        if request.topics is not None:
            asked = {topic.topic: topic.partitions for topic in request.topics}
        result = DescribeLogDirsResult(error_code=NONE, log_dir=LOG_DIRECTORY)
        for topic in access.topics.topics():
            if asked is None:
                result.topics.append(_sizes(topic, list(range(len(topic.partitions)))))
            elif topic.name in asked:
                result.topics.append(_sizes(topic, asked[topic.name]))
        response.results = [result]
    except Refusal as refusal:
        response.error_code = code_of(refusal)
    writer = call.writer()
    write_describe_log_dirs_response(writer, response, call.version)
    call.send(writer)


def _sizes(topic: Topic, indexes: list[int]) -> DescribeLogDirsTopic:
    found = DescribeLogDirsTopic(name=topic.name)
    for index in indexes:
        if 0 <= index < len(topic.partitions):
            partition = topic.partitions[index]
            size = int(partition.value_bytes + partition.log.hidden_bytes)
            found.partitions.append(
                DescribeLogDirsPartition(
                    partition_index=index, partition_size=size, offset_lag=0, is_future_key=False
                )
            )
    return found


def handle_elect_leaders(call: Call) -> None:
    request = election.read_elect_leaders_request(call.reader, call.version)
    access = call.session.access
    response = election.ElectLeadersResponse()
    try:
        access.admin.demand_cluster(ALTER)
        # Asked for all partitions, the answer names those that got a new leader: none.
        for asked in request.topic_partitions or []:
            result = election.ReplicaElectionResult(topic=asked.topic)
            for index in asked.partitions:
                code = ELECTION_NOT_NEEDED
                text = "Leader election not needed for topic partition."
                if not _exists(call, asked.topic, index):
                    code = UNKNOWN_TOPIC_OR_PARTITION
                    text = "This server does not host this topic-partition."
                result.partition_result.append(
                    election.PartitionResult(partition_id=index, error_code=code, error_message=text)
                )
            response.replica_election_results.append(result)
    except Refusal as refusal:
        response.error_code = code_of(refusal)
    writer = call.writer()
    election.write_elect_leaders_response(writer, response, call.version)
    call.send(writer)


def _exists(call: Call, name: str, index: int) -> bool:
    try:
        topic = call.session.access.topics.find(name)
    except Refusal as refusal:
        if refusal.reason == Reason.ACCESS_DENIED:
            raise
        return False
    return 0 <= index < len(topic.partitions)


def handle_alter_partition_reassignments(call: Call) -> None:
    request = read_alter_partition_reassignments_request(call.reader, call.version)
    response = AlterPartitionReassignmentsResponse(
        error_message=None, allow_replication_factor_change=request.allow_replication_factor_change
    )
    try:
        call.session.access.admin.demand_cluster(ALTER)
        for topic in request.topics:
            result = ReassignableTopicResponse(name=topic.name)
            for partition in topic.partitions:
                answer = ReassignablePartitionResponse(
                    partition_index=partition.partition_index, error_message=None
                )
                try:
                    _check_reassignment(call, topic.name, partition.partition_index, partition.replicas)
                except Denied as denied:
                    answer.error_code = denied.code
                    answer.error_message = denied.text
                result.partitions.append(answer)
            response.responses.append(result)
    except Refusal as refusal:
        response.error_code = code_of(refusal)
        response.error_message = words_of(refusal)
    writer = call.writer()
    write_alter_partition_reassignments_response(writer, response, call.version)
    call.send(writer)


def _check_reassignment(call: Call, name: str, index: int, replicas: list[int] | None) -> None:
    """To this broker alone is where every partition is; anything else cannot be. Raises Denied, Refusal."""
    if not _exists(call, name, index):
        raise Denied(UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.")
    if replicas is None:
        raise Denied(NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress.")
    if not replicas:
        raise Denied(
            INVALID_REPLICA_ASSIGNMENT, "The manual partition assignment includes an empty replica list."
        )
    here = call.session.settings.broker_id
    for broker_id in replicas:
        if broker_id != here:
            raise Denied(
                INVALID_REPLICA_ASSIGNMENT,
                f"The manual partition assignment includes broker {broker_id}, but no such broker is registered.",
            )
    if len(replicas) > 1:
        raise Denied(
            INVALID_REPLICA_ASSIGNMENT,
            f"The manual partition assignment includes the broker {here} more than once.",
        )


def handle_list_partition_reassignments(call: Call) -> None:
    """None is ever in progress."""
    read_list_partition_reassignments_request(call.reader, call.version)
    response = ListPartitionReassignmentsResponse(error_message=None)
    try:
        call.session.access.admin.demand_cluster(DESCRIBE)
    except Refusal as refusal:
        response.error_code = code_of(refusal)
        response.error_message = words_of(refusal)
    writer = call.writer()
    write_list_partition_reassignments_response(writer, response, call.version)
    call.send(writer)
