"""ShareGroupHeartbeat and ShareGroupDescribe, and share groups in ListGroups and DeleteGroups, over the real engine."""

from __future__ import annotations

import pytest
from kafka.protocol.admin import DeleteGroupsRequest, ListGroupsRequest

from unit.heads.kafka.playbook import Stage
from unit.heads.kafka.requests import make_topic
from unit.heads.kafka.share_requests import SharePeer, Told

NONE, UNKNOWN_MEMBER, TOPIC_DENIED, GROUP_DENIED, INVALID_REQUEST = 0, 25, 29, 30, 42
NON_EMPTY, GROUP_NOT_FOUND, FENCED_EPOCH = 68, 69, 110


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def peer(stage: Stage) -> SharePeer:
    made = SharePeer(stage.connect())
    make_topic(made.peer, "t")
    return made


def beat(peer: SharePeer, member: str, epoch: int, *topics: str, group: str = "g") -> Told:
    names = list(topics) or None
    return peer.asks(
        "share_group_heartbeat",
        1,
        group_id=group,
        member_id=member,
        member_epoch=epoch,
        subscribed_topic_names=names,
    )


def test_join_stay_and_leave(peer: SharePeer) -> None:
    answer = beat(peer, "m", 0, "t")
    assert (answer.error_code, answer.member_id, answer.member_epoch) == (NONE, "m", 1)
    assert answer.heartbeat_interval_ms == 5000
    (assigned,) = answer.assignment.topic_partitions
    assert assigned.partitions == [0]
    assert beat(peer, "m", 1).assignment is None
    assert beat(peer, "m", 1, "t").assignment is not None, "who says everything is told everything"
    assert beat(peer, "m", -1).member_epoch == -1
    assert beat(peer, "m", 1).error_code == UNKNOWN_MEMBER


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"group_id": ""}, INVALID_REQUEST),
        ({"member_id": ""}, INVALID_REQUEST),
        ({"rack_id": " "}, INVALID_REQUEST),
        ({"member_epoch": -2}, INVALID_REQUEST),
        ({"subscribed_topic_names": None}, INVALID_REQUEST),
        ({"subscribed_topic_names": []}, INVALID_REQUEST),
        ({"member_epoch": 1}, GROUP_NOT_FOUND),
        ({"member_epoch": -1}, GROUP_NOT_FOUND),
    ],
)
def test_refused(peer: SharePeer, wrong: dict[str, object], code: int) -> None:
    request: dict[str, object] = {
        "group_id": "g",
        "member_id": "m",
        "member_epoch": 0,
        "subscribed_topic_names": ["t"],
    }
    answer = peer.asks("share_group_heartbeat", 1, **{**request, **wrong})
    assert answer.error_code == code
    assert answer.error_message
    assert beat(peer, "m", 0, "t").error_code == NONE, "nothing was changed"


def test_epochs(peer: SharePeer) -> None:
    beat(peer, "m", 0, "t")
    assert beat(peer, "m", 7).error_code == FENCED_EPOCH
    assert beat(peer, "other", 1).error_code == UNKNOWN_MEMBER


def test_rights() -> None:
    stage = Stage(users=True)
    owner = stage.connect().logs_in("guest")
    make_topic(owner, "open")
    make_topic(owner, "t")
    reader = SharePeer(stage.connect().logs_in("reader", "guest"))
    assert beat(reader, "m", 0, "open", group="secret").error_code == GROUP_DENIED
    assert beat(reader, "m", 0, "t", group="open").error_code == TOPIC_DENIED
    assert beat(reader, "m", 0, "open", group="open").error_code == NONE


def test_describe_list_and_delete(peer: SharePeer) -> None:
    beat(peer, "m", 0, "t")
    answer = peer.asks("share_group_describe", 1, group_ids=["g", "none"], include_authorized_operations=True)
    found, missing = answer.groups
    assert (found.error_code, found.group_state, found.group_epoch) == (NONE, "Stable", 1)
    assert (found.assignment_epoch, found.assignor_name) == (1, "simple")
    (member,) = found.members
    assert (member.member_id, member.member_epoch, member.client_id) == ("m", 1, "playbook")
    assert member.subscribed_topic_names == ["t"]
    (assigned,) = member.assignment.topic_partitions
    assert (assigned.topic_name, assigned.partitions) == ("t", [0])
    assert found.authorized_operations > 0
    assert missing.error_code == GROUP_NOT_FOUND

    for kinds, states, wanted in (
        ([], [], ["g"]),
        (["share"], [], ["g"]),
        (["classic"], [], []),
        ([], ["stable"], ["g"]),
        ([], ["Empty"], []),
    ):
        listed = peer.peer.asks(ListGroupsRequest[5](states_filter=states, types_filter=kinds)).groups
        assert [one.group_id for one in listed] == wanted
        assert all((one.protocol_type, one.group_type) == ("share", "share") for one in listed)

    def delete() -> int:
        return int(peer.peer.asks(DeleteGroupsRequest[2](groups_names=["g"])).results[0].error_code)

    assert delete() == NON_EMPTY
    beat(peer, "m", -1)
    assert delete() == NONE
    assert delete() == GROUP_NOT_FOUND
