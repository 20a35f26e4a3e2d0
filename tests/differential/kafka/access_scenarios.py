"""What is asked of access: ACLs, quotas, SCRAM credentials."""

from __future__ import annotations

from typing import Any, Final

from differential.kafka.asking import Side

ANY, ALL, READ, WRITE, CREATE, DESCRIBE = 1, 2, 3, 4, 5, 8
TOPIC, GROUP, CLUSTER, USER = 2, 3, 4, 7
MATCH, LITERAL, PREFIXED = 2, 3, 4
DENY, ALLOW = 2, 3
SHA_256, SHA_512 = 1, 2


def rule(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "resource_type": TOPIC,
        "resource_name": name,
        "resource_pattern_type": LITERAL,
        "principal": "User:somebody",
        "host": "*",
        "operation": READ,
        "permission_type": ALLOW,
        **fields,
    }


def pattern(name: str | None, **fields: Any) -> dict[str, Any]:
    return {
        "resource_type_filter": TOPIC,
        "resource_name_filter": name,
        "pattern_type_filter": LITERAL,
        "principal_filter": None,
        "host_filter": None,
        "operation": ANY,
        "permission_type": ANY,
        **fields,
    }


def acls(side: Side) -> None:
    name = side.name("t")
    for fields in (
        {},
        {},
        {"operation": ALL, "permission_type": DENY},
        {"resource_pattern_type": PREFIXED},
        {"host": "10.0.0.1"},
        {"principal": "somebody"},
        {"principal": ""},
        {"principal": "Group:x"},
        {"resource_pattern_type": MATCH},
        {"resource_pattern_type": ANY},
        {"operation": ANY},
        {"operation": CREATE},
        {"permission_type": ANY},
        {"resource_type": ANY},
        {"resource_type": CLUSTER},
        {"resource_type": CLUSTER, "resource_name": "kafka-cluster", "principal": "User:" + name},
        {"resource_type": TOPIC, "operation": 9},
        {"resource_type": GROUP, "operation": WRITE},
        {"resource_name": ""},
        {"resource_type": USER, "operation": DESCRIBE, "resource_name": "User:x"},
    ):
        for version in (1, 3):
            side.ask("CreateAcls", version, creations=[rule(name, **fields)])
    side.ask("CreateAcls", 3, creations=[])
    for fields in (
        {},
        {"pattern_type_filter": MATCH},
        {"pattern_type_filter": ANY},
        {"pattern_type_filter": PREFIXED},
        {"operation": READ},
        {"permission_type": DENY},
        {"resource_type_filter": ANY},
        {"principal_filter": "User:nobody"},
        {"host_filter": "10.0.0.1"},
        {"resource_name_filter": name + "x", "pattern_type_filter": MATCH},
    ):
        side.ask("DescribeAcls", 3, **pattern(name, **fields))
    for version in range(1, 4):
        side.ask("DescribeAcls", version, **pattern(name))
    for fields in ({"host_filter": "10.0.0.1"}, {"pattern_type_filter": MATCH}):
        side.ask("DeleteAcls", 3, filters=[pattern(name, **fields)])
        side.ask("DescribeAcls", 3, **pattern(name))
    side.ask(
        "DeleteAcls", 2, filters=[pattern(None, principal_filter=f"User:{name}", resource_type_filter=ANY)]
    )


def quotas(side: Side) -> None:
    user = side.name("u")

    def alter(
        entity: dict[str, str | None],
        key: str,
        value: float,
        *,
        remove: bool = False,
        check_only: bool = False,
    ) -> None:
        named = [{"entity_type": kind, "entity_name": name} for kind, name in entity.items()]
        entry = {"entity": named, "ops": [{"key": key, "value": value, "remove": remove}]}
        side.ask("AlterClientQuotas", 1, entries=[entry], validate_only=check_only)

    def describe(*components: tuple[str, int, str | None], strict: bool = False, version: int = 1) -> None:
        listed = [{"entity_type": kind, "match_type": how, "match": match} for kind, how, match in components]
        side.ask("DescribeClientQuotas", version, components=listed, strict=strict)

    alter({"user": user}, "producer_byte_rate", 1000.0, check_only=True)
    describe(("user", 0, user))
    alter({"user": user}, "producer_byte_rate", 1000.0)
    alter({"user": user, "client-id": "c"}, "consumer_byte_rate", 2000.0)
    alter({"user": user}, "request_percentage", 50.5)
    alter({"user": user}, "controller_mutation_rate", 1.5)
    for value in (0.0, -1.0, 1.5, 1e30):
        alter({"user": user}, "producer_byte_rate", value, check_only=True)
        alter({"user": user}, "request_percentage", value, check_only=True)
    alter({"user": user}, "nonsense", 1.0)
    alter({"user": user}, "connection_creation_rate", 1.0)
    alter({"nonsense": user}, "producer_byte_rate", 1.0)
    alter({}, "producer_byte_rate", 1.0)
    alter({"user": ""}, "producer_byte_rate", 1.0)
    alter({"ip": "10.0.0.1"}, "producer_byte_rate", 1.0)
    alter({"user": user}, "nonsense", 1.0, remove=True)
    for version in (0, 1):
        describe(("user", 0, user), version=version)
    describe(("user", 0, user), strict=True)
    describe(("user", 0, user), ("client-id", 2, None))
    describe(("user", 0, user), ("user", 0, user))
    describe(("nonsense", 0, user))
    describe(("", 0, user))
    describe(("user", 0, None))
    describe(("user", 1, user))
    describe(("user", 2, user))
    describe(("user", 3, user))
    describe(("ip", 2, None), ("user", 2, None))
    alter({"user": user}, "producer_byte_rate", 0.0, remove=True)
    alter({"user": user}, "producer_byte_rate", 0.0, remove=True)
    describe(("user", 0, user))


def credentials(side: Side) -> None:
    user = side.name("u")

    def put(
        name: str,
        mechanism: int = SHA_256,
        iterations: int = 4096,
        salt: bytes = b"salt",
        salted: bytes = b"p" * 32,
    ) -> dict[str, Any]:
        return {
            "name": name,
            "mechanism": mechanism,
            "iterations": iterations,
            "salt": salt,
            "salted_password": salted,
        }

    def alter(*upsertions: dict[str, Any], deletions: tuple[tuple[str, int], ...] = ()) -> None:
        gone = [{"name": name, "mechanism": mechanism} for name, mechanism in deletions]
        side.ask("AlterUserScramCredentials", 0, deletions=gone, upsertions=list(upsertions))

    def describe(*names: str) -> None:
        side.ask("DescribeUserScramCredentials", 0, users=[{"name": name} for name in names])

    describe(user)
    alter(put(user))
    alter(put(user, SHA_512, 8192, salted=b"q" * 64))
    describe(user)
    for wrong in (
        put(user, iterations=4095),
        put(user, iterations=16385),
        put(user, iterations=-1),
        put(user, mechanism=0),
        put(user, mechanism=3),
        put(""),
    ):
        alter(wrong)
    alter(put(user), put(user))
    alter(put(user), deletions=((user, SHA_256),))
    alter(deletions=((side.name("none"), SHA_256), (user, 0)))
    alter(deletions=(("", SHA_256),))
    describe(user, user)
    describe(user, side.name("none"))
    describe("")
    alter(deletions=((user, SHA_256),))
    alter(deletions=((user, SHA_256),))
    describe(user)
    alter()
    alter(deletions=((user, SHA_512),))


SCENARIOS: Final = (acls, quotas, credentials)
