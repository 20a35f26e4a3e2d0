"""Exchanges, and what is bound to what."""

from collections.abc import Iterator
from typing import Any

from onemq.engine.access import Access
from onemq.engine.views import BindingView, ExchangeView
from onemq.heads.management.admin.service import (
    NAMESPACE,
    Service,
    accesses,
    acting,
    answer_named,
    bad_request,
    looking,
)
from onemq.heads.management.admin.shapes import Binding, Exchange, Made, Named, NewBinding, NewExchange
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.json_body import BadJson, decoded
from onemq.heads.management.routes import Parameter, Route
from onemq.heads.management.stepping import Steps, answer_in_steps
from onemq.model.refusal import Reason, Refusal


class Exchanges:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        one = "/v1/exchanges/{namespace}/{exchange}"
        return [
            Route(
                "GET",
                "/v1/exchanges",
                self.index,
                summary="All exchanges",
                query=(NAMESPACE,),
                response=list[Exchange],
            ),
            Route("GET", one, self.show, summary="One exchange", response=Exchange),
            Route("PUT", one, self.create, summary="Makes an exchange", request=NewExchange, response=Made),
            Route(
                "DELETE",
                one,
                self.delete,
                summary="Deletes an exchange",
                query=(Parameter("if_unused", "only if nothing is bound", "boolean"),),
                response=Named,
            ),
            Route(
                "GET",
                "/v1/bindings",
                self.bindings,
                summary="All bindings, those of the default exchange left out",
                query=(
                    NAMESPACE,
                    Parameter("source", "from this exchange"),
                    Parameter("destination", "to this queue or exchange"),
                ),
                response=list[Binding],
            ),
            Route(
                "POST",
                "/v1/bindings/{namespace}",
                self.bind,
                summary="Binds",
                request=NewBinding,
                response=Binding,
            ),
            Route(
                "DELETE",
                "/v1/bindings/{namespace}",
                self.unbind,
                summary="Unbinds",
                query=(
                    Parameter("source", "the exchange"),
                    Parameter("destination", "the queue or exchange"),
                    Parameter("to", "queue (the default) or exchange"),
                    Parameter("routing_key", "as it was bound"),
                    Parameter("arguments", "as they were bound, JSON"),
                ),
                response=Binding,
            ),
        ]

    def index(self, call: Call) -> None:
        answer_named(
            call,
            lambda access: access.inspection.exchange_names(),
            lambda access, name: self._exchange(access.inspection.exchange(name)),
        )

    def show(self, call: Call) -> None:
        name = call.values["exchange"]
        call.answer(self._exchange(looking(call).inspection.exchange(name)))

    def create(self, call: Call) -> None:
        wanted = call.body(NewExchange)
        name = call.values["exchange"]
        made = self._service.words.declare_exchange(
            acting(call),
            name,
            wanted.type,
            wanted.durable,
            wanted.auto_delete,
            wanted.internal,
            wanted.arguments,
        )
        call.answer(Made(name=name, made=made))

    def delete(self, call: Call) -> None:
        access = acting(call)
        name = call.values["exchange"]
        access.inspection.exchange(name)
        access.exchanges.delete(name, call.query.flag("if_unused"))
        call.answer(Named(name=name))

    def bindings(self, call: Call) -> None:
        answer_in_steps(call, self._bindings(call))

    def _bindings(self, call: Call) -> Steps:
        source, destination = call.query.text("source"), call.query.text("destination")
        found: list[Binding] = []
        for access in accesses(call):
            for view in each_binding(access):
                if view is not None:
                    if (not source or view.source == source) and destination in ("", view.destination):
                        found.append(binding_of(view, self._service.words.shown(view.arguments)))
                yield None
        call.answer(found)

    def bind(self, call: Call) -> None:
        wanted = call.body(NewBinding)
        access = acting(call)
        arguments = self._service.words.binding_arguments(wanted.arguments)
        to_queue = wanted.to == "queue"
        if to_queue:
            access.exchanges.bind_queue(wanted.destination, wanted.source, wanted.routing_key, arguments)
        else:
            access.exchanges.bind_exchange(wanted.destination, wanted.source, wanted.routing_key, arguments)
        view = BindingView(
            access.namespace, wanted.source, wanted.destination, to_queue, wanted.routing_key, arguments
        )
        call.answer(binding_of(view, self._service.words.shown(view.arguments)))

    def unbind(self, call: Call) -> None:
        access = acting(call)
        query = call.query
        to = query.text("to", "queue")
        if to not in ("queue", "exchange"):
            raise bad_request(f"to is queue or exchange, not '{to}'")
        arguments = self._service.words.binding_arguments(_arguments(query.text("arguments")))
        source, destination, key = query.text("source"), query.text("destination"), query.text("routing_key")
        for view in access.inspection.bindings_from(source):
            if (view.destination, view.to_queue, view.routing_key) != (destination, to == "queue", key):
                continue
            if view.arguments == arguments:
                if view.to_queue:
                    access.exchanges.unbind_queue(destination, source, key, arguments)
                else:
                    access.exchanges.unbind_exchange(destination, source, key, arguments)
                call.answer(binding_of(view, self._service.words.shown(view.arguments)))
                return
        raise Refusal(Reason.NOT_FOUND, "binding", f"{source} -> {destination}")

    def _exchange(self, view: ExchangeView) -> Exchange:
        settings = view.settings
        return Exchange(
            namespace=view.namespace,
            name=view.name,
            type=settings.type_name,
            durable=settings.durable,
            auto_delete=settings.auto_delete,
            internal=settings.internal,
            predeclared=view.predeclared,
            held=int(view.held),
            policy=view.policy,
            arguments=self._service.words.shown(settings.arguments),
            counters=view.counters.values(),
        )


def each_exchange(access: Access) -> Iterator[ExchangeView]:
    """Of all that may be seen and have not gone meanwhile."""
    for name in access.inspection.exchange_names():
        try:
            yield access.inspection.exchange(name)
        except Refusal as refusal:
            if refusal.reason != Reason.NOT_FOUND:
                raise


def each_binding(access: Access) -> Iterator[BindingView | None]:
    """Of all exchanges but the default one; None for one that may not be seen. Exchanges may go meanwhile."""
    for name in access.inspection.exchange_names():
        if name:
            try:
                made = access.inspection.bindings_made(name)
            except Refusal as refusal:
                if refusal.reason != Reason.NOT_FOUND:
                    raise
                continue
            for place in range(len(made)):
                yield made.view(place)


def binding_of(view: BindingView, arguments: dict[str, Any]) -> Binding:
    """As it is answered."""
    return Binding(
        namespace=view.namespace,
        source=view.source,
        destination=view.destination,
        to="queue" if view.to_queue else "exchange",
        routing_key=view.routing_key,
        arguments=arguments,
    )


def _arguments(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        found = decoded(text.encode("utf-8", "surrogateescape"))
    except BadJson as error:
        raise Problem(400, "bad_request", f"arguments: {error}") from None
    if not isinstance(found, dict):
        raise Problem(400, "bad_request", "arguments: not an object")
    return found
