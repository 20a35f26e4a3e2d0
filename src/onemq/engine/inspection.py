"""Inspection: what one principal may see of a namespace, as views, and looks at records. The part of Access for operators.

Who may manage or monitor sees everything in the namespace (as in RabbitMQ); others, what they may read, write or configure. Looking at
records takes the right to read. Must not: change anything, make a queue over a topic that has none.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.authority import Authority
from onemq.engine.catalog import Catalog
from onemq.engine.core import Core
from onemq.engine.counters import Counters, Totals
from onemq.engine.directory.resolution import merged_definition, policy_name
from onemq.engine.exchange import Exchange, Namespace
from onemq.engine.gauges import queue_gauges
from onemq.engine.groups.access import GroupAccess
from onemq.engine.groups.description import Listed
from onemq.engine.groups.group import CLASSIC, CONSUMER
from onemq.engine.groups.groups import Groups
from onemq.engine.groups.subscription import assigned_partitions
from onemq.engine.kept_queue import KeptQueue
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.peek import Peek, PeekPart, PeekWaiter, kept_part, parts_of
from onemq.engine.permits import Permits
from onemq.engine.queue import Queue
from onemq.engine.rates import Rates, Series
from onemq.engine.routing.destination import Destination
from onemq.engine.share.access import ShareAccess
from onemq.engine.share.group import ShareGroup
from onemq.engine.topics.topic import Topic
from onemq.engine.views import (
    BindingView,
    ConsumerView,
    ExchangeView,
    GroupView,
    LagView,
    MemberView,
    PartitionView,
    QueueSummary,
    QueueView,
    TopicView,
)
from onemq.model.entities import KIND_DIRECT, ExchangeSettings, QueueSettings
from onemq.model.refusal import Reason, Refusal

OVERSEERS: Final = ("administrator", "monitoring", "policymaker", "management")
"""RabbitMQ: "Management Plugin", section "Access and Permissions"."""

PEEK_BYTES_MAX: Final = 16 * 1024 * 1024

FROM_HEAD: Final = "head"
FROM_OFFSET: Final = "offset"
FROM_TIME: Final = "time"


class InspectionAccess:
    """See the module."""

    def __init__(
        self,
        core: Core,
        catalog: Catalog,
        space: Namespace,
        authority: Authority,
        permits: Permits,
        groups: Groups,
        group_access: GroupAccess,
        share_access: ShareAccess,
        rates: Rates,
    ) -> None:
        self._core = core
        self._catalog = catalog
        self._space = space
        self._permits = permits
        self._groups = groups
        self._group_access = group_access
        self._share_access = share_access
        self._rates = rates
        self._oversees = authority.has_tag(OVERSEERS)

    def _sees(self, name: str) -> bool:
        return self._oversees or self._permits.sees(name)

    # Queues.

    def queue_names(self) -> list[str]:
        """Of all that may be seen, ascending; topics without a queue among them."""
        space = self._space
        return [name for name in sorted({*space.queues, *space.topics}) if self._sees(name)]

    def summarise(self, name: str, summary: QueueSummary) -> None:
        """Adds one of `queue_names`, unless it has gone since."""
        queue = self._space.queues.get(name)
        topic = self._space.topics.get(name)
        if queue is None and topic is None:
            return
        summary.queues += 1
        if topic is not None:
            summary.topics += 1
        if queue is not None:
            gauges = queue_gauges(queue)
            summary.ready += gauges.ready
            summary.leased += gauges.unacked
            summary.delayed += gauges.delayed
            summary.counters.add(queue.counters)
        elif topic is not None:
            for partition in topic.partitions:
                summary.ready += partition.ready_count()

    def queue(self, name: str) -> QueueView:
        """Refusal NOT_FOUND, also for what may not be seen."""
        space = self._space
        if (name not in space.queues and name not in space.topics) or not self._sees(name):
            raise Refusal(Reason.NOT_FOUND, "queue", name)
        return self._queue_view(name)

    def _queue_view(self, name: str) -> QueueView:
        queue = self._space.queues.get(name)
        topic = self._space.topics.get(name)
        if queue is None:
            assert topic is not None
            return _topic_as_queue(topic)
        view = QueueView(self._space.name, name, queue.settings)
        view.policy = policy_name(queue.policy)
        view.operator_policy = policy_name(queue.operator_policy)
        view.definition = dict(merged_definition(queue.policy, queue.operator_policy))
        if topic is not None:
            view.topic = True
            view.partitions = len(topic.partitions)
        view.exclusive = queue.owner is not None or queue.settings.exclusive
        view.consumers = len(queue.consumers)
        view.bindings = queue.bindings
        view.used_at_ms = queue.last_used_ms
        view.ready = queue.message_count()
        view.counters = queue.counters.copy()
        if queue.exclusive_consumer and queue.consumers:
            view.exclusive_tag = queue.consumers[0].tag
        if queue.settings.single_active:
            for consumer in queue.consumers:
                if consumer.active:
                    view.active_tag = consumer.tag
                    break
        if isinstance(queue, LedgerQueue):
            for each in [queue, *queue.others]:
                _add_ledger(view, each)
            view.receivers = len(queue.receivers.waiting)
            view.oldest_at_ms = _oldest(queue)
        elif isinstance(queue, KeptQueue):
            _add_log(view, queue)
            view.bytes = queue.value_bytes
            view.ready_bytes = queue.value_bytes
            view.leased = len(queue.leased)
        view.start_offset = queue.log.start_offset
        view.end_offset = queue.log.visible_end
        return view

    def consumers(self, queue: str = "") -> list[ConsumerView]:
        """Of one queue, or of all that may be seen; in the order of queues' names, and in which they are served."""
        found: list[ConsumerView] = []
        for name in [queue] if queue else sorted(self._space.queues):
            known = self._space.queues.get(name)
            if known is None or not self._sees(name):
                continue
            for consumer in known.consumers:
                found.append(
                    ConsumerView(
                        name,
                        consumer.tag,
                        not consumer.no_ack,
                        consumer.exclusive,
                        consumer.active,
                        consumer.demand.limit,
                        consumer.demand.in_flight,
                        consumer.priority,
                        dict(consumer.arguments),
                    )
                )
        return found

    # Exchanges and bindings.

    def exchange_names(self) -> list[str]:
        """Of all that may be seen, ascending; the default one, "", is first."""
        return ["", *[name for name in sorted(self._space.exchanges) if self._sees(name)]]

    def exchange(self, name: str) -> ExchangeView:
        """ "": the default one. Refusal NOT_FOUND, also for what may not be seen."""
        if name == "":
            return self._default_exchange()
        exchange = self._space.exchanges.get(name)
        if exchange is None or not self._sees(name):
            raise Refusal(Reason.NOT_FOUND, "exchange", name)
        return self._exchange_view(exchange)

    def _default_exchange(self) -> ExchangeView:
        return ExchangeView(
            self._space.name, "", ExchangeSettings(KIND_DIRECT), True, 0, self._space.counters.copy()
        )

    def _exchange_view(self, exchange: Exchange) -> ExchangeView:
        held: i64 = 0
        if exchange.holding is not None:
            held = exchange.holding.message_count()
        view = ExchangeView(
            self._space.name,
            exchange.name,
            exchange.settings,
            exchange.predeclared,
            held,
            exchange.counters.copy(),
        )
        view.policy = policy_name(exchange.policy)
        view.operator_policy = policy_name(exchange.operator_policy)
        view.definition = dict(merged_definition(exchange.policy, exchange.operator_policy))
        return view

    def bindings(self) -> list[BindingView]:
        """All between what may be seen: those of the default exchange, then by source, in order of their making."""
        found: list[BindingView] = []
        for name in self.exchange_names():
            found.extend(self.bindings_from(name))
        return found

    def bindings_from(self, exchange: str) -> list[BindingView]:
        """Those of one source. Refusal NOT_FOUND."""
        made = self.bindings_made(exchange)
        found: list[BindingView] = []
        for place in range(len(made)):
            view = made.view(place)
            if view is not None:
                found.append(view)
        return found

    def bindings_made(self, exchange: str) -> "BindingsMade":
        """The same, each view made when it is asked for: there may be very many. Refusal NOT_FOUND."""
        if exchange == "":
            return BindingsMade(self, self._space, "", [], [*sorted(self._space.queues)])
        self.exchange(exchange)
        return BindingsMade(
            self, self._space, exchange, self._space.exchanges[exchange].matcher.bindings(), []
        )

    def sees(self, name: str) -> bool:
        """Whether a queue, topic or exchange of this name may be seen."""
        return self._sees(name)

    def bindings_to(self, name: str, to_queue: bool) -> list[BindingView]:
        """Those of one destination. Refusal NOT_FOUND."""
        if to_queue:
            self.queue(name)
        else:
            self.exchange(name)
        return [each for each in self.bindings() if each.destination == name and each.to_queue == to_queue]

    # How fast things go.

    def queue_series(self, name: str) -> Series | None:
        """Samples of a queue's counters, taken from now on; None for a topic without a queue. Refusal NOT_FOUND as `queue`."""
        self.queue(name)
        queue = self._space.queues.get(name)
        return None if queue is None else self._rates.queue(queue)

    def exchange_series(self, name: str) -> Series:
        """The same of an exchange; "": the default one. Refusal NOT_FOUND as `exchange`."""
        self.exchange(name)
        return self._rates.of(self._space.exchanges[name].counters if name else self._space.counters)

    def series(self, counters: Counters) -> Series:
        """The same of anything that counts (`ChannelProfile.counters`)."""
        return self._rates.of(counters)

    def broker_series(self) -> Series:
        """The same of the whole broker; it tells nobody whose records they were."""
        return self._rates.broker()

    def totals(self) -> Totals:
        """The broker's counters. Not to be changed."""
        return self._core.totals

    # Topics and groups.

    def topic_names(self) -> list[str]:
        """Of all that may be seen, ascending."""
        return [name for name in sorted(self._space.topics) if self._sees(name)]

    def topic(self, name: str) -> TopicView:
        """Refusal NOT_FOUND, also for what may not be seen."""
        topic = self._space.topics.get(name)
        if topic is None or not self._sees(name):
            raise Refusal(Reason.NOT_FOUND, "topic", name)
        return self._topic_view(topic)

    def _topic_view(self, topic: Topic) -> TopicView:
        view = TopicView(topic.namespace, topic.name, topic.topic_id, dict(topic.config.overrides))
        view.queue = topic.name in self._space.queues
        for partition in topic.partitions:
            log = partition.log
            view.partitions.append(
                PartitionView(
                    partition.index,
                    log.start_offset,
                    log.visible_end,
                    partition.stable_end,
                    partition.value_bytes,
                    partition.newest_ms,
                )
            )
        return view

    def group_names(self) -> list[str]:
        """Of all that may be described, ascending."""
        names = [each.name for each in self._group_access.list()]
        names.extend([group.key[1] for group in self._share_access.groups()])
        return sorted(names)

    def group(self, name: str) -> GroupView:
        """With its members and lags. Refusal NOT_FOUND, also for what may not be described."""
        found = self._group_access.listed(name)
        if found is not None:
            return self._group_view(found)
        shared = self._share_access.listed(name)
        if shared is not None:
            return self._share_view(shared)
        raise Refusal(Reason.NOT_FOUND, "group", name)

    def _group_view(self, listed: Listed) -> GroupView:
        view = GroupView(self._space.name, listed.name, listed.kind, listed.state)
        if listed.kind == CLASSIC:
            self._add_classic_members(view)
        elif listed.kind == CONSUMER:
            described = self._group_access.describe_consumer(listed.name)
            view.protocol = described.assignor
            for member in described.members:
                shown = MemberView(
                    member.member_id, member.client_id, member.client_host, member.instance_id or ""
                )
                for _, topic, partitions in member.assigned:
                    shown.assigned[topic] = list(partitions)
                view.members.append(shown)
        table = self._groups.book.table((self._space.name, listed.name))
        for topic in sorted(table):
            if not self._sees(topic):
                continue
            for index in sorted(table[topic]):
                offset = table[topic][index].offset
                view.lags.append(self._lag(topic, index, int(offset)))
        return view

    def _add_classic_members(self, view: GroupView) -> None:
        described = self._group_access.describe_classic(view.name)
        view.protocol = described.protocol
        for member in described.members:
            shown = MemberView(
                member.member_id, member.client_id, member.client_host, member.instance_id or ""
            )
            shown.assigned = assigned_partitions(member.assignment)
            view.members.append(shown)

    def _share_view(self, group: ShareGroup) -> GroupView:
        name = group.key[1]
        view = GroupView(self._space.name, name, "share", group.state_name())
        view.protocol = "simple"
        names = group.topic_names()
        for member in group.members.values():
            shown = MemberView(member.member_id, member.client_id, member.client_host, "")
            for topic_id, partitions in group.targets.get(member.member_id, {}).items():
                known = names.get(topic_id)
                if known is not None:
                    shown.assigned[known] = sorted(partitions)
            view.members.append(shown)
        started = self._share_access.started(name)
        for topic_name in sorted(started):
            topic = self._space.topics.get(topic_name)
            if topic is None:
                continue
            for index in sorted(started[topic_name]):
                start, waiting = self._share_access.progress(name, topic, index)
                end = topic.partitions[index].log.visible_end
                view.lags.append(LagView(topic_name, index, start, end, waiting))
        return view

    def _lag(self, topic: str, index: int, offset: int) -> LagView:
        known = self._space.topics.get(topic)
        if known is None or index >= len(known.partitions):
            return LagView(topic, index, offset, -1, 0)
        log = known.partitions[index].log
        end = log.visible_end
        return LagView(topic, index, offset, end, max(end - max(i64(offset), log.start_offset), 0))

    # Records.

    def peek(
        self,
        name: str,
        count: int,
        waiter: PeekWaiter,
        start: str = FROM_HEAD,
        value: int = 0,
        *,
        kept: bool = False,
        partition: int = -1,
        ready_only: bool = False,
        bytes_max: int = PEEK_BYTES_MAX,
    ) -> Peek:
        """Looks at up to `count` records of a queue, or of the topic when no queue has the name.

        start, value: FROM_HEAD; FROM_OFFSET and the first offset; FROM_TIME and ms since the epoch.
        kept: of the topic's logs, though a queue has the name. partition: of a topic; -1: all of them, by time.
        ready_only: not what is delayed or with a consumer.
        Refusal NOT_FOUND, ACCESS_DENIED (read), LOCKED (another connection's), INVALID (the partition).
        """
        self._permits.demand_queue_read(name)
        parts = self._peek_parts(name, kept, ready_only)
        if partition >= 0:
            parts = [part for part in parts if part.partition == partition]
            if not parts:
                raise Refusal(Reason.INVALID, "partition", f"{name}-{partition}", "partition")
        peek = Peek(self._core, parts, count, bytes_max, waiter)
        if start == FROM_OFFSET:
            peek.from_offset(value)
        elif start == FROM_TIME:
            peek.from_time(value)
        else:
            peek.from_head()
        return peek

    def _peek_parts(self, name: str, kept: bool, ready_only: bool) -> list[PeekPart]:
        queue = self._space.queues.get(name)
        topic = self._space.topics.get(name)
        if topic is not None and (kept or queue is None):
            return [kept_part(partition) for partition in topic.partitions]
        if queue is None:
            raise Refusal(Reason.NOT_FOUND, "queue", name)
        if queue.owner is not None:
            raise Refusal(Reason.LOCKED, "queue", name)
        return parts_of(queue, ready_only)


