"""Which brokers are compared: who takes part, with which settings, and who stands beside whom. Here those for AMQP.

Must not measure, nor start anything.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.peers import Broker, Onemq, RabbitMQ, find_rabbitmq
from bench.scenarios import SCENARIOS, Scenario

Make = Callable[[Path], Broker]


class Pair:
    """Two of those who take part, what their comparison says, and whether the targets are for it."""

    def __init__(
        self, own: str, peer: str, caption: str, judged: bool = True, ratio: float | None = None
    ) -> None:
        self.own = own
        self.peer = peer
        self.caption = caption
        self.judged = judged
        # In the place of the measures' own, where they have one.
        self.ratio = ratio


class Suite:
    """`missing` says why there is no peer; empty when there is one. `settings`: how much is loaded, where seconds do
    not say it. `too_long`: scenarios with those who are not measured there unless asked for; `never`: with those who cannot be."""

    def __init__(
        self,
        title: str,
        scenarios: list[Scenario],
        participants: dict[str, Make],
        pairs: list[Pair],
        missing: str,
        settings: str = "",
        too_long: Iterable[tuple[str, str]] = (),
        never: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.title = title
        self.scenarios = scenarios
        self.participants = participants
        self.pairs = pairs
        self.missing = missing
        self.settings = settings
        self.too_long = frozenset(too_long)
        self.never = frozenset(never)

    def pairs_measured(self) -> list[Pair]:
        """Those of which both took part; when there is none, the first of which one did."""
        there = [sum(name in self.participants for name in (pair.own, pair.peer)) for pair in self.pairs]
        whole = [pair for pair, count in zip(self.pairs, there, strict=True) if count == 2]
        return whole or [pair for pair, count in zip(self.pairs, there, strict=True) if count == 1][:1]

    def keep(self, scenarios: list[str], participants: list[str]) -> None:
        """Only these; of an empty list, all. Raises SystemExit for a name that is not there."""
        known = [scenario.name for scenario in self.scenarios]
        if unknown := [*(set(scenarios) - {*known}), *(set(participants) - {*self.participants})]:
            sys.exit(f"not there: {', '.join(unknown)}; there are: {', '.join([*known, *self.participants])}")
        if scenarios:
            self.scenarios = [scenario for scenario in self.scenarios if scenario.name in scenarios]
        if participants:
            self.participants = {name: self.participants[name] for name in participants}


def amqp_suite(chosen: argparse.Namespace) -> Suite:
    command = shlex.split(chosen.onemq_command)
    participants: dict[str, Make] = {Onemq.name: lambda directory: Onemq(command, directory)}
    program = find_rabbitmq(chosen.rabbitmq_server)
    if program is not None:
        participants[RabbitMQ.name] = lambda directory: RabbitMQ(program, directory)
    return Suite(
        "onemq beside RabbitMQ, AMQP 0-9-1",
        SCENARIOS,
        participants,
        [Pair(Onemq.name, RabbitMQ.name, "")],
        "" if program else "RABBITMQ IS NOT INSTALLED HERE",
        too_long={("backlog", RabbitMQ.name)},
    )
