"""The server's assignors: who gets which partitions.

Pure: the same input gives the same assignment.
Spec: KIP-848, server-side assignors "range" and "uniform".
"""

from onemq.engine.groups.settings import RANGE

Partitions = dict[bytes, set[int]]
"""Topic id to partitions."""


class Subscriber:
    """A member as assignors see it. `topics`: ids of topics that exist. `current`: what it was to have so far."""

    __slots__ = ("current", "instance_id", "member_id", "topics")

    def __init__(
        self, member_id: str, instance_id: str | None, topics: list[bytes], current: Partitions
    ) -> None:
        self.member_id = member_id
        self.instance_id = instance_id
        self.topics = topics
        self.current = current


def assign(
    assignor: str, subscribers: list[Subscriber], partition_counts: dict[bytes, int]
) -> dict[str, Partitions]:
    """What each member is to have. Every partition of a topic with a subscriber goes to just one of them."""
    if assignor == RANGE:
        return _range(subscribers, partition_counts)
    return _Uniform(subscribers, partition_counts).assign()


def _range(subscribers: list[Subscriber], partition_counts: dict[bytes, int]) -> dict[str, Partitions]:
    """Per topic one stretch for each member, in the order of the members' names: static ones first."""
    found: dict[str, Partitions] = {}
    ordered: list[tuple[int, str, Subscriber]] = []
    for subscriber in subscribers:
        found[subscriber.member_id] = {}
        if subscriber.instance_id is not None:
            ordered.append((0, subscriber.instance_id, subscriber))
        else:
            ordered.append((1, subscriber.member_id, subscriber))
    ordered.sort(key=_order)
    for topic_id, count in partition_counts.items():
        members: list[str] = []
        for _, _, subscriber in ordered:
            if topic_id in subscriber.topics:
                members.append(subscriber.member_id)
        if not members:
            continue
        share = count // len(members)
        larger = count % len(members)
        at = 0
        for index in range(len(members)):
            size = share + (1 if index < larger else 0)
            if size:
                found[members[index]][topic_id] = set(range(at, at + size))
            at += size
    return found


def _order(item: tuple[int, str, Subscriber]) -> tuple[int, str]:
    return (item[0], item[1])


class _Uniform:
    """Keeps what members have as far as the balance allows; no member has two more than another that could take one."""

    def __init__(self, subscribers: list[Subscriber], partition_counts: dict[bytes, int]) -> None:
        self.counts = partition_counts
        self.topics: dict[str, dict[bytes, bool]] = {}
        self.found: dict[str, Partitions] = {}
        self.load: dict[str, int] = {}
        self.members: list[str] = []
        self.owners: dict[tuple[bytes, int], str] = {}
        self.current: dict[str, Partitions] = {}
        for subscriber in sorted(subscribers, key=_member_id):
            member_id = subscriber.member_id
            self.members.append(member_id)
            self.topics[member_id] = dict.fromkeys(subscriber.topics, True)
            self.current[member_id] = subscriber.current
            self.found[member_id] = {}
            self.load[member_id] = 0

    def assign(self) -> dict[str, Partitions]:
        if not self.members:
            return self.found
        if self._all_alike():
            self._keep_shares()
        else:
            for member_id in self.members:
                self._keep(member_id, -1)
        for topic_id, partition in self._free():
            self._give(self._least_loaded(topic_id), topic_id, partition)
        self._balance()
        return self.found

    def _all_alike(self) -> bool:
        first = self.topics[self.members[0]]
        for topics in self.topics.values():
            if topics != first:
                return False
        return True

    def _keep_shares(self) -> None:
        """All could have everything: each keeps up to its share, the members that have most get the larger shares."""
        total = 0
        for topic_id in self.topics[self.members[0]]:
            total += self.counts.get(topic_id, 0)
        share = total // len(self.members)
        larger = total % len(self.members)
        for member_id in self.members:
            held = 0
            for partitions in self.current[member_id].values():
                held += len(partitions)
            if held > share and larger > 0:
                if self._keep(member_id, share + 1) > share:
                    larger -= 1
            else:
                self._keep(member_id, share)

    def _keep(self, member_id: str, limit: int) -> int:
        """Returns how many it keeps; limit -1: all."""
        for topic_id, partitions in self.current[member_id].items():
            if topic_id not in self.topics[member_id]:
                continue
            for partition in sorted(partitions):
                if limit >= 0 and self.load[member_id] >= limit:
                    return self.load[member_id]
                if partition < self.counts.get(topic_id, 0) and (topic_id, partition) not in self.owners:
                    self._give(member_id, topic_id, partition)
        return self.load[member_id]

    def _free(self) -> list[tuple[bytes, int]]:
        """What nobody has: topics with the fewest subscribers first, for they have the least choice."""
        order: list[tuple[int, bytes]] = []
        for topic_id in self.counts:
            subscribers = 0
            for topics in self.topics.values():
                if topic_id in topics:
                    subscribers += 1
            if subscribers:
                order.append((subscribers, topic_id))
        order.sort()
        free: list[tuple[bytes, int]] = []
        for _, topic_id in order:
            for partition in range(self.counts[topic_id]):
                if (topic_id, partition) not in self.owners:
                    free.append((topic_id, partition))
        return free

    def _give(self, member_id: str, topic_id: bytes, partition: int) -> None:
        self.owners[(topic_id, partition)] = member_id
        self.found[member_id].setdefault(topic_id, set()).add(partition)
        self.load[member_id] += 1

    def _take(self, member_id: str, topic_id: bytes, partition: int) -> None:
        partitions = self.found[member_id][topic_id]
        partitions.discard(partition)
        if not partitions:
            del self.found[member_id][topic_id]
        self.load[member_id] -= 1

    def _least_loaded(self, topic_id: bytes) -> str:
        best = ""
        for member_id in self.members:
            if topic_id in self.topics[member_id] and (best == "" or self.load[member_id] < self.load[best]):
                best = member_id
        return best

    def _balance(self) -> None:
        """Every move makes the sum of the squares of the loads smaller, so it comes to an end."""
        moved = True
        while moved:
            moved = False
            for member_id in self.members:
                for topic_id in sorted(self.found[member_id]):
                    to = self._least_loaded(topic_id)
                    while self.load[member_id] > self.load[to] + 1 and topic_id in self.found[member_id]:
                        partition = max(self.found[member_id][topic_id])
                        self._take(member_id, topic_id, partition)
                        self._give(to, topic_id, partition)
                        moved = True
                        to = self._least_loaded(topic_id)


def _member_id(subscriber: Subscriber) -> str:
    return subscriber.member_id
