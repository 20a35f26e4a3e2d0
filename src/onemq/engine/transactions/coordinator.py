"""The transaction coordinator: which producer may use a transactional id, and what its transaction consists of.

The end of a transaction (markers in all partitions, offsets in all groups, the state here) is one commit of the engine, so the states
that Kafka needs between "prepared" and "complete" do not exist. It authorises nothing: that is access.py.

Rules and their order: Kafka's coordinator with transactions of version 1 (KIP-98, KIP-360 epochs, KIP-588 time-outs, KIP-890 part 1).
"""

from typing import Final

from onemq.engine.core import Agenda, Core
from onemq.engine.parts import PART_TRANSACTIONS, Part
from onemq.engine.transactions.participants import Participants
from onemq.engine.transactions.producer_ids import ProducerIds
from onemq.engine.transactions.settings import TransactionSettings
from onemq.engine.transactions.transaction import (
    EMPTY,
    EPOCH_MAX,
    NO_EPOCH,
    NO_PRODUCER_ID,
    ONGOING,
    Transaction,
    is_exhausted,
)
from onemq.model.refusal import Reason, Refusal

COORDINATOR_EPOCH: Final = 0
"""There is one coordinator and it never moves."""


class Transactions(Part):
    """See the module. Refusals name the kind "transactional id"."""

    def __init__(
        self,
        core: Core,
        settings: TransactionSettings,
        producer_ids: ProducerIds,
        participants: Participants,
    ) -> None:
        self.number = PART_TRANSACTIONS
        self.core = core
        self.settings = settings
        self.producer_ids = producer_ids
        self.participants = participants
        self._known: dict[tuple[str, str], Transaction] = {}
        self._timers: dict[tuple[str, str], TransactionTimer] = {}

    # Looking.

    def find(self, namespace: str, transactional_id: str) -> Transaction | None:
        return self._known.get((namespace, transactional_id))

    def all(self, namespace: str) -> list[Transaction]:
        return [found for found in self._known.values() if found.namespace == namespace]

    def _owned(self, namespace: str, transactional_id: str, producer_id: int) -> Transaction:
        """Refusal INVALID, PRODUCER_UNKNOWN."""
        if transactional_id == "":
            raise Refusal(Reason.INVALID, "request", "", "the transactional id is empty")
        transaction = self._known.get((namespace, transactional_id))
        if transaction is None or transaction.producer_id != producer_id:
            raise Refusal(Reason.PRODUCER_UNKNOWN, "transactional id", transactional_id)
        return transaction

    # The producer of a transactional id.

    def initialise(
        self, namespace: str, transactional_id: str, timeout_ms: int, producer_id: int, epoch: int
    ) -> Transaction:
        """Gives the id to a producer: its number and its epoch stand in what is returned. Whoever had it before is fenced.

        `producer_id` and `epoch`: what the same producer has now and wants a later epoch of (KIP-360), or -1.
        Refusal INVALID, TRANSACTION_TIMEOUT, LIMIT, PRODUCER_FENCED.
        """
        if transactional_id == "":
            raise Refusal(Reason.INVALID, "request", "", "the transactional id is empty")
        if timeout_ms <= 0 or timeout_ms > self.settings.timeout_ms_max:
            raise Refusal(Reason.TRANSACTION_TIMEOUT, "transactional id", transactional_id, str(timeout_ms))
        transaction = self._known.get((namespace, transactional_id))
        if transaction is None:
            if len(self._known) >= self.settings.ids_max:
                raise Refusal(
                    Reason.LIMIT, "transactional id", transactional_id, "too many transactional ids"
                )
            taken = self.producer_ids.take()
            self._grant(namespace, transactional_id, taken, 0, NO_PRODUCER_ID, NO_EPOCH, timeout_ms)
            return self._known[(namespace, transactional_id)]
        if producer_id == NO_PRODUCER_ID:
            self._replace(transaction, timeout_ms)
        else:
            self._continue(transaction, timeout_ms, producer_id, epoch)
        return transaction

    def _replace(self, transaction: Transaction, timeout_ms: int) -> None:
        """Somebody new takes the id over."""
        if transaction.state == ONGOING:
            self._fence(transaction)
        self._bump(transaction, timeout_ms, NO_EPOCH)

    def _continue(self, transaction: Transaction, timeout_ms: int, producer_id: int, epoch: int) -> None:
        """The present producer wants its next epoch, perhaps for the second time because it did not hear the answer."""
        name = transaction.transactional_id
        if producer_id != transaction.producer_id and not (
            producer_id == transaction.last_producer_id and is_exhausted(epoch)
        ):
            raise Refusal(Reason.PRODUCER_FENCED, "transactional id", name)
        if producer_id == transaction.producer_id and epoch == transaction.epoch:
            if transaction.state == ONGOING:
                self._fence(transaction)
            self._bump(transaction, timeout_ms, epoch)
        elif epoch == transaction.last_epoch and transaction.state != ONGOING:
            self._grant(
                transaction.namespace,
                name,
                transaction.producer_id,
                transaction.epoch,
                transaction.last_producer_id,
                transaction.last_epoch,
                timeout_ms,
            )
        else:
            raise Refusal(Reason.PRODUCER_FENCED, "transactional id", name)

    def _bump(self, transaction: Transaction, timeout_ms: int, last_epoch: int) -> None:
        producer_id = transaction.producer_id
        epoch = transaction.epoch + 1
        last_producer_id = NO_PRODUCER_ID
        if is_exhausted(transaction.epoch):
            last_producer_id = producer_id
            producer_id = self.producer_ids.take()
            epoch = 0
        self._grant(
            transaction.namespace,
            transaction.transactional_id,
            producer_id,
            epoch,
            last_producer_id,
            last_epoch,
            timeout_ms,
        )

    def _grant(
        self,
        namespace: str,
        transactional_id: str,
        producer_id: int,
        epoch: int,
        last_producer_id: int,
        last_epoch: int,
        timeout_ms: int,
    ) -> None:
        change: dict[str, object] = {
            "op": "producer",
            "namespace": namespace,
            "id": transactional_id,
            "producer": producer_id,
            "epoch": epoch,
            "last_producer": last_producer_id,
            "last_epoch": last_epoch,
            "timeout": timeout_ms,
            "now": int(self.core.now_ms),
        }
        self._change(change)
        self._watch(self._known[(namespace, transactional_id)])

    # What is in the transaction.

    def join(
        self,
        namespace: str,
        transactional_id: str,
        producer_id: int,
        epoch: int,
        partitions: list[tuple[bytes, int]],
        groups: list[str],
    ) -> None:
        """Adds partitions and groups; begins the transaction if none is open. Refusal INVALID, PRODUCER_UNKNOWN, PRODUCER_FENCED."""
        transaction = self._owned(namespace, transactional_id, producer_id)
        if transaction.epoch != epoch:
            raise Refusal(Reason.PRODUCER_FENCED, "transactional id", transactional_id)
        begins = transaction.state != ONGOING
        new_partitions: list[list[object]] = []
        for key in partitions:
            if begins or key not in transaction.partitions:
                new_partitions.append([key[0], key[1]])
        new_groups = [group for group in groups if begins or group not in transaction.groups]
        if not begins and not new_partitions and not new_groups:
            return
        change: dict[str, object] = {
            "op": "join",
            "namespace": namespace,
            "id": transactional_id,
            "partitions": new_partitions,
            "groups": new_groups,
            "now": int(self.core.now_ms),
        }
        self._change(change)
        if begins:
            self._watch(transaction)

    def check_partition(
        self,
        namespace: str,
        transactional_id: str,
        producer_id: int,
        epoch: int,
        topic_id: bytes,
        index: int,
    ) -> None:
        """Whether a transactional batch may be appended there.

        Refusal INVALID, PRODUCER_UNKNOWN, PRODUCER_EPOCH_STALE, NOT_IN_TRANSACTION.
        """
        transaction = self._writer(namespace, transactional_id, producer_id, epoch)
        if transaction.state != ONGOING or (topic_id, index) not in transaction.partitions:
            raise Refusal(Reason.NOT_IN_TRANSACTION, "transactional id", transactional_id)

    def check_group(
        self, namespace: str, transactional_id: str, producer_id: int, epoch: int, group: str
    ) -> None:
        """Whether offsets of the group may be committed with the transaction. Refusals as `check_partition`."""
        transaction = self._writer(namespace, transactional_id, producer_id, epoch)
        if transaction.state != ONGOING or group not in transaction.groups:
            raise Refusal(Reason.NOT_IN_TRANSACTION, "transactional id", transactional_id)

    def _writer(self, namespace: str, transactional_id: str, producer_id: int, epoch: int) -> Transaction:
        transaction = self._owned(namespace, transactional_id, producer_id)
        if transaction.epoch != epoch:
            raise Refusal(Reason.PRODUCER_EPOCH_STALE, "transactional id", transactional_id)
        return transaction

    # Its end.

    def end(self, namespace: str, transactional_id: str, producer_id: int, epoch: int, commit: bool) -> None:
        """Commits or aborts. Asked again with the same wish after the end, it is content.

        Refusal INVALID, PRODUCER_UNKNOWN, PRODUCER_FENCED, TRANSACTION_STATE.
        """
        transaction = self._owned(namespace, transactional_id, producer_id)
        if transaction.epoch != epoch:
            raise Refusal(Reason.PRODUCER_FENCED, "transactional id", transactional_id)
        if transaction.state == ONGOING:
            self._end(transaction, commit, epoch, transaction.last_epoch)
        elif transaction.state == EMPTY or transaction.is_committed() != commit:
            raise Refusal(Reason.TRANSACTION_STATE, "transactional id", transactional_id)

    def _fence(self, transaction: Transaction) -> None:
        """Aborts under an epoch that no producer has: whoever began it gets nothing in any more, here or in the partitions."""
        self._end(transaction, False, min(transaction.epoch + 1, EPOCH_MAX), NO_EPOCH)

    def _end(self, transaction: Transaction, commit: bool, epoch: int, last_epoch: int) -> None:
        producer_id = transaction.producer_id
        for topic_id, index in transaction.partitions:
            try:
                self.participants.end_in_partition(
                    topic_id, index, producer_id, epoch, commit, COORDINATOR_EPOCH
                )
            except Refusal as refusal:
                # The partition knows a newer epoch, which this coordinator never gave: nothing of ours can be open there.
                assert refusal.reason == Reason.PRODUCER_EPOCH_STALE, str(refusal)
        if transaction.groups:
            self.participants.end_in_groups(producer_id, commit)
        change: dict[str, object] = {
            "op": "end",
            "namespace": transaction.namespace,
            "id": transaction.transactional_id,
            "commit": commit,
            "epoch": epoch,
            "last_epoch": last_epoch,
            "now": int(self.core.now_ms),
        }
        self._change(change)
        self._watch(transaction)

    # Time.

    def _due_ms(self, transaction: Transaction) -> int:
        if transaction.state == ONGOING:
            return transaction.started_ms + transaction.timeout_ms
        return transaction.updated_ms + self.settings.expiry_ms

    def _watch(self, transaction: Transaction) -> None:
        key = (transaction.namespace, transaction.transactional_id)
        timer = self._timers.get(key)
        if timer is None:
            timer = TransactionTimer(self, transaction)
            self._timers[key] = timer
        self.core.schedule(timer, self._due_ms(transaction))

    def on_time(self, transaction: Transaction) -> None:
        """Aborts what has lasted too long, forgets what was idle too long."""
        if transaction.forgotten:
            return
        if self.core.now_ms < self._due_ms(transaction):
            self._watch(transaction)
        elif transaction.state == ONGOING:
            self._fence(transaction)
        else:
            change: dict[str, object] = {
                "op": "forget",
                "namespace": transaction.namespace,
                "id": transaction.transactional_id,
            }
            self._change(change)

    def clear_namespace(self, name: str) -> None:
        """Open ones end without a word: their partitions go as well."""
        for namespace, transactional_id in list(self._known):
            if namespace == name:
                self._change({"op": "forget", "namespace": namespace, "id": transactional_id})

    # Facts.

    def _change(self, change: dict[str, object]) -> None:
        self.apply(change)
        self.core.note(self, change)

    def apply(self, change: dict[str, object]) -> None:
        operation = change["op"]
        key = (str(change["namespace"]), str(change["id"]))
        transaction = self._known.get(key)
        if operation == "producer" or operation == "state":
            if transaction is None:
                transaction = Transaction(key[0], key[1])
                self._known[key] = transaction
            if operation == "producer":
                transaction.begin_producer(change)
            else:
                transaction.restore(change)
            return
        assert transaction is not None, f"fact of transactional id {key[1]!r}, which has none before"
        if operation == "join":
            transaction.join(change)
        elif operation == "end":
            transaction.end(change)
        elif operation == "forget":
            transaction.forgotten = True
            del self._known[key]
            self._timers.pop(key, None)
        else:
            raise AssertionError(f"unknown change {operation!r} of a transaction")

    def changes(self) -> list[dict[str, object]]:
        return [transaction.to_change() for transaction in self._known.values()]

    def finish_recovery(self) -> None:
        for transaction in self._known.values():
            self._watch(transaction)


class TransactionTimer(Agenda):
    """Wakes the coordinator for one transactional id."""

    def __init__(self, transactions: Transactions, transaction: Transaction) -> None:
        super().__init__()
        self.transactions = transactions
        self.transaction = transaction

    def on_deadline(self) -> None:
        self.transactions.on_time(self.transaction)
