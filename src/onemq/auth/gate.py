"""The door: bytes of a login become a Principal, and a Principal gets its Access to one namespace.

Every head goes through here, and nowhere else. Knows no protocol: a head renders the refusals in its own words.
"""

from onemq.auth import sasl
from onemq.auth.permissions import Permissions
from onemq.auth.users import User, Users
from onemq.engine.access import Access
from onemq.engine.broker import Broker
from onemq.model.principal import Peer, Principal
from onemq.model.refusal import Reason, Refusal, Scope


class Gate:
    def __init__(self, users: Users, permissions: Permissions, broker: Broker) -> None:
        self._users = users
        self._permissions = permissions
        self._broker = broker

    def mechanisms(self, peer: Peer) -> list[str]:
        """What this peer may log in with. EXTERNAL only where a verified client certificate was shown."""
        offered = [sasl.PLAIN, sasl.AMQPLAIN]
        if peer.certificate_name:
            offered.append(sasl.EXTERNAL)
        return offered

    def login(self, mechanism: str, response: bytes, peer: Peer) -> Principal:
        """PLAIN or EXTERNAL. Raises Refusal AUTHENTICATION_FAILED."""
        if mechanism == sasl.PLAIN:
            try:
                user, password = sasl.parse_plain(response)
            except sasl.BadResponse as error:
                raise _refused("", str(error)) from None
            return self.login_plain(user, password, peer)
        if mechanism == sasl.EXTERNAL:
            return self._login_external(peer)
        raise _refused("", f"unknown mechanism {mechanism!r}")

    def login_plain(self, user: str, password: str, peer: Peer) -> Principal:
        """Raises Refusal AUTHENTICATION_FAILED; its `detail` is for our log, not for the peer."""
        found = self._users.authenticate(user, password)
        if found is None:
            raise _refused(user, f"user '{user}' - invalid credentials")
        return self._admit(found, peer)

    def enter(self, principal: Principal, namespace: str) -> Access:
        """Raises Refusal NAMESPACE_DENIED: `detail` is "not found" or "access refused"."""
        if not self._permissions.has_namespace(namespace):
            raise Refusal(
                Reason.NAMESPACE_DENIED, "namespace", namespace, "not found", scope=Scope.CONNECTION
            )
        rights = self._permissions.rights(principal.name, namespace)
        if rights is None:
            raise Refusal(
                Reason.NAMESPACE_DENIED, "namespace", namespace, "access refused", scope=Scope.CONNECTION
            )
        return self._broker.access(principal, namespace, rights)

    def _login_external(self, peer: Peer) -> Principal:
        if not peer.certificate_name:
            raise _refused("", "EXTERNAL without a verified client certificate")
        found = self._users.find(peer.certificate_name)
        if found is None:
            raise _refused(
                peer.certificate_name, f"user '{peer.certificate_name}' (client certificate) not found"
            )
        return self._admit(found, peer)

    def _admit(self, user: User, peer: Peer) -> Principal:
        if user.loopback_only and not peer.is_loopback():
            name = user.principal.name
            raise _refused(name, f"user '{name}' can only connect via localhost")
        return user.principal


def _refused(user: str, detail: str) -> Refusal:
    return Refusal(Reason.AUTHENTICATION_FAILED, "user", user, detail, scope=Scope.CONNECTION)
