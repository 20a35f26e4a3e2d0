"""What is asked of groups: classic members, committed offsets, what administrators see of them, coordinators."""

from __future__ import annotations

from typing import Any, Final

from differential.kafka.asking import Side

PROTOCOLS: Final = ({"name": "range", "metadata": b"m"},)


def join(
    side: Side,
    group: str,
    member: str = "",
    *,
    version: int = 9,
    session_ms: int = 10_000,
    rebalance_ms: int = 10_000,
    kind: str = "consumer",
    protocols: Any = PROTOCOLS,
    instance: str | None = None,
    connection: str = "main",
) -> Any:
    more: dict[str, Any] = {}
    if version >= 1:
        more["rebalance_timeout_ms"] = rebalance_ms
    if version >= 5:
        more["group_instance_id"] = instance
    return side.ask(
        "JoinGroup",
        version,
        connection=connection,
        note=f"{group} member {bool(member)} session {session_ms} type {kind} protocols {protocols} instance {instance}",
        group_id=group,
        session_timeout_ms=session_ms,
        member_id=member,
        protocol_type=kind,
        protocols=list(protocols),
        **more,
    )


def sync(
    side: Side,
    group: str,
    generation: int,
    member: str,
    *,
    version: int = 5,
    share: bytes | None = b"share",
    kind: str | None = "consumer",
    protocol: str | None = "range",
    instance: str | None = None,
) -> None:
    more: dict[str, Any] = {}
    if version >= 3:
        more["group_instance_id"] = instance
    if version >= 5:
        more |= {"protocol_type": kind, "protocol_name": protocol}
    side.ask(
        "SyncGroup",
        version,
        note=f"{group} generation {generation} member {member[:3]} {kind} {protocol}",
        group_id=group,
        generation_id=generation,
        member_id=member,
        assignments=[] if share is None else [{"member_id": member, "assignment": share}],
        **more,
    )


def heartbeat(
    side: Side, group: str, generation: int, member: str, version: int = 4, instance: str | None = None
) -> None:
    more: dict[str, Any] = {"group_instance_id": instance} if version >= 3 else {}
    side.ask(
        "Heartbeat",
        version,
        note=f"{group} generation {generation} member {member[:3]} instance {instance}",
        group_id=group,
        generation_id=generation,
        member_id=member,
        **more,
    )


def leave(
    side: Side, group: str, *members: str, version: int = 5, instances: tuple[str | None, ...] = (None,)
) -> None:
    if version < 3:
        named: dict[str, Any] = {"member_id": members[0]}
    else:
        named = {
            "members": [
                {"member_id": member, "group_instance_id": instance}
                for member, instance in zip(members, instances * len(members), strict=False)
            ]
        }
    side.ask(
        "LeaveGroup",
        version,
        note=f"{group} {[each[:3] for each in members]} {instances}",
        group_id=group,
        **named,
    )


def commit(
    side: Side,
    group: str,
    topic: str,
    offset: int = 5,
    *,
    version: int = 9,
    partition: int = 0,
    generation: int = -1,
    member: str = "",
    instance: str | None = None,
    text: str | None = "",
) -> None:
    one: dict[str, Any] = {
        "partition_index": partition,
        "committed_offset": offset,
        "committed_metadata": text,
    }
    if version >= 6:
        one["committed_leader_epoch"] = -1
    more: dict[str, Any] = {"group_instance_id": instance} if version >= 7 else {}
    if version <= 4:
        more["retention_time_ms"] = -1
    side.ask(
        "OffsetCommit",
        version,
        note=f"{group} {topic}-{partition} at {offset} generation {generation} member {member[:3]} text {len(text or '')}",
        group_id=group,
        generation_id_or_member_epoch=generation,
        member_id=member,
        topics=[{"name": topic, "partitions": [one]}],
        **more,
    )


def committed(
    side: Side, group: str, topic: str, version: int = 9, partitions: tuple[int, ...] = (0, 1)
) -> None:
    if version < 8:
        side.ask(
            "OffsetFetch",
            version,
            group_id=group,
            topics=[{"name": topic, "partition_indexes": list(partitions)}],
        )
        return
    wanted: dict[str, Any] = {
        "group_id": group,
        "topics": [{"name": topic, "partition_indexes": list(partitions)}],
    }
    if version >= 9:
        wanted |= {"member_id": None, "member_epoch": -1}
    side.ask("OffsetFetch", version, groups=[wanted], require_stable=False)


