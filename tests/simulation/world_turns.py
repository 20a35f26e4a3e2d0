"""A simulated broker's turns: clients that do things, the store's lanes, the clock, and what the shadow is told of it all.

The lives that such a world lives, and what is checked at their ends, are in broker_world.py.
"""

from __future__ import annotations

import hashlib
import random as random_module
from typing import Final

from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.users import User, Users
from onemq.engine.access import Access
from onemq.engine.broker import Broker
from onemq.engine.consumption import Delivery
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.ports import Completion, Durable, Resumed, Stalled, Store
from onemq.engine.settings import EngineSettings
from onemq.heads.amqp091.channel import Channel
from onemq.heads.amqp091.head import AmqpHead
from onemq.heads.amqp091.native_reader import AmqpNativeReader
from onemq.heads.amqp091.settings import PREDECLARED_EXCHANGES, AmqpSettings
from onemq.model.entities import KIND_DIRECT, KIND_FANOUT, REJECT_PUBLISH, ExchangeSettings, QueueSettings
from onemq.model.passwords import hash_password
from onemq.model.principal import Principal
from onemq.model.record import NATIVE_AMQP091, NO_ADDRESS, Record
from onemq.model.rights import all_rights
from onemq.net.outbox import Durability
from onemq.storage.file_store import FileStore
from onemq.storage.settings import StoreSettings
from simulation.amqp_client import AmqpClient
from simulation.books import check_books
from simulation.checkers import DEAD_LETTERS, Shadow, Token, check
from simulation.clients import FAN, LATE, STREAM, Client, DirectClient, Got, origin_of
from simulation.seen_leases import LeaseTracer, SeenLease
from simulation.seen_outbox import SeenOutbox
from simulation.simulated_files import SimulatedFiles
from simulation.stepped import Stepped

START_MS: Final = 1_700_000_000_000
TRACE_LINES: Final = 60
DRAIN_TURNS_MAX: Final = 3000
PASSWORD: Final = hash_password("guest", b"salt")


class Plan:
    """How a world is put together; a planted bug overrides a part."""

    lives: int = 3
    turns: int = 70

    def files(self, random: random_module.Random) -> SimulatedFiles:
        return SimulatedFiles(random)

    def store(self, store: Store) -> Store:
        return store


def queue_settings(random: random_module.Random) -> QueueSettings:
    """Any queue that is not a stream."""
    settings = QueueSettings(durable=random.random() < 0.85)
    settings.persists_all = settings.durable and random.random() < 0.2
    if random.random() < 0.5:
        settings.dead_letter_exchange = ""
        settings.dead_letter_routing_key = DEAD_LETTERS
    kind = random.randrange(14)
    if kind == 0:
        settings.message_ttl_ms = random.choice([0, 30, 2000])
    elif kind == 1:
        settings.length_max = random.randrange(2, 12)
        settings.overflow = random.choice([settings.overflow, REJECT_PUBLISH])
    elif kind == 2:
        settings.priority_max = 3
    elif kind == 3:
        settings.delivery_limit = random.randrange(3)
    elif kind == 4:
        settings.expires_ms = random.choice([500, 3000])
    elif kind == 5:
        settings.retry_delay_min_ms = 20
        settings.retry_delay_max_ms = 100
        settings.retry_delay_returned = random.random() < 0.5
    elif kind == 6:
        settings.single_active = True
    elif kind == 7:
        settings.auto_delete = True
    elif kind == 8:
        settings.bytes_max = 4000
        settings.overflow = REJECT_PUBLISH
    return settings


