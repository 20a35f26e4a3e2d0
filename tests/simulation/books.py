"""Checks of the engine's own books: counts, bytes and states of every ledger and log; and its durable state, comparable.

Knows what the engine keeps, nothing of what clients did.
"""

from __future__ import annotations

from itertools import pairwise

from onemq.engine.broker import Broker
from onemq.engine.catalog_changes import durable_changes
from onemq.engine.group_ledger import GroupLedger
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.offsets import from_offsets, total
from onemq.engine.topics.partition import Partition
from simulation.checkers import check


def check_books(broker: Broker) -> None:
    """The counts of every ledger and log agree with what they count, and no record is in two states."""
    tail = 0
    for queue in broker.catalog.logs.values():
        log = queue.log
        tail += int(log.tail_cost)
        cost = sum(int(batch.cost) for batch in log.tail)
        check(cost == log.tail_cost, f"{queue.name}: tail_cost {log.tail_cost}, its batches {cost}")
        if isinstance(queue, LedgerQueue):
            check_ledger(queue)
    check(tail == broker.core.tail_bytes, f"tail_bytes {broker.core.tail_bytes}, the logs hold {tail}")


def check_ledger(queue: LedgerQueue, lost_max: int = 0) -> None:
    """lost_max: markers and aborted records of a topic, which are not there for a queue."""
    ledger = queue.ledger
    ready: list[int] = ledger.ready_ranges() if isinstance(ledger, GroupLedger) else []
    for level in ledger.ready.levels:
        ready += level.ranges()
        check(total(level.ranges()) == level.count, f"{queue.name}: a level counts {level.count}")
    returned = [offset for heap in ledger.ready.returned for offset in heap]
    delayed = [entry[1] for entry in ledger.delayed]
    check(
        len(returned) == ledger.ready.returned_count,
        f"{queue.name}: returned {returned} {ledger.ready.returned_count}",
    )
    # What a lapsed lease's handle settled is passed over when its turn comes.
    returned = [offset for offset in returned if offset not in ledger.ready.struck]
    count = total(ready) + len(returned)
    check(count == ledger.ready_count, f"{queue.name}: {count} ready, ready_count {ledger.ready_count}")
    states: list[list[int]] = [[ready[at], ready[at + 1]] for at in range(0, len(ready), 2)]
    states += [from_offsets(returned), from_offsets(list(ledger.leased)), from_offsets(delayed)]
    states.append(from_offsets(sorted(ledger.timed.out)))
    seen = 0
    pairs: list[int] = []
    for state in states:
        seen += total(state)
        pairs += state
    spans = sorted((pairs[at], pairs[at + 1]) for at in range(0, len(pairs), 2))
    for before, after in pairwise(spans):
        check(before[1] <= after[0], f"{queue.name}: offset {after[0]} is in two states")
    check(len(set(returned)) == len(returned), f"{queue.name}: returned twice {sorted(returned)}")
    check(len(set(delayed)) == len(delayed), f"{queue.name}: delayed twice {sorted(delayed)}")
    timed = sum(int(lease.size) for lease in ledger.timed.out.values())
    check(timed == ledger.timed.out_bytes, f"{queue.name}: out_bytes {ledger.timed.out_bytes}, out {timed}")
    leased = sum(int(delivery.record.body_bytes()) for delivery in ledger.leased.values())
    check(leased == ledger.leased_bytes, f"{queue.name}: leased_bytes {ledger.leased_bytes}, leased {leased}")
    waiting = sum(entry[3] for entry in ledger.delayed)
    check(
        waiting == ledger.delayed_bytes,
        f"{queue.name}: delayed_bytes {ledger.delayed_bytes}, delayed {waiting}",
    )
    check(ledger.lost <= lost_max, f"{queue.name}: {ledger.lost} records were not there")
    if not seen:
        check(
            ledger.unsettled_bytes == 0 and ledger.durable_bytes == 0 and ledger.delayed_bytes == 0,
            f"{queue.name} is empty: unsettled_bytes {ledger.unsettled_bytes}, durable_bytes "
            f"{ledger.durable_bytes}, delayed_bytes {ledger.delayed_bytes}",
        )


def state_of(broker: Broker) -> dict[str, object]:
    """The durable state in a form that can be compared: the live one and the replayed one must be the same.

    What is on lease when a broker stops is ready again, and counted, when it is back: that is left out here.
    """
    logs: dict[str, dict[str, object]] = {}
    for log_id, queue in sorted(broker.catalog.logs.items()):
        if not queue.log.durable:
            continue
        state = queue.state()
        if isinstance(queue, LedgerQueue):
            delayed = state["delayed"]
            levels = state["levels"]
            assert isinstance(delayed, list) and isinstance(levels, list)
            offsets: list[int] = list(delayed[1::4])
            for pairs in levels:
                for at in range(0, len(pairs), 2):
                    offsets += range(pairs[at], pairs[at + 1])
            if isinstance(queue.ledger, GroupLedger):
                pairs = queue.ledger.unsettled_ranges()
                offsets = [
                    offset for at in range(0, len(pairs), 2) for offset in range(pairs[at], pairs[at + 1])
                ]
            logs[str(log_id)] = {"live": sorted(offsets), "bytes": state["bytes"]}
        else:
            logs[str(log_id)] = {"start": state["start"], "bytes": state["bytes"]}
            topic = queue.topic if isinstance(queue, Partition) else None
            if topic is not None and (topic.config.compact or topic.config.explicit("retention.ms")):
                # What is left is an estimate, and a restart has another one.
                del logs[str(log_id)]["bytes"]
    catalog = broker.catalog
    changes = sorted(
        repr(sorted(change.items(), key=lambda item: item[0]))
        for change in durable_changes(catalog.namespaces.values(), catalog.internals.values())
    )
    notices = [repr(change) for change in broker.notices.changes()]
    return {"logs": logs, "catalog": changes, "notices": notices}
