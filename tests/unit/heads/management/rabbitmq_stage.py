"""A stage with RabbitMQ's API: connections and a node that the test makes up, everything else real."""

from __future__ import annotations

from collections.abc import Sequence

from onemq.engine.access import Access
from onemq.engine.counters import Counters
from onemq.engine.ports import Store
from onemq.heads.amqp091.settings import MESSAGE_BYTES_MAX
from onemq.heads.amqp091.words import AmqpWords
from onemq.heads.contract import ChannelProfile, ConsumerProfile, Peers, PeerView, Profile
from onemq.heads.management.area import Area
from onemq.heads.management.rabbitmq.api import rabbitmq_area
from onemq.heads.management.rabbitmq.ports import Listening, NodeFacts
from onemq.model.principal import Peer as PeerAddress
from onemq.model.principal import Principal
from onemq.model.rights import all_rights
from unit.heads.management.playbook import START_MS, Stage

NODE = "rmq@localhost"
"""As the RabbitMQ called itself whose answers were recorded."""


class MadePeers(Peers):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[PeerView] = []
        self.closed: list[tuple[int, str]] = []

    def views(self) -> list[PeerView]:
        return list(self.open)

    def close(self, number: int, reason: str) -> bool:
        self.closed.append((number, reason))
        return True

    def add(self, profile: Profile, port: int, received: int = 0, sent: int = 0) -> PeerView:
        peer = PeerAddress("127.0.0.1", port, "127.0.0.1", 5672)
        view = PeerView(len(self.open) + 1, "amqp", peer, profile, START_MS, received, sent, 0)
        self.open.append(view)
        return view


class MadeNode:
    """Nothing is short, until the test says so."""

    name = NODE
    version = "0.1.0"

    def __init__(self) -> None:
        self.now = NodeFacts()
        self.sockets = [
            Listening("amqp", "127.0.0.1", 5672, False),
            Listening("http", "127.0.0.1", 15672, False),
        ]
        self.certificate_ends = 0

    def facts(self) -> NodeFacts:
        return self.now

    def listening(self) -> list[Listening]:
        return self.sockets

    def certificate_ends_ms(self) -> int:
        return self.certificate_ends


class RabbitStage(Stage):
    """`access`: an application's way in. `peers`, `node`: what the API is shown of the rest."""

    def __init__(self, store: Store | None = None) -> None:
        self.peers_shown = MadePeers()
        self.node = MadeNode()
        self.message_bytes_max = MESSAGE_BYTES_MAX
        super().__init__(self.areas, directory=True, store=store)
        self.access = self.application()

    def areas(self, stage: Stage) -> Sequence[Area]:
        return [rabbitmq_area(AmqpWords(self.message_bytes_max), self.peers_shown, self.node, stage.worker)]

    def application(self) -> Access:
        return self.broker.access(Principal("application", []), "/", all_rights(), "amqp091")

    def application_peer(self) -> tuple[PeerView, ChannelProfile]:
        """A connection with a channel and a consumer of the queue orders, for the lists of them."""
        profile = Profile("AMQP 0-9-1", "guest", "/", "billing")
        profile.client_properties = {"product": "Pika", "connection_name": "billing"}
        profile.mechanism = "PLAIN"
        profile.channels_max = 2047
        profile.frame_bytes_max = 131072
        profile.heartbeat_seconds = 60
        channel = ChannelProfile(1, Counters())
        channel.prefetch = 10
        channel.unsettled = 2
        channel.counters.delivered = 3
        channel.consumers.append(ConsumerProfile("ctag", "orders", True, False, True, 10, 0, {}))
        profile.channels.append(channel)
        return self.peers_shown.add(profile, 50001, 100, 200), channel
