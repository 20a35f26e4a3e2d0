"""What a record's death looks like in its history, and the rule that ends circles of dead letters.

Source: RabbitMQ's documentation on dead letter exchanges ("Dead-Lettered Effects on Messages") and its automatic cycle detection.
"""

from onemq.engine.queue import DIED_REJECTED
from onemq.model.record import Death, Deaths, Record


def died(record: Record, queue: str, reason: str, routing_keys: list[str], now_ms: int) -> Deaths:
    """The record's history with one more death: the newest (queue, reason) first, its count one higher."""
    exchange = record.address.exchange
    expiration = ""
    if record.expires_at_ms:
        expiration = str(int(record.expires_at_ms - record.timestamp_ms))
    this = (queue, reason, exchange)
    before = record.deaths
    if before is None:
        death = Death(queue, reason, exchange, routing_keys, now_ms, 1, expiration)
        return Deaths([death], this, this)
    entries: list[Death] = []
    same: Death | None = None
    for entry in before.entries:
        if entry.queue == queue and entry.reason == reason:
            same = entry
        else:
            entries.append(entry)
    if same is None:
        same = Death(queue, reason, exchange, routing_keys, now_ms, 1, expiration)
    else:
        same = Death(
            queue, reason, same.exchange, same.routing_keys, same.time_ms, same.count + 1, same.expiration
        )
    entries.insert(0, same)
    return Deaths(entries, before.first, this)


def is_cycle(deaths: Deaths, queue: str, reason: str) -> bool:
    """True when dead-lettering into `queue` would close a circle in which no consumer ever rejected the record."""
    if reason == DIED_REJECTED:
        return False
    for entry in deaths.entries:
        if entry.reason == DIED_REJECTED:
            return False
        if entry.queue == queue:
            return True
    return False
