"""All methods: what each is called, what it carries and what answers it.

Job: the table of methods, decoding by the number that leads a method frame's payload. The modules of this package
hold the methods, by AMQP class (basic is three: consumers, messages, settling); all are handed on here.
Must not: know states or who may send what when.
Spec: AMQP 0-9-1 class reference with RabbitMQ's extensions.
"""

from collections.abc import Callable
from typing import Final

from librt.strings import read_i32_be

from onemq.heads.amqp091.frames import (
    ACCESS_REQUEST,
    ACCESS_REQUEST_OK,
    BASIC_ACK,
    BASIC_CANCEL,
    BASIC_CANCEL_OK,
    BASIC_CONSUME,
    BASIC_CONSUME_OK,
    BASIC_DELIVER,
    BASIC_GET,
    BASIC_GET_EMPTY,
    BASIC_GET_OK,
    BASIC_NACK,
    BASIC_PUBLISH,
    BASIC_QOS,
    BASIC_QOS_OK,
    BASIC_RECOVER,
    BASIC_RECOVER_ASYNC,
    BASIC_RECOVER_OK,
    BASIC_REJECT,
    BASIC_RETURN,
    CHANNEL_CLOSE,
    CHANNEL_CLOSE_OK,
    CHANNEL_FLOW,
    CHANNEL_FLOW_OK,
    CHANNEL_OPEN,
    CHANNEL_OPEN_OK,
    COMMAND_INVALID,
    CONFIRM_SELECT,
    CONFIRM_SELECT_OK,
    CONNECTION_BLOCKED,
    CONNECTION_CLOSE,
    CONNECTION_CLOSE_OK,
    CONNECTION_OPEN,
    CONNECTION_OPEN_OK,
    CONNECTION_SECURE,
    CONNECTION_SECURE_OK,
    CONNECTION_START,
    CONNECTION_START_OK,
    CONNECTION_TUNE,
    CONNECTION_TUNE_OK,
    CONNECTION_UNBLOCKED,
    CONNECTION_UPDATE_SECRET,
    CONNECTION_UPDATE_SECRET_OK,
    EXCHANGE_BIND,
    EXCHANGE_BIND_OK,
    EXCHANGE_DECLARE,
    EXCHANGE_DECLARE_OK,
    EXCHANGE_DELETE,
    EXCHANGE_DELETE_OK,
    EXCHANGE_UNBIND,
    EXCHANGE_UNBIND_OK,
    FRAME_ERROR,
    METHOD_KEY_BYTES,
    QUEUE_BIND,
    QUEUE_BIND_OK,
    QUEUE_DECLARE,
    QUEUE_DECLARE_OK,
    QUEUE_DELETE,
    QUEUE_DELETE_OK,
    QUEUE_PURGE,
    QUEUE_PURGE_OK,
    QUEUE_UNBIND,
    QUEUE_UNBIND_OK,
    TX_COMMIT,
    TX_COMMIT_OK,
    TX_ROLLBACK,
    TX_ROLLBACK_OK,
    TX_SELECT,
    TX_SELECT_OK,
    AmqpWireError,
    octets_text,
)
from onemq.heads.amqp091.methods.basic_consumers import (
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicQos,
    BasicQosOk,
)
from onemq.heads.amqp091.methods.basic_messages import (
    BasicDeliver,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicPublish,
    BasicReturn,
)
from onemq.heads.amqp091.methods.basic_settling import (
    BasicAck,
    BasicNack,
    BasicRecover,
    BasicRecoverAsync,
    BasicRecoverOk,
    BasicReject,
)
from onemq.heads.amqp091.methods.channel import (
    AccessRequest,
    AccessRequestOk,
    ChannelClose,
    ChannelCloseOk,
    ChannelFlow,
    ChannelFlowOk,
    ChannelOpen,
    ChannelOpenOk,
)
from onemq.heads.amqp091.methods.connection import (
    ConnectionBlocked,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionSecure,
    ConnectionSecureOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    ConnectionUnblocked,
    ConnectionUpdateSecret,
    ConnectionUpdateSecretOk,
)
from onemq.heads.amqp091.methods.exchange import (
    ExchangeBind,
    ExchangeBindOk,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    ExchangeUnbind,
    ExchangeUnbindOk,
)
from onemq.heads.amqp091.methods.fields import Method
from onemq.heads.amqp091.methods.queue import (
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    QueueUnbind,
    QueueUnbindOk,
)
from onemq.heads.amqp091.methods.transaction import (
    ConfirmSelect,
    ConfirmSelectOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)

