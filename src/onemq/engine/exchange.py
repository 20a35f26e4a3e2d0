"""Exchanges and namespaces: where a published record goes. The catalog changes them; nobody else does."""

from mypy_extensions import i64

from onemq.engine.counters import Counters
from onemq.engine.directory.policies import Policy
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.queue import Queue
from onemq.engine.routing.destination import Destination
from onemq.engine.routing.kinds import matcher_for
from onemq.engine.routing.matcher import Matcher
from onemq.engine.topics.topic import Topic
from onemq.model.entities import KIND_DIRECT, KIND_TOPIC, ExchangeSettings
from onemq.model.record import HeaderValue
from onemq.model.refusal import Reason, Refusal, Scope

ROUTED_BY_KEY = (KIND_DIRECT, KIND_TOPIC)
"""Kinds for which a record's extra routing keys count; the others look at the record once."""
ROUTE_DEPTH_MAX = 64
"""Exchanges one record passes at most; bindings in a circle are followed once anyway."""


class Exchange(Destination):
    """A named place to publish to.

    Attributes:
        declared: what it was declared with: compared and stored. settings: what is in force: that, and the policies over it.
        policy, operator_policy: those that apply to it; None: none does.
        predeclared: made by the broker itself, cannot be deleted or declared otherwise.
        holding: keeps records back until their time, for a delayed exchange.
        incoming: bindings from other exchanges to this one.
        counters: of what was published to it (counters.py).
    """

    def __init__(
        self, namespace: str, name: str, settings: ExchangeSettings, predeclared: bool = False
    ) -> None:
        super().__init__(name)
        self.namespace = namespace
        self.declared = settings
        self.settings = settings
        self.policy: Policy | None = None
        self.operator_policy: Policy | None = None
        self.predeclared = predeclared
        hash_header = settings.hash_header or settings.hash_property
        self.matcher: Matcher = matcher_for(settings.kind, hash_header)
        self.holding: LedgerQueue | None = None
        self.incoming: i64 = 0
        self.counters = Counters()
        self.deleted = False


class Namespace:
    """A set of names: an AMQP virtual host, an AWS account, a project."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.deleted = False
        self.exchanges: dict[str, Exchange] = {}
        self.queues: dict[str, Queue] = {}
        self.topics: dict[str, Topic] = {}
        self.counters = Counters()
        """Of the default exchange."""
        self.alike_topics: dict[str, dict[str, bool]] = {}
        """Names of topics that differ in '.' and '_' only, by the name with '_' for both."""

    def resolve(self, exchange: str, routing_keys: list[str], headers: dict[str, HeaderValue]) -> list[Queue]:
        """Queues that a record published there goes to, each once, in a fixed order."""
        if exchange == "":
            found: list[Queue] = []
            for key in routing_keys:
                queue = self.queues.get(key)
                if queue is not None and queue not in found:
                    found.append(queue)
            return found
        start = self.exchanges.get(exchange)
        if start is None:
            return []
        queues: dict[Queue, bool] = {}
        seen: dict[Exchange, bool] = {start: True}
        todo = [start]
        for current in todo:
            out: list[Destination] = []
            if current.settings.kind in ROUTED_BY_KEY:
                for key in routing_keys:
                    current.matcher.match(key, headers, out)
            else:
                current.matcher.match(routing_keys[0], headers, out)
            if not out and current.settings.alternate:
                alternate = self.exchanges.get(current.settings.alternate)
                if alternate is not None and alternate not in seen:
                    seen[alternate] = True
                    todo.append(alternate)
            for destination in out:
                if isinstance(destination, Exchange):
                    if destination not in seen and len(seen) < ROUTE_DEPTH_MAX:
                        seen[destination] = True
                        todo.append(destination)
                elif isinstance(destination, Queue):
                    queues[destination] = True
        return list(queues)

    def is_per_record(self, exchange: str) -> bool:
        """True when the outcome for a routing key can differ from record to record."""
        return self._any(exchange, False)

    def needs_headers(self, exchange: str) -> bool:
        """True when some exchange that a record published there may reach looks at headers."""
        return self._any(exchange, True)

    def _any(self, exchange: str, headers: bool) -> bool:
        start = self.exchanges.get(exchange)
        if start is None:
            return False
        seen: dict[Exchange, bool] = {start: True}
        todo = [start]
        for current in todo:
            matcher = current.matcher
            if matcher.needs_headers or (not headers and matcher.per_record):
                return True
            nexts: list[Destination] = [destination for destination, _, _ in matcher.bindings()]
            alternate = self.exchanges.get(current.settings.alternate)
            if alternate is not None:
                nexts.append(alternate)
            for destination in nexts:
                if isinstance(destination, Exchange) and destination not in seen:
                    seen[destination] = True
                    todo.append(destination)
        return False


def check_there(namespace: Namespace) -> None:
    """Refusal NAMESPACE_DENIED: it was deleted, and whoever is in it has not left yet."""
    if namespace.deleted:
        raise Refusal(
            Reason.NAMESPACE_DENIED, "namespace", namespace.name, "not found", scope=Scope.CONNECTION
        )
