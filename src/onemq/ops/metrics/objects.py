"""Samples of queues, partitions, groups and exchanges, one object after the other, with a bound on how many get series of their own.

Each pass is a generator that yields after SLICE objects, so that a scrape of many queues is cut into parts. The first `bound` objects, in
the order in which they were made, are shown; the others are summed in one row labelled `other`. Must not: change anything.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from mypy_extensions import i64

from onemq.engine.counters import Counters
from onemq.engine.gauges import Gauges, queue_gauges, sum_queues
from onemq.engine.groups.classic import ClassicGroup
from onemq.engine.groups.consumer import ConsumerGroup
from onemq.engine.groups.group import Group
from onemq.engine.queue import Queue
from onemq.ops.metrics import families as f
from onemq.ops.metrics.families import Row, Value
from onemq.ops.metrics.metric import COUNTER, Exposition, Metric, label_text, number
from onemq.ops.metrics.sources import Sources

SLICE: Final = 100
OTHER: Final = "other"

Families = Sequence[tuple[Metric, Value]]


def write_row(out: Exposition, families: Families, labels: str, row: Row) -> None:
    for metric, value in families:
        out.lines(metric).append(f"{metric.name}{labels} {number(value(row))}\n")


class Growing:
    """Sums of counters over objects that come and go, as numbers that only grow: what an object takes with it when it goes is not taken
    off (it would look as if the counter had begun anew). Lives from scrape to scrape."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, float]] = {}
        """The sum as it was, and what was shown."""

    def shown(self, key: str, value: float) -> float:
        before = self._known.get(key)
        shown = value if before is None else before[1] + max(value - before[0], 0)
        self._known[key] = (value, shown)
        return shown

    def write_row(self, out: Exposition, families: Families, labels: str, row: Row) -> None:
        """As `write_row`, of a sum."""
        for metric, value in families:
            amount = float_or_int(value(row))
            if metric.kind == COUNTER:
                amount = self.shown(metric.name + labels, amount)
            out.lines(metric).append(f"{metric.name}{labels} {number(amount)}\n")


def float_or_int(value: float | i64) -> float:
    """A plain number."""
    return value if isinstance(value, float) else int(value)


