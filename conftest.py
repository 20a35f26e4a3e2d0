"""For all tests: none is judged by the clock, and what hangs on other programs' threads gets a second try that is reported.

A real client decides by its own timers and threads what it sends when; on two busy cores one in some ten thousand runs comes
out otherwise. Such a test (OTHER_PROGRAMS) is tried once more with new fixtures, and the end of the run names it: a name that
comes back is a bug. Tests of our own code alone (unit, model, simulation) are never repeated.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("onemq", deadline=None)
settings.load_profile("onemq")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background by a shell. Programs that tests start would inherit it and never hear of a control-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

OTHER_PROGRAMS = ("clients", "conformance", "crash", "differential", "examples")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent / "tests"
    for item in items:
        parts = item.path.relative_to(tests).parts if tests in item.path.parents else ()
        if parts and parts[0] in OTHER_PROGRAMS:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    repeated = terminalreporter.stats.get("rerun", [])
    if repeated:
        terminalreporter.section("FAILED AT THE FIRST TRY: look into these", yellow=True)
        for report in repeated:
            terminalreporter.line(report.nodeid)
            terminalreporter.line(report.longreprtext)
