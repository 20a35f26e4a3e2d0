"""The broker: turns, completions, checkpoints, recovery. What the net drives and heads get their accesses from."""

from collections.abc import Callable

from mypy_extensions import i64

from onemq.engine.access import Access
from onemq.engine.catalog import Catalog
from onemq.engine.checkpoint import Checkpoint
from onemq.engine.core import Agenda, Core
from onemq.engine.deduplication import Deduplication, ForgetsIds, ForgetsTopicIds
from onemq.engine.directory.directory import Directory
from onemq.engine.groups.catalog_topics import CatalogTopics, ForgetsOffsets
from onemq.engine.groups.groups import Groups
from onemq.engine.identity import Identity
from onemq.engine.kept_queue import KeptQueue
from onemq.engine.notices.notices import Notices
from onemq.engine.ports import (
    Checkpointed,
    Completion,
    Durable,
    Failed,
    Found,
    Loaded,
    Resumed,
    Spilled,
    Stalled,
    Store,
)
from onemq.engine.rates import Rates
from onemq.engine.recovery import Recovery
from onemq.engine.redrive import ForgetsRedrives, Redrives
from onemq.engine.settings import EngineSettings
from onemq.engine.share.groups import ForgetsShares, ShareGroups, TakenByShares
from onemq.engine.transactions.catalog_participants import CatalogParticipants
from onemq.engine.transactions.coordinator import Transactions
from onemq.engine.transactions.producer_ids import ProducerIds
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal, Scope
from onemq.model.rights import Rights

DISPATCH_SLICE_MIN = 64
"""Deliveries a queue may make before the next queue's turn, at least."""


class StoreBroken(Exception):
    """The store can promise nothing any more: the process must stop before it confirms anything else."""


