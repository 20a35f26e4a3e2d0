"""basic.ack, nack, reject, recover.

Spec: AMQP 0-9-1 class basic; basic.nack: RabbitMQ. What counts as a failed delivery follows RabbitMQ 4.3: basic.reject and
recover do, basic.nack does not.
"""

from mypy_extensions import i64

from onemq.engine.access import Access
from onemq.engine.consumption import Delivery
from onemq.heads.amqp091.channel import Channel
from onemq.heads.amqp091.frames import NOT_IMPLEMENTED, PRECONDITION_FAILED
from onemq.heads.amqp091.methods import BasicRecover, BasicRecoverAsync, BasicRecoverOk
from onemq.heads.amqp091.replies import AmqpRefusal
from onemq.heads.amqp091.transactions import ACCEPT, REJECT, REQUEUE, REQUEUE_FAILED, HeldSettlement


def ack(channel: Channel, tag: i64, multiple: bool) -> None:
    transaction = channel.transaction
    if transaction is None and not multiple:
        # The common case: one delivery, no list.
        delivery = channel.unacked.pop(int(tag), None)
        if delivery is None:
            raise _unknown(tag)
        channel.session.access.accept(delivery)
        return
    settle(channel, tag, multiple, ACCEPT)


def nack(channel: Channel, tag: i64, multiple: bool, requeue: bool) -> None:
    settle(channel, tag, multiple, REQUEUE if requeue else REJECT)


def reject(channel: Channel, tag: i64, requeue: bool) -> None:
    settle(channel, tag, False, REQUEUE_FAILED if requeue else REJECT)


def settle(channel: Channel, tag: i64, multiple: bool, outcome: i64) -> None:
    deliveries = channel.take(tag, multiple)
    if deliveries is None:
        raise _unknown(tag)
    if channel.transaction is not None:
        channel.transaction.settlements.append(HeldSettlement(outcome, deliveries))
    else:
        settle_all(channel.session.access, deliveries, outcome)


def settle_all(access: Access, deliveries: list[Delivery], outcome: i64) -> None:
    if outcome == ACCEPT:
        access.accept_many(deliveries)
        return
    for delivery in deliveries:
        if outcome == REJECT:
            access.reject(delivery)
        else:
            access.release(delivery, outcome == REQUEUE_FAILED)


def recover_async(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = BasicRecoverAsync.decode(data, start, end)
    _recover(channel, method.requeue)


def recover(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = BasicRecover.decode(data, start, end)
    _recover(channel, method.requeue)
    channel.send(BasicRecoverOk())


def _recover(channel: Channel, requeue: bool) -> None:
    if not requeue:
        raise AmqpRefusal(NOT_IMPLEMENTED, "requeue=false")
    deliveries = channel.take(0, True)
    if deliveries:
        settle_all(channel.session.access, deliveries, REQUEUE_FAILED)


def _unknown(tag: i64) -> AmqpRefusal:
    shown = int(tag) if tag >= 0 else int(tag) + (1 << 64)
    return AmqpRefusal(PRECONDITION_FAILED, f"unknown delivery tag {shown}")
