"""The door: bytes of a login become a Principal, and a Principal gets its Access to one namespace.

Every head goes through here, and nowhere else. Knows no protocol: a head renders the refusals in its own words.
"""

import base64
import hmac
from typing import Final

from onemq.auth import sasl, sigv4
from onemq.auth.exchange import PlainExchange, SaslExchange, ScramLogin, refused
from onemq.auth.permissions import Permissions
from onemq.auth.scram import HASHES, ITERATIONS, NONCE_BYTES, SALT_BYTES, Derivation, ScramExchange
from onemq.auth.users import User, Users
from onemq.engine.access import Access
from onemq.engine.broker import Broker
from onemq.engine.credentials import Credentials, ScramCredential
from onemq.engine.directory.records import GUEST
from onemq.engine.parts import PART_CREDENTIALS
from onemq.engine.ports import REFUSED, Act
from onemq.model.principal import Peer, Principal
from onemq.model.refusal import Reason, Refusal, Scope

EXCHANGES: Final = (sasl.PLAIN, *HASHES)
"""Mechanisms of `sasl_exchange`, for protocols that log in by SASL messages alone."""


def may_monitor(principal: Principal) -> bool:
    """Sees all namespaces (RabbitMQ: "Management Plugin", section "Access and Permissions")."""
    return "monitoring" in principal.tags or "administrator" in principal.tags


def _denied(namespace: str, detail: str) -> Refusal:
    return Refusal(Reason.NAMESPACE_DENIED, "namespace", namespace, detail, scope=Scope.CONNECTION)


