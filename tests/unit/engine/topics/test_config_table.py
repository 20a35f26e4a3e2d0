"""The table of topics' settings against Kafka's own, in both directions."""

from __future__ import annotations

import re

import pytest

from onemq.engine.topics.config import validate
from onemq.engine.topics.config_table import LONG_MAX, LONG_MIN, TOPIC_CONFIGS, TYPE_NAMES
from onemq.model.refusal import Refusal
from unit.engine.topics import kafka_configs

ROWS = kafka_configs.rows(kafka_configs.TOPIC)


def test_names() -> None:
    ours = [name for name in TOPIC_CONFIGS if not name.startswith("onemq.")]
    assert ours == sorted(row[0] for row in ROWS)
    assert all(entry.documentation for entry in TOPIC_CONFIGS.values())


@pytest.mark.parametrize(("name", "kind", "default", "takes"), ROWS)
def test_type_default_and_bounds(name: str, kind: str, default: str, takes: str) -> None:
    entry = TOPIC_CONFIGS[name]
    assert (TYPE_NAMES[entry.kind], entry.default) == (kind, default)
    bounds = re.fullmatch(r"\[(-?\d*),\.\.\.,?(-?\d*)\](?: or (-?\d+))?", takes)
    if bounds is not None:
        low, high, also = bounds.groups()
        assert entry.low == int(low or LONG_MIN) and entry.high == int(high or LONG_MAX)
        assert entry.also == int(also or 0)
    elif takes.startswith("[") and "partitionId" not in takes:
        assert sorted(entry.words) == sorted(takes.strip("[]").split(", "))
    else:
        assert not entry.words and (entry.low, entry.high) == (LONG_MIN, LONG_MAX)
    validate(name, default)


@pytest.mark.parametrize("name", [name for name, entry in TOPIC_CONFIGS.items() if entry.low > LONG_MIN])
def test_one_below_is_refused(name: str) -> None:
    entry = TOPIC_CONFIGS[name]
    validate(name, str(entry.low))
    below = entry.low - 1 if entry.low - 1 != entry.also or entry.also == 0 else entry.low - 2
    with pytest.raises(Refusal, match=f"Value must be (at least|between) {entry.low}"):
        validate(name, str(below))
