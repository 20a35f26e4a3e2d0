"""Runs scripts against two brokers, tells real differences from chance, and shortens a script that shows one.

Must not decide what is right; what is known to differ is named in `known`.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from differential.script import Run, Step, Trace

QUIET_SECONDS = (0.012, 0.08, 0.25)
"""A difference counts only when it stays with more patience."""
SHRINK_QUIET_SECONDS = 0.04


@dataclass
class Difference:
    script: list[Step]
    ours: Trace
    theirs: Trace

    def __str__(self) -> str:
        lines: list[str] = []
        for index, step in enumerate(self.script):
            for place, (number, channel, what, arguments) in enumerate(step):
                given = {name: value for name, value in arguments.items() if not _is_default(value)}
                if "note" in given:
                    given = {"frames": given["note"]}
                lines.append(f"{'  and ' if place else ''}{number}.{channel} {what} {given}")
            ours, theirs = self.ours[index], self.theirs[index]
            if ours == theirs:
                lines.extend(f"        {line}" for line in ours)
            else:
                lines.extend(f"  ours  {line}" for line in ours if line not in theirs)
                lines.extend(f" theirs {line}" for line in theirs if line not in ours)
                if sorted(ours) == sorted(theirs):
                    lines.append(f"  order: ours {ours} theirs {theirs}")
        return "\n".join(lines)


_UNANSWERED = (
    # RabbitMQ answers some nonsense with a crash of its own,
    "INTERNAL_ERROR",
    "socket closed",
    # lacks some things that are served here,
    "are not supported by quorum queues",
    "supported by stream queues",
    # and its reader may open a new channel for what comes behind a failing command in the same packet.
    "CHANNEL_ERROR - expected 'channel.open'",
)


def comparable_steps(ours: Trace, theirs: Trace) -> int:
    """How many steps there are before RabbitMQ, and it alone, does what is not to be followed."""
    for index in range(len(theirs)):
        for line in theirs[index]:
            if line not in ours[index] and any(word in line for word in _UNANSWERED):
                return index
    return len(theirs)


def _is_default(value: object) -> bool:
    return value is False or value == {} or value is None


class Comparison:
    def __init__(self, our_port: int, their_port: int) -> None:
        self.our_port = our_port
        self.their_port = their_port
        self.doubtful = 0

    def traces(self, script: list[Step], quiet_seconds: float) -> tuple[Trace, Trace]:
        runs = [Run(self.our_port, quiet_seconds), Run(self.their_port, quiet_seconds)]
        failures: list[BaseException] = []

        def play(run: Run) -> None:
            try:
                run.play(script)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=play, args=(run,)) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        ours, theirs = known(runs[0].trace), known(runs[1].trace)
        if "'quorum'" in repr(script):
            # RabbitMQ counts an unsettled basic.get of a quorum queue as a consumer.
            ours, theirs = _without_consumers(ours), _without_consumers(theirs)
        if "'stream'" in repr(script):
            # RabbitMQ's counts of streams are estimates that come later.
            ours, theirs = _without_counts(ours), _without_counts(theirs)
        count = comparable_steps(ours, theirs)
        return ours[:count], theirs[:count]

    def check(self, script: list[Step]) -> Difference | None:
        """None when both behave the same at least once."""
        for quiet_seconds in QUIET_SECONDS:
            ours, theirs = self.traces(script, quiet_seconds)
            if ours == theirs:
                return None
        # The same script once more: a broker that is not of one mind with itself proves nothing.
        again = self.traces(script, QUIET_SECONDS[-1])
        if again != (ours, theirs):
            self.doubtful += 1
            return None
        return Difference(script[: len(ours)], ours, theirs)

    def shorten(self, difference: Difference) -> Difference:
        """Takes steps and operations away as long as the difference stays."""
        best = difference
        # What comes after the first difference is of no use.
        first = next(i for i in range(len(best.script)) if best.ours[i] != best.theirs[i])
        best = self._still(best.script[: first + 1]) or best
        size = max(len(best.script) // 2, 1)
        while True:
            at = 0
            while at < len(best.script):
                shorter = best.script[:at] + best.script[at + size :]
                found = self._still(shorter) if shorter else None
                if found is None:
                    at += size
                else:
                    best = found
            if size == 1:
                return self._thinner(best)
            size //= 2

    def _thinner(self, best: Difference) -> Difference:
        for index in range(len(best.script)):
            at = 0
            while len(best.script[index]) > 1 and at < len(best.script[index]):
                step = best.script[index]
                script = [*best.script[:index], step[:at] + step[at + 1 :], *best.script[index + 1 :]]
                found = self._still(script)
                if found is None:
                    at += 1
                else:
                    best = found
        return best

    def _still(self, script: list[Step]) -> Difference | None:
        ours, theirs = self.traces(script, SHRINK_QUIET_SECONDS)
        return Difference(script[: len(ours)], ours, theirs) if ours != theirs else None


KNOWN: tuple[tuple[re.Pattern[str], str], ...] = (
    # Counted otherwise by 4.3: see docs/protocols/amqp091.md.
    (re.compile(r"(, )?x-(delivery|acquired)-count: l:\d+"), ""),
    (re.compile(r" headers=\{\}"), ""),
    # 3.13 added the last death beside the first.
    (re.compile(r", x-last-death-\w+: S:'[^']*'"), ""),
    # RabbitMQ 4 names the default type; 3.10 says that there is none.
    (re.compile(r"(arg 'x-queue-type' for [^:]*): received .*? but current is .*?\""), r"\1\""),
    # 4.x words this so.
    (
        re.compile(r"count is not set for 'queue ('[^']*' in vhost '/')'"),
        r"count is not set for stream queue \1",
    ),
    # RabbitMQ's parser of strings does not know which method it reads; here the close names it.
    (re.compile(r"(Malformed UTF-8 in shortstr'.*) class_id=\d+ method_id=\d+"), r"\1"),
)


def known(trace: Trace) -> Trace:
    """A trace without what is known, and meant, to differ."""
    return [[_known(line) for line in _without_chance(lines)] for lines in trace]


def _without_consumers(trace: Trace) -> Trace:
    return [[re.sub(r" consumer_count=\d+", "", line) for line in lines] for lines in trace]


def _without_counts(trace: Trace) -> Trace:
    return [[re.sub(r" message_count=\d+", "", line) for line in lines] for lines in trace]


def _without_chance(lines: list[str]) -> list[str]:
    """What a channel was still to be told when an error ended it may be told or not."""
    closed = [line.split(" ")[0] for line in lines if " channel.close " in line]
    closed += [line.split(".")[0] + "." for line in lines if " connection.close " in line]
    if not closed:
        return lines
    return [line for line in lines if not (line.startswith(tuple(closed)) and _may_be_lost(line))]


def _may_be_lost(line: str) -> bool:
    return any(
        word in line
        for word in (" basic.consume-ok ", " basic.deliver ", " confirmed up to ", " basic.nack ")
    )


def _known(line: str) -> str:
    for pattern, replacement in KNOWN:
        line = pattern.sub(replacement, line)
    return line
