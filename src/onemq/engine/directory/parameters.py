"""Parameters: plain values that operators keep with the broker, by component and name in a namespace, or for all of it; durable.

What they mean is somebody else's business; policies and limits, which RabbitMQ keeps as parameters, too, are parts of their own.
Spec: RabbitMQ, "Parameters and Policies".
"""

from typing import Final

from onemq.engine.core import Core
from onemq.engine.parts import PART_PARAMETERS, Part
from onemq.model.refusal import Reason, Refusal

PARAMETERS_MAX: Final = 100_000
CLUSTER_NAME: Final = "cluster_name"
"""The global parameter with the name that clients are told."""


class ParameterRecord:
    """One parameter. `namespace` and `component` "": a global one."""

    __slots__ = ("component", "name", "namespace", "value")

    def __init__(self, namespace: str, component: str, name: str, value: object) -> None:
        self.namespace = namespace
        self.component = component
        self.name = name
        self.value = value


class Parameters(Part):
    """See the module."""

    def __init__(self, core: Core) -> None:
        self.number = PART_PARAMETERS
        self._core = core
        self._found: dict[tuple[str, str, str], ParameterRecord] = {}

    def find(self, namespace: str, component: str, name: str) -> ParameterRecord | None:
        return self._found.get((namespace, component, name))

    def all(self, namespace: str = "", component: str = "") -> list[ParameterRecord]:
        """Those of namespaces; "" stands for any."""
        found: list[ParameterRecord] = []
        for key in sorted(self._found):
            if key[1] and (not namespace or key[0] == namespace) and (not component or key[1] == component):
                found.append(self._found[key])
        return found

    def all_global(self) -> list[ParameterRecord]:
        return [self._found[key] for key in sorted(self._found) if not key[1]]

    def set(self, namespace: str, component: str, name: str, value: object) -> None:
        """Refusal LIMIT ("parameter")."""
        if (namespace, component, name) not in self._found and len(self._found) >= PARAMETERS_MAX:
            raise Refusal(Reason.LIMIT, "parameter", name, f"there are {PARAMETERS_MAX} already")
        self._note({"ns": namespace, "component": component, "name": name, "value": value})

    def remove(self, namespace: str, component: str, name: str) -> None:
        """One that is there."""
        self._note({"ns": namespace, "component": component, "name": name})

    def forget_namespace(self, namespace: str) -> None:
        """It has gone: no fact of its own."""
        for key in list(self._found):
            if key[1] and key[0] == namespace:
                del self._found[key]

    def cluster_name(self) -> str:
        """ "" while nobody has set one."""
        found = self._found.get(("", "", CLUSTER_NAME))
        return found.value if found is not None and isinstance(found.value, str) else ""

    def _note(self, change: dict[str, object]) -> None:
        self._core.note(self, change)
        self.apply(change)

    def apply(self, change: dict[str, object]) -> None:
        namespace, component, name = change["ns"], change["component"], change["name"]
        assert isinstance(namespace, str) and isinstance(component, str) and isinstance(name, str)
        key = (namespace, component, name)
        if "value" in change:
            self._found[key] = ParameterRecord(namespace, component, name, change["value"])
        else:
            self._found.pop(key, None)

    def changes(self) -> list[dict[str, object]]:
        return [
            {"ns": found.namespace, "component": found.component, "name": found.name, "value": found.value}
            for found in self._found.values()
        ]
