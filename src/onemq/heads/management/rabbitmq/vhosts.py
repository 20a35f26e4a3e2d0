"""/api/vhosts and /api/vhost-limits.

Source: rabbit_mgmt_wm_vhosts, rabbit_mgmt_wm_vhost, rabbit_mgmt_wm_limits; recorded answers of RabbitMQ 3.10.
"""

from collections.abc import Generator

from onemq.engine.directory.limits import OF_NAMESPACE
from onemq.engine.directory.namespaces import NamespaceRecord
from onemq.heads.contract import PeerView
from onemq.heads.management.call import Call
from onemq.heads.management.rabbitmq.bodies import bad_request, body_of, not_found, tags_of, text
from onemq.heads.management.rabbitmq.lists import Item, answer_list, answer_one
from onemq.heads.management.rabbitmq.service import Service
from onemq.heads.management.rabbitmq.stats import QUEUE_COUNTS, Ranges, lengths, message_stats
from onemq.heads.management.routes import ADMINISTRATOR, Handler, Route
from onemq.heads.management.stepping import Steps, answer_in_steps, summarised
from onemq.model.refusal import Reason, Refusal


class Vhosts:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        one = "/api/vhosts/{vhost}"
        limit = "/api/vhost-limits/{vhost}"
        looks: list[tuple[str, str, Handler, str]] = [
            ("GET", "/api/vhosts", self.index, "vhosts that the user sees"),
            ("GET", one, self.show, "one vhost"),
            ("GET", "/api/vhost-limits", self.limits, "limits of vhosts"),
            ("GET", limit, self.limits, "limits of one vhost"),
        ]
        changes: list[tuple[str, str, Handler, str]] = [
            ("PUT", one, self.put, "makes or changes a vhost"),
            ("DELETE", one, self.delete, "deletes a vhost with all that is in it"),
            ("POST", one + "/start/{node}", self.start, "accepted: vhosts always run"),
            ("PUT", limit + "/{limit}", self.set_limit, "sets a limit"),
            ("DELETE", limit + "/{limit}", self.clear_limit, "takes a limit away"),
        ]
        return [Route(method, path, handler, summary=said) for method, path, handler, said in looks] + [
            Route(method, path, handler, ADMINISTRATOR, summary=said)
            for method, path, handler, said in changes
        ]

    def index(self, call: Call) -> None:
        answer_in_steps(call, self._index(call))

    def _index(self, call: Call) -> Steps:
        records = call.anywhere().directory.namespaces()
        peers = self._service.peers.views()
        items: list[Item] = []
        for record in records:
            try:
                items.append((yield from self._item(call, record, peers)))
            except Refusal as refusal:
                # It may have gone meanwhile.
                if refusal.reason != Reason.NAMESPACE_DENIED:
                    raise
        answer_list(call, items)

    def show(self, call: Call) -> None:
        self._service.looking(call)
        answer_in_steps(call, self._show(call))

    def _show(self, call: Call) -> Steps:
        record = call.anywhere().directory.namespace(call.values["vhost"])
        answer_one(call, (yield from self._item(call, record, self._service.peers.views())))

    def _item(
        self, call: Call, record: NamespaceRecord, peers: list[PeerView]
    ) -> Generator[None, None, Item]:
        item = vhost_json(record)
        item["tracing"] = False
        item["cluster_state"] = {self._service.node.name: "running"}
        summary = yield from summarised(call.watch(record.name).inspection)
        ready, leased = int(summary.ready), int(summary.leased)
        counted = message_stats(summary.counters, None, QUEUE_COUNTS, Ranges(call))
        if counted:
            item["message_stats"] = counted
        item.update(
            lengths(
                (
                    ("messages", ready + leased, ()),
                    ("messages_ready", ready, ()),
                    ("messages_unacknowledged", leased, ()),
                ),
                None,
                Ranges(call),
            )
        )
        received = sent = 0
        for peer in peers:
            if peer.profile.namespace == record.name:
                received += int(peer.received_bytes)
                sent += int(peer.sent_bytes)
        item["recv_oct"] = received
        item["send_oct"] = sent
        return item

    def put(self, call: Call) -> None:
        body = body_of(call)
        metadata = body.get("metadata")
        tags = body.get("tags")
        made = call.anywhere().directory.put_namespace(
            call.values["vhost"],
            text(body, "description"),
            None if tags is None else tags_of(tags),
            text(body, "default_queue_type"),
            {str(key): value for key, value in metadata.items()} if isinstance(metadata, dict) else None,
        )
        call.empty(201 if made else 204)

    def delete(self, call: Call) -> None:
        call.anywhere().directory.delete_namespace(call.values["vhost"])
        call.empty()

    def start(self, call: Call) -> None:
        self._service.looking(call)
        if call.values["node"] != self._service.node.name:
            raise not_found()
        call.empty()

    # Limits.

    def limits(self, call: Call) -> None:
        found = call.anywhere().directory.limits.of_namespaces(call.values.get("vhost", ""))
        answer_list(call, [{"vhost": name, "value": limits} for name, limits in found.items() if limits])

    def set_limit(self, call: Call) -> None:
        body = body_of(call, ("value",))
        directory = call.anywhere().directory
        directory.limits.set(OF_NAMESPACE, call.values["vhost"], call.values["limit"], limit_value(body))
        call.empty()

    def clear_limit(self, call: Call) -> None:
        call.anywhere().directory.limits.clear(OF_NAMESPACE, call.values["vhost"], call.values["limit"])
        call.empty()


def vhost_json(record: NamespaceRecord) -> Item:
    metadata = {"description": record.description, "tags": record.tags, **record.metadata}
    if record.default_queue_type:
        metadata["default_queue_type"] = record.default_queue_type
    return {
        "name": record.name,
        "description": record.description,
        "tags": record.tags,
        "default_queue_type": record.default_queue_type or "undefined",
        "metadata": metadata,
    }


def limit_value(body: Item) -> object:
    """A number; rabbitmqadmin sends it as text. Raises Problem."""
    value = body["value"]
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return value
    if value is None:
        raise bad_request("value_is_null")
    return value