class WorldTurns:
    """See the module. Offers `head`, `durability` and `turn` to playbook peers, as their stage does."""

    commits_in_turns = True
    """Some turns are settled with the store, which may commit there and then; False: only its lanes do, as in seeds that were
    found before."""

    def __init__(self, seed: int, plan: Plan | None = None) -> None:
        self.seed = seed
        self.plan = plan or Plan()
        self.random = random_module.Random(seed)
        self.files = self.plan.files(self.random)
        self.shadow = Shadow()
        self.now_ms = START_MS
        self.trace: list[str] = []
        self.digest = hashlib.sha256()
        self.numbers = 0
        self.names = 0
        self.arrived: list[Got] = []
        self.order: list[SeenLease | SeenOutbox] = []
        self.clients: list[Client] = []
        self.stalled = False
        self.counts: dict[str, int] = {}
        self.confirmed = 0
        self.address = NO_ADDRESS
        self.head: AmqpHead
        self.broker: Broker
        self.store: Store
        self._entropy_count = 0
        # Dice of its own, so that the seeds found before stay the same.
        self._settling = random_module.Random(f"turns settled, {seed}")
        self._settled_share = self._settling.choice([0.0, 0.5, 1.0]) if self.commits_in_turns else 0.0
        self._choose()

    def _choose(self) -> None:
        random = self.random
        self.amqp = random.random() < 0.4
        self.store_settings = StoreSettings(
            "/data",
            segment_bytes=random.choice([600, 3000, 100_000]),
            carry_percent=random.choice([25, 80]),
            index_bytes=random.choice([1, 300]),
            open_files_max=random.choice([1, 4, 50]),
            preallocate_bytes=random.choice([0, 4000]),
            read_ahead_bytes=self._settling.choice([0, 4000, 1 << 22]) if self.commits_in_turns else 0,
        )
        self.engine_settings = EngineSettings(
            tail_bytes_max=random.choice([1500, 15_000, 1 << 20]),
            journal_bytes_max=random.choice([2000, 20_000, 1 << 20]),
            dispatch_per_turn=random.choice([1, 5, 10_000]),
            consumer_timeout_ms=random.choice([0, 20_000]) if not self.amqp else 0,
            load_bytes=random.choice([1, 600, 20_000]),
            spill_bytes=random.choice([200, 5000]),
            predeclared=list(PREDECLARED_EXCHANGES),
        )

    # What clients ask of their world.

    def note(self, text: str) -> None:
        """One line of the trace."""
        self.digest.update(text.encode())
        self.trace.append(f"{self.now_ms - START_MS}: {text}")
        if len(self.trace) > 20 * TRACE_LINES:
            del self.trace[: 10 * TRACE_LINES]

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def entropy(self, size: int) -> bytes:
        self._entropy_count += 1
        return hashlib.sha256(f"{self.seed}/{self._entropy_count}".encode()).digest()[:size]

    def new_body(self) -> tuple[int, bytes]:
        self.numbers += 1
        size = self.random.choice([0, 1, 20, 20, 200, 1500, 6000 if self.random.random() < 0.1 else 50])
        filler = hashlib.sha256(str(self.numbers).encode()).digest()
        return self.numbers, f"{self.numbers}:".encode() + (filler * (size // 32 + 1))[:size]

    def some_queue(self, refusing: bool = True) -> str:
        names = [
            name
            for name, queue in self.shadow.queues.items()
            if name != LATE and (refusing or queue.settings.overflow != REJECT_PUBLISH)
        ]
        return self.random.choice(names)

    def queue_to_read(self) -> str:
        return self.some_queue()

    def streamed(self, client: DirectClient, record: Record) -> None:
        """A client that reads the stream from its beginning gets everything, in order."""
        sink = client.sink
        sink.stream_at += 1
        live = self.shadow.queues[STREAM].live
        number = int((record.value or b"").split(b":", 1)[0])
        wanted = next((token.number for at, token in enumerate(live.values()) if at == sink.stream_at), None)
        check(number == wanted, f"{client.name} reads {number} from the stream, not {wanted}")
        check(live[number].position <= self.shadow.durable, f"{live[number]} is visible too early")

    def turn(self) -> None:
        raise AssertionError("peers here feed; the world turns")

    durability: Durability

    # One life.

    def open(self) -> None:
        """Recovers, and compares with the shadow."""
        self.workers = Stepped()
        self.store = self.plan.store(FileStore(self.store_settings, self.files, self.workers, lambda: None))
        self.broker = Broker(self.store, self.engine_settings, self.entropy)
        self.broker.catalog.natives.register(NATIVE_AMQP091, AmqpNativeReader())
        self.broker.begin_turn(self.now_ms)
        self.broker.recover()
        self.durability = Durability()
        self.durability.position = self.broker.durable_position
        permissions = {("guest", "/"): Permission(".*", ".*", ".*")}
        users = {"guest": User("guest", ["administrator"], PASSWORD, loopback_only=True)}
        gate = Gate(Users(users), Permissions(["/"], permissions), self.broker)
        self.head = AmqpHead(gate, AmqpSettings(frame_bytes_max=4096), self.entropy)
        self.clients = []
        self.arrived = []
        self.order.clear()
        if self.amqp:
            # Frames of several connections say nothing about which was written first, and some wait for the disk.
            self.broker.core.tracer = LeaseTracer(self.order)
        self.stalled = False

    def access(self) -> Access:
        return self.broker.access(Principal("simulation", []), "/", all_rights())

    def adopt(self) -> None:
        """The shadow follows to where the store has come."""
        position = self.broker.durable_position
        self.shadow.now_ms = self.now_ms
        self.shadow.restart(position)
        self.note(f"recovered up to {position}")
        there = list(self.broker.catalog.namespaces["/"].queues)
        check(
            sorted(there) == sorted(self.shadow.queues),
            f"after recovery: queues {sorted(there)}, expected {sorted(self.shadow.queues)}",
        )
        self.admin = self.access()

    def furnish(self) -> None:
        """What every life starts with, declared again."""
        admin = self.admin
        admin.exchanges.declare(FAN, ExchangeSettings(KIND_FANOUT))
        late = ExchangeSettings(KIND_DIRECT)
        late.delayed = True
        admin.exchanges.declare(LATE, late)
        stream = QueueSettings()
        stream.kept = stream.persists_all = True
        stream.type_name = "stream"
        for name, settings in ((DEAD_LETTERS, QueueSettings()), (LATE, QueueSettings()), (STREAM, stream)):
            if name not in self.shadow.queues:
                admin.queues.declare(name, settings)
                self.shadow.declare(name, settings, admin.position(), False, False)
            else:
                admin.queues.check(name)
        admin.exchanges.bind_queue(LATE, LATE, "", {})

    def declare(self) -> None:
        if len(self.shadow.queues) > 8:
            return
        self.names += 1
        name = f"q{self.names % 12}"
        if name in self.shadow.queues:
            return
        settings = queue_settings(self.random)
        self.admin.queues.declare(name, settings)
        fanned = settings.overflow != REJECT_PUBLISH and self.random.random() < 0.5
        if fanned:
            self.admin.exchanges.bind_queue(name, FAN, "", {})
        position = self.admin.position()
        self.shadow.declare(name, settings, position, True, fanned)
        self.note(f"declares {name} at {position} fanned={fanned}")

    def _some_plain_queue(self) -> str:
        names = [name for name in self.shadow.queues if name not in (STREAM, LATE, DEAD_LETTERS)]
        return self.random.choice(names) if names else ""

    def delete(self) -> None:
        name = self._some_plain_queue()
        if name and self.random.random() < 0.5:
            self.admin.queues.delete(name)
            # A get that waited may have been answered before the queue went.
            self.settle_arrived()
            self.queue_gone(name, self.admin.position())
            self.note(f"deletes {name}")

    def queue_gone(self, name: str, position: int) -> None:
        self.shadow.delete(name, position)
        for client in self.clients:
            client.forget_queue(name)

    def purge(self) -> None:
        name = self._some_plain_queue()
        if name:
            count = self.admin.queues.purge(name)
            self.shadow.purge(name, count, self.admin.position())
            self.note(f"purges {count} of {name}")

    def come(self) -> None:
        if len(self.clients) >= 5:
            return
        self.names += 1
        if self.amqp and self.random.random() < 0.7:
            self.clients.append(AmqpClient(self, f"amqp{self.names}"))
        else:
            self.clients.append(DirectClient(self, f"direct{self.names}", self.access()))
        self.note(f"{self.clients[-1].name} comes")

    def leave(self) -> None:
        if self.clients:
            client = self.clients.pop(self.random.randrange(len(self.clients)))
            client.leave()

    # Turns.

    def begin_turn(self) -> None:
        self.now_ms += self.random.choice([0, 0, 1, 1, 3])
        if self.random.random() < 0.03:
            self.now_ms += self.random.choice([30, 600, 6000, 30_000])
            self.count("time jumps")
        self.enter()

    def enter(self) -> None:
        """Begins a turn now; keeps the deadlines, as the net's timer does."""
        self.shadow.now_ms = self.now_ms
        due = self.broker.next_deadline_ms()
        if due and due <= self.now_ms:
            self.broker.tick(self.now_ms)
        else:
            self.broker.begin_turn(self.now_ms)
        self.find_vanished()

    def end_turn(self) -> bool:
        """As the net does it. True when something went on."""
        busy = self.collect()
        more = self.broker.end_turn()
        busy = busy or more
        if self._settling.random() < self._settled_share:
            # What was dispatched was dispatched before this commit.
            busy = self.settle_arrived() or busy
            self._settle_turn()
        busy = self.collect() or busy
        for client in self.clients:
            if isinstance(client, AmqpClient):
                client.peer.conversation.end_turn()
        for client in self.clients:
            if isinstance(client, AmqpClient):
                client.listen()
        busy = self.settle_arrived() or busy
        self.find_vanished()
        check_books(self.broker)
        self.shadow.check_counts(self.broker)
        return busy

    def _settle_turn(self) -> None:
        awaited = self.durability.wanted > self.durability.position or self.broker.awaits_durable()
        if awaited and self.store.pending_bytes():
            self.count("commits in their turn")
        self.store.settle_turn(awaited)

    def collect(self) -> bool:
        completions = self.store.completions()
        if completions:
            self.take(completions)
            self.broker.complete(completions)
            if self.broker.durable_position != self.durability.position:
                self.durability.advance(self.broker.durable_position)
        return bool(completions)

    def take(self, completions: list[Completion]) -> None:
        for completion in completions:
            self.count(type(completion).__name__)
            if isinstance(completion, Durable):
                self.shadow.durable = completion.position
            elif isinstance(completion, Stalled):
                check(not self.stalled, "stalled twice")
                self.stalled = True
            elif isinstance(completion, Resumed):
                check(self.stalled, "resumed, but was not stalled")
                self.stalled = False

    def settle_arrived(self) -> bool:
        """Tells the shadow, in order, what clients were given."""
        self.look()
        arrived, self.arrived = self.arrived, []
        position = int(self.broker.core.position())
        for got in arrived:
            token = self.shadow.find(got.body, got.queue, got.origin)
            self.note(f"{got.client.name} gets {token.number} from {got.queue} no_ack={got.settled}")
            if got.queue != STREAM and not self.amqp:
                self.shadow.deliver(token, got.queue, got.client.name, position)
            elif got.queue != STREAM and self._is_there(got.queue, token):
                check(token.leased_by == got.client.name, f"{token} comes to {got.client.name}")
            if got.settled:
                if got.queue != STREAM:
                    self.shadow.settle(token, position)
            elif self._is_there(got.queue, token):
                got.client.got(token, got)
        return bool(arrived)

    def _is_there(self, name: str, token: Token) -> bool:
        """Whether the queue has not been deleted in this very turn, with what was given out in it: frames may come later."""
        queue = self.shadow.queues.get(name)
        if queue is None or name not in self.broker.catalog.namespaces["/"].queues:
            return False
        return token.queue is queue or name == DEAD_LETTERS

    def look(self) -> None:
        """Tells the shadow what the engine has decided since, in the order in which it did."""
        while self.order:
            decided = self.order.pop(0)
            if isinstance(decided, SeenLease):
                self._leased(decided)
            else:
                self._answered(decided)

    def _leased(self, seen: SeenLease) -> None:
        queue = self.ledger_queue(seen.log_id)
        if queue is None:
            return  # deleted in this very turn
        record = seen.record
        token = self.shadow.find(record.value or b"", queue.name, origin_of(record))
        whose = self._whose(queue.ledger.leased[int(record.offset)])
        self.shadow.deliver(token, queue.name, whose, int(self.broker.core.position()))

    def _answered(self, outbox: SeenOutbox) -> None:
        raise AssertionError("no head here shows what it parks")

    def ledger_queue(self, log_id: int) -> LedgerQueue | None:
        """The queue that settles the records of that log one by one."""
        queue = self.broker.catalog.logs.get(log_id)
        return queue if isinstance(queue, LedgerQueue) else None

    def _whose(self, delivery: Delivery) -> str:
        sink = delivery.sink
        for client in self.clients:
            if isinstance(client, AmqpClient):
                if isinstance(sink, Channel) and sink.session.link is client.peer.link:
                    return client.name
            elif isinstance(client, DirectClient) and client.sink is sink:
                return client.name
        raise AssertionError("a lease of nobody")

    def find_vanished(self) -> None:
        there = self.broker.catalog.namespaces["/"].queues
        for name in list(self.shadow.queues):
            if name not in there:
                self.shadow.queue_vanished(name, int(self.broker.core.position()))
                for client in self.clients:
                    client.forget_queue(name)
                self.note(f"{name} has gone by itself")
        check(len(there) == len(self.shadow.queues), f"queues came back: {sorted(there)}")

    def step(self) -> None:
        """One turn with a few things done in it, and some work of the store."""
        random = self.random
        self.begin_turn()
        for _ in range(random.choice([0, 1, 1, 2, 3])):
            dice = random.random()
            if dice < 0.06:
                self.come()
            elif dice < 0.08:
                self.leave()
            elif dice < 0.12:
                self.declare()
            elif dice < 0.13:
                self.delete()
            elif dice < 0.14:
                self.purge()
            elif self.clients:
                random.choice(self.clients).act()
            self.settle_arrived()
            self.find_vanished()
        if random.random() < 0.8:
            self.end_turn()
        else:
            self.broker.end_turn()
            self.settle_arrived()
            self.find_vanished()
        for _ in range(random.randrange(5)):
            self.workers.step(random)
        self.trouble()

    def trouble(self) -> None:
        dice = self.random.random()
        if dice < 0.01:
            self.files.space_bytes = self.files._used_bytes() + self.random.randrange(2000)
            self.count("full disks")
        elif dice < 0.1:
            self.files.space_bytes = -1
        elif dice < 0.102:
            self.files.fail_sync_at = self.random.randrange(1, 10)
