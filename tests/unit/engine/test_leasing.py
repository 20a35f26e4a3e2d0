"""Receiving with leases that have a time, on the real broker: who gets what when, also beside consumers and through restarts."""

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.leasing import GONE, LAPSED, LEASED, TAKEN
from onemq.engine.peek import Peeked, PeekWaiter
from onemq.engine.receiving import Receive, Received, ReceiveWaiter
from onemq.engine.settings import EngineSettings
from onemq.model.entities import GROUPINGS, QueueSettings
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights


class Waiter(ReceiveWaiter):
    def __init__(self) -> None:
        super().__init__()
        self.answers: list[list[Received]] = []

    def received(self, found: list[Received]) -> None:
        self.answers.append(found)

    def values(self) -> list[bytes]:
        return [each.record.value or b"" for each in self.answers[0]]


def receive(
    driver: Driver, count: int = 1, *, visibility_ms: int = 10_000, wait_ms: int = 0, queue: str = "q"
) -> Waiter:
    waiter = Waiter()
    driver.broker.begin_turn(driver.now_ms)
    driver.access.leases.receive(queue, Receive(count, visibility_ms, wait_ms), waiter)
    driver.settle_down()
    return waiter


def one(driver: Driver, *, visibility_ms: int = 10_000) -> Received:
    (found,) = receive(driver, visibility_ms=visibility_ms).answers[0]
    return found


def nothing(driver: Driver) -> bool:
    return receive(driver).answers == [[]]


def filled(*values: bytes, settings: QueueSettings | None = None) -> Driver:
    driver = Driver()
    driver.declare("q", settings)
    for value in values:
        driver.publish("q", value)
    driver.settle_down()
    return driver


def counts(driver: Driver) -> tuple[int, int, int]:
    found = driver.access.leases.counts("q")
    return int(found.ready), int(found.in_flight), int(found.delayed)


def test_what_was_received_comes_back_when_its_time_is_over() -> None:
    driver = filled(b"a", b"b")
    first = one(driver)
    assert (first.record.value, first.attempts, first.first_at_ms) == (b"a", 1, driver.now_ms)
    assert counts(driver) == (1, 1, 0)
    assert receive(driver, 10).values() == [b"b"]
    assert nothing(driver)
    driver.pass_time(9_999)
    assert nothing(driver)
    driver.pass_time(1)
    again = one(driver)
    assert (again.record.value, again.attempts, again.first_at_ms) == (b"a", 2, first.first_at_ms)


def test_settled_is_gone_for_good() -> None:
    driver = filled(b"a")
    got = one(driver)
    assert driver.access.leases.settle("q", got.handle)
    assert not driver.access.leases.settle("q", got.handle)
    driver.pass_time(60_000)
    assert counts(driver) == (0, 0, 0)
    driver.crash()
    assert counts(driver) == (0, 0, 0)


def test_a_handle_settles_after_its_time_while_nobody_else_got_the_record() -> None:
    driver = filled(b"a", b"b")
    got = one(driver)
    driver.pass_time(10_000)
    assert driver.access.leases.state("q", got.handle) == LAPSED
    assert counts(driver) == (2, 0, 0)
    assert driver.access.leases.settle("q", got.handle)
    assert counts(driver) == (1, 0, 0)
    assert receive(driver, 10).values() == [b"b"]
    assert driver.access.leases.state("q", got.handle) == GONE


def test_a_handle_is_void_when_somebody_else_got_the_record() -> None:
    driver = filled(b"a")
    old = one(driver)
    driver.pass_time(10_000)
    new = one(driver)
    leases = driver.access.leases
    assert (leases.state("q", old.handle), leases.state("q", new.handle)) == (TAKEN, LEASED)
    assert not leases.settle("q", old.handle)
    with pytest.raises(Refusal) as caught:
        leases.change("q", old.handle, 0)
    assert caught.value.reason == Reason.UNKNOWN_DELIVERY
    assert leases.settle("q", new.handle)


