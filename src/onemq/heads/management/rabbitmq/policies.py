"""/api/policies, operator-policies, parameters, global-parameters.

Source: rabbit_mgmt_wm_policies, rabbit_mgmt_wm_parameters and neighbours; recorded answers of RabbitMQ 3.10.
"""

from html import escape

from onemq.engine.directory.parameters import ParameterRecord
from onemq.engine.directory.policies import Policy
from onemq.heads.management.call import Call
from onemq.heads.management.rabbitmq.bodies import bad_request, body_of
from onemq.heads.management.rabbitmq.lists import Item, answer_list, answer_one
from onemq.heads.management.rabbitmq.service import Service
from onemq.heads.management.routes import ADMINISTRATOR, MANAGEMENT, POLICYMAKER, Handler, Route
from onemq.model.refusal import Reason, Refusal


class Policies:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        policy = "/api/policies/{vhost}/{name}"
        operator = "/api/operator-policies/{vhost}/{name}"
        parameter = "/api/parameters/{component}/{vhost}/{name}"
        whole = "/api/global-parameters"
        found: list[tuple[str, str, Handler, str, str]] = [
            ("GET", "/api/policies", self.policies, MANAGEMENT, "all policies"),
            ("GET", "/api/policies/{vhost}", self.policies, MANAGEMENT, "policies of a vhost"),
            ("GET", policy, self.policy, MANAGEMENT, "one policy"),
            ("PUT", policy, self.put, POLICYMAKER, "makes or changes a policy"),
            ("DELETE", policy, self.delete, POLICYMAKER, "deletes a policy"),
            ("GET", "/api/operator-policies", self.operator_policies, MANAGEMENT, "all operator policies"),
            ("GET", "/api/operator-policies/{vhost}", self.operator_policies, MANAGEMENT, "those of a vhost"),
            ("GET", operator, self.operator_policy, MANAGEMENT, "one operator policy"),
            ("PUT", operator, self.put_operator, ADMINISTRATOR, "makes or changes an operator policy"),
            ("DELETE", operator, self.delete_operator, ADMINISTRATOR, "deletes an operator policy"),
            ("GET", "/api/parameters", self.parameters, POLICYMAKER, "all parameters"),
            ("GET", "/api/parameters/{component}", self.parameters, POLICYMAKER, "those of a component"),
            ("GET", "/api/parameters/{component}/{vhost}", self.parameters, POLICYMAKER, "those in a vhost"),
            ("GET", parameter, self.parameter, POLICYMAKER, "one parameter"),
            ("PUT", parameter, self.put_parameter, POLICYMAKER, "sets a parameter"),
            ("DELETE", parameter, self.delete_parameter, POLICYMAKER, "takes a parameter away"),
            ("GET", whole, self.global_parameters, POLICYMAKER, "all global parameters"),
            ("GET", whole + "/{name}", self.global_parameter, POLICYMAKER, "one global parameter"),
            ("PUT", whole + "/{name}", self.put_global, POLICYMAKER, "sets a global parameter"),
            ("DELETE", whole + "/{name}", self.delete_global, POLICYMAKER, "takes a global parameter away"),
        ]
        return [Route(method, path, handler, tag, summary=said) for method, path, handler, tag, said in found]

    # Policies.

    def policies(self, call: Call) -> None:
        found = call.anywhere().directory.policies.all(call.values.get("vhost", ""))
        answer_list(call, [policy_json(policy) for policy in found])

    def policy(self, call: Call) -> None:
        directory = call.anywhere().directory
        answer_one(call, policy_json(directory.policies.find(call.values["vhost"], call.values["name"])))

    def put(self, call: Call) -> None:
        try:
            made = _set(call, False)
        except Refusal as refusal:
            if refusal.reason != Reason.INVALID:
                raise
            # RabbitMQ makes the text fit for HTML: here, and not for operator policies.
            raise bad_request(escape(refusal.detail, quote=False)) from None
        call.empty(201 if made else 204)

    def delete(self, call: Call) -> None:
        call.anywhere().directory.policies.delete(call.values["vhost"], call.values["name"])
        call.empty()

    def operator_policies(self, call: Call) -> None:
        found = call.anywhere().directory.policies.all(call.values.get("vhost", ""), operator=True)
        answer_list(call, [policy_json(policy) for policy in found])

    def operator_policy(self, call: Call) -> None:
        directory = call.anywhere().directory
        answer_one(
            call,
            policy_json(directory.policies.find(call.values["vhost"], call.values["name"], operator=True)),
        )

    def put_operator(self, call: Call) -> None:
        call.empty(201 if _set(call, True) else 204)

    def delete_operator(self, call: Call) -> None:
        call.anywhere().directory.policies.delete(call.values["vhost"], call.values["name"], operator=True)
        call.empty()

    # Parameters.

    def parameters(self, call: Call) -> None:
        found = call.anywhere().directory.parameters.all(
            call.values.get("vhost", ""), call.values.get("component", "")
        )
        answer_list(call, [parameter_json(record) for record in found])

    def parameter(self, call: Call) -> None:
        values = call.values
        found = call.anywhere().directory.parameters.find(
            values["vhost"], values["component"], values["name"]
        )
        answer_one(call, parameter_json(found))

    def put_parameter(self, call: Call) -> None:
        value = body_of(call, ("value",))["value"]
        values = call.values
        directory = call.anywhere().directory
        known = True
        try:
            directory.parameters.find(values["vhost"], values["component"], values["name"])
        except Refusal as refusal:
            if refusal.reason != Reason.NOT_FOUND:
                raise
            known = False
        directory.parameters.set(values["vhost"], values["component"], values["name"], value)
        call.empty(204 if known else 201)

    def delete_parameter(self, call: Call) -> None:
        values = call.values
        call.anywhere().directory.parameters.clear(values["vhost"], values["component"], values["name"])
        call.empty()

    def global_parameters(self, call: Call) -> None:
        found = call.anywhere().directory.parameters.all_global()
        answer_list(call, [{"name": record.name, "value": record.value} for record in found])

    def global_parameter(self, call: Call) -> None:
        record = call.anywhere().directory.parameters.find_global(call.values["name"])
        answer_one(call, {"name": record.name, "value": record.value})

    def put_global(self, call: Call) -> None:
        value = body_of(call, ("value",))["value"]
        directory = call.anywhere().directory
        known = call.values["name"] in [record.name for record in directory.parameters.all_global()]
        directory.parameters.set_global(call.values["name"], value)
        call.empty(204 if known else 201)

    def delete_global(self, call: Call) -> None:
        call.anywhere().directory.parameters.clear_global(call.values["name"])
        call.empty()


def _set(call: Call, operator: bool) -> bool:
    """As the body says. True: it was made. Raises Problem, Refusal."""
    body = body_of(call, ("pattern", "definition"))
    return call.anywhere().directory.policies.set(
        call.values["vhost"],
        call.values["name"],
        body["pattern"],
        body["definition"],
        body.get("priority", 0),
        body.get("apply-to", "all"),
        operator,
    )


def policy_json(policy: Policy) -> Item:
    return {
        "vhost": policy.namespace,
        "name": policy.name,
        "pattern": policy.pattern,
        "apply-to": policy.apply_to,
        "definition": policy.definition,
        "priority": policy.priority,
    }


def parameter_json(record: ParameterRecord) -> Item:
    return {
        "value": record.value,
        "vhost": record.namespace,
        "component": record.component,
        "name": record.name,
    }
