"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources.

Topics and groups have settings that can be changed; the broker's are read-only here, and a request to change them says so.
Must not: authorise (the Access does), validate values (the engine's tables do).
Spec: Kafka protocol guide; KIP-133, KIP-226, KIP-339 (incremental), KIP-1142 (ListConfigResources).
"""

from typing import Final

from onemq.engine.acls import ALTER_CONFIGS, DESCRIBE_CONFIGS, TOPIC
from onemq.engine.group_configs import GROUP_CONFIGS
from onemq.engine.topics.config import list_of
from onemq.engine.topics.config_table import LIST, TOPIC_CONFIGS, ConfigEntry
from onemq.engine.topics.topic import Topic
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import advertised_host, advertised_port
from onemq.heads.kafka.commands.config_views import (
    ConfigView,
    as_parsed,
    group_views,
    server_views,
    topic_views,
)
from onemq.heads.kafka.commands.topics import Denied
from onemq.heads.kafka.commands.wording import words_of
from onemq.heads.kafka.errors import (
    INVALID_CONFIG,
    INVALID_REQUEST,
    UNKNOWN_TOPIC_OR_PARTITION,
    UNSUPPORTED_VERSION,
    code_of,
)
from onemq.heads.kafka.messages.cold import alter_configs as replacing
from onemq.heads.kafka.messages.cold import incremental_alter_configs as incremental
from onemq.heads.kafka.messages.cold.describe_configs import (
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
    read_describe_configs_request,
    write_describe_configs_response,
)
from onemq.heads.kafka.messages.cold.list_config_resources import (
    ConfigResource,
    ListConfigResourcesResponse,
    read_list_config_resources_request,
    write_list_config_resources_response,
)
from onemq.heads.kafka.server_configs import ServerConfig, server_configs
from onemq.model.refusal import Reason, Refusal

RESOURCE_TOPIC: Final = 2
RESOURCE_BROKER: Final = 4
RESOURCE_BROKER_LOGGER: Final = 8
RESOURCE_CLIENT_METRICS: Final = 16
RESOURCE_GROUP: Final = 32

REPLICATION_THROTTLES: Final = frozenset(
    (
        "leader.replication.throttled.rate",
        "follower.replication.throttled.rate",
        "replica.alter.log.dirs.io.max.bytes.per.second",
    )
)
"""Never set here, so they may be deleted: kafka-reassign-partitions does when a reassignment has ended."""

SET: Final = 0
DELETE: Final = 1
APPEND: Final = 2
SUBTRACT: Final = 3

Change = tuple[str, int, str | None]
"""Name, operation, value."""


# DescribeConfigs.


def handle_describe_configs(call: Call) -> None:
    request = read_describe_configs_request(call.reader, call.version)
    results: list[DescribeConfigsResult] = []
    for resource in request.resources:
        result = DescribeConfigsResult(
            error_message="", resource_type=resource.resource_type, resource_name=resource.resource_name
        )
        try:
            for view in _views_of(call, resource):
                if not resource.configuration_keys or view.name in resource.configuration_keys:
                    result.configs.append(
                        _described(view, request.include_synonyms, request.include_documentation)
                    )
        except Denied as denied:
            result.error_code = denied.code
            result.error_message = denied.text
        except Refusal as refusal:
            result.error_code = code_of(refusal)
            result.error_message = words_of(refusal)
        results.append(result)
    writer = call.writer()
    write_describe_configs_response(writer, DescribeConfigsResponse(results=results), call.version)
    call.send(writer, call.session.access.position())


def _views_of(call: Call, resource: DescribeConfigsResource) -> list[ConfigView]:
    """Raises Denied, Refusal."""
    access = call.session.access
    name = resource.resource_name
    kind = resource.resource_type
    if kind == RESOURCE_TOPIC:
        access.authority.demand(TOPIC, DESCRIBE_CONFIGS, name)
        return topic_views(access.topics.find(name).config, _server(call))
    if kind == RESOURCE_GROUP:
        if not name:
            raise Denied(INVALID_REQUEST, "Group name must not be empty")
        return group_views(access.admin.group_overrides(name), _server(call))
    if kind == RESOURCE_BROKER:
        _check_broker(call, name)
        access.admin.demand_cluster(DESCRIBE_CONFIGS)
        # Without a name it is the settings that hold for all brokers of a cluster and were set while it ran: there are none.
        return server_views(list(_server(call).values())) if name else []
    if kind == RESOURCE_BROKER_LOGGER:
        _check_broker(call, name)
        access.admin.demand_cluster(DESCRIBE_CONFIGS)
        return []
    if kind == RESOURCE_CLIENT_METRICS:
        access.admin.demand_cluster(DESCRIBE_CONFIGS)
        if not name:
            raise Denied(INVALID_REQUEST, "Client metrics subscription name must not be empty")
        return []
    raise Denied(INVALID_REQUEST, f"Unknown resource type {kind}")


def _server(call: Call) -> dict[str, ServerConfig]:
    session = call.session
    address = f"{advertised_host(session)}:{advertised_port(session)}"
    found: dict[str, ServerConfig] = {}
    for config in server_configs(session.settings, address):
        found[config.name] = config
    return found


def _check_broker(call: Call, name: str) -> None:
    """Raises Denied unless it is this broker, or none in particular."""
    here = str(call.session.settings.broker_id)
    if not name or name == here:
        return
    if not _is_whole(name):
        raise Denied(INVALID_REQUEST, f"Broker id must be an integer, but it is: {name}")
    raise Denied(
        INVALID_REQUEST, f"Unexpected broker id, expected {here} or empty string, but received {name}"
    )


def _check_broker_to_alter(call: Call, name: str) -> None:
    """The same in the words of Kafka's other path. Raises Denied."""
    here = str(call.session.settings.broker_id)
    if not name or name == here:
        return
    if not _is_whole(name):
        raise Denied(INVALID_REQUEST, f"Node id must be an integer, but it is: {name}")
    raise Denied(INVALID_REQUEST, f"Unexpected broker id, expected {here}, but received {name}")


def _is_whole(text: str) -> bool:
    digits = text.removeprefix("-").removeprefix("+")
    return digits.isascii() and digits.isdigit()


def _described(
    view: ConfigView, with_synonyms: bool, with_documentation: bool
) -> DescribeConfigsResourceResult:
    synonyms: list[DescribeConfigsSynonym] = []
    if with_synonyms:
        for synonym in view.synonyms:
            synonyms.append(
                DescribeConfigsSynonym(
                    name=synonym.name,
                    value=as_parsed(view.kind, synonym.value, synonym.source),
                    source=synonym.source,
                )
            )
    return DescribeConfigsResourceResult(
        name=view.name,
        value=as_parsed(view.kind, view.value, view.source),
        read_only=view.read_only,
        config_source=view.source,
        is_sensitive=False,
        synonyms=synonyms,
        config_type=view.kind,
        documentation=view.documentation if with_documentation else None,
    )


# AlterConfigs: the new set replaces the old one. IncrementalAlterConfigs: single changes.


def handle_alter_configs(call: Call) -> None:
    request = replacing.read_alter_configs_request(call.reader, call.version)
    responses: list[replacing.AlterConfigsResourceResponse] = []
    doubles = _doubles([(resource.resource_type, resource.resource_name) for resource in request.resources])
    for resource in request.resources:
        changes: list[Change] = [(config.name, SET, config.value) for config in resource.configs]
        code, text = _altered(
            call,
            resource.resource_type,
            resource.resource_name,
            changes,
            True,
            request.validate_only,
            doubles,
        )
        responses.append(
            replacing.AlterConfigsResourceResponse(
                error_code=code,
                error_message=text,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
        )
    writer = call.writer()
    response = replacing.AlterConfigsResponse(responses=responses)
    replacing.write_alter_configs_response(writer, response, call.version)
    call.send(writer, call.session.access.position())


def handle_incremental_alter_configs(call: Call) -> None:
    request = incremental.read_incremental_alter_configs_request(call.reader, call.version)
    responses: list[incremental.AlterConfigsResourceResponse] = []
    doubles = _doubles([(resource.resource_type, resource.resource_name) for resource in request.resources])
    for resource in request.resources:
        changes: list[Change] = [
            (config.name, config.config_operation, config.value) for config in resource.configs
        ]
        code, text = _altered(
            call,
            resource.resource_type,
            resource.resource_name,
            changes,
            False,
            request.validate_only,
            doubles,
        )
        responses.append(
            incremental.AlterConfigsResourceResponse(
                error_code=code,
                error_message=text,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
        )
    writer = call.writer()
    response = incremental.IncrementalAlterConfigsResponse(responses=responses)
    incremental.write_incremental_alter_configs_response(writer, response, call.version)
    call.send(writer, call.session.access.position())


def _doubles(resources: list[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those that appear more than once."""
    seen: set[tuple[int, str]] = set()
    twice: set[tuple[int, str]] = set()
    for resource in resources:
        if resource in seen:
            twice.add(resource)
        seen.add(resource)
    return twice


def _altered(
    call: Call,
    kind: int,
    name: str,
    changes: list[Change],
    replace: bool,
    check_only: bool,
    doubles: set[tuple[int, str]],
) -> tuple[int, str | None]:
    """Error code and text."""
    try:
        if (kind, name) in doubles:
            raise Denied(INVALID_REQUEST, "Each resource must appear at most once.")
        _alter(call, kind, name, changes, replace, check_only)
    except Denied as denied:
        return denied.code, denied.text
    except Refusal as refusal:
        return code_of(refusal), words_of(refusal)
    return 0, None


def _alter(call: Call, kind: int, name: str, changes: list[Change], replace: bool, check_only: bool) -> None:
    """Raises Denied, Refusal."""
    access = call.session.access
    if kind == RESOURCE_TOPIC:
        if not name:
            raise Denied(INVALID_REQUEST, "Default topic resources are not allowed.")
        access.authority.demand(TOPIC, ALTER_CONFIGS, name)
        topic = _topic_to_alter(call, name)
        before = {} if replace else topic.config.overrides
        access.topics.configure(topic, merged(before, changes, TOPIC_CONFIGS), check_only)
    elif kind == RESOURCE_GROUP:
        if not name:
            raise Denied(INVALID_REQUEST, "Default group resources are not allowed.")
        before = {} if replace else access.admin.group_overrides(name)
        access.admin.configure_group(name, merged(before, changes, GROUP_CONFIGS), check_only)
    elif kind == RESOURCE_BROKER:
        _check_broker_to_alter(call, name)
        access.admin.demand_cluster(ALTER_CONFIGS)
        fixed = [each for each in changes if each[0] not in REPLICATION_THROTTLES or each[1] != DELETE]
        if fixed:
            names = ", ".join(sorted(change[0] for change in fixed))
            raise Denied(
                INVALID_REQUEST,
                f"Cannot update these configs dynamically: {names}. The server's settings are in onemq.toml.",
            )
    elif kind == RESOURCE_BROKER_LOGGER:
        access.admin.demand_cluster(ALTER_CONFIGS)
        raise Denied(
            INVALID_REQUEST, "There are no loggers to configure: log.level in onemq.toml is for all."
        )
    elif kind == RESOURCE_CLIENT_METRICS:
        access.admin.demand_cluster(ALTER_CONFIGS)
        raise Denied(UNSUPPORTED_VERSION, "Client metrics are not collected here.")
    else:
        raise Denied(INVALID_REQUEST, f"Unknown resource type {kind}")


def _topic_to_alter(call: Call, name: str) -> Topic:
    """Raises Denied, Refusal."""
    try:
        return call.session.access.topics.find(name)
    except Refusal as refusal:
        if refusal.reason != Reason.NOT_FOUND:
            raise
        raise Denied(UNKNOWN_TOPIC_OR_PARTITION, f"The topic '{name}' does not exist.") from None


def merged(before: dict[str, str], changes: list[Change], table: dict[str, ConfigEntry]) -> dict[str, str]:
    """The set after the changes. Raises Denied."""
    after = dict(before)
    seen: set[str] = set()
    for name, operation, value in changes:
        if name in seen:
            raise Denied(INVALID_REQUEST, "Error due to duplicate config keys")
        seen.add(name)
        if operation == DELETE:
            after.pop(name, None)
            continue
        if value is None:
            raise Denied(INVALID_REQUEST, f"Null value not supported for : {name}")
        if operation == SET:
            after[name] = value
        elif operation == APPEND or operation == SUBTRACT:
            after[name] = _listed(name, operation, value, after, table)
        else:
            raise Denied(INVALID_REQUEST, f"Unknown operation {operation} for {name}")
    return after


def _listed(
    name: str, operation: int, value: str, overrides: dict[str, str], table: dict[str, ConfigEntry]
) -> str:
    """A list setting with parts added or taken away. Raises Denied."""
    entry = table.get(name)
    if entry is None or entry.kind != LIST:
        raise Denied(
            INVALID_CONFIG,
            f"Can't {'APPEND' if operation == APPEND else 'SUBTRACT'} to key {name} because its type is not LIST.",
        )
    parts = list_of(overrides.get(name, entry.default or ""))
    for part in value.split(","):
        part = part.strip()
        if operation == APPEND and part not in parts:
            parts.append(part)
        elif operation == SUBTRACT and part in parts:
            parts.remove(part)
    return ",".join(parts)


# ListConfigResources.


def handle_list_config_resources(call: Call) -> None:
    """Version 0 asks for client metrics only; there are none."""
    request = read_list_config_resources_request(call.reader, call.version)
    access = call.session.access
    response = ListConfigResourcesResponse()
    every = (RESOURCE_TOPIC, RESOURCE_BROKER, RESOURCE_BROKER_LOGGER, RESOURCE_CLIENT_METRICS, RESOURCE_GROUP)
    wanted = list(request.resource_types) or list(every)
    if call.version == 0:
        wanted = [RESOURCE_CLIENT_METRICS]
    try:
        access.admin.demand_cluster(DESCRIBE_CONFIGS)
        if any(kind not in every for kind in wanted):
            raise Denied(UNSUPPORTED_VERSION, "")
        here = str(call.session.settings.broker_id)
        found: list[tuple[int, str]] = []
        if RESOURCE_TOPIC in wanted:
            found += [(RESOURCE_TOPIC, topic.name) for topic in access.topics.topics()]
        for kind in (RESOURCE_BROKER, RESOURCE_BROKER_LOGGER):
            if kind in wanted:
                found.append((kind, here))
        if RESOURCE_GROUP in wanted:
            found += [(RESOURCE_GROUP, group) for group in access.admin.configured_groups()]
        response.config_resources = [
            ConfigResource(resource_type=kind, resource_name=name) for kind, name in found
        ]
    except Denied as denied:
        response.error_code = denied.code
    except Refusal as refusal:
        response.error_code = code_of(refusal)
    writer = call.writer()
    write_list_config_resources_response(writer, response, call.version)
    call.send(writer)