__all__ = [
    "AccessRequest",
    "AccessRequestOk",
    "BasicAck",
    "BasicCancel",
    "BasicCancelOk",
    "BasicConsume",
    "BasicConsumeOk",
    "BasicDeliver",
    "BasicGet",
    "BasicGetEmpty",
    "BasicGetOk",
    "BasicNack",
    "BasicPublish",
    "BasicQos",
    "BasicQosOk",
    "BasicRecover",
    "BasicRecoverAsync",
    "BasicRecoverOk",
    "BasicReject",
    "BasicReturn",
    "ChannelClose",
    "ChannelCloseOk",
    "ChannelFlow",
    "ChannelFlowOk",
    "ChannelOpen",
    "ChannelOpenOk",
    "ConfirmSelect",
    "ConfirmSelectOk",
    "ConnectionBlocked",
    "ConnectionClose",
    "ConnectionCloseOk",
    "ConnectionOpen",
    "ConnectionOpenOk",
    "ConnectionSecure",
    "ConnectionSecureOk",
    "ConnectionStart",
    "ConnectionStartOk",
    "ConnectionTune",
    "ConnectionTuneOk",
    "ConnectionUnblocked",
    "ConnectionUpdateSecret",
    "ConnectionUpdateSecretOk",
    "ExchangeBind",
    "ExchangeBindOk",
    "ExchangeDeclare",
    "ExchangeDeclareOk",
    "ExchangeDelete",
    "ExchangeDeleteOk",
    "ExchangeUnbind",
    "ExchangeUnbindOk",
    "METHODS",
    "Method",
    "MethodSpec",
    "QueueBind",
    "QueueBindOk",
    "QueueDeclare",
    "QueueDeclareOk",
    "QueueDelete",
    "QueueDeleteOk",
    "QueuePurge",
    "QueuePurgeOk",
    "QueueUnbind",
    "QueueUnbindOk",
    "TxCommit",
    "TxCommitOk",
    "TxRollback",
    "TxRollbackOk",
    "TxSelect",
    "TxSelectOk",
    "decode_method",
    "method_name",
]


class MethodSpec:
    """One row of the table.

    Attributes:
        key: class number in the upper, method number in the lower 16 bits.
        name: as the specification writes it, "queue.declare-ok".
        decode: (data, payload_start, payload_end) to the method; raises AmqpWireError.
        replies: keys of the methods that answer it; empty if none does. A no-wait argument suppresses the answer.
        has_content: a header frame and body frames follow.
    """

    __slots__ = ("key", "name", "decode", "replies", "has_content")

    def __init__(
        self,
        key: int,
        name: str,
        decode: Callable[[bytes, int, int], Method],
        replies: tuple[int, ...] = (),
        has_content: bool = False,
    ) -> None:
        self.key = key
        self.name = name
        self.decode = decode
        self.replies = replies
        self.has_content = has_content


