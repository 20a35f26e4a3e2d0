"""A tiny engine over a store, for simulations: logs of records, settlements, spills, checkpoints, reclaims.

It keeps the history of all commits, so that after a crash the test can say what must be there.
"""

from __future__ import annotations

import json
import random as random_module

from onemq.engine.ports import (
    Checkpointed,
    Completion,
    Durable,
    Failed,
    Found,
    Loaded,
    Replay,
    Resumed,
    Spilled,
    Stalled,
    Store,
)
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import check_batch
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.reserved_header import AddressCache

Live = dict[int, dict[int, bytes]]


class LogState:
    def __init__(self) -> None:
        self.next_offset = 0
        self.live: set[int] = set()
        self.spilled_to = 0
        """Live offsets below this one are in the store's segments (or on their way there)."""


class State(Replay):
    """A fold over commits. Each is a JSON list of steps."""

    def __init__(self) -> None:
        self.logs: dict[int, LogState] = {}
        self.restored = b""
        self.replayed: list[tuple[int, bytes]] = []

    def apply(self, facts: bytes) -> None:
        for step in json.loads(facts):
            kind, log_id = step[0], step[1]
            if kind == "append":
                log = self.logs.setdefault(log_id, LogState())
                assert step[2] == log.next_offset
                log.next_offset += 1
                log.live.add(step[2])
            elif kind == "settle":
                self.logs[log_id].live.discard(step[2])
            elif kind == "drop":
                del self.logs[log_id]
            else:
                raise AssertionError(kind)

    def snapshot(self) -> bytes:
        return json.dumps(
            {str(log_id): [log.next_offset, sorted(log.live)] for log_id, log in self.logs.items()}
        ).encode()

    def restore(self, snapshot: bytes) -> None:
        assert not self.replayed
        self.restored = snapshot
        for log_id, (next_offset, live) in json.loads(snapshot).items():
            log = LogState()
            log.next_offset = log.spilled_to = next_offset
            log.live = set(live)
            self.logs[int(log_id)] = log

    def replay(self, position: int, facts: bytes) -> None:
        if self.replayed:
            assert position == self.replayed[-1][0] + 1
        self.replayed.append((position, facts))
        self.apply(facts)

    def same(self) -> dict[int, tuple[int, list[int]]]:
        return {log_id: (log.next_offset, sorted(log.live)) for log_id, log in self.logs.items()}


def fold(history: list[bytes]) -> State:
    state = State()
    for facts in history:
        state.apply(facts)
    return state


def ranges(offsets: list[int]) -> list[int]:
    pairs: list[int] = []
    for offset in offsets:
        if pairs and pairs[-1] == offset:
            pairs[-1] = offset + 1
        else:
            pairs += [offset, offset + 1]
    return pairs


