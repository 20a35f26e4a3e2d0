"""One broker that all examples share.

An example is judged by what it leaves in queues, topics and databases, looked at with a client of the test's own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from broker_process import BrokerProcess
from example_runner import EXAMPLES, LISTENERS, Examples

INSTALL_SECONDS_MAX = 120


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess, None, None]:
    """The process that all examples of this run share."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"), listeners=LISTENERS)
    process.start()
    try:
        yield process
    finally:
        process.kill9()


@pytest.fixture
def examples(broker: BrokerProcess, tmp_path: Path) -> Generator[Examples, None, None]:
    running = Examples(broker, tmp_path)
    try:
        yield running
    finally:
        running.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the logs of its programs and of the broker."""
    report = yield
    running = getattr(item, "funcargs", {}).get("examples")
    if report.failed and isinstance(running, Examples):
        report.sections.append(("logs of the example", running.logs()))
        report.sections.append(("log of the broker", running.broker.log_tail()))
    return report


@pytest.fixture(scope="session")
def node_packages() -> None:
    """What the Node programs of the examples need, installed now when it is not there yet."""
    absent = [program for program in ("node", "npm") if shutil.which(program) is None]
    if absent:
        reason = f"TOOLCHAIN MISSING: not installed: {', '.join(absent)}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    if not (EXAMPLES / "node_modules" / "kafkajs" / "package.json").exists():
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=EXAMPLES, check=True, timeout=INSTALL_SECONDS_MAX)
