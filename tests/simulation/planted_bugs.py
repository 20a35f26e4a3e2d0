"""Bugs that the simulation must find: each breaks one promise, at one of the seams or in the engine itself."""

from __future__ import annotations

import random as random_module
from collections.abc import Callable
from typing import Any

import onemq.engine.ledger as ledger_module
from onemq.engine.consumption import Delivery
from onemq.engine.facts import BATCH, SETTLED, FactReader
from onemq.engine.groups.assignors import Partitions
from onemq.engine.groups.consumer import ConsumerGroup
from onemq.engine.groups.consumer_member import ConsumerMember
from onemq.engine.ledger import Ledger
from onemq.engine.notices.notice import Notice
from onemq.engine.notices.notices import Notices
from onemq.engine.notices.topic import NoticeTopic, Subscription
from onemq.engine.ports import Completion, Durable, Replay, Store
from onemq.engine.receiving import Received
from onemq.engine.record_leases import RecordLeases
from onemq.engine.share.dead_letters import DeadLetters, Grave
from onemq.engine.share.partition import Acquired, SharePartition
from onemq.engine.share.records import (
    ACKNOWLEDGED,
    ACQUIRED,
    ARCHIVED,
    AVAILABLE,
    NO_CAUSE,
    ROW,
)
from onemq.engine.share.terms import Terms
from onemq.engine.timed_leases import TimedLease
from onemq.engine.topics.compaction import Compactor
from onemq.engine.topics.config import TopicConfig
from onemq.engine.topics.partition import Partition
from onemq.engine.topics.producers import NO_DUPLICATE, Producers
from onemq.model.record import Record
from simulation.simulated_files import SimulatedFiles
from simulation.world_turns import Plan

COMPILED = str(ledger_module.__file__).endswith(".so")


class Interposed(Store):
    """Hands everything to the store behind it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.persistent = True

    def recover(self, replay: Replay) -> int:
        return self.store.recover(replay)

    def append(self, facts: bytes) -> int:
        return self.store.append(facts)

    def pending_bytes(self) -> int:
        return 0

    def journal_bytes(self) -> int:
        return self.store.journal_bytes()

    def roll(self) -> int:
        return self.store.roll()

    def checkpoint(self, ticket: int, position: int, snapshot: bytes) -> None:
        self.store.checkpoint(ticket, position, snapshot)

    def spill(self, ticket: int, log_id: int, batches: list[bytes]) -> None:
        self.store.spill(ticket, log_id, batches)

    def load(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> None:
        self.store.load(ticket, log_id, offset, bytes_max)

    def find_time(self, ticket: int, log_id: int, timestamp_ms: int) -> None:
        self.store.find_time(ticket, log_id, timestamp_ms)

    def reclaim(self, log_id: int, live: list[int], exact: bool = False) -> None:
        self.store.reclaim(log_id, live)

    def drop_log(self, log_id: int) -> None:
        self.store.drop_log(log_id)

    def retain_logs(self, log_ids: list[int]) -> None:
        self.store.retain_logs(log_ids)

    def log_bytes(self, log_id: int) -> int:
        return self.store.log_bytes(log_id)

    def settle_turn(self, awaited: bool) -> None:
        self.store.settle_turn(awaited)

    def completions(self) -> list[Completion]:
        return self.store.completions()

    def close(self) -> None:
        self.store.close()


class HastyStore(Interposed):
    """Reports a commit durable before it is synced."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.appended = 0
        self.reported = 0

    def append(self, facts: bytes) -> int:
        self.appended = super().append(facts)
        return self.appended

    def completions(self) -> list[Completion]:
        found = [item for item in super().completions() if not isinstance(item, Durable)]
        if self.appended > self.reported:
            self.reported = self.appended
            found.insert(0, Durable(self.appended))
        return found