_TABLE: Final[list[MethodSpec]] = [
    MethodSpec(CONNECTION_START, "connection.start", ConnectionStart.decode, (CONNECTION_START_OK,)),
    MethodSpec(CONNECTION_START_OK, "connection.start-ok", ConnectionStartOk.decode),
    MethodSpec(CONNECTION_SECURE, "connection.secure", ConnectionSecure.decode, (CONNECTION_SECURE_OK,)),
    MethodSpec(CONNECTION_SECURE_OK, "connection.secure-ok", ConnectionSecureOk.decode),
    MethodSpec(CONNECTION_TUNE, "connection.tune", ConnectionTune.decode, (CONNECTION_TUNE_OK,)),
    MethodSpec(CONNECTION_TUNE_OK, "connection.tune-ok", ConnectionTuneOk.decode),
    MethodSpec(CONNECTION_OPEN, "connection.open", ConnectionOpen.decode, (CONNECTION_OPEN_OK,)),
    MethodSpec(CONNECTION_OPEN_OK, "connection.open-ok", ConnectionOpenOk.decode),
    MethodSpec(CONNECTION_CLOSE, "connection.close", ConnectionClose.decode, (CONNECTION_CLOSE_OK,)),
    MethodSpec(CONNECTION_CLOSE_OK, "connection.close-ok", ConnectionCloseOk.decode),
    MethodSpec(CONNECTION_BLOCKED, "connection.blocked", ConnectionBlocked.decode),
    MethodSpec(CONNECTION_UNBLOCKED, "connection.unblocked", ConnectionUnblocked.decode),
    MethodSpec(
        CONNECTION_UPDATE_SECRET,
        "connection.update-secret",
        ConnectionUpdateSecret.decode,
        (CONNECTION_UPDATE_SECRET_OK,),
    ),
    MethodSpec(CONNECTION_UPDATE_SECRET_OK, "connection.update-secret-ok", ConnectionUpdateSecretOk.decode),
    MethodSpec(CHANNEL_OPEN, "channel.open", ChannelOpen.decode, (CHANNEL_OPEN_OK,)),
    MethodSpec(CHANNEL_OPEN_OK, "channel.open-ok", ChannelOpenOk.decode),
    MethodSpec(CHANNEL_FLOW, "channel.flow", ChannelFlow.decode, (CHANNEL_FLOW_OK,)),
    MethodSpec(CHANNEL_FLOW_OK, "channel.flow-ok", ChannelFlowOk.decode),
    MethodSpec(CHANNEL_CLOSE, "channel.close", ChannelClose.decode, (CHANNEL_CLOSE_OK,)),
    MethodSpec(CHANNEL_CLOSE_OK, "channel.close-ok", ChannelCloseOk.decode),
    MethodSpec(ACCESS_REQUEST, "access.request", AccessRequest.decode, (ACCESS_REQUEST_OK,)),
    MethodSpec(ACCESS_REQUEST_OK, "access.request-ok", AccessRequestOk.decode),
    MethodSpec(EXCHANGE_DECLARE, "exchange.declare", ExchangeDeclare.decode, (EXCHANGE_DECLARE_OK,)),
    MethodSpec(EXCHANGE_DECLARE_OK, "exchange.declare-ok", ExchangeDeclareOk.decode),
    MethodSpec(EXCHANGE_DELETE, "exchange.delete", ExchangeDelete.decode, (EXCHANGE_DELETE_OK,)),
    MethodSpec(EXCHANGE_DELETE_OK, "exchange.delete-ok", ExchangeDeleteOk.decode),
    MethodSpec(EXCHANGE_BIND, "exchange.bind", ExchangeBind.decode, (EXCHANGE_BIND_OK,)),
    MethodSpec(EXCHANGE_BIND_OK, "exchange.bind-ok", ExchangeBindOk.decode),
    MethodSpec(EXCHANGE_UNBIND, "exchange.unbind", ExchangeUnbind.decode, (EXCHANGE_UNBIND_OK,)),
    MethodSpec(EXCHANGE_UNBIND_OK, "exchange.unbind-ok", ExchangeUnbindOk.decode),
    MethodSpec(QUEUE_DECLARE, "queue.declare", QueueDeclare.decode, (QUEUE_DECLARE_OK,)),
    MethodSpec(QUEUE_DECLARE_OK, "queue.declare-ok", QueueDeclareOk.decode),
    MethodSpec(QUEUE_BIND, "queue.bind", QueueBind.decode, (QUEUE_BIND_OK,)),
    MethodSpec(QUEUE_BIND_OK, "queue.bind-ok", QueueBindOk.decode),
    MethodSpec(QUEUE_UNBIND, "queue.unbind", QueueUnbind.decode, (QUEUE_UNBIND_OK,)),
    MethodSpec(QUEUE_UNBIND_OK, "queue.unbind-ok", QueueUnbindOk.decode),
    MethodSpec(QUEUE_PURGE, "queue.purge", QueuePurge.decode, (QUEUE_PURGE_OK,)),
    MethodSpec(QUEUE_PURGE_OK, "queue.purge-ok", QueuePurgeOk.decode),
    MethodSpec(QUEUE_DELETE, "queue.delete", QueueDelete.decode, (QUEUE_DELETE_OK,)),
    MethodSpec(QUEUE_DELETE_OK, "queue.delete-ok", QueueDeleteOk.decode),
    MethodSpec(BASIC_QOS, "basic.qos", BasicQos.decode, (BASIC_QOS_OK,)),
    MethodSpec(BASIC_QOS_OK, "basic.qos-ok", BasicQosOk.decode),
    MethodSpec(BASIC_CONSUME, "basic.consume", BasicConsume.decode, (BASIC_CONSUME_OK,)),
    MethodSpec(BASIC_CONSUME_OK, "basic.consume-ok", BasicConsumeOk.decode),
    MethodSpec(BASIC_CANCEL, "basic.cancel", BasicCancel.decode, (BASIC_CANCEL_OK,)),
    MethodSpec(BASIC_CANCEL_OK, "basic.cancel-ok", BasicCancelOk.decode),
    MethodSpec(BASIC_PUBLISH, "basic.publish", BasicPublish.decode, has_content=True),
    MethodSpec(BASIC_RETURN, "basic.return", BasicReturn.decode, has_content=True),
    MethodSpec(BASIC_DELIVER, "basic.deliver", BasicDeliver.decode, has_content=True),
    MethodSpec(BASIC_GET, "basic.get", BasicGet.decode, (BASIC_GET_OK, BASIC_GET_EMPTY)),
    MethodSpec(BASIC_GET_OK, "basic.get-ok", BasicGetOk.decode, has_content=True),
    MethodSpec(BASIC_GET_EMPTY, "basic.get-empty", BasicGetEmpty.decode),
    MethodSpec(BASIC_ACK, "basic.ack", BasicAck.decode),
    MethodSpec(BASIC_REJECT, "basic.reject", BasicReject.decode),
    MethodSpec(BASIC_RECOVER_ASYNC, "basic.recover-async", BasicRecoverAsync.decode),
    MethodSpec(BASIC_RECOVER, "basic.recover", BasicRecover.decode, (BASIC_RECOVER_OK,)),
    MethodSpec(BASIC_RECOVER_OK, "basic.recover-ok", BasicRecoverOk.decode),
    MethodSpec(BASIC_NACK, "basic.nack", BasicNack.decode),
    MethodSpec(CONFIRM_SELECT, "confirm.select", ConfirmSelect.decode, (CONFIRM_SELECT_OK,)),
    MethodSpec(CONFIRM_SELECT_OK, "confirm.select-ok", ConfirmSelectOk.decode),
    MethodSpec(TX_SELECT, "tx.select", TxSelect.decode, (TX_SELECT_OK,)),
    MethodSpec(TX_SELECT_OK, "tx.select-ok", TxSelectOk.decode),
    MethodSpec(TX_COMMIT, "tx.commit", TxCommit.decode, (TX_COMMIT_OK,)),
    MethodSpec(TX_COMMIT_OK, "tx.commit-ok", TxCommitOk.decode),
    MethodSpec(TX_ROLLBACK, "tx.rollback", TxRollback.decode, (TX_ROLLBACK_OK,)),
    MethodSpec(TX_ROLLBACK_OK, "tx.rollback-ok", TxRollbackOk.decode),
]

METHODS: Final[dict[int, MethodSpec]] = {spec.key: spec for spec in _TABLE}


def decode_method(data: bytes, payload_start: int, payload_end: int) -> Method:
    """The method of a METHOD frame.

    Raises AmqpWireError 501 when its arguments do not decode, 502 when a table in them does not, 503 when there is no
    such method.
    """
    if payload_end - payload_start < METHOD_KEY_BYTES:
        raise AmqpWireError(FRAME_ERROR, "cannot decode " + octets_text(data[payload_start:payload_end]))
    key = int(read_i32_be(data, payload_start)) & 0xFFFF_FFFF
    spec = METHODS.get(key)
    if spec is None:
        class_id = key >> 16
        method_id = key & 0xFFFF
        raise AmqpWireError(COMMAND_INVALID, f"unknown method {class_id}.{method_id}", class_id, method_id)
    return spec.decode(data, payload_start, payload_end)


def method_name(key: int) -> str:
    """For logs and reply texts: "basic.publish", or "none" for an unknown key, as RabbitMQ writes it."""
    spec = METHODS.get(key)
    return "none" if spec is None else spec.name
