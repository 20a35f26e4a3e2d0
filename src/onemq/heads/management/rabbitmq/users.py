"""/api/users, permissions, topic-permissions, user-limits.

Source: rabbit_mgmt_wm_users, rabbit_mgmt_wm_user, rabbit_mgmt_wm_permission(s), rabbit_mgmt_wm_topic_permission(s),
rabbit_mgmt_wm_user_limits; recorded answers of RabbitMQ 3.10.
"""

from collections.abc import Callable, Generator
from typing import Final

from onemq.engine.directory.access import DirectoryAccess
from onemq.engine.directory.limits import OF_USER
from onemq.engine.directory.permissions import TopicPermissionRecord
from onemq.engine.directory.records import PermissionRecord, UserRecord
from onemq.heads.management.call import Call
from onemq.heads.management.rabbitmq.bodies import bad_request, body_of, octets, tags_of, text
from onemq.heads.management.rabbitmq.lists import Item, answer_list, answer_list_of, answer_one
from onemq.heads.management.rabbitmq.service import Service
from onemq.heads.management.rabbitmq.vhosts import limit_value
from onemq.heads.management.routes import ADMINISTRATOR, MANAGEMENT, Handler, Route
from onemq.heads.management.stepping import Steps, answer_in_steps
from onemq.model.passwords import BadHash, parse_hash
from onemq.model.refusal import Reason, Refusal

SHA_256: Final = "rabbit_password_hashing_sha256"
SHA_512: Final = "rabbit_password_hashing_sha512"
_SHA_512_OCTETS: Final = 68


class Users:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        user = "/api/users/{user}"
        permission = "/api/permissions/{vhost}/{user}"
        topic = "/api/topic-permissions/{vhost}/{user}"
        limits = "/api/user-limits"
        found: list[tuple[str, str, Handler, str]] = [
            ("GET", "/api/users", self.index, "all users"),
            (
                "GET",
                "/api/users/without-permissions",
                self.without_permissions,
                "users that may enter nothing",
            ),
            ("POST", "/api/users/bulk-delete", self.bulk_delete, "deletes users"),
            ("GET", user, self.show, "one user"),
            ("PUT", user, self.put, "makes or changes a user"),
            ("DELETE", user, self.delete, "deletes a user"),
            ("GET", user + "/permissions", self.permissions, "permissions of a user"),
            ("GET", user + "/topic-permissions", self.topic_permissions, "the same for topic exchanges"),
            ("GET", "/api/permissions", self.permissions, "all permissions"),
            ("GET", "/api/vhosts/{vhost}/permissions", self.permissions, "permissions in a vhost"),
            ("GET", permission, self.permission, "one permission"),
            ("PUT", permission, self.grant, "grants"),
            ("DELETE", permission, self.revoke, "revokes"),
            ("GET", "/api/topic-permissions", self.topic_permissions, "all topic permissions"),
            ("GET", "/api/vhosts/{vhost}/topic-permissions", self.topic_permissions, "those in a vhost"),
            ("GET", topic, self.topic_permission, "topic permissions of a user in a vhost"),
            ("PUT", topic, self.grant_topic, "grants over routing keys"),
            ("DELETE", topic, self.revoke_topic, "revokes them"),
            ("GET", limits, self.limits, "limits of users"),
            ("GET", limits + "/{user}", self.limits, "limits of one user"),
            ("PUT", limits + "/{user}/{limit}", self.set_limit, "sets a limit"),
            ("DELETE", limits + "/{user}/{limit}", self.clear_limit, "takes a limit away"),
        ]
        own = (limits, limits + "/{user}")
        return [
            Route(
                method,
                path,
                handler,
                MANAGEMENT if method == "GET" and path in own else ADMINISTRATOR,
                summary=summary,
            )
            for method, path, handler, summary in found
        ]

    # Users.

    def index(self, call: Call) -> None:
        directory = call.anywhere().directory
        _answer_users(call, directory, directory.users())

    def without_permissions(self, call: Call) -> None:
        directory = call.anywhere().directory
        granted = {record.user for record in directory.permissions()}
        _answer_users(call, directory, [user for user in directory.users() if user.name not in granted])

    def show(self, call: Call) -> None:
        directory = call.anywhere().directory
        answer_one(call, _user_item(directory, directory.user(call.values["user"])))

    def put(self, call: Call) -> None:
        answer_in_steps(call, self._put(call), self._service.worker)

    def _put(self, call: Call) -> Steps:
        made = yield from put_user(call.anywhere().directory, call.values["user"], body_of(call))
        call.empty(201 if made else 204)

    def delete(self, call: Call) -> None:
        call.anywhere().directory.delete_user(call.values["user"])
        call.empty()

    def bulk_delete(self, call: Call) -> None:
        names = body_of(call, ("users",))["users"]
        directory = call.anywhere().directory
        if not isinstance(names, list):
            raise bad_request(["not_a_list", "users"])
        for name in names:
            try:
                directory.user(str(name))
            except Refusal as refusal:
                if refusal.reason != Reason.NOT_FOUND:
                    raise
                raise bad_request(["no_such_user", name]) from None
        for name in names:
            directory.delete_user(str(name))
        call.empty()

    # Permissions.

    def permissions(self, call: Call) -> None:
        records = call.anywhere().directory.permissions(
            call.values.get("vhost", ""), call.values.get("user", "")
        )
        answer_list_of(call, [""] * len(records), lambda place: permission_json(records[place]))

    def permission(self, call: Call) -> None:
        record = call.anywhere().directory.permission(call.values["vhost"], call.values["user"])
        answer_one(call, permission_json(record))

    def grant(self, call: Call) -> None:
        body = body_of(call, ("configure", "write", "read"))
        try:
            made = call.anywhere().directory.set_permission(
                call.values["vhost"],
                call.values["user"],
                text(body, "configure"),
                text(body, "write"),
                text(body, "read"),
            )
        except Refusal as refusal:
            raise _unknown(refusal) from None
        call.empty(201 if made else 204)

    def revoke(self, call: Call) -> None:
        call.anywhere().directory.clear_permission(call.values["vhost"], call.values["user"])
        call.empty()

    def topic_permissions(self, call: Call) -> None:
        records = call.anywhere().directory.topic_permissions(
            call.values.get("vhost", ""), call.values.get("user", "")
        )
        answer_list(call, [topic_permission_json(record) for record in records])

    def topic_permission(self, call: Call) -> None:
        vhost, user = call.values["vhost"], call.values["user"]
        records = call.anywhere().directory.topic_permissions(vhost, user)
        if not records:
            raise Refusal(Reason.NOT_FOUND, "topic permission", user)
        answer_list(call, [topic_permission_json(record) for record in records])

    def grant_topic(self, call: Call) -> None:
        body = body_of(call, ("exchange", "write", "read"))
        try:
            made = call.anywhere().directory.set_topic_permission(
                call.values["vhost"],
                call.values["user"],
                text(body, "exchange"),
                text(body, "write"),
                text(body, "read"),
            )
        except Refusal as refusal:
            raise _unknown(refusal) from None
        call.empty(201 if made else 204)

    def revoke_topic(self, call: Call) -> None:
        """Of one exchange, when the path of an older client ends with it; otherwise of all."""
        call.anywhere().directory.clear_topic_permissions(call.values["vhost"], call.values["user"])
        call.empty()

    # Limits.

    def limits(self, call: Call) -> None:
        found = call.anywhere().directory.limits.of_users(call.values.get("user", ""))
        answer_list(call, [{"user": name, "value": limits} for name, limits in found.items() if limits])

    def set_limit(self, call: Call) -> None:
        value = limit_value(body_of(call, ("value",)))
        call.anywhere().directory.limits.set(OF_USER, call.values["user"], call.values["limit"], value)
        call.empty()

    def clear_limit(self, call: Call) -> None:
        call.anywhere().directory.limits.clear(OF_USER, call.values["user"], call.values["limit"])
        call.empty()


