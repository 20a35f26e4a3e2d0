"""FindCoordinator, JoinGroup, SyncGroup, Heartbeat and LeaveGroup, in every version, over the real engine."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.protocol.consumer import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest
from kafka.protocol.metadata import FindCoordinatorRequest

from unit.heads.kafka.playbook import LOCAL_HOST, LOCAL_PORT, Peer, Stage

NONE, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS = 0, 25, 27
INCONSISTENT_GROUP_PROTOCOL = 23
MEMBER_ID_REQUIRED, INVALID_GROUP_ID, GROUP_AUTHORIZATION_FAILED = 79, 24, 30


@pytest.fixture
def stage() -> Stage:
    return Stage()


def join(version: int, member_id: str = "", group: str = "g", metadata: bytes = b"m", **more: Any) -> Any:
    protocol = JoinGroupRequest.JoinGroupRequestProtocol(version=version, name="range", metadata=metadata)
    return JoinGroupRequest[version](
        group_id=group,
        session_timeout_ms=10_000,
        rebalance_timeout_ms=20_000,
        member_id=member_id,
        protocol_type="consumer",
        protocols=[protocol],
        **more,
    )


def sync(version: int, member_id: str, generation: int, plan: dict[str, bytes]) -> Any:
    rows = [
        SyncGroupRequest.SyncGroupRequestAssignment(version=version, member_id=one, assignment=data)
        for one, data in plan.items()
    ]
    more = {"protocol_type": "consumer", "protocol_name": "range"} if version >= 5 else {}
    return SyncGroupRequest[version](
        group_id="g", generation_id=generation, member_id=member_id, assignments=rows, **more
    )


def joins(peer: Peer, version: int) -> Any:
    """Joins, with a first answer that gives the id where the version has that."""
    answer = peer.asks(join(version))
    if version >= 4:
        assert answer.error_code == MEMBER_ID_REQUIRED
        answer = peer.asks(join(version, answer.member_id))
    return answer


@pytest.mark.parametrize("version", range(10))
def test_join(stage: Stage, version: int) -> None:
    answer = joins(stage.connect(), version)
    assert (answer.error_code, answer.generation_id, answer.protocol_name) == (NONE, 1, "range")
    assert answer.leader == answer.member_id and answer.member_id.startswith("playbook-")
    assert [(one.member_id, one.metadata) for one in answer.members] == [(answer.member_id, b"m")]


@pytest.mark.parametrize("version", range(10))
def test_a_join_that_is_refused(stage: Stage, version: int) -> None:
    answer = stage.connect().asks(join(version, "nobody"))
    assert (answer.error_code, answer.generation_id) == (UNKNOWN_MEMBER_ID, -1)
    assert answer.protocol_name == (None if version >= 7 else "")
    assert stage.connect().asks(join(version, group="")).error_code == INVALID_GROUP_ID


@pytest.mark.parametrize("version", range(6))
def test_sync_waits_for_the_leader(stage: Stage, version: int) -> None:
    leader, follower = stage.connect(), stage.connect()
    first = joins(leader, 3)
    follower.says(join(3))
    follower.hears_nothing()
    assert (
        leader.asks(HeartbeatRequest[0](group_id="g", generation_id=1, member_id=first.member_id)).error_code
        == REBALANCE_IN_PROGRESS
    )
    assert leader.asks(join(3, first.member_id)).generation_id == 2
    (second,) = follower.hears()
    follower.says(sync(version, second.member_id, 2, {}))
    follower.hears_nothing()
    plan = {first.member_id: b"one", second.member_id: b"two"}
    assert leader.asks(sync(version, first.member_id, 2, plan)).assignment == b"one"
    (told,) = follower.hears()
    assert (told.error_code, told.assignment) == (NONE, b"two")
    if version >= 5:
        assert (told.protocol_type, told.protocol_name) == ("consumer", "range")


def test_a_connection_that_waits_may_break(stage: Stage) -> None:
    leader, follower = stage.connect(), stage.connect()
    first = joins(leader, 3)
    follower.says(join(3))
    follower.leaves()
    answer = leader.asks(join(3, first.member_id))
    assert (answer.error_code, answer.generation_id, len(answer.members)) == (NONE, 2, 2)
    stage.wait(10_000)
    assert leader.asks(
        HeartbeatRequest[0](group_id="g", generation_id=2, member_id=first.member_id)
    ).error_code in (REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID)


@pytest.mark.parametrize("version", range(5))
def test_heartbeat(stage: Stage, version: int) -> None:
    peer = stage.connect()
    member_id = joins(peer, 3).member_id
    for generation, name, code in ((1, member_id, NONE), (1, "x", UNKNOWN_MEMBER_ID), (2, member_id, 22)):
        request = HeartbeatRequest[version](group_id="g", generation_id=generation, member_id=name)
        assert peer.asks(request).error_code == code


@pytest.mark.parametrize("version", range(6))
def test_leave(stage: Stage, version: int) -> None:
    peer = stage.connect()
    member_id = joins(peer, 3).member_id
    if version < 3:
        for code in (NONE, UNKNOWN_MEMBER_ID):
            request = LeaveGroupRequest[version](group_id="g", member_id=member_id)
            assert peer.asks(request).error_code == code
        return
    identity = LeaveGroupRequest.MemberIdentity
    members = [identity(version=version, member_id=one, group_instance_id=None) for one in (member_id, "x")]
    answer = peer.asks(LeaveGroupRequest[version](group_id="g", members=members))
    assert answer.error_code == NONE
    assert [one.error_code for one in answer.members] == [NONE, UNKNOWN_MEMBER_ID]


@pytest.mark.parametrize("version", range(7))
def test_this_broker_coordinates_everything(stage: Stage, version: int) -> None:
    peer = stage.connect()
    for key_type in (0, 1) if version else (0,):
        if version < 4:
            answer = peer.asks(FindCoordinatorRequest[version](key="g", key_type=key_type))
            found = [answer]
        else:
            answer = peer.asks(
                FindCoordinatorRequest[version](key_type=key_type, coordinator_keys=["g", "h"])
            )
            found = answer.coordinators
            assert [one.key for one in found] == ["g", "h"]
        for one in found:
            assert (one.error_code, one.node_id, one.host, one.port) == (NONE, 1, LOCAL_HOST, LOCAL_PORT)


def test_a_group_that_there_is_not(stage: Stage) -> None:
    peer = stage.connect()
    (gone,) = [LeaveGroupRequest.MemberIdentity(version=5, member_id="m", group_instance_id=None)]
    answer = peer.asks(LeaveGroupRequest[5](group_id="none", members=[gone]))
    assert (answer.error_code, [one.error_code for one in answer.members]) == (NONE, [UNKNOWN_MEMBER_ID])
    old = peer.asks(LeaveGroupRequest[2](group_id="none", member_id="m"))
    assert old.error_code == UNKNOWN_MEMBER_ID


def test_a_sync_has_to_name_the_protocol(stage: Stage) -> None:
    peer = stage.connect()
    joined = joins(peer, 9)
    request = SyncGroupRequest[5](
        group_id="g",
        generation_id=joined.generation_id,
        member_id=joined.member_id,
        protocol_type="consumer",
        protocol_name=None,
        assignments=[],
    )
    assert peer.asks(request).error_code == INCONSISTENT_GROUP_PROTOCOL


def test_coordinators_that_there_are_not(stage: Stage) -> None:
    peer = stage.connect()
    answer = peer.asks(FindCoordinatorRequest[3](key="g", key_type=7))
    assert (answer.error_code, answer.node_id, answer.port) == (42, -1, -1)
    answer = peer.asks(FindCoordinatorRequest[5](key_type=2, coordinator_keys=["g"]))
    assert answer.coordinators[0].error_code == 42


def test_rights() -> None:
    peer = Stage(users=True).connect().logs_in("reader")
    assert peer.asks(join(5, group="closed")).error_code == GROUP_AUTHORIZATION_FAILED
    assert peer.asks(join(5, group="open")).error_code == MEMBER_ID_REQUIRED
    answer = peer.asks(FindCoordinatorRequest[4](key_type=0, coordinator_keys=["open", "closed"]))
    assert [one.error_code for one in answer.coordinators] == [NONE, GROUP_AUTHORIZATION_FAILED]