class ForgetfulStore(Interposed):
    """Loses what some commits say about settled records."""

    def append(self, facts: bytes) -> int:
        kept = b""
        reader = FactReader(facts)
        while reader.next():
            if reader.kind != SETTLED or reader.int64(4) % 3:
                kept += facts[int(reader.start) - 5 : int(reader.end)]
        return super().append(kept)


class HalvingReplay(Replay):
    """Leaves out the last batch of some commits that have several."""

    def __init__(self, replay: Replay) -> None:
        self.behind = replay

    def restore(self, snapshot: bytes) -> None:
        self.behind.restore(snapshot)

    def replay(self, position: int, facts: bytes) -> None:
        batches = []
        reader = FactReader(facts)
        while reader.next():
            if reader.kind == BATCH:
                batches.append((int(reader.start) - 5, int(reader.end)))
        if len(batches) > 1 and position % 5 == 0:
            start, end = batches[-1]
            facts = facts[:start] + facts[end:]
        self.behind.replay(position, facts)


class HalvingStore(Interposed):
    """Of some commits only a part comes back."""

    def recover(self, replay: Replay) -> int:
        return self.store.recover(HalvingReplay(replay))


class UnsyncedSegments(SimulatedFiles):
    """A checkpoint that lets the journal go does not wait for the segments."""

    def __init__(self, random: random_module.Random) -> None:
        super().__init__(random)
        self.paths: dict[int, str] = {}

    def open_to_read(self, path: str) -> int:
        handle = super().open_to_read(path)
        self.paths[handle] = path
        return handle

    def sync(self, handle: int) -> None:
        if "/logs/" in self.paths[handle]:
            self._changing()
        else:
            super().sync(handle)


class HastyPlan(Plan):
    def store(self, store: Store) -> Store:
        return HastyStore(store)


class ForgetfulPlan(Plan):
    def store(self, store: Store) -> Store:
        return ForgetfulStore(store)


class HalvingPlan(Plan):
    def store(self, store: Store) -> Store:
        return HalvingStore(store)


class UnsyncedPlan(Plan):
    def files(self, random: random_module.Random) -> SimulatedFiles:
        return UnsyncedSegments(random)


Patch = Callable[[type[Ledger]], dict[str, object]]


def double_lease(ledger: type[Ledger]) -> dict[str, object]:
    """Every eleventh record that goes out stays ready."""
    lease = ledger.lease

    def leases_twice(self: Ledger, delivery: Delivery) -> None:
        lease(self, delivery)
        if delivery.offset % 11 == 7:
            self.put_back(delivery.record, delivery.attempts, delivery.failures, 0)

    return {"lease": leases_twice}


def lost_order(ledger: type[Ledger]) -> dict[str, object]:
    """What comes back goes to the end instead of its place."""
    head = ledger.head

    def head_of_the_fresh(self: Ledger) -> Record | None:
        ready = self.ready
        returned = ready.returned_count
        if not ready.levels[0].count:
            return head(self)
        ready.returned_count = 0
        try:
            return head(self)
        finally:
            # What was struck has been taken off meanwhile.
            ready.returned_count += returned

    return {"head": head_of_the_fresh}


def double_timed_lease(ledger: type[Ledger]) -> dict[str, object]:
    """Every seventh record that is received stays ready."""
    lease_until = ledger.lease_until

    def leases_twice(self: Ledger, record: Record, until_ms: int) -> TimedLease:
        lease = lease_until(self, record, until_ms)
        if record.offset % 7 == 2:
            self._come_back(record.offset, lease.level)
        return lease

    return {"lease_until": leases_twice}


def forgotten_handles(ledger: type[Ledger]) -> dict[str, object]:
    """A delete of what lapsed is answered, and not done."""
    settle_leased = ledger.settle_leased

    def forgets(self: Ledger, lease: TimedLease) -> bool:
        if int(lease.offset) in self.timed.lapsed:
            return False
        return settle_leased(self, lease)

    return {"settle_leased": forgets}


