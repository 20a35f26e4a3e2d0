"""The shadow of a world of all heads: leases with a time, order by group, deduplication, topics and notices beside what checkers.py has."""

from __future__ import annotations

from onemq.engine.broker import Broker
from onemq.engine.ledger_queue import LedgerQueue
from onemq.model.entities import QueueSettings
from simulation.checkers import DEAD, DEAD_LETTERS, LEFT, QUEUED, Shadow, ShadowQueue, Token, check
from simulation.modern_shadow import ModernShadow
from simulation.notice_shadow import NoticeShadow
from simulation.share_shadow import ShareShadow, ShareTerms
from simulation.topic_shadow import TopicShadow


class Accepted:
    """A message of a FIFO queue under its deduplication id."""

    def __init__(self, position: int, at_ms: int, message_id: str) -> None:
        self.position = position
        self.at_ms = at_ms
        self.message_id = message_id


class MixedShadow(Shadow):
    """See the module. `timed`: tokens that are out until a time. `strict`: queues that keep order by group."""

    def __init__(self, share_terms: ShareTerms) -> None:
        super().__init__()
        self.timed: dict[tuple[int, str], Token] = {}
        self.topics = TopicShadow()
        self.shares = ShareShadow(share_terms, self.topics)
        self.notices = NoticeShadow()
        self.modern = ModernShadow()
        self.accepted: dict[tuple[str, str], list[Accepted]] = {}
        self.strict: set[str] = set()
        self.lapses = 0
        self.group_checks = 0

    # Leases with a time.

    def lease(self, token: Token, queue_name: str, by: str, until_ms: int, position: int) -> None:
        """A receive has got it."""
        self.deliver(token, queue_name, by, position)
        self.set_lease(token, by, until_ms, position)

    def set_lease(self, token: Token, by: str, until_ms: int, position: int) -> None:
        token.leased_by = token.last_lease = by
        token.until_ms = until_ms
        token.leases.append((position, by, until_ms))
        self.timed[(token.number, token.queue.name)] = token

    def deliver(self, token: Token, queue_name: str, by: str, position: int) -> None:
        if token.group and self.queues.get(queue_name) is token.queue:
            self._check_group(token, by)
        super().deliver(token, queue_name, by, position)
        token.last_lease = by
        token.leases.append((position, by, 0))

    def _check_group(self, token: Token, by: str) -> None:
        """Nothing stands before it in its group: of strict ones, nothing that is leased either."""
        self.group_checks += 1
        strict = token.queue.name in self.strict
        for other in token.queue.live.values():
            if other.group != token.group or other.rank >= token.rank:
                continue
            if other.leased_by and (not strict or _together(other.leased_by, by)):
                continue
            due_ms = max(other.not_before_ms, other.unsure_until_ms, other.until_ms)
            if due_ms > self.now_ms or (due_ms and self.now_ms <= self.recovered_ms + 1):
                continue
            check(other.may_leave(self.now_ms), f"{token} overtakes {other} of its group for {by}")

    def lapse(self) -> None:
        """Leases whose time is over have ended."""
        for key, token in list(self.timed.items()):
            if token.leased_by != token.last_lease or not token.leased_by:
                del self.timed[key]
            elif token.until_ms <= self.now_ms:
                del self.timed[key]
                self.give_back(token, True)
                self.lapses += 1

    def holds(self, token: Token, by: str) -> bool:
        """Nobody else has been given it since."""
        return token.last_lease == by and token.place in (QUEUED, DEAD)

    def settle_lease(self, token: Token, by: str, position: int) -> None:
        """By its handle, which may have lapsed."""
        if not self.holds(token, by):
            return
        if not token.leased_by and token.may_leave(self.now_ms) and token.place == QUEUED:
            # Its age may have taken it first, to the dead letters.
            self._move(token, position, LEFT)
            return
        self.settle(token, position)

    # Deduplication.

    def seen_before(self, queue: str, duplication_id: str, window_ms: int) -> Accepted | None:
        """The message that was accepted under the id, if that counts still."""
        known = self.accepted.get((queue, duplication_id))
        if known and self.now_ms < known[-1].at_ms + window_ms:
            return known[-1]
        return None

    def accept(self, queue: str, duplication_id: str, position: int, message_id: str) -> None:
        self.accepted.setdefault((queue, duplication_id), []).append(
            Accepted(position, self.now_ms, message_id)
        )

    # Counting.

    def check_counts(self, broker: Broker) -> None:
        for queue in broker.catalog.namespaces["/"].queues.values():
            shadow = self.queues[queue.name]
            if not isinstance(queue, LedgerQueue) or not shadow.ordered:
                continue
            if any(token.may_leave(self.now_ms) for token in shadow.live.values()):
                continue
            if self.now_ms <= self.recovered_ms + 1:
                continue  # what has come due is looked for in the next millisecond
            ledger = queue.ledger
            out = len(ledger.leased) + len(ledger.timed.out)
            counts = f"{queue.message_count()} ready, {out} leased"
            leased = sum(1 for token in shadow.live.values() if token.leased_by)
            check(out == leased, f"{queue.name} has {counts}; {leased} are leased")
            total_count = queue.message_count() + leased + len(ledger.delayed)
            check(
                total_count == len(shadow.live),
                f"{queue.name} has {counts}; {len(shadow.live)} live, {ledger.delayed}",
            )

    # Restart.

    def restart(self, position: int) -> None:
        self.topics.restart(position)
        self.shares.restart(position, self.now_ms)
        self.notices.restart(position)
        self.modern.restart(position, self.now_ms)
        super().restart(position)
        self.timed = {}
        for token in self.tokens.values():
            token.leases = [lease for lease in token.leases if lease[0] <= position]
            token.last_lease = ""
            if not token.leases or token.place not in (QUEUED, DEAD):
                continue
            _position, by, until_ms = token.leases[-1]
            token.last_lease = by
            if until_ms > self.now_ms and self._survives(token):
                token.leased_by, token.until_ms = by, until_ms
                self.timed[(token.number, token.queue.name)] = token
        for key, known in list(self.accepted.items()):
            self.accepted[key] = [one for one in known if one.position <= position]

    def _survives(self, token: Token) -> bool:
        return token.durable if token.place == QUEUED else token.durable_when_dead

    def declare_strict(self, name: str, settings: QueueSettings, position: int) -> ShadowQueue:
        queue = self.declare(name, settings, position, False, False)
        self.strict.add(name)
        return queue


def _together(one: str, other: str) -> bool:
    """One receive gives several of a group, in order."""
    return "/" in one and one.partition("#")[0] == other.partition("#")[0]


def origin_of_dead(queue: str, arn: str) -> str:
    """Where what SQS received died; "" if it did not."""
    origin = arn.rpartition(":")[2]
    check(queue == DEAD_LETTERS or not origin, f"a dead letter in {queue}")
    return origin
