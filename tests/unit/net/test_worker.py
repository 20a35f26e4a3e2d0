"""Work beside the turns: on another thread, told in a turn, in order, forgotten at the end."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

from onemq.net.worker import ThreadWorker


class Turns:
    def __init__(self) -> None:
        self.entered = 0

    def enter(self) -> None:
        self.entered += 1


def never(reason: str, error: Exception | None) -> None:
    raise AssertionError(f"{reason}: {error}")


def test_it_is_done_on_another_thread_and_told_in_a_turn() -> None:
    async def main() -> None:
        turns = Turns()
        worker = ThreadWorker(asyncio.get_running_loop(), turns, never)
        threads: list[str] = []
        told: list[int] = []
        done = asyncio.Event()

        def tell(number: int) -> None:
            told.append(turns.entered)
            threads.append(threading.current_thread().name)
            if number == 2:
                done.set()

        def work() -> None:
            threads.append(threading.current_thread().name)

        for number in range(3):
            worker.compute(work, partial(tell, number))
        await done.wait()
        own = threading.current_thread().name
        assert threads.count(own) == 3 and len(set(threads)) == 2
        assert told == [1, 2, 3]
        worker.close()

    asyncio.run(main())


def test_nobody_is_told_after_the_end() -> None:
    async def main() -> None:
        told: list[int] = []
        worker = ThreadWorker(asyncio.get_running_loop(), Turns(), never)
        going = threading.Event()
        go_on = threading.Event()

        def work() -> None:
            going.set()
            go_on.wait()

        worker.compute(work, lambda: told.append(1))
        worker.compute(lambda: told.append(2), lambda: told.append(3))
        going.wait()
        closing = asyncio.get_running_loop().run_in_executor(None, worker.close)
        await asyncio.sleep(0)
        go_on.set()
        await closing
        worker.compute(lambda: told.append(4), lambda: told.append(5))
        for _ in range(5):
            await asyncio.sleep(0)
        assert told == []
        ThreadWorker(asyncio.get_running_loop(), Turns(), never).close()

    asyncio.run(main())


def test_a_bug_in_the_work_is_fatal() -> None:
    async def main() -> None:
        failed: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        worker = ThreadWorker(
            asyncio.get_running_loop(), Turns(), lambda reason, error: failed.set_result(error)
        )
        worker.compute(lambda: [].pop(), lambda: never("told", None))
        assert isinstance(await failed, IndexError)
        worker.close()

    asyncio.run(main())