def _answer_users(call: Call, directory: DirectoryAccess, users: list[UserRecord]) -> None:
    def build(place: int) -> Item | None:
        try:
            return _user_item(directory, users[place])
        except Refusal as refusal:
            # The user has gone since the list was begun.
            if refusal.reason != Reason.NOT_FOUND:
                raise
            return None

    answer_list_of(call, [user.name for user in users], build)


def _user_item(directory: DirectoryAccess, user: UserRecord) -> Item:
    return {**user_json(user), "limits": directory.limits.of_users(user.name).get(user.name, {})}


def user_json(user: UserRecord) -> Item:
    algorithm = SHA_256
    if user.password_hash and len(octets(user.password_hash)) == _SHA_512_OCTETS:
        algorithm = SHA_512
    return {
        "name": user.name,
        "password_hash": user.password_hash,
        "hashing_algorithm": algorithm,
        "tags": list(user.tags),
    }


def put_user(
    directory: DirectoryAccess, name: str, body: Item
) -> Generator[Callable[[], None] | None, None, bool]:
    """Makes or changes a user as a request's body or a definition says, in steps. True: it was made. Raises Problem, Refusal."""
    tags = body.get("tags", body.get("administrator"))
    if tags is None:
        raise bad_request("tags_not_present")
    words = tags_of(["administrator"] if tags is True else [] if tags is False else tags)
    if "password" in body:
        password = directory.new_password(text(body, "password"))
        yield password.derive
        return directory.put_user(name, words, password=password)
    if "password_hash" not in body:
        return directory.put_user(name, words, password_hash="")
    encoded = text(body, "password_hash")
    if encoded:
        octets(encoded)
        algorithm = body.get("hashing_algorithm", SHA_256)
        if algorithm not in (SHA_256, SHA_512, None):
            raise bad_request(["unsupported_hashing_algorithm", algorithm])
        try:
            parse_hash(encoded)
        except BadHash as error:
            raise bad_request(f"bad password_hash: {error}") from None
    return directory.put_user(name, words, password_hash=encoded)


def permission_json(record: PermissionRecord) -> Item:
    return {
        "user": record.user,
        "vhost": record.namespace,
        "configure": record.configure,
        "write": record.write,
        "read": record.read,
    }


def topic_permission_json(record: TopicPermissionRecord) -> Item:
    return {
        "user": record.user,
        "vhost": record.namespace,
        "exchange": record.exchange,
        "write": record.write,
        "read": record.read,
    }


def _unknown(refusal: Refusal) -> Exception:
    if refusal.reason == Reason.NOT_FOUND:
        return bad_request("vhost_or_user_not_found")
    return refusal
