"""The turn's parts: deadlines in order, one commit per turn, positions."""

from weakref import ReferenceType, ref

from hypothesis import given
from hypothesis import strategies as st
from mypy_extensions import i64

from engine_driver import Disk, FakeStore
from onemq.engine.core import COPIED_BYTES_MAX, STALE_DEADLINES_MIN, Agenda, Core
from onemq.engine.facts import FactReader
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


def test_deadlines_that_do_not_count_any_more_are_forgotten_long_before_their_time() -> None:
    heart = core()
    rung: list[int] = []
    heart.schedule(Alarm(heart, rung), 7)
    gone: list[ReferenceType[Alarm]] = []
    for _ in range(10_000):
        alarm = Alarm(heart, rung)
        heart.schedule(alarm, 1 << 40)
        heart.unschedule(alarm)
        gone.append(ref(alarm))
        del alarm
    assert sum(each() is not None for each in gone) < 2 * STALE_DEADLINES_MIN
    heart.now_ms = 7
    heart.run_deadlines()
    assert rung == [7]
    assert heart.next_deadline_ms() == 0


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["schedule", "unschedule"]), st.integers(1, 60)))
)
def test_what_was_unscheduled_is_quiet_and_the_rest_rings(steps: list[tuple[int, str, int]]) -> None:
    heart = core()
    rings: list[list[int]] = [[] for _ in range(6)]
    alarms = [Alarm(heart, rings[index]) for index in range(6)]
    expected = [0] * 6
    for which, step, at in steps:
        if step == "unschedule":
            heart.unschedule(alarms[which])
            expected[which] = 0
        else:
            heart.schedule(alarms[which], at)
            expected[which] = min(at, expected[which] or at)
    while heart.next_deadline_ms():
        heart.now_ms = heart.next_deadline_ms()
        heart.run_deadlines()
    assert rings == [[at] if at else [] for at in expected]


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


def test_a_large_batch_stands_in_its_place_in_the_commit_and_is_not_copied() -> None:
    class Keeping(FakeStore):
        def append_parts(self, facts: list[bytes]) -> int:
            taken.append(facts)
            return super().append_parts(facts)

    taken: list[list[bytes]] = []
    disk = Disk()
    heart = Core(Keeping(disk), EngineSettings(), bytes)
    large = bytes(COPIED_BYTES_MAX + 1)
    for log_id, batch in ((1, b"small"), (2, large), (3, b"small"), (4, large), (5, b"last")):
        heart.write_batch(log_id, 0, 7, batch)
    heart.commit()
    assert sum(part is large for part in taken[0]) == 2
    reader = FactReader(b"".join(taken[0]))
    found = []
    while reader.next():
        found.append((reader.log_id(), reader.body(13)))
    assert found == [(1, b"small"), (2, large), (3, b"small"), (4, large), (5, b"last")]
    heart.write_batch(6, 0, 7, b"alone")
    heart.commit()
    assert len(taken) == 1 and heart.last_position == 2
