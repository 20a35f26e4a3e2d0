"""`python bench/run.py`: the AMQP benchmark of onemq beside RabbitMQ, in the same run, with the same load.

Both brokers run with default settings, one at a time, each run on a fresh process and an empty directory; the
order alternates. Must not pin processors, nor give the brokers different loads.
"""

import argparse
import os
import shlex
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import report
from bench.amqp_wire import LoadError
from bench.peers import Broker, BrokerError, Onemq, RabbitMQ, find_rabbitmq
from bench.scenarios import SCENARIOS, Options, Outcome, Scenario

WARM_SECONDS: Final = 1.0
LATENCY_SECONDS: Final = 10.0
BACKLOG_MESSAGES: Final = 10_000_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="onemq beside RabbitMQ, over AMQP 0-9-1")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--scenario", action="append", choices=names, help="may be repeated; default: all")
    parser.add_argument("--runs", type=int, default=3, help="alternating runs of each broker (median)")
    parser.add_argument("--seconds", type=float, default=5.0, help="publishing time of a throughput run")
    parser.add_argument("--quick", action="store_true", help="1 run, 2 s, 3 s of latency, backlog of 200,000")
    parser.add_argument("--markdown", type=Path, help="write the table to this file too")
    parser.add_argument(
        "--onemq-command", default=f"{shlex.quote(sys.executable)} -m onemq", help="what starts onemq"
    )
    parser.add_argument("--rabbitmq-server", help="path of the rabbitmq-server script")
    parser.add_argument("--only", choices=[Onemq.name, RabbitMQ.name], help="measure one of them alone")
    parser.add_argument(
        "--with-peer-backlog", action="store_true", help="the backlog for RabbitMQ too (long)"
    )
    parser.add_argument("--backlog-messages", type=int, default=BACKLOG_MESSAGES)
    parser.add_argument(
        "--data-root", type=Path, default=Path(tempfile.gettempdir()), help="disk for the data"
    )
    return parser.parse_args()


class Benchmark:
    def __init__(self, chosen: argparse.Namespace) -> None:
        self.chosen = chosen
        self.rabbitmq = find_rabbitmq(chosen.rabbitmq_server)
        self.results: dict[tuple[str, str], report.Runs] = {}
        self.versions: dict[str, str] = {}
        quick = chosen.quick
        self.runs = 1 if quick else chosen.runs
        self.options = Options(
            2.0 if quick else chosen.seconds,
            WARM_SECONDS,
            3.0 if quick else LATENCY_SECONDS,
            (min(200_000, chosen.backlog_messages) if quick else chosen.backlog_messages) // 100 * 100,
        )
        self.scenarios = [s for s in SCENARIOS if not chosen.scenario or s.name in chosen.scenario]

    def names(self) -> list[str]:
        wanted = [Onemq.name, RabbitMQ.name] if self.rabbitmq else [Onemq.name]
        return [name for name in wanted if self.chosen.only in (None, name)]

    def measure(self) -> None:
        for scenario in self.scenarios:
            for number in range(1 if scenario.once else self.runs):
                names = self.names()
                for name in names if number % 2 == 0 else reversed(names):
                    if scenario.once and name == RabbitMQ.name and not self.chosen.with_peer_backlog:
                        continue
                    self._run_once(scenario, name)

    def _run_once(self, scenario: Scenario, name: str) -> None:
        runs = self.results.setdefault((scenario.name, name), report.Runs())
        directory = Path(tempfile.mkdtemp(prefix="onemq-bench-", dir=self.chosen.data_root))
        broker = self._broker(name, directory)
        # What earlier runs left in the page cache would be written at this run's cost.
        os.sync()
        print(f"{scenario.name}, {name} ... ", end="", file=sys.stderr, flush=True)
        try:
            outcome = self._outcome(scenario, broker)
            runs.outcomes.append(outcome)
            values = ", ".join(f"{key} {value:,.2f}" for key, value in outcome.values.items())
            print(f"{values} {outcome.note}", file=sys.stderr)
        except (BrokerError, LoadError, OSError) as error:
            runs.errors.append(str(error))
            print(f"ERROR {error}", file=sys.stderr)
        finally:
            broker.kill()
            shutil.rmtree(directory)

    def _outcome(self, scenario: Scenario, broker: Broker) -> Outcome:
        started = broker.start()
        self.versions[broker.name] = started.version
        return scenario.run(broker, started, self.options)

    def _broker(self, name: str, directory: Path) -> Broker:
        if name == Onemq.name:
            return Onemq(shlex.split(self.chosen.onemq_command), directory)
        assert self.rabbitmq is not None
        return RabbitMQ(self.rabbitmq, directory)

    def lines(self) -> list[str]:
        settings = (
            f"medians of {self.runs} alternating runs, {self.options.seconds:g} s each after "
            f"{self.options.warm_seconds:g} s of warm-up, "
            f"backlog of {self.options.backlog:,} messages (one run)"
        )
        lines = ["# onemq beside RabbitMQ, AMQP 0-9-1", ""]
        if self.rabbitmq is None:
            lines += ["**RABBITMQ IS NOT INSTALLED HERE: NOTHING BELOW IS A COMPARISON.**", ""]
        lines += report.head(self.versions, self.chosen.data_root, settings)
        lines += report.disturbance(self.results)
        lines += ["", *report.table(self.scenarios, self.results, Onemq.name, RabbitMQ.name)]
        return [*lines, "", "Single runs:", "", *report.single_runs(self.scenarios, self.results)]

    def failed(self) -> bool:
        return any(runs.errors for runs in self.results.values())


def main() -> int:
    """0 when every run gave a number, 1 otherwise."""
    # So that the broker and the load processes end with this one when somebody ends it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = arguments()
    benchmark = Benchmark(chosen)
    benchmark.measure()
    text = "\n".join(benchmark.lines()) + "\n"
    print(text, end="")
    if chosen.markdown:
        chosen.markdown.write_text(text)
    return 1 if benchmark.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
