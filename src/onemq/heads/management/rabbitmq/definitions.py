"""/api/definitions: everything that was declared, out and in, for the whole broker or one vhost.

What is there already stays as it is, as in RabbitMQ; users, permissions, policies and parameters are replaced, except for what stands
in the broker's settings, which win. An import is not atomic: what comes before the first refusal stays.
Source: rabbit_definitions, rabbit_mgmt_wm_definitions; recorded answers of RabbitMQ 3.10.
"""

from collections.abc import Callable, Generator, Iterable
from typing import Any, Final, TypeVar

from onemq.engine.access import Access
from onemq.engine.directory.limits import OF_USER
from onemq.engine.views import QueueView
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.json_body import BadJson, decoded
from onemq.heads.management.rabbitmq.bodies import bad_request, flag, table, tags_of, text
from onemq.heads.management.rabbitmq.lists import Item
from onemq.heads.management.rabbitmq.policies import parameter_json, policy_json
from onemq.heads.management.rabbitmq.service import Service
from onemq.heads.management.rabbitmq.users import (
    permission_json,
    put_user,
    topic_permission_json,
    user_json,
)
from onemq.heads.management.routes import ADMINISTRATOR, Handler, Route
from onemq.heads.management.stepping import Steps, answer_in_steps
from onemq.model.refusal import Reason, Refusal

T = TypeVar("T")
_OURS: Final = ("internal_cluster_id",)
"""Global parameters of a RabbitMQ that mean nothing elsewhere."""


class Definitions:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        found: list[tuple[str, str, Handler, str]] = [
            ("GET", "/api/definitions", self.export, "everything that was declared"),
            ("POST", "/api/definitions", self.take, "declares what is not there"),
            ("PUT", "/api/definitions", self.take, "the same"),
            ("GET", "/api/definitions/{vhost}", self.export_vhost, "the same of one vhost"),
            ("POST", "/api/definitions/{vhost}", self.take_vhost, "the same into one vhost"),
            ("PUT", "/api/definitions/{vhost}", self.take_vhost, "the same"),
        ]
        return [
            Route(method, path, handler, ADMINISTRATOR, summary=said) for method, path, handler, said in found
        ]

    # Out.

    def export(self, call: Call) -> None:
        answer_in_steps(call, self._export(call))

    def _export(self, call: Call) -> Steps:
        directory = call.anywhere().directory
        version = self._service.words.version
        item: Item = {
            "rabbit_version": version,
            "rabbitmq_version": version,
            "product_name": "onemq",
            "product_version": self._service.node.version,
            "users": [
                {**user_json(user), "limits": directory.limits.of_users(user.name).get(user.name, {})}
                for user in directory.users()
            ],
            "vhosts": [
                {
                    "name": record.name,
                    "description": record.description,
                    "tags": record.tags,
                    "metadata": {
                        "description": record.description,
                        "tags": record.tags,
                        **record.metadata,
                    },
                }
                for record in directory.namespaces()
            ],
            "permissions": [permission_json(record) for record in directory.permissions()],
            "topic_permissions": [topic_permission_json(record) for record in directory.topic_permissions()],
            "parameters": [parameter_json(record) for record in directory.parameters.all()],
            "global_parameters": [
                {"name": record.name, "value": record.value} for record in directory.parameters.all_global()
            ],
            "policies": [policy_json(policy) for policy in directory.policies.all()],
        }
        accesses = [call.watch(record.name) for record in directory.namespaces()]
        item.update((yield from self._declared(accesses)))
        self._answer(call, item)

    def export_vhost(self, call: Call) -> None:
        self._service.looking(call)
        answer_in_steps(call, self._export_vhost(call))

    def _export_vhost(self, call: Call) -> Steps:
        access = self._service.looking(call)
        vhost = call.values["vhost"]
        directory = access.directory
        item: Item = {
            "rabbit_version": self._service.words.version,
            "parameters": [parameter_json(record) for record in directory.parameters.all(vhost)],
            "policies": [policy_json(policy) for policy in directory.policies.all(vhost)],
        }
        item.update((yield from self._declared([access])))
        for entries in item.values():
            if isinstance(entries, list):
                for entry in entries:
                    entry.pop("vhost", None)
        self._answer(call, item)

    def _declared(self, accesses: Iterable[Access]) -> Generator[None, None, dict[str, list[Item]]]:
        """An object in each step; what goes meanwhile is left out."""
        found: dict[str, list[Item]] = {"queues": [], "exchanges": [], "bindings": []}
        shown = self._service.words.shown
        for access in accesses:
            vhost = access.namespace
            inspection = access.inspection
            kept: set[str] = set()
            for name in inspection.queue_names():
                queue = _unless_gone(inspection.queue, name)
                if queue is not None and not queue.exclusive:
                    kept.add(name)
                    found["queues"].append(self._queue(queue))
                yield None
            exchanges: set[str] = set()
            for name in inspection.exchange_names():
                exchange = _unless_gone(inspection.exchange, name)
                if exchange is not None:
                    exchanges.add(name)
                if exchange is not None and not exchange.predeclared:
                    settings = exchange.settings
                    found["exchanges"].append(
                        {
                            "name": exchange.name,
                            "vhost": vhost,
                            "type": settings.type_name,
                            "durable": settings.durable,
                            "auto_delete": settings.auto_delete,
                            "internal": settings.internal,
                            "arguments": shown(settings.arguments),
                        }
                    )
                yield None
            for name in sorted(exchanges):
                made = _unless_gone(inspection.bindings_made, name) if name else None
                for place in range(0 if made is None else len(made)):
                    yield None
                    binding = None if made is None else made.view(place)
                    # What came meanwhile is not in the document: nothing in it may lead there.
                    if binding is None or binding.destination not in (
                        kept if binding.to_queue else exchanges
                    ):
                        continue
                    found["bindings"].append(
                        {
                            "source": binding.source,
                            "vhost": vhost,
                            "destination": binding.destination,
                            "destination_type": "queue" if binding.to_queue else "exchange",
                            "routing_key": binding.routing_key,
                            "arguments": shown(binding.arguments),
                        }
                    )
        return found

    def _queue(self, view: QueueView) -> Item:
        arguments = self._service.words.shown(view.settings.arguments)
        if view.settings.type_name != "classic":
            # Not every protocol says it in words of AMQP.
            arguments.setdefault("x-queue-type", view.settings.type_name)
        return {
            "name": view.name,
            "vhost": view.namespace,
            "durable": view.settings.durable,
            "auto_delete": view.settings.auto_delete,
            "arguments": arguments,
        }

    def _answer(self, call: Call, item: Item) -> None:
        name = call.query.text("download")
        fields = b""
        if name:
            safe = "".join(character for character in name if character.isalnum() or character in "._-")
            fields = f'Content-Disposition: attachment; filename="{safe}"\r\n'.encode("ascii", "replace")
        call.answer(item, fields=fields)

    # In.

    def take(self, call: Call) -> None:
        self._import(call, _Import(self._service, call, "").all(_definitions_in(call)))

    def take_vhost(self, call: Call) -> None:
        self._service.acting(call)
        vhost = call.values["vhost"]
        self._import(call, _Import(self._service, call, vhost).of_vhost(_definitions_in(call)))

    def _import(self, call: Call, entries: Steps) -> None:
        def steps() -> Steps:
            yield from entries
            call.empty()

        answer_in_steps(call, steps(), self._service.worker)


