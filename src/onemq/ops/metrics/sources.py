"""Where metrics come from: the engine, and what the composition root hands in of net and store. Must not: compute anything."""

from collections.abc import Callable, Mapping
from typing import Protocol

from onemq.engine.broker import Broker
from onemq.heads.contract import PeerView
from onemq.model.histogram import Histogram
from onemq.model.store_statistics import StoreStatistics


class TrafficSource(Protocol):
    """Of one head's connections."""

    @property
    def opened(self) -> int: ...
    @property
    def closed(self) -> int: ...
    @property
    def bytes_in(self) -> int: ...
    @property
    def bytes_out(self) -> int: ...


class PressureSource(Protocol):
    """The alarms."""

    @property
    def memory_low(self) -> bool: ...
    @property
    def disk_low(self) -> bool: ...
    @property
    def memory_bytes_alarm(self) -> int: ...
    @property
    def free_bytes_min(self) -> int: ...
    @property
    def alarms(self) -> int: ...
    @property
    def alarm_ms(self) -> int: ...
    @property
    def slowdowns(self) -> int: ...
    @property
    def slow_ms(self) -> int: ...
    def throttled(self) -> int: ...


class StoreSource(Protocol):
    """The store on disk."""

    statistics: StoreStatistics

    def stored_bytes(self) -> tuple[int, int]: ...
    def pending_bytes(self) -> int: ...
    def free_bytes(self) -> int: ...


class Sources:
    """Attributes:
    broker: the engine. pressure: the alarms. store: None when everything is kept in memory.
    traffic: by name of the head. views: open connections, so many at most. refused: connections over the limit so far.
    connections_max: the limit.
    turns: how long the turns took. lag: how late the loop was, looked at once a second.
    version: of onemq. node_name: as RabbitMQ has it. cluster_id: this broker's, for ever. compiled: the hot packages are.
    """

    def __init__(
        self,
        broker: Broker,
        pressure: PressureSource,
        store: StoreSource | None,
        traffic: Callable[[], Mapping[str, TrafficSource]],
        views: Callable[[int], list[PeerView]],
        refused: Callable[[], int],
        connections_max: int,
        turns: Histogram,
        lag: Histogram,
        version: str,
        node_name: str,
        cluster_id: str,
        compiled: bool,
    ) -> None:
        self.broker = broker
        self.pressure = pressure
        self.store = store
        self.traffic = traffic
        self.views = views
        self.refused = refused
        self.connections_max = connections_max
        self.turns = turns
        self.lag = lag
        self.version = version
        self.node_name = node_name
        self.cluster_id = cluster_id
        self.compiled = compiled