class StoreEngine:
    """One run of the engine, from recovery to a crash or a close.

    `history[n - 1]` is the commit of position n; recovery cuts it to what the store still has.
    """

    def __init__(
        self, store: Store, random: random_module.Random, history: list[bytes], next_log_id: int
    ) -> None:
        self.store = store
        self.random = random
        self.history = history
        self.next_log_id = next_log_id
        self.state = State()
        self.durable = 0
        self.failed = ""
        self.stalled = False
        self.tickets = 0
        self.spills: set[int] = set()
        self.loads: dict[int, tuple[int, int, int]] = {}
        self.checkpoint_ticket = 0
        self.checkpoint_position = 0
        self.checkpointed = 0
        """Position of the last checkpoint that was reported done."""
        self.rolled: tuple[int, bytes, set[int]] | None = None
        self.checked_loads = 0

    def recover(self) -> int:
        position = self.store.recover(self.state)
        assert position <= len(self.history)
        for at, facts in self.state.replayed:
            assert facts == self.history[at - 1], f"commit {at} differs"
        if self.state.replayed:
            assert self.state.replayed[-1][0] == position
        assert fold(self.history[:position]).same() == self.state.same()
        self.durable = position
        del self.history[position:]
        self.store.retain_logs(list(self.state.logs))
        return position

    def body(self, log_id: int, offset: int) -> bytes:
        """Content of a record: by its place and a number that a lost and repeated append does not share."""
        return self.bodies()[log_id][offset]

    def bodies(self) -> Live:
        found: Live = {}
        for facts in self.history:
            for step in json.loads(facts):
                if step[0] == "append":
                    found.setdefault(step[1], {})[step[2]] = step[3].encode()
        return found

    # What it does.

    def act(self) -> None:
        choices = [self.append] * 6 + [self.settle] * 5 + [self.spill] * 3
        choices += [self.load] * 2 + [self.checkpoint] * 2 + [self.reclaim] * 2 + [self.drop]
        self.random.choice(choices)()

    def _commit(self, steps: list[list[object]]) -> None:
        facts = json.dumps(steps).encode()
        self.history.append(facts)
        self.state.apply(facts)
        assert self.store.append(facts) == len(self.history)

    def append(self) -> None:
        logs = list(self.state.logs)
        if len(logs) < 3 or self.random.random() < 0.05:
            logs.append(self.next_log_id)
            self.next_log_id += 1
        steps: list[list[object]] = []
        next_offsets: dict[int, int] = {}
        for _ in range(self.random.randrange(1, 6)):
            log_id = self.random.choice(logs)
            log = self.state.logs.get(log_id)
            offset = next_offsets.get(log_id, log.next_offset if log else 0)
            next_offsets[log_id] = offset + 1
            body = f"{log_id}/{offset}/" + "x" * self.random.randrange(60) + str(self.random.random())
            steps.append(["append", log_id, offset, body])
        self._commit(steps)

    def settle(self) -> None:
        steps: list[list[object]] = []
        for log_id, log in self.state.logs.items():
            # Mostly from the front, as consumers do.
            for offset in sorted(log.live)[: self.random.randrange(8)]:
                if self.random.random() < 0.85:
                    steps.append(["settle", log_id, offset])
        if steps:
            self._commit(steps)

    def drop(self) -> None:
        if len(self.state.logs) > 2 and self.random.random() < 0.2:
            log_id = self.random.choice(list(self.state.logs))
            self._commit([["drop", log_id]])
            self.store.drop_log(log_id)

    def _spill(self, log_id: int, offsets: list[int], spilled_to: int) -> None:
        bodies = self.bodies()[log_id]
        batches: list[bytes] = []
        at = 0
        while at < len(offsets):
            records: list[Record] = []
            for offset in offsets[at : at + self.random.randrange(1, 5)]:
                record = Record(bodies[offset], NO_ADDRESS)
                record.offset = offset
                record.timestamp_ms = offset * 10
                records.append(record)
            batches.append(encode_batch(records))
            at += len(records)
        self.state.logs[log_id].spilled_to = spilled_to
        self.tickets += 1
        self.spills.add(self.tickets)
        self.store.spill(self.tickets, log_id, batches)

    def spill(self) -> None:
        if not self.state.logs:
            return
        log_id = self.random.choice(list(self.state.logs))
        log = self.state.logs[log_id]
        offsets = sorted(offset for offset in log.live if offset >= log.spilled_to)
        offsets = offsets[: self.random.randrange(1, 8)]
        if offsets:
            self._spill(log_id, offsets, offsets[-1] + 1)

    def checkpoint(self) -> None:
        """Three acts: roll and spill; wait for the spills; hand over the snapshot."""
        if self.checkpoint_ticket:
            return
        if self.rolled is None:
            position = self.store.roll()
            assert position == len(self.history)
            snapshot = self.state.snapshot()
            for log_id, log in self.state.logs.items():
                offsets = sorted(offset for offset in log.live if offset >= log.spilled_to)
                if offsets:
                    self._spill(log_id, offsets, log.next_offset)
                log.spilled_to = log.next_offset
            self.rolled = (position, snapshot, set(self.spills))
        elif not self.rolled[2] & self.spills:
            position, snapshot, _ = self.rolled
            self.rolled = None
            self.tickets += 1
            self.checkpoint_ticket = self.tickets
            self.checkpoint_position = position
            self.store.checkpoint(self.tickets, position, snapshot)

    def reclaim(self) -> None:
        if not self.state.logs:
            return
        if self.random.random() < 0.5:
            # What makes records dead is not durable yet.
            self.settle()
        log_id = self.random.choice(list(self.state.logs))
        log = self.state.logs[log_id]
        self.store.reclaim(log_id, ranges(sorted(offset for offset in log.live if offset < log.spilled_to)))

    def load(self) -> None:
        if not self.state.logs or self.spills:
            return
        log_id = self.random.choice(list(self.state.logs))
        self.request(log_id, self.random.randrange(self.state.logs[log_id].next_offset + 1))

    def request(self, log_id: int, offset: int) -> None:
        self.tickets += 1
        self.loads[self.tickets] = (log_id, offset, self.state.logs[log_id].spilled_to)
        self.store.load(self.tickets, log_id, offset, self.random.choice([1, 200, 2000]))

    # What comes back.

    def harvest(self) -> list[Completion]:
        found = self.store.completions()
        for item in found:
            assert not self.failed, "nothing may be reported after Failed"
            if isinstance(item, Durable):
                assert self.durable < item.position <= len(self.history)
                self.durable = item.position
            elif isinstance(item, Spilled):
                self.spills.remove(item.ticket)
            elif isinstance(item, Checkpointed):
                assert item.ticket == self.checkpoint_ticket
                self.checkpoint_ticket = 0
                self.checkpointed = self.checkpoint_position
            elif isinstance(item, Loaded):
                self.check_loaded(item)
            elif isinstance(item, Failed):
                self.failed = item.detail
            elif isinstance(item, Stalled):
                assert not self.stalled
                self.stalled = True
            elif isinstance(item, Resumed):
                assert self.stalled
                self.stalled = False
            else:
                assert isinstance(item, Found)
        return found

    def check_loaded(self, loaded: Loaded) -> None:
        """Right bytes, in order, and nothing missing that still lives."""
        log_id, offset, spilled_to = self.loads.pop(loaded.ticket)
        assert loaded.log_id == log_id
        log = self.state.logs.get(log_id)
        if log is None:
            return
        bodies = self.bodies()[log_id]
        got: list[int] = []
        for batch in loaded.batches:
            check_batch(batch)
            for record in decode_batch(batch, 0, AddressCache()):
                assert record.value == bodies[record.offset], f"log {log_id} offset {record.offset}"
                got.append(record.offset)
        assert got == sorted(set(got))
        wanted = {at for at in log.live if offset <= at < min(loaded.next_offset, spilled_to)}
        assert wanted <= set(got), f"log {log_id} from {offset}: lacks {sorted(wanted - set(got))}"
        if not loaded.batches:
            assert not [at for at in log.live if offset <= at < spilled_to]
        else:
            assert loaded.next_offset > got[-1] >= 0 and loaded.next_offset > offset
        self.checked_loads += 1