def described(side: Side, *groups: str, version: int = 6) -> None:
    more: dict[str, Any] = {"include_authorized_operations": True} if version >= 3 else {}
    side.ask("DescribeGroups", version, groups=list(groups), **more)


def joined(side: Side) -> None:
    group = side.name("g")
    for session in (-1, 0, 1, 5999, 1_800_001):
        join(side, group, session_ms=session)
    join(side, group, protocols=())
    join(side, group, kind="")
    join(side, "")
    join(side, group, "unknown")
    join(side, side.name("none"), "unknown")
    for version in range(10):
        named = side.name(f"v{version}")
        first = join(side, named, version=version)
        if first.error_code == 79:
            first = join(side, named, first.member_id, version=version)
        member = first.member_id
        described(side, named)
        sync(side, named, first.generation_id, member, version=min(version, 5))
        heartbeat(side, named, first.generation_id, member, version=min(version, 4))
        described(side, named, version=min(version, 6))
        leave(side, named, member, version=min(version, 5))
        heartbeat(side, named, first.generation_id, member, version=min(version, 4))
        described(side, named)


def one_member(side: Side, group: str, **more: Any) -> tuple[str, int]:
    first = join(side, group, **more)
    if first.error_code == 79:
        first = join(side, group, first.member_id, **more)
    assert first.error_code == 0
    return first.member_id, first.generation_id


def members_checked(side: Side) -> None:
    group = side.name("g")
    member, generation = one_member(side, group)
    sync(side, group, generation + 1, member)
    sync(side, group, generation, "unknown")
    sync(side, group, generation, member, kind="other")
    sync(side, group, generation, member, protocol="other")
    sync(side, group, generation, member, kind=None, protocol=None)
    sync(side, group, generation, member)
    for wrong in (generation + 1, generation - 1, -1):
        heartbeat(side, group, wrong, member)
        sync(side, group, wrong, member)
    heartbeat(side, group, generation, "unknown")
    heartbeat(side, group, generation, "")
    heartbeat(side, side.name("none"), generation, member)
    heartbeat(side, "", generation, member)
    heartbeat(side, group, generation, member, instance="static")
    sync(side, side.name("none"), 1, "unknown")
    sync(side, "", 1, "unknown")
    join(side, group, kind="other")
    join(side, group, protocols=({"name": "sticky", "metadata": b""},))
    join(side, group, member, protocols=PROTOCOLS)
    sync(side, group, generation + 1, member, share=None)
    heartbeat(side, group, generation + 1, member)
    for gone in ("unknown", ""):
        leave(side, group, gone)
    leave(side, group, "unknown", version=2)
    leave(side, side.name("none"), member)
    leave(side, side.name("none"), member, version=2)
    leave(side, "", member)
    leave(side, group, "", instances=("static",))
    leave(side, group, member, member)
    described(side, group, side.name("none"), "")
    for version in range(7):
        described(side, group, side.name("none"), version=version)


def static_members(side: Side) -> None:
    group = side.name("g")
    member, generation = one_member(side, group, instance="one")
    sync(side, group, generation, member, instance="one")
    heartbeat(side, group, generation, "other", instance="one")
    heartbeat(side, group, generation, member, instance="two")
    join(side, group, "other", instance="one")
    again = join(side, group, instance="one")
    heartbeat(side, group, generation, member, instance="one")
    heartbeat(side, group, again.generation_id, again.member_id, instance="one")
    sync(side, group, again.generation_id, member, instance="one")
    topic = side.topic("t")
    commit(side, group, topic, generation=generation, member=member, instance="one")
    commit(side, group, topic, generation=again.generation_id, member=again.member_id, instance="two")
    commit(side, group, topic, generation=again.generation_id, member=again.member_id, instance="one")
    described(side, group)
    leave(side, group, member, instances=("one",))
    leave(side, group, "", instances=("two",))
    leave(side, group, "", instances=("one",))
    described(side, group)
    join(side, group, instance="")


