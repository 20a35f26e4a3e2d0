"""One connection: its turn, the error boundary, limits in time and space, and its ends."""

from __future__ import annotations

import logging

import pytest

from onemq.engine.ports import Durable, Failed
from onemq.model.refusal import Reason, Refusal, WireError
from onemq.net.outbox import COPIED_BYTES_MAX
from unit.net.stage import Stage


def test_a_turn_is_one_begin_one_end_and_one_write() -> None:
    stage = Stage()
    connection, echo, transport = stage.connect()
    stage.engine.log.clear()
    connection.received(b"a")
    connection.received(b"b")
    assert transport.written == []
    stage.loop.run()
    assert transport.written == [b"ab"]
    assert stage.engine.log == ["begin", "end"] and echo.told[-1] == "end_turn"


def test_turns_go_on_while_the_engine_has_work_left() -> None:
    stage = Stage()
    connection, _, _ = stage.connect()
    stage.engine.log.clear()
    stage.engine.more = 2
    connection.received(b"a")
    stage.loop.run()
    assert stage.engine.log.count("end") == 3


def test_again_resumes_once_before_the_commit_of_the_turn() -> None:
    stage = Stage()
    connection, echo, transport = stage.connect()
    connection.received(b"a")
    stage.engine.log.clear()
    connection.again()
    connection.again()
    assert "resumed" not in echo.told
    stage.loop.run()
    assert echo.told.count("resumed") == 1 and transport.written == [b"aresumed"]
    assert stage.engine.log == ["end"]


def test_again_between_turns_begins_one() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    stage.engine.log.clear()
    connection.again()
    stage.loop.run()
    assert stage.engine.log == ["begin", "end"] and transport.written == [b"resumed"]


def test_again_after_the_commit_waits_for_the_next_turn() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    stage.engine.log.clear()
    stage.engine.at_end = connection.again
    connection.received(b"a")
    stage.loop.run()
    assert stage.engine.log == ["begin", "end", "begin", "end"]
    assert transport.written == [b"a", b"resumed"]


def test_an_error_after_again_closes_the_connection() -> None:
    stage = Stage()
    connection, echo, transport = stage.connect()
    connection.again()
    echo.fault = WireError("x")
    stage.loop.run()
    assert transport.written == [b"goodbye"] and transport.eof


def test_a_lost_connection_is_not_resumed() -> None:
    stage = Stage()
    connection, echo, _ = stage.connect()
    connection.again()
    connection.lost()
    stage.loop.run()
    assert "resumed" not in echo.told and echo.told[-1] == "lost"


def test_a_conversation_that_has_enough_is_not_read_from() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    connection.hold_reading(True)
    connection.hold_reading(True)
    assert not transport.reading
    connection.slow_down(True)
    connection.hold_reading(False)
    assert not transport.reading
    connection.slow_down(False)
    assert transport.reading


@pytest.mark.parametrize(
    "error", [WireError("x"), Refusal(Reason.LIMIT), ValueError("x"), RecursionError("x")]
)
def test_any_error_says_goodbye_and_closes_only_this_connection(error: Exception) -> None:
    stage = Stage()
    connection, echo, transport = stage.connect()
    other, _, other_transport = stage.connect()
    echo.fault = error
    connection.received(b"a")
    connection.received(b"ignored")
    other.received(b"fine")
    stage.loop.run()
    assert transport.written == [b"goodbye"] and transport.eof and not transport.aborted
    assert other_transport.written == [b"fine"] and not other_transport.eof
    assert echo.told.count("refused") == 1 and echo.told[-1] == "refused"
    assert stage.fatal == []


def test_an_error_out_of_the_engine_ends_the_process() -> None:
    stage = Stage()
    connection, echo, _ = stage.connect()
    code = compile("raise AssertionError('broken')", "/x/onemq/engine/ledger.py", "exec")
    try:
        exec(code)
    except AssertionError as error:
        echo.fault = error
    original = echo.fault
    assert original is not None

    def failing(data: bytes) -> None:
        exec(code)

    echo.received = failing  # type: ignore[method-assign]
    connection.received(b"a")
    assert len(stage.fatal) == 1 and "engine" in stage.fatal[0]


def test_an_engine_that_cannot_commit_ends_the_process() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    stage.engine.break_at_end = RuntimeError("no")
    connection.received(b"a")
    stage.loop.run()
    assert len(stage.fatal) == 1 and transport.written == []


def test_a_failed_store_ends_the_process_and_says_why() -> None:
    stage = Stage()
    stage.store.finished.append(Failed("sync failed"))
    stage.turns.wake_from_store()
    stage.loop.run()
    assert any("sync failed" in reason for reason in stage.fatal)


