"""CreateTopics, DeleteTopics, CreatePartitions.

One node: a topic has one replica, on this broker; what asks for more is refused as Kafka refuses it with too few brokers.
Must not: authorise (the Access does).
Spec: Kafka protocol guide; KIP-464 (defaults), KIP-525 (configs in the answer), KIP-516 (topic ids), KIP-599 (quotas).
"""

from typing import Final

from mypy_extensions import mypyc_attr

from onemq.engine.acls import DELETE, DESCRIBE_CONFIGS, TOPIC
from onemq.engine.topics.config import TopicConfig
from onemq.engine.topics.topic import Topic
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.config_views import NOBODYS_DEFAULT, topic_views
from onemq.heads.kafka.commands.wording import words_of
from onemq.heads.kafka.errors import (
    INVALID_CONFIG,
    INVALID_PARTITIONS,
    INVALID_REPLICA_ASSIGNMENT,
    INVALID_REPLICATION_FACTOR,
    INVALID_REQUEST,
    POLICY_VIOLATION,
    THROTTLING_QUOTA_EXCEEDED,
    TOPIC_AUTHORIZATION_FAILED,
    UNKNOWN_TOPIC_ID,
    code_of,
)
from onemq.heads.kafka.messages.cold.create_partitions import (
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
    read_create_partitions_request,
    write_create_partitions_response,
)
from onemq.heads.kafka.messages.cold.create_topics import (
    CreatableTopic,
    CreatableTopicConfigs,
    CreatableTopicResult,
    CreateTopicsResponse,
    read_create_topics_request,
    write_create_topics_response,
)
from onemq.heads.kafka.messages.cold.delete_topics import (
    DeletableTopicResult,
    DeleteTopicsResponse,
    DeleteTopicState,
    read_delete_topics_request,
    write_delete_topics_response,
)
from onemq.heads.kafka.primitives import ZERO_UUID
from onemq.model.refusal import Reason, Refusal

TOPICS_MAX: Final = 10_000
"""Topics, and new partitions, of one request: as Kafka's controller."""
_STRICT_CREATE: Final = 6
_STRICT_DELETE: Final = 5
_STRICT_PARTITIONS: Final = 3
"""From these versions on a client knows THROTTLING_QUOTA_EXCEEDED."""
_QUOTA_TEXT: Final = "The throttling quota has been exceeded."


@mypyc_attr(native_class=False)
class Denied(Exception):
    """One entity of the request cannot be done: Kafka's code and text."""

    def __init__(self, code: int, text: str, throttle_ms: int = 0) -> None:
        """throttle_ms: when it is worth while to try again."""
        super().__init__(text)
        self.code = code
        self.text = text
        self.throttle_ms = throttle_ms


# CreateTopics.


def handle_create_topics(call: Call) -> None:
    request = read_create_topics_request(call.reader, call.version)
    access = call.session.access
    names: dict[str, int] = {}
    for topic in request.topics:
        names[topic.name] = names.get(topic.name, 0) + 1
    results: list[CreatableTopicResult] = []
    throttle_ms = 0
    partitions = 0
    for topic in request.topics:
        partitions += max(topic.num_partitions, len(topic.assignments), 1)
    for topic in request.topics:
        if names[topic.name] == 0:
            continue
        result = CreatableTopicResult(name=topic.name, topic_id=ZERO_UUID, error_message=None, configs=[])
        try:
            if names[topic.name] > 1:
                names[topic.name] = 0
                raise Denied(INVALID_REQUEST, "Duplicate topic name.")
            if len(request.topics) > TOPICS_MAX:
                raise Denied(POLICY_VIOLATION, "Excessively large number of topics per request.")
            if partitions > TOPICS_MAX:
                raise Denied(POLICY_VIOLATION, "Excessively large number of partitions per request.")
            throttle_ms = max(throttle_ms, _create(call, topic, request.validate_only, result))
        except Denied as denied:
            result.error_code = denied.code
            result.error_message = denied.text
            throttle_ms = max(throttle_ms, denied.throttle_ms)
        except Refusal as refusal:
            result.error_code = code_of(refusal)
            result.error_message = words_of(refusal)
        results.append(result)
    writer = call.writer()
    response = CreateTopicsResponse(throttle_time_ms=throttle_ms, topics=results)
    write_create_topics_response(writer, response, call.version)
    call.send(writer, access.position(), throttle_ms)


