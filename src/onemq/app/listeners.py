"""The listeners: which heads are served where. **A new protocol or port joins here**: a function in LISTENERS.

Each function reads its section of the settings and gives the listeners that it asks for; none listens yet (server.py starts them).
Must not know the process: everything it needs is in Parts.
"""

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from onemq import __version__
from onemq.app.construction import cluster_id
from onemq.app.metrics import MetricsPages, node_name
from onemq.app.node import Node
from onemq.auth.gate import Gate
from onemq.config import OFF, Settings
from onemq.engine.broker import Broker
from onemq.engine.ports import Store
from onemq.heads.amqp091.head import AmqpHead
from onemq.heads.amqp091.settings import AmqpSettings
from onemq.heads.amqp091.words import AmqpWords
from onemq.heads.aws.head import AwsHead
from onemq.heads.aws.settings import AwsSettings
from onemq.heads.contract import Head
from onemq.heads.kafka.head import KafkaHead
from onemq.heads.kafka.settings import KafkaSettings
from onemq.heads.management.head import ManagementHead
from onemq.heads.management.pages import Page, PageRequest
from onemq.heads.management.settings import ManagementSettings
from onemq.model.histogram import Histogram
from onemq.net.caller import HttpCaller
from onemq.net.connection import Limits
from onemq.net.faults import Faults
from onemq.net.listener import Listener
from onemq.net.pressure import Pressure
from onemq.net.registry import Registry
from onemq.net.turns import Turns
from onemq.net.worker import ThreadWorker
from onemq.ops.health import Health

if TYPE_CHECKING:
    import ssl

    from onemq.heads.management.area import Area

LINGER_MS: Final = 1000


class Parts:
    """What a running broker consists of. Made by server.py, once each start.

    Attributes:
        faults: what tests do to connections; None: nothing ever is.
        addresses: name and `host:port` of every socket that is listened on by now.
        stopping: why no new client is welcome; "" while all are.
        lag: how late the loop was, looked at once a second. metrics: the pages under /metrics.
    """

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        broker: Broker,
        turns: Turns,
        pressure: Pressure,
        registry: Registry,
        gate: Gate,
        caller: HttpCaller,
        worker: ThreadWorker,
        tls: "ssl.SSLContext | None",
        faults: Faults | None = None,
        *,
        store: Store,
    ) -> None:
        self.store = store
        self.lag = Histogram()
        self.settings = settings
        self.loop = loop
        self.broker = broker
        self.turns = turns
        self.pressure = pressure
        self.registry = registry
        self.gate = gate
        self.caller = caller
        self.worker = worker
        self.tls = tls
        self.faults = faults
        self.stopping = ""
        self.metrics = MetricsPages(self)
        self.addresses: Callable[[], list[tuple[str, str]]] = list

    def limits(self, login_seconds: float = 0) -> Limits:
        """Of a connection. login_seconds: time from the first byte to the login; 0 = unlimited."""
        settings = self.settings
        return Limits(
            int(login_seconds * 1000),
            settings.limits.outbox_bytes_max,
            int(settings.server.drain_seconds * 1000),
            LINGER_MS,
            int(settings.limits.slow_reader_seconds * 1000),
        )

    def listener(
        self, name: str, head: Head, port: int, limits: Limits, encrypted: bool = False
    ) -> list[Listener]:
        """The listener, or none when its port is off (or it wants TLS and there is no certificate)."""
        if port == OFF or (encrypted and self.tls is None):
            return []
        # So that its numbers are there before its first connection is.
        self.registry.traffic(head.name)
        tls = self.tls if encrypted else None
        return [
            Listener(
                name,
                head,
                self.settings.server.host,
                port,
                self.turns,
                self.registry,
                limits,
                tls,
                self.faults,
            )
        ]


def make_listeners(parts: Parts) -> list[Listener]:
    """All that the settings ask for, in the order in which they are announced."""
    return [listener for make in LISTENERS for listener in make(parts)]


