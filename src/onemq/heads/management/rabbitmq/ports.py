"""What RabbitMQ's API needs beside the engine: AMQP's words, the broker's surroundings. The composition root hands them in.

Heads are strangers: AmqpWords is served by heads/amqp091/words.py, which does not know this module.
"""

from typing import Protocol

from onemq.engine.access import Access
from onemq.engine.consumption import Leaser
from onemq.model.record import Record
from onemq.model.refusal import Refusal


class AmqpWords(Protocol):
    """See heads/amqp091/words.py. All raise Refusal; of kind "" where its `detail` is the whole text."""

    version: str

    def declare_queue(
        self,
        access: Access,
        name: str,
        durable: bool,
        auto_delete: bool,
        arguments: dict[str, object],
        settings_over: dict[str, object] | None = None,
    ) -> bool: ...

    def declare_exchange(
        self,
        access: Access,
        name: str,
        type_name: str,
        durable: bool,
        auto_delete: bool,
        internal: bool,
        arguments: dict[str, object],
    ) -> bool: ...

    def binding_arguments(self, arguments: dict[str, object]) -> dict[str, object]: ...

    def shown(self, fields: dict[str, object]) -> dict[str, object]: ...

    def publish(
        self, access: Access, exchange: str, routing_key: str, properties: dict[str, object], body: bytes
    ) -> bool: ...

    def properties_of(
        self, record: Record, queue: Leaser, attempts: int, failures: int
    ) -> dict[str, object]: ...

    def reply(self, refusal: Refusal, vhost: str, user: str) -> tuple[int, str]: ...


class Listening:
    """One socket that the broker listens on. protocol: as RabbitMQ names it ("amqp", "amqp/ssl", "http"); tls: it is encrypted."""

    def __init__(self, protocol: str, host: str, port: int, tls: bool) -> None:
        self.protocol = protocol
        self.host = host
        self.port = port
        self.tls = tls


class NodeFacts:
    """The broker's process and its machine, now. Bytes, counts, ms; -1 for what is not known.

    Attributes:
        memory_alarm, disk_alarm: publishers are held up for that.
        memory_used: resident. memory_limit, disk_limit: where the alarms begin. disk_free: of the data directory's disk; -1 in memory.
        files_used, files_max: open files. uptime_ms: since the broker started.
        directory: of the data, "" in memory. config_files: that were read.
        opened_connections, closed_connections: since the start.
    """

    def __init__(self) -> None:
        self.process_id = 0
        self.processors = 1
        self.memory_used = -1
        self.memory_limit = -1
        self.memory_alarm = False
        self.disk_free = -1
        self.disk_limit = -1
        self.disk_alarm = False
        self.files_used = -1
        self.files_max = -1
        self.uptime_ms = 0
        self.directory = ""
        self.config_files: list[str] = []
        self.opened_connections = 0
        self.closed_connections = 0


class NodePort(Protocol):
    """The broker's surroundings. name: of the node ("onemq@host"). version: of onemq."""

    name: str
    version: str

    def facts(self) -> NodeFacts: ...

    def listening(self) -> list[Listening]: ...

    def certificate_ends_ms(self) -> int:
        """When the listeners' certificate expires, ms since the epoch; 0: there is none."""
