"""What an import is to declare: steps in an order in which they can be done, whatever the file was. And what cannot be carried.

Must not: talk to a broker; know a file's form.
"""

from typing import Any, Final

KINDS: Final = (
    "namespace",
    "user",
    "permission",
    "topic permission",
    "limit",
    "topic",
    "exchange",
    "queue",
    "binding",
    "policy",
)
"""In this order. Policies come last: what they are about is there, and a dead-letter target may be anything."""


class Step:
    """One entity. path, body: of the request that declares it; prefix: "/api/" where RabbitMQ's API has it and ours has not."""

    def __init__(
        self,
        kind: str,
        name: str,
        method: str,
        path: tuple[str, ...],
        body: dict[str, Any],
        prefix: str = "/v1/",
    ) -> None:
        self.kind = kind
        self.name = name
        self.method = method
        self.path = path
        self.body = body
        self.prefix = prefix


class Plan:
    """See the module. form: what the file was, for people."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.steps: list[Step] = []
        self.not_carried: list[str] = []

    def ordered(self) -> list[Step]:
        return sorted(self.steps, key=lambda step: KINDS.index(step.kind))

    def leave(self, what: str) -> None:
        """This cannot be carried."""
        self.not_carried.append(what)

    # Steps, as the definitions of our own form say them.

    def namespace(self, name: str, description: str, tags: list[str], default_queue_type: str) -> None:
        body = {"description": description, "tags": tags, "default_queue_type": default_queue_type}
        self.steps.append(Step("namespace", name, "PUT", ("namespaces", name), body))

    def user(self, name: str, tags: list[str], password_hash: str) -> None:
        body = {"tags": tags, "password_hash": password_hash}
        self.steps.append(Step("user", name, "PUT", ("users", name), body))

    def permission(self, namespace: str, user: str, configure: str, write: str, read: str) -> None:
        body = {"configure": configure, "write": write, "read": read}
        path = ("permissions", namespace, user)
        self.steps.append(Step("permission", f"{user} in {namespace}", "PUT", path, body))

    def topic_permission(self, namespace: str, user: str, exchange: str, write: str, read: str) -> None:
        body = {"exchange": exchange, "write": write, "read": read}
        path = ("topic-permissions", namespace, user)
        name = f"{user} in {namespace} at {exchange}"
        self.steps.append(Step("topic permission", name, "PUT", path, body, "/api/"))

    def limit(self, of: str, name: str, limit: str, value: Any) -> None:
        """of: "user" or "namespace"."""
        path = (f"{'user' if of == 'user' else 'vhost'}-limits", name, limit)
        self.steps.append(Step("limit", f"{limit} of {of} {name}", "PUT", path, {"value": value}, "/api/"))

    def topic(self, namespace: str, name: str, partitions: int, configs: dict[str, str]) -> None:
        body = {"partitions": partitions, "configs": configs}
        self.steps.append(Step("topic", name, "PUT", ("topics", namespace, name), body))

    def queue(
        self,
        namespace: str,
        name: str,
        durable: bool,
        auto_delete: bool,
        arguments: dict[str, Any],
        settings: dict[str, Any],
    ) -> None:
        body: dict[str, Any] = {"durable": durable, "auto_delete": auto_delete, "arguments": arguments}
        if settings:
            body["settings"] = settings
        self.steps.append(Step("queue", name, "PUT", ("queues", namespace, name), body))

    def exchange(
        self,
        namespace: str,
        name: str,
        kind: str,
        durable: bool,
        auto_delete: bool,
        internal: bool,
        arguments: dict[str, Any],
    ) -> None:
        body = {
            "type": kind,
            "durable": durable,
            "auto_delete": auto_delete,
            "internal": internal,
            "arguments": arguments,
        }
        self.steps.append(Step("exchange", name, "PUT", ("exchanges", namespace, name), body))

    def binding(
        self,
        namespace: str,
        source: str,
        destination: str,
        to: str,
        routing_key: str,
        arguments: dict[str, Any],
    ) -> None:
        body = {
            "source": source,
            "destination": destination,
            "to": to,
            "routing_key": routing_key,
            "arguments": arguments,
        }
        name = f"{source} -> {destination} ({routing_key})"
        self.steps.append(Step("binding", name, "POST", ("bindings", namespace), body))

    def policy(
        self,
        namespace: str,
        name: str,
        pattern: str,
        definition: dict[str, Any],
        apply_to: str,
        priority: int,
        operator: bool,
    ) -> None:
        body = {
            "pattern": pattern,
            "definition": definition,
            "apply_to": apply_to,
            "priority": priority,
            "operator": operator,
        }
        self.steps.append(Step("policy", name, "PUT", ("policies", namespace, name), body))
