"""RabbitMQ's definitions.json (management API's /api/definitions, `rabbitmqctl export_definitions`).

Source: RabbitMQ, "Schema Definition Export and Import"; exports of RabbitMQ 3.10 and 4.
"""

from typing import Any, Final

from onemq.cli.transfer.plan import Plan

_HASHES: Final = ("rabbit_password_hashing_sha256", "rabbit_password_hashing_sha512")
_EXCHANGE_TYPES: Final = (
    "direct",
    "fanout",
    "topic",
    "headers",
    "x-consistent-hash",
    "x-delayed-message",
)
_QUEUE_TYPES: Final = ("classic", "quorum", "stream")
_OPERATOR_POLICY: Final = "operator_policy"
_OF_THE_CLUSTER: Final = ("cluster_name", "internal_cluster_id", "mqtt_port_to_vhost_mapping", "cluster_tags")


def plan_of(found: dict[str, Any]) -> Plan:
    plan = Plan("RabbitMQ's definitions")
    version = found.get("rabbitmq_version") or found.get("rabbit_version")
    if version:
        plan.form += f" ({version})"
    for each in found.get("vhosts", []):
        kind = each.get("default_queue_type", "")
        plan.namespace(
            each["name"],
            each.get("description", ""),
            _tags(each.get("tags")),
            kind if kind in _QUEUE_TYPES else "",
        )
    for each in found.get("users", []):
        _user(plan, each)
    for each in found.get("permissions", []):
        plan.permission(_vhost(each), each["user"], each["configure"], each["write"], each["read"])
    for each in found.get("topic_permissions", []):
        plan.topic_permission(_vhost(each), each["user"], each["exchange"], each["write"], each["read"])
    for each in found.get("exchanges", []):
        _exchange(plan, each)
    for each in found.get("queues", []):
        _queue(plan, each)
    for each in found.get("bindings", []):
        plan.binding(
            _vhost(each),
            each["source"],
            each["destination"],
            each["destination_type"],
            each.get("routing_key", ""),
            _table(each.get("arguments")),
        )
    for each in found.get("policies", []):
        _policy(plan, each, each, False)
    _parameters(plan, found)
    return plan


def _vhost(each: dict[str, Any]) -> str:
    """Exports of one vhost leave it out."""
    return str(each.get("vhost", "/"))


def _tags(value: Any) -> list[str]:
    if isinstance(value, str):
        return [tag.strip() for tag in value.split(",") if tag.strip()]
    return [str(tag) for tag in value or []]


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _user(plan: Plan, each: dict[str, Any]) -> None:
    hashing = each.get("hashing_algorithm", _HASHES[0])
    password = each.get("password_hash", "")
    if password and hashing not in _HASHES:
        plan.leave(
            f"the password of user {each['name']}: hashed with {hashing}; set a new one with `onemq users set`"
        )
        password = ""
    plan.user(each["name"], _tags(each.get("tags")), password)
    for limit, value in _table(each.get("limits")).items():
        plan.limit("user", each["name"], limit, value)


def _exchange(plan: Plan, each: dict[str, Any]) -> None:
    if each["type"] not in _EXCHANGE_TYPES:
        plan.leave(
            f"exchange {each['name']}: there is no type {each['type']} here; its bindings will be refused"
        )
        return
    plan.exchange(
        _vhost(each),
        each["name"],
        each["type"],
        each.get("durable", True),
        each.get("auto_delete", False),
        each.get("internal", False),
        _table(each.get("arguments")),
    )


def _queue(plan: Plan, each: dict[str, Any]) -> None:
    arguments = dict(_table(each.get("arguments")))
    kind = arguments.get("x-queue-type", each.get("type", "classic"))
    if kind not in _QUEUE_TYPES:
        plan.leave(f"queue {each['name']}: there is no type {kind} here; its bindings will be refused")
        return
    if kind != "classic":
        arguments["x-queue-type"] = kind
    plan.queue(
        _vhost(each), each["name"], each.get("durable", True), each.get("auto_delete", False), arguments, {}
    )


def _policy(plan: Plan, of: dict[str, Any], each: dict[str, Any], operator: bool) -> None:
    plan.policy(
        _vhost(of),
        of["name"],
        each["pattern"],
        _table(each.get("definition")),
        each.get("apply-to", "all"),
        int(each.get("priority", 0)),
        operator,
    )


def _parameters(plan: Plan, found: dict[str, Any]) -> None:
    for each in found.get("parameters", []):
        component = each.get("component", "")
        value = _table(each.get("value"))
        if component == _OPERATOR_POLICY:
            _policy(plan, each, value, True)
        elif component == "vhost-limits":
            for limit, number in value.items():
                plan.limit("namespace", _vhost(each), limit, number)
        else:
            plan.leave(f"parameter {each.get('name')} of {component}: there is no such plugin here")
    for each in found.get("global_parameters", []):
        if each["name"] not in _OF_THE_CLUSTER:
            plan.leave(f"global parameter {each['name']}")
