"""What must be true of a broker, kept beside it: a shadow of every copy of every message.

The shadow knows what clients published, took and settled, and at which commit each of that happened. So it can say after
a crash at any commit what must be there, what must not, and in which order. It knows nothing of how the broker does it.
"""

from __future__ import annotations

import json
from typing import Final

from onemq.engine.broker import Broker
from onemq.engine.ledger_queue import LedgerQueue
from onemq.model.entities import QueueSettings

QUEUED: Final = "queued"
DEAD: Final = "dead"
GONE: Final = "gone"
LEFT: Final = "left"
"""Not in its queue any more, by the broker's own doing (expiry, limits): dropped, or dead-lettered."""

DEAD_LETTERS: Final = "dead-letters"


def number_of(body: bytes) -> int:
    """The message's number, which its body begins with, also within SNS's envelope."""
    if body.startswith(b"{"):
        body = str(json.loads(body)["Message"]).encode()
    return int(body.split(b":", 1)[0])


class Violation(AssertionError):
    """The broker broke a promise."""


def check(condition: bool, text: str) -> None:
    if not condition:
        raise Violation(text)


class ShadowQueue:
    """One incarnation of a queue.

    Attributes:
        declared_at, deleted_at: commits; deleted_at is -1 while it is there.
        live: its unsettled copies in order of publishing.
        ordered: its first deliveries follow the order of publishing.
    """

    def __init__(
        self, name: str, settings: QueueSettings, declared_at: int, ordered: bool, fanned: bool
    ) -> None:
        self.name = name
        self.settings = settings
        self.durable = settings.durable and not settings.exclusive
        self.declared_at = declared_at
        self.deleted_at = -1
        self.ordered = ordered and not settings.kept
        self.fanned = fanned
        self.live: dict[int, Token] = {}
        self.last_used_ms = 0

    def dead_letters(self) -> bool:
        return self.settings.dead_letter_exchange is not None

    def lossy(self) -> bool:
        """The broker may take copies out by itself at any time."""
        return self.settings.length_max is not None or self.settings.delivery_limit is not None


class Token:
    """One copy of a message: in one queue, or dead-lettered from it."""

    def __init__(
        self, number: int, sequence: int, body: bytes, queue: ShadowQueue, position: int, volatile: bool
    ) -> None:
        self.number = number
        self.sequence = sequence
        self.body = body
        self.queue = queue
        self.durable = queue.durable and (not volatile or queue.settings.persists_all)
        self.durable_when_dead = not volatile
        self.volatile = volatile
        self.events: list[tuple[int, str]] = [(position, QUEUED)]
        self.priority = 0
        self.expires_at_ms = 0
        self.not_before_ms = 0
        self.unsure_until_ms = 0
        self.unsure = False
        self.leased_by = ""
        self.deliveries = 0
        # Of leases with a time: to whom the last one went, until when, and the commits that said so.
        self.last_lease = ""
        self.until_ms = 0
        self.leases: list[tuple[int, str, int]] = []
        # Where its log keeps an order of its own: what must not be overtaken, and its place in it.
        self.group: tuple[object, ...] = ()
        self.rank = 0
        # Of a copy in SNS's envelope: what has to stand in that.
        self.envelope: dict[str, str] = {}

    @property
    def place(self) -> str:
        return self.events[-1][1]

    @property
    def position(self) -> int:
        """The commit that published it."""
        return self.events[0][0]

    def is_body(self, body: bytes) -> bool:
        """An envelope is compared by its fields, when it is seen first; from then on it has to stay as it was."""
        if self.envelope:
            fields = json.loads(body)
            if any(fields.get(name) != value for name, value in self.envelope.items()):
                return False
            self.body, self.envelope = body, {}
        return self.body == body

    def may_leave(self, now_ms: int) -> bool:
        """Whether the broker may have taken it out of its queue by itself by now."""
        return self.unsure or self.queue.lossy() or 0 < self.expires_at_ms <= now_ms

    def place_in_queue(self) -> tuple[int, int]:
        """What comes first is smaller."""
        return -min(self.priority, self.queue.settings.priority_max), self.sequence

    def __repr__(self) -> str:
        return f"<{self.number} in {self.queue.name}: {self.events} durable={self.durable} leased={self.leased_by!r}>"