def test_parked_replies_leave_when_the_store_wakes_us() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    connection.outbox.park(1, 3, b"confirm")
    connection.received(b"")
    stage.loop.run()
    assert transport.written == []
    stage.store.finished.append(Durable(3))
    stage.turns.wake_from_store()
    stage.loop.run()
    assert transport.written == [b"confirm"]


def test_close_waits_for_what_is_parked_then_lingers_then_aborts() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    connection.outbox.park(1, 3, b"confirm")
    connection.close()
    stage.loop.run()
    assert not transport.eof
    stage.store.finished.append(Durable(3))
    stage.turns.wake_from_store()
    stage.loop.run()
    assert transport.written == [b"confirm"] and transport.eof and not transport.aborted
    stage.pass_time(999)
    assert not transport.aborted
    stage.pass_time(1)
    assert transport.aborted


def test_a_close_whose_reply_never_gets_durable_is_bounded() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    connection.outbox.park(1, 3, b"confirm")
    connection.close()
    stage.loop.run()
    stage.pass_time(5000)
    assert transport.aborted and transport.written == []


def test_drain_parks_its_goodbye() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    connection.drain("shutdown")
    stage.loop.run()
    assert transport.written == [] and not transport.eof
    stage.store.finished.append(Durable(7))
    stage.turns.wake_from_store()
    stage.loop.run()
    assert transport.written == [b"draining"] and transport.eof


def test_login_time_limit() -> None:
    stage = Stage(login_ms=100)
    _, _, slow = stage.connect()
    quick, _, transport = stage.connect()
    quick.logged_in()
    stage.pass_time(100)
    assert slow.aborted and not transport.aborted


def test_heartbeats_are_sent_when_idle_only() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    connection.logged_in()
    connection.set_idle(500, 0, b"HB")
    stage.pass_time(300)
    connection.received(b"x")
    stage.loop.run()
    stage.pass_time(300)
    assert transport.written == [b"x"]
    stage.pass_time(200)
    assert transport.written == [b"x", b"HB"]


def test_a_silent_peer_is_dropped_a_talking_one_is_not() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    connection.logged_in()
    connection.set_idle(0, 1000, b"")
    for _ in range(5):
        stage.pass_time(900)
        connection.received(b"")
        stage.loop.run()
    assert not transport.aborted
    stage.pass_time(1000)
    assert transport.aborted


def test_a_peer_that_we_do_not_read_cannot_be_silent() -> None:
    stage = Stage(memory_bytes_alarm=100)
    connection, echo, transport = stage.connect()
    connection.logged_in()
    connection.set_idle(0, 1000, b"")
    connection.publishes()
    stage.engine.memory = 100
    connection.received(b"")
    stage.loop.run()
    assert not transport.reading and "low on memory" in echo.told
    stage.pass_time(5000)
    assert not transport.aborted
    stage.engine.memory = 0
    stage.turns.enter()
    stage.loop.run()
    assert transport.reading and "unblocked" in echo.told
    stage.pass_time(999)
    assert not transport.aborted


def test_a_slow_reader_gets_no_deliveries_and_at_twice_the_mark_is_not_read_from() -> None:
    stage = Stage()
    connection, echo, transport = stage.connect()
    transport.waiting = 1500
    connection.full()
    connection.received(b"x")
    stage.loop.run()
    assert "pressed" in echo.told and transport.reading
    transport.waiting = 2001
    connection.received(b"x")
    stage.loop.run()
    assert not transport.reading
    transport.waiting = 400
    connection.drained()
    stage.loop.run()
    assert transport.reading and "eased" in echo.told


def test_large_replies_leave_in_their_order_as_they_are() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    large = bytes(COPIED_BYTES_MAX + 1)
    for position, reply in ((0, b"head"), (0, large), (0, b"between"), (3, large), (0, b"tail")):
        connection.outbox.park(1, position, reply)
    connection.received(b"")
    stage.loop.run()
    connection.outbox.writer.write(b"|")
    stage.store.finished.append(Durable(3))
    stage.turns.wake_from_store()
    stage.loop.run()
    assert transport.written == [b"head", large, b"between", b"|", large, b"tail"]
    assert sum(part is large for part in transport.written) == 2
    assert stage.registry.bytes_out == sum(len(part) for part in transport.written)


def test_parked_replies_count_as_unread() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    connection.outbox.park(1, 3, b"x" * 2001)
    connection.received(b"")
    stage.loop.run()
    assert not transport.reading
    stage.store.finished.append(Durable(3))
    stage.turns.wake_from_store()
    stage.loop.run()
    assert transport.reading


