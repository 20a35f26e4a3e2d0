"""A coordinator on a bench: virtual time, a journal in memory, partitions and groups that only remember what they were told."""

from __future__ import annotations

from engine_driver import Disk, FakeStore
from onemq.engine.core import Core
from onemq.engine.facts import PART, FactReader, unpack
from onemq.engine.parts import Part
from onemq.engine.settings import EngineSettings
from onemq.engine.topics.producers import Producers
from onemq.engine.transactions.coordinator import Transactions
from onemq.engine.transactions.participants import Participants
from onemq.engine.transactions.producer_ids import ProducerIds
from onemq.engine.transactions.settings import TransactionSettings
from onemq.model.refusal import Reason, Refusal

START_MS = 1_000_000
MINUTE_MS = 60_000
SPACE = "/"
TOPICS = {"orders": b"o" * 16, "bills": b"b" * 16}
ORDERS = (TOPICS["orders"], 0)
BILLS = (TOPICS["bills"], 1)


class RememberingParticipants(Participants):
    """`markers`: (topic id, index, producer id, epoch, commit); `ended`: (producer id, commit)."""

    def __init__(self) -> None:
        self.topics = dict(TOPICS)
        self.markers: list[tuple[bytes, int, int, int, bool]] = []
        self.ended: list[tuple[int, bool]] = []
        self.newer_epochs: dict[tuple[bytes, int], int] = {}

    def topic_id(self, namespace: str, topic: str, index: int) -> bytes:
        return self.topics.get(topic, b"") if 0 <= index < 3 and namespace == SPACE else b""

    def topic_name(self, topic_id: bytes) -> str:
        return next((name for name, known in self.topics.items() if known == topic_id), "")

    def end_in_partition(
        self, topic_id: bytes, index: int, producer_id: int, epoch: int, commit: bool, coordinator_epoch: int
    ) -> None:
        if self.newer_epochs.get((topic_id, index), -1) > epoch:
            raise Refusal(Reason.PRODUCER_EPOCH_STALE, "producer", str(producer_id))
        self.markers.append((topic_id, index, producer_id, epoch, commit))

    def producers(self, namespace: str, topic: str, index: int) -> Producers | None:
        return None if self.topic_id(namespace, topic, index) == b"" else Producers()

    def end_in_groups(self, producer_id: int, commit: bool) -> None:
        self.ended.append((producer_id, commit))


class Bench:
    """`turn` ends a turn; `restart` begins a new run from the journal, `restart_from_snapshot` from the parts' changes."""

    def __init__(self, settings: TransactionSettings | None = None) -> None:
        self.settings = settings or TransactionSettings()
        self.participants = RememberingParticipants()
        self.disk = Disk()
        self._open(START_MS)

    def _open(self, now_ms: int) -> None:
        self.store = FakeStore(self.disk)
        self.core = Core(self.store, EngineSettings(), bytes)
        self.core.now_ms = now_ms
        self.ids = ProducerIds(self.core)
        self.transactions = Transactions(self.core, self.settings, self.ids, self.participants)
        self.parts: dict[int, Part] = {part.number: part for part in (self.ids, self.transactions)}

    @property
    def now_ms(self) -> int:
        return int(self.core.now_ms)

    def turn(self) -> None:
        self.core.run_deadlines()
        self.core.commit()
        self.store.completions()

    def pass_time(self, milliseconds: int) -> None:
        self.core.now_ms += milliseconds
        self.turn()

    def restart(self, after_ms: int = 0) -> None:
        self.turn()
        self._open(self.now_ms + after_ms)
        for position in sorted(self.disk.commits):
            facts = FactReader(self.disk.commits[position])
            while facts.next():
                assert facts.kind == PART
                self.parts[facts.data[facts.start]].apply(unpack(facts.body(1)))
        self._recovered()

    def restart_from_snapshot(self, after_ms: int = 0) -> None:
        self.turn()
        changes = {number: part.changes() for number, part in self.parts.items()}
        self._open(self.now_ms + after_ms)
        for number, part in self.parts.items():
            for change in changes[number]:
                part.apply(change)
        self._recovered()

    def _recovered(self) -> None:
        last = max(self.disk.commits, default=0)
        self.core.last_position = self.store.position = self.store.durable = last
        for part in self.parts.values():
            part.finish_recovery()

    # Shortcuts, all for the transactional id "payments".

    def begin(self, timeout_ms: int = MINUTE_MS, producer_id: int = -1, epoch: int = -1) -> tuple[int, int]:
        found = self.transactions.initialise(SPACE, "payments", timeout_ms, producer_id, epoch)
        return found.producer_id, found.epoch

    def join(self, producer: tuple[int, int], *partitions: tuple[bytes, int]) -> None:
        self.transactions.join(SPACE, "payments", producer[0], producer[1], list(partitions), [])

    def join_group(self, producer: tuple[int, int], group: str) -> None:
        self.transactions.join(SPACE, "payments", producer[0], producer[1], [], [group])

    def end(self, producer: tuple[int, int], commit: bool) -> None:
        self.transactions.end(SPACE, "payments", producer[0], producer[1], commit)

    def may_write(self, producer: tuple[int, int], partition: tuple[bytes, int]) -> None:
        self.transactions.check_partition(SPACE, "payments", producer[0], producer[1], *partition)

    def may_commit(self, producer: tuple[int, int], group: str) -> None:
        self.transactions.check_group(SPACE, "payments", producer[0], producer[1], group)

    def state(self) -> int:
        found = self.transactions.find(SPACE, "payments")
        assert found is not None
        return found.state

    def set_epoch(self, epoch: int) -> None:
        """As if the producer had been initialised that often."""
        found = self.transactions.find(SPACE, "payments")
        assert found is not None
        self.transactions.apply({**found.to_change(), "epoch": epoch})
