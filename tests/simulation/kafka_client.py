"""Kafka clients of the simulated broker: producers that outlive its crashes, readers that commit their place. One request at a time.

Requests and answers are encoded and decoded by kafka-python. The shadow reads from the logs what was appended (topic_shadow.py); here it
is checked that each is what was sent, once, and that what is answered and read is durable and right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from kafka.protocol.admin import DeleteRecordsRequest
from kafka.protocol.consumer import OffsetCommitRequest, OffsetFetchRequest
from kafka.record.memory_records import MemoryRecords

from simulation.checkers import check
from simulation.clients import Client
from simulation.mixed_shadow import MixedShadow
from simulation.seen_outbox import SeenOutbox, SimulatedLink
from transaction_driver import batch
from unit.heads.kafka.requests import fetch, list_offsets, produce
from unit.heads.kafka.share_requests import read_answer, request_frame
from unit.heads.kafka.transaction_requests import add_offsets, add_partitions, commit_offset, end, init

if TYPE_CHECKING:
    from simulation.mixed_world import MixedWorld

PORT = 9092
DUPLICATE, OUT_OF_ORDER, OUT_OF_RANGE = 46, 45, 1
EARLIEST = -2
RETRIABLE = (14, 15, 16, 51)  # loading, not available, not coordinator, concurrent transactions
FENCED = (47, 90, 48, 49, 59)  # epoch, fenced, transaction state, id mapping, unknown producer

Told = Callable[[Any], None]
Reads = Callable[[bytes], Any]
"""An answer from its frame."""


class Sent:
    """A batch whose answer has not been told."""

    def __init__(
        self, topic: str, index: int, sequence: int, numbers: list[int], bodies: list[bytes | None]
    ) -> None:
        self.topic = topic
        self.index = index
        self.sequence = sequence
        self.numbers = numbers
        self.bodies = bodies


class ProducerState:
    """What a producer knows: it outlives its connection and the broker's crashes. `name`: "" = idempotent only."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.who: tuple[int, int] | None = None
        self.sequences: dict[tuple[str, int], int] = {}
        self.sent: Sent | None = None
        self.last: Sent | None = None
        self.added: set[tuple[str, int]] = set()
        self.offsets: dict[tuple[str, int], int] = {}
        self.taken = False

    def begin_anew(self, who: tuple[int, int]) -> None:
        self.who = who
        self.sequences = {}
        self.sent = self.last = None
        self.added = set()
        self.offsets = {}


class KafkaConnection(Client):
    """One connection: requests out, answers as the engine decides them and as they leave."""

    def __init__(self, world: MixedWorld, name: str) -> None:
        super().__init__(world, name)
        self.mixed = world
        self.outbox = SeenOutbox(int(world.durability.position), world.order)
        self.link = SimulatedLink(self.outbox, PORT)
        self.conversation = world.kafka_head.open(self.link)
        self.open: tuple[Reads, Told, Told | None] | None = None
        self._correlation = 0
        self._received = b""
        self._shown = b""

    @property
    def shadow(self) -> MixedShadow:
        return cast(MixedShadow, self.world.shadow)

    def says(self, request: Any, told: Told, seen: Told | None = None) -> None:
        """`seen` is called with the answer when it is decided, `told` when it arrives: it is durable."""
        self._correlation += 1
        correlation_id = self._correlation
        request.with_header(correlation_id=correlation_id, client_id=self.name)
        response = request.header.get_response_class()

        def reads(frame: bytes) -> Any:
            answer = response.decode(frame, header=True)
            assert answer.header.correlation_id == correlation_id
            return answer

        self._sends(bytes(request.encode(framed=True, header=True)), reads, told, seen)

    def says_shared(
        self,
        api: str,
        version: int,
        values: dict[str, Any],
        told: Told,
        seen: Told,
        handled: Callable[[], None] | None = None,
    ) -> None:
        """Of share groups. `handled`: called when the engine has the request, whenever it answers."""
        self._correlation += 1
        correlation_id = self._correlation

        def reads(frame: bytes) -> Any:
            found, answer = read_answer(api, version, frame)
            assert found == correlation_id
            return answer

        self._sends(
            request_frame(api, version, correlation_id, self.name, values), reads, told, seen, handled
        )

    def _sends(
        self,
        data: bytes,
        reads: Reads,
        told: Told,
        seen: Told | None,
        handled: Callable[[], None] | None = None,
    ) -> None:
        assert self.open is None
        self.open = (reads, told, seen)
        if self.world.random.random() < 0.2:
            cut = self.world.random.randrange(1, len(data))
            self.conversation.received(data[:cut])
            data = data[cut:]
        self.conversation.received(data)
        if handled is not None:
            handled()
        self.mixed.look()

    def look(self) -> None:
        self._shown += self.outbox.seen.pop(0)
        if len(self._shown) < 4 or len(self._shown) < 4 + int.from_bytes(self._shown[:4], "big"):
            return
        assert self.open is not None
        reads, told, seen = self.open
        frame, self._shown = self._shown[4:], b""
        if seen is not None:
            self.open = (reads, told, None)
            seen(reads(frame))

    def resume(self) -> None:
        if self.link.resuming:
            self.link.resuming = False
            self.conversation.resumed()
            self.mixed.look()

    def release(self, position: int) -> None:
        self.outbox.release(position)

    def end_turn(self) -> None:
        self.conversation.end_turn()

    def listen(self) -> None:
        self._received += self.outbox.take()
        if len(self._received) < 4 or len(self._received) < 4 + int.from_bytes(self._received[:4], "big"):
            return
        assert self.open is not None
        reads, told, _seen = self.open
        answer = reads(self._received[4:])
        self._received = b""
        self.open = None
        told(answer)

    def leave(self) -> None:
        self.alive = False
        self.link.closed = True
        self.conversation.lost()
        self.world.note(f"{self.name} leaves")


