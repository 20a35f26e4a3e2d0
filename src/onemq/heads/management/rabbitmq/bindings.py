"""/api/bindings, and the bindings of exchanges and queues.

A binding is named in paths by its `properties_key`: the routing key, percent-encoded; with arguments, "~" and a hash of them behind it.
RabbitMQ's hash is Erlang's own; clients take it as it comes.
Source: rabbit_mgmt_wm_bindings, rabbit_mgmt_wm_binding, rabbit_mgmt_format (pack_binding_props).
"""

import base64
import zlib
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus

from onemq.engine.routing.arguments import identity
from onemq.engine.views import BindingView
from onemq.heads.management.call import Call
from onemq.heads.management.rabbitmq.bodies import body_of, not_found, table, text
from onemq.heads.management.rabbitmq.lists import Item, answer_list, answer_one
from onemq.heads.management.rabbitmq.service import Service, exchange_name
from onemq.heads.management.routes import Handler, Route
from onemq.heads.management.stepping import Steps, answer_in_steps
from onemq.model.refusal import Reason, Refusal

QUEUE: Final = "q"
EXCHANGE: Final = "e"


def binding_json(service: Service, view: BindingView) -> Item:
    return {
        "source": view.source,
        "vhost": view.namespace,
        "destination": view.destination,
        "destination_type": "queue" if view.to_queue else "exchange",
        "routing_key": view.routing_key,
        "arguments": service.words.shown(view.arguments),
        "properties_key": properties_key(view),
    }


def properties_key(view: BindingView) -> str:
    key = quote_plus(view.routing_key, safe="", errors="surrogateescape").replace("~", "%7E")
    if not view.arguments:
        return key or "~"
    digest = zlib.crc32(identity(view.arguments).encode("utf-8", "surrogateescape"))
    hashed = base64.urlsafe_b64encode(digest.to_bytes(4, "big")).decode("ascii").rstrip("=")
    return f"{key}~{hashed}"


def is_meant(view: BindingView, given: str) -> bool:
    """Whether a path's last segment, decoded once, names this binding. Some clients encode the key once, some twice."""
    known = properties_key(view)
    if given == known:
        return True
    key, tilde, hashed = given.rpartition("~") if "~" in given else (given, "", "")
    _, _, known_hash = known.rpartition("~") if view.arguments else ("", "", "")
    if bool(tilde and hashed) != bool(view.arguments) or hashed != known_hash:
        return False
    return key == view.routing_key or unquote_plus(key) == view.routing_key


class Bindings:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        found: list[tuple[str, str, Handler, str]] = [
            ("GET", "/api/bindings", self.index, "all bindings"),
            ("GET", "/api/bindings/{vhost}", self.index, "bindings of a vhost"),
            ("GET", "/api/exchanges/{vhost}/{name}/bindings/source", self.from_exchange, "from an exchange"),
            ("GET", "/api/exchanges/{vhost}/{name}/bindings/destination", self.to_exchange, "to an exchange"),
        ]
        for kind in (QUEUE, EXCHANGE):
            path = f"/api/bindings/{{vhost}}/e/{{source}}/{kind}/{{destination}}"
            found += [
                ("GET", path, self.between, "bindings between two"),
                ("POST", path, self.bind, "binds"),
                ("GET", path + "/{properties}", self.show, "one binding"),
                ("DELETE", path + "/{properties}", self.unbind, "unbinds"),
            ]
        return [Route(method, path, handler, summary=summary) for method, path, handler, summary in found]

    def index(self, call: Call) -> None:
        answer_in_steps(call, self._index(call))

    def _index(self, call: Call) -> Steps:
        items: list[Item] = []
        for access in self._service.accesses(call):
            for name in access.inspection.exchange_names():
                try:
                    made = access.inspection.bindings_made(name)
                except Refusal as refusal:
                    # The exchange has gone since the list was begun.
                    if refusal.reason != Reason.NOT_FOUND:
                        raise
                    continue
                for place in range(len(made)):
                    view = made.view(place)
                    if view is not None:
                        items.append(binding_json(self._service, view))
                    yield None
        answer_list(call, items)

    def from_exchange(self, call: Call) -> None:
        access = self._service.looking(call)
        self._answer(call, access.inspection.bindings_from(exchange_name(call.values["name"])))

    def to_exchange(self, call: Call) -> None:
        access = self._service.looking(call)
        self._answer(call, access.inspection.bindings_to(exchange_name(call.values["name"]), False))

    def between(self, call: Call) -> None:
        self._answer(call, self._between(call))

    def show(self, call: Call) -> None:
        answer_one(call, binding_json(self._service, self._meant(call)))

    def bind(self, call: Call) -> None:
        access = self._service.acting(call)
        body = body_of(call)
        source, destination, to_queue = self._ends(call)
        routing_key = text(body, "routing_key")
        arguments = self._service.words.binding_arguments(table(body, "arguments"))
        if to_queue:
            access.exchanges.bind_queue(destination, source, routing_key, arguments)
        else:
            access.exchanges.bind_exchange(destination, source, routing_key, arguments)
        view = BindingView(access.namespace, source, destination, to_queue, routing_key, arguments)
        location = f"{quote(call.values['destination'], safe='')}/{quote(properties_key(view), safe='~')}"
        call.empty(201, f"Location: {location}\r\n".encode("ascii"))

    def unbind(self, call: Call) -> None:
        access = self._service.acting(call)
        view = self._meant(call)
        if view.to_queue:
            access.exchanges.unbind_queue(view.destination, view.source, view.routing_key, view.arguments)
        else:
            access.exchanges.unbind_exchange(view.destination, view.source, view.routing_key, view.arguments)
        call.empty()

    def _ends(self, call: Call) -> tuple[str, str, bool]:
        """Source, destination, and whether that is a queue."""
        to_queue = call.request.target.partition(b"?")[0].split(b"/")[6] == QUEUE.encode("ascii")
        destination = call.values["destination"]
        source = exchange_name(call.values["source"])
        return source, destination if to_queue else exchange_name(destination), to_queue

    def _between(self, call: Call) -> list[BindingView]:
        access = self._service.looking(call)
        source, destination, to_queue = self._ends(call)
        return [
            view
            for view in access.inspection.bindings()
            if view.source == source and view.destination == destination and view.to_queue == to_queue
        ]

    def _meant(self, call: Call) -> BindingView:
        """Raises Problem 404."""
        for view in self._between(call):
            if is_meant(view, call.values["properties"]):
                return view
        raise not_found()

    def _answer(self, call: Call, views: list[BindingView]) -> None:
        answer_list(call, [binding_json(self._service, view) for view in views])