class Shadow:
    """All copies. `durable` is how far the store has reported durability; `now_ms` the broker's time of the turn."""

    def __init__(self) -> None:
        self.tokens: dict[tuple[int, str], Token] = {}
        self.queues: dict[str, ShadowQueue] = {}
        self.gone_queues: list[ShadowQueue] = []
        self.dead: dict[tuple[int, str], Token] = {}
        self.durable = 0
        self.now_ms = 0
        self.recovered_ms = 0
        self.published = 0
        self.delivered = 0
        self.order_checks = 0
        self.restored = 0

    # What clients do.

    def declare(
        self, name: str, settings: QueueSettings, position: int, ordered: bool, fanned: bool
    ) -> ShadowQueue:
        queue = ShadowQueue(name, settings, position, ordered, fanned)
        self.queues[name] = queue
        return queue

    def publish(self, number: int, body: bytes, queue: ShadowQueue, position: int, volatile: bool) -> Token:
        self.published += 1
        token = Token(number, self.published, body, queue, position, volatile)
        ttl = queue.settings.message_ttl_ms
        if ttl is not None:
            token.expires_at_ms = self.now_ms + ttl
        self.tokens[(number, queue.name)] = token
        queue.live[number] = token
        return token

    def expires(self, token: Token, at_ms: int) -> None:
        token.expires_at_ms = at_ms if token.expires_at_ms == 0 else min(at_ms, token.expires_at_ms)

    def _move(self, token: Token, position: int, place: str) -> None:
        if place == QUEUED:
            raise AssertionError(token)
        if token.place == QUEUED:
            token.queue.live.pop(token.number, None)
        elif token.place == DEAD:
            self.dead.pop((token.number, token.queue.name), None)
        token.events.append((position, place))
        if place == DEAD:
            self.dead[(token.number, token.queue.name)] = token

    def settle(self, token: Token, position: int) -> None:
        token.leased_by = ""
        self._move(token, position, GONE)

    def reject(self, token: Token, position: int) -> None:
        """For good: to the dead letters, or nowhere."""
        token.leased_by = ""
        if token.place == QUEUED and token.queue.dead_letters() and DEAD_LETTERS in self.queues:
            self._move(token, position, DEAD)
        else:
            self._move(token, position, GONE)

    def give_back(self, token: Token, failed: bool) -> None:
        token.leased_by = ""
        if token.place != QUEUED:
            return
        settings = token.queue.settings
        if settings.retry_delay_min_ms and (failed or settings.retry_delay_returned):
            token.unsure_until_ms = self.now_ms + max(
                settings.retry_delay_min_ms, settings.retry_delay_max_ms
            )

    def purge(self, name: str, count: int, position: int) -> None:
        queue = self.queues[name]
        certain = 0
        possible = 0
        for token in list(self.in_queue(name)):
            if token.leased_by:
                continue
            if token.not_before_ms > self.now_ms:
                # Delayed ones stay; but what is on its way to the disk goes, delayed or not.
                possible += 1 if token.position > self.durable else 0
                token.unsure = token.unsure or token.position > self.durable
                continue
            possible += 1
            due_ms = max(token.until_ms, token.unsure_until_ms)
            just_over = due_ms and self.now_ms <= self.recovered_ms + 1  # see _check_order
            if token.unsure_until_ms > self.now_ms or token.may_leave(self.now_ms) or just_over:
                token.unsure = True
                continue
            certain += 1
            self._move(token, position, GONE)
        if queue.ordered or name == DEAD_LETTERS:
            check(certain <= count, f"purge of {name} took {count}, {certain} were there for sure")
            if name != DEAD_LETTERS:
                check(count <= possible, f"purge of {name} took {count} of {possible}")

    def delete(self, name: str, position: int) -> None:
        queue = self.queues.pop(name)
        queue.deleted_at = position
        self.gone_queues.append(queue)
        for token in self.in_queue_of(queue):
            token.leased_by = ""

    def in_queue(self, name: str) -> list[Token]:
        if name == DEAD_LETTERS:
            return [*self.dead.values(), *self.queues[name].live.values()]
        return list(self.queues[name].live.values())

    def in_queue_of(self, queue: ShadowQueue) -> list[Token]:
        return list(queue.live.values())

    # What the broker does.

    def find(self, body: bytes, queue_name: str, origin: str) -> Token:
        """The copy that stands in `queue_name`; `origin` is where it died first, "" if it did not."""
        number = number_of(body)
        token = self.tokens.get((number, origin or queue_name))
        check(
            token is not None, f"{body[:40]!r} from {queue_name} (died in {origin!r}): nobody published that"
        )
        assert token is not None
        check(token.is_body(body), f"{token}: body differs: {len(body)} bytes")
        return token

    def deliver(self, token: Token, queue_name: str, by: str, position: int) -> None:
        """`by` has got it. Checks that it may, now, from there."""
        self.delivered += 1
        check(not token.leased_by, f"{token} goes to {by} from {queue_name} as well: two leases")
        if queue_name == DEAD_LETTERS and token.queue.name != DEAD_LETTERS:
            self._deliver_dead(token, position)
        else:
            check(token.place == QUEUED, f"{token} comes to {by} from {queue_name}: it is not there any more")
            check(
                self.queues.get(queue_name) is token.queue,
                f"{token} comes to {by} from {queue_name}: that queue was deleted",
            )
            check(token.not_before_ms <= self.now_ms, f"{token} comes at {self.now_ms}, too early")
            if token.queue.ordered:
                self._check_order(token, position)
        if token.durable and token.place == QUEUED:
            check(token.position <= self.durable, f"{token} is visible, but durable is {self.durable}")
        token.leased_by = by
        token.deliveries += 1

    def _deliver_dead(self, token: Token, position: int) -> None:
        if token.place == DEAD:
            return
        allowed = (
            token.place in (QUEUED, LEFT) and token.may_leave(self.now_ms) and token.queue.dead_letters()
        )
        check(allowed, f"{token} comes as a dead letter at {self.now_ms}, expires {token.expires_at_ms}")
        # It may have died in any commit up to the durable one; what is durable is never undone.
        self._move(token, self.durable if token.durable_when_dead else position, DEAD)

    def _check_order(self, token: Token, position: int) -> None:
        """Nothing that is ready in the same queue stands before it."""
        self.order_checks += 1
        place = token.place_in_queue()
        for other in list(token.queue.live.values()):
            if other.sequence >= token.sequence and not token.queue.settings.priority_max:
                return
            if other.place_in_queue() >= place or other.leased_by:
                continue
            if other.sequence > token.sequence and other.position > self.durable:
                # With priorities: it may not be visible yet.
                continue
            due_ms = max(other.not_before_ms, other.unsure_until_ms, other.until_ms)
            if due_ms > self.now_ms or (due_ms and self.now_ms <= self.recovered_ms + 1):
                # After a restart, what has come due is looked for in the next millisecond.
                continue
            check(
                other.may_leave(self.now_ms),
                f"{token} overtakes {other} at {self.now_ms}, durable {self.durable}",
            )
            self._move(other, position, LEFT)

    def check_counts(self, broker: Broker) -> None:
        """Between turns: what each queue counts is what the shadow knows, where the broker takes nothing out by itself."""
        for queue in broker.catalog.namespaces["/"].queues.values():
            shadow = self.queues[queue.name]
            if not isinstance(queue, LedgerQueue) or not shadow.ordered:
                continue
            if any(token.may_leave(self.now_ms) for token in shadow.live.values()):
                continue
            counts = f"{queue.message_count()} ready, {len(queue.ledger.leased)} leased"
            leased = sum(1 for token in shadow.live.values() if token.leased_by)
            check(len(queue.ledger.leased) == leased, f"{queue.name} has {counts}; {leased} are leased")
            total_count = queue.message_count() + leased + len(queue.ledger.delayed)
            check(
                total_count == len(shadow.live),
                f"{queue.name} has {counts}; {len(shadow.live)} live, {queue.ledger.delayed}",
            )

    def queue_vanished(self, name: str, position: int) -> None:
        """The broker deleted it by itself."""
        queue = self.queues[name]
        allowed = (
            queue.settings.expires_ms is not None or queue.settings.auto_delete or queue.settings.exclusive
        )
        check(allowed, f"queue {name} has gone")
        self.delete(name, position)

    # Restart.

    def restart(self, position: int) -> None:
        """The broker is back with everything up to `position`, and nothing that was after it."""
        check(position >= self.durable, f"recovered up to {position}, but {self.durable} was durable")
        self.durable = position
        self.recovered_ms = self.now_ms
        self._restart_queues(position)
        self.dead = {}
        for key in list(self.tokens):
            token = self.tokens[key]
            token.leased_by = ""
            events = [event for event in token.events if event[0] <= position]
            if not events or (not token.durable and token.volatile):
                del self.tokens[key]
                continue
            token.events = events
            self._restart_token(token, key)

    def _restart_queues(self, position: int) -> None:
        everything = [*self.gone_queues, *self.queues.values()]
        self.queues = {}
        self.gone_queues = []
        for queue in everything:
            if queue.deleted_at > position:
                queue.deleted_at = -1
            queue.live = {}
            if queue.declared_at > position:
                continue
            if queue.deleted_at >= 0 or not queue.durable:
                self.gone_queues.append(queue)
            else:
                check(queue.name not in self.queues, f"two incarnations of {queue.name}")
                self.queues[queue.name] = queue
                self.restored += 1

    def _restart_token(self, token: Token, key: tuple[int, str]) -> None:
        if token.place == QUEUED and not token.durable:
            token.events.append((token.events[-1][0], LEFT))
        elif token.place == QUEUED:
            token.queue.live[token.number] = token
        elif token.place == DEAD and token.durable_when_dead:
            self.dead[key] = token
        elif token.place == DEAD:
            del self.tokens[key]

    # The end.

    def check_drained(self) -> None:
        """Everything was taken out of every queue: what must have been there was."""
        for queue in self.queues.values():
            if queue.settings.kept:
                continue
            for token in queue.live.values():
                certain = queue.dead_letters() and token.durable_when_dead
                allowed = token.unsure or (token.may_leave(self.now_ms) and not certain)
                check(allowed, f"{token} is lost, expires {token.expires_at_ms}, now {self.now_ms}")
        for token in self.dead.values():
            check(token.unsure, f"{token} is lost from the dead letters")