def passed_over(leases: type[RecordLeases]) -> dict[str, object]:
    """A receive leaves the first record of a queue over a topic where it is, when there are more."""
    take_into = leases._take_into

    def passes_over(self: RecordLeases, found: list[Received], count: int, until_ms: int) -> None:
        ledger = self._queue.ledger
        # Over a topic.
        record = ledger.head() if ledger.log.kept and ledger.ready_count > 1 else None
        if record is not None:
            ledger.take_head()
        take_into(self, found, count, until_ms)
        if record is not None:
            ledger._come_back(record.offset, 0)

    return {"_take_into": passes_over}


def twice_appended(producers: type[Producers]) -> dict[str, object]:
    """A batch that was appended before is not recognised."""
    check = producers.check

    def forgets(self: Producers, data: bytes) -> int:
        check(self, data)
        return NO_DUPLICATE

    return {"check": forgets}


def shared_twice(share: type[SharePartition]) -> dict[str, object]:
    """Every fifth record that a member of a share group acquires stays available."""
    give = share._give

    def gives_twice(
        self: SharePartition,
        member: str,
        start: int,
        end: int,
        deliveries: int,
        until_ms: int,
        acquired: list[Acquired],
    ) -> None:
        give(self, member, start, end, deliveries, until_ms, acquired)
        for offset in range(start, end):
            if offset % 5 == 3:
                self._transitions.set(offset, offset + 1, AVAILABLE, deliveries, 0, "", NO_CAUSE)

    return {"_give": gives_twice}


def once_too_often(terms: type[Terms]) -> dict[str, object]:
    """A share group gives a record out once more than it may."""
    delivery_limit = terms.delivery_limit

    def one_more(self: Terms, topic: TopicConfig) -> int:
        return delivery_limit(self, topic) + 1

    return {"delivery_limit": one_more}


def forgotten_accept(share: type[SharePartition]) -> dict[str, object]:
    """Every third record that was accepted is available again after a restart."""
    finish = share._finish

    def forgets(self: SharePartition) -> None:
        rows = self._transitions.rows
        for at in range(0, len(rows), ROW):
            if rows[at + 2] == ACKNOWLEDGED and int(str(rows[at])) % 3 == 0:
                rows[at + 2] = AVAILABLE
        finish(self)

    return {"_finish": forgets}


def vanished(share: type[SharePartition]) -> dict[str, object]:
    """What a member still holds when it goes is not given to anybody any more."""

    def archives(self: SharePartition, member: str, delivered: bool) -> None:
        for run in self.records.within(self.records.start, self.records.end):
            if run.state == ACQUIRED and run.member == member:
                self._transitions.set(run.start, run.end, ARCHIVED, 0, 0, "", NO_CAUSE)
        self._finish()

    return {"release_all": archives}


def without_grave(dead_letters: type[DeadLetters]) -> dict[str, object]:
    """Every second record that a share group rejects is not copied."""
    bury = dead_letters.bury

    def buries(
        self: DeadLetters, namespace: str, grave: Grave, data: bytes, start: int, end: int, partitions: int
    ) -> None:
        if start % 2:
            bury(self, namespace, grave, data, start, end, partitions)

    return {"bury": buries}


def unfiltered(notices: type[Notices]) -> dict[str, object]:
    """Some notices pass whatever the subscription's policy says."""
    offer = notices.offer

    def offers(self: Notices, subscription: Subscription, notice: Notice, replayed: bool) -> None:
        policy = subscription.policy
        if notice.text.startswith("1"):
            subscription.policy = None
        try:
            offer(self, subscription, notice, replayed)
        finally:
            subscription.policy = policy

    return {"offer": offers}


