"""Settings are checked when they are made."""

from __future__ import annotations

import pytest

from onemq.storage.settings import StoreSettings


def test_defaults_are_valid_and_safe() -> None:
    assert StoreSettings("/somewhere").sync == "always"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sync": "sometimes"},
        {"sync_interval_ms": 0},
        {"retry_ms": 0},
        {"segment_bytes": 0},
        {"index_bytes": 0},
        {"open_files_max": 0},
        {"carry_percent": 101},
        {"preallocate_bytes": -1},
        {"read_ahead_bytes": -1},
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        StoreSettings("/somewhere", **wrong)  # type: ignore[arg-type]
