"""Topology: one principal's way to exchanges and to what is bound to them. A part of Access, which authorises here.

Must not: publish (access.py does), declare queues (declaring.py).
"""

from onemq.engine.auditing import Audit
from onemq.engine.catalog import Catalog
from onemq.engine.equivalence import check_exchange_equal
from onemq.engine.exchange import Exchange, Namespace
from onemq.engine.own_queues import OwnQueues
from onemq.engine.permits import Permits
from onemq.engine.queue import Queue
from onemq.model.entities import EXCHANGE_KINDS, ExchangeSettings
from onemq.model.refusal import Reason, Refusal


class ExchangeAccess:
    """See the module."""

    def __init__(
        self, catalog: Catalog, space: Namespace, permits: Permits, queues: OwnQueues, audit: Audit
    ) -> None:
        self._catalog = catalog
        self._space = space
        self._permits = permits
        self._queues = queues
        self._audit = audit

    def declare(self, name: str, settings: ExchangeSettings) -> None:
        """Makes it, or checks that it is the same. Refusal ACCESS_DENIED, EXISTS_OTHERWISE, INVALID."""
        permits = self._permits
        permits.demand_configure("exchange", name)
        if settings.alternate:
            permits.demand_exchange_read(name)
            permits.demand_write("exchange", settings.alternate)
        if settings.kind not in EXCHANGE_KINDS:
            raise Refusal(Reason.INVALID, "exchange", name, "type", wanted=settings.type_name)
        existing = self._space.exchanges.get(name)
        if existing is not None:
            check_exchange_equal(name, existing.declared, settings)
            return
        self._catalog.add_exchange(self._space, name, settings)

    def check(self, name: str) -> None:
        """Refusal NOT_FOUND."""
        if name != "":
            self._find(name)

    def delete(self, name: str, if_unused: bool = False) -> None:
        """Refusal ACCESS_DENIED, IN_USE. One that is not there is fine."""
        with self._audit.doing("delete", "exchange", name) as act:
            self._permits.demand_configure("exchange", name)
            if name == "":
                raise Refusal(Reason.RESERVED_NAME, "exchange", name)
            exchange = self._space.exchanges.get(name)
            if exchange is None:
                act.nothing()
                return
            if exchange.predeclared:
                raise Refusal(Reason.RESERVED_NAME, "exchange", name)
            if if_unused and (len(exchange.matcher) or exchange.incoming):
                raise Refusal(Reason.IN_USE, "exchange", name)
            self._catalog.remove_exchange(self._space, exchange)

    def bind_exchange(
        self, destination: str, source: str, routing_key: str, arguments: dict[str, object]
    ) -> None:
        """Refusal NOT_FOUND, ACCESS_DENIED, INVALID."""
        origin, target = self._exchanges(destination, source, routing_key)
        self._catalog.bind(self._space, origin, target, routing_key, arguments)

    def unbind_exchange(
        self, destination: str, source: str, routing_key: str, arguments: dict[str, object]
    ) -> None:
        """Refusal NOT_FOUND, ACCESS_DENIED."""
        origin, target = self._exchanges(destination, source, routing_key)
        self._catalog.unbind(self._space, origin, target, routing_key, arguments)

    def bind_queue(self, queue: str, exchange: str, routing_key: str, arguments: dict[str, object]) -> None:
        """Refusal NOT_FOUND, ACCESS_DENIED, LOCKED, INVALID."""
        source, target = self._exchange_and_queue(queue, exchange, routing_key)
        self._catalog.bind(self._space, source, target, routing_key, arguments)

    def unbind_queue(self, queue: str, exchange: str, routing_key: str, arguments: dict[str, object]) -> None:
        """Refusal NOT_FOUND, ACCESS_DENIED, LOCKED."""
        source, target = self._exchange_and_queue(queue, exchange, routing_key)
        self._catalog.unbind(self._space, source, target, routing_key, arguments)

    def _exchanges(self, destination: str, source: str, routing_key: str) -> tuple[Exchange, Exchange]:
        """The ends of a binding, source first."""
        self._permits.demand_write("exchange", destination)
        self._permits.demand_exchange_read(source)
        for name in (destination, source):
            if name == "":
                raise Refusal(Reason.RESERVED_NAME, "exchange", name)
        origin = self._find(source)
        target = self._find(destination)
        self._permits.demand_key(origin, routing_key, False)
        return origin, target

    def _exchange_and_queue(self, queue: str, exchange: str, routing_key: str) -> tuple[Exchange, Queue]:
        self._permits.demand_write("queue", queue)
        self._permits.demand_exchange_read(exchange)
        if exchange == "":
            raise Refusal(Reason.RESERVED_NAME, "exchange", exchange)
        source = self._find(exchange)
        target = self._queues.find(queue)
        self._permits.demand_key(source, routing_key, False)
        return source, target

    def _find(self, name: str) -> Exchange:
        exchange = self._space.exchanges.get(name)
        if exchange is None:
            raise Refusal(Reason.NOT_FOUND, "exchange", name)
        return exchange
