"""What one principal does as an administrator is told to the auditor: who, from where, what, on what, and what came of it.

An act is a deletion, a purge, or a change of settings, users, rights or positions; declaring, binding, publishing and consuming are
not: clients do these all day. Every part of Access that serves such an act wraps it, the authorisation included, so that
refusals are written down as well:

    with self._authority.audit.doing("delete", "policy", name, "on queues") as act:
        self._authority.demand(...)
        if name not in self._policies:
            act.nothing()
            return
        self._policies.remove(name)

Must not: decide anything, or hold up an act because it cannot be written down.
"""

from types import TracebackType

from onemq.engine.core import Core
from onemq.engine.ports import FAILED, REFUSED, Act
from onemq.model.principal import Peer
from onemq.model.refusal import Refusal


class Doing:
    """An act under way: a context manager. A Refusal that passes through is noted as refused, another error as failed."""

    __slots__ = ("_core", "_void", "act")

    def __init__(self, core: Core | None, act: Act) -> None:
        self._core = core
        self._void = False
        self.act = act

    def detail(self, text: str) -> None:
        """What exactly was done, once it is known. Never a secret."""
        self.act.detail = text

    def nothing(self) -> None:
        """There was nothing to do (what was to be deleted is not there): no act, no line."""
        self._void = True

    def __enter__(self) -> "Doing":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        core = self._core
        auditor = None if core is None else core.auditor
        if auditor is None:
            return
        if error is not None:
            self.act.result = REFUSED if isinstance(error, Refusal) else FAILED
            self.act.reason = str(error)
        elif self._void:
            return
        auditor.note(self.act)


class Audit:
    """One access's way to the auditor. `peer`: from where it acts, set by the gate; None: from within."""

    __slots__ = ("_core", "_namespace", "_user", "peer")

    def __init__(self, core: Core | None, user: str, namespace: str) -> None:
        self._core = core
        self._user = user
        self._namespace = namespace
        self.peer: Peer | None = None

    def doing(self, action: str, kind: str, name: str, detail: str = "") -> Doing:
        """See the module. What is about no namespace (a user, a connection) is noted with the one that the principal came by."""
        core = self._core
        now_ms = 0 if core is None else int(core.now_ms)
        act = Act(now_ms, self._user, self._namespace, self.peer, action, kind, name)
        act.detail = detail
        return Doing(core, act)


def settings_text(values: dict[str, str]) -> str:
    """`name=value` of all, for a detail."""
    return ", ".join([f"{name}={value}" for name, value in sorted(values.items())])