def late_copy(notices: type[Notices]) -> dict[str, object]:
    """The last queue's copy comes with the next publish, in a commit of its own."""
    publish, offer = notices.publish, notices.offer
    held: list[tuple[Subscription, Notice]] = []

    def publishes(self: Notices, topic: NoticeTopic, notice: Notice, scope: str) -> None:
        before, held[:] = held[:], []
        for subscription, late in before:
            if self.subscriptions.get(subscription.id) is subscription:
                offer(self, subscription, late, False)
        publish(self, topic, notice, scope)

    def offers(self: Notices, subscription: Subscription, notice: Notice, replayed: bool) -> None:
        *others, last = subscription.topic.subscriptions.values()
        if others and subscription is last:
            held.append((subscription, notice))
        else:
            offer(self, subscription, notice, replayed)

    return {"publish": publishes, "offer": offers}


def published_again(notices: type[Notices]) -> dict[str, object]:
    """A topic does not look for the deduplication ids that it has accepted."""

    def finds(self: Notices, topic: NoticeTopic, scope: str, identifier: str) -> None:
        return None

    return {"accepted_before": finds}


def forgotten_change(notices: type[Notices]) -> dict[str, object]:
    """What was changed in a subscription is as it was before, after a restart."""
    apply_subscription = notices._apply_subscription

    def applies(self: Notices, change: dict[str, object]) -> None:
        if str(change["id"]) not in self.subscriptions:
            apply_subscription(self, change)

    return {"_apply_subscription": applies}


def compacted_last(compactor: type[Compactor]) -> dict[str, object]:
    """Compaction takes the last record of a key, too."""
    note_keys = compactor._note_keys

    def notes(self: Compactor, partition: Partition, batches: list[bytes]) -> None:
        note_keys(self, partition, batches)
        for key in self._last:
            if key == b"1":
                self._last[key] = 1 << 60

    return {"_note_keys": notes}


def hasty_tombstones(compactor: type[Compactor]) -> dict[str, object]:
    """Tombstones go with the pass that sees them."""
    round_over = compactor._round_over

    def forgets(self: Compactor, partition: Partition) -> None:
        self._tombstones_to = min(self._end, partition.log.visible_end - 1)
        round_over(self, partition)

    return {"_round_over": forgets}


def resurrected(compactor: type[Compactor]) -> dict[str, object]:
    """What a tombstone has deleted stays when the tombstone goes."""
    note_keys = compactor._note_keys

    def notes(self: Compactor, partition: Partition, batches: list[bytes]) -> None:
        note_keys(self, partition, batches)
        self._last.pop(b"2", None)

    return {"_note_keys": notes}


def without_lag(compactor: type[Compactor]) -> dict[str, object]:
    """Compaction does not wait until records are old enough."""
    begin = compactor._begin

    def begins(self: Compactor, partition: Partition) -> None:
        assert partition.topic is not None
        partition.topic.config.min_compaction_lag_ms = 0
        begin(self, partition)

    return {"_begin": begins}


def two_owners(group: type[ConsumerGroup]) -> dict[str, object]:
    """A member is given a partition that another has yet to give up."""
    reconcile = group._reconcile

    def reconciles(
        self: ConsumerGroup, member: ConsumerMember, owned: Partitions | None, subscription_changed: bool
    ) -> None:
        owners, self.owners = self.owners, {}
        reconcile(self, member, owned, subscription_changed)
        self.owners = {**owners, **self.owners}

    return {"_reconcile": reconciles}


def stale_commits(group: type[ConsumerGroup]) -> dict[str, object]:
    """Nobody looks at the epoch in which a member commits."""

    def checks(self: ConsumerGroup, member: ConsumerMember, epoch: int) -> None:
        return

    return {"_check_epoch": checks}


def kept_by_the_dead(group: type[ConsumerGroup]) -> dict[str, object]:
    """What a member had that has gone is its own for ever."""
    read_removal = group.read_removal

    def reads(self: ConsumerGroup, change: dict[str, object]) -> None:
        owners = dict(self.owners)
        read_removal(self, change)
        self.owners = owners

    return {"read_removal": reads}


def forgotten_members(group: type[ConsumerGroup]) -> dict[str, object]:
    """A checkpoint leaves the members out."""

    def forgets(self: ConsumerGroup) -> list[dict[str, object]]:
        return [self.epoch_change(self.epoch, self.metadata)]

    return {"durable": forgets}


