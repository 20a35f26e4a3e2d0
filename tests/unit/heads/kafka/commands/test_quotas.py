"""Client quotas over the wire."""

from __future__ import annotations

from typing import Any

import pytest

from unit.heads.kafka.admin_requests import guest, log_in, made
from unit.heads.kafka.playbook import Peer, Stage

EXACT, DEFAULT, ANY = 0, 1, 2
RATE = "producer_byte_rate"


def alters(
    peer: Peer,
    entity: dict[str, str | None],
    *ops: tuple[str, float, bool],
    check_only: bool = False,
    version: int = 1,
) -> int:
    entry = {
        "entity": [{"entity_type": kind, "entity_name": name} for kind, name in entity.items()],
        "ops": [{"key": key, "value": value, "remove": remove} for key, value, remove in ops],
    }
    answer = peer.asks(made("AlterClientQuotas", version, entries=[entry], validate_only=check_only)).entries[
        0
    ]
    assert {part.entity_type: part.entity_name for part in answer.entity} == entity
    assert bool(answer.error_code) == bool(answer.error_message)
    return int(answer.error_code)


def asks(peer: Peer, *parts: tuple[str, int, str | None], strict: bool = False, version: int = 1) -> Any:
    components = [{"entity_type": kind, "match_type": how, "match": name} for kind, how, name in parts]
    return peer.asks(made("DescribeClientQuotas", version, components=components, strict=strict))


def described(peer: Peer, *parts: tuple[str, int, str | None], strict: bool = False, version: int = 1) -> Any:
    answer = asks(peer, *parts, strict=strict, version=version)
    assert (answer.error_code, answer.error_message) == (0, None)
    return [
        (
            {part.entity_type: part.entity_name for part in entry.entity},
            {each.key: each.value for each in entry.values},
        )
        for entry in answer.entries
    ]


@pytest.mark.parametrize("version", range(2))
def test_quotas_come_and_go(version: int) -> None:
    peer = guest()
    both: dict[str, str | None] = {"user": "u", "client-id": None}
    ops = ((RATE, 5.0, False), ("request_percentage", 12.5, False))
    assert alters(peer, both, *ops, version=version) == 0
    assert alters(peer, {"user": None}, (RATE, 9.0, False), version=version) == 0
    expected = (both, {RATE: 5.0, "request_percentage": 12.5})
    assert described(peer, version=version) == [expected, ({"user": None}, {RATE: 9.0})]
    assert described(peer, ("user", EXACT, "u"), version=version) == [expected]
    assert described(peer, ("user", EXACT, "u"), strict=True, version=version) == []
    assert described(peer, ("user", DEFAULT, None), version=version) == [({"user": None}, {RATE: 9.0})]
    assert len(described(peer, ("user", ANY, None), version=version)) == 2
    assert alters(peer, both, (RATE, 0.0, True), version=version) == 0
    assert described(peer, ("client-id", ANY, None), version=version) == [
        (both, {"request_percentage": 12.5})
    ]


def test_what_is_refused() -> None:
    peer = guest()
    assert alters(peer, {"user": "u"}, ("x", 1.0, False)) == 42
    assert alters(peer, {"user": "u"}, (RATE, 1.0, False), (RATE, -1.0, False)) == 42
    assert alters(peer, {"pet": "u"}, (RATE, 1.0, False)) == 42
    assert alters(peer, {}, (RATE, 1.0, False)) == 42
    assert alters(peer, {"user": "u"}, (RATE, 1.0, False), check_only=True) == 0
    assert described(peer) == []
    assert asks(peer, ("pet", ANY, None)).error_code == 35
    assert asks(peer, ("user", ANY, None), ("user", ANY, None)).error_code == 42


def test_rights() -> None:
    reader = log_in(Stage(users=True), "reader")
    assert alters(reader, {"user": "reader"}, (RATE, 1e9, False)) == 31
    assert asks(reader).error_code == 31
