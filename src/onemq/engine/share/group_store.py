"""All share groups and share partitions as a part of the durable state: changes, replay, snapshot.

Must not: answer requests.
Spec: Kafka's share coordinator and its __share_group_state, without being a topic.
"""

from onemq.engine.catalog import Catalog
from onemq.engine.core import Core
from onemq.engine.groups.offsets import GroupKey
from onemq.engine.groups.plain import as_bytes, as_int, as_list, as_text
from onemq.engine.groups.topic_book import TopicBook
from onemq.engine.parts import PART_SHARE_GROUPS, Part
from onemq.engine.share.dead_letters import DeadLetters
from onemq.engine.share.group import ShareGroup, ShareMember
from onemq.engine.share.partition import SharePartition
from onemq.engine.share.sessions import Place
from onemq.engine.share.settings import ShareSettings
from onemq.engine.share.terms import Terms
from onemq.engine.topics.topic import Topic

Places = dict[Place, SharePartition]


class ShareStore(Part):
    """See the module. shares: per group, its share partitions by topic id and number."""

    def __init__(self, core: Core, settings: ShareSettings, catalog: Catalog, topics: TopicBook) -> None:
        self.number = PART_SHARE_GROUPS
        self.core = core
        self.settings = settings
        self.catalog = catalog
        self.topics = topics
        self.configs = catalog.administration.group_configs
        self.groups: dict[GroupKey, ShareGroup] = {}
        self.shares: dict[GroupKey, Places] = {}
        self.dead_letters = DeadLetters(catalog, settings.dead_letter_bytes)

    def change(self, change: dict[str, object]) -> None:
        """Makes the change, with the code that replays it, and notes it."""
        self.apply(change)
        self.core.note(self, change)

    def share(self, key: GroupKey, topic: Topic, index: int) -> SharePartition:
        """The group's reading of a partition; made when there is none."""
        places = self.shares.setdefault(key, {})
        place = (topic.topic_id, index)
        found = places.get(place)
        if found is None:
            terms = Terms(self.configs, key[1])
            found = SharePartition(self.core, self, key, topic, index, terms, self.dead_letters)
            places[place] = found
        return found

    def topic_removed(self, topic: Topic) -> None:
        """Called when it is deleted and when that is replayed, so it needs no fact of its own."""
        for places in self.shares.values():
            for index in range(len(topic.partitions)):
                places.pop((topic.topic_id, index), None)

    # Replay.

    def apply(self, change: dict[str, object]) -> None:
        operation = as_text(change["op"])
        key = (as_text(change["ns"]), as_text(change["group"]))
        if operation in ("start", "records", "share-"):
            self._apply_share(operation, key, change)
            return
        if operation == "group-":
            group = self.groups.pop(key, None)
            if group is not None:
                group.dead = True
            self.shares.pop(key, None)
            return
        group = self.groups.get(key)
        if group is None:
            group = ShareGroup(self.core, key, self.topics)
            self.groups[key] = group
        if operation == "epoch":
            group.epoch = as_int(change["epoch"])
        elif operation == "member":
            member_id = as_text(change["member"])
            member = group.members.get(member_id)
            if member is None:
                member = ShareMember(member_id)
                group.members[member_id] = member
            member.read(change)
        elif operation == "member-":
            group.members.pop(as_text(change["member"]), None)
        else:
            raise AssertionError(f"unknown change {operation!r} in the facts of share groups")

    def _apply_share(self, operation: str, key: GroupKey, change: dict[str, object]) -> None:
        topic = self.catalog.topics.by_id.get(as_bytes(change["topic"]))
        index = as_int(change["partition"])
        if topic is None or index >= len(topic.partitions):
            return
        if operation == "share-":
            self.shares.get(key, {}).pop((topic.topic_id, index), None)
        elif operation == "start":
            self.share(key, topic, index).records.begin(as_int(change["start"]))
        else:
            self.share(key, topic, index).records.put_rows(as_list(change["rows"]))

    # Snapshot.

    def changes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for key, group in self.groups.items():
            found.append({"op": "epoch", "ns": key[0], "group": key[1], "epoch": group.epoch})
            for member in group.members.values():
                found.append(member_change(key, member))
        for places in self.shares.values():
            for share in places.values():
                found.extend(share.changes())
        return found


def member_change(key: GroupKey, member: ShareMember) -> dict[str, object]:
    change = member.to_plain()
    change["op"] = "member"
    change["ns"] = key[0]
    change["group"] = key[1]
    return change
