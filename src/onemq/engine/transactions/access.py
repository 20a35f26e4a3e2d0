"""One principal's way to transactions: it authorises, and finds topics by name. The decisions are the coordinator's.

Who may write a transactional id may use it; a transaction takes in what the principal may write (topics) or read (groups).
What changes is durable with the turn's commit: answers wait for `Access.position()`.
"""

from typing import Final

from onemq.engine.acls import (
    ALTER,
    CLUSTER,
    CLUSTER_NAME,
    DESCRIBE,
    GROUP,
    READ,
    TOPIC,
    TRANSACTIONAL_ID,
    WRITE,
)
from onemq.engine.authority import Authority
from onemq.engine.topics.producers import ProducerState
from onemq.engine.topics.topic_access import ProduceCheck
from onemq.engine.transactions.coordinator import Transactions
from onemq.engine.transactions.transaction import NO_EPOCH, NO_PRODUCER_ID, Transaction
from onemq.model.refusal import Reason, Refusal

NOBODY: Final = ""


class Grant:
    """What a producer was given: its number and its epoch."""

    __slots__ = ("epoch", "producer_id")

    def __init__(self, producer_id: int, epoch: int) -> None:
        self.producer_id = producer_id
        self.epoch = epoch


class TransactionAccess(ProduceCheck):
    """See the module. Every method raises Refusal ACCESS_DENIED (kind "transactional id", "topic", "group" or "cluster")."""

    def __init__(self, transactions: Transactions, authority: Authority, namespace: str) -> None:
        self._transactions = transactions
        self._authority = authority
        self._namespace = namespace

    def _may_use(self, transactional_id: str) -> None:
        # Kafka authorises before it looks at the name; an empty one is refused as such after that.
        if transactional_id != "":
            self._authority.demand(TRANSACTIONAL_ID, WRITE, transactional_id)

    def initialise(
        self,
        transactional_id: str | None,
        timeout_ms: int,
        producer_id: int = NO_PRODUCER_ID,
        epoch: int = NO_EPOCH,
    ) -> Grant:
        """A number for a producer that is idempotent only (None), or the transactional id's with its next epoch.

        `producer_id` and `epoch`: the producer's present ones, when it is one already.
        Refusal INVALID (only one of the two given, empty id), TRANSACTION_TIMEOUT, LIMIT, PRODUCER_FENCED.
        """
        if transactional_id is not None:
            self._may_use(transactional_id)
        elif not self._authority.may_write_idempotently():
            raise Refusal(Reason.ACCESS_DENIED, "cluster", CLUSTER_NAME, "idempotent write")
        if (producer_id == NO_PRODUCER_ID) != (epoch == NO_EPOCH):
            raise Refusal(Reason.INVALID, "request", "", "a producer id without an epoch, or the reverse")
        if transactional_id is None:
            return Grant(self._transactions.producer_ids.take(), 0)
        found = self._transactions.initialise(
            self._namespace, transactional_id, timeout_ms, producer_id, epoch
        )
        return Grant(found.producer_id, found.epoch)

    def add_partitions(
        self, transactional_id: str, producer_id: int, epoch: int, wanted: list[tuple[str, int]]
    ) -> list[Refusal | None]:
        """Adds all of the (topic, partition) or none: what became of each, in their order.

        Refusal INVALID, PRODUCER_UNKNOWN, PRODUCER_FENCED for the whole; ACCESS_DENIED, NOT_FOUND or NOT_ATTEMPTED for each.
        """
        self._may_use(transactional_id)
        participants = self._transactions.participants
        keys: list[tuple[bytes, int]] = []
        refused: dict[tuple[str, int], Refusal] = {}
        for topic, index in wanted:
            if not self._authority.allows(TOPIC, WRITE, topic):
                refused[(topic, index)] = Refusal(Reason.ACCESS_DENIED, "topic", topic, "write")
                continue
            topic_id = participants.topic_id(self._namespace, topic, index)
            if topic_id == b"":
                refused[(topic, index)] = Refusal(Reason.NOT_FOUND, "partition", topic, str(index))
                continue
            keys.append((topic_id, index))
        outcomes: list[Refusal | None] = []
        if refused:
            for item in wanted:
                found = refused.get(item)
                if found is None:
                    found = Refusal(Reason.NOT_ATTEMPTED, "partition", item[0], str(item[1]))
                outcomes.append(found)
            return outcomes
        self._transactions.join(self._namespace, transactional_id, producer_id, epoch, keys, [])
        for _ in wanted:
            outcomes.append(None)
        return outcomes

    def add_offsets(self, transactional_id: str, producer_id: int, epoch: int, group: str) -> None:
        """Offsets of the group may be committed with the transaction. Refusal INVALID, PRODUCER_UNKNOWN, PRODUCER_FENCED."""
        self._may_use(transactional_id)
        self._authority.demand(GROUP, READ, group)
        self._transactions.join(self._namespace, transactional_id, producer_id, epoch, [], [group])

    def may_commit_offsets(self, transactional_id: str, group: str) -> None:
        """Whether the principal may commit offsets of the group in a transaction at all."""
        self._may_use(transactional_id)
        self._authority.demand(GROUP, READ, group)

    def readable(self, topic: str, index: int) -> Refusal | None:
        """Why offsets of this partition may not be committed: ACCESS_DENIED or NOT_FOUND. None = they may."""
        if not self._authority.allows(TOPIC, READ, topic):
            return Refusal(Reason.ACCESS_DENIED, "topic", topic, "read")
        if self._transactions.participants.topic_id(self._namespace, topic, index) == b"":
            return Refusal(Reason.NOT_FOUND, "partition", topic, str(index))
        return None

    def check_offsets(self, transactional_id: str, producer_id: int, epoch: int, group: str) -> None:
        """Whether offsets of the group may be committed with the transaction now.

        Refusal INVALID, PRODUCER_UNKNOWN, PRODUCER_EPOCH_STALE, NOT_IN_TRANSACTION.
        """
        self.may_commit_offsets(transactional_id, group)
        self._transactions.check_group(self._namespace, transactional_id, producer_id, epoch, group)

    def may_produce(
        self, producer_id: int, epoch: int, transactional_id: str | None, topic: str, index: int
    ) -> None:
        """Whether a transactional batch may be appended to the partition now. Asked by TopicAccess.

        Refusal INVALID (empty id), PRODUCER_UNKNOWN, PRODUCER_EPOCH_STALE, NOT_IN_TRANSACTION.
        """
        if transactional_id is None:
            raise Refusal(Reason.ACCESS_DENIED, "transactional id", NOBODY, "a transaction without an id")
        self._may_use(transactional_id)
        topic_id = self._transactions.participants.topic_id(self._namespace, topic, index)
        self._transactions.check_partition(
            self._namespace, transactional_id, producer_id, epoch, topic_id, index
        )

    def end(self, transactional_id: str, producer_id: int, epoch: int, commit: bool) -> None:
        """Commits or aborts. Refusal INVALID, PRODUCER_UNKNOWN, PRODUCER_FENCED, TRANSACTION_STATE."""
        self._may_use(transactional_id)
        self._transactions.end(self._namespace, transactional_id, producer_id, epoch, commit)

    # For administrators.

    def describe(self, transactional_id: str) -> Transaction:
        """Read it, do not change it. Refusal INVALID, NOT_FOUND."""
        if transactional_id == "":
            raise Refusal(Reason.INVALID, "request", "", "the transactional id is empty")
        self._authority.demand(TRANSACTIONAL_ID, DESCRIBE, transactional_id)
        found = self._transactions.find(self._namespace, transactional_id)
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "transactional id", transactional_id)
        return found

    def partitions_of(self, transaction: Transaction) -> dict[str, list[int]]:
        """Partitions in the transaction, by topic; those whose topic the principal may not know are left out."""
        authority = self._authority
        found: dict[str, list[int]] = {}
        for topic_id, index in transaction.partitions:
            name = self._transactions.participants.topic_name(topic_id)
            if name != "" and authority.allows(TOPIC, DESCRIBE, name):
                found.setdefault(name, []).append(index)
        return found

    def all(self) -> list[Transaction]:
        """Those that the principal may know."""
        return [
            found
            for found in self._transactions.all(self._namespace)
            if self._authority.allows(TRANSACTIONAL_ID, DESCRIBE, found.transactional_id)
        ]

    def producers(self, topic: str, index: int) -> dict[int, ProducerState]:
        """Producers that the partition remembers, by id. Read it, do not change it. Refusal NOT_FOUND."""
        self._authority.demand(TOPIC, READ, topic)
        found = self._transactions.participants.producers(self._namespace, topic, index)
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "partition", topic, str(index))
        return found.states

    def end_for_another(
        self, topic: str, index: int, producer_id: int, epoch: int, commit: bool, coordinator_epoch: int
    ) -> None:
        """Ends a producer's transaction in one partition, whatever the coordinator thinks of it (a hanging transaction).

        Refusal NOT_FOUND, PRODUCER_EPOCH_STALE.
        """
        ending = f"{'committed' if commit else 'aborted'}, partition {index}, producer {producer_id}"
        with self._authority.audit.doing("end transaction", "topic", topic, ending):
            self._authority.demand(CLUSTER, ALTER, CLUSTER_NAME)
            participants = self._transactions.participants
            topic_id = participants.topic_id(self._namespace, topic, index)
            if topic_id == b"":
                raise Refusal(Reason.NOT_FOUND, "partition", topic, str(index))
            participants.end_in_partition(topic_id, index, producer_id, epoch, commit, coordinator_epoch)
