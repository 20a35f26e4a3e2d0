"""Users, permissions, namespaces and policies: what RabbitMQ's API has too, in our words."""

from collections.abc import Generator

from onemq.engine.directory.access import DirectoryAccess
from onemq.engine.directory.policies import Policy as PolicyRecord
from onemq.engine.directory.records import PermissionRecord, UserRecord
from onemq.engine.views import QueueSummary
from onemq.heads.management.admin.service import NAMESPACE, Service, answer_records
from onemq.heads.management.admin.shapes import (
    AccessKey,
    Made,
    Named,
    NamespaceView,
    NewNamespace,
    NewPermission,
    NewPolicy,
    NewUser,
    Permission,
    Policy,
    User,
)
from onemq.heads.management.call import Call
from onemq.heads.management.routes import ADMINISTRATOR, POLICYMAKER, Parameter, Route
from onemq.heads.management.stepping import Steps, answer_in_steps, summarised
from onemq.model.refusal import Reason, Refusal

_OPERATOR = Parameter("operator", "operator policies", "boolean")


class DirectoryPart:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        return [*self._users(), *self._namespaces(), *self._policies()]

    def _users(self) -> list[Route]:
        user = "/v1/users/{user}"
        permission = "/v1/permissions/{namespace}/{user}"
        return [
            Route("GET", "/v1/users", self.users, ADMINISTRATOR, summary="All users", response=list[User]),
            Route("GET", user, self.user, ADMINISTRATOR, summary="One user", response=User),
            Route(
                "PUT",
                user,
                self.put_user,
                ADMINISTRATOR,
                summary="Makes or changes a user",
                request=NewUser,
                response=Made,
            ),
            Route("DELETE", user, self.delete_user, ADMINISTRATOR, summary="Deletes a user", response=Named),
            Route(
                "PUT",
                user + "/access-keys/{key}",
                self.put_key,
                ADMINISTRATOR,
                summary="Gives an AWS client's key",
                request=AccessKey,
                response=Named,
            ),
            Route(
                "DELETE",
                user + "/access-keys/{key}",
                self.delete_key,
                ADMINISTRATOR,
                summary="Takes it away",
                response=Named,
            ),
            Route(
                "GET",
                "/v1/permissions",
                self.permissions,
                ADMINISTRATOR,
                summary="Who may do what where",
                query=(NAMESPACE, Parameter("user", "of this user only")),
                response=list[Permission],
            ),
            Route(
                "PUT",
                permission,
                self.grant,
                ADMINISTRATOR,
                summary="Grants",
                request=NewPermission,
                response=Permission,
            ),
            Route("DELETE", permission, self.revoke, ADMINISTRATOR, summary="Revokes", response=Named),
        ]

    def _namespaces(self) -> list[Route]:
        one = "/v1/namespaces/{namespace}"
        return [
            Route(
                "GET",
                "/v1/namespaces",
                self.namespaces,
                summary="All namespaces",
                response=list[NamespaceView],
            ),
            Route("GET", one, self.namespace, summary="One namespace", response=NamespaceView),
            Route(
                "PUT",
                one,
                self.put_namespace,
                ADMINISTRATOR,
                summary="Makes or changes a namespace",
                request=NewNamespace,
                response=Made,
            ),
            Route(
                "DELETE",
                one,
                self.delete_namespace,
                ADMINISTRATOR,
                summary="Deletes a namespace with all that is in it",
                response=Named,
            ),
        ]

    def _policies(self) -> list[Route]:
        one = "/v1/policies/{namespace}/{policy}"
        return [
            Route(
                "GET",
                "/v1/policies",
                self.policies,
                summary="All policies",
                query=(NAMESPACE, _OPERATOR),
                response=list[Policy],
            ),
            Route(
                "PUT",
                one,
                self.put_policy,
                POLICYMAKER,
                summary="Makes or replaces a policy",
                request=NewPolicy,
                response=Policy,
            ),
            Route(
                "DELETE",
                one,
                self.delete_policy,
                POLICYMAKER,
                summary="Deletes a policy",
                query=(_OPERATOR,),
                response=Named,
            ),
        ]

    # Users.

    def users(self, call: Call) -> None:
        directory = _directory(call)
        answer_records(call, directory.users(), lambda user: _user(directory, user))

    def user(self, call: Call) -> None:
        directory = _directory(call)
        call.answer(_user(directory, directory.user(call.values["user"])))

    def put_user(self, call: Call) -> None:
        answer_in_steps(call, self._put_user(call), self._service.worker)

    def _put_user(self, call: Call) -> Steps:
        wanted = call.body(NewUser)
        directory = _directory(call)
        name = call.values["user"]
        password = None
        if wanted.password is not None:
            password = directory.new_password(wanted.password)
            yield password.derive
        tags = wanted.tags
        if tags is None:
            known = {user.name: user for user in directory.users()}.get(name)
            tags = [] if known is None else list(known.tags)
        made = directory.put_user(name, tags, password, wanted.password_hash)
        call.answer(Made(name=name, made=made))

    def delete_user(self, call: Call) -> None:
        name = call.values["user"]
        _directory(call).delete_user(name)
        call.answer(Named(name=name))

    def put_key(self, call: Call) -> None:
        wanted = call.body(AccessKey)
        key = call.values["key"]
        _directory(call).set_access_key(call.values["user"], key, wanted.secret)
        call.answer(Named(name=key))

    def delete_key(self, call: Call) -> None:
        key = call.values["key"]
        _directory(call).remove_access_key(call.values["user"], key)
        call.answer(Named(name=key))

    # Permissions.

    def permissions(self, call: Call) -> None:
        records = _directory(call).permissions(call.query.text("namespace"), call.query.text("user"))
        answer_records(call, records, permission_of)

    def grant(self, call: Call) -> None:
        wanted = call.body(NewPermission)
        directory = _directory(call)
        namespace, user = call.values["namespace"], call.values["user"]
        directory.set_permission(namespace, user, wanted.configure, wanted.write, wanted.read)
        call.answer(permission_of(directory.permission(namespace, user)))

    def revoke(self, call: Call) -> None:
        user = call.values["user"]
        _directory(call).clear_permission(call.values["namespace"], user)
        call.answer(Named(name=user))

    # Namespaces.

    def namespaces(self, call: Call) -> None:
        answer_in_steps(call, self._namespaces_shown(call))

    def _namespaces_shown(self, call: Call) -> Steps:
        found: list[NamespaceView] = []
        for record in _directory(call).namespaces():
            try:
                found.append((yield from _namespace(call, record.name)))
            except Refusal as refusal:
                # It may have gone meanwhile.
                if refusal.reason != Reason.NOT_FOUND:
                    raise
        call.answer(found)

    def namespace(self, call: Call) -> None:
        answer_in_steps(call, self._namespace_shown(call))

    def _namespace_shown(self, call: Call) -> Steps:
        call.answer((yield from _namespace(call, call.values["namespace"])))

    def put_namespace(self, call: Call) -> None:
        wanted = call.body(NewNamespace)
        name = call.values["namespace"]
        made = _directory(call).put_namespace(
            name, wanted.description, wanted.tags, wanted.default_queue_type
        )
        call.answer(Made(name=name, made=made))

    def delete_namespace(self, call: Call) -> None:
        name = call.values["namespace"]
        _directory(call).delete_namespace(name)
        call.answer(Named(name=name))

    # Policies.

    def policies(self, call: Call) -> None:
        records = _directory(call).policies.all(call.query.text("namespace"), call.query.flag("operator"))
        answer_records(call, records, policy_of)

    def put_policy(self, call: Call) -> None:
        wanted = call.body(NewPolicy)
        policies = _directory(call).policies
        namespace, name, operator = call.values["namespace"], call.values["policy"], wanted.operator
        policies.set(
            namespace, name, wanted.pattern, wanted.definition, wanted.priority, wanted.apply_to, operator
        )
        call.answer(policy_of(policies.find(namespace, name, operator)))

    def delete_policy(self, call: Call) -> None:
        name = call.values["policy"]
        _directory(call).policies.delete(call.values["namespace"], name, call.query.flag("operator"))
        call.answer(Named(name=name))


