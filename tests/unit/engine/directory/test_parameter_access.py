"""Runtime parameters, and what is found among them that is kept elsewhere."""

from __future__ import annotations

from engine_driver import Driver
from onemq.model.refusal import Reason
from unit.engine.directory.ways import directory_of, refused


def test_parameters() -> None:
    admin = directory_of(Driver(), "administrator")
    admin.parameters.set("/", "shovel", "s", {"a": 1})
    admin.policies.set("/", "o", ".*", {"max-length": 1}, operator=True)
    admin.parameters.set("/", "operator_policy", "o2", {"pattern": "^a", "definition": {"expires": 5}})
    admin.parameters.set("/", "vhost-limits", "limits", {"max-queues": 7})
    assert [(found.component, found.name) for found in admin.parameters.all("/")] == [
        ("shovel", "s"),
        ("operator_policy", "o"),
        ("operator_policy", "o2"),
        ("vhost-limits", "limits"),
    ]
    assert admin.parameters.find("/", "vhost-limits", "limits").value == {"max-queues": 7}
    assert admin.parameters.find("/", "operator_policy", "o2").value == {
        "pattern": "^a",
        "definition": {"expires": 5},
        "priority": 0,
        "apply-to": "all",
    }
    assert admin.policies.find("/", "o2", operator=True).definition == {"expires": 5}
    for component, name in (("shovel", "s"), ("operator_policy", "o"), ("vhost-limits", "limits")):
        admin.parameters.clear("/", component, name)
    assert [found.name for found in admin.parameters.all()] == ["o2"]
    assert refused(lambda: admin.parameters.clear("/", "shovel", "s")).reason == Reason.NOT_FOUND
    assert refused(lambda: admin.parameters.find("/", "shovel", "s")).reason == Reason.NOT_FOUND
    refusal = refused(lambda: admin.parameters.set("/", "policy", "p", {}))
    assert (refusal.reason, refusal.detail) == (
        Reason.INVALID,
        "policies may not be set using this method",
    )
    assert refused(lambda: admin.parameters.set("/", "vhost-limits", "limits", 5)).reason == Reason.INVALID
    admin.parameters.set_global("cluster_name", "here")
    assert admin.parameters.find_global("cluster_name").value == "here" == admin.parameters.cluster_name()
    admin.parameters.clear_global("cluster_name")
    assert refused(lambda: admin.parameters.find_global("cluster_name")).reason == Reason.NOT_FOUND