class KafkaProducer(KafkaConnection):
    """Produces as one of the world's producer states."""

    def __init__(self, world: MixedWorld, name: str, state: ProducerState) -> None:
        super().__init__(world, name)
        self.state = state
        state.taken = True
        state.who = state.who if not state.name else None  # a transactional one begins by ending what is open

    def act(self) -> None:
        state = self.state
        if self.open is not None:
            return
        if state.who is None:
            self.init()
        elif state.sent is not None:
            self.world.count("sent again after a crash")
            self.send(state.sent)
        elif state.last is not None and not state.name and self.world.random.random() < 0.2:
            self.world.count("sent again")
            self.send(state.last)  # as if the answer had not come
        elif state.name:
            choices = [self.produce] * 5 + [self.end] * 3 + [self.take_offsets]
            self.world.random.choice(choices)()
        else:
            self.produce()

    def init(self) -> None:
        state = self.state

        def told(answer: Any) -> None:
            if answer.error_code == 0:
                state.begin_anew((answer.producer_id, answer.producer_epoch))
                self.world.note(f"{self.name} is producer {state.who}")
            else:
                check(answer.error_code in RETRIABLE, f"{self.name}: InitProducerId: {answer.error_code}")

        timeout_ms = self.world.random.choice([2000, 60_000])
        self.says(init(4, state.name or None, timeout_ms), told)

    def produce(self) -> None:
        world = self.mixed
        state = self.state
        topic, index = world.any_partition()
        row = (topic, index)
        if state.name and row not in state.added:
            assert state.who is not None

            def added(answer: Any) -> None:
                code = answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
                if code == 0:
                    state.added.add(row)
                else:
                    self._failed(code, "AddPartitionsToTxn")

            self.says(add_partitions(3, state.name, state.who, row), added)
            return
        made = [world.new_body() for _ in range(world.random.choice([1, 1, 2, 4]))]
        sequence = state.sequences.get(row, 0)
        bodies: list[bytes | None] = [one[1] for one in made]
        if self._numbered(topic):
            bodies = [None if world.random.random() < 0.35 else body for body in bodies]
        self.send(Sent(topic, index, sequence, [one[0] for one in made], bodies))

    def _numbered(self, topic: str) -> bool:
        """Its records have their number in a header, for some are tombstones."""
        return self.mixed.with_tombstones and self.shadow.topics.partitions[(topic, 0)].cleaning.compacted

    def send(self, sent: Sent) -> None:
        state = self.state
        world = self.mixed
        assert state.who is not None
        state.sent = sent
        data = batch(
            sent.bodies,
            world.now_ms,
            producer=state.who[0],
            epoch=state.who[1],
            sequence=sent.sequence,
            transactional=bool(state.name),
            keys=[b"%d" % (number % 4) for number in sent.numbers],
            numbers=sent.numbers if self._numbered(sent.topic) else None,
        )

        def told(answer: Any) -> None:
            part = answer.responses[0].partition_responses[0]
            if part.error_code != 0:
                self._failed(part.error_code, f"produce of {sent.numbers}")
                return
            topics = self.shadow.topics
            known = topics.partitions[(sent.topic, sent.index)]
            for at, number in enumerate(sent.numbers):
                place = topics.numbers.get((sent.topic, number))
                check(
                    place == (sent.index, part.base_offset + at),
                    f"{number} was acknowledged at {part.base_offset + at} of {sent.topic}/{sent.index}; it is at {place}",
                )
                position = known.entries[part.base_offset + at].position
                check(position <= self.shadow.durable, f"{number} was acknowledged before it was durable")
            world.count("Kafka acknowledgements")
            state.sequences[(sent.topic, sent.index)] = sent.sequence + len(sent.numbers)
            state.sent, state.last = None, sent
            world.note(f"{self.name} has produced {sent.numbers} to {sent.topic}/{sent.index}")

        name = state.name or None
        self.says(produce(9, sent.topic, data, sent.index, transactional_id=name), told)

    def _failed(self, code: int, what: str) -> None:
        if code in RETRIABLE:
            return
        check(bool(self.state.name) and code in FENCED, f"{self.name}: {what}: error {code}")
        self.world.count("transactions lost")
        self.state.who = None
        self.state.sent = None

    def take_offsets(self) -> None:
        """The place of a group as a part of the transaction."""
        state = self.state
        world = self.mixed
        assert state.who is not None
        topic, index = world.some_partition()
        group = f"g-{state.name}"
        offset = world.random.randrange(1000)

        def committed(answer: Any) -> None:
            code = answer.topics[0].partitions[0].error_code
            if code == 0:
                state.offsets[(topic, index)] = offset
            else:
                self._failed(code, "TxnOffsetCommit")

        def added(answer: Any) -> None:
            if answer.error_code != 0:
                self._failed(answer.error_code, "AddOffsetsToTxn")
            elif self.alive and state.who is not None:
                self.says(commit_offset(3, state.name, state.who, group, offset, (topic, index)), committed)

        self.says(add_offsets(3, state.name, state.who, group), added)

    def end(self) -> None:
        state = self.state
        if not state.added and not state.offsets:
            return
        assert state.who is not None
        commit = self.world.random.random() < 0.7

        def seen(answer: Any) -> None:
            position = int(self.world.broker.core.position())
            if answer.error_code == 0 and commit:
                for (topic, index), offset in state.offsets.items():
                    self.shadow.topics.commit_offset(f"g-{state.name}", topic, index, offset, position)

        def told(answer: Any) -> None:
            if answer.error_code == 0:
                self.world.count("Kafka commits" if commit else "Kafka aborts")
                state.added, state.offsets = set(), {}
            else:
                self._failed(answer.error_code, "EndTxn")

        self.says(end(3, state.name, state.who, commit), told, seen)
        self.world.note(f"{self.name} ends, commit={commit}")

    def leave(self) -> None:
        super().leave()
        self.state.taken = False