def offsets(side: Side) -> None:
    topic, group = side.topic("t", 2), side.name("g")
    for version in range(2, 10):
        commit(side, group, topic, 10 + version, version=version)
    for version in range(1, 10):
        committed(side, group, topic, version, (0, 1, 7))
        committed(side, side.name("none"), topic, version)
        committed(side, group, side.name("missing"), version)
    for text in ("x" * 4096, "x" * 4097, None):
        commit(side, group, topic, text=text)
    for offset in (-1, -2, 0):
        commit(side, group, topic, offset)
        committed(side, group, topic)
    commit(side, group, topic, partition=9)
    commit(side, group, topic, partition=-1)
    commit(side, group, side.name("missing"))
    commit(side, group, "a b")
    commit(side, "", topic)
    commit(side, group, topic, generation=3)
    commit(side, group, topic, generation=3, member="unknown")
    commit(side, group, topic, generation=-1, member="unknown")
    commit(side, side.name("none"), topic, generation=3, member="unknown")
    member, generation = one_member(side, group)
    commit(side, group, topic, generation=generation, member=member)
    sync(side, group, generation, member)
    commit(side, group, topic, generation=generation, member=member)
    commit(side, group, topic, generation=generation + 1, member=member)
    commit(side, group, topic, generation=generation, member="unknown")
    commit(side, group, topic)
    for version in range(2, 9):
        side.ask(
            "OffsetFetch",
            version,
            **(
                {"group_id": group, "topics": None}
                if version < 8
                else {"groups": [{"group_id": group, "topics": None}]}
            ),
        )

    def delete(name: str, part: int, of: str = group) -> None:
        side.ask(
            "OffsetDelete", 0, group_id=of, topics=[{"name": name, "partitions": [{"partition_index": part}]}]
        )

    delete(topic, 0)
    delete(topic, 9)
    delete(side.name("missing"), 0)
    delete(topic, 0, side.name("none"))
    delete(topic, 0, "")
    side.ask("DeleteGroups", 2, groups_names=[group, side.name("none"), ""])
    leave(side, group, member)
    delete(topic, 0)
    delete(topic, 0)
    committed(side, group, topic)
    for version in range(3):
        side.ask("DeleteGroups", version, groups_names=[group, group])
    described(side, group)


def listed(side: Side) -> None:
    member, generation = one_member(side, side.name("g"))
    ours = side.name("")

    def ask(version: int, **filters: Any) -> None:
        answer = side.quietly("ListGroups", version, **filters)
        groups = [side.plain(each) for each in answer.groups if each.group_id.startswith(ours)]
        side.heard.append((f"ListGroups v{version} {filters}", [answer.error_code, groups]))

    for version in range(6):
        ask(version)
    for states in (
        ["Stable"],
        ["CompletingRebalance"],
        ["completingrebalance"],
        ["Nonsense"],
        ["Empty", "Dead"],
    ):
        ask(4, states_filter=states)
        ask(5, states_filter=states, types_filter=["classic"])
    for types in (["Classic"], ["CONSUMER"], ["nonsense"], ["share"]):
        ask(5, types_filter=types)
    sync(side, side.name("g"), generation, member)
    ask(5)


def coordinators(side: Side) -> None:
    group = side.name("g")
    for version in range(4):
        more: dict[str, Any] = {"key_type": 0} if version else {}
        side.ask("FindCoordinator", version, key=group, **more)
    for version in range(4, 7):
        for kind, keys in (
            (0, [group]),
            (0, [group, "other"]),
            (0, []),
            (0, [""]),
            (1, ["t"]),
            (1, [""]),
            (7, ["x"]),
            (-1, ["x"]),
        ):
            side.ask("FindCoordinator", version, key_type=kind, coordinator_keys=keys)
    side.ask("FindCoordinator", 3, key="", key_type=0)
    side.ask("FindCoordinator", 3, key="x", key_type=9)
    side.ask("FindCoordinator", 6, key_type=2, coordinator_keys=["x"])


SCENARIOS: Final = (
    joined, members_checked, static_members, offsets, listed, coordinators,
)  # fmt: skip