def _amqp_listeners(parts: Parts) -> list[Listener]:
    amqp = parts.settings.amqp
    limits = parts.limits(amqp.login_seconds)
    amqp_settings = AmqpSettings(
        frame_bytes_max=amqp.frame_bytes_max,
        channels_max=amqp.channels_max,
        heartbeat_seconds=amqp.heartbeat_seconds,
        message_bytes_max=amqp.message_bytes_max,
        held_bytes_max=max(amqp.held_bytes_max, 2 * amqp.message_bytes_max),
        cluster_name=node_name(),
        onemq_version=__version__,
    )
    head = AmqpHead(parts.gate, amqp_settings, os.urandom)
    found = parts.listener("amqp", head, amqp.port, limits)
    return found + parts.listener("amqps", head, amqp.tls_port, limits, encrypted=True)


def _kafka_listeners(parts: Parts) -> list[Listener]:
    settings = parts.settings
    kafka = settings.kafka
    limits = parts.limits(kafka.login_seconds)
    found: list[Listener] = []
    for name, port, advertised, encrypted in (
        ("kafka", kafka.port, kafka.advertised_port, False),
        ("kafkas", kafka.tls_port, kafka.advertised_tls_port, True),
    ):
        head = KafkaHead(
            parts.gate,
            KafkaSettings(
                advertised_host=kafka.advertised_host,
                advertised_port=advertised,
                namespace=settings.namespaces[0],
                cluster_id=cluster_id(parts.broker),
                request_bytes_max=kafka.request_bytes_max,
                auto_create_topics=kafka.auto_create_topics,
                partitions_default=kafka.partitions,
                sasl_required=bool(settings.users),
                idle_ms=int(kafka.idle_seconds * 1000),
            ),
            parts.worker,
        )
        found += parts.listener(name, head, port, limits, encrypted)
    return found


def _http_listeners(parts: Parts) -> list[Listener]:
    http = parts.settings.http
    name = node_name()
    management = ManagementSettings(node_name=name, request_bytes_max=http.request_bytes_max)
    node = Node(name, parts, lambda: parts.addresses())
    health = _health(parts)

    def health_page(request: PageRequest) -> Page | None:
        answer = health.answer(request.path)
        if answer is None:
            return None
        return Page(answer.status, answer.body.encode("utf-8"), answer.content_type)

    def areas() -> "list[Area]":
        from onemq.heads.management.admin.api import admin_area
        from onemq.heads.management.rabbitmq.api import rabbitmq_area

        words = AmqpWords(parts.settings.amqp.message_bytes_max)
        peers, worker = parts.registry, parts.worker
        return [rabbitmq_area(words, peers, node, worker), admin_area(words, peers, node, worker)]

    head = ManagementHead(parts.gate, management, [parts.metrics, health_page], areas)
    limits = parts.limits()
    found = parts.listener("http", head, http.port, limits)
    return found + parts.listener("https", head, http.tls_port, limits, encrypted=True)


def _health(parts: Parts) -> Health:
    return Health(lambda: parts.stopping or parts.pressure.explanation())


def _metrics_listeners(parts: Parts) -> list[Listener]:
    """RabbitMQ's port for Prometheus: no login, and nothing but numbers."""
    metrics = parts.settings.metrics
    management = ManagementSettings(node_name=node_name())
    head = ManagementHead(parts.gate, management, [parts.metrics], name="metrics", default_port=15692)
    limits = parts.limits()
    found = parts.listener("metrics", head, metrics.port, limits)
    return found + parts.listener("metricss", head, metrics.tls_port, limits, encrypted=True)


def _aws_listeners(parts: Parts) -> list[Listener]:
    aws = parts.settings.aws
    aws_settings = AwsSettings(
        namespace=parts.settings.namespaces[0],
        request_bytes_max=aws.request_bytes_max,
        idle_ms=int(aws.idle_seconds * 1000),
    )
    head = AwsHead(parts.gate, aws_settings, os.urandom, parts.caller)
    notices = parts.broker.notices
    notices.serve(head.sns.renderer, head.sns.courier)
    if notices.key_text:
        head.sns.signer.show(notices.key_text)
    limits = parts.limits()
    found = parts.listener("aws", head, aws.port, limits)
    return found + parts.listener("awss", head, aws.tls_port, limits, encrypted=True)


LISTENERS: Final[tuple[Callable[[Parts], list[Listener]], ...]] = (
    _amqp_listeners,
    _kafka_listeners,
    _http_listeners,
    _aws_listeners,
    _metrics_listeners,
)