class KafkaReader(KafkaConnection):
    """Reads one partition from some place, and commits how far it has come."""

    def __init__(self, world: MixedWorld, name: str) -> None:
        super().__init__(world, name)
        self.topic, self.index = world.any_partition()
        groups = ["g1", "g2", "members"] if world.with_members else ["g1", "g2"]
        self.group = world.random.choice([*groups, "modern"] if world.assigning else groups)
        self.looks_only = self.group in ("members", "modern")
        self.place = -1
        self.committed_only = world.random.random() < 0.5

    def act(self) -> None:
        if self.open is not None:
            return
        if self.place < 0:
            self.ask()
        elif self.world.random.random() < 0.7:
            self.fetch()
        elif self.shadow.topics.partitions[(self.topic, self.index)].cleaning.retention_ms and self.place:
            self.delete()
        elif not self.looks_only:
            self.commit()

    def ask(self) -> None:
        wanted = OffsetFetchRequest.OffsetFetchRequestTopic
        topics = [wanted(version=5, name=self.topic, partition_indexes=[self.index])]
        request = OffsetFetchRequest[5](group_id=self.group, topics=topics)
        expected: list[int] = []

        def seen(answer: Any) -> None:
            expected.append(self.shadow.topics.committed(self.group, self.topic, self.index))

        def told(answer: Any) -> None:
            part = answer.topics[0].partitions[0]
            check(part.error_code == 0, f"OffsetFetch: {part.error_code}")
            check(
                part.committed_offset == expected[0],
                f"{self.group} is at {part.committed_offset} of {self.topic}/{self.index}, not at {expected[0]}",
            )
            self.place = max(0, part.committed_offset)
            if self.world.random.random() < 0.3 or self.looks_only:
                self.place = 0  # those commit any number
            self.world.count("Kafka places")

        self.says(request, told, seen)

    def fetch(self) -> None:
        wait_ms = self.world.random.choice([0, 0, 500])
        bytes_max = self.world.random.choice([1, 500, 1 << 20])
        request = fetch(
            11,
            self.topic,
            self.place,
            self.index,
            partition_max_bytes=bytes_max,
            max_wait_ms=wait_ms,
            isolation_level=int(self.committed_only),
        )

        known = self.shadow.topics.partitions[(self.topic, self.index)]
        deleted_to = known.deleted_before(self.shadow.durable)
        dropped = known.dropped

        def told(answer: Any) -> None:
            part = answer.responses[0].partitions[0]
            if part.error_code == OUT_OF_RANGE and known.cleaning.retention_ms:
                self.find_start()
                return
            check(part.error_code == 0, f"{self.name} fetches from {self.place}: error {part.error_code}")
            check(self.place >= deleted_to, f"{self.name} reads from {self.place}, deleted to {deleted_to}")
            self._read(part, dropped)

        self.says(request, told)

    def find_start(self) -> None:
        """What it wanted has gone."""
        wanted = self.place

        def told(answer: Any) -> None:
            part = answer.topics[0].partitions[0]
            check(part.error_code == 0, f"ListOffsets: {part.error_code}")
            check(
                part.offset > wanted, f"{self.topic} begins at {part.offset}, but {wanted} was out of range"
            )
            self.shadow.topics.check_gone(self.topic, self.index, part.offset, self.world.now_ms)
            self.place = part.offset

        request = list_offsets(5, self.topic, EARLIEST)
        request.topics[0].partitions[0].partition_index = self.index
        self.says(request, told)

    def delete(self) -> None:
        """What it has read, nobody needs any more."""
        wanted = DeleteRecordsRequest.DeleteRecordsTopic
        place = self.place
        part = wanted.DeleteRecordsPartition(version=1, partition_index=self.index, offset=place)
        topics = [wanted(version=1, name=self.topic, partitions=[part])]
        position = 0

        def seen(answer: Any) -> None:
            nonlocal position
            position = int(self.world.broker.core.position())
            if answer.topics[0].partitions[0].error_code == 0:
                self.shadow.topics.delete_before(self.topic, self.index, place, position)

        def told(answer: Any) -> None:
            part = answer.topics[0].partitions[0]
            check(part.error_code == 0, f"DeleteRecords before {place}: {part.error_code}")
            check(part.low_watermark >= place, f"deleted before {place}, it begins at {part.low_watermark}")
            self.world.count("records deleted")

        self.says(DeleteRecordsRequest[1](topics=topics, timeout_ms=1000), told, seen)

    def _read(self, part: Any, dropped: frozenset[int]) -> None:
        aborted = [(one.producer_id, one.first_offset) for one in part.aborted_transactions or []]
        found: dict[int, bytes | None] = {}
        at = self.place
        left: set[int] = set()
        stored = MemoryRecords(bytes(part.records or b""))
        while stored.has_next():
            read = stored.next_batch()
            assert read is not None
            check(
                read.base_offset >= at or at == self.place,
                f"{self.name}: batches overlap at {read.base_offset}",
            )
            for producer, first in aborted:
                if first <= read.base_offset:
                    left.add(producer)
            at = read.base_offset + read.last_offset_delta + 1
            if read.is_control_batch:
                left.discard(read.producer_id)
                aborted = [one for one in aborted if one[0] != read.producer_id or one[1] > read.base_offset]
                continue
            if self.committed_only and read.is_transactional and read.producer_id in left:
                continue
            for record in read:
                if record.offset >= self.place:
                    found[record.offset] = None if record.value is None else bytes(record.value)
        check(
            at <= part.high_watermark,
            f"{self.name} has read to {at}, the high watermark is {part.high_watermark}",
        )
        topics, row = self.shadow.topics, (self.topic, self.index)
        now_ms, durable = self.world.now_ms, self.shadow.durable
        before = topics.partitions[row].dropped
        topics.check_read(*row, self.place, found, at, self.committed_only, now_ms, durable)
        # What this very answer shows to have gone counts as well: it was decided in one moment.
        topics.check_deleted(*row, found, dropped | (topics.partitions[row].dropped - before))
        self.place = at

    def commit(self) -> None:
        request = OffsetCommitRequest
        wanted = request.OffsetCommitRequestTopic
        part = wanted.OffsetCommitRequestPartition(
            version=7,
            partition_index=self.index,
            committed_offset=self.place,
            committed_leader_epoch=-1,
            committed_metadata="",
        )
        place = self.place
        position = 0

        def seen(answer: Any) -> None:
            nonlocal position
            position = int(self.world.broker.core.position())
            if answer.topics[0].partitions[0].error_code == 0:
                self.shadow.topics.commit_offset(self.group, self.topic, self.index, place, position)

        def told(answer: Any) -> None:
            check(answer.topics[0].partitions[0].error_code == 0, "OffsetCommit failed")
            check(position <= self.shadow.durable, "an offset was committed before it was durable")

        topics = [wanted(version=7, name=self.topic, partitions=[part])]
        self.says(
            request[7](
                group_id=self.group,
                generation_id_or_member_epoch=-1,
                member_id="",
                group_instance_id=None,
                topics=topics,
            ),
            told,
            seen,
        )
