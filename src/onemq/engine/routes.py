"""Where the records of one connection go: an exchange and a routing key, resolved to queues and authorised once, until the catalog changes.

Must not: take records (access.py does), decide what an exchange's bindings match (exchange.py does).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.catalog import Catalog
from onemq.engine.consumption import Sink
from onemq.engine.counters import Counters
from onemq.engine.exchange import Exchange, Namespace
from onemq.engine.own_queues import OwnQueues
from onemq.engine.permits import Permits
from onemq.engine.queue import Queue
from onemq.model.record import Address, HeaderValue
from onemq.model.refusal import Reason, Refusal

QUEUE_ROUTES_MAX: Final = 100
"""Routes straight to queues that are remembered for a connection: heads without a place of their own for them ask by the queue's name."""
NO_HEADERS: Final[dict[str, HeaderValue]] = {}


class Route:
    """Where one access's records with one exchange and routing key go. Heads may keep it; `publish` brings it up to date.

    `needs_headers`: give `publish` the record's headers. `delayed`: the exchange holds records until `not_before_ms`.
    """

    __slots__ = (
        "address",
        "counters",
        "delayed",
        "exchange",
        "generation",
        "guarded",
        "needs_headers",
        "per_record",
        "queues",
        "reply",
    )

    def __init__(self, address: Address, guarded: str) -> None:
        """guarded: what the right to write is asked for: the exchange, or the queue that the key names."""
        self.address = address
        self.guarded = guarded
        self.generation: i64 = 0
        self.exchange: Exchange | None = None
        self.queues: list[Queue] = []
        self.per_record = False
        self.needs_headers = False
        self.delayed = False
        self.reply: Sink | None = None
        self.counters: Counters | None = None


class Routes:
    """See the module."""

    def __init__(self, catalog: Catalog, space: Namespace, permits: Permits, queues: OwnQueues) -> None:
        self._catalog = catalog
        self._space = space
        self._permits = permits
        self._queues = queues
        self._remembered: dict[str, Route] = {}

    def to_exchange(self, exchange: str, routing_key: str) -> Route:
        """Resolves and authorises. Raises Refusal NOT_FOUND, ACCESS_DENIED."""
        route = Route(self._catalog.addresses.get(exchange, routing_key), exchange)
        self.refresh(route)
        return route

    def to_queue(self, name: str) -> Route:
        """Straight to a queue: the right to write is asked for it, not for an exchange. Refusal NOT_FOUND, ACCESS_DENIED, LOCKED."""
        self._permits.demand_write("queue", name)
        route = self._remembered.get(name)
        if route is not None and route.generation == self._catalog.generation:
            # No queue and no rule has come or gone since; tags may have.
            self._permits.demand_no_rule_against(name)
            return route
        self._queues.find(name)
        route = Route(self._catalog.addresses.get("", name), name)
        self.refresh(route)
        if len(self._remembered) >= QUEUE_ROUTES_MAX:
            self._remembered.clear()
        self._remembered[name] = route
        return route

    def refresh(self, route: Route) -> None:
        """Brings it up to date: the catalog has changed. Refusal as of `to_exchange`."""
        name = route.address.exchange
        key = route.address.routing_key
        space = self._space
        route.reply = None
        self._permits.demand_write("queue" if name == "" and route.guarded else "exchange", route.guarded)
        if name == "":
            route.counters = space.counters
            self._permits.demand_no_rule_against(key)
            route.reply = self._catalog.replies.get(key)
            queue = self._catalog.queue(space, key)
            route.queues = [] if queue is None else [queue]
            route.generation = self._catalog.generation
            return
        exchange = space.exchanges.get(name)
        if exchange is None:
            raise Refusal(Reason.NOT_FOUND, "exchange", name)
        if exchange.settings.internal:
            raise Refusal(Reason.ACCESS_DENIED, "exchange", name, "internal")
        self._permits.demand_key(exchange, key, True)
        route.exchange = exchange
        route.counters = exchange.counters
        route.delayed = exchange.settings.delayed
        route.per_record = space.is_per_record(name)
        route.needs_headers = route.per_record and space.needs_headers(name)
        route.queues = [] if route.per_record else space.resolve(name, [key], NO_HEADERS)
        # Last: a route that could not be resolved must not pass for one that was.
        route.generation = self._catalog.generation
