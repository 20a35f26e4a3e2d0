"""/api/connections, /api/channels, /api/consumers: who is connected, and closing a connection.

Connections of all protocols are shown (also Kafka's and AWS's), those of operators are not.
Source: rabbit_mgmt_wm_connections and its neighbours; recorded answers of RabbitMQ 3.10.
"""

from typing import Any, Final

from onemq.heads.contract import ChannelProfile, ConsumerProfile, PeerView
from onemq.heads.management.call import Call
from onemq.heads.management.rabbitmq.area import not_authorised
from onemq.heads.management.rabbitmq.bodies import not_found
from onemq.heads.management.rabbitmq.lists import Item, answer_list, answer_one
from onemq.heads.management.rabbitmq.service import Service
from onemq.heads.management.rabbitmq.stats import CHANNEL_COUNTS, Ranges, message_stats, rate_only
from onemq.heads.management.routes import ADMINISTRATOR, MONITORING, Handler, Route, has_tag

CLOSED: Final = "Closed via management plugin"
RATE_MS: Final = 2000
"""Bytes are looked at so often at most."""


def peer_details(peer: PeerView) -> Item:
    return {"name": peer.name, "peer_host": peer.peer.host, "peer_port": peer.peer.port}


def channel_name(peer: PeerView, channel: ChannelProfile) -> str:
    return f"{peer.name} ({channel.number})"


def consumers_of(service: Service, vhost: str, queue: str) -> list[Item]:
    """Of one queue."""
    found: list[Item] = []
    for peer in service.peers.views():
        if peer.profile.namespace == vhost:
            for channel in peer.profile.channels:
                found += [
                    _consumer(service, peer, channel, consumer)
                    for consumer in channel.consumers
                    if consumer.queue == queue
                ]
    return found


def _consumer(service: Service, peer: PeerView, channel: ChannelProfile, consumer: ConsumerProfile) -> Item:
    return {
        "arguments": consumer.arguments,
        "ack_required": consumer.acknowledges,
        "active": consumer.active,
        "activity_status": "up" if consumer.active else "waiting",
        "channel_details": {
            "connection_name": peer.name,
            "name": channel_name(peer, channel),
            "node": service.node.name,
            "number": channel.number,
            "peer_host": peer.peer.host,
            "peer_port": peer.peer.port,
            "user": peer.profile.user,
        },
        "consumer_tag": consumer.tag,
        "consumer_timeout": consumer.timeout_ms,
        "exclusive": consumer.exclusive,
        "prefetch_count": consumer.prefetch,
        "queue": {"name": consumer.queue, "vhost": peer.profile.namespace},
    }


