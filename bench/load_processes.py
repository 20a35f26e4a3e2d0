"""The two processes of a load, publishers and consumers, and how the parent speaks to them.

Must not measure in the parent: it only gives commands, waits with a bound, and ends what it started.
"""

import multiprocessing
import multiprocessing.connection
import multiprocessing.process
from collections.abc import Callable
from typing import Final

from bench.amqp_wire import LoadError
from bench.shared_counters import STOP, SharedCounters

Pipe = multiprocessing.connection.Connection
Message = tuple[str, list[float]]
READY: Final = "ready"
RESULT: Final = "result"
RUN: Final = "run"
ERROR: Final = "error"
CONNECT_SECONDS_MAX: Final = 60.0


def tell(pipe: Pipe, kind: str, numbers: list[float] | None = None) -> None:
    pipe.send((kind, numbers or []))


def _guarded(main: Callable[[Pipe], None], pipe: Pipe, parents: Pipe) -> None:
    # Otherwise this process would itself hold open the pipe whose end it waits for.
    parents.close()
    try:
        main(pipe)
    except (LoadError, OSError, EOFError) as error:
        tell(pipe, f"{ERROR}: {error}")


def wait_for_end(pipe: Pipe) -> None:
    """Until the parent closes its side: a process that ends before is taken for dead."""
    try:
        pipe.recv()
    except EOFError:
        return


class LoadProcesses:
    """Starts both and waits until they are connected; as a context manager it ends them. Raises LoadError."""

    def __init__(
        self,
        publisher: Callable[[Pipe], None],
        consumer: Callable[[Pipe], None] | None,
        counters: SharedCounters,
    ) -> None:
        self.counters = counters
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._pipes: list[Pipe] = []
        # The consumers first, so that no message waits in a queue before the load begins.
        for main in (consumer, publisher):
            if main is not None:
                self._start(main)

    def _start(self, main: Callable[[Pipe], None]) -> None:
        context = multiprocessing.get_context("fork")
        mine, theirs = context.Pipe()
        process = context.Process(target=_guarded, args=(main, theirs, mine), daemon=True)
        process.start()
        theirs.close()
        self._processes.append(process)
        self._pipes.append(mine)
        try:
            self._receive(mine, READY, CONNECT_SECONDS_MAX)
        except LoadError:
            self.end()
            raise

    def process_ids(self) -> list[int]:
        return [process.pid for process in self._processes if process.pid is not None]

    def run(self, numbers: list[float], seconds_max: float) -> list[float]:
        """Have the publishers run one phase; their result."""
        tell(self._pipes[-1], RUN, numbers)
        return self._receive(self._pipes[-1], RESULT, seconds_max)

    def stop_consumers(self) -> list[float]:
        """Stop the consumers; their result."""
        self.counters.words[STOP] = 1
        return self._receive(self._pipes[0], RESULT, CONNECT_SECONDS_MAX)

    def _receive(self, wanted: Pipe, kind: str, seconds_max: float) -> list[float]:
        ready = multiprocessing.connection.wait(self._pipes, seconds_max)
        if not ready:
            raise LoadError(f"no {kind} within {seconds_max:.0f} s")
        # Anything from the other process is an error, and its cause is worth more than its consequence.
        for pipe in sorted(ready, key=lambda each: each is wanted):
            assert isinstance(pipe, multiprocessing.connection.Connection)
            try:
                message: Message = pipe.recv()
            except EOFError as error:
                raise LoadError("a load process died") from error
            if message[0] != kind or pipe is not wanted:
                raise LoadError(message[0].removeprefix(f"{ERROR}: "))
        return message[1]

    def end(self) -> None:
        self.counters.words[STOP] = 1
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(2)
            if process.is_alive():
                process.kill()
                process.join(10)

    def __enter__(self) -> "LoadProcesses":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
