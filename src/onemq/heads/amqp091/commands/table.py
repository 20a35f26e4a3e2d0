"""The commands by their method's number.

What is not here (basic.publish, ack, nack, reject) the conversation handles in place.
"""

from collections.abc import Callable
from typing import Final

from onemq.heads.amqp091.channel import Channel
from onemq.heads.amqp091.commands import basic_consume, basic_get, exchange, modes, queue, settle
from onemq.heads.amqp091.frames import (
    ACCESS_REQUEST,
    BASIC_CANCEL,
    BASIC_CONSUME,
    BASIC_GET,
    BASIC_QOS,
    BASIC_RECOVER,
    BASIC_RECOVER_ASYNC,
    CHANNEL_FLOW,
    CONFIRM_SELECT,
    EXCHANGE_BIND,
    EXCHANGE_DECLARE,
    EXCHANGE_DELETE,
    EXCHANGE_UNBIND,
    QUEUE_BIND,
    QUEUE_DECLARE,
    QUEUE_DELETE,
    QUEUE_PURGE,
    QUEUE_UNBIND,
    TX_COMMIT,
    TX_ROLLBACK,
    TX_SELECT,
)

COMMANDS: Final[dict[int, Callable[[Channel, bytes, int, int], None]]] = {
    ACCESS_REQUEST: modes.access_request,
    BASIC_CANCEL: basic_consume.cancel,
    BASIC_CONSUME: basic_consume.consume,
    BASIC_GET: basic_get.get,
    BASIC_QOS: basic_consume.qos,
    BASIC_RECOVER: settle.recover,
    BASIC_RECOVER_ASYNC: settle.recover_async,
    CHANNEL_FLOW: modes.flow,
    CONFIRM_SELECT: modes.confirm_select,
    EXCHANGE_BIND: exchange.bind,
    EXCHANGE_DECLARE: exchange.declare,
    EXCHANGE_DELETE: exchange.delete,
    EXCHANGE_UNBIND: exchange.unbind,
    QUEUE_BIND: queue.bind,
    QUEUE_DECLARE: queue.declare,
    QUEUE_DELETE: queue.delete,
    QUEUE_PURGE: queue.purge,
    QUEUE_UNBIND: queue.unbind,
    TX_COMMIT: modes.tx_commit,
    TX_ROLLBACK: modes.tx_rollback,
    TX_SELECT: modes.tx_select,
}
