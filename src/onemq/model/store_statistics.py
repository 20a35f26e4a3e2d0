"""What the store has done, and how long it took: for metrics. Written by the store's lanes, read by anybody.

Must not: be asked for anything that the store decides by.
"""

from mypy_extensions import i64

from onemq.model.histogram import Histogram


class StoreStatistics:
    """Since the start.

    Attributes:
        commit_times: from a commit's append until it was durable. sync_times: of the journal's syncs.
        commits, commit_bytes: written to the journal. groups: writes that these took, each of one commit or more.
        checkpoints: taken. checkpoint_times: how long each took. checkpoint_bytes: of the last one's state.
        stalls: how often there was no space to write.
        spilled_bytes: written to segments, by spills and by rewriting. loaded_bytes: read back for readers.
    """

    def __init__(self) -> None:
        self.commit_times = Histogram()
        self.sync_times = Histogram()
        self.commits: i64 = 0
        self.commit_bytes: i64 = 0
        self.groups: i64 = 0
        self.checkpoints: i64 = 0
        self.checkpoint_times = Histogram()
        self.checkpoint_bytes: i64 = 0
        self.stalls: i64 = 0
        self.spilled_bytes: i64 = 0
        self.loaded_bytes: i64 = 0
