"""The seam between the net and a head: a head translates bytes and engine calls, and nothing else.

The net owns the socket, TLS, time, idle checks, pressure, counting and shutting down. For each connection it asks the head
for a `Conversation`, hands it what arrives, and writes what it puts into its `Outbox`, once per turn of the event loop.
Everything here is called on the one engine thread; nothing may block.
"""

from abc import abstractmethod
from collections.abc import Callable

from librt.strings import BytesWriter
from mypy_extensions import i64, mypyc_attr

from onemq.engine.counters import Counters
from onemq.model.principal import Peer


@mypyc_attr(allow_interpreted_subclasses=True)
class Outbox:
    """What goes out on one connection, in order.

    `writer` takes bytes that may go at once: the net flushes it at the end of the turn. Replies that promise durability
    are parked. Parked replies of one lane leave in the order in which they were parked; lanes do not wait for
    each other. A protocol whose replies are strictly ordered uses one lane for everything; AMQP uses a lane per channel.
    """

    def __init__(self) -> None:
        self.writer = BytesWriter()

    @abstractmethod
    def park(self, lane: int, position: int, reply: bytes) -> None:
        """Sends `reply` once `position` is durable and everything parked before it in `lane` has left.

        position 0: only the order counts. When the position is durable already and the lane is empty, it is
        written to `writer` now.
        """

    @abstractmethod
    def lane_waits(self, lane: int) -> bool:
        """True when something is parked in the lane: then whatever must not overtake it has to be parked (position 0) as well."""

    @abstractmethod
    def drop_lane(self, lane: int) -> None:
        """Forgets what is parked in a lane (its channel has closed)."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Link:
    """One connection, as the net shows it to its conversation."""

    def __init__(self, outbox: Outbox, peer: Peer) -> None:
        self.outbox = outbox
        self.peer = peer

    @abstractmethod
    def touch(self) -> None:
        """Something was written outside `received` (a delivery): flush at the end of this turn, and call `end_turn`.
        Cheap when called again in the same turn."""

    @abstractmethod
    def close(self) -> None:
        """Closes once everything in the outbox (parked replies included, within the drain time) has been sent."""

    @abstractmethod
    def set_idle(self, send_ms: int, receive_ms: int, heartbeat: bytes) -> None:
        """From now on: nothing sent for `send_ms` → the net sends `heartbeat`; nothing received for `receive_ms` → the
        connection is dropped. 0 switches either off."""

    @abstractmethod
    def logged_in(self) -> None:
        """The peer has authenticated: the login time limit no longer applies."""

    @abstractmethod
    def describe(self, user: str, namespace: str, client: str = "") -> None:
        """Who this is, for logs. user: "" before the login. client: what it calls itself; may be anything. The last call counts."""

    @abstractmethod
    def publishes(self) -> None:
        """This peer has begun to publish: under an alarm the net stops reading from it, and tells it (`blocked`)."""

    @abstractmethod
    def again(self) -> None:
        """Calls the conversation's `resumed` soon: before this turn's commit, or in the next turn when that is under way.
        Never from within this call. Cheap when called again before that."""

    @abstractmethod
    def hold_reading(self, hold: bool) -> None:
        """True: stop reading from the peer, it has sent more than we can take now. False: go on."""

    @abstractmethod
    def warn(self, reason: str, text: str, entity: str = "") -> None:
        """One log line for the operator about this peer: what happened, and what to do about it. Lines alike are bounded in number.

        reason: of those in docs/logs.md. entity: what it is about, if it is about one: "queue orders".
        """


class ConsumerProfile:
    """One consumer of a channel. prefetch: its limit on unsettled records, 0 = none. timeout_ms: longest that one may be, 0 = for ever.
    arguments: plain values, as JSON has them."""

    __slots__ = (
        "acknowledges",
        "active",
        "arguments",
        "exclusive",
        "prefetch",
        "priority",
        "queue",
        "tag",
        "timeout_ms",
    )

    def __init__(
        self,
        tag: str,
        queue: str,
        acknowledges: bool,
        exclusive: bool,
        active: bool,
        prefetch: int,
        priority: int,
        arguments: dict[str, object],
    ) -> None:
        self.tag = tag
        self.queue = queue
        self.acknowledges = acknowledges
        self.exclusive = exclusive
        self.active = active
        self.prefetch = prefetch
        self.priority = priority
        self.arguments = arguments
        self.timeout_ms = 0


class ChannelProfile:
    """One channel of a connection, for protocols that have them.

    Attributes:
        prefetch: for consumers to come. shared_prefetch: for all of its consumers together. 0 = no limit.
        unsettled: deliveries not settled yet. unconfirmed: publishes whose confirm has not left.
        held_publishes, held_settlements: of an open transaction.
        confirms, transactional: its mode. counters: the channel's own, which go on counting.
    """

    __slots__ = (
        "confirms",
        "consumers",
        "counters",
        "held_publishes",
        "held_settlements",
        "number",
        "prefetch",
        "shared_prefetch",
        "transactional",
        "unconfirmed",
        "unsettled",
    )

    def __init__(self, number: int, counters: Counters) -> None:
        self.number = number
        self.counters = counters
        self.prefetch = 0
        self.shared_prefetch = 0
        self.unsettled = 0
        self.unconfirmed = 0
        self.held_publishes = 0
        self.held_settlements = 0
        self.confirms = False
        self.transactional = False
        self.consumers: list[ConsumerProfile] = []


class Profile:
    """What a conversation says of itself, in plain values: a copy, nothing in it leads back.

    Attributes:
        protocol: for people ("AMQP 0-9-1"). state: "starting", "running", "blocked" (by an alarm) or "closing".
        user, namespace: "" before the login. mechanism: of the login, "" when it is not known.
        client_name: what the client calls itself, "" if it does not say. client_properties: plain values, as JSON has them.
        frame_bytes_max, channels_max, heartbeat_seconds: negotiated; 0 = no limit, none.
        exclusive_queues: names of queues that go with the connection.
        operates: the connection is an operator's, not an application's.
    """

    __slots__ = (
        "channels",
        "channels_max",
        "client_name",
        "client_properties",
        "exclusive_queues",
        "frame_bytes_max",
        "heartbeat_seconds",
        "mechanism",
        "namespace",
        "operates",
        "protocol",
        "state",
        "user",
    )

    def __init__(self, protocol: str, user: str = "", namespace: str = "", client_name: str = "") -> None:
        self.protocol = protocol
        self.state = "running"
        self.user = user
        self.namespace = namespace
        self.mechanism = ""
        self.client_name = client_name
        self.client_properties: dict[str, object] = {}
        self.frame_bytes_max = 0
        self.channels_max = 0
        self.heartbeat_seconds = 0
        self.channels: list[ChannelProfile] = []
        self.exclusive_queues: list[str] = []
        self.operates = False


class PeerView:
    """One open connection, as the net and its conversation show it.

    Attributes:
        number: which it is, for `Peers.close`; never used again. head: name of its head ("amqp").
        name: as RabbitMQ names connections: "127.0.0.1:50000 -> 127.0.0.1:5672".
        connected_at_ms: since the epoch. received_bytes, sent_bytes: since then. send_pending_bytes: written, and not taken by the peer.
    """

    __slots__ = (
        "connected_at_ms",
        "head",
        "name",
        "number",
        "peer",
        "profile",
        "received_bytes",
        "send_pending_bytes",
        "sent_bytes",
    )

    def __init__(
        self,
        number: i64,
        head: str,
        peer: Peer,
        profile: Profile,
        connected_at_ms: i64,
        received_bytes: i64,
        sent_bytes: i64,
        send_pending_bytes: i64,
    ) -> None:
        self.number: i64 = number
        self.head = head
        self.peer = peer
        self.name = f"{peer.host}:{peer.port} -> {peer.local_host}:{peer.local_port}"
        self.profile = profile
        self.connected_at_ms: i64 = connected_at_ms
        self.received_bytes: i64 = received_bytes
        self.sent_bytes: i64 = sent_bytes
        self.send_pending_bytes: i64 = send_pending_bytes


@mypyc_attr(allow_interpreted_subclasses=True)
class Peers:
    """The connections that are open, whatever their protocol. The net's; heads for operators are given it when they are made."""

    @abstractmethod
    def views(self) -> list[PeerView]:
        """All of them, in the order in which they came."""

    def views_after(self, number: int, most: int) -> list[PeerView]:
        """The next of them, up to `most`: those whose numbers are greater. 0 = from the first on."""
        return [view for view in self.views() if view.number > number][:most]

    @abstractmethod
    def close(self, number: int, reason: str) -> bool:
        """Closes one with its protocol's own goodbye, which says the reason if the protocol can. False: it has gone."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Conversation:
    """One peer's protocol state. Created by `Head.open`, dropped after `lost`."""

    @abstractmethod
    def received(self, data: bytes) -> None:
        """Bytes from the peer. Raises WireError when it broke the protocol, after which only `refused` and `lost` follow."""

    def resumed(self) -> None:
        """What `Link.again` asked for: go on with what was put off. Errors count as those of `received`."""
        return

    @abstractmethod
    def end_turn(self) -> None:
        """The turn's commit has been handed to the store: last chance to write or park (cumulative confirms) before the flush."""

    @abstractmethod
    def refused(self, error: Exception) -> None:
        """Writes the protocol's goodbye for a WireError, a Refusal of connection scope, or (any other exception)
        an internal error. The net closes afterwards."""

    @abstractmethod
    def drain(self, reason: str) -> None:
        """The broker is stopping: say goodbye (write it) and take no new work. The net closes within its drain time."""

    @abstractmethod
    def profile(self) -> Profile:
        """What an operator sees of this connection."""

    def dismissed(self, reason: str) -> None:
        """An operator closes this connection: as `drain`, with these words if the protocol can say them."""
        self.drain(reason)

    @abstractmethod
    def blocked(self, reason: str) -> None:
        """An alarm holds up publishers (`reason` is "low on memory" or "low on disk"); say so if the protocol has a word for it."""

    @abstractmethod
    def unblocked(self) -> None:
        """The alarm is over."""

    @abstractmethod
    def pressed(self, full: bool) -> None:
        """The peer does not read: stop (True) or start again (False) deliveries to it."""

    @abstractmethod
    def lost(self) -> None:
        """The connection is gone, for whatever reason: release everything. Called exactly once, last."""


