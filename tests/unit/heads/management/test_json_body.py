"""Bodies: JSON, and not nested without end."""

from __future__ import annotations

import pytest

from onemq.heads.management.json_body import DEPTH_MAX, BadJson, decoded


def nested(depth: int) -> bytes:
    return (
        b'{"x":' * (depth // 2)
        + b"[" * (depth - depth // 2)
        + b"]" * (depth - depth // 2)
        + b"}" * (depth // 2)
    )


def test_json() -> None:
    assert decoded(b'{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}
    assert decoded(nested(DEPTH_MAX)) is not None
    assert len(decoded(b"[" + b"[],{}," * 1000 + b"1]")) == 2001


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": \xff}', nested(DEPTH_MAX + 2), nested(900), nested(5_000), nested(200_000)]
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        decoded(body)
