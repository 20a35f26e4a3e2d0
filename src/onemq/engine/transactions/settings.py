"""Bounds of transactions. Plain values; validated by the composition root's settings tree. Defaults are Kafka's."""


class TransactionSettings:
    """Bounds.

    Attributes:
        timeout_ms_max: longest time a producer may ask for between a transaction's start and its end (transaction.max.timeout.ms).
        expiry_ms: an idle transactional id is forgotten after this (transactional.id.expiration.ms).
        ids_max: most transactional ids remembered at a time.
    """

    __slots__ = ("expiry_ms", "ids_max", "timeout_ms_max")

    def __init__(
        self,
        timeout_ms_max: int = 900_000,
        expiry_ms: int = 7 * 24 * 3_600_000,
        ids_max: int = 100_000,
    ) -> None:
        self.timeout_ms_max = timeout_ms_max
        self.expiry_ms = expiry_ms
        self.ids_max = ids_max
