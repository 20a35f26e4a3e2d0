"""Counters: what happened, as 64-bit numbers that only grow. Rates are the reader's business (rates.py, Prometheus).

One `Counters` per queue (`Queue.counters`; the parts of a queue over several logs share one), per partition of a topic, per
exchange (`Exchange.counters`; the default exchange's is `Namespace.counters`), per sink, which is an AMQP channel (`Sink.counters`),
per notice topic, and per access (`Access.counters`: what was done through no sink; `Access.all_counters()` is a copy with its sinks',
closed ones included). `Core.totals` (`Totals`) adds up by protocol and by type of queue: what has gone stays counted there. A
restart begins at zero, as in RabbitMQ.

What the fields mean, by owner:

| field | queue, partition | exchange | sink, access, totals |
| --- | --- | --- | --- |
| published, published_bytes | came in (bytes of values; of whole batches in a partition) | published to it | published by clients |
| published_batches | batches of a producer (Kafka) | - | the same |
| routed | - | copies that went to queues | the same |
| unroutable | - | went nowhere | the same; those given back to the publisher are `sent_back`, too |
| sent_back | - | - | unroutable and mandatory |
| refused | by a limit with reject-publish | - | nacked to the publisher |
| confirming, confirmed | - | - | published to be confirmed; confirmed (written, or waiting for the disk) |
| delivered, delivered_no_ack | to consumers, receivers, share groups; readers of whole batches count as no_ack | - | the same |
| delivered_batches, delivered_bytes | whole batches fetched (Kafka); bytes of values, of whole batches there | - | the same |
| got, got_no_ack, get_empty | single gets | - | the same; empty receives |
| redelivered | of those delivered or got: not for the first time | - | the same |
| acknowledged | settled by who had it | - | the same |
| requeued | given back | - | the same |
| dead_rejected, dead_expired, dead_maxlen, dead_delivery_limit | died, and was dead-lettered | - | totals only |
| dropped_rejected, ... | died, and went nowhere | - | totals only |
| purged | by a purge | - | - |

Increments are plain attribute increments on the hot path, one per batch where there is a batch. Must not: know time, or anybody's name.
"""

from collections import deque
from typing import Final

from mypy_extensions import i64

FIELDS: Final = (
    "published",
    "published_bytes",
    "published_batches",
    "routed",
    "unroutable",
    "sent_back",
    "refused",
    "confirming",
    "confirmed",
    "delivered",
    "delivered_no_ack",
    "delivered_batches",
    "delivered_bytes",
    "got",
    "got_no_ack",
    "get_empty",
    "redelivered",
    "acknowledged",
    "requeued",
    "dead_rejected",
    "dead_expired",
    "dead_maxlen",
    "dead_delivery_limit",
    "dropped_rejected",
    "dropped_expired",
    "dropped_maxlen",
    "dropped_delivery_limit",
    "purged",
)


