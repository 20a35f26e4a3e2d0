"""DescribeAcls, CreateAcls, DeleteAcls.

Must not: authorise, or match rules itself (the engine does).
Spec: Kafka protocol guide; KIP-140, KIP-290.
"""

from onemq.engine.acls import AclFilter, AclRule
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.wording import words_of
from onemq.heads.kafka.errors import code_of
from onemq.heads.kafka.messages.cold.create_acls import (
    AclCreationResult,
    CreateAclsResponse,
    read_create_acls_request,
    write_create_acls_response,
)
from onemq.heads.kafka.messages.cold.delete_acls import (
    DeleteAclsFilterResult,
    DeleteAclsMatchingAcl,
    DeleteAclsResponse,
    read_delete_acls_request,
    write_delete_acls_response,
)
from onemq.heads.kafka.messages.cold.describe_acls import (
    AclDescription,
    DescribeAclsResource,
    DescribeAclsResponse,
    read_describe_acls_request,
    write_describe_acls_response,
)
from onemq.model.refusal import Refusal


def handle_describe_acls(call: Call) -> None:
    request = read_describe_acls_request(call.reader, call.version)
    response = DescribeAclsResponse(error_message=None)
    chosen = AclFilter(
        request.resource_type_filter,
        request.pattern_type_filter,
        request.resource_name_filter,
        request.principal_filter,
        request.host_filter,
        request.operation,
        request.permission_type,
    )
    try:
        response.resources = _by_resource(call.session.access.admin.rules(chosen))
    except Refusal as refusal:
        response.error_code = code_of(refusal)
        response.error_message = words_of(refusal)
    writer = call.writer()
    write_describe_acls_response(writer, response, call.version)
    call.send(writer, call.session.access.position())


def _by_resource(rules: list[AclRule]) -> list[DescribeAclsResource]:
    found: dict[tuple[int, int, str], DescribeAclsResource] = {}
    for rule in rules:
        key = (rule.resource, rule.pattern, rule.name)
        resource = found.get(key)
        if resource is None:
            resource = DescribeAclsResource(
                resource_type=rule.resource, resource_name=rule.name, pattern_type=rule.pattern
            )
            found[key] = resource
        resource.acls.append(
            AclDescription(
                principal=rule.principal,
                host=rule.host,
                operation=rule.operation,
                permission_type=rule.permission,
            )
        )
    return list(found.values())


def handle_create_acls(call: Call) -> None:
    request = read_create_acls_request(call.reader, call.version)
    access = call.session.access
    results: list[AclCreationResult] = []
    for creation in request.creations:
        result = AclCreationResult(error_message=None)
        rule = AclRule(
            creation.resource_type,
            creation.resource_pattern_type,
            creation.resource_name,
            creation.principal,
            creation.host,
            creation.operation,
            creation.permission_type,
        )
        try:
            access.admin.add_rule(rule)
        except Refusal as refusal:
            result.error_code = code_of(refusal)
            result.error_message = words_of(refusal)
        results.append(result)
    writer = call.writer()
    write_create_acls_response(writer, CreateAclsResponse(results=results), call.version)
    call.send(writer, access.position())


def handle_delete_acls(call: Call) -> None:
    request = read_delete_acls_request(call.reader, call.version)
    access = call.session.access
    results: list[DeleteAclsFilterResult] = []
    for asked in request.filters:
        chosen = AclFilter(
            asked.resource_type_filter,
            asked.pattern_type_filter,
            asked.resource_name_filter,
            asked.principal_filter,
            asked.host_filter,
            asked.operation,
            asked.permission_type,
        )
        result = DeleteAclsFilterResult(error_message=None)
        try:
            for rule in access.admin.remove_rules(chosen):
                result.matching_acls.append(_removed(rule))
        except Refusal as refusal:
            result.error_code = code_of(refusal)
            result.error_message = words_of(refusal)
        results.append(result)
    writer = call.writer()
    write_delete_acls_response(writer, DeleteAclsResponse(filter_results=results), call.version)
    call.send(writer, access.position())


def _removed(rule: AclRule) -> DeleteAclsMatchingAcl:
    return DeleteAclsMatchingAcl(
        error_message=None,
        resource_type=rule.resource,
        resource_name=rule.name,
        pattern_type=rule.pattern,
        principal=rule.principal,
        host=rule.host,
        operation=rule.operation,
        permission_type=rule.permission,
    )