class Gate:
    def __init__(
        self, users: Users, permissions: Permissions, broker: Broker, anonymous_user: str = ""
    ) -> None:
        """anonymous_user: whose name a peer gets that need not log in (`anonymous`), whatever users there are. "": everybody has to
        log in, unless there is guest with the password that everybody knows."""
        self._anonymous_user = anonymous_user
        self._users = users
        self._permissions = permissions
        self._broker = broker
        self._secret = b""
        self._verifier = sigv4.Verifier()

    def mechanisms(self, peer: Peer) -> list[str]:
        """What this peer may log in with. EXTERNAL only where a verified client certificate was shown."""
        offered = [sasl.PLAIN, sasl.AMQPLAIN]
        if peer.certificate_name:
            offered.append(sasl.EXTERNAL)
        return offered

    def login(self, mechanism: str, response: bytes, peer: Peer) -> Principal:
        """PLAIN or EXTERNAL. Raises Refusal AUTHENTICATION_FAILED."""
        try:
            return self._login(mechanism, response, peer)
        except Refusal as refusal:
            self._note_failed(peer, refusal.entity, refusal)
            raise

    def _login(self, mechanism: str, response: bytes, peer: Peer) -> Principal:
        if mechanism == sasl.PLAIN:
            try:
                user, password = sasl.parse_plain(response)
            except sasl.BadResponse as error:
                raise refused("", str(error)) from None
            return self._check_password(user, password, peer)
        if mechanism == sasl.EXTERNAL:
            return self._login_external(peer)
        raise refused("", f"unknown mechanism {mechanism!r}")

    def login_plain(self, user: str, password: str, peer: Peer) -> Principal:
        """Raises Refusal AUTHENTICATION_FAILED; its `detail` is for our log, not for the peer."""
        try:
            return self._check_password(user, password, peer)
        except Refusal as refusal:
            self._note_failed(peer, user, refusal)
            raise

    def _note_failed(self, peer: Peer, user: str, error: Exception, namespace: str = "") -> None:
        """Log-ins that fail are counted, and for the audit log. `user`: who the peer says it is."""
        self._broker.core.totals.logins_failed += 1
        auditor = self._broker.core.auditor
        if auditor is None:
            return
        act = Act(self.now_ms(), user, namespace, peer, "log in", "user", user)
        act.result = REFUSED
        act.reason = error.detail if isinstance(error, Refusal) and error.detail else str(error)
        auditor.note(act)

    def _check_password(self, user: str, password: str, peer: Peer) -> Principal:
        found = self._users.authenticate(user, password)
        if found is None:
            raise refused(user, f"user '{user}' - invalid credentials")
        return self._admit(found, peer)

    def anonymous(self, peer: Peer) -> Principal:
        """Who a peer is that does not log in. Refusal AUTHENTICATION_FAILED: it has to, or comes from where it may not."""
        name = self._anonymous_user or (GUEST if self._users.has_default_guest() else "")
        found = self._users.find(name) if name else None
        if found is None:
            raise refused("", "log in: there are users, and no guest with its first password")
        return self._admit(found, peer)

    def now_ms(self) -> int:
        """Time of this turn, ms since the epoch."""
        return int(self._broker.core.now_ms)

    def cluster_name(self) -> str:
        """What operators have named the broker, for whoever connects; "" while nobody has."""
        return self._broker.directory.parameters.cluster_name()

    def needs_login(self) -> bool:
        """Nobody is anonymous: users are configured, or guest has gone or has a password of its own."""
        return not self._anonymous_user and not self._users.has_default_guest()

    def login_signed(
        self, signature: sigv4.Signature, request: sigv4.SignedRequest, peer: Peer, now_ms: int
    ) -> Principal:
        """Who signed the request. Raises BadSignature, and Refusal AUTHENTICATION_FAILED for who may not come from there."""
        found = self._users.find_access_key(signature.access_key)
        name = f"access key {signature.access_key}" if found is None else found[0].principal.name
        try:
            if found is None:
                raise sigv4.BadSignature(
                    sigv4.UNKNOWN_KEY, "The security token included in the request is invalid."
                )
            user, secret = found
            self._verifier.check(signature, request, secret, now_ms)
            return self._admit(user, peer)
        except (sigv4.BadSignature, Refusal) as error:
            self._note_failed(peer, name, error)
            raise

    def sasl_exchange(self, mechanism: str, peer: Peer) -> SaslExchange:
        """Begins a login by PLAIN or SCRAM. Raises Refusal AUTHENTICATION_FAILED for another mechanism."""
        if mechanism == sasl.PLAIN:
            return PlainExchange(lambda user, password: self.login_plain(user, password, peer))
        if mechanism not in HASHES:
            raise refused("", f"unknown mechanism {mechanism!r}")
        nonce = base64.b64encode(self._broker.core.entropy(NONCE_BYTES)).decode("ascii")
        exchange = ScramExchange(mechanism, nonce)
        return ScramLogin(
            exchange,
            lambda user: self._scram_credential(user, mechanism),
            lambda user: self._admit(self._users.find(user) or User(user, [], None), peer),
            lambda refusal: self._note_failed(peer, refusal.entity, refusal),
        )

    def _scram_credential(self, name: str, mechanism: str) -> tuple[ScramCredential | Derivation, str]:
        """What the user's proof is held against; stored credentials go before the settings' password. "" or why no proof can fit."""
        stored = self._broker.catalog.parts.get(PART_CREDENTIALS)
        if isinstance(stored, Credentials):
            credential = stored.find(name, mechanism)
            if credential is not None:
                return credential, ""
        user = self._users.find(name)
        if user is not None and user.scram is not None:
            derived = user.scram.derived(mechanism)
            if derived is not None:
                return derived, ""
            return Derivation(user.scram, mechanism, self._broker.core.entropy(SALT_BYTES)), ""
        if user is not None and user.password is not None:
            hopeless = (
                f"user '{name}' has only a password_hash, which {mechanism} cannot use: give it a password, "
                "store credentials for it (kafka-configs --alter --add-config), or let the client use PLAIN over TLS"
            )
        else:
            hopeless = f"user '{name}' - no {mechanism} credentials"
        return self._decoy(name, mechanism), hopeless

    def _decoy(self, name: str, mechanism: str) -> ScramCredential:
        """The same for the same name, so that nobody learns from the salt which users exist."""
        if not self._secret:
            self._secret = self._broker.core.entropy(SALT_BYTES)
        digest = HASHES[mechanism]
        seed = hmac.digest(self._secret, name.encode("utf-8", "surrogatepass"), digest)
        key = hmac.digest(self._secret, seed, digest)
        return ScramCredential(seed[:SALT_BYTES], ITERATIONS, key, key)

    def note_denied(self, principal: Principal, peer: Peer, action: str, name: str, reason: str) -> None:
        """For the audit log: a request that was refused before it came to the engine. action, name: what it asked for, and where."""
        auditor = self._broker.core.auditor
        if auditor is not None:
            act = Act(self.now_ms(), principal.name, "", peer, action, "request", name)
            act.result = REFUSED
            act.reason = reason
            auditor.note(act)

    def enter(
        self,
        principal: Principal,
        namespace: str,
        peer: Peer | None = None,
        protocol: str = "",
        logs_in: bool = True,
    ) -> Access:
        """Raises Refusal NAMESPACE_DENIED: `detail` is "not found" or "access refused". peer: from where, for the
        audit log. protocol: as for `Broker.access`. logs_in: it is part of a log-in, and a refusal one that failed."""
        try:
            if not self._permissions.has_namespace(namespace):
                raise _denied(namespace, "not found")
            rights = self._permissions.rights(principal.name, namespace)
            if rights is None:
                raise _denied(namespace, "access refused")
        except Refusal as refusal:
            if peer is not None and logs_in:
                self._note_failed(peer, principal.name, refusal, namespace)
            raise
        access = self._broker.access(principal, namespace, rights, protocol)
        access.audit.peer = peer
        return access

    def enter_ruled(self, principal: Principal, namespace: str, peer: Peer, protocol: str = "") -> Access:
        """As `enter`, for protocols with access rules: who has no permission may enter, and do what rules allow.

        Raises Refusal NAMESPACE_DENIED ("not found").
        """
        if self._permissions.rights(principal.name, namespace) is not None:
            access = self.enter(principal, namespace, peer, protocol)
        elif self._permissions.has_namespace(namespace):
            rights = self._permissions.possible_rights(principal.name, namespace)
            access = self._broker.access(principal, namespace, rights, protocol)
            access.audit.peer = peer
        else:
            raise _denied(namespace, "not found")
        access.authority.host = peer.host
        return access

    def enter_watching(self, principal: Principal, namespace: str, peer: Peer) -> Access:
        """As `enter`; who may monitor (tags monitoring, administrator) gets in without a permission, too, and without rights.

        Raises Refusal NAMESPACE_DENIED.
        """
        if may_monitor(principal) and self._permissions.rights(principal.name, namespace) is None:
            return self.enter_ruled(principal, namespace, peer)
        access = self.enter(principal, namespace, peer, logs_in=False)
        access.authority.host = peer.host
        return access

    def all_namespaces(self) -> list[str]:
        """In order of their names."""
        return self._permissions.namespaces()

    def namespaces_of(self, principal: Principal) -> list[str]:
        """Those that `enter_watching` lets in to, in order of their names."""
        everything = may_monitor(principal)
        return [
            name
            for name in self._permissions.namespaces()
            if everything or self._permissions.rights(principal.name, name) is not None
        ]

    def _login_external(self, peer: Peer) -> Principal:
        if not peer.certificate_name:
            raise refused("", "EXTERNAL without a verified client certificate")
        found = self._users.find(peer.certificate_name)
        if found is None:
            raise refused(
                peer.certificate_name, f"user '{peer.certificate_name}' (client certificate) not found"
            )
        return self._admit(found, peer)

    def _admit(self, user: User, peer: Peer) -> Principal:
        if user.loopback_only and not peer.is_loopback():
            name = user.principal.name
            raise refused(name, f"user '{name}' can only connect via localhost")
        self._broker.core.totals.logins += 1
        return user.principal
