"""Which connections are open, as operators see and close them."""

from __future__ import annotations

from unit.net.stage import Stage


def test_views_say_who_is_there_and_what_went_over_the_wire() -> None:
    stage = Stage()
    connection, _, transport = stage.connect()
    stage.pass_time(5)
    second, _, _ = stage.connect()
    connection.received(b"abc")
    stage.loop.run()
    transport.waiting = 7
    first, other = stage.registry.views()
    assert (first.number, other.number) == (1, 2)
    assert (first.head, first.profile.protocol, first.profile.user) == ("echo", "Echo", "somebody")
    assert first.name == "127.0.0.1:1 -> :0" and first.profile.state == "running"
    assert (first.received_bytes, first.sent_bytes, first.send_pending_bytes) == (3, 3, 7)
    assert other.connected_at_ms == first.connected_at_ms + 5 and other.received_bytes == 0
    connection.lost()
    assert [view.number for view in stage.registry.views()] == [2]
    second.lost()
    assert stage.registry.views() == []


def test_an_alarm_shows() -> None:
    stage = Stage()
    connection, _, _ = stage.connect()
    connection.hold("low on memory")
    assert [view.profile.state for view in stage.registry.views()] == ["blocked"]
    connection.unhold()
    assert [view.profile.state for view in stage.registry.views()] == ["running"]


def test_closing_one_lets_it_say_goodbye_in_its_own_words() -> None:
    stage = Stage()
    _connection, _, transport = stage.connect()
    _, _, other = stage.connect()
    assert stage.registry.close(1, "no longer wanted")
    assert not stage.registry.close(3, "no longer wanted")
    assert [view.profile.state for view in stage.registry.views()] == ["closing", "running"]
    stage.turns.durability.advance(7)
    stage.turns.enter()
    stage.loop.run()
    assert transport.written == [b"draining"] and transport.eof
    assert other.written == [] and not other.eof


def test_traffic_by_head_outlives_its_connections() -> None:
    stage = Stage()
    connection, _, _ = stage.connect()
    stage.connect()
    connection.received(b"abc")
    stage.loop.run()
    connection.lost()
    traffic = stage.registry.by_head["echo"]
    assert (traffic.opened, traffic.closed, traffic.open()) == (2, 1, 1)
    assert (traffic.bytes_in, traffic.bytes_out) == (3, 3)


def test_turns_are_timed() -> None:
    stage = Stage()
    connection, _, _ = stage.connect()
    stage.loop.run()
    before = stage.turns.durations.count
    connection.received(b"abc")
    stage.loop.run()
    assert stage.turns.durations.count == before + 1


def test_views_come_some_at_a_time_though_some_go_in_between() -> None:
    stage = Stage()
    connections = [stage.connect()[0] for _ in range(5)]
    assert [view.number for view in stage.registry.views_after(0, 2)] == [1, 2]
    connections[1].lost()
    connections[2].lost()
    assert [view.number for view in stage.registry.views_after(2, 2)] == [4, 5]
    assert stage.registry.views_after(5, 2) == []