def _create(call: Call, wanted: CreatableTopic, check_only: bool, result: CreatableTopicResult) -> int:
    """Fills in the result; returns the ms to hold the client up for. Raises Denied, Refusal."""
    access = call.session.access
    name = wanted.name
    overrides: dict[str, str] = {}
    partitions = _partition_count(call, wanted)
    for config in wanted.configs:
        if config.value is None:
            raise Denied(INVALID_CONFIG, f"Null value not supported for topic configs: {config.name}")
        overrides[config.name] = config.value
    # Checked before it is counted: what is refused takes nothing from the quota.
    access.topics.create(name, partitions, overrides, True)
    throttle_ms = 0
    if not check_only:
        throttle_ms = _charge(call, partitions, _STRICT_CREATE)
        topic = access.topics.create(name, partitions, overrides)
        if topic is not None:
            result.topic_id = topic.topic_id
    result.num_partitions = partitions
    result.replication_factor = 1
    if access.authority.allows(TOPIC, DESCRIBE_CONFIGS, name):
        result.configs = _configs(overrides)
    else:
        result.configs = None
        result.num_partitions = -1
        result.replication_factor = -1
        result.topic_config_error_code = TOPIC_AUTHORIZATION_FAILED
    return throttle_ms


def _configs(overrides: dict[str, str]) -> list[CreatableTopicConfigs]:
    found: list[CreatableTopicConfigs] = []
    for view in topic_views(TopicConfig(overrides), NOBODYS_DEFAULT):
        found.append(
            CreatableTopicConfigs(
                name=view.name,
                value=view.value,
                read_only=view.read_only,
                config_source=view.source,
                is_sensitive=False,
            )
        )
    return found


def _charge(call: Call, partitions: int, strict_from: int) -> int:
    """Raises Denied when the quota is used up and the client knows what that is."""
    strict = call.version >= strict_from
    throttle_ms = call.session.access.admin.charge_mutations(call.client_id, partitions, strict)
    if strict and throttle_ms > 0:
        raise Denied(THROTTLING_QUOTA_EXCEEDED, _QUOTA_TEXT, throttle_ms)
    return throttle_ms


