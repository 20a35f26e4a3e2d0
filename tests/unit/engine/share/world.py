"""A broker with one topic and members of one share group, in virtual time; what members are given and what the logs hold."""

from __future__ import annotations

from engine_driver import Disk, Driver, FakeStore
from onemq.engine.access import Access
from onemq.engine.settings import EngineSettings
from onemq.engine.share.fetching import ShareAsk, ShareFetch, ShareFetched, ShareFetchWaiter
from onemq.engine.share.group import ShareBeat
from onemq.engine.share.partition import Acknowledgement, SharePartition
from onemq.engine.topics.partition import Partition
from onemq.engine.topics.topic import Topic
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import placed_batch
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.reserved_header import AddressCache

GROUP = "g"
TOPIC = "orders"
DEAD = "orders.dead"
LOCK_MS = 30_000
EVERYTHING = 1 << 30


class FetchEnd(ShareFetchWaiter):
    """The member's end of a share fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[ShareFetched] | None = None
        self.fetch: ShareFetch | None = None

    def share_fetched(self, results: list[ShareFetched]) -> None:
        assert self.results is None, "a share fetch was answered twice"
        self.results = results

    @property
    def deliveries(self) -> dict[int, int]:
        """Offset to delivery count, of all partitions; each must be in the batches that came with it."""
        assert self.results is not None, "not answered"
        found: dict[int, int] = {}
        for result in self.results:
            inside: set[int] = set()
            for data in result.batches:
                inside |= {int(record.offset) for record in decode_batch(data, 0, AddressCache())}
            for run in result.acquired:
                for offset in range(run.first, run.last + 1):
                    assert offset not in found
                    assert offset in inside, f"{offset} is acquired, but its record did not come"
                    found[offset] = int(run.deliveries)
        return found


def batch(*values: bytes, key: bytes | None = None) -> bytes:
    """As a producer makes it."""
    records = []
    for number, value in enumerate(values):
        record = Record(value, NO_ADDRESS)
        record.key = key
        record.offset = number
        record.timestamp_ms = 1_000_000
        records.append(record)
    return placed_batch(encode_batch(records), 0)


class World(Driver):
    """See the module. Members are connections of their own."""

    def __init__(
        self,
        config: dict[str, str] | None = None,
        group: dict[str, str] | None = None,
        tail_bytes: int = 1 << 20,
    ) -> None:
        super().__init__(EngineSettings(tail_bytes_max=tail_bytes), store=FakeStore(Disk()))
        self.accesses: dict[str, Access] = {}
        self.access.topics.create(TOPIC, 1, config or {})
        self.access.admin.configure_group(GROUP, {"share.auto.offset.reset": "earliest", **(group or {})})
        self.settle_down()

    def topic(self, name: str = TOPIC) -> Topic:
        return self.broker.catalog.namespaces["/"].topics[name]

    def partition(self) -> Partition:
        return self.topic().partitions[0]

    @property
    def share(self) -> SharePartition:
        return self.broker.shares.share(("/", GROUP), self.topic(), 0)

    def produce(self, *values: bytes, topic: str = TOPIC) -> int:
        base = self.access.topics.produce(self.topic(topic), 0, batch(*values), None).base_offset
        self.settle_down()
        return int(base)

    def member(self, name: str) -> Access:
        """Joined, with a session."""
        found = self.accesses.get(name)
        if found is None:
            found = self.new_access()
            self.accesses[name] = found
        if name not in self.broker.shares.groups.get(("/", GROUP), _Nobody).members:
            found.shares.heartbeat(GROUP, ShareBeat(name, 0, [TOPIC]))
        # It beats its heart whenever it has to.
        self.broker.shares.groups[("/", GROUP)].members[name].deadline_ms = 1 << 60
        found.shares.open_session(GROUP, name, [(self.topic().topic_id, 0)])
        return found

    def fetch(
        self, name: str, records_max: int = EVERYTHING, wait_ms: int = 0, whole: bool = False
    ) -> FetchEnd:
        access = self.member(name)
        end = FetchEnd()
        share = access.shares.share(GROUP, self.topic().topic_id, 0)
        ask = ShareAsk(name, 1, 1 << 20, records_max, wait_ms, whole)
        end.fetch = access.shares.fetch([share], ask, end)
        self.settle_down()
        return end

    def say(self, name: str, first: int, last: int, *kinds: int) -> None:
        """Acknowledges; the fact is durable afterwards. Raises Refusal."""
        access = self.member(name)
        share = access.shares.share(GROUP, self.topic().topic_id, 0)
        access.shares.acknowledge(share, name, [Acknowledgement(first, last, list(kinds))])
        self.settle_down()

    def records(self, topic: str) -> list[Record]:
        """Everything in partition 0 of a topic; [] when there is no such topic."""
        found: list[Record] = []
        namespace = self.broker.catalog.namespaces["/"]
        if topic not in namespace.topics:
            return found
        self.settle_down()
        partition = namespace.topics[topic].partitions[0]
        log_id = int(partition.log.log_id)
        spilled = list(self.store.spilled.get(log_id, []))
        tail = [entry.data for entry in partition.log.tail if entry.base >= partition.log.spilled_to]
        for data in [*spilled, *tail]:
            assert data is not None
            found.extend(decode_batch(data, 0, AddressCache()))
        return found

    def dead_letters(self) -> list[tuple[int, int, str]]:
        """(source offset, deliveries, why), in the order of the dead-letter topic."""
        found = []
        for record in self.records(DEAD):
            headers = {name: (content or b"").decode() for name, content in record.headers or []}
            assert headers["__dlq.errors.topic"] == TOPIC
            assert headers["__dlq.errors.partition"] == "0"
            assert headers["__dlq.errors.group"] == GROUP
            found.append(
                (
                    int(headers["__dlq.errors.offset"]),
                    int(headers["__dlq.errors.delivery.count"]),
                    headers["__dlq.errors.message"],
                )
            )
        return found

    def start_again(self, clean: bool) -> None:
        """The process ends and begins anew; members come back with connections of their own."""
        self.settle_down()
        if clean:
            self.restart()
        else:
            self.crash()
        self.accesses.clear()
        self.settle_down()


class _Nobody:
    members: dict[str, object] = {}
