"""Progress of what takes long: a bar on a terminal's standard error, nothing elsewhere.

Shown only once it has taken a moment; rich is loaded then. Must not: print to standard output.
"""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from onemq.cli.output import Output

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

SOON_SECONDS: Final = 0.3


class Progress:
    """total: how many steps there will be; None: nobody knows."""

    def __init__(self, output: Output, title: str, total: int | None) -> None:
        self._title = title
        self._total = total
        self._done = 0
        self._wanted = sys.stderr.isatty() and not output.as_json
        self._began = time.monotonic()
        self._bar: Bar | None = None
        self._task: Any = None
        self._output = output

    def __enter__(self) -> "Progress":
        return self

    def advance(self, steps: int) -> None:
        self.reach(self._done + steps)

    def reach(self, done: int, total: int | None = None) -> None:
        """So many are done, now of so many."""
        self._done = done
        if total is not None:
            self._total = total
        if not self._wanted:
            return
        if self._bar is None:
            if time.monotonic() - self._began < SOON_SECONDS:
                return
            self._start()
        assert self._bar is not None
        self._bar.update(self._task, completed=done, total=self._total)

    def _start(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._output.console(err=True),
        )
        self._bar.start()
        self._task = self._bar.add_task(self._title, total=self._total)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
