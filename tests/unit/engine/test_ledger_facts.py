"""What a commit says of a ledger's records: as ranges, without what the turn itself undid, in an order that replays to what is so."""

from __future__ import annotations

from librt.strings import BytesWriter

from engine_driver import Driver, RecordingSink
from onemq.engine.consumption import Delivery
from onemq.engine.facts import LEASED, RETURNED, SETTLED, FactReader
from onemq.engine.ledger_facts import LedgerFacts, RangeRun
from onemq.engine.timed_leases import TimedLeases
from onemq.model.record import NO_ADDRESS, Record


def written(facts: LedgerFacts, out: dict[int, Delivery] | None = None) -> list[tuple[int, object]]:
    writer = BytesWriter()
    facts.write(writer, 3, {} if out is None else out, TimedLeases())
    reader = FactReader(writer.getvalue())
    found: list[tuple[int, object]] = []
    while reader.next():
        assert reader.log_id() == 3
        if reader.kind == LEASED:
            found.append((LEASED, reader.ranges(4)))
        elif reader.kind == SETTLED:
            found.append((SETTLED, (int(reader.int64(4)), reader.ranges(12))))
        else:
            assert reader.kind == RETURNED
            found.append((RETURNED, (int(reader.int64(4)), int(reader.int32(12)), int(reader.int32(16)))))
    return found


def test_offsets_in_any_order_are_ranges() -> None:
    run = RangeRun()
    for offset in (4, 5, 6, 1, 2, 9):
        run.add(offset)
    run.add_ranges([7, 9])
    assert run.take() == [1, 3, 4, 10]
    assert run.take() == []


def test_what_was_leased_and_settled_in_one_turn_was_settled() -> None:
    facts = LedgerFacts()
    for offset in (1, 2, 3):
        facts.leased.add(offset)
    facts.settled.add(2)
    facts.settled_bytes += 10
    assert written(facts) == [(LEASED, [1, 2, 3, 4]), (SETTLED, (10, [2, 3]))]
    assert written(facts) == []


def test_what_came_back_and_went_out_again_is_out() -> None:
    facts = LedgerFacts()
    facts.leased.add(5)
    facts.came_back(5, 2, 1)
    driver = Driver()
    leaser = driver.declare("q").leaser
    delivery = Delivery(Record(b"", NO_ADDRESS), leaser, RecordingSink(), None, 0, 0, 0)
    assert written(facts, {5: delivery}) == [(LEASED, [5, 6]), (RETURNED, (5, 2, 1)), (LEASED, [5, 6])]
    facts.came_back(5, 3, 2)
    assert written(facts) == [(RETURNED, (5, 3, 2))]