def _topic_as_queue(topic: Topic) -> QueueView:
    settings = QueueSettings()
    settings.kept = True
    settings.persists_all = True
    settings.type_name = "stream"
    view = QueueView(topic.namespace, topic.name, settings)
    view.topic = True
    view.topic_only = True
    view.partitions = len(topic.partitions)
    for partition in topic.partitions:
        _add_log(view, partition)
        view.ready += partition.ready_count()
        view.bytes += partition.value_bytes
        view.used_at_ms = max(view.used_at_ms, partition.last_used_ms)
    view.ready_bytes = view.bytes
    first = topic.partitions[0]
    view.start_offset = first.log.start_offset
    view.end_offset = first.log.visible_end
    return view


def _add_log(view: QueueView, queue: Queue) -> None:
    log = queue.log
    view.memory_bytes += log.tail_cost
    view.stored_bytes += queue.core.store.log_bytes(log.log_id)


def _add_ledger(view: QueueView, queue: LedgerQueue) -> None:
    _add_log(view, queue)
    ledger = queue.ledger
    view.leased += len(ledger.leased) + len(ledger.timed.out)
    view.timed += len(ledger.timed.out)
    view.delayed += len(ledger.delayed)
    view.ready_bytes += max(ledger.ready_bytes(), 0)
    view.bytes += max(ledger.unsettled_bytes, 0)


