"""/api/queues: lists, one queue, declare, delete, purge, actions. Queues made by SQS and topics of Kafka are among them.

What only Erlang's processes have (reductions, garbage collection, paging) is left out.
Source: rabbit_mgmt_wm_queues, rabbit_mgmt_wm_queue, rabbit_mgmt_wm_queue_purge, rabbit_mgmt_wm_queue_actions; recorded answers of 3.10.
"""

from datetime import UTC, datetime
from typing import Final

from onemq.engine.access import Access
from onemq.engine.views import QueueView
from onemq.heads.management.call import Call
from onemq.heads.management.rabbitmq.bindings import binding_json
from onemq.heads.management.rabbitmq.bodies import bad_request, body_of, flag, table, text
from onemq.heads.management.rabbitmq.connections import consumers_of, peer_details
from onemq.heads.management.rabbitmq.lists import Item, answer_list, answer_list_of, answer_one
from onemq.heads.management.rabbitmq.service import Service
from onemq.heads.management.rabbitmq.stats import QUEUE_COUNTS, Ranges, lengths, message_stats
from onemq.heads.management.routes import Handler, Route
from onemq.model.refusal import Refusal

ACTIONS: Final = ("sync", "cancel_sync")
"""Of mirrored queues: accepted, and nothing to do here."""


class Queues:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        one = "/api/queues/{vhost}/{name}"
        found: list[tuple[str, str, Handler, str]] = [
            ("GET", "/api/queues", self.index, "all queues"),
            ("GET", "/api/queues/{vhost}", self.index, "queues of a vhost"),
            ("GET", one, self.show, "one queue"),
            ("PUT", one, self.declare, "declares a queue"),
            ("DELETE", one, self.delete, "deletes a queue"),
            ("GET", one + "/bindings", self.bindings, "bindings of a queue"),
            ("DELETE", one + "/contents", self.purge, "drops what is ready"),
            ("POST", one + "/actions", self.act, "accepted: mirrors are nothing here"),
        ]
        return [Route(method, path, handler, summary=summary) for method, path, handler, summary in found]

    def index(self, call: Call) -> None:
        ranges = Ranges(call)
        stats = not call.query.flag("disable_stats")
        totals = call.query.flag("enable_queue_totals")
        names: list[str] = []
        accesses: list[Access] = []
        for access in self._service.accesses(call):
            for name in access.inspection.queue_names():
                names.append(name)
                accesses.append(access)

        def build(place: int) -> Item | None:
            access = accesses[place]
            try:
                return self._item(access, access.inspection.queue(names[place]), ranges, stats, totals)
            except Refusal:
                # It has gone since the list was begun.
                return None

        answer_list_of(call, names, build)

    def show(self, call: Call) -> None:
        access = self._service.looking(call)
        view = access.inspection.queue(call.values["name"])
        item = self._item(access, view, Ranges(call), True, True)
        item["consumer_details"] = consumers_of(self._service, view.namespace, view.name)
        item["incoming"] = []
        item["deliveries"] = []
        if view.exclusive:
            for peer in self._service.peers.views():
                if peer.profile.namespace == view.namespace and view.name in peer.profile.exclusive_queues:
                    item["owner_pid_details"] = peer_details(peer)
        answer_one(call, item)

    def _item(self, access: Access, view: QueueView, ranges: Ranges, stats: bool, totals: bool) -> Item:
        settings = view.settings
        item: Item = {
            "arguments": self._service.words.shown(settings.arguments),
            "auto_delete": settings.auto_delete,
            "durable": settings.durable,
            "exclusive": view.exclusive,
            "name": view.name,
            "node": self._service.node.name,
            "state": "running",
            "type": settings.type_name,
            "vhost": view.namespace,
        }
        if settings.type_name in ("quorum", "stream"):
            node = self._service.node.name
            item.update({"leader": node, "members": [node], "online": [node]})
        messages = int(view.ready + view.leased)
        if not stats:
            if totals:
                item["messages"] = messages
                item["messages_ready"] = int(view.ready)
                item["messages_unacknowledged"] = int(view.leased)
            return item
        series = access.inspection.queue_series(view.name)
        item.update(
            lengths(
                (
                    ("messages", messages, ("ready", "unacked")),
                    ("messages_ready", int(view.ready), ("ready",)),
                    ("messages_unacknowledged", int(view.leased), ("unacked",)),
                ),
                series,
                ranges,
            )
        )
        counted = message_stats(view.counters, series, QUEUE_COUNTS, ranges)
        if counted:
            item["message_stats"] = counted
        item["consumers"] = int(view.consumers)
        item["memory"] = int(view.memory_bytes)
        item["message_bytes"] = int(view.bytes)
        item["message_bytes_ready"] = int(view.ready_bytes)
        item["message_bytes_unacknowledged"] = max(int(view.bytes - view.ready_bytes), 0)
        item["messages_delayed"] = int(view.delayed)
        item["policy"] = view.policy or None
        item["operator_policy"] = view.operator_policy or None
        item["effective_policy_definition"] = view.definition
        item["exclusive_consumer_tag"] = view.exclusive_tag or None
        item["single_active_consumer_tag"] = view.active_tag or None
        oldest = int(view.oldest_at_ms)
        item["head_message_timestamp"] = oldest // 1000 if oldest >= 0 else None
        if not view.consumers:
            item["idle_since"] = iso_time(int(view.used_at_ms))
        return item

    def declare(self, call: Call) -> None:
        access = self._service.acting(call)
        body = body_of(call)
        made = self._service.words.declare_queue(
            access,
            call.values["name"],
            flag(body, "durable", False),
            flag(body, "auto_delete", False),
            table(body, "arguments"),
        )
        call.empty(201 if made else 204)

    def delete(self, call: Call) -> None:
        access = self._service.acting(call)
        name = call.values["name"]
        _must_be_queue(access.inspection.queue(name))
        access.queues.check(name)
        access.queues.delete(name, call.query.flag("if-unused"), call.query.flag("if-empty"))
        call.empty()

    def purge(self, call: Call) -> None:
        access = self._service.acting(call)
        _must_be_queue(access.inspection.queue(call.values["name"]))
        access.queues.purge(call.values["name"])
        call.empty()

    def bindings(self, call: Call) -> None:
        access = self._service.looking(call)
        views = access.inspection.bindings_to(call.values["name"], True)
        answer_list(call, [binding_json(self._service, view) for view in views])

    def act(self, call: Call) -> None:
        access = self._service.acting(call)
        access.inspection.queue(call.values["name"])
        action = text(body_of(call, ("action",)), "action")
        if action not in ACTIONS:
            raise bad_request(["unknown", action])
        call.empty()


def _must_be_queue(view: QueueView) -> None:
    """Raises Problem for a topic that is only shown as one: it is not deleted in passing."""
    if view.topic_only:
        raise bad_request(f"'{view.name}' is a topic that no queue reads: it is deleted as a topic")


def iso_time(at_ms: int) -> str:
    """As RabbitMQ writes times: 2026-11-28T07:37:01.851+00:00."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
