"""A simulated broker with all heads: AMQP, Kafka, SQS and SNS clients, straight ones beside them, on shared names, over one store.

It lives as BrokerWorld does, with FIFO queues, topics with queues over them, leases with a time and producers that outlive crashes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.users import User, Users
from onemq.engine.ledger_queue import LedgerQueue
from onemq.heads.aws.head import AwsHead
from onemq.heads.aws.settings import AwsSettings
from onemq.heads.aws.sqs.native_reader import SqsNativeReader
from onemq.heads.contract import Called, Caller, Worker
from onemq.heads.kafka.head import KafkaHead
from onemq.heads.kafka.settings import KafkaSettings
from onemq.model.entities import REJECT_PUBLISH, QueueSettings
from onemq.model.record import NATIVE_SQS
from simulation.aws_client import AwsClient
from simulation.books import check_ledger
from simulation.broker_world import BrokerWorld
from simulation.checkers import DEAD_LETTERS, check
from simulation.clients import LATE, STREAM
from simulation.kafka_client import KafkaConnection, KafkaProducer, KafkaReader, ProducerState
from simulation.kafka_member import GroupShadow, KafkaMember
from simulation.kafka_sharer import KafkaSharer
from simulation.mixed_shadow import MixedShadow
from simulation.modern_member import ModernMember
from simulation.modern_shadow import ROWS
from simulation.notice_shadow import NOTICE_TOPICS
from simulation.seen_outbox import SeenOutbox
from simulation.share_shadow import DEAD_TOPIC, GROUP, ShareTerms
from simulation.sns_client import PlainSigner, SnsClient
from simulation.sqs_client import Leased, SqsClient
from simulation.topic_shadow import ABORTED, Cleaning
from simulation.world_turns import DRAIN_TURNS_MAX, PASSWORD, Plan

TOPICS: Final = {"t1": 1, "t2": 2}
FIFO: Final = "f1.fifo"
FIFO_COPIES: Final = "f2.fifo"
"""There where notices are: a second queue of a FIFO topic."""
AGED: Final = "aged"
AGE_MS: Final = 10_000
LATEST: Final = "latest"
LATEST_AGED: Final = "latest-aged"


class NoCaller(Caller):
    """Nobody is called here."""

    def post(
        self, url: str, headers: list[tuple[str, str]], body: bytes, time_ms: int, called: Called
    ) -> None:
        raise AssertionError("a call out")


class NoWorker(Worker):
    """Nobody logs in with a password that has yet to be derived."""

    def compute(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        raise AssertionError("work beside the turns")


class MixedWorld(BrokerWorld):
    """See the module."""

    with_members = True
    with_shares = True
    with_cleaning = True
    with_notices = True
    with_tombstones = True
    with_modern_members = True

    def __init__(self, seed: int, plan: Plan | None = None) -> None:
        super().__init__(seed, plan)
        self.shadow: MixedShadow = MixedShadow(self.share_terms)
        self.handles: list[Leased] = []
        self.producers = [ProducerState(""), ProducerState(""), ProducerState("tx1"), ProducerState("tx2")]

    def _choose(self) -> None:
        super()._choose()
        self.amqp = True
        self.window_ms = self.random.choice([3000, 300_000])
        self.engine_settings.consumer_timeout_ms = 0
        self.engine_settings.deduplication_window_ms = self.window_ms
        # Topics that lose records by the broker's own doing, with one partition each.
        self.cleaned = (
            {AGED: Cleaning(AGE_MS), LATEST: Cleaning(compacted=True)} if self.with_cleaning else {}
        )
        if self.with_tombstones:
            terms = self.random.choice([1000, 15_000]), self.random.choice([0, 0, 20_000, 200_000])
            self.cleaned[LATEST] = Cleaning(0, True, *terms)
            self.cleaned[LATEST_AGED] = Cleaning(AGE_MS, True, *terms)
        self.assigning = self.with_modern_members and self.random.random() < 0.5
        # Not in every world: who does everything does little of each.
        self.noticing = self.with_notices and self.random.random() < 0.5
        self.share_members: list[tuple[str, int]] = []
        self.share_terms = ShareTerms(5, 30_000, 0, False)
        if self.with_shares:
            random = self.random
            self.share_terms = ShareTerms(
                random.choice([2, 2, 3, 5]),
                random.choice([15_000, 30_000]),
                random.choice([0, 0, 40]),
                random.random() < 0.5,
            )

    # What clients ask of their world.

    def new_body(self) -> tuple[int, bytes]:
        """Text, as SQS wants it."""
        number, body = super().new_body()
        head, _, rest = body.partition(b":")
        return number, head + b":" + rest.hex().encode()

    def some_queue(self, refusing: bool = True) -> str:
        """For AMQP and straight clients: any but FIFO queues; topics' queues keep what is persistent only."""
        names = [
            name
            for name, queue in self.shadow.queues.items()
            if name != LATE
            and name not in self.shadow.strict
            and name not in TOPICS
            and (refusing or queue.settings.overflow != REJECT_PUBLISH)
        ]
        return self.random.choice(names)

    def queue_to_read(self) -> str:
        names = [name for name in self.shadow.queues if name != LATE]
        return self.random.choice(names)

    def some_sqs_queue(self, reading: bool = False) -> str:
        names = [
            name
            for name, queue in self.shadow.queues.items()
            if name not in (LATE, STREAM) and queue.settings.overflow != REJECT_PUBLISH and queue.durable
        ]
        if not reading:
            names = [name for name in names if name != DEAD_LETTERS]
        names += [name for name in [*self.fifo_queues(), *TOPICS] if name in self.shadow.queues]
        return self.random.choice(names)

    def fifo_queues(self) -> list[str]:
        return [FIFO, FIFO_COPIES] if self.noticing else [FIFO]

    def some_queue_to_subscribe(self, fifo: bool) -> str:
        """Of the queues over topics only one: what a record's number is in is one topic."""
        kept = (LATE, STREAM, "t2", *self.fifo_queues())
        names = [name for name, queue in self.shadow.queues.items() if name not in kept]
        if fifo and self.random.random() < 0.6:
            names = self.fifo_queues()
        return self.random.choice(names)

    def some_partition(self) -> tuple[str, int]:
        topic = self.random.choice(list(TOPICS))
        return topic, self.random.randrange(TOPICS[topic])

    def any_partition(self) -> tuple[str, int]:
        """Also of topics that only Kafka's clients know."""
        if self.with_cleaning and self.random.random() < 0.4:
            return self.random.choice(list(self.cleaned)), 0
        return self.some_partition()

    # One life.

    def open(self) -> None:
        super().open()
        self.broker.catalog.natives.register(NATIVE_SQS, SqsNativeReader())
        self.group = GroupShadow()
        users = {"guest": User("guest", ["administrator"], PASSWORD, loopback_only=True)}
        permissions = Permissions(["/"], {("guest", "/"): Permission(".*", ".*", ".*")})
        gate = Gate(Users(users), permissions, self.broker, "guest")
        self.aws_head = AwsHead(gate, AwsSettings(), self.entropy, NoCaller())
        sns = self.aws_head.sns
        sns.signer = sns.renderer.signer = PlainSigner(self.aws_head.pages)
        self.broker.notices.serve(self.aws_head.sns.renderer, self.aws_head.sns.courier)
        self.kafka_head = KafkaHead(gate, KafkaSettings(auto_create_topics=False), NoWorker())

    def adopt(self) -> None:
        for state in self.producers:
            state.taken = False
        super().adopt()
        self.shadow.notices.check_recovered(self.broker)
        topics = self.broker.catalog.namespaces["/"].topics
        for (name, index), known in self.shadow.topics.partitions.items():
            if name not in topics:
                check(not known.entries, f"topic {name} has gone")
                continue
            end = int(topics[name].partitions[index].log.next_offset)
            check(end == len(known.entries), f"{name}/{index} ends at {end}, not at {len(known.entries)}")
            start = int(topics[name].partitions[index].log.start_offset)
            deleted_to = known.deleted_before(self.shadow.durable)
            check(start >= deleted_to, f"{name}/{index} begins at {start}, deleted to {deleted_to}")

    def furnish(self) -> None:
        super().furnish()
        admin = self.admin
        for name in self.fifo_queues():
            if name in self.shadow.queues:
                continue
            client = SqsClient(self, "furnisher")
            self.clients.append(client)
            client._says(
                "CreateQueue",
                lambda status, answer: None,
                QueueName=name,
                Attributes={"FifoQueue": "true"},
            )
            settings = self.broker.catalog.namespaces["/"].queues[name].settings
            self.shadow.declare_strict(name, settings, int(admin.position()))
            self.clients.remove(client)
            client.leave()
        for name, partitions in TOPICS.items():
            self._furnish_topic(name, partitions)
        if self.with_shares:
            self._furnish_shares()
        for name, cleaning in self.cleaned.items():
            if name not in self.broker.catalog.namespaces["/"].topics:
                self.admin.topics.create(name, 1, cleaning.configs())
                if (name, 0) not in self.shadow.topics.partitions:
                    self.shadow.topics.add(name, 1, cleaning)

        for name in NOTICE_TOPICS if self.noticing else ():
            if ("/", name) not in self.broker.notices.topics:
                announcer = SnsClient(self, "announcer")
                self.clients.append(announcer)
                announcer.create(name)
                self.clients.remove(announcer)
                announcer.leave()

    def _furnish_shares(self) -> None:
        admin = self.admin
        if DEAD_TOPIC not in self.broker.catalog.namespaces["/"].topics:
            admin.topics.create(DEAD_TOPIC, 1, {})
            if (DEAD_TOPIC, 0) not in self.shadow.topics.partitions:
                self.shadow.topics.add(DEAD_TOPIC, 1)
        admin.admin.configure_group(GROUP, self.share_terms.configs())

    def _furnish_topic(self, name: str, partitions: int) -> None:
        space = self.broker.catalog.namespaces["/"]
        queue_first = self.random.random() < 0.5
        for what in ("queue", "topic") if queue_first else ("topic", "queue"):
            if what == "queue" and name not in space.queues:
                settings = QueueSettings()
                self.admin.queues.declare(name, settings)
                self.shadow.declare(name, settings, int(self.admin.position()), False, False)
            if what == "topic" and name not in space.topics:
                self.admin.topics.create(name, partitions, {})
                if (name, 0) not in self.shadow.topics.partitions:
                    self.shadow.topics.add(name, partitions)

    def come(self) -> None:
        if len(self.clients) >= (8 if self.with_shares else 7) + self.noticing + self.assigning:
            return
        if self.assigning and self.random.random() < 0.2:
            self._come_to_be_assigned()
            return
        if self.noticing and self.random.random() < 0.2:
            self.names += 1
            self.clients.append(SnsClient(self, f"sns{self.names}"))
            self.note(f"{self.clients[-1].name} comes")
            return
        if self.with_shares and self.random.random() < 0.15:
            self._come_to_share()
            return
        dice = self.random.random()
        if dice < 0.35:
            super().come()
            return
        self.names += 1
        if dice < 0.6:
            client = SqsClient(self, f"sqs{self.names}")
            self.clients.append(client)
            if self.random.random() < 0.5:
                # It goes on where one was before the broker's restart.
                client.leased, self.handles = self.handles, []
        elif dice < (0.8 if self.with_members else 0.85):
            free = [state for state in self.producers if not state.taken]
            if not free:
                return
            if self.with_shares:
                # Who has not heard whether its last batch was appended comes back first.
                free = [state for state in free if state.sent is not None] or free
            state = self.random.choice(free)
            self.clients.append(KafkaProducer(self, f"producer{self.names}", state))
        elif dice < 0.9 and self.with_members:
            self.clients.append(KafkaMember(self, f"member{self.names}"))
        else:
            self.clients.append(KafkaReader(self, f"reader{self.names}"))
        self.note(f"{self.clients[-1].name} comes")

    def _come_to_be_assigned(self) -> None:
        self.names += 1
        members = self.shadow.modern.members.values()
        states = [state for state in members if not state.taken and state.epoch > 0]
        if states and self.random.random() < 0.6:
            # It was a member before its connection was lost, or the broker went.
            state = self.random.choice(states)
        else:
            state = self.shadow.modern.member(f"modern{self.names}")
        self.clients.append(ModernMember(self, f"modern{self.names}", state))
        self.note(f"modern{self.names} comes as {state.member_id}")

    def _come_to_share(self) -> None:
        self.names += 1
        member_id, epoch = "", 0
        if self.share_members and self.random.random() < 0.6:
            # It was a member before its connection was lost, or the broker went.
            member_id, epoch = self.share_members.pop(0)
        sharer = KafkaSharer(self, f"sharer{self.names}", member_id, epoch)
        self.clients.append(sharer)
        self.note(f"{sharer.name} comes as {sharer.member_id}")

    def _some_plain_queue(self) -> str:
        kept = (STREAM, LATE, DEAD_LETTERS, *self.fifo_queues(), *TOPICS)
        names = [name for name in self.shadow.queues if name not in kept]
        return self.random.choice(names) if names else ""

    # Turns.

    def enter(self) -> None:
        super().enter()
        self.shadow.lapse()
        self.shadow.shares.lapse(self.now_ms, int(self.broker.core.position()))

    def step(self) -> None:
        for client in self.headed():
            client.resume()
        super().step()

    def end_turn(self) -> bool:
        for client in self.headed():
            client.resume()
        busy = super().end_turn()
        for client in self.headed():
            client.end_turn()
        for client in self.headed():
            client.listen()
            busy = busy or client.link.resuming
        topics = self.broker.catalog.namespaces["/"].topics
        for (name, index), known in self.shadow.topics.partitions.items():
            if name in topics:
                start = int(topics[name].partitions[index].log.start_offset)
                self.shadow.topics.check_gone(name, index, start, self.now_ms)
            part = topics[name].partitions[index].part if name in topics else None
            if part is not None:
                check_ledger(
                    part, sum(1 for entry in known.entries if entry.number < 0 or entry.state == ABORTED)
                )
        self._check_graves()
        return busy

    def _check_graves(self) -> None:
        """Nothing is in the dead-letter topic that the share group may still be given."""
        topics = self.shadow.topics
        dead = topics.partitions.get((DEAD_TOPIC, 0))
        for entry in dead.entries if dead is not None else []:
            name = next(name for name in TOPICS if (name, entry.number) in topics.numbers)
            index, offset = topics.numbers[(name, entry.number)]
            self.shadow.shares.check_buried((name, index), offset)

    def headed(self) -> list[AwsClient | KafkaConnection]:
        return [client for client in self.clients if isinstance(client, AwsClient | KafkaConnection)]

    def grow(self) -> None:
        """Before anything else is noted: what has been appended is in the commit that is being made, or was made last."""
        self.shadow.topics.grow(self.broker, self.shadow, int(self.broker.core.position()))

    def collect(self) -> bool:
        self.grow()
        self.look()
        busy = super().collect()
        for client in self.headed():
            client.release(int(self.broker.durable_position))
        self.look()
        return busy

    def _answered(self, outbox: SeenOutbox) -> None:
        for client in self.headed():
            if client.outbox is outbox:
                client.look()

    def settle_arrived(self) -> bool:
        self.grow()
        return super().settle_arrived()

    def crash(self, why: str) -> None:
        self.grow()
        for client in self.clients:
            if isinstance(client, SqsClient):
                self.handles += client.leased
            elif isinstance(client, KafkaSharer) and client.epoch:
                self.share_members.append((client.member_id, client.epoch))
        super().crash(why)

    def ledger_queue(self, log_id: int) -> LedgerQueue | None:
        for topic in self.broker.catalog.namespaces["/"].topics.values():
            for partition in topic.partitions:
                if int(partition.log.log_id) == log_id:
                    return partition.part
        return super().ledger_queue(log_id)

    def queue_gone(self, name: str, position: int) -> None:
        super().queue_gone(name, position)
        self.handles = [leased for leased in self.handles if leased.queue != name]

    # The end.

    def drain(self) -> None:
        super().drain()
        if self.with_shares:
            self._drain_shares()
        if self.assigning:
            self._drain_assigned()
        for topic, index in self.shadow.topics.partitions:
            reader = KafkaReader(self, "last reader")
            reader.topic, reader.index, reader.place, reader.committed_only = topic, index, 0, False
            self.clients.append(reader)
            end = len(self.shadow.topics.partitions[(topic, index)].entries)
            for _ in range(DRAIN_TURNS_MAX):
                if reader.place >= end:
                    break
                self.enter()
                if reader.open is None:
                    reader.fetch()
                self.end_turn()
                self.workers.run(self.random)
            check(reader.place >= end, f"{topic}/{index} was read to {reader.place} of {end}")
            self.clients.remove(reader)
            reader.leave()

    def _drain_shares(self) -> None:
        """One member takes what is left. What was given out and not accepted waits for its lock, or for its turn."""
        self._furnish_shares()
        shares = self.shadow.shares
        sharer = KafkaSharer(self, "last sharer")
        self.clients.append(sharer)
        for turn in range(DRAIN_TURNS_MAX):
            if not shares.left() and sharer.open is None:
                break
            if turn % 20 == 19:
                self.now_ms += 50
            self.enter()
            if sharer.open is None:
                sharer.take_over()
            self.end_turn()
            self.workers.run(self.random)
        check(not shares.left(), f"{shares.left()} were not given to the share group")
        self.clients.remove(sharer)
        sharer.leave()
        self.settle_down(None)
        shares.check_graves()

    def _drain_assigned(self) -> None:
        """Two members are left, when the time of all others is over: they have everything, each row once."""
        if any(topic not in self.broker.catalog.namespaces["/"].topics for topic in TOPICS):
            return  # so early was the crash that this copy was made after
        modern = self.shadow.modern
        last = [ModernMember(self, f"last{at}", modern.member(f"last{at}")) for at in range(2)]
        self.clients += last
        for turn in range(DRAIN_TURNS_MAX):
            owned = [row for member in last for row in member.state.rows]
            if sorted(owned) == sorted(ROWS) and all(member.state.rows for member in last):
                break
            if turn % 20 == 19:
                self.now_ms += 6000
            self.enter()
            for member in last:
                if member.open is None:
                    member.beat(member.state.epoch)
            self.end_turn()
            self.workers.run(self.random)
        else:
            rows = {member.name: sorted(member.state.rows) for member in last}
            check(False, f"partitions without an owner at the end: {rows}")
        for member in last:
            self.clients.remove(member)
            member.leave()

    def clear_away(self) -> None:
        for name in [*([DEAD_TOPIC] if self.with_shares else []), *self.cleaned]:
            self.admin.topics.delete(self.broker.catalog.namespaces["/"].topics[name])
        for name in NOTICE_TOPICS if self.noticing else ():
            self.admin.notices.remove_topic(name)
        for name in TOPICS:
            self.admin.topics.delete(self.broker.catalog.namespaces["/"].topics[name])
            self.queue_gone(name, int(self.admin.position()))


