"""A client of the simulated broker that sends AMQP 0-9-1 through a conversation: confirms, transactions, prefetch.

Decides nothing about what is right; it tells the shadow, as the other kind of client does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from onemq.heads.amqp091.frames import PROTOCOL_HEADER_0_9_1
from onemq.heads.amqp091.methods import (
    BasicAck,
    BasicCancel,
    BasicConsume,
    BasicDeliver,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicNack,
    BasicQos,
    BasicReject,
    ChannelClose,
    ChannelOpen,
    ConfirmSelect,
    ConnectionClose,
    ConnectionOpen,
    ConnectionStartOk,
    ConnectionTuneOk,
    Method,
    TxCommit,
    TxRollback,
    TxSelect,
)
from onemq.heads.amqp091.properties import BasicProperties
from simulation.checkers import Token, check
from simulation.clients import FAN, LATE, STREAM, Client, Got, dead_letter_origin
from unit.heads.amqp091.playbook import CAPABLE, Content, Peer, Stage, encoded, published

if TYPE_CHECKING:
    from simulation.world_turns import WorldTurns

PLAIN = "plain"
CONFIRM = "confirm"
TX = "tx"
CHANNEL = 1


class Draft:
    """A publish; its transaction may be open. `queue` is "" for the fan-out."""

    def __init__(self, number: int, body: bytes, queue: str, volatile: bool, priority: int) -> None:
        self.number = number
        self.body = body
        self.queue = queue
        self.volatile = volatile
        self.priority = priority


class AmqpClient(Client):
    """One connection with one channel, in one of three modes."""

    def __init__(self, world: WorldTurns, name: str) -> None:
        super().__init__(world, name)
        self.mode = world.random.choice([PLAIN, CONFIRM, CONFIRM, TX])
        self.peer = Peer(cast(Stage, world), "127.0.0.1")
        self.drafts: list[Draft] = []
        self.settling: list[tuple[Token, Got, str]] = []
        self.next_confirm = 1
        self.unconfirmed: dict[int, list[Token]] = {}
        self.consumed: dict[str, str] = {}
        self.getting: list[str] = []
        self._tags = 0
        self._last_tag = 0
        self._open()

    def _open(self) -> None:
        self.peer.feeds(PROTOCOL_HEADER_0_9_1)
        self.peer.heard()
        self._says(0, ConnectionStartOk(CAPABLE, "PLAIN", b"\0guest\0guest"))
        self._says(0, ConnectionTuneOk(2047, 4096, 0))
        self._says(0, ConnectionOpen("/"))
        self.peer.codec.frame_bytes_max = 4096
        self._says(CHANNEL, ChannelOpen())
        if self.mode == CONFIRM:
            self._says(CHANNEL, ConfirmSelect())
        elif self.mode == TX:
            self._says(CHANNEL, TxSelect())
        self._says(CHANNEL, BasicQos(0, self.world.random.choice([0, 1, 3, 30]), False))

    def _says(self, channel: int, method: Method) -> None:
        self._feeds(encoded(channel, method))

    def _feeds(self, data: bytes) -> None:
        """In pieces, as a network would bring it."""
        random = self.world.random
        if random.random() < 0.3 and len(data) > 1:
            cut = random.randrange(1, len(data))
            self.peer.feeds(data[:cut])
            data = data[cut:]
        self.peer.feeds(data)
        check(self.peer.refusal is None, f"{self.name}: {self.peer.refusal!r}")

    # What came.

    def listen(self) -> None:
        """Takes what the broker has flushed to this peer."""
        for heard in self.peer.heard():
            what = heard.what
            if isinstance(what, Content):
                self._content(what)
            elif isinstance(what, BasicAck):
                self._confirmed(int(what.delivery_tag), bool(what.multiple))
            elif isinstance(what, BasicGetEmpty):
                self.getting.pop(0)
            elif isinstance(what, BasicCancel):
                self.consumed.pop(what.consumer_tag, None)
            elif isinstance(what, BasicNack):
                check(what.multiple is False, "confirms of refused publishes come one by one here")
                self.unconfirmed.pop(int(what.delivery_tag), None)
            else:
                check(not isinstance(what, ChannelClose | ConnectionClose), f"{self.name} hears {what}")

    def _content(self, content: Content) -> None:
        headers = cast(dict[str, object], content.properties.headers or {})
        method = content.method
        if isinstance(method, BasicDeliver):
            queue = self.consumed[method.consumer_tag]
        else:
            assert isinstance(method, BasicGetOk)
            queue = self.getting.pop(0)
        got = Got(self, queue, content.body, dead_letter_origin(queue, headers), False)
        got.tag = int(method.delivery_tag)
        check(
            got.tag > self._last_tag,  # a get that waited in vain leaves a gap
            f"{self.name}: delivery tag {got.tag} after {self._last_tag}",
        )
        self._last_tag = got.tag
        self.world.arrived.append(got)

    def _confirmed(self, tag: int, multiple: bool) -> None:
        tags = [number for number in self.unconfirmed if number == tag or (multiple and number < tag)]
        check(tag in tags, f"{self.name}: confirm {tag} of {list(self.unconfirmed)}")
        for number in tags:
            for token in self.unconfirmed.pop(number):
                self.world.confirmed += 1
                durable = self.world.shadow.durable
                check(
                    not token.durable or token.position <= durable,
                    f"{token} was confirmed to {self.name}, but durable is {durable}",
                )

    # What it does.

    def act(self) -> None:
        choices = [self.publish] * 7 + [self.acknowledge] * 6 + [self.consume] * 3
        choices += [self.negative] * 3 + [self.cancel, self.get]
        if self.mode == TX:
            choices += [self.commit] * 5 + [self.rollback]
        self.world.random.choice(choices)()

    def publish(self) -> None:
        data = b"".join(self._publish_one() for _ in range(self.world.random.choice([1, 1, 3, 10])))
        self._feeds(data)
        if self.mode != TX:
            self._publish_drafts()

    def _publish_one(self) -> bytes:
        world = self.world
        random = world.random
        number, body = world.new_body()
        volatile = random.random() < 0.25
        priority = random.choice([0, 0, 0, 1, 5])
        properties = BasicProperties(delivery_mode=1 if volatile else 2, priority=priority)
        if random.random() < 0.2:
            exchange, key = FAN, ""
        else:
            exchange, key = "", world.some_queue(refusing=False)
        self.drafts.append(Draft(number, body, key, volatile, priority))
        return published(exchange, key, body, CHANNEL, False, properties, 4096)

    def _publish_drafts(self) -> None:
        """They have taken effect now."""
        world = self.world
        position = world.broker.core.position()
        for draft in self.drafts:
            tokens: list[Token] = []
            for queue in world.shadow.queues.values():
                if queue.name == draft.queue or (queue.fanned and not draft.queue):
                    token = world.shadow.publish(
                        draft.number, draft.body, queue, int(position), draft.volatile
                    )
                    token.priority = draft.priority
                    tokens.append(token)
            if self.mode == CONFIRM:
                self.unconfirmed[self.next_confirm] = tokens
                self.next_confirm += 1
            world.note(f"{self.name} publishes {draft.number} to {draft.queue or 'all'} at {position}")
        self.drafts = []

    def _settle(self, some: list[tuple[Token, Got]], how: str) -> None:
        for token, got in some:
            if self.mode == TX:
                self.settling.append((token, got, how))
            else:
                self._settled(token, got, how)

    def _settled(self, token: Token, got: Got, how: str) -> None:
        if got.queue == STREAM:
            return
        shadow = self.world.shadow
        position = int(self.world.broker.core.position())
        if how == "ack":
            shadow.settle(token, position)
        elif how == "drop":
            shadow.reject(token, position)
        else:
            shadow.give_back(token, how == "failed")
        self.world.note(f"{self.name} settles {token.number} of {got.queue}: {how}")

    def acknowledge(self) -> None:
        if not self.held:
            return
        random = self.world.random
        if random.random() < 0.5:
            count = random.randrange(1, len(self.held) + 1)
            some, self.held = self.held[:count], self.held[count:]
            self._says(CHANNEL, BasicAck(some[-1][1].tag, True))
            self._settle(some, "ack")
        else:
            token, got = self.held.pop(random.randrange(len(self.held)))
            self._says(CHANNEL, BasicAck(got.tag, False))
            self._settle([(token, got)], "ack")

    def negative(self) -> None:
        if not self.held:
            return
        random = self.world.random
        token, got = self.held.pop(random.randrange(len(self.held)))
        requeue = random.random() < 0.6
        if random.random() < 0.5:
            self._says(CHANNEL, BasicNack(got.tag, False, requeue))
            self._settle([(token, got)], "returned" if requeue else "drop")
        else:
            self._says(CHANNEL, BasicReject(got.tag, requeue))
            self._settle([(token, got)], "failed" if requeue else "drop")

    def commit(self) -> None:
        self._says(CHANNEL, TxCommit())
        self._publish_drafts()
        settling, self.settling = self.settling, []
        for token, got, how in settling:
            self._settled(token, got, how)

    def rollback(self) -> None:
        self._says(CHANNEL, TxRollback())
        self.drafts = []
        self.held += [(token, got) for token, got, _ in self.settling]
        self.held.sort(key=lambda item: item[1].tag)
        self.settling = []

    def consume(self) -> None:
        name = self.world.queue_to_read()
        if name in (STREAM, LATE) or len(self.consumed) > 3:
            return
        self._tags += 1
        tag = f"c{self._tags}"
        self.consumed[tag] = name
        self._says(CHANNEL, BasicConsume(name, tag, False, False, False, False, {}))
        self.world.note(f"{self.name} consumes {name} as {tag}")

    def get(self) -> None:
        name = self.world.queue_to_read()
        if name != STREAM and len(self.getting) < 3:
            self.getting.append(name)
            self._says(CHANNEL, BasicGet(name, False))

    def cancel(self) -> None:
        if self.consumed:
            tag = self.world.random.choice(list(self.consumed))
            self._says(CHANNEL, BasicCancel(tag, True))

    def forget_queue(self, name: str) -> None:
        super().forget_queue(name)
        self.settling = [item for item in self.settling if item[1].queue != name]

    def leave(self) -> None:
        self.alive = False
        self.peer.link.closed = True
        self.peer.conversation.lost()
        self.held = []
        # What had not reached it was on lease to it all the same.
        for token in self.world.shadow.tokens.values():
            if token.leased_by == self.name:
                self.world.shadow.give_back(token, True)
        self.world.note(f"{self.name} leaves")
