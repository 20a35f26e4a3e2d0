"""The whole broker in one thread, from one seed: engine and file store over simulated files, clients, a clock, crashes.

A world lives several lives of one data directory. Each ends by a crash (at any file operation, or of the process alone)
or in order; after each the shadow says what must be there. The same seed gives the same trace.
"""

from __future__ import annotations

import copy
import random as random_module
from typing import Any, Final

from onemq.engine.broker import StoreBroken
from onemq.engine.ports import Durable
from onemq.model.passwords import hash_password
from simulation.books import state_of
from simulation.checkers import check
from simulation.clients import STREAM, DirectClient
from simulation.simulated_files import Crash
from simulation.world_turns import WorldTurns

TRACE_LINES: Final = 60
DRAIN_TURNS_MAX: Final = 3000
PASSWORD: Final = hash_password("guest", b"salt")


class BrokerWorld(WorldTurns):
    """See the module."""

    # Lives.

    def run(self) -> None:
        """All lives, then the end. Raises Violation."""
        for _ in range(self.plan.lives):
            self.start()
            try:
                self.live()
            except Crash:
                self.crash("a crash")
            except StoreBroken as error:
                self.crash(f"the store failed: {error}")
            else:
                self.end_of_life()
        self.start()
        self.finish()

    def start(self) -> None:
        """Recovers, with crashes while it does; a rehearsal on a copy says whether everything is there."""
        while True:
            self.files.crash_at = self.random.choice([0, 0, self.random.randrange(1, 15)])
            try:
                self.open()
            except Crash:
                self.files.crash(self.random)
                self.count("crashes in recovery")
                continue
            self.files.crash_at = 0
            break
        self.adopt()
        if self.random.random() < 0.5:
            self.rehearse()
        self.begin_turn()
        self.furnish()
        self.end_turn()
        for _ in range(self.random.randrange(1, 4)):
            self.declare()
            self.come()

    def live(self) -> None:
        self.files.crash_at = self.random.choice([0, self.random.randrange(1, 400)])
        for _ in range(self.plan.turns):
            self.step()

    def crash(self, why: str) -> None:
        """The machine stops. What was reported before counts, even if nobody had looked."""
        self.note(why)
        self.count("crashes")
        self.count(why.split(":")[0])
        for completion in self.store.completions():
            if isinstance(completion, Durable):
                self.shadow.durable = completion.position
        self.files.space_bytes = -1
        self.files.crash(self.random)

    def end_of_life(self) -> None:
        dice = self.random.random()
        self.files.crash_at = 0
        if dice < 0.4:
            self.crash("crash after work")
            return
        self.files.space_bytes = -1
        self.files.fail_sync_at = 0
        try:
            self.settle_down(None)
        except StoreBroken as error:
            self.crash(f"the store failed: {error}")
            return
        self.compare_with_replay()
        if dice < 0.6:
            self.crash("crash at rest")
        else:
            self.stop()

    def settle_down(self, client: DirectClient | None) -> None:
        """Turns until nothing happens any more; `client` accepts what it gets."""
        quiet = 0
        for _ in range(DRAIN_TURNS_MAX):
            self.enter()
            if client is not None:
                accepting, client.held = client.held, []
                for token, got in accepting:
                    assert got.delivery is not None
                    client.access.accept(got.delivery)
                    if got.queue != STREAM:
                        self.shadow.settle(token, client.access.position())
            busy = self.end_turn()
            self.workers.run(self.random)
            quiet = 0 if busy or self.broker.durable_position != self.broker.core.last_position else quiet + 1
            if quiet > 3:
                return
        raise AssertionError("the broker does not come to rest")

    def stop(self) -> None:
        """An orderly end: the next start has nothing to replay."""
        for client in list(self.clients):
            client.leave()
        self.clients = []
        self.broker.shutdown()
        for _ in range(DRAIN_TURNS_MAX):
            self.enter()
            self.end_turn()
            self.workers.run(self.random)
            if self.broker.stopped_clean():
                break
        else:
            raise AssertionError("the broker does not stop")
        self.store.close()
        for completion in self.store.completions():
            if isinstance(completion, Durable):
                self.shadow.durable = completion.position
        check(self.files.open_handles() == 0, "files left open")
        self.note("stopped")
        self.count("orderly stops")
        # Whether the machine goes down after that makes no difference.
        self.files.crash(self.random)

    # Checks on copies.

    def double(self) -> BrokerWorld:
        """The same files and shadow in another world, as a crash now would leave them if the disk kept everything."""
        other = type(self)(self.seed, self.plan)
        other.random = random_module.Random(self.numbers)
        other.files = self.plan.files(other.random)
        other.files._root = copy.deepcopy(self.files._root)
        other.store_settings = self.store_settings
        other.engine_settings = self.engine_settings
        other.amqp = False
        other.shadow = copy.deepcopy(self.shadow)
        other.now_ms = self.now_ms
        other.trace = list(self.trace)
        return other

    def compare_with_replay(self) -> None:
        """At rest: what a restart would find is what is there."""
        other = self.double()
        other.open()
        live, replayed = state_of(self.broker), state_of(other.broker)
        check(live == replayed, f"live and replayed state differ: {difference(live, replayed)}")
        self.count("comparisons with replay")

    def rehearse(self) -> None:
        """Recovers a copy twice: both give the same state, and all that must be there can be taken."""
        other = self.double()
        other.open()
        first = state_of(other.broker)
        for _ in range(other.random.randrange(4)):
            other.workers.step(other.random)
        other.files.crash(other.random)
        other.open()
        second = state_of(other.broker)
        check(first == second, f"recovered twice, different: {difference(first, second)}")
        # The copy was recovered at this very position: the shadow stands there.
        other.admin = other.access()
        other.drain()
        self.count("rehearsals")

    def finish(self) -> None:
        """Takes everything; then nothing may be left, in the books, in memory or on disk."""
        self.drain()
        for queue in self.broker.catalog.logs.values():
            if not queue.settings.kept:
                check(queue.message_count() == 0, f"{queue.name} counts {queue.message_count()} when empty")
        self.begin_turn()
        self.clear_away()
        self.admin.queues.delete(STREAM)
        self.queue_gone(STREAM, self.admin.position())
        self.end_turn()
        self.settle_down(None)
        check(self.broker.memory_bytes() == 0, f"{self.broker.memory_bytes()} bytes are still counted")
        log_ids = list(self.broker.catalog.logs)
        self.broker.shutdown()
        for _ in range(DRAIN_TURNS_MAX):
            self.enter()
            self.end_turn()
            self.workers.run(self.random)
            if self.broker.stopped_clean():
                break
        self.workers.run(self.random)
        for log_id in log_ids:
            check(
                self.store.log_bytes(log_id) == 0, f"log {log_id} keeps {self.store.log_bytes(log_id)} bytes"
            )
        self.store.close()

    def clear_away(self) -> None:
        """Deletes what keeps its records, but the stream."""

    def drain(self) -> None:
        """One client takes everything from every queue."""
        self.drainer = DirectClient(self, "drainer", self.access())
        self.clients.append(self.drainer)
        self.enter()
        for name in list(self.shadow.queues):
            self.drainer.consume_from(name, 0)
        self.settle_down(self.drainer)
        # What is delayed comes now; what expires in the meantime is somewhere else.
        for _ in range(3):
            self.now_ms += 40_000
            self.settle_down(self.drainer)
        self.shadow.check_drained()
        stream = self.shadow.queues.get(STREAM)
        if stream is not None:
            read = self.drainer.sink.stream_at + 1
            check(read == len(stream.live), f"the stream gave {read} of {len(stream.live)}")
        self.clients.remove(self.drainer)
        self.drainer.leave()
        self.begin_turn()
        self.end_turn()


def difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    """What is in the one and not in the other, and the other way round."""
    logs = [
        f"log {log_id}: {one['logs'].get(log_id)} and {other['logs'].get(log_id)}"
        for log_id in sorted({*one["logs"], *other["logs"]})
        if one["logs"].get(log_id) != other["logs"].get(log_id)
    ]
    changes = [
        f"only one has {change}"
        for part in ("catalog", "notices")
        for change in {*one[part]} ^ {*other[part]}
    ]
    return "; ".join(logs + changes)


def failing_trace(world: BrokerWorld) -> str:
    """The last lines of what happened."""
    return "\n".join(world.trace[-TRACE_LINES:])