def test_a_lease_is_prolonged_and_given_up() -> None:
    driver = filled(b"a")
    got = one(driver)
    driver.access.leases.change("q", got.handle, 30_000)
    driver.pass_time(29_999)
    assert nothing(driver)
    driver.access.leases.change("q", got.handle, 0)
    driver.settle_down()
    assert one(driver).attempts == 2


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_a_lease_that_lapsed_is_taken_up_again_while_nobody_else_got_the_record(grouping: str) -> None:
    settings = QueueSettings()
    settings.grouping = grouping
    driver = filled(b"a", b"b", settings=settings)
    got = one(driver)
    leases = driver.access.leases
    for _ in range(2):
        driver.pass_time(10_000)
        assert counts(driver) == (2, 0, 0)
        leases.change("q", got.handle, 10_000)
        driver.settle_down()
        assert counts(driver) == (1, 1, 0)
        driver.crash()
        assert counts(driver) == (1, 1, 0)
        leases = driver.access.leases
    driver.pass_time(10_000)
    assert [each.record.value for each in receive(driver, 10).answers[0]] == [b"a", b"b"]
    assert not leases.settle("q", got.handle)
    driver.pass_time(10_000)
    leases.purge("q")
    assert counts(driver) == (0, 0, 0)


def test_a_lease_of_no_time_leaves_the_record_there_and_counts() -> None:
    driver = filled(b"a")
    assert one(driver, visibility_ms=0).attempts == 1
    assert one(driver, visibility_ms=0).attempts == 2


def test_the_queues_own_time_is_the_default() -> None:
    settings = QueueSettings()
    settings.visibility_ms = 2_000
    driver = filled(b"a", settings=settings)
    assert one(driver, visibility_ms=-1).until_ms == driver.now_ms + 2_000


def test_a_receive_waits_for_the_first_record() -> None:
    driver = filled()
    waiter = receive(driver, 10, wait_ms=20_000)
    later = receive(driver, 10, wait_ms=5_000)
    driver.pass_time(5_000)
    assert (waiter.answers, later.answers) == ([], [[]])
    driver.publish("q", b"a")
    driver.publish("q", b"b")
    driver.settle_down()
    assert waiter.values() == [b"a", b"b"]
    assert len(waiter.answers) == 1


def test_a_receive_that_waits_is_answered_when_a_lease_ends_or_a_delay() -> None:
    driver = filled(b"a")
    one(driver)
    waiter = receive(driver, wait_ms=20_000)
    driver.pass_time(10_000)
    assert waiter.values() == [b"a"]
    driver.publish("q", b"late", delay_ms=3_000)
    waiter = receive(driver, wait_ms=20_000)
    driver.pass_time(3_000)
    assert waiter.values() == [b"late"]


def test_who_has_gone_is_given_nothing() -> None:
    driver = filled()
    waiter = receive(driver, wait_ms=20_000)
    driver.access.leases.forget("q", waiter)
    driver.publish("q", b"a")
    driver.settle_down()
    assert waiter.answers == []
    assert one(driver).record.value == b"a"


def test_a_queue_that_goes_answers_its_receivers() -> None:
    driver = filled()
    waiter = receive(driver, wait_ms=20_000)
    driver.access.queues.delete("q")
    driver.settle_down()
    assert waiter.answers == [[]]


def test_a_lease_stands_through_crash_and_restart() -> None:
    driver = filled(b"a", b"b", b"c")
    got = one(driver)
    driver.pass_time(4_000)
    for end in (driver.crash, driver.restart):
        end()
        assert counts(driver) == (2, 1, 0)
        assert driver.access.leases.state("q", got.handle) == LEASED
    driver.pass_time(5_999)
    assert counts(driver) == (2, 1, 0)
    driver.pass_time(1)
    again = one(driver)
    assert (again.record.value, again.attempts, again.first_at_ms) == (b"a", 2, got.first_at_ms)
    driver.crash()
    assert driver.access.leases.settle("q", again.handle)
    driver.restart()
    assert receive(driver, 10).values() == [b"b", b"c"]


