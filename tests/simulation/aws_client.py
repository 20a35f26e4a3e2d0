"""A client of the simulated broker that sends requests of AWS's protocols through a conversation: one connection, a request at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from simulation.clients import Client
from simulation.mixed_shadow import MixedShadow
from simulation.seen_outbox import SeenOutbox, SimulatedLink

if TYPE_CHECKING:
    from simulation.mixed_world import MixedWorld

PORT = 4566
ACCOUNT = "000000000000"
Answered = Callable[[int, bytes], None]
"""Called with an answer's status and body when the engine has decided it."""


class AwsClient(Client):
    """`told`: what is done when the answer has left: it is durable."""

    def __init__(self, world: MixedWorld, name: str) -> None:
        super().__init__(world, name)
        self.mixed = world
        self.outbox = SeenOutbox(int(world.durability.position), world.order)
        self.link = SimulatedLink(self.outbox, PORT)
        self.conversation = world.aws_head.open(self.link)
        self.told: list[Callable[[], None]] = []
        self._waiting: Answered | None = None
        self._unheard = False

    @property
    def shadow(self) -> MixedShadow:
        return cast(MixedShadow, self.world.shadow)

    def is_busy(self) -> bool:
        return self._waiting is not None or self._unheard

    def _posts(self, headers: str, body: bytes, seen: Answered) -> None:
        head = f"POST / HTTP/1.1\r\nHost: localhost:4566\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        assert self._waiting is None
        self._waiting = seen
        data = head.encode() + body
        if self.world.random.random() < 0.2:
            cut = self.world.random.randrange(1, len(data))
            self.conversation.received(data[:cut])
            data = data[cut:]
        self.conversation.received(data)
        self.mixed.look()

    def look(self) -> None:
        """What the engine has decided for this client next."""
        reply = self.outbox.seen.pop(0)
        assert self._waiting is not None, reply
        waiting, self._waiting = self._waiting, None
        self._unheard = True
        head, _, body = reply.partition(b"\r\n\r\n")
        waiting(int(head.split(b" ", 2)[1]), body)

    def resume(self) -> None:
        if self.link.resuming:
            self.link.resuming = False
            self.conversation.resumed()
            self.mixed.look()

    def listen(self) -> None:
        """What has left: it is durable."""
        if self.outbox.take():
            self._unheard = False
            told, self.told = self.told, []
            for tell in told:
                tell()

    def release(self, position: int) -> None:
        self.outbox.release(position)

    def end_turn(self) -> None:
        self.conversation.end_turn()

    def leave(self) -> None:
        self.alive = False
        self.link.closed = True
        self.conversation.lost()
        self.world.note(f"{self.name} leaves")