def _oldest(queue: LedgerQueue) -> i64:
    """As `Gauges.oldest_ms`; -1: nothing is ready."""
    at = queue_gauges(queue).oldest_ms
    return at if at > 0 else -1


class BindingsMade:
    """Bindings of one exchange as they were when they were asked for."""

    __slots__ = ("_exchange", "_inspection", "_queues", "_space", "_made")

    def __init__(
        self,
        inspection: InspectionAccess,
        space: Namespace,
        exchange: str,
        made: list[tuple[Destination, str, dict[str, object]]],
        queues: list[str],
    ) -> None:
        """queues: those that the default exchange leads to."""
        self._inspection = inspection
        self._space = space
        self._exchange = exchange
        self._made = made
        self._queues = queues

    def __len__(self) -> int:
        return len(self._made) + len(self._queues)

    def view(self, place: int) -> BindingView | None:
        """None: its destination may not be seen."""
        if self._queues:
            name = self._queues[place]
            if not self._inspection.sees(name):
                return None
            return BindingView(self._space.name, "", name, True, name, {})
        destination, routing_key, arguments = self._made[place]
        if not self._inspection.sees(destination.name):
            return None
        to_queue = isinstance(destination, Queue)
        return BindingView(
            self._space.name, self._exchange, destination.name, to_queue, routing_key, dict(arguments)
        )
