"""RabbitMQ's /metrics/detailed: the families that the query names, of the namespaces that it names, under `rabbitmq_detailed_*`.

Must not: serve what was not asked for; an unknown family is passed over, as in RabbitMQ.
Source: RabbitMQ's metrics-detailed.md.
"""

from collections.abc import Callable, Iterator
from typing import Final

from onemq.engine.exchange import Exchange
from onemq.ops.metrics import rabbitmq_queues
from onemq.ops.metrics.metric import GAUGE, Exposition, Metric
from onemq.ops.metrics.objects import SLICE, Families, Passes
from onemq.ops.metrics.process import ProcessNumbers
from onemq.ops.metrics.rabbitmq_connections import CHURN, CONNECTION, add_each_connection, churn
from onemq.ops.metrics.rabbitmq_metric import DETAILED
from onemq.ops.metrics.rabbitmq_node import add_node
from onemq.ops.metrics.sources import Sources

_VHOST_STATUS: Final = Metric(
    "rabbitmq_cluster_vhost_status", GAUGE, "Whether a given vhost is running", ("vhost",)
)
_EXCHANGE_NAME: Final = Metric(
    "rabbitmq_cluster_exchange_name",
    GAUGE,
    "Enumerates exchanges without any additional info",
    ("vhost", "exchange", "type"),
)
_EXCHANGE_BINDINGS: Final = Metric(
    "rabbitmq_cluster_exchange_bindings",
    GAUGE,
    "Number of bindings for an exchange",
    ("vhost", "exchange", "type"),
)
CLUSTER: Final = (_VHOST_STATUS, _EXCHANGE_NAME, _EXCHANGE_BINDINGS)


def _renamed(metric: Metric) -> Metric:
    name = metric.name.replace("rabbitmq_", "rabbitmq_detailed_", 1)
    return Metric(name, metric.kind, metric.help, metric.labels)


def _detailed(families: Families) -> Families:
    return tuple((_renamed(metric), value) for metric, value in families)


QUEUE_FAMILIES: Final[dict[str, Families]] = {
    "queue_coarse_metrics": _detailed(rabbitmq_queues.COARSE),
    "queue_consumer_count": _detailed(rabbitmq_queues.CONSUMER_COUNT),
    "queue_metrics": _detailed(rabbitmq_queues.SIZES),
    "queue_delivery_metrics": _detailed(rabbitmq_queues.DELIVERY),
}
_CHURN: Final = {name: _renamed(metric) for name, metric in CHURN.items()}
_CONNECTION: Final = tuple(_renamed(metric) for metric in CONNECTION)


class Detailed:
    """One scrape of that path."""

    def __init__(
        self, out: Exposition, sources: Sources, bound: int, families: list[str], vhosts: list[str]
    ) -> None:
        self._out = out
        self._sources = sources
        self._bound = bound
        self._families = families
        self._passes = Passes(out, sources, bound, frozenset(vhosts) if vhosts else None)

    def run(self) -> Iterator[None]:
        asked = self._families
        queues: list[Families] = [QUEUE_FAMILIES[name] for name in asked if name in QUEUE_FAMILIES]
        if "queue_metrics" in asked and "queue_consumer_count" not in asked:
            queues.append(QUEUE_FAMILIES["queue_consumer_count"])
        if queues:
            together = tuple(each for families in queues for each in families)
            yield from self._passes.queues(together, folded=False)
        for name, add in self._others().items():
            if name in asked:
                yield from add()

    def _others(self) -> "dict[str, Callable[[], Iterator[None]]]":
        return {
            "connection_churn_metrics": self._churn,
            "connection_coarse_metrics": self._connections,
            "node_coarse_metrics": self._node,
            "vhost_status": self._vhosts,
            "exchange_names": self._exchange_names,
            "exchange_bindings": self._exchange_bindings,
        }

    def _churn(self) -> Iterator[None]:
        for name, count in churn(self._sources).items():
            self._out.add(_CHURN[name], count)
        yield

    def _node(self) -> Iterator[None]:
        add_node(self._out, self._sources, ProcessNumbers(), DETAILED)
        yield

    def _connections(self) -> Iterator[None]:
        return add_each_connection(self._out, self._sources, self._bound, _CONNECTION)

    def _vhosts(self) -> Iterator[None]:
        for name in self._sources.broker.catalog.namespaces:
            if self._passes.sees(name):
                self._out.add(_VHOST_STATUS, 1, name)
        yield

    def _each_exchange(self) -> list[tuple[str, Exchange]]:
        return [
            (name, exchange)
            for name, space in self._sources.broker.catalog.namespaces.items()
            if self._passes.sees(name)
            for exchange in space.exchanges.values()
        ][: self._bound]

    def _exchange_names(self) -> Iterator[None]:
        for index, (vhost, exchange) in enumerate(self._each_exchange()):
            self._out.add(_EXCHANGE_NAME, 1, vhost, exchange.name, exchange.settings.type_name)
            if index % SLICE == SLICE - 1:
                yield

    def _exchange_bindings(self) -> Iterator[None]:
        for index, (vhost, exchange) in enumerate(self._each_exchange()):
            count = len(exchange.matcher)
            self._out.add(_EXCHANGE_BINDINGS, count, vhost, exchange.name, exchange.settings.type_name)
            if index % SLICE == SLICE - 1:
                yield