def test_a_handle_of_old_settles_after_a_restart_as_before() -> None:
    driver = filled(b"a")
    got = one(driver)
    driver.pass_time(10_000)
    driver.restart()
    driver.settle_down()
    assert driver.access.leases.state("q", got.handle) == LAPSED
    assert driver.access.leases.settle("q", got.handle)
    driver.settle_down()
    driver.crash()
    assert counts(driver) == (0, 0, 0)


def test_a_changed_lease_is_changed_after_a_crash() -> None:
    driver = filled(b"a", b"b")
    first, second = receive(driver, 2).answers[0]
    driver.access.leases.change("q", first.handle, 60_000)
    driver.access.leases.change("q", second.handle, 0)
    driver.settle_down()
    driver.crash()
    driver.pass_time(59_000)
    assert receive(driver, 10).values() == [b"b"]
    driver.pass_time(1_000)
    assert receive(driver, 10).values() == [b"a"]


def test_receivers_and_consumers_share_a_queue() -> None:
    driver = filled(b"a", b"b", b"c", b"d")
    got = receive(driver, 2).answers[0]
    sink = RecordingSink()
    consumer = driver.consume("q", sink)
    driver.settle_down()
    assert [each.record.value for each in got] + sink.values == [b"a", b"b", b"c", b"d"]
    waiter = receive(driver, wait_ms=20_000)
    driver.publish("q", b"e")
    driver.settle_down()
    assert waiter.values() == [b"e"]
    # What a receiver lets go the consumer gets, and is told that it is not the first.
    driver.pass_time(10_000)
    assert sorted(sink.values) == [b"a", b"b", b"c", b"d", b"e"]
    assert sink.attempts == [0, 0, 1, 1, 1]
    driver.access.cancel(consumer)
    driver.access.close_sink(sink)
    driver.settle_down()
    assert {each.attempts for each in receive(driver, 10).answers[0]} == {2, 3}


def test_what_a_consumer_took_after_a_lease_is_not_leased_after_a_crash() -> None:
    driver = filled(b"a")
    one(driver, visibility_ms=10)
    driver.pass_time(10)
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.settle_down()
    assert sink.values == [b"a"]
    driver.crash()
    assert one(driver).attempts == 3


def test_a_record_received_often_enough_goes_to_the_dead_letters() -> None:
    settings = QueueSettings()
    settings.receive_limit = 2
    settings.dead_letter_exchange = ""
    settings.dead_letter_routing_key = "dead"
    driver = filled(b"a", b"b", settings=settings)
    for _ in range(2):
        one(driver)
        driver.pass_time(10_000)
    # Nowhere to go: it stays.
    assert one(driver).record.value == b"a"
    driver.pass_time(10_000)
    driver.declare("dead")
    assert one(driver).record.value == b"b"
    (dead,) = receive(driver, queue="dead").answers[0]
    assert dead.record.value == b"a"
    assert dead.record.deaths is not None and dead.record.deaths.last[:2] == ("q", "delivery_limit")
    driver.pass_time(10_000)
    one(driver)
    driver.pass_time(10_000)
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.settle_down()
    assert sink.values == []


def test_purge_takes_what_is_leased_and_delayed_as_well() -> None:
    driver = filled(b"a", b"b")
    driver.publish("q", b"late", delay_ms=5_000)
    driver.settle_down()
    got = one(driver)
    assert driver.access.leases.purge("q") == 3
    assert not driver.access.leases.settle("q", got.handle)
    driver.pass_time(60_000)
    assert counts(driver) == (0, 0, 0)
    driver.crash()
    assert counts(driver) == (0, 0, 0)


def test_leases_are_bounded() -> None:
    driver = Driver(EngineSettings(leases_max=2))
    driver.declare("q")
    for value in (b"a", b"b", b"c"):
        driver.publish("q", value)
    driver.settle_down()
    receive(driver, 2)
    with pytest.raises(Refusal) as caught:
        receive(driver)
    assert caught.value.reason == Reason.LIMIT


