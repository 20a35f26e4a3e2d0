"""Logins of several steps: a mechanism's messages, one after the other, until a principal stands.

Job: PLAIN and SCRAM behind one face.
Must not: admit anybody itself (the gate does), know a protocol.
Spec: RFC 4422 section 3; RFC 4616; RFC 5802.
"""

from abc import abstractmethod
from collections.abc import Callable

from onemq.auth.sasl import BadResponse, parse_plain
from onemq.auth.scram import Derivation, ScramExchange
from onemq.engine.credentials import ScramCredential
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal, Scope


def refused(user: str, detail: str) -> Refusal:
    """A failed login. detail is for our log, not for the peer."""
    return Refusal(Reason.AUTHENTICATION_FAILED, "user", user, detail, scope=Scope.CONNECTION)


class SaslExchange:
    """One login. `principal` stands once it is `done`.

    Attributes:
        work: None, or what has to be done before `step` can answer the message that it has taken: it takes long and needs nothing of
            the broker, so that another thread can do it. Then `resume` gives the answer.
    """

    def __init__(self) -> None:
        self.principal: Principal | None = None
        self.work: Callable[[], None] | None = None

    @property
    def done(self) -> bool:
        return self.principal is not None

    @abstractmethod
    def step(self, response: bytes) -> bytes:
        """Takes the client's message; returns ours, b"" when there is `work`. Raises Refusal AUTHENTICATION_FAILED, after which
        nothing may follow."""

    def resume(self) -> bytes:
        """The work is done: our message."""
        raise AssertionError("a login goes on that waits for nothing")


class PlainExchange(SaslExchange):
    """One message with user and password."""

    def __init__(self, login: Callable[[str, str], Principal]) -> None:
        """login: raises Refusal AUTHENTICATION_FAILED."""
        super().__init__()
        self._login = login

    def step(self, response: bytes) -> bytes:
        if self.done:
            raise refused("", "a message after the login was over")
        try:
            user, password = parse_plain(response)
        except BadResponse as error:
            raise refused("", str(error)) from None
        self.principal = self._login(user, password)
        return b""


class ScramLogin(SaslExchange):
    """Challenge and proof."""

    def __init__(
        self,
        exchange: ScramExchange,
        credential_of: Callable[[str], tuple[ScramCredential | Derivation, str]],
        admit: Callable[[str], Principal],
        failed: Callable[[Refusal], None],
    ) -> None:
        """credential_of: for a user, and "" or why no proof can fit (it is unknown, say). admit: raises Refusal. failed: is told
        why the login has failed."""
        super().__init__()
        self._exchange = exchange
        self._credential_of = credential_of
        self._admit = admit
        self._failed = failed
        self._credential: ScramCredential | None = None
        self._derivation: Derivation | None = None
        self._hopeless = ""
        self._over = False

    def step(self, response: bytes) -> bytes:
        try:
            return self._step(response)
        except Refusal as refusal:
            self._failed(refusal)
            raise

    def _step(self, response: bytes) -> bytes:
        if self._over:
            raise refused(self._exchange.user, "a message after the login was over")
        try:
            if self._credential is None:
                user = self._exchange.first(response)
                found, self._hopeless = self._credential_of(user)
                if isinstance(found, Derivation):
                    self._derivation = found
                    self.work = found.work
                    return b""
                return self._challenge(found)
            self._over = True
            answer = self._exchange.final(response, self._credential)
        except BadResponse as error:
            self._over = True
            raise refused(self._exchange.user, str(error)) from None
        user = self._exchange.user
        if self._hopeless or not self._exchange.proved:
            raise refused(user, self._hopeless or f"user '{user}' - invalid credentials")
        self.principal = self._admit(user)
        return answer

    def resume(self) -> bytes:
        derivation = self._derivation
        assert derivation is not None, "a login goes on that waits for nothing"
        credential = derivation.credential()
        self._derivation = None
        self.work = None
        return self._challenge(credential)

    def _challenge(self, credential: ScramCredential) -> bytes:
        self._credential = credential
        return self._exchange.challenge(credential.salt, credential.iterations)
