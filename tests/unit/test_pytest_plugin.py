"""The pytest plugin, in suites of its own: each fixture, tests that are apart, and a suite that does not use it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import onemq

pytest_plugins = ["pytester"]

SOURCE = Path(__file__).resolve().parents[2] / "src"
CONFTEST = 'pytest_plugins = ["onemq.pytest_plugin"]\n'


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST)
    # The onemq of this run (sources or compiled), from another directory.
    monkeypatch.setenv("PYTHONPATH", str(Path(onemq.__file__).resolve().parents[1]))
    return pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider", timeout=100)


@pytest.mark.slow
def test_what_the_fixtures_give(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """One session, in the order of the files: tests that are apart on one broker, what the session made stays, the clock is of one test,
    faults are taken back."""
    pytester.makepyfile(
        test_1_apart="""
        import pytest

        seen = set()

        @pytest.mark.parametrize("number", range(5))
        def test_begins_empty(onemq, onemq_session, number):
            seen.add(onemq.amqp_url)
            assert onemq is onemq_session
            assert onemq.names().queues == set() and onemq.names().topics == set()
            onemq.declare_queue("orders")
            onemq.declare_topic("events")
            onemq.publish("orders", str(number))
            onemq.publish("events", str(number))
            assert [message.text() for message in onemq.peek("orders")] == [str(number)]
            assert [message.text() for message in onemq.peek("events")] == [str(number)]

        def test_it_was_one_broker():
            assert len(seen) == 1
        """,
        test_2_clock="""
        import time

        def test_before(onemq):
            assert abs(onemq.clock.now() - time.time()) < 1800

        def test_moves(onemq_clock, onemq, onemq_session):
            onemq.declare_queue("orders", ttl=3600)
            onemq.publish("orders", "x")
            onemq_clock.advance(3000)
            assert onemq.count("orders") == (1, 0, 0)
            onemq_clock.advance(600)
            assert onemq.count("orders") == (0, 0, 0)
            assert onemq is not onemq_session

        def test_after(onemq):
            assert abs(onemq.clock.now() - time.time()) < 1800
        """,
        test_3_faults="""
        def test_sets(onemq_faults, onemq):
            onemq_faults.refuse()
            assert onemq.faults.active

        def test_begins_without(onemq_faults):
            assert onemq_faults.active == ()
        """,
        test_4_session="""
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def application(onemq_session):
            onemq_session.declare_queue("of-the-application")

        @pytest.mark.parametrize("number", range(2))
        def test_is_there(onemq, number):
            assert onemq.names().queues == {"of-the-application"}
            onemq.declare_queue("of-the-test")
        """,
    )
    run(pytester, monkeypatch).assert_outcomes(passed=13)


@pytest.mark.slow
def test_names_and_settings(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(
        """
        import re
        import pytest

        @pytest.fixture(scope="session")
        def onemq_settings():
            return {"kafka.partitions": 3, "http": {"port": "off"}}

        names = set()

        @pytest.mark.parametrize("text", ["a b/c", "x" * 200])
        def test_names(onemq_name, text):
            names.add(onemq_name("orders"))
            assert onemq_name("orders") == onemq_name("orders") != onemq_name("other")
            assert re.fullmatch(r"orders-[A-Za-z0-9_-]{1,70}", onemq_name("orders"))
            assert re.fullmatch(r"jobs-[A-Za-z0-9_-]{1,70}[.]fifo", onemq_name("jobs.fifo"))

        def test_all_differ():
            assert len(names) == 2

        def test_settings(onemq):
            assert "http" not in onemq.ports and "kafka" in onemq.ports
        """
    )
    run(pytester, monkeypatch).assert_outcomes(passed=4)


@pytest.mark.slow
def test_a_suite_that_does_not_use_it_loads_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing():
            assert "onemq.pytest_plugin" in sys.modules
            loaded = [name for name in sys.modules if name.startswith("onemq.")]
            assert loaded == ["onemq.pytest_plugin"]
            assert "uvloop" not in sys.modules
        """
    )
    run(pytester, monkeypatch).assert_outcomes(passed=1)


def test_the_entry_point_is_declared() -> None:
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"onemq.pytest_plugin": "onemq.pytest_plugin"}