class MixedWorldOfDeletions(MixedWorld):
    """Whoever may choose a partition has the one whose readers delete what they have read: in others that is rare."""

    def any_partition(self) -> tuple[str, int]:
        return AGED, 0


class MixedWorldOfMembers(MixedWorld):
    """Mostly members of groups with server-side assignment."""

    def _choose(self) -> None:
        super()._choose()
        self.assigning = True

    def come(self) -> None:
        if len(self.clients) < 8:
            self._come_to_be_assigned()


class MixedWorldOfKeys(MixedWorld):
    """Whoever may choose a partition has one that is compacted."""

    def any_partition(self) -> tuple[str, int]:
        return LATEST, 0


class MixedWorldWithoutModernMembers(MixedWorld):
    """As it was before groups had server-side assignment."""

    with_modern_members = False


class MixedWorldWithoutTombstones(MixedWorldWithoutModernMembers):
    """As it was before anybody wrote tombstones."""

    with_tombstones = False


class MixedWorldWithoutNotices(MixedWorldWithoutTombstones):
    """As it was before there was SNS."""

    with_notices = False


class MixedWorldWithoutCleaning(MixedWorldWithoutNotices):
    """As it was before topics lost records by retention and compaction: its seeds find what they found."""

    with_cleaning = False


class MixedWorldWithoutShares(MixedWorldWithoutCleaning):
    """As it was before there were share groups."""

    with_shares = False


class MixedWorldWithoutMembers(MixedWorldWithoutShares):
    """As it was before groups had members."""

    with_members = False
    commits_in_turns = False