def test_a_disk_that_is_behind_stops_reading_from_publishers_only() -> None:
    stage = Stage(pending_bytes_max=100)
    publisher, echo, transport = stage.connect()
    consumer, _, other = stage.connect()
    publisher.publishes()
    stage.store.pending = 101
    consumer.received(b"")
    stage.loop.run()
    assert not transport.reading and other.reading and "blocked" not in echo.told
    stage.store.pending = 50
    consumer.received(b"")
    stage.loop.run()
    assert transport.reading


def test_lost_is_told_once_and_forgets_everything() -> None:
    stage = Stage()
    connection, echo, transport = stage.connect()
    connection.publishes()
    connection.lost()
    connection.lost()
    stage.loop.run()
    assert echo.told.count("lost") == 1 and stage.registry.count() == 0
    stage.pass_time(60_000)
    assert not transport.aborted


def test_the_engines_deadline_is_kept() -> None:
    stage = Stage()
    stage.connect()
    stage.engine.deadline_ms = stage.clock.time_ms + 50
    stage.turns.enter()
    stage.loop.run()
    assert any(abs(seconds - 0.05) < 1e-9 for seconds, _, timer in stage.loop.later if not timer.cancelled)
    stage.pass_time(50)
    assert "tick" in stage.engine.log


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Reason and text of the lines so far, and forgets them."""
    found = [(record.__dict__["fields"]["reason"], record.getMessage()) for record in caplog.records]
    caplog.clear()
    return found


def test_a_slow_reader_is_one_line_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stage = Stage(slow_ms=500)
    connection, _, transport = stage.connect()
    connection.logged_in()
    transport.waiting = 1500
    connection.full()
    stage.pass_time(499)
    assert told(caplog) == []
    stage.pass_time(1)
    stage.pass_time(5000)
    ((reason, text),) = told(caplog)
    assert reason == "slow_reader" and "1500 bytes wait for it" in text and "lower prefetch" in text
    connection.drained()
    assert [reason for reason, _ in told(caplog)] == ["slow_reader_over"]
    connection.full()
    stage.pass_time(100)
    connection.drained()
    stage.pass_time(5000)
    assert told(caplog) == []


def test_lines_about_a_connection_carry_who_it_is(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    connection, _, _ = stage.connect()
    connection.warn("throttled", "waits")
    assert caplog.records[0].__dict__["fields"] == {
        "reason": "throttled",
        "protocol": "echo",
        "peer": "127.0.0.1:1",
    }
    connection.describe("alice", "/", "two\nlines" + "x" * 1000)
    connection.describe("alice", "/", "two\nlines" + "x" * 1000)
    connection.warn("too_large", "y" * 5000, "queue orders")
    record = caplog.records[1]
    fields = record.__dict__["fields"]
    assert (fields["user"], fields["namespace"], fields["entity"]) == ("alice", "/", "queue orders")
    assert "\n" not in fields["client"] and len(fields["client"]) < 300
    assert record.getMessage().startswith("echo 127.0.0.1:1 (alice@") and len(record.getMessage()) < 1500


def test_the_end_of_a_conversation_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    denied = WireError("NOT_ALLOWED - access refused")
    denied.__cause__ = Refusal(Reason.NAMESPACE_DENIED, "namespace", "x")
    for error, reason in (
        (WireError("nonsense"), "protocol_error"),
        (Refusal(Reason.LIMIT, "user", "u", "too many"), "refused"),
        (denied, "login_refused"),
        (ValueError("a bug"), "internal_error"),
    ):
        stage = Stage()
        connection, echo, _ = stage.connect()
        echo.fault = error
        connection.received(b"x")
        stage.loop.run()
        ((found, text),) = told(caplog)
        assert found == reason and "closing the connection" in text


def test_publishers_under_an_alarm_and_timeouts_are_lines(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(memory_bytes_alarm=100, login_ms=100)
    connection, _, _ = stage.connect()
    connection.publishes()
    stage.engine.memory = 100
    connection.received(b"")
    stage.loop.run()
    assert [reason for reason, _ in told(caplog)] == ["memory_alarm", "blocked"]
    assert "100 bytes of records are held" in stage.pressure.explanation()
    stage.engine.memory = 0
    stage.turns.enter()
    stage.loop.run()
    assert [reason for reason, _ in told(caplog)] == ["memory_alarm_over"]
    assert stage.pressure.explanation() == ""
    stage.pass_time(100)
    ((reason, text),) = told(caplog)
    assert reason == "login_timeout" and "echo.login_seconds" in text