def test_records_on_the_disk_are_waited_for() -> None:
    driver = Driver(EngineSettings(tail_bytes_max=1, load_bytes=200), delay=3)
    driver.declare("q")
    for number in range(50):
        driver.publish("q", b"%d" % number + b"." * 100)
        driver.settle_down()
    waiter = receive(driver)
    assert waiter.values()[0].startswith(b"0.")
    seen: list[int] = []
    while len(seen) < 49:
        got = receive(driver, 10).answers[0]
        assert got
        seen += [int((each.record.value or b"").split(b".")[0]) for each in got]
        for each in got:
            driver.access.leases.settle("q", each.handle)
    assert seen == list(range(1, 50))


def test_a_turn_that_has_delivered_its_bytes_goes_on_in_the_next() -> None:
    driver = Driver(EngineSettings(dispatch_bytes_per_turn=10))
    driver.declare("q")
    for value in (b"a" * 10, b"b" * 10):
        driver.publish("q", value)
    driver.settle_down()
    waiters = [Waiter(), Waiter()]
    driver.broker.begin_turn(driver.now_ms)
    for waiter in waiters:
        driver.access.leases.receive("q", Receive(10), waiter)
    driver.settle_down()
    assert [waiter.values() for waiter in waiters] == [[b"a" * 10], [b"b" * 10]]


def test_rights_and_kinds() -> None:
    driver = filled(b"a")
    stream = QueueSettings()
    stream.kept = True
    driver.declare("stream", stream)
    stranger = driver.new_access(Rights(NamePattern(""), NamePattern(".*"), NamePattern("")))
    with pytest.raises(Refusal) as caught:
        stranger.leases.receive("q", Receive(), Waiter())
    assert caught.value.reason == Reason.ACCESS_DENIED
    for queue, reason in (("no", Reason.NOT_FOUND), ("stream", Reason.NOT_SUPPORTED)):
        with pytest.raises(Refusal) as caught:
            driver.access.leases.receive(queue, Receive(), Waiter())
        assert caught.value.reason == reason


@pytest.mark.parametrize("clean", [False, True])
def test_what_a_consumer_got_after_the_time_of_a_lease_is_not_lost_in_a_crash(clean: bool) -> None:
    driver = filled(b"a")
    receive(driver, visibility_ms=100)
    driver.restart()
    driver.pass_time(101)
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.settle_down()
    assert sink.values == [b"a"]
    driver.access.close_sink(sink) if clean else driver.crash()
    driver.settle_down()
    assert [each.record.value for each in receive(driver).answers[0]] == [b"a"]


class Shown(PeekWaiter):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Peeked] = []

    def peeked(self, found: list[Peeked], more: bool) -> None:
        self.found = found


def test_rejecting_what_was_received_is_its_death() -> None:
    driver = Driver()
    driver.declare("dead")
    settings = QueueSettings()
    settings.dead_letter_exchange = ""
    settings.dead_letter_routing_key = "dead"
    driver.declare("q", settings)
    driver.publish("q", b"a")
    driver.publish("q", b"b")
    driver.settle_down()
    received = one(driver)
    shown = Shown()
    driver.access.leases.look("q", received.handle, shown)
    driver.settle_down()
    record = shown.found[0].record
    assert record.value == b"a"
    assert driver.access.leases.reject("q", received.handle, record)
    assert not driver.access.leases.reject("q", received.handle, record)
    driver.settle_down()
    assert counts(driver) == (1, 0, 0)
    got = receive(driver, queue="dead").answers[0][0].record
    assert got.deaths is not None
    assert (got.value, got.deaths.last) == (b"a", ("q", "rejected", ""))
    driver.restart()
    assert counts(driver) == (1, 0, 0)
    second = one(driver)
    assert not driver.access.leases.reject("q", second.handle, record), "another record than the handle's"
