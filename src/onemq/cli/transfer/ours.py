"""Our own form: what `onemq export` writes (GET /v1/definitions). Raises CliError."""

from typing import Any

from onemq.cli.frame import CliError
from onemq.cli.transfer.plan import Plan


def plan_of(found: dict[str, Any]) -> Plan:
    if found.get("onemq") != 1:
        raise CliError(
            f"this is form {found.get('onemq')!r} of onemq's definitions, and form 1 is what we read"
        )
    plan = Plan("onemq's definitions")
    try:
        _fill(plan, found)
    except (KeyError, TypeError) as error:
        raise CliError(f"the definitions are not whole: {error!r} is missing or of another kind") from None
    return plan


def _fill(plan: Plan, found: dict[str, Any]) -> None:
    for each in found["namespaces"]:
        plan.namespace(each["name"], each["description"], each["tags"], each["default_queue_type"])
        for limit, value in each["limits"].items():
            plan.limit("namespace", each["name"], limit, value)
    for each in found["users"]:
        plan.user(each["name"], each["tags"], each["password_hash"])
        for limit, value in each["limits"].items():
            plan.limit("user", each["name"], limit, value)
    for each in found["permissions"]:
        plan.permission(each["namespace"], each["user"], each["configure"], each["write"], each["read"])
    for each in found["topics"]:
        plan.topic(each["namespace"], each["name"], each["partitions"], each["configs"])
    for each in found["exchanges"]:
        plan.exchange(
            each["namespace"],
            each["name"],
            each["type"],
            each["durable"],
            each["auto_delete"],
            each["internal"],
            each["arguments"],
        )
    for each in found["queues"]:
        plan.queue(
            each["namespace"],
            each["name"],
            each["durable"],
            each["auto_delete"],
            each["arguments"],
            each["settings"],
        )
    for each in found["bindings"]:
        plan.binding(
            each["namespace"],
            each["source"],
            each["destination"],
            each["to"],
            each["routing_key"],
            each["arguments"],
        )
    for each in found["policies"]:
        plan.policy(
            each["namespace"],
            each["name"],
            each["pattern"],
            each["definition"],
            each["apply_to"],
            int(each["priority"]),
            each["operator"],
        )
    for text in found["not_carried"]:
        plan.leave(f"{text} (the export left them out)")