def _directory(call: Call) -> DirectoryAccess:
    return call.anywhere().directory


def _user(directory: DirectoryAccess, user: UserRecord) -> User:
    return User(
        name=user.name,
        tags=list(user.tags),
        has_password=bool(user.password_hash),
        configured=user.configured,
        access_keys=sorted(user.access_keys),
        limits=directory.limits.of_users(user.name).get(user.name, {}),
    )


def permission_of(record: PermissionRecord) -> Permission:
    return Permission(
        namespace=record.namespace,
        user=record.user,
        configure=record.configure,
        write=record.write,
        read=record.read,
        configured=record.configured,
    )


def _namespace(call: Call, name: str) -> Generator[None, None, NamespaceView]:
    record = _directory(call).namespace(name)
    try:
        summary = yield from summarised(call.watch(name).inspection)
    except Refusal as refusal:
        if refusal.reason != Reason.NAMESPACE_DENIED:
            raise
        summary = QueueSummary()
    return NamespaceView(
        name=record.name,
        description=record.description,
        tags=list(record.tags or []),
        default_queue_type=record.default_queue_type,
        queues=int(summary.queues),
        topics=int(summary.topics),
        ready=int(summary.ready),
    )


def policy_of(record: PolicyRecord) -> Policy:
    return Policy(
        namespace=record.namespace,
        name=record.name,
        operator=record.operator,
        pattern=record.pattern,
        apply_to=record.apply_to,
        priority=float(record.priority),
        definition=record.definition,
    )
