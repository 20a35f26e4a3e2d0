"""What a receive gets names what it is settled by."""

from onemq.engine.receiving import Received
from onemq.model.record import NO_ADDRESS, Record


def test_the_handle_stays_when_the_record_moves_on() -> None:
    record = Record(b"text", NO_ADDRESS)
    record.offset = 7
    received = Received(record, 3, 7, 2, 1_000, 5_000)
    # It dies, and is appended to another log.
    record.offset = 0
    handle = received.handle
    assert (handle.log_id, handle.offset, handle.attempt, handle.first_at_ms) == (3, 7, 2, 1_000)
