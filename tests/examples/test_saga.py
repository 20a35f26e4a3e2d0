"""The saga example: a trip has all its bookings or none, whoever is killed on the way."""

from __future__ import annotations

from example_runner import Examples, rows

SERVICES = ("flight", "hotel", "payment")


def test_a_trip_has_everything_or_nothing(examples: Examples) -> None:
    examples.environment["TRIPS_DIRECTORY"] = str(examples.directory)
    examples.play("saga")
    status = dict(rows(examples.directory / "trips-orchestrator.sqlite3", "SELECT id, status FROM trips"))
    assert len(status) == 80
    assert set(status.values()) == {"booked", "refused"}
    booked = {trip for trip, how in status.items() if how == "booked"}
    for service in SERVICES:
        states = rows(examples.directory / f"trips-{service}.sqlite3", "SELECT trip_id, state FROM bookings")
        assert {trip for trip, state in states if state == "booked"} == booked, service
    too_expensive = {f"trip-{number}" for number in range(0, 80, 8)}
    assert not booked & too_expensive
    assert len(booked) <= 40, "there are no more rooms"
    cancelled = rows(
        examples.directory / "trips-flight.sqlite3", "SELECT trip_id FROM bookings WHERE state = 'cancelled'"
    )
    assert cancelled, "somebody had a seat and no room"
