"""/api/exchanges: lists, one exchange, declare, delete. Their bindings are in bindings.py, publishing in messages.py.

Source: rabbit_mgmt_wm_exchanges, rabbit_mgmt_wm_exchange; recorded answers of RabbitMQ 3.10.
"""

from onemq.engine.access import Access
from onemq.engine.views import ExchangeView
from onemq.heads.management.call import Call
from onemq.heads.management.rabbitmq.bodies import body_of, flag, table, text
from onemq.heads.management.rabbitmq.lists import Item, answer_list_of, answer_one
from onemq.heads.management.rabbitmq.service import Service, exchange_name
from onemq.heads.management.rabbitmq.stats import EXCHANGE_COUNTS, Ranges, message_stats
from onemq.heads.management.routes import Handler, Route
from onemq.model.refusal import Refusal


class Exchanges:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        one = "/api/exchanges/{vhost}/{name}"
        found: list[tuple[str, str, Handler, str]] = [
            ("GET", "/api/exchanges", self.index, "all exchanges"),
            ("GET", "/api/exchanges/{vhost}", self.index, "exchanges of a vhost"),
            ("GET", one, self.show, "one exchange"),
            ("PUT", one, self.declare, "declares an exchange"),
            ("DELETE", one, self.delete, "deletes an exchange"),
        ]
        return [Route(method, path, handler, summary=summary) for method, path, handler, summary in found]

    def index(self, call: Call) -> None:
        ranges = Ranges(call)
        stats = not call.query.flag("disable_stats")
        found = [
            (access, name)
            for access in self._service.accesses(call)
            for name in access.inspection.exchange_names()
        ]

        def build(place: int) -> Item | None:
            access, name = found[place]
            try:
                return self._item(access, access.inspection.exchange(name), ranges, stats)
            except Refusal:
                # It has gone since the list was begun.
                return None

        answer_list_of(call, [name for _, name in found], build)

    def show(self, call: Call) -> None:
        access = self._service.looking(call)
        view = access.inspection.exchange(exchange_name(call.values["name"]))
        item = self._item(access, view, Ranges(call), True)
        item["incoming"] = []
        item["outgoing"] = []
        answer_one(call, item)

    def _item(self, access: Access, view: ExchangeView, ranges: Ranges, stats: bool) -> Item:
        settings = view.settings
        item: Item = {
            "arguments": self._service.words.shown(settings.arguments),
            "auto_delete": settings.auto_delete,
            "durable": settings.durable,
            "internal": settings.internal,
            "name": view.name,
            "type": settings.type_name,
            "user_who_performed_action": "rmq-internal" if view.predeclared else "",
            "vhost": view.namespace,
        }
        if view.policy:
            item["policy"] = view.policy
        if settings.delayed:
            item["messages_delayed"] = int(view.held)
        if stats:
            series = access.inspection.exchange_series(view.name)
            counted = message_stats(view.counters, series, EXCHANGE_COUNTS, ranges)
            if counted:
                item["message_stats"] = counted
        return item

    def declare(self, call: Call) -> None:
        access = self._service.acting(call)
        body = body_of(call)
        made = self._service.words.declare_exchange(
            access,
            exchange_name(call.values["name"]),
            text(body, "type", "direct"),
            flag(body, "durable", False),
            flag(body, "auto_delete", False),
            flag(body, "internal", False),
            table(body, "arguments"),
        )
        call.empty(201 if made else 204)

    def delete(self, call: Call) -> None:
        access = self._service.acting(call)
        name = exchange_name(call.values["name"])
        access.inspection.exchange(name)
        access.exchanges.delete(name, call.query.flag("if-unused"))
        call.empty()