def _unless_gone(look: Callable[[str], T], name: str) -> T | None:
    try:
        return look(name)
    except Refusal as refusal:
        if refusal.reason != Reason.NOT_FOUND:
            raise
        return None


def _definitions_in(call: Call) -> Item:
    """Raises Problem. A browser's upload is not taken apart."""
    try:
        found = decoded(call.request.body)
    except BadJson:
        raise bad_request("failed_to_parse_json") from None
    if not isinstance(found, dict):
        raise bad_request("failed_to_parse_json")
    return found


class _Import:
    """One import, an entry in each step. vhost: into which; "": each entry says."""

    def __init__(self, service: Service, call: Call, vhost: str) -> None:
        self._service = service
        self._call = call
        self._vhost = vhost
        self._directory = call.anywhere().directory

    def all(self, body: Item) -> Steps:
        yield from self._each(body, "users", self._user)
        yield from self._each(body, "vhosts", self._vhost_entry)
        yield from self._each(body, "permissions", self._permission)
        yield from self._each(body, "topic_permissions", self._topic_permission)
        yield from self._each(body, "global_parameters", self._global_parameter)
        yield from self.of_vhost(body)

    def of_vhost(self, body: Item) -> Steps:
        yield from self._each(body, "parameters", self._parameter)
        yield from self._each(body, "policies", self._policy)
        yield from self._each(body, "queues", self._queue)
        yield from self._each(body, "exchanges", self._exchange)
        yield from self._each(body, "bindings", self._binding)

    def _each(self, body: Item, name: str, take: Callable[[Item], Steps | None]) -> Steps:
        entries = body.get(name, [])
        if not isinstance(entries, list):
            raise bad_request(["not_a_list", name])
        for entry in entries:
            if not isinstance(entry, dict):
                raise bad_request(["not_an_object", name])
            try:
                steps = take(entry)
                if steps is not None:
                    yield from steps
            except Refusal as refusal:
                if refusal.reason == Reason.NOT_SUPPORTED and name in ("users", "permissions"):
                    # It stands in the settings.
                    continue
                raise self._said(refusal, name, entry) from None
            yield None

    def _said(self, refusal: Refusal, name: str, entry: Item) -> Exception:
        """Which entry it was: RabbitMQ leaves its reader to find out."""
        problem = self._call.area.problem(refusal, self._call)
        if problem.status == 401:
            return problem
        named = str(entry.get("name", entry.get("user", entry.get("source", ""))))
        return Problem(400, "bad_request", f"{name.rstrip('s')} '{named}': {problem.text}")

    def _space(self, entry: Item) -> str:
        """The entry's vhost. Raises Problem."""
        vhost = self._vhost or entry.get("vhost", "undefined")
        if not isinstance(vhost, str) or not self._directory.standing.sees(vhost):
            raise bad_request(["no_such_vhost", vhost])
        return vhost

    def _access(self, entry: Item) -> Access:
        return self._call.access(self._space(entry))

    def _user(self, entry: Item) -> Steps:
        name = text(entry, "name")
        yield from put_user(self._directory, name, entry)
        limits = entry.get("limits")
        if isinstance(limits, dict):
            for limit, value in limits.items():
                self._directory.limits.set(OF_USER, name, str(limit), value)

    def _vhost_entry(self, entry: Item) -> None:
        name = text(entry, "name")
        metadata = table(entry, "metadata")
        described = entry.get("description", metadata.pop("description", ""))
        tags = entry.get("tags", metadata.pop("tags", None))
        metadata.pop("description", None)
        metadata.pop("tags", None)
        kind = entry.get("default_queue_type", "")
        if self._directory.standing.sees(name) and not described and not tags:
            return
        self._directory.put_namespace(
            name,
            str(described),
            None if tags is None else tags_of(tags),
            kind if isinstance(kind, str) and kind != "undefined" else "",
            metadata,
        )

    def _permission(self, entry: Item) -> None:
        vhost = self._space(entry)
        patterns = [text(entry, name) for name in ("configure", "write", "read")]
        self._directory.set_permission(vhost, text(entry, "user"), *patterns)

    def _topic_permission(self, entry: Item) -> None:
        self._directory.set_topic_permission(
            self._space(entry),
            text(entry, "user"),
            text(entry, "exchange"),
            text(entry, "write"),
            text(entry, "read"),
        )

    def _global_parameter(self, entry: Item) -> None:
        name = text(entry, "name")
        if name not in _OURS:
            self._directory.parameters.set_global(name, entry.get("value"))

    def _parameter(self, entry: Item) -> None:
        self._directory.parameters.set(
            self._space(entry), text(entry, "component"), text(entry, "name"), entry.get("value")
        )

    def _policy(self, entry: Item) -> None:
        self._directory.policies.set(
            self._space(entry),
            text(entry, "name"),
            entry.get("pattern"),
            entry.get("definition"),
            entry.get("priority", 0),
            entry.get("apply-to", "all"),
        )

    def _queue(self, entry: Item) -> None:
        access = self._access(entry)
        name = text(entry, "name")
        try:
            access.inspection.queue(name)
            return
        except Refusal as refusal:
            if refusal.reason != Reason.NOT_FOUND:
                raise
        arguments: dict[str, Any] = table(entry, "arguments")
        self._service.words.declare_queue(
            access, name, flag(entry, "durable", False), flag(entry, "auto_delete", False), arguments
        )

    def _exchange(self, entry: Item) -> None:
        access = self._access(entry)
        name = text(entry, "name")
        try:
            access.exchanges.check(name)
            return
        except Refusal as refusal:
            if refusal.reason != Reason.NOT_FOUND:
                raise
        self._service.words.declare_exchange(
            access,
            name,
            text(entry, "type", "direct"),
            flag(entry, "durable", False),
            flag(entry, "auto_delete", False),
            flag(entry, "internal", False),
            table(entry, "arguments"),
        )

    def _binding(self, entry: Item) -> None:
        access = self._access(entry)
        arguments = self._service.words.binding_arguments(table(entry, "arguments"))
        source, destination = text(entry, "source"), text(entry, "destination")
        key = text(entry, "routing_key")
        if entry.get("destination_type") == "exchange":
            access.exchanges.bind_exchange(destination, source, key, arguments)
        else:
            access.exchanges.bind_queue(destination, source, key, arguments)
