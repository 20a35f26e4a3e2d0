"""Message rates as RabbitMQ shows them: a number, and beside it `_details` with its rate and, for a range that was asked for, samples.

Source: rabbit_mgmt_util (range), rabbit_mgmt_stats (format), recorded answers of RabbitMQ 3.10.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from onemq.engine.counters import Counters
from onemq.engine.rates import Series
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem

SAMPLES_MAX: Final = 1000

Count = tuple[str, Callable[[Counters], int], tuple[str, ...]]
"""RabbitMQ's name of a number, what it is of our counters, and which of the sampled ones it adds up (a "-" before takes away)."""

QUEUE_COUNTS: Final[tuple[Count, ...]] = (
    ("ack", lambda counters: counters.acknowledged, ("acknowledged",)),
    ("deliver", lambda counters: counters.delivered, ("delivered",)),
    (
        "deliver_get",
        lambda counters: counters.delivered_in_all(),
        ("delivered", "delivered_no_ack", "got", "got_no_ack"),
    ),
    ("deliver_no_ack", lambda counters: counters.delivered_no_ack, ("delivered_no_ack",)),
    ("get", lambda counters: counters.got, ("got",)),
    ("get_empty", lambda counters: counters.get_empty, ("get_empty",)),
    ("get_no_ack", lambda counters: counters.got_no_ack, ("got_no_ack",)),
    ("publish", lambda counters: counters.published, ("published",)),
    ("redeliver", lambda counters: counters.redelivered, ("redelivered",)),
)
CHANNEL_COUNTS: Final[tuple[Count, ...]] = (
    *QUEUE_COUNTS,
    ("confirm", lambda counters: counters.confirmed, ("confirmed",)),
    (
        "drop_unroutable",
        lambda counters: counters.unroutable - counters.sent_back,
        ("unroutable", "-sent_back"),
    ),
    ("return_unroutable", lambda counters: counters.sent_back, ("sent_back",)),
)
EXCHANGE_COUNTS: Final[tuple[Count, ...]] = (
    ("publish_in", lambda counters: counters.published, ("published",)),
    ("publish_out", lambda counters: counters.routed, ("routed",)),
)
LENGTHS: Final = "lengths"
MESSAGE_RATES: Final = "msg_rates"


class Ranges:
    """What the request wants samples of: kind ("lengths", "msg_rates") to age and step in ms. Raises Problem."""

    def __init__(self, call: Call) -> None:
        self._found: dict[str, tuple[int, int]] = {}
        for kind in (LENGTHS, MESSAGE_RATES, "data_rates", "node_stats"):
            age, step = _number(call, f"{kind}_age"), _number(call, f"{kind}_incr")
            if age is None or step is None:
                continue
            if age < 0 or step < 1 or age // step > SAMPLES_MAX:
                raise Problem(
                    400, "invalid_range_parameters", f"Invalid range parameters: age {age}, incr {step}"
                )
            self._found[kind] = (age * 1000, step * 1000)

    def of(self, kind: str) -> tuple[int, int] | None:
        return self._found.get(kind)


def _number(call: Call, name: str) -> int | None:
    try:
        return int(call.query.text(name))
    except ValueError:
        return None


def message_stats(
    counters: Counters, series: Series | None, counts: Sequence[Count], ranges: Ranges
) -> dict[str, Any]:
    """{} while nothing has happened, as in RabbitMQ."""
    values = [(name, int(value(counters)), sampled) for name, value, sampled in counts]
    if not any(value for _, value, _ in values):
        return {}
    found: dict[str, Any] = {}
    for name, value, sampled in values:
        found[name] = value
        found[f"{name}_details"] = details(series, sampled, ranges.of(MESSAGE_RATES))
    return found


def lengths(
    names: Sequence[tuple[str, int, tuple[str, ...]]], series: Series | None, ranges: Ranges
) -> dict[str, Any]:
    """Numbers that rise and fall: RabbitMQ's name, the number now, what was sampled."""
    found: dict[str, Any] = {}
    for name, value, sampled in names:
        found[name] = value
        found[f"{name}_details"] = details(series, sampled, ranges.of(LENGTHS))
    return found


def details(series: Series | None, names: Sequence[str], asked: tuple[int, int] | None) -> dict[str, Any]:
    """Rate per second, over the names' sum; with a range also samples (newest first) and averages over them."""
    if series is None:
        return {"rate": 0.0}
    rate = 0.0
    for name in names:
        rate += -series.rate(name[1:]) if name.startswith("-") else series.rate(name)
    found: dict[str, Any] = {"rate": rate}
    if asked is None:
        return found
    samples: dict[int, int] = {}
    for name in names:
        sign = -1 if name.startswith("-") else 1
        for value, at_ms in series.history(name.lstrip("-"), *asked):
            samples[at_ms] = samples.get(at_ms, 0) + sign * value
    times = sorted(samples, reverse=True)
    found["samples"] = [{"sample": samples[at_ms], "timestamp": at_ms} for at_ms in times]
    if len(times) > 1:
        first, last = times[-1], times[0]
        found["avg_rate"] = (samples[last] - samples[first]) * 1000 / max(last - first, 1)
    if times:
        found["avg"] = sum(samples.values()) / len(times)
    return found


def rate_only(rate: float) -> dict[str, Any]:
    """Details of a number that is not sampled."""
    return {"rate": rate}
