"""What changes how a channel works: confirm.select, tx.select, commit, rollback, channel.flow; and access.request.

Spec: AMQP 0-9-1 classes tx and channel; RabbitMQ's class confirm.
"""

from mypy_extensions import i64

from onemq.engine.enqueueing import REFUSED
from onemq.heads.amqp091.channel import Channel
from onemq.heads.amqp091.commands.basic_publish import publish_record, send_back
from onemq.heads.amqp091.commands.settle import settle_all
from onemq.heads.amqp091.confirms import Confirms
from onemq.heads.amqp091.frames import NOT_IMPLEMENTED, PRECONDITION_FAILED
from onemq.heads.amqp091.methods import (
    AccessRequest,
    AccessRequestOk,
    ChannelFlow,
    ChannelFlowOk,
    ConfirmSelect,
    ConfirmSelectOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from onemq.heads.amqp091.replies import AmqpRefusal
from onemq.heads.amqp091.transactions import HeldPublish, Transaction
from onemq.model.refusal import Refusal


def confirm_select(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = ConfirmSelect.decode(data, start, end)
    if channel.transaction is not None:
        raise AmqpRefusal(PRECONDITION_FAILED, "cannot switch from tx to confirm mode")
    if channel.confirms is None:
        channel.confirms = Confirms(channel.number, channel.session.unconfirmed, channel.counters)
    if not method.no_wait:
        channel.send(ConfirmSelectOk())


def tx_select(channel: Channel, data: bytes, start: int, end: int) -> None:
    TxSelect.decode(data, start, end)
    if channel.confirms is not None:
        raise AmqpRefusal(PRECONDITION_FAILED, "cannot switch from confirm to tx mode")
    if channel.transaction is None:
        channel.transaction = Transaction()
    channel.send(TxSelectOk())


def tx_commit(channel: Channel, data: bytes, start: int, end: int) -> None:
    """All that was held back, in one turn of the engine, which is one atomic commit."""
    TxCommit.decode(data, start, end)
    transaction = _transaction(channel)
    publishes, settlements = transaction.publishes, transaction.settlements
    _clear(channel, transaction)
    refused = False
    for held in publishes:
        if _publish(channel, held) & REFUSED:
            refused = True
    for settlement in settlements:
        settle_all(channel.session.access, settlement.deliveries, settlement.outcome)
    if refused:
        raise AmqpRefusal(PRECONDITION_FAILED, "partial tx completion")
    channel.send_durable(TxCommitOk())


def _publish(channel: Channel, held: HeldPublish) -> i64:
    """The engine's outcome. An exchange that has gone since the publish leads nowhere; the rest is committed all the same."""
    try:
        return publish_record(channel, held.target, held.record, held.headers, held.extra_keys)
    except Refusal:
        if held.target.mandatory:
            send_back(channel, held.record)
        return 0


def _clear(channel: Channel, transaction: Transaction) -> None:
    channel.session.held_bytes -= transaction.held_bytes
    transaction.clear()


def tx_rollback(channel: Channel, data: bytes, start: int, end: int) -> None:
    TxRollback.decode(data, start, end)
    transaction = _transaction(channel)
    for settlement in transaction.settlements:
        channel.put_back(settlement.deliveries)
    _clear(channel, transaction)
    channel.send(TxRollbackOk())


def _transaction(channel: Channel) -> Transaction:
    if channel.transaction is None:
        raise AmqpRefusal(PRECONDITION_FAILED, "channel is not transactional")
    return channel.transaction


def flow(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = ChannelFlow.decode(data, start, end)
    if not method.active:
        raise AmqpRefusal(NOT_IMPLEMENTED, "active=false")
    channel.send(ChannelFlowOk(True))


def access_request(channel: Channel, data: bytes, start: int, end: int) -> None:
    AccessRequest.decode(data, start, end)
    channel.send(AccessRequestOk(1))
