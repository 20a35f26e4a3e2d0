"""The pytest plugin that comes with onemq: a broker for tests, its clock, faults on purpose. docs/testing-with-onemq.md.

One broker serves a session. Tests are kept apart by deleting, after each, what it made: queues, topics, exchanges, SNS topics and groups,
with all they hold. So programs under test use the names they always use, in all protocols; a namespace for each test would be AMQP's alone
(Kafka's and Amazon's clients cannot name one). What a test must not share even with a client that was left running gets a name of its own
from `onemq_name`. A test that moves the clock gets a broker of its own: time does not go back.
Must not import the broker before a test asks for it: pytest loads this module for every suite in an environment with onemq.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from onemq.embedded.blocking import BlockingBroker, BlockingClock
    from onemq.faults import Faults

CLOCK = "onemq_clock"
NAME_CHARACTERS = re.compile(r"[^A-Za-z0-9_-]+")
NAME_CHARACTERS_MAX = 40


@pytest.fixture(scope="session")
def onemq_settings() -> Mapping[str, object]:
    """Settings of the brokers (docs/configuration.md), by dotted name. Override it in your conftest.py."""
    return {}


@pytest.fixture(scope="session")
def onemq_session(onemq_settings: Mapping[str, object]) -> Iterator[BlockingBroker]:
    """The session's broker, for what is set up once (an application's configuration). Its addresses stay the same for all tests."""
    from onemq.embedded.blocking import BlockingBroker

    with BlockingBroker(settings=onemq_settings) as broker:
        yield broker


@pytest.fixture
def onemq(request: pytest.FixtureRequest) -> Iterator[BlockingBroker]:
    """A broker in this process (an `onemq.BlockingBroker`), empty. What the test makes there is deleted after it."""
    if CLOCK in request.fixturenames:
        from onemq.embedded.blocking import BlockingBroker

        settings: Mapping[str, object] = request.getfixturevalue("onemq_settings")
        with BlockingBroker(settings=settings) as own:
            yield own
        return
    broker: BlockingBroker = request.getfixturevalue("onemq_session")
    before = broker.names()
    yield broker
    broker.faults.clear()
    broker.delete_since(before)


@pytest.fixture
def onemq_clock(onemq: BlockingBroker) -> BlockingClock:
    """The broker's time: `onemq_clock.advance(seconds)`; when it returns, what was due has happened. The test has its own broker."""
    return onemq.clock


@pytest.fixture
def onemq_faults(onemq: BlockingBroker) -> Faults:
    """Faults on purpose (`onemq.faults`); those that are still set are taken back after the test."""
    return onemq.faults


@pytest.fixture
def onemq_name(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Makes names that only this run of this test has: `onemq_name("orders")` is "orders-test_it_ships-3f9a". Legal in every protocol, the
    same for the same text."""
    test = NAME_CHARACTERS.sub("-", request.node.name)[:NAME_CHARACTERS_MAX].strip("-")
    mark = secrets.token_hex(4)

    def name(text: str) -> str:
        # Amazon's FIFO queues have to end so.
        base, dot, suffix = text.rpartition(".fifo")
        return f"{base}-{test}-{mark}.fifo" if dot and not suffix else f"{text}-{test}-{mark}"

    return name