class HeldUp(Exception):
    """A request that publishes came while an alarm holds publishers up: its head keeps it, and takes it up when the alarm is over."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Called:
    """Waits for the answer to one outgoing call. Exactly one of the two is called, once, in a turn; never within `Caller.post`."""

    @abstractmethod
    def answered(self, status: int) -> None:
        """The peer has answered with this HTTP status."""

    @abstractmethod
    def failed(self, reason: str) -> None:
        """There was no answer: not reached, not trusted, not HTTP, not in time. `reason`: for people."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Caller:
    """How a head reaches peers that do not connect to us, by HTTP. The net's; heads are given it when they are made."""

    @abstractmethod
    def post(
        self, url: str, headers: list[tuple[str, str]], body: bytes, time_ms: int, called: Called
    ) -> None:
        """POSTs to an http or https URL; the whole call may take `time_ms`. Redirects are not followed."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Worker:
    """Who does what takes long and needs nothing of the broker, beside the turns. The net's; heads are given it when they are made."""

    @abstractmethod
    def compute(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        """Has `work` done, on another thread; then calls `then`, in a turn, outside of the engine."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Head:
    """One protocol."""

    name: str = ""
    """As in `listening <name> host:port`, in logs and in settings."""
    default_port: int = 0
    default_tls_port: int = 0

    @abstractmethod
    def open(self, link: Link) -> Conversation:
        """A new connection."""
