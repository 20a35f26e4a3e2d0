"""What one principal's tags let it see and change of the directory, as in RabbitMQ's management; and which names may be given.

Must not: change anything, or know what the records of the directory say.
Spec: RabbitMQ, "Management Plugin" (table of permissions and tags), "Access Control".
"""

from typing import Final

from onemq.engine.directory.directory import ADMINISTRATOR, Directory
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal

MANAGEMENT: Final = "management"
MONITORING: Final = "monitoring"
POLICYMAKER: Final = "policymaker"
NAME_OCTETS_MAX: Final = 255


class Standing:
    """See the module. What demands raises Refusal ACCESS_DENIED with the missing tag as `wanted`."""

    def __init__(self, directory: Directory, principal: Principal) -> None:
        self._directory = directory
        self._principal = principal

    def is_self(self, user: str) -> bool:
        return user == self._principal.name

    def is_administrator(self) -> bool:
        return ADMINISTRATOR in self._principal.tags

    def sees_all(self) -> bool:
        """Every namespace, not only those that the user may enter."""
        return self.is_administrator() or MONITORING in self._principal.tags

    def sees(self, namespace: str) -> bool:
        """Whether this namespace is there, and shown to this user."""
        if not self._directory.has_namespace(namespace):
            return False
        return self.sees_all() or self.may_enter(namespace)

    def may_enter(self, namespace: str) -> bool:
        return self._directory.permissions.find(self._principal.name, namespace) is not None

    def demand_administrator(self) -> None:
        if not self.is_administrator():
            raise _tag_missing(self._principal.name, ADMINISTRATOR)

    def demand_policymaker(self, namespace: str = "") -> None:
        """namespace "": any."""
        if self.is_administrator():
            return
        if POLICYMAKER not in self._principal.tags:
            raise _tag_missing(self._principal.name, POLICYMAKER)
        if namespace and not self.may_enter(namespace):
            raise Refusal(Reason.ACCESS_DENIED, "namespace", namespace, "enter")

    def demand_seen(self, namespace: str) -> None:
        """ "" is not looked at."""
        if namespace and not self.sees(namespace):
            raise Refusal(Reason.ACCESS_DENIED, "namespace", namespace, "see", wanted=MONITORING)

    def demand_known(self, namespace: str, user: str) -> None:
        """Refusal NOT_FOUND. "" is not looked at."""
        if namespace and not self._directory.has_namespace(namespace):
            raise Refusal(Reason.NOT_FOUND, "namespace", namespace)
        if user and self._directory.users.find(user) is None:
            raise Refusal(Reason.NOT_FOUND, "user", user)


def _tag_missing(user: str, tag: str) -> Refusal:
    return Refusal(Reason.ACCESS_DENIED, "user", user, f"administer: it takes the tag {tag}", wanted=tag)


def configured(kind: str, name: str) -> Refusal:
    text = "it stands in the settings, which win: change it there"
    return Refusal(Reason.NOT_SUPPORTED, kind, name, text)


def check_name(kind: str, name: str) -> None:
    """Refusal INVALID: empty, too long, not text."""
    try:
        octets = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise Refusal(Reason.INVALID, kind, "", f"the name of a {kind} is UTF-8") from None
    if not name:
        raise Refusal(Reason.INVALID, kind, name, f"the name of a {kind} cannot be empty")
    if octets > NAME_OCTETS_MAX or "\0" in name:
        raise Refusal(
            Reason.INVALID, kind, name[:40], f"the name of a {kind} has at most {NAME_OCTETS_MAX} octets"
        )