def _partition_count(call: Call, wanted: CreatableTopic) -> int:
    """How many partitions are asked for. Raises Denied."""
    if wanted.assignments:
        if wanted.replication_factor != -1:
            raise Denied(
                INVALID_REQUEST,
                "A manual partition assignment was specified, but replication factor was not set to -1.",
            )
        if wanted.num_partitions != -1:
            raise Denied(
                INVALID_REQUEST,
                "A manual partition assignment was specified, but numPartitions was not set to -1.",
            )
        indexes: list[int] = []
        for assignment in wanted.assignments:
            _check_replicas(call, assignment.broker_ids)
            indexes.append(assignment.partition_index)
        if sorted(indexes) != list(range(len(indexes))):
            raise Denied(
                INVALID_REPLICA_ASSIGNMENT, "partitions should be a consecutive 0-based integer sequence"
            )
        return len(indexes)
    factor = wanted.replication_factor
    if factor < -1 or factor == 0:
        raise Denied(
            INVALID_REPLICATION_FACTOR,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        )
    if factor > 1:
        raise Denied(
            INVALID_REPLICATION_FACTOR,
            f"Unable to replicate the partition {factor} time(s): The target replication factor of {factor} cannot be "
            "reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.",
        )
    if wanted.num_partitions < -1 or wanted.num_partitions == 0:
        raise Denied(INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.")
    return call.session.settings.partitions_default if wanted.num_partitions == -1 else wanted.num_partitions


def _check_replicas(call: Call, broker_ids: list[int]) -> None:
    """Raises Denied unless it is this broker, once."""
    here = call.session.settings.broker_id
    if not broker_ids:
        raise Denied(
            INVALID_REPLICA_ASSIGNMENT, "The manual partition assignment includes an empty replica list."
        )
    for broker_id in broker_ids:
        if broker_id != here:
            raise Denied(
                INVALID_REPLICA_ASSIGNMENT,
                f"The manual partition assignment includes broker {broker_id}, but no such broker is registered.",
            )
    if len(broker_ids) > 1:
        raise Denied(
            INVALID_REPLICA_ASSIGNMENT,
            f"The manual partition assignment includes the broker {here} more than once.",
        )


# DeleteTopics.


def handle_delete_topics(call: Call) -> None:
    request = read_delete_topics_request(call.reader, call.version)
    access = call.session.access
    wanted = list(request.topics)
    for name in request.topic_names:
        wanted.append(DeleteTopicState(name=name))
    results: list[DeletableTopicResult] = []
    throttle_ms = 0
    times: dict[tuple[str | None, bytes], int] = {}
    for state in wanted:
        key = (state.name, state.topic_id)
        times[key] = times.get(key, 0) + 1
    for state in wanted:
        key = (state.name, state.topic_id)
        if times[key] == 0:
            continue
        result = DeletableTopicResult(name=state.name, topic_id=state.topic_id)
        try:
            if times[key] > 1:
                times[key] = 0
                raise Denied(
                    INVALID_REQUEST, "Duplicate topic id." if state.name is None else "Duplicate topic name."
                )
            topic = _to_delete(call, state)
            result.name = topic.name
            result.topic_id = topic.topic_id
            access.authority.demand(TOPIC, DELETE, topic.name)
            throttle_ms = max(throttle_ms, _charge(call, len(topic.partitions), _STRICT_DELETE))
            access.topics.delete(topic)
        except Denied as denied:
            result.error_code = denied.code
            result.error_message = denied.text
            throttle_ms = max(throttle_ms, denied.throttle_ms)
        except Refusal as refusal:
            result.error_code = code_of(refusal)
            result.error_message = words_of(refusal)
            if state.name is None and refusal.reason == Reason.ACCESS_DENIED:
                # Who may not see the topic does not learn its name from its id.
                result.name = None
        results.append(result)
    writer = call.writer()
    response = DeleteTopicsResponse(throttle_time_ms=throttle_ms, responses=results)
    write_delete_topics_response(writer, response, call.version)
    call.send(writer, access.position(), throttle_ms)


def _to_delete(call: Call, state: DeleteTopicState) -> Topic:
    """Raises Denied, Refusal."""
    topics = call.session.access.topics
    if state.name is not None:
        if state.topic_id != ZERO_UUID:
            raise Denied(INVALID_REQUEST, "You may not specify both topic name and topic id.")
        return _find(call, state.name)
    if state.topic_id == ZERO_UUID:
        raise Denied(INVALID_REQUEST, "Neither topic name nor id were specified.")
    try:
        return topics.find_id(state.topic_id)
    except Refusal as refusal:
        if refusal.reason != Reason.NOT_FOUND:
            raise
        raise Denied(UNKNOWN_TOPIC_ID, "This server does not host this topic ID.") from None


def _find(call: Call, name: str) -> Topic:
    """A topic that has to be there; under a name that no topic can have there is none. Raises Refusal."""
    try:
        return call.session.access.topics.find(name)
    except Refusal as refusal:
        if refusal.reason != Reason.INVALID:
            raise
        raise Refusal(Reason.NOT_FOUND, "topic", name) from None


# CreatePartitions.


def handle_create_partitions(call: Call) -> None:
    request = read_create_partitions_request(call.reader, call.version)
    access = call.session.access
    names: dict[str, int] = {}
    for topic in request.topics:
        names[topic.name] = names.get(topic.name, 0) + 1
    results: list[CreatePartitionsTopicResult] = []
    throttle_ms = 0
    for topic in request.topics:
        if names[topic.name] == 0:
            continue
        result = CreatePartitionsTopicResult(name=topic.name)
        try:
            if names[topic.name] > 1:
                names[topic.name] = 0
                raise Denied(INVALID_REQUEST, "Duplicate topic name.")
            throttle_ms = max(throttle_ms, _add_partitions(call, topic, request.validate_only))
        except Denied as denied:
            result.error_code = denied.code
            result.error_message = denied.text
            throttle_ms = max(throttle_ms, denied.throttle_ms)
        except Refusal as refusal:
            result.error_code = code_of(refusal)
            result.error_message = words_of(refusal)
        results.append(result)
    writer = call.writer()
    response = CreatePartitionsResponse(throttle_time_ms=throttle_ms, results=results)
    write_create_partitions_response(writer, response, call.version)
    call.send(writer, access.position(), throttle_ms)


def _add_partitions(call: Call, wanted: CreatePartitionsTopic, check_only: bool) -> int:
    """Returns the ms to hold the client up for. Raises Denied, Refusal."""
    topics = call.session.access.topics
    topic = _find(call, wanted.name)
    present = len(topic.partitions)
    total = wanted.count
    if total == present:
        raise Denied(INVALID_PARTITIONS, f"Topic already has {present} partition(s).")
    if total < present:
        raise Denied(
            INVALID_PARTITIONS,
            f"The topic {wanted.name} currently has {present} partition(s); {total} would not be an increase.",
        )
    if total - present > TOPICS_MAX:
        raise Denied(POLICY_VIOLATION, "Excessively large number of partitions per request.")
    if wanted.assignments is not None:
        if len(wanted.assignments) != total - present:
            raise Denied(
                INVALID_REPLICA_ASSIGNMENT,
                f"Attempted to add {total - present} additional partition(s), but only {len(wanted.assignments)} "
                "assignment(s) were specified.",
            )
        for assignment in wanted.assignments:
            _check_replicas(call, assignment.broker_ids)
    topics.add_partitions(topic, total, True)
    if check_only:
        return 0
    throttle_ms = _charge(call, total - present, _STRICT_PARTITIONS)
    topics.add_partitions(topic, total)
    return throttle_ms
