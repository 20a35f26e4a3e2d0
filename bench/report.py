"""The table: medians, ratios, targets, and every single run beneath it.

Must not hide a failure: a measure with one failed run shows the error in the place of its number.
"""

import datetime
import os
import platform
import statistics
import subprocess
from pathlib import Path
from typing import Final

from bench.scenarios import Measure, Outcome, Scenario

OTHER_CORES_MAX: Final = 0.3


class Runs:
    """What one broker did in one scenario."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.errors: list[str] = []

    def median(self, key: str) -> float | None:
        """None when there is no run, or a run failed."""
        if self.errors or not self.outcomes:
            return None
        return statistics.median(outcome.values[key] for outcome in self.outcomes)


def _number(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


def _cell(runs: Runs | None, measure: Measure) -> str:
    if runs is None:
        return "not run"
    if runs.errors:
        return f"ERROR ({len(runs.errors)} of {len(runs.errors) + len(runs.outcomes)} runs)"
    value = runs.median(measure.key)
    return "not run" if value is None else _number(value, measure.unit)


def _target(measure: Measure, wanted: float | None) -> str:
    if measure.limit is not None:
        return f"< {measure.limit:,g} {measure.unit}"
    if wanted is not None:
        return f"{'>=' if measure.more_is_better else '<='} {wanted:g}x"
    return "-"


def _verdict(measure: Measure, own: float | None, ratio: float | None, wanted: float | None) -> str:
    if measure.limit is not None and own is not None:
        return "met" if own < measure.limit else "MISSED"
    if wanted is not None and ratio is not None:
        met = ratio >= wanted if measure.more_is_better else ratio <= wanted
        return "met" if met else "MISSED"
    return "-"


def table(
    scenarios: list[Scenario],
    results: dict[tuple[str, str], Runs],
    own: str,
    peer: str,
    judged: bool = True,
    ratio_wanted: float | None = None,
) -> list[str]:
    """`judged`: with the target of each measure and whether it is met. `ratio_wanted`: in the place of the measures'."""
    rows = [["scenario", own, peer, "ratio", "target", ""]]
    for scenario in scenarios:
        for measure in scenario.measures:
            mine, theirs = results.get((scenario.name, own)), results.get((scenario.name, peer))
            value = mine.median(measure.key) if mine else None
            other = theirs.median(measure.key) if theirs else None
            ratio = value / other if value is not None and other else None
            wanted = measure.ratio if ratio_wanted is None or measure.ratio is None else ratio_wanted
            rows.append(
                [
                    measure.title,
                    _cell(mine, measure),
                    _cell(theirs, measure),
                    f"{ratio:.2f}x" if ratio is not None else "-",
                    _target(measure, wanted) if judged else "-",
                    _verdict(measure, value, ratio, wanted) if judged else "-",
                ]
            )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return lines


def single_runs(scenarios: list[Scenario], results: dict[tuple[str, str], Runs]) -> list[str]:
    lines: list[str] = []
    for scenario in scenarios:
        for (name, broker), runs in results.items():
            if name == scenario.name:
                for outcome in runs.outcomes:
                    values = ", ".join(
                        f"{measure.key} {_number(outcome.values[measure.key], measure.unit)}"
                        for measure in scenario.measures
                    )
                    lines.append(
                        f"- {name}, {broker}: {values}" + (f" ({outcome.note})" if outcome.note else "")
                    )
                lines.extend(f"- {name}, {broker}: ERROR {error}" for error in runs.errors)
    return lines


def head(versions: dict[str, str], data: Path, settings: str) -> list[str]:
    """Machine, date, versions; what may make the numbers worthless stands here in capitals."""
    file_system = _file_system(data)
    brokers = ", ".join(f"{name} {version}" for name, version in versions.items()) or "no broker started"
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    lines = [
        f"- date: {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        f"- machine: {_processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()} "
        f"{platform.release()}, data on {file_system}",
        f"- load average: {' '.join(f'{load:.2f}' for load in os.getloadavg())} (after the runs)",
        f"- versions: {brokers}; load program on Python {platform.python_version()}",
        f"- {settings}",
    ]
    if file_system == "tmpfs":
        lines.append("- WARNING: THE DATA IS IN MEMORY; PERSISTENCE COSTS NOTHING HERE")
    return lines


def disturbance(results: dict[tuple[str, str], Runs]) -> list[str]:
    """A warning when other programs worked beside the runs."""
    worst = max((o.other_cores for runs in results.values() for o in runs.outcomes), default=0.0)
    if worst <= OTHER_CORES_MAX:
        return []
    return [
        f"- WARNING: OTHER PROGRAMS USED UP TO {worst:.1f} CORES DURING THE RUNS; REPEAT ON A QUIET MACHINE"
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(path: Path) -> str:
    command = ["stat", "--file-system", "--format=%T", str(path)]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