class Broker:
    """See the module. All calls on one thread; none blocks but `recover`.

    Attributes:
        durable_position: everything up to this commit is safe.
        stalled: why the store cannot write at present, "" when it can.
    """

    def __init__(self, store: Store, settings: EngineSettings, entropy: Callable[[int], bytes]) -> None:
        self.settings = settings
        self.core = Core(store, settings, entropy)
        self.catalog = Catalog(self.core)
        self.groups = self._make_groups()
        self.shares = self._make_shares()
        self.transactions = self._make_transactions()
        self.deduplication = self._make_deduplication()
        self.notices = Notices(self.core, self.catalog, self.deduplication)
        self.catalog.add_part(self.notices)
        self.redrives = Redrives(self.core, self.catalog)
        self.catalog.add_part(self.redrives)
        self.catalog.listeners.append(ForgetsRedrives(self.redrives))
        self.directory = Directory(self.core, self.catalog, settings.directory)
        for part in self.directory.parts():
            self.catalog.add_part(part)
        self.identity = Identity(self.core)
        self.catalog.add_part(self.identity)
        self.checkpoints = Checkpoint(self.core, self.catalog)
        self.rates = Rates(self.core, self.catalog, self.settings.rates)
        self.stalled = ""
        self._stopping = False

    def _make_groups(self) -> Groups:
        catalog = self.catalog
        topics = CatalogTopics(catalog)
        groups = Groups(self.core, self.settings.groups, topics, catalog.administration.group_configs)
        catalog.add_part(groups)
        catalog.topics.listeners.append(ForgetsOffsets(groups))
        return groups

    def _make_shares(self) -> ShareGroups:
        catalog = self.catalog
        shares = ShareGroups(self.core, self.settings.share, catalog, CatalogTopics(catalog), self.groups)
        self.groups.others = TakenByShares(shares)
        catalog.add_part(shares)
        catalog.topics.listeners.append(ForgetsShares(shares))
        return shares

    def _make_transactions(self) -> Transactions:
        catalog = self.catalog
        ids = ProducerIds(self.core)
        participants = CatalogParticipants(catalog, self.groups.end_transaction)
        transactions = Transactions(self.core, self.settings.transactions, ids, participants)
        catalog.add_part(ids)
        catalog.add_part(transactions)
        return transactions

    def _make_deduplication(self) -> Deduplication:
        part = Deduplication(self.core)
        self.catalog.add_part(part)
        self.catalog.listeners.append(ForgetsIds(part))
        self.catalog.topics.listeners.append(ForgetsTopicIds(part))
        return part

    @property
    def durable_position(self) -> int:
        return int(self.core.durable_position)

    def recover(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Brings back what the store has. Call `begin_turn` first. Blocks. Raises what the store raises for bad data.

        progress: told now and then how many bytes of the journal, of at most how many, have been replayed.
        """
        core = self.core
        recovery = Recovery(core, self.catalog, progress)
        position = core.store.recover(recovery)
        core.last_position = position
        core.durable_position = position
        recovery.finish()
        self.identity.make()
        for name in self.settings.namespaces:
            self.catalog.add_namespace(name)
        self.catalog.policing.begin()
        self.directory.begin()
        core.store.retain_logs(list(self.catalog.logs))
        core.commit()

    def access(self, principal: Principal, namespace: str, rights: Rights, protocol: str = "") -> Access:
        """A door into one namespace; `protocol`: under which name it counts. Refusal NAMESPACE_DENIED when it does not exist."""
        space = self.catalog.namespaces.get(namespace)
        if space is None:
            raise Refusal(Reason.NAMESPACE_DENIED, "namespace", namespace, scope=Scope.CONNECTION)
        return Access(
            self.core,
            self.catalog,
            self.groups,
            self.shares,
            self.transactions,
            self.deduplication,
            self.notices,
            self.redrives,
            self.directory,
            self.rates,
            principal,
            space,
            rights,
            self.core.totals.protocol(protocol),
        )

    # Turns.

    def begin_turn(self, now_ms: int) -> None:
        """Before the first call of a turn. Time never goes back."""
        if now_ms > self.core.now_ms:
            self.core.now_ms = now_ms

    def end_turn(self) -> bool:
        """Dispatches, commits, keeps house. True when work is left: call it again in the next turn."""
        core = self.core
        budget: i64 = core.settings.dispatch_per_turn
        core.seal_all()
        while core.to_dispatch and budget > 0 and core.delivery_bytes_left > 0:
            agendas = core.to_dispatch
            core.to_dispatch = []
            share = max(budget // len(agendas), DISPATCH_SLICE_MIN)
            for agenda in agendas:
                agenda.dirty = False
                budget -= agenda.dispatch(share)
            core.seal_all()
        core.delivery_bytes_left = core.settings.dispatch_bytes_per_turn
        core.commit()
        self.checkpoints.step(self._stopping)
        return bool(core.to_dispatch)

    def awaits_durable(self) -> bool:
        """Records are kept from readers until their commit is durable."""
        return bool(self.core.awaiting_durable)

    def tick(self, now_ms: int) -> None:
        """A deadline has come (or may have). `end_turn` must follow."""
        self.begin_turn(now_ms)
        self.core.run_deadlines()

    def next_deadline_ms(self) -> int:
        """When `tick` is due; 0 = nothing to wait for."""
        return self.core.next_deadline_ms()

    def complete(self, completions: list[Completion]) -> None:
        """Takes what the store has finished. `end_turn` must follow. Raises StoreBroken."""
        for completion in completions:
            if isinstance(completion, Durable):
                self._durable(completion.position)
            elif isinstance(completion, Loaded):
                load_waiter = self.core.load_waiters.pop(completion.ticket, None)
                if load_waiter is not None:
                    load_waiter.loaded(completion.ticket, completion.batches, completion.next_offset)
                    continue
                queue = self.catalog.logs.get(completion.log_id)
                if queue is not None:
                    queue.loaded(completion.ticket, completion.batches, completion.next_offset)
            elif isinstance(completion, Found):
                find_waiter = self.core.find_waiters.pop(completion.ticket, None)
                if find_waiter is not None:
                    find_waiter.found(completion.ticket, completion.offset)
                    continue
                queue = self.catalog.logs.get(completion.log_id)
                if isinstance(queue, KeptQueue):
                    queue.found(completion.ticket, completion.offset)
            elif isinstance(completion, Spilled):
                self.checkpoints.spilled(completion.ticket)
            elif isinstance(completion, Checkpointed):
                self.checkpoints.checkpointed()
            elif isinstance(completion, Stalled):
                self.stalled = completion.detail
            elif isinstance(completion, Resumed):
                self.stalled = ""
            elif isinstance(completion, Failed):
                raise StoreBroken(completion.detail)

    def _durable(self, position: i64) -> None:
        core = self.core
        core.durable_position = position
        agendas = core.awaiting_durable
        core.awaiting_durable = {}
        for agenda in agendas:
            if agenda.durable_up_to(position):
                core.awaiting_durable[agenda] = True

    # House.

    def memory_bytes(self) -> int:
        """Estimate of what records in memory take."""
        return int(self.core.tail_bytes)

    def shutdown(self) -> None:
        """Asks for a last checkpoint, so that the next start replays nothing. Turns must go on until `stopped_clean`."""
        self._stopping = True

    def stopped_clean(self) -> bool:
        """True when everything is durable and the last checkpoint is done."""
        core = self.core
        return (
            self._stopping
            and core.durable_position == core.last_position
            and (self.checkpoints.last_done or not core.persistent)
        )


def queue_agendas(broker: Broker) -> list[Agenda]:
    """Every queue's agenda, for checks from outside (tests, the simulation)."""
    return [queue.agenda for queue in broker.catalog.logs.values()]
