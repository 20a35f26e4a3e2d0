"""What the engine can be told. Plain values; validated by the composition root's settings tree."""

from onemq.engine.directory.settings import DirectorySettings
from onemq.engine.groups.settings import GroupSettings
from onemq.engine.share.settings import ShareSettings
from onemq.engine.transactions.settings import TransactionSettings


class RateSettings:
    """interval_ms: between two samples. objects_max: queues, exchanges, channels, ... sampled at a time."""

    __slots__ = ("interval_ms", "objects_max")

    def __init__(self, interval_ms: int = 5_000, objects_max: int = 10_000) -> None:
        self.interval_ms = interval_ms
        self.objects_max = objects_max


class EngineSettings:
    """Bounds of the engine.

    Attributes:
        tail_bytes_max: most bytes of records kept in memory; above it records are spilled to the store.
        journal_bytes_max: appended bytes after which a checkpoint begins.
        dispatch_per_turn: most deliveries made in one turn, over all queues.
        dispatch_bytes_per_turn: most bytes of values delivered in one turn (the last record may exceed it): what
            outboxes can grow by before the net sees that a peer does not read.
        consumer_timeout_ms: longest a record may stay unsettled at a consumer, unless its queue says otherwise; 0 = no limit.
        message_bytes_max: largest record value, whoever brings it; protocols have limits of their own below it.
        leases_max: most records of one queue that may be leased with a time.
        receive_attempts_max, receive_attempt_bytes_max: receives of one queue that can be asked for again, and their values.
        load_bytes: how much a reader of spilled records asks for at once.
        spill_bytes: how much is encoded for a spill in one turn, at most; of batches as stored eight times as much is spilled.
        namespaces: namespaces that exist from the start.
        groups, share, transactions: bounds of theirs.
        compaction_keys_max: most keys that one pass of compaction notes; the rest is for the next pass.
        topic_partitions_max: most partitions of a topic.
        fetch_bytes_held_max: batches on their way to clients, of all fetches together; beyond it a fetch gives one batch.
        deduplication_window_ms: how long a deduplication id counts. deduplication_ids_max: most of them remembered at a time.
        rates: how often counters are sampled, and of how much.
        directory: the users that the settings have, and whether there is a guest without any.
        predeclared: (name, kind) of the exchanges that every namespace has.
    """

    __slots__ = (
        "compaction_keys_max",
        "consumer_timeout_ms",
        "deduplication_ids_max",
        "deduplication_window_ms",
        "directory",
        "dispatch_bytes_per_turn",
        "dispatch_per_turn",
        "fetch_bytes_held_max",
        "groups",
        "journal_bytes_max",
        "leases_max",
        "load_bytes",
        "message_bytes_max",
        "namespaces",
        "predeclared",
        "rates",
        "receive_attempt_bytes_max",
        "receive_attempts_max",
        "share",
        "spill_bytes",
        "tail_bytes_max",
        "topic_partitions_max",
        "transactions",
    )

    def __init__(
        self,
        tail_bytes_max: int = 64 << 20,
        journal_bytes_max: int = 128 << 20,
        dispatch_per_turn: int = 10_000,
        consumer_timeout_ms: int = 1_800_000,
        message_bytes_max: int = 512 << 20,
        namespaces: list[str] | None = None,
        load_bytes: int = 512 << 10,
        spill_bytes: int = 1 << 20,
        predeclared: list[tuple[str, str]] | None = None,
        dispatch_bytes_per_turn: int = 16 << 20,
        topic_partitions_max: int = 10_000,
        compaction_keys_max: int = 1_000_000,
        groups: GroupSettings | None = None,
        transactions: TransactionSettings | None = None,
        share: ShareSettings | None = None,
        fetch_bytes_held_max: int = 256 << 20,
        deduplication_window_ms: int = 300_000,
        deduplication_ids_max: int = 2_000_000,
        leases_max: int = 120_000,
        receive_attempts_max: int = 1_000,
        receive_attempt_bytes_max: int = 16 << 20,
        rates: RateSettings | None = None,
        directory: DirectorySettings | None = None,
    ) -> None:
        self.rates = RateSettings() if rates is None else rates
        self.directory = DirectorySettings() if directory is None else directory
        self.leases_max = leases_max
        self.receive_attempts_max = receive_attempts_max
        self.receive_attempt_bytes_max = receive_attempt_bytes_max
        self.groups = GroupSettings() if groups is None else groups
        self.transactions = TransactionSettings() if transactions is None else transactions
        self.share = ShareSettings() if share is None else share
        self.compaction_keys_max = compaction_keys_max
        self.topic_partitions_max = topic_partitions_max
        self.deduplication_window_ms = deduplication_window_ms
        self.deduplication_ids_max = deduplication_ids_max
        self.fetch_bytes_held_max = fetch_bytes_held_max
        self.tail_bytes_max = tail_bytes_max
        self.journal_bytes_max = journal_bytes_max
        self.dispatch_bytes_per_turn = dispatch_bytes_per_turn
        self.dispatch_per_turn = dispatch_per_turn
        self.consumer_timeout_ms = consumer_timeout_ms
        self.message_bytes_max = message_bytes_max
        self.namespaces = ["/"] if namespaces is None else namespaces
        self.predeclared: list[tuple[str, str]] = [] if predeclared is None else predeclared
        self.load_bytes = load_bytes
        self.spill_bytes = spill_bytes
