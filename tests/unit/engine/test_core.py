"""The turn's parts: deadlines in order, one commit per turn, positions."""

from hypothesis import given
from hypothesis import strategies as st
from mypy_extensions import i64

from engine_driver import Disk, FakeStore
from onemq.engine.core import Agenda, Core
from onemq.engine.settings import EngineSettings


def core() -> Core:
    return Core(FakeStore(Disk()), EngineSettings(), bytes)


class Alarm(Agenda):
    def __init__(self, core: Core, rung: list[int]) -> None:
        super().__init__()
        self.core = core
        self.rung = rung
        self.wrote = 0

    def seal(self) -> None:
        raise AssertionError

    def dispatch(self, budget: i64) -> i64:
        raise AssertionError

    def write_facts(self) -> None:
        self.wrote += 1
        self.core.facts.write(b"fact")

    def durable_up_to(self, position: i64) -> bool:
        raise AssertionError

    def on_deadline(self) -> None:
        self.rung.append(int(self.core.now_ms))


@given(st.lists(st.integers(1, 100), min_size=1))
def test_an_agenda_rings_once_at_its_earliest_time(times: list[int]) -> None:
    heart = core()
    rung: list[int] = []
    alarm = Alarm(heart, rung)
    for time in times:
        heart.schedule(alarm, time)
    assert heart.next_deadline_ms() == min(times)
    for now in range(101):
        heart.now_ms = now
        heart.run_deadlines()
    assert rung == [min(times)]
    assert heart.next_deadline_ms() == 0


@given(st.lists(st.integers(1, 50), min_size=1, unique=True))
def test_deadlines_come_in_order(times: list[int]) -> None:
    heart = core()
    rung: list[int] = []
    for time in times:
        heart.schedule(Alarm(heart, rung), time)
    while heart.next_deadline_ms():
        heart.now_ms = heart.next_deadline_ms()
        heart.run_deadlines()
    assert rung == sorted(times)


def test_an_agenda_can_be_scheduled_again_after_an_earlier_time_replaced_a_later() -> None:
    heart = core()
    rung: list[int] = []
    alarm = Alarm(heart, rung)
    heart.schedule(alarm, 100)
    heart.schedule(alarm, 50)
    heart.now_ms = 50
    heart.run_deadlines()
    heart.schedule(alarm, 100)
    heart.now_ms = 200
    heart.run_deadlines()
    assert rung == [50, 200]


def test_a_turn_is_one_commit() -> None:
    heart = core()
    alarm = Alarm(heart, [])
    assert heart.position() == 0
    heart.need_write(alarm)
    heart.need_write(alarm)
    heart.will_commit = True
    assert heart.position() == 1
    heart.commit()
    heart.commit()
    assert (alarm.wrote, int(heart.last_position)) == (1, 1)
    assert heart.position() == 1
