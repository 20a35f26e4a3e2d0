"""Which service and operation a request asks for, in which protocol.

JSON requests say it in X-Amz-Target. Query requests name the operation in `Action`; the service follows from the
credential scope, from `Version`, or from who has such an operation.
Spec: docs/decisions/0009.
"""

from onemq.heads.aws import json_protocol, query_protocol
from onemq.heads.aws.errors import missing_action, unknown_operation
from onemq.heads.aws.protocol import Protocol
from onemq.heads.aws.service import Operation, Service
from onemq.wire.http import HttpRequest

FORM: str = "application/x-www-form-urlencoded"


class Routed:
    """A request, understood up to its parameters.

    Attributes:
        service, operation, protocol: which.
        form: of a Query request: its parameters, raw.
    """

    __slots__ = ("form", "operation", "protocol", "service")

    def __init__(
        self, service: Service, operation: Operation, protocol: Protocol, form: dict[str, str] | None
    ) -> None:
        self.service = service
        self.operation = operation
        self.protocol = protocol
        self.form = form

    def parameters(self, body: bytes) -> dict[str, object]:
        """Raises AwsError."""
        form = self.form
        if form is None:
            return json_protocol.read_parameters(self.operation.shape.input, body)
        return query_protocol.read_parameters(self.operation.shape.input, form)


class Router:
    """Knows all services. The first one speaks where nothing tells which is meant."""

    def __init__(self, services: list[Service]) -> None:
        self._services = services
        self._targets: dict[bytes, Routed] = {}
        for service in services:
            if service.target:
                for name, operation in service.operations.items():
                    routed = Routed(service, operation, service.json, None)
                    self._targets[f"{service.target}.{name}".encode("ascii")] = routed

    def protocol(self, request: HttpRequest, service_name: str) -> Protocol:
        """In which protocol to speak of what is wrong with a request that could not be routed."""
        service = self._services[0]
        for each in self._services:
            if each.name == service_name:
                service = each
        if b"x-amz-target" in request.headers or _is_json(request):
            return service.json
        return service.query

    def route(self, request: HttpRequest, query: bytes, service_name: str) -> Routed:
        """service_name: of the credential scope, "" = unknown. Raises AwsError."""
        target = request.headers.get(b"x-amz-target")
        if target is not None:
            routed = self._targets.get(target)
            if routed is None:
                raise unknown_operation(target.decode("latin-1").rpartition(".")[2])
            return routed
        form: dict[str, str] = {}
        query_protocol.read_form(query, form)
        if request.body and not _is_json(request):
            query_protocol.read_form(request.body, form)
        action = form.get("Action")
        if not action:
            raise missing_action()
        service = self._service(service_name, form.get("Version", ""), action)
        operation = service.operations.get(action)
        if operation is None:
            raise unknown_operation(action)
        return Routed(service, operation, service.query, form)

    def _service(self, service_name: str, version: str, action: str) -> Service:
        for service in self._services:
            if service.name == service_name:
                return service
        for service in self._services:
            if service.version == version:
                return service
        for service in self._services:
            if action in service.operations:
                return service
        return self._services[0]


def _is_json(request: HttpRequest) -> bool:
    return request.headers.get(b"content-type", b"").startswith(b"application/x-amz-json")
