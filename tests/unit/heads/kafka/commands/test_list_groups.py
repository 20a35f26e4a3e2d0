"""ListGroups, DescribeGroups and DeleteGroups, in every version, over the real engine."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.protocol.admin import DeleteGroupsRequest, DescribeGroupsRequest, ListGroupsRequest

from unit.heads.kafka.commands.test_join_group import joins, sync
from unit.heads.kafka.commands.test_offset_fetch import commit
from unit.heads.kafka.playbook import Peer, Stage
from unit.heads.kafka.requests import make_topic

NONE, GROUP_DENIED, NON_EMPTY, NOT_FOUND = 0, 30, 68, 69


@pytest.fixture
def peer() -> Peer:
    """One that has a stable group g and offsets of a group that never had members."""
    made = Stage().connect()
    make_topic(made, "t")
    member_id = joins(made, 3).member_id
    made.asks(sync(3, member_id, 1, {member_id: b"plan"}))
    made.asks(commit(8, ("t", 0, 7, None), group="simple"))
    return made


def names(answer: Any) -> list[str]:
    assert answer.error_code == NONE
    return sorted(one.group_id for one in answer.groups)


@pytest.mark.parametrize("version", range(6))
def test_list(peer: Peer, version: int) -> None:
    answer = peer.asks(ListGroupsRequest[version](states_filter=[], types_filter=[]))
    assert names(answer) == ["g", "simple"]
    found = {one.group_id: one for one in answer.groups}
    assert (found["g"].protocol_type, found["simple"].protocol_type) == ("consumer", "")
    if version >= 4:
        assert (found["g"].group_state, found["simple"].group_state) == ("Stable", "Empty")
        answer = peer.asks(ListGroupsRequest[version](states_filter=["stable", "Dead"], types_filter=[]))
        assert names(answer) == ["g"]
    if version >= 5:
        assert found["g"].group_type == "classic"
        answer = peer.asks(ListGroupsRequest[version](states_filter=[], types_filter=["Consumer"]))
        assert names(answer) == []


@pytest.mark.parametrize("version", range(7))
def test_describe(peer: Peer, version: int) -> None:
    request = DescribeGroupsRequest[version](groups=["g", "none"], include_authorized_operations=True)
    found, missing = peer.asks(request).groups
    assert (found.error_code, found.group_state, found.protocol_type) == (NONE, "Stable", "consumer")
    assert found.protocol_data == "range"
    (member,) = found.members
    assert (member.member_metadata, member.member_assignment) == (b"m", b"plan")
    assert (member.client_id, member.client_host) == ("playbook", "/127.0.0.1")
    if version >= 3:
        assert found.authorized_operations
    assert missing.group_state == "Dead" and missing.members == []
    assert missing.error_code == (NOT_FOUND if version >= 6 else NONE)


@pytest.mark.parametrize("version", range(3))
def test_delete(peer: Peer, version: int) -> None:
    answer = peer.asks(DeleteGroupsRequest[version](groups_names=["g", "simple", "none"]))
    assert [one.error_code for one in answer.results] == [NON_EMPTY, NONE, NOT_FOUND]
    assert names(peer.asks(ListGroupsRequest[0]())) == ["g"]
    answer = peer.asks(DeleteGroupsRequest[version](groups_names=["g", "g"]))
    assert [one.error_code for one in answer.results] == [NON_EMPTY]


def test_rights() -> None:
    stage = Stage(users=True)
    guest = stage.connect().logs_in("guest")
    make_topic(guest, "t")
    for group in ("open", "closed"):
        guest.asks(commit(8, ("t", 0, 7, None), group=group))
    peer = stage.connect().logs_in("reader")
    assert names(peer.asks(ListGroupsRequest[2]())) == ["open"]
    answer = peer.asks(DescribeGroupsRequest[4](groups=["open", "closed"]))
    assert [one.error_code for one in answer.groups] == [NONE, GROUP_DENIED]
    answer = peer.asks(DeleteGroupsRequest[1](groups_names=["open", "closed"]))
    assert [one.error_code for one in answer.results] == [GROUP_DENIED, GROUP_DENIED]
