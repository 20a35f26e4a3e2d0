"""Methods of the classes confirm and tx.

Job: hold the arguments of one method each, read and write them in the order of the wire.
Must not: be used for what comes by the thousand (codec and frame_writers have functions for that), or check meaning.
Spec: AMQP 0-9-1 class reference, tx; confirm: RabbitMQ.
"""

from onemq.heads.amqp091.frames import (
    CONFIRM_SELECT,
    CONFIRM_SELECT_OK,
    TX_COMMIT,
    TX_COMMIT_OK,
    TX_ROLLBACK,
    TX_ROLLBACK_OK,
    TX_SELECT,
    TX_SELECT_OK,
)
from onemq.heads.amqp091.methods.fields import FieldReader, FieldWriter, Method


class ConfirmSelect(Method):
    """confirm.select: RabbitMQ: publisher confirms on this channel."""

    __slots__ = ("no_wait",)

    def __init__(self, no_wait: bool = False) -> None:
        self.no_wait = no_wait

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConfirmSelect":
        fields = FieldReader(data, payload_start, payload_end)
        bits = fields.octet()
        fields.finish()
        return ConfirmSelect(no_wait=bits & 1 != 0)

    def encode(self) -> bytes:
        fields = FieldWriter(CONFIRM_SELECT)
        fields.bits(self.no_wait)
        return fields.payload()


class ConfirmSelectOk(Method):
    """confirm.select-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "ConfirmSelectOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return ConfirmSelectOk()

    def encode(self) -> bytes:
        fields = FieldWriter(CONFIRM_SELECT_OK)
        return fields.payload()


class TxSelect(Method):
    """tx.select"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "TxSelect":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return TxSelect()

    def encode(self) -> bytes:
        fields = FieldWriter(TX_SELECT)
        return fields.payload()


class TxSelectOk(Method):
    """tx.select-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "TxSelectOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return TxSelectOk()

    def encode(self) -> bytes:
        fields = FieldWriter(TX_SELECT_OK)
        return fields.payload()


class TxCommit(Method):
    """tx.commit"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "TxCommit":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return TxCommit()

    def encode(self) -> bytes:
        fields = FieldWriter(TX_COMMIT)
        return fields.payload()


class TxCommitOk(Method):
    """tx.commit-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "TxCommitOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return TxCommitOk()

    def encode(self) -> bytes:
        fields = FieldWriter(TX_COMMIT_OK)
        return fields.payload()


class TxRollback(Method):
    """tx.rollback"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "TxRollback":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return TxRollback()

    def encode(self) -> bytes:
        fields = FieldWriter(TX_ROLLBACK)
        return fields.payload()


class TxRollbackOk(Method):
    """tx.rollback-ok"""

    __slots__ = ()

    @staticmethod
    def decode(data: bytes, payload_start: int, payload_end: int) -> "TxRollbackOk":
        fields = FieldReader(data, payload_start, payload_end)
        fields.finish()
        return TxRollbackOk()

    def encode(self) -> bytes:
        fields = FieldWriter(TX_ROLLBACK_OK)
        return fields.payload()