class Counters:
    """See the module."""

    __slots__ = (
        "acknowledged",
        "confirmed",
        "confirming",
        "dead_delivery_limit",
        "dead_expired",
        "dead_maxlen",
        "dead_rejected",
        "delivered",
        "delivered_batches",
        "delivered_bytes",
        "delivered_no_ack",
        "dropped_delivery_limit",
        "dropped_expired",
        "dropped_maxlen",
        "dropped_rejected",
        "get_empty",
        "got",
        "got_no_ack",
        "published",
        "published_batches",
        "published_bytes",
        "purged",
        "redelivered",
        "refused",
        "requeued",
        "routed",
        "sent_back",
        "unroutable",
    )

    def __init__(self) -> None:
        self.published: i64 = 0
        self.published_bytes: i64 = 0
        self.published_batches: i64 = 0
        self.routed: i64 = 0
        self.unroutable: i64 = 0
        self.sent_back: i64 = 0
        self.refused: i64 = 0
        self.confirming: i64 = 0
        self.confirmed: i64 = 0
        self.delivered: i64 = 0
        self.delivered_no_ack: i64 = 0
        self.delivered_batches: i64 = 0
        self.delivered_bytes: i64 = 0
        self.got: i64 = 0
        self.got_no_ack: i64 = 0
        self.get_empty: i64 = 0
        self.redelivered: i64 = 0
        self.acknowledged: i64 = 0
        self.requeued: i64 = 0
        self.dead_rejected: i64 = 0
        self.dead_expired: i64 = 0
        self.dead_maxlen: i64 = 0
        self.dead_delivery_limit: i64 = 0
        self.dropped_rejected: i64 = 0
        self.dropped_expired: i64 = 0
        self.dropped_maxlen: i64 = 0
        self.dropped_delivery_limit: i64 = 0
        self.purged: i64 = 0

    def add(self, other: "Counters") -> None:
        """Adds the other's numbers to these."""
        self.published += other.published
        self.published_bytes += other.published_bytes
        self.published_batches += other.published_batches
        self.routed += other.routed
        self.unroutable += other.unroutable
        self.sent_back += other.sent_back
        self.refused += other.refused
        self.confirming += other.confirming
        self.confirmed += other.confirmed
        self.delivered += other.delivered
        self.delivered_no_ack += other.delivered_no_ack
        self.delivered_batches += other.delivered_batches
        self.delivered_bytes += other.delivered_bytes
        self.got += other.got
        self.got_no_ack += other.got_no_ack
        self.get_empty += other.get_empty
        self.redelivered += other.redelivered
        self.acknowledged += other.acknowledged
        self.requeued += other.requeued
        self.dead_rejected += other.dead_rejected
        self.dead_expired += other.dead_expired
        self.dead_maxlen += other.dead_maxlen
        self.dead_delivery_limit += other.dead_delivery_limit
        self.dropped_rejected += other.dropped_rejected
        self.dropped_expired += other.dropped_expired
        self.dropped_maxlen += other.dropped_maxlen
        self.dropped_delivery_limit += other.dropped_delivery_limit
        self.purged += other.purged

    def copy(self) -> "Counters":
        found = Counters()
        found.add(self)
        return found

    def delivered_in_all(self) -> i64:
        """By whatever way: what RabbitMQ calls deliver_get."""
        return self.delivered + self.delivered_no_ack + self.got + self.got_no_ack

    def dead_lettered(self) -> i64:
        """For whatever reason."""
        return self.dead_rejected + self.dead_expired + self.dead_maxlen + self.dead_delivery_limit

    def dropped(self) -> i64:
        """Died with nowhere to go to, for whatever reason."""
        return (
            self.dropped_rejected + self.dropped_expired + self.dropped_maxlen + self.dropped_delivery_limit
        )

    def values(self) -> dict[str, int]:
        """By name, in the order of FIELDS."""
        return {
            "published": int(self.published),
            "published_bytes": int(self.published_bytes),
            "published_batches": int(self.published_batches),
            "routed": int(self.routed),
            "unroutable": int(self.unroutable),
            "sent_back": int(self.sent_back),
            "refused": int(self.refused),
            "confirming": int(self.confirming),
            "confirmed": int(self.confirmed),
            "delivered": int(self.delivered),
            "delivered_no_ack": int(self.delivered_no_ack),
            "delivered_batches": int(self.delivered_batches),
            "delivered_bytes": int(self.delivered_bytes),
            "got": int(self.got),
            "got_no_ack": int(self.got_no_ack),
            "get_empty": int(self.get_empty),
            "redelivered": int(self.redelivered),
            "acknowledged": int(self.acknowledged),
            "requeued": int(self.requeued),
            "dead_rejected": int(self.dead_rejected),
            "dead_expired": int(self.dead_expired),
            "dead_maxlen": int(self.dead_maxlen),
            "dead_delivery_limit": int(self.dead_delivery_limit),
            "dropped_rejected": int(self.dropped_rejected),
            "dropped_expired": int(self.dropped_expired),
            "dropped_maxlen": int(self.dropped_maxlen),
            "dropped_delivery_limit": int(self.dropped_delivery_limit),
            "purged": int(self.purged),
        }


