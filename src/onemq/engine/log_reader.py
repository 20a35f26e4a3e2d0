"""One reader's view of a log: the tail in memory, and a window of loaded batches for what is spilled.

Must not: change the log, or know what its reader does with a record.
"""

from mypy_extensions import i64

from onemq.engine.batch import Batch, find_batch
from onemq.engine.log import Log
from onemq.engine.topics.producers import Producers
from onemq.model.record import Record


class LogReader:
    """See the module.

    `get` returns None both for a record that is not there any more (`gone`: nor is any before `gone_to`) and for one that is
    on its way (`loading`); in the second case the reader is told through `loaded`.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.loading = False
        self.gone = False
        self.gone_to: i64 = 0
        self.ticket = 0
        self._asked_to: i64 = 0
        self._window: list[Batch] = []
        self._window_start: i64 = 0
        self._window_end: i64 = 0
        self.producers: Producers | None = None
        """Of a log with transactions: what was aborted counts as gone."""
        self._shadow: Batch | None = None
        """The decoded form of a batch that stays in memory as stored."""

    def _decoded(self, batch: Batch) -> Batch:
        if not batch.keeps_data:
            return batch
        shadow = self._shadow
        if shadow is None or shadow.base != batch.base:
            data = batch.data
            shadow = Batch(batch.base, batch.end, None, data)
            if data is not None and self._is_aborted(data):
                shadow.records = []
                shadow.sparse = True
            self._shadow = shadow
        return shadow

    def _is_aborted(self, data: bytes) -> bool:
        producers = self.producers
        return producers is not None and producers.is_aborted(data)

    def get(self, offset: i64) -> Record | None:
        log = self.log
        batch = log.find(offset)
        if batch is None and offset < log.spilled_to:
            if offset < self._window_start or offset >= self._window_end:
                self.gone = False
                self._load(offset)
                return None
            window = self._window
            index = find_batch(window, 0, offset)
            if index < len(window) and window[index].base <= offset:
                batch = window[index]
                if index:
                    del window[:index]
                    self._window_start = batch.base
        if batch is not None and (batch.data is not None or batch.records is not None):
            batch = self._decoded(batch)
            records = batch.decoded(log.addresses)
            at = batch.index_of(offset)
            if at >= 0:
                record = records[at]
                if record is not None:
                    return record
            self.gone_to = batch.next_after(offset)
        else:
            self.gone_to = self._next_batch(offset)
        self.gone = True
        return None

    def _next_batch(self, offset: i64) -> i64:
        """Before it there is nothing behind `offset`, which is in no batch; `offset` + 1 at least."""
        log = self.log
        end = log.visible_end
        if self._window_start <= offset < self._window_end and offset < log.spilled_to:
            index = find_batch(self._window, 0, offset)
            end = self._window[index].base if index < len(self._window) else self._window_end
        else:
            index = find_batch(log.tail, log.tail_at, offset)
            if index < len(log.tail):
                end = log.tail[index].base
        return max(end, offset + 1)

    def _load(self, offset: i64) -> None:
        if self.loading:
            return
        core = self.log.core
        self.loading = True
        self.ticket = core.ticket()
        self._window = []
        self._window_start = offset
        self._window_end = offset
        self._asked_to = self.log.spilled_to
        core.store.load(self.ticket, self.log.log_id, int(offset), core.settings.load_bytes)

    def loaded(self, batches: list[bytes], next_offset: i64) -> None:
        """The store's answer."""
        self.loading = False
        window: list[Batch] = []
        for data in batches:
            if self._is_aborted(data):
                continue
            base = int.from_bytes(data[0:8], "big")
            end = base + int.from_bytes(data[23:27], "big") + 1
            batch = Batch(base, end, None, data)
            # Its transaction may be aborted before anybody looks at it.
            batch.keeps_data = self.producers is not None
            window.append(batch)
        self._window = window
        # No batch at all: what was asked for does not exist, nor does anything up to where the store's part ended.
        self._window_end = max(
            next_offset if batches else max(next_offset, self._asked_to), self._window_start + 1
        )

    def forget(self) -> None:
        """Lets go of the window's memory; an answer on its way is not waited for any more."""
        self.loading = False
        self.ticket = 0
        self._shadow = None
        self._window = []
        self._window_start = 0
        self._window_end = 0
