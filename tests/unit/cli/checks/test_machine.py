"""What doctor says of limits, memory and clock."""

from __future__ import annotations

import resource
from pathlib import Path

from onemq.cli.checks.check import OK, PROBLEM, WARNING
from onemq.cli.checks.machine import check_machine, clock, group_limit, memory, open_files, synchronised
from onemq.config import Settings

NOW_MS = 1_800_000_000_000


def test_open_files() -> None:
    settings = Settings()
    settings.limits.connections_max = 1000
    for soft, hard, state, advice in (
        (1024, 5000, OK, ""),
        (1024, resource.RLIM_INFINITY, OK, ""),
        (1024, 1024, WARNING, "ulimit -Hn 1192"),
        (200, 200, PROBLEM, "limits.connections_max to 8"),
    ):
        finding = open_files(soft, hard, settings)
        assert finding.state == state and advice in finding.advice


def test_memory() -> None:
    total = 8 << 30
    assert memory(total, 0, 0).state == OK and "3.2 GiB" in memory(total, 0, 0).found
    assert memory(total, 1 << 30, 0).state == OK and "control group" in memory(total, 1 << 30, 0).found
    assert memory(total, 1 << 30, 1 << 30).state == PROBLEM
    assert memory(total, 1 << 30, 900 << 20).state == WARNING
    assert memory(total, 100 << 20, 0).state == WARNING


def test_the_lowest_limit_of_all_groups_counts(tmp_path: Path) -> None:
    own = tmp_path / "own"
    assert group_limit(tmp_path, own) == 0
    own.write_text("12:cpu:/slice\n9:memory:/slice/unit\n0::/slice/unit\n")
    (tmp_path / "slice" / "unit").mkdir(parents=True)
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "slice" / "unit" / "memory.max").write_text("max\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert group_limit(tmp_path, own) == 0
    (tmp_path / "slice" / "memory.max").write_text("500000\n")
    assert group_limit(tmp_path, own) == 500_000
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("400000\n")
    assert group_limit(tmp_path, own) == 400_000


def test_clock() -> None:
    assert clock(1_000_000, None).state == PROBLEM
    assert clock(NOW_MS, False).state == WARNING
    assert clock(NOW_MS, True).found.endswith(", synchronised")
    assert clock(NOW_MS, None).state == OK
    assert synchronised() in (True, False, None)


def test_this_machine() -> None:
    names = [each.name for each in check_machine(Settings())]
    assert names == [
        "open files",
        "memory",
        "processors",
        "clock",
        "Python and system",
        "event loop",
        "build",
    ]
