"""Records that the engine routes once more: those that died in a queue, and those that a delayed exchange held back until now.

Must not: write facts of its own (appending does), decide when a record dies or comes due (its queue does).
"""

from onemq.engine.core import Core
from onemq.engine.counters import Counters
from onemq.engine.dead_letter import died, is_cycle
from onemq.engine.enqueueing import spread
from onemq.engine.exchange import Namespace
from onemq.engine.natives import Natives
from onemq.engine.queue import DIED_DELIVERY_LIMIT, DIED_EXPIRED, DIED_MAXLEN, DIED_REJECTED, Queue
from onemq.model.record import Record
from onemq.model.reserved_header import AddressCache


class Rerouting:
    """See the module; `Keeper` (queue.py) says what each method does."""

    def __init__(
        self, core: Core, namespaces: dict[str, Namespace], natives: Natives, addresses: AddressCache
    ) -> None:
        self._core = core
        self._namespaces = namespaces
        self._natives = natives
        self._addresses = addresses

    def bury(self, queue: Queue, record: Record, reason: str) -> None:
        went_somewhere = self._dead_letter(queue, record, reason)
        for counters in (queue.counters, self._core.totals.engine.of(queue.settings.type_name)):
            _count_death(counters, reason, went_somewhere)

    def _dead_letter(self, queue: Queue, record: Record, reason: str) -> bool:
        """False: it had nowhere to go."""
        target = queue.settings.dead_letter_exchange
        if target is None or (reason == DIED_EXPIRED and not queue.settings.dead_letter_expired):
            return False
        namespace = self._namespaces[queue.namespace]
        if target != "" and target not in namespace.exchanges:
            return False
        keys = [record.address.routing_key, *self._natives.extra_keys(record)]
        shown = [record.address.routing_key, *self._natives.shown_keys(record)]
        copy = record.copy()
        copy.deaths = died(record, queue.name, reason, shown, int(self._core.now_ms))
        copy.expires_at_ms = 0
        copy.not_before_ms = 0
        own_key = queue.settings.dead_letter_routing_key
        if own_key is not None:
            keys = [own_key]
            self._natives.drop_extra_keys(copy)
        copy.address = self._addresses.get(target, keys[0])
        targets: list[Queue] = []
        # A limit of receives is reached by receivers: no circle goes round by itself, and as in SQS none loses a record.
        by_receivers = reason == DIED_DELIVERY_LIMIT and queue.settings.receive_limit is not None
        for candidate in namespace.resolve(target, keys, self._natives.headers(record)):
            if by_receivers or not is_cycle(copy.deaths, candidate.name, reason):
                targets.append(candidate)
        spread(targets, copy)
        return len(targets) > 0

    def has_grave(self, queue: Queue) -> bool:
        target = queue.settings.dead_letter_exchange
        namespace = self._namespaces[queue.namespace]
        if target == "":
            key = queue.settings.dead_letter_routing_key
            return key is not None and key in namespace.queues
        return target is not None and target in namespace.exchanges

    def forward(self, queue: Queue, record: Record) -> None:
        """A delayed exchange's record has come due: routes it now."""
        namespace = self._namespaces[queue.namespace]
        keys = [record.address.routing_key, *self._natives.extra_keys(record)]
        copy = record.copy()
        copy.not_before_ms = 0
        targets = namespace.resolve(queue.name, keys, self._natives.headers(record))
        spread(targets, copy)
        exchange = namespace.exchanges.get(queue.name)
        if exchange is not None:
            for counters in (exchange.counters, self._core.totals.engine.general):
                counters.routed += len(targets)
                if not targets:
                    counters.unroutable += 1


def _count_death(counters: Counters, reason: str, dead_lettered: bool) -> None:
    if reason == DIED_EXPIRED:
        if dead_lettered:
            counters.dead_expired += 1
        else:
            counters.dropped_expired += 1
    elif reason == DIED_REJECTED:
        if dead_lettered:
            counters.dead_rejected += 1
        else:
            counters.dropped_rejected += 1
    elif reason == DIED_MAXLEN:
        if dead_lettered:
            counters.dead_maxlen += 1
        else:
            counters.dropped_maxlen += 1
    elif dead_lettered:
        counters.dead_delivery_limit += 1
    else:
        counters.dropped_delivery_limit += 1
