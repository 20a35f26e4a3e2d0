"""Inputs that are nearly valid, from a seed: valid ones with octets changed, cut, doubled, joined; numbers at their edges; any octets.

ONEMQ_FUZZ_SECONDS: how long each target is tried with new seeds; without it each gets a fixed number of rounds, the same ones each time.
"""

from __future__ import annotations

import os
import random as random_module
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

SECONDS: Final = float(os.environ.get("ONEMQ_FUZZ_SECONDS", "0"))
ROUNDS: Final = 300
GROWTH_BYTES_MAX: Final = 200 * 1024 * 1024
EDGES: Final = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    (1 << 63) - 1,
    (1 << 64) - 1,
)


def seeds(rounds: int = ROUNDS) -> Iterator[Seeded]:
    """A generator for each round; at the end memory must not have grown beyond all bounds."""
    before = peak_bytes()
    if SECONDS:
        by = time.monotonic() + SECONDS
        seed = time.time_ns()
        while time.monotonic() < by:
            yield seeded(seed)
            seed += 1
    else:
        for seed in range(rounds):
            yield seeded(seed)
    assert peak_bytes() - before < GROWTH_BYTES_MAX


class Seeded(random_module.Random):
    """Knows its seed, for the message of what failed."""

    first: int = 0


def seeded(seed: int) -> Seeded:
    random = Seeded(seed)
    random.first = seed
    return random


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def tries(seed: random_module.Random, data: bytes, action: Callable[[], Any]) -> Any:
    """What the action gives. What it raises is told with the input."""
    try:
        return action()
    except Exception as error:
        shown = data if len(data) < 2000 else data[:2000]
        raise AssertionError(f"seed {getattr(seed, 'first', '?')}: {error!r} for {shown!r}") from error


def mutated(random: random_module.Random, data: bytes, others: list[bytes]) -> bytes:
    """Some changes to `data`, mostly few."""
    if random.random() < 0.03:
        return random.randbytes(random.randrange(200))
    for _ in range(random.choice([1, 1, 1, 2, 3, 8])):
        data = _changed(random, data, others)
    return data


def _changed(random: random_module.Random, data: bytes, others: list[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    end = min(len(data), at + random.choice([1, 1, 2, 4, 8, 30]))
    dice = random.randrange(9)
    if dice == 0 and data:
        at = min(at, len(data) - 1)
        return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]
    if dice == 1:
        return data[:at] + data[end:]
    if dice == 2:
        return data[:end] + data[at:end] + data[end:]
    if dice == 3:
        return data[:at] + random.randbytes(random.choice([1, 2, 4, 30])) + data[end:]
    if dice == 4:
        return data[:at]
    if dice == 5 and others:
        other = random.choice(others)
        return data[:at] + other[random.randrange(len(other) + 1) :]
    if dice == 6:
        return data[:at] + bytes([random.choice((0, 0x7F, 0x80, 0xFF))]) * (end - at) + data[end:]
    width = random.choice([1, 2, 4, 8])
    edge = random.choice(EDGES) & ((1 << 8 * width) - 1)
    return data[:at] + edge.to_bytes(width, "big") + data[at + width :]


def pieces(random: random_module.Random, data: bytes) -> list[bytes]:
    """As a network might bring it."""
    if random.random() < 0.5 or len(data) < 2:
        return [data]
    cuts = sorted(random.randrange(len(data)) for _ in range(random.choice([1, 2, 20])))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
