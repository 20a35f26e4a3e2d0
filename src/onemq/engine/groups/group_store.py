"""All groups and their offsets as a part of the durable state: changes, replay, snapshot, expiry.

Must not: answer requests.
Spec: Kafka's __consumer_offsets, without being a topic; offset expiry of KIP-211.
"""

from typing import Final

from onemq.engine.core import Agenda, Core
from onemq.engine.group_configs import GroupConfigs
from onemq.engine.groups.classic import ClassicGroup
from onemq.engine.groups.consumer import ConsumerGroup
from onemq.engine.groups.group import Group, Home
from onemq.engine.groups.offsets import NO_PRODUCER, GroupKey, OffsetBook
from onemq.engine.groups.plain import as_int, as_list, as_text
from onemq.engine.groups.settings import GroupSettings
from onemq.engine.groups.topic_book import OtherGroups, TopicBook
from onemq.engine.parts import PART_GROUPS, Part

SWEPT_AT_ONCE: Final = 500
"""Groups looked at for expiry in one turn."""


class GroupStore(Part):
    """See the module."""

    def __init__(self, core: Core, settings: GroupSettings, topics: TopicBook, configs: GroupConfigs) -> None:
        self.number = PART_GROUPS
        self.core = core
        self.settings = settings
        self.topics = topics
        self.groups: dict[GroupKey, Group] = {}
        self.others: OtherGroups | None = None
        self.book = OffsetBook()
        self.configs = configs
        self.home = _PartHome(self)
        self._sweeper = _Sweeper(self)
        self._to_sweep: list[GroupKey] = []

    def change(self, change: dict[str, object]) -> None:
        self.apply(change)
        self.core.note(self, change)
        if self._sweeper.deadline_ms == 0:
            self._sweep_later()

    def topic_removed(self, namespace: str, name: str) -> None:
        """Its offsets go with it. Called when it is deleted and when that is replayed, so it needs no fact of its own."""
        self.book.remove_topic(namespace, name)

    def clear_namespace(self, name: str) -> None:
        for key in list(self.groups):
            if key[0] == name:
                self.drop(key)

    def drop(self, key: GroupKey) -> None:
        """The group goes, whoever is in it: members that come back learn that they are unknown."""
        if key in self.groups:
            self.change({"op": "group-", "ns": key[0], "group": key[1]})

    # Replay.

    def apply(self, change: dict[str, object]) -> None:
        operation = as_text(change["op"])
        if operation == "transaction":
            self.book.end(as_int(change["producer"]), bool(change["commit"]))
            return
        key = (as_text(change["ns"]), as_text(change["group"]))
        if operation == "offsets":
            if key not in self.groups:
                self.groups[key] = ClassicGroup(self.core, self.settings, self.home, key)
            self.book.put(key, as_int(change["producer"]), as_list(change["rows"]))
        elif operation == "offsets-":
            self.book.remove(key, as_list(change["rows"]))
        elif operation == "classic":
            self._fresh_classic(key).read(change)
        elif operation == "group-":
            self._drop(key)
            self.book.remove_group(key)
        else:
            self._apply_consumer(operation, key, change)

    def _apply_consumer(self, operation: str, key: GroupKey, change: dict[str, object]) -> None:
        found = self.groups.get(key)
        group = found if isinstance(found, ConsumerGroup) else self.new_consumer(key)
        if operation == "epoch":
            group.read_epoch(change)
        elif operation == "target":
            group.read_target(change)
        elif operation == "member":
            group.read_member(change)
        elif operation == "member-":
            group.read_removal(change)
        else:
            raise AssertionError(f"unknown change {operation!r} in the facts of groups")

    def _fresh_classic(self, key: GroupKey) -> ClassicGroup:
        found = self.groups.get(key)
        return found if isinstance(found, ClassicGroup) else self.new_classic(key)

    def _drop(self, key: GroupKey) -> None:
        found = self.groups.pop(key, None)
        if found is not None:
            found.dead = True

    def new_classic(self, key: GroupKey) -> ClassicGroup:
        """In the place of whatever has that name. Its offsets stay."""
        self._drop(key)
        group = ClassicGroup(self.core, self.settings, self.home, key)
        self.groups[key] = group
        return group

    def new_consumer(self, key: GroupKey) -> ConsumerGroup:
        self._drop(key)
        group = ConsumerGroup(self.core, self.settings, self.home, key, self.configs, self.topics)
        self.groups[key] = group
        return group

    # Snapshot.

    def changes(self) -> list[dict[str, object]]:
        changes: list[dict[str, object]] = []
        for group in self.groups.values():
            changes.extend(group.durable())
        for key, table in self.book.groups.items():
            changes.append(offsets_change(key, NO_PRODUCER, self.book.rows(table)))
        for producer_id, tables in self.book.pending.items():
            for key, table in tables.items():
                changes.append(offsets_change(key, producer_id, self.book.rows(table)))
        return changes

    def finish_recovery(self) -> None:
        for group in self.groups.values():
            group.restart()
        if self.groups:
            self._sweep_later()

    # Expiry.

    def _sweep_later(self) -> None:
        self.core.schedule(self._sweeper, self.core.now_ms + self.settings.offsets_check_ms)

    def sweep(self) -> None:
        """Forgets offsets whose retention is over, and empty groups that have none."""
        if not self._to_sweep:
            self._to_sweep = list(self.groups)
        batch = self._to_sweep[-SWEPT_AT_ONCE:]
        del self._to_sweep[-SWEPT_AT_ONCE:]
        for key in batch:
            group = self.groups.get(key)
            if group is not None:
                self._expire(key, group)
        if self._to_sweep:
            self.core.schedule(self._sweeper, self.core.now_ms + 1)
        elif self.groups:
            self._sweep_later()

    def _expire(self, key: GroupKey, group: Group) -> None:
        rows: list[object] = []
        for topic, partitions in self.book.table(key).items():
            for partition, committed in partitions.items():
                base_ms = group.expires_from(topic, committed.at_ms)
                if base_ms < 0 or self.core.now_ms - base_ms < self.settings.offsets_retention_ms:
                    continue
                if not self.book.is_pending(key, topic, partition):
                    rows.append([topic, partition])
        if rows:
            self.change({"op": "offsets-", "ns": key[0], "group": key[1], "rows": rows})
        if group.is_empty() and not self.book.has_any(key) and not _awaited(group):
            self.change({"op": "group-", "ns": key[0], "group": key[1]})


class _PartHome(Home):
    def __init__(self, store: GroupStore) -> None:
        self._store = store

    def note(self, change: dict[str, object]) -> None:
        store = self._store
        store.core.note(store, change)

    def change(self, change: dict[str, object]) -> None:
        self._store.change(change)


class _Sweeper(Agenda):
    def __init__(self, store: GroupStore) -> None:
        super().__init__()
        self._store = store

    def on_deadline(self) -> None:
        self._store.sweep()


def offsets_change(key: GroupKey, producer_id: int, rows: list[object]) -> dict[str, object]:
    return {"op": "offsets", "ns": key[0], "group": key[1], "producer": producer_id, "rows": rows}


def _awaited(group: Group) -> bool:
    """Somebody was given an id and is to join."""
    return isinstance(group, ClassicGroup) and len(group.pending) > 0