class Passes:
    """All passes of one scrape.

    Attributes:
        total: of all queues that were gone through. vhosts: only these namespaces; None: all.
        growing: what sums have shown before.
    """

    def __init__(
        self,
        out: Exposition,
        sources: Sources,
        bound: int,
        vhosts: frozenset[str] | None = None,
        growing: Growing | None = None,
    ) -> None:
        self.growing = Growing() if growing is None else growing
        self.out = out
        self.sources = sources
        self.bound = bound
        self.vhosts = vhosts
        self.total = self._row()

    def _row(self) -> Row:
        return Row(Gauges(), Counters(), int(self.sources.broker.core.now_ms))

    def sees(self, vhost: str) -> bool:
        return self.vhosts is None or vhost in self.vhosts

    def _folded(self, kind: str, count: int) -> None:
        self.out.add(f.FOLDED, count, kind)

    # Queues.

    def queues(self, families: Families, folded: bool = True) -> Iterator[None]:
        """With `total`. folded: say how many were summed."""
        found: list[Queue] = []
        for name, space in self.sources.broker.catalog.namespaces.items():
            if self.sees(name):
                found.extend(space.queues.values())
        yield
        yield from self._rows(found, families)
        if folded:
            self._folded("queue", max(len(found) - self.bound, 0))

    def _rows(self, queues: list[Queue], families: Families) -> Iterator[None]:
        now_ms = self.total.now_ms
        total = self.total
        names = ("vhost", "queue")
        shown = min(self.bound, len(queues))
        for index in range(shown):
            queue = queues[index]
            row = Row(queue_gauges(queue), queue.counters, now_ms)
            total.gauges.add(row.gauges)
            total.counters.add(row.counters)
            write_row(self.out, families, label_text(names, (queue.namespace, queue.name)), row)
            if index % SLICE == SLICE - 1:
                yield
        other = self._row()
        # Sums are made by compiled code: so many more of them cost as much as one row.
        step = SLICE * 10
        for index in range(shown, len(queues), step):
            sum_queues(queues[index : index + step], other.gauges, other.counters)
            yield
        if shown < len(queues):
            total.gauges.add(other.gauges)
            total.counters.add(other.counters)
            self.growing.write_row(self.out, families, label_text(names, (OTHER, OTHER)), other)

    # Partitions.

    def partitions(self) -> Iterator[None]:
        names = ("vhost", "topic", "partition")
        now_ms = self.total.now_ms
        other = self._row()
        other_end = 0
        done = 0
        end_lines = self.out.lines(f.PARTITION_END)
        for name, space in list(self.sources.broker.catalog.namespaces.items()):
            for topic in list(space.topics.values()):
                for index, partition in enumerate(topic.partitions):
                    done += 1
                    gauges = queue_gauges(partition)
                    if done > self.bound:
                        other.gauges.add(gauges)
                        other.counters.add(partition.counters)
                        other_end += int(partition.log.visible_end)
                    else:
                        labels = label_text(names, (name, topic.name, str(index)))
                        row = Row(gauges, partition.counters, now_ms)
                        write_row(self.out, f.BY_PARTITION, labels, row)
                        end_lines.append(f"{f.PARTITION_END.name}{labels} {partition.log.visible_end}\n")
                    if done % SLICE == 0:
                        yield
        if done > self.bound:
            labels = label_text(names, (OTHER, OTHER, OTHER))
            self.growing.write_row(self.out, f.BY_PARTITION, labels, other)
            end_lines.append(f"{f.PARTITION_END.name}{labels} {other_end}\n")
        self._folded("partition", max(done - self.bound, 0))

    # Groups.

    def groups(self) -> Iterator[None]:
        yield from self._members()
        yield from self._lags()

    def _members(self) -> Iterator[None]:
        broker = self.sources.broker
        rows = [(key, _members(group), group.kind) for key, group in broker.groups.groups.items()]
        rows += [(key, len(group.members), "share") for key, group in broker.shares.groups.items()]
        lines = self.out.lines(f.GROUP_MEMBERS)
        for index, (key, members, kind) in enumerate(rows[: self.bound]):
            labels = f.GROUP_MEMBERS.label_text(key[0], key[1], kind)
            lines.append(f"{f.GROUP_MEMBERS.name}{labels} {members}\n")
            if index % SLICE == SLICE - 1:
                yield
        rest = rows[self.bound :]
        if rest:
            self.out.add(f.GROUP_MEMBERS, sum(row[1] for row in rest), OTHER, OTHER, OTHER)
        self._folded("group", len(rest))

    def _lags(self) -> Iterator[None]:
        lines = self.out.lines(f.GROUP_LAG)
        done = 0
        other = 0
        for vhost, group, topic, index, lag in self._each_lag():
            done += 1
            if done > self.bound:
                other += lag
            else:
                labels = f.GROUP_LAG.label_text(vhost, group, topic, str(index))
                lines.append(f"{f.GROUP_LAG.name}{labels} {lag}\n")
            if done % SLICE == 0:
                yield
        if done > self.bound:
            self.out.add(f.GROUP_LAG, other, OTHER, OTHER, OTHER, OTHER)
        self._folded("group_partition", max(done - self.bound, 0))

    def _each_lag(self) -> Iterator[tuple[str, str, str, int, int]]:
        broker = self.sources.broker
        spaces = broker.catalog.namespaces
        for key in list(broker.groups.groups):
            space = spaces.get(key[0])
            if space is None:
                continue
            for name, committed in list(broker.groups.book.table(key).items()):
                topic = space.topics.get(name)
                if topic is None:
                    continue
                for index, each in list(committed.items()):
                    if index < len(topic.partitions):
                        log = topic.partitions[index].log
                        begin = max(int(each.offset), int(log.start_offset))
                        yield key[0], key[1], name, index, max(int(log.visible_end) - begin, 0)
        for key in list(broker.shares.groups):
            for share in list(broker.shares.shares.get(key, {}).values()):
                records = share.records
                if records.start < 0 or share.topic.deleted:
                    continue
                log = share.partition().log
                begin = max(int(records.start), int(log.start_offset))
                lag = int(log.visible_end) - begin - records.done_count()
                yield key[0], key[1], share.topic.name, share.index, max(lag, 0)

    # Exchanges and topics of notices.

    def exchanges(self) -> Iterator[None]:
        """Of those that every namespace has, the ones that somebody has published to."""
        rows: list[tuple[str, str, Counters]] = []
        for name, space in self.sources.broker.catalog.namespaces.items():
            rows.append((name, "", space.counters))
            for exchange in space.exchanges.values():
                if exchange.counters.published or not exchange.predeclared:
                    rows.append((name, exchange.name, exchange.counters))
        yield
        for index, (vhost, exchange_name, counters) in enumerate(rows[: self.bound]):
            for metric, value in f.BY_EXCHANGE:
                self.out.add(metric, int(value(counters)), vhost, exchange_name)
            if index % SLICE == SLICE - 1:
                yield
        rest = rows[self.bound :]
        if rest:
            other = Counters()
            for _, _, counters in rest:
                other.add(counters)
            for metric, value in f.BY_EXCHANGE:
                self.out.add(metric, self.growing.shown(metric.name, int(value(other))), OTHER, OTHER)
        self._folded("exchange", len(rest))

    def notices(self) -> Iterator[None]:
        topics = list(self.sources.broker.notices.topics.values())
        for index, topic in enumerate(topics[: self.bound]):
            self.out.add(f.NOTICES_PUBLISHED, int(topic.counters.published), topic.namespace, topic.name)
            if index % SLICE == SLICE - 1:
                yield
        rest = topics[self.bound :]
        if rest:
            published = sum(int(topic.counters.published) for topic in rest)
            name = f.NOTICES_PUBLISHED.name
            self.out.add(f.NOTICES_PUBLISHED, self.growing.shown(name, published), OTHER, OTHER)
        self._folded("notice_topic", len(rest))


def _members(group: Group) -> int:
    if isinstance(group, (ClassicGroup, ConsumerGroup)):
        return len(group.members)
    return 0