class ProtocolCounters:
    """What one protocol's clients did, since the broker started.

    Attributes:
        name: "amqp091", "kafka", "aws"; "" for what the engine did of itself (expiry, limits, moves).
        general: what no type of queue belongs to: publishing. classic, quorum, stream: the rest, by the queue's type; a topic's
            partitions are streams.
        accesses: how many are open now. publishers: those of them, or of their sinks, that have published.
        sinks_opened, sinks_closed: channels.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._confirms: deque[tuple[int, int]] = deque()
        """Position of a commit that was not durable when somebody looked last; how many confirms wait for it."""
        self.general = Counters()
        self.classic = Counters()
        self.quorum = Counters()
        self.stream = Counters()
        self.accesses: i64 = 0
        self.publishers: i64 = 0
        self.sinks_opened: i64 = 0
        self.sinks_closed: i64 = 0

    def confirms_wait(self, position: int, count: int, durable_position: int) -> None:
        """So many publishes are confirmed when this position is durable, or, position 0, when those are that wait already."""
        waiting = self._confirms
        while waiting and waiting[0][0] <= durable_position:
            waiting.popleft()
        if waiting and waiting[-1][0] >= position:
            waiting[-1] = (waiting[-1][0], waiting[-1][1] + count)
        elif position:
            waiting.append((position, count))

    def unconfirmed(self, durable_position: int) -> int:
        """Publishes that wait for their confirms."""
        waiting = self._confirms
        while waiting and waiting[0][0] <= durable_position:
            waiting.popleft()
        found = 0
        for _, count in waiting:
            found += count
        return found

    def of(self, type_name: str) -> Counters:
        """For a type of queue, as `QueueSettings.type_name`."""
        if type_name == "quorum":
            return self.quorum
        if type_name == "stream":
            return self.stream
        return self.classic

    def all(self) -> Counters:
        """A copy: all of them added up."""
        found = self.general.copy()
        found.add(self.classic)
        found.add(self.quorum)
        found.add(self.stream)
        return found


class Totals:
    """Of the whole broker.

    Attributes:
        protocols: by name. engine: under "": what no client asked for.
        logins, logins_failed: of users, and signed requests; who comes without a login counts as one that succeeded.
        queues_declared, queues_created, queues_deleted: by clients, or for them; a topic's partitions do not count.
    """

    def __init__(self) -> None:
        self.engine = ProtocolCounters("")
        self.protocols: dict[str, ProtocolCounters] = {"": self.engine}
        self.logins: i64 = 0
        self.logins_failed: i64 = 0
        self.queues_declared: i64 = 0
        self.queues_created: i64 = 0
        self.queues_deleted: i64 = 0

    def protocol(self, name: str) -> ProtocolCounters:
        """Made when it is asked for first."""
        found = self.protocols.get(name)
        if found is None:
            found = ProtocolCounters(name)
            self.protocols[name] = found
        return found

    def all(self) -> Counters:
        """A copy: the whole broker's."""
        found = Counters()
        for protocol in self.protocols.values():
            found.add(protocol.all())
        return found


class Tally:
    """Where one access's doings count that go through no sink: its own counters and its protocol's. One call per batch."""

    __slots__ = ("own", "protocol")

    def __init__(self, own: Counters, protocol: ProtocolCounters) -> None:
        self.own = own
        self.protocol = protocol

    def published_batch(self, records: i64, size: i64) -> None:
        """One batch of a producer."""
        self._begin()
        for counters in (self.own, self.protocol.general):
            counters.published += records
            counters.published_bytes += size
            counters.published_batches += 1
            counters.routed += records

    def _begin(self) -> None:
        if self.own.published == 0:
            self.protocol.publishers += 1

    def published(self, records: i64, size: i64) -> None:
        self._begin()
        for counters in (self.own, self.protocol.general):
            counters.published += records
            counters.published_bytes += size

    def delivered(self, type_name: str, records: i64, size: i64, redelivered: i64) -> None:
        """To be acknowledged."""
        for counters in (self.own, self.protocol.of(type_name)):
            counters.delivered += records
            counters.delivered_bytes += size
            counters.redelivered += redelivered

    def fetched(self, records: i64, size: i64, batches: i64) -> None:
        """Whole batches of a partition."""
        for counters in (self.own, self.protocol.stream):
            counters.delivered_no_ack += records
            counters.delivered_bytes += size
            counters.delivered_batches += batches

    def acknowledged(self, type_name: str, records: i64) -> None:
        self.own.acknowledged += records
        self.protocol.of(type_name).acknowledged += records

    def requeued(self, type_name: str, records: i64) -> None:
        self.own.requeued += records
        self.protocol.of(type_name).requeued += records

    def got_nothing(self) -> None:
        self.own.get_empty += 1
        self.protocol.general.get_empty += 1


NOBODY: Final = ProtocolCounters("nobody")
"""Where what nobody has asked for by an access counts (a part of the engine with a sink of its own); never shown."""
