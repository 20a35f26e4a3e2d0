"""Access rules over the wire: made, described, removed, and obeyed."""

from __future__ import annotations

from typing import Any

import pytest

from unit.heads.kafka.admin_requests import create, guest, log_in, made
from unit.heads.kafka.playbook import Peer, Stage, batch
from unit.heads.kafka.requests import produce

TOPIC, LITERAL, PREFIXED, READ, WRITE, DENY, ALLOW, ANY = 2, 3, 4, 3, 4, 2, 3, 1


def rule(**more: Any) -> dict[str, Any]:
    return {
        "resource_type": TOPIC,
        "resource_name": "t",
        "resource_pattern_type": LITERAL,
        "principal": "User:reader",
        "host": "*",
        "operation": WRITE,
        "permission_type": ALLOW,
        **more,
    }


def chosen(**more: Any) -> dict[str, Any]:
    return {
        "resource_type_filter": ANY,
        "resource_name_filter": None,
        "pattern_type_filter": ANY,
        "principal_filter": None,
        "host_filter": None,
        "operation": ANY,
        "permission_type": ANY,
        **more,
    }


def makes(peer: Peer, *rules: dict[str, Any], version: int = 3) -> list[int]:
    return [each.error_code for each in peer.asks(made("CreateAcls", version, creations=list(rules))).results]


@pytest.mark.parametrize("version", range(1, 4))
def test_rules_come_and_go(version: int) -> None:
    peer = guest()
    wide = rule(resource_name="p", resource_pattern_type=PREFIXED, permission_type=DENY)
    assert makes(peer, rule(), rule(operation=READ), wide, rule(operation=ANY), version=version) == [
        0,
        0,
        0,
        42,
    ]
    answer = peer.asks(made("DescribeAcls", version, **chosen()))
    found = {
        (each.resource_type, each.resource_name, each.pattern_type): {
            (acl.principal, acl.host, acl.operation, acl.permission_type) for acl in each.acls
        }
        for each in answer.resources
    }
    assert (answer.error_code, answer.error_message) == (0, None)
    assert found == {
        (TOPIC, "t", LITERAL): {("User:reader", "*", WRITE, ALLOW), ("User:reader", "*", READ, ALLOW)},
        (TOPIC, "p", PREFIXED): {("User:reader", "*", WRITE, DENY)},
    }
    bad = chosen(resource_type_filter=0)
    filters = [chosen(operation=READ), bad, chosen(resource_name_filter="none")]
    answer = peer.asks(made("DeleteAcls", version, filters=filters))
    assert [(each.error_code, len(each.matching_acls)) for each in answer.filter_results] == [
        (0, 1),
        (42, 0),
        (0, 0),
    ]
    gone = answer.filter_results[0].matching_acls[0]
    assert (gone.resource_name, gone.pattern_type, gone.operation, gone.error_code) == ("t", LITERAL, READ, 0)
    assert len(peer.asks(made("DescribeAcls", version, **chosen())).resources) == 2


def test_rules_are_obeyed_at_once() -> None:
    stage = Stage(users=True)
    administrator = log_in(stage, "guest")
    create(administrator, "t")
    reader = log_in(stage, "reader")

    def writes() -> int:
        answer = reader.asks(produce(9, "t", batch(b"x")))
        return int(answer.responses[0].partition_responses[0].error_code)

    assert writes() == 29
    assert reader.link.log[-1].startswith("operation_refused: Produce: describe on topic 't' is denied; ")
    assert makes(administrator, rule()) == [0]
    assert writes() == 0
    assert makes(administrator, rule(host="127.0.0.1", permission_type=DENY)) == [0]
    assert writes() == 29
    administrator.asks(made("DeleteAcls", 3, filters=[chosen(permission_type=DENY)]))
    assert writes() == 0


def test_rights() -> None:
    stage = Stage(users=True)
    reader = log_in(stage, "reader")
    assert makes(reader, rule()) == [31]
    assert reader.asks(made("DescribeAcls", 3, **chosen())).error_code == 31
    assert reader.asks(made("DeleteAcls", 3, filters=[chosen()])).filter_results[0].error_code == 31
