"""`python bench/run.py`: onemq beside RabbitMQ, Apache Kafka or ElasticMQ and moto, in the same run, with the same load.

The brokers run one at a time, each run on a fresh process and an empty directory; the order alternates. Which
settings they run with is said in suites.py. Must not pin processors, nor give the brokers different loads.
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
# For kafka_peer.py, which starts Apache Kafka for the tests too.
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "tests"))

from bench import report
from bench.amqp_wire import LoadError
from bench.peers import Broker, BrokerError
from bench.scenarios import Options, Outcome, Scenario
from bench.suites import Suite, amqp_suite

WARM_SECONDS: Final = 1.0
LATENCY_SECONDS: Final = 10.0
BACKLOG_MESSAGES: Final = 10_000_000
MEGABYTES: Final = 400.0
QUICK_MEGABYTES: Final = 40.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="onemq beside another broker, over that broker's protocol")
    parser.add_argument(
        "--protocol", choices=["amqp", "kafka", "aws"], default="amqp", help="which peers; default: amqp"
    )
    parser.add_argument("--scenario", action="append", help="may be repeated; default: all")
    parser.add_argument("--runs", type=int, default=3, help="alternating runs of each broker (median)")
    parser.add_argument("--seconds", type=float, default=5.0, help="publishing time of a throughput run")
    parser.add_argument(
        "--megabytes", type=float, default=MEGABYTES, help="of values in a load over Kafka's protocol"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="1 run, 2 s, 3 s of latency, backlog of 200,000; kafka: small loads, default durability only; "
        "aws: 20,000 waiting messages, default durability only",
    )
    parser.add_argument("--markdown", type=Path, help="write the table to this file too")
    parser.add_argument(
        "--onemq-command", default=f"{shlex.quote(sys.executable)} -m onemq", help="what starts onemq"
    )
    parser.add_argument("--rabbitmq-server", help="path of the rabbitmq-server script")
    parser.add_argument("--only", action="append", help="only who is called so; may be repeated")
    parser.add_argument(
        "--peer-twice", action="store_true", help="kafka: Kafka beside itself, the noise of the machine"
    )
    parser.add_argument(
        "--with-peer-backlog", action="store_true", help="the backlog for the slow peers too (long)"
    )
    parser.add_argument("--backlog-messages", type=int, default=BACKLOG_MESSAGES)
    parser.add_argument(
        "--data-root", type=Path, default=Path(tempfile.gettempdir()), help="disk for the data"
    )
    return parser.parse_args()


def suite_for(chosen: argparse.Namespace) -> Suite:
    """Raises SystemExit when what was chosen is not there."""
    if chosen.protocol == "kafka":
        # Only here, so that the AMQP benchmark needs no Kafka client.
        try:
            from bench.kafka_suite import kafka_suite
        except ModuleNotFoundError as error:
            sys.exit(f"{error}: the Kafka load needs the dependency group `clients`")
        suite = kafka_suite(chosen)
    elif chosen.protocol == "aws":
        from bench.aws_suite import aws_suite

        suite = aws_suite(chosen)
    else:
        suite = amqp_suite(chosen)
    suite.keep(chosen.scenario or [], chosen.only or [])
    return suite


class Benchmark:
    def __init__(self, chosen: argparse.Namespace) -> None:
        self.chosen = chosen
        self.results: dict[tuple[str, str], report.Runs] = {}
        self.versions: dict[str, str] = {}
        quick = chosen.quick
        if quick:
            chosen.megabytes = min(QUICK_MEGABYTES, chosen.megabytes)
            chosen.backlog_messages = min(200_000, chosen.backlog_messages)
        self.suite = suite_for(chosen)
        self.runs = 1 if quick else chosen.runs
        self.options = Options(
            2.0 if quick else chosen.seconds,
            WARM_SECONDS,
            3.0 if quick else LATENCY_SECONDS,
            chosen.backlog_messages // 100 * 100,
            int(chosen.megabytes * 1_000_000),
        )
        self.scenarios = self.suite.scenarios

    def measure(self) -> None:
        for scenario in self.scenarios:
            for number in range(1 if scenario.once else self.runs):
                names = [*self.suite.participants]
                for name in names if number % 2 == 0 else reversed(names):
                    if (scenario.name, name) in self.suite.never:
                        continue
                    if (scenario.name, name) in self.suite.too_long and not self.chosen.with_peer_backlog:
                        continue
                    self._run_once(scenario, name)

    def _run_once(self, scenario: Scenario, name: str) -> None:
        runs = self.results.setdefault((scenario.name, name), report.Runs())
        directory = Path(tempfile.mkdtemp(prefix="onemq-bench-", dir=self.chosen.data_root))
        broker = self.suite.participants[name](directory)
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

    def lines(self) -> list[str]:
        settings = f"medians of {self.runs} alternating runs, {self._amounts()}"
        lines = [f"# {self.suite.title}", ""]
        if self.suite.missing:
            lines += [f"**{self.suite.missing}: NOTHING BELOW IS A COMPARISON.**", ""]
        lines += report.head(self.versions, self.chosen.data_root, settings)
        lines += report.disturbance(self.results)
        for pair in self.suite.pairs_measured():
            lines += ["", *([f"## {pair.caption}", ""] if pair.caption else [])]
            scenarios = [each for each in self.scenarios if (each.name, pair.own) not in self.suite.never]
            lines += report.table(scenarios, self.results, pair.own, pair.peer, pair.judged, pair.ratio)
        return [*lines, "", "Single runs:", "", *report.single_runs(self.scenarios, self.results)]

    def _amounts(self) -> str:
        if self.chosen.protocol == "kafka":
            return f"{self.suite.settings}, {self.options.latency_seconds:g} s of single records"
        if self.suite.settings:
            return f"{self.suite.settings}, {self.options.seconds:g} s of each load"
        return (
            f"{self.options.seconds:g} s each after {self.options.warm_seconds:g} s of warm-up, "
            f"backlog of {self.options.backlog:,} messages (one run)"
        )

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