def hasty_retention(partition: type[Partition]) -> dict[str, object]:
    """Records go when half their time is over."""
    configured = partition.configured

    def halves(self: Partition) -> None:
        configured(self)
        if self.settings.retention_ms is not None:
            self.settings.retention_ms //= 2

    return {"configured": halves}


def forgotten_cut(partition: type[Partition]) -> dict[str, object]:
    """What DeleteRecords took is there again after a restart."""

    def cuts(self: Partition, offset: int) -> None:
        self.replay_cut(offset)

    return {"cut_before": cuts}


PLANS: dict[str, tuple[type[Plan], str]] = {
    "durable before the sync": (HastyPlan, "was durable"),
    "half a commit comes back": (HalvingPlan, r"\d+ live|is lost|differ|ends at"),
    "a settlement is forgotten": (
        ForgetfulPlan,
        r"ready, \d+ leased; \d+ live|is not there any more|state differ|comes as a dead letter",
    ),
    "the journal goes before the segments are synced": (UnsyncedPlan, "damaged|is lost|were not there"),
}
"""How to put the world together, and what the simulation says of it."""

MIXED_PATCHES: dict[str, tuple[type[Any], Callable[[Any], dict[str, object]], str]] = {
    "a double lease": (Ledger, double_timed_lease, "two leases|in two states"),
    "a lost order": (Ledger, lost_order, "overtakes|is not there any more|is lost"),
    "a record that a receive passes over": (RecordLeases, passed_over, "overtakes"),
    "a delete that is not done": (Ledger, forgotten_handles, r"ready, \d+ leased|is not there any more"),
    "a record that two members of a share group have": (
        SharePartition,
        shared_twice,
        "two acquisitions|has not acquired it",
    ),
    "a record that is shared once too often": (
        Terms,
        once_too_often,
        "it is done with|is not in the dead-letter topic",
    ),
    "an accepted record that comes again": (SharePartition, forgotten_accept, "is done with"),
    "what a member of a share group held is lost": (SharePartition, vanished, "not given to the share group"),
    "a dead letter that is not copied": (DeadLetters, without_grave, "is not in the dead-letter topic"),
    "compaction takes the last record of a key": (Compactor, compacted_last, "was compacted away"),
    "a tombstone that goes before its time": (Compactor, hasty_tombstones, "was compacted away"),
    "deleted keys come back": (Compactor, resurrected, "its tombstone at"),
    "compaction without its lag": (Compactor, without_lag, "was compacted away"),
    "two owners of a partition": (ConsumerGroup, two_owners, "is given"),
    "a commit of a stale epoch is taken": (ConsumerGroup, stale_commits, "was taken in"),
    "a partition without an owner": (ConsumerGroup, kept_by_the_dead, "without an owner"),
    "a group's members are forgotten": (
        ConsumerGroup,
        forgotten_members,
        "is unknown, but beat|is given",
    ),
    "records go before their time": (Partition, hasty_retention, "begins at"),
    "deleted records come back": (Partition, forgotten_cut, "deleted to|state differ"),
    "a notice that passes its filter": (Notices, unfiltered, r"nobody published that|\d+ live"),
    "a copy in a later commit": (
        Notices,
        late_copy,
        r"\d+ live|is lost|overtakes|was sent again|is not there any more",
    ),
    "a notice published twice": (Notices, published_again, "was published again"),
    "a subscription's change is forgotten": (Notices, forgotten_change, "subscriptions of|state differ"),
    "a batch appended twice": (Producers, twice_appended, "appended twice|it is at"),
}
"""For the world of all heads: the class, how it is changed, and what the simulation says of it."""

PATCHES: dict[str, tuple[Patch, str]] = {
    "a double lease": (double_lease, "two leases|in two states"),
    "a lost order": (lost_order, "overtakes|is not there any more"),
}