class ByteRates:
    """How fast bytes go over each connection: between the last two looks at it that were RATE_MS apart."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, int, int, float, float]] = {}

    def look(self, peers: list[PeerView], now_ms: int) -> None:
        """All that are open."""
        seen = self._seen
        self._seen = {}
        for peer in peers:
            number, received, sent = int(peer.number), int(peer.received_bytes), int(peer.sent_bytes)
            before = seen.get(number)
            if before is None:
                self._seen[number] = (now_ms, received, sent, 0.0, 0.0)
            elif now_ms - before[0] < RATE_MS:
                self._seen[number] = before
            else:
                seconds = (now_ms - before[0]) / 1000
                rates = ((received - before[1]) / seconds, (sent - before[2]) / seconds)
                self._seen[number] = (now_ms, received, sent, *rates)

    def of(self, peer: PeerView) -> tuple[float, float]:
        """Received and sent, bytes per second."""
        found = self._seen.get(int(peer.number))
        return (0.0, 0.0) if found is None else (found[3], found[4])


class Connections:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._rates = ByteRates()

    def routes(self) -> list[Route]:
        one = "/api/connections/{connection}"
        found: list[tuple[str, str, Handler, str]] = [
            ("GET", "/api/connections", self.index, "all connections"),
            ("GET", "/api/vhosts/{vhost}/connections", self.index, "connections of a vhost"),
            ("GET", one, self.show, "one connection"),
            ("DELETE", one, self.close, "closes a connection"),
            ("GET", one + "/channels", self.channels_of, "channels of a connection"),
            ("GET", "/api/connections/username/{user}", self.of_user, "connections of a user"),
            ("DELETE", "/api/connections/username/{user}", self.close_user, "closes those of a user"),
            ("GET", "/api/channels", self.channels, "all channels"),
            ("GET", "/api/vhosts/{vhost}/channels", self.channels, "channels of a vhost"),
            ("GET", "/api/channels/{channel}", self.channel, "one channel"),
            ("GET", "/api/consumers", self.consumers, "all consumers"),
            ("GET", "/api/consumers/{vhost}", self.consumers, "consumers of a vhost"),
        ]
        return [Route(method, path, handler, summary=summary) for method, path, handler, summary in found]

    # Whose connections one sees: all with the tag monitoring, otherwise one's own.

    def _visible(self, call: Call) -> list[PeerView]:
        if "vhost" in call.values:
            self._service.looking(call)
        peers = self._service.peers.views()
        self._rates.look(peers, call.now_ms())
        vhost = call.values.get("vhost")
        everybody = has_tag(call.principal, MONITORING)
        return [
            peer
            for peer in peers
            if not peer.profile.operates
            and (everybody or peer.profile.user == call.principal.name)
            and (vhost is None or peer.profile.namespace == vhost)
        ]

    def _named(self, call: Call) -> PeerView:
        """Raises Problem 404, 401."""
        name = call.values["connection"]
        for peer in self._service.peers.views():
            if peer.name == name and not peer.profile.operates:
                if peer.profile.user != call.principal.name and not has_tag(call.principal, MONITORING):
                    raise not_authorised("User not authorised to access object")
                return peer
        raise not_found()

    def index(self, call: Call) -> None:
        answer_list(call, [self._item(peer) for peer in self._visible(call)])

    def show(self, call: Call) -> None:
        peer = self._named(call)
        self._rates.look(self._service.peers.views(), call.now_ms())
        answer_one(call, self._item(peer))

    def of_user(self, call: Call) -> None:
        items = [self._item(peer) for peer in self._visible(call) if peer.profile.user == call.values["user"]]
        answer_list(call, items)

    def _item(self, peer: PeerView) -> Item:
        profile = peer.profile
        received, sent = self._rates.of(peer)
        item: Item = {
            "auth_mechanism": profile.mechanism or None,
            "channel_max": profile.channels_max,
            "channels": len(profile.channels),
            "client_properties": profile.client_properties,
            "connected_at": int(peer.connected_at_ms),
            "frame_max": profile.frame_bytes_max,
            "host": peer.peer.local_host,
            "name": peer.name,
            "node": self._service.node.name,
            "peer_cert_issuer": None,
            "peer_cert_subject": peer.peer.certificate_name or None,
            "peer_cert_validity": None,
            "peer_host": peer.peer.host,
            "peer_port": peer.peer.port,
            "port": peer.peer.local_port,
            "protocol": profile.protocol,
            "recv_oct": int(peer.received_bytes),
            "recv_oct_details": rate_only(received),
            "send_oct": int(peer.sent_bytes),
            "send_oct_details": rate_only(sent),
            "send_pend": int(peer.send_pending_bytes),
            "ssl": peer.peer.tls,
            "state": profile.state,
            "timeout": profile.heartbeat_seconds,
            "type": "network",
            "user": profile.user,
            "user_who_performed_action": profile.user,
            "vhost": profile.namespace,
        }
        if profile.client_name:
            item["user_provided_name"] = profile.client_name
        return item

    def close(self, call: Call) -> None:
        self._close(call, self._named(call))
        call.empty()

    def close_user(self, call: Call) -> None:
        user = call.values["user"]
        if user != call.principal.name and not has_tag(call.principal, ADMINISTRATOR):
            raise not_authorised("User not authorised to access object")
        for peer in self._service.peers.views():
            if peer.profile.user == user and not peer.profile.operates:
                self._close(call, peer)
        call.empty()

    def _close(self, call: Call, peer: PeerView) -> None:
        if peer.profile.user != call.principal.name and not has_tag(call.principal, ADMINISTRATOR):
            raise not_authorised("User not authorised to access object")
        reason = call.header("x-reason") or CLOSED
        with call.anywhere().audit.doing("close", "connection", peer.name, reason):
            self._service.peers.close(int(peer.number), reason)

    # Channels and consumers.

    def channels(self, call: Call) -> None:
        self._answer_channels(call, self._visible(call))

    def channels_of(self, call: Call) -> None:
        self._answer_channels(call, [self._named(call)])

    def _answer_channels(self, call: Call, peers: list[PeerView]) -> None:
        ranges = Ranges(call)
        items = [
            self._channel_item(call, peer, channel, ranges)
            for peer in peers
            for channel in peer.profile.channels
        ]
        answer_list(call, items)

    def channel(self, call: Call) -> None:
        for peer in self._visible(call):
            for channel in peer.profile.channels:
                if channel_name(peer, channel) == call.values["channel"]:
                    item = self._channel_item(call, peer, channel, Ranges(call))
                    item["consumer_details"] = [
                        _consumer(self._service, peer, channel, consumer) for consumer in channel.consumers
                    ]
                    item["publishes"] = []
                    item["deliveries"] = []
                    answer_one(call, item)
                    return
        raise not_found()

    def _channel_item(self, call: Call, peer: PeerView, channel: ChannelProfile, ranges: Ranges) -> Item:
        item: Item = {
            "acks_uncommitted": channel.held_settlements,
            "confirm": channel.confirms,
            "connection_details": peer_details(peer),
            "consumer_count": len(channel.consumers),
            "global_prefetch_count": channel.shared_prefetch,
            "messages_unacknowledged": channel.unsettled,
            "messages_uncommitted": channel.held_publishes,
            "messages_unconfirmed": channel.unconfirmed,
            "name": channel_name(peer, channel),
            "node": self._service.node.name,
            "number": channel.number,
            "prefetch_count": channel.prefetch,
            "state": peer.profile.state,
            "transactional": channel.transactional,
            "user": peer.profile.user,
            "user_who_performed_action": peer.profile.user,
            "vhost": peer.profile.namespace,
        }
        series = call.anywhere().inspection.series(channel.counters)
        counted: dict[str, Any] = message_stats(channel.counters, series, CHANNEL_COUNTS, ranges)
        if counted:
            item["message_stats"] = counted
        return item

    def consumers(self, call: Call) -> None:
        """Of vhosts that the user sees, whoever's they are."""
        if "vhost" in call.values:
            self._service.looking(call)
            names = [call.values["vhost"]]
        else:
            names = call.namespaces()
        items = [
            _consumer(self._service, peer, channel, consumer)
            for peer in self._service.peers.views()
            if peer.profile.namespace in names
            for channel in peer.profile.channels
            for consumer in channel.consumers
        ]
        answer_list(call, items)
