"""The command line's way to a running broker: its admin API over one kept connection.

Raises CliError with one line that says what is wrong and what to do. Must not: print; know what a command does.
"""

import base64
import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from onemq.cli.frame import BadUsage, CliError

TIMEOUT_SECONDS: Final = 90.0
"""Longer than the longest answer that comes later."""

Query = dict[str, Any] | list[tuple[str, Any]]


class Refused(CliError):
    """The broker said no. status: of HTTP. kind: for programs."""

    def __init__(self, status: int, kind: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.kind = kind


class Client:
    """url: of the broker's HTTP port."""

    def __init__(self, url: str, user: str, password: str) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise BadUsage(f"--url is http://HOST:PORT or https://HOST:PORT, not {url!r}")
        self.url = f"{parts.scheme}://{parts.hostname}:{port or 15672}"
        self.host = parts.hostname
        self.user = user
        self.password = password
        self._secure = parts.scheme == "https"
        self._port = port or 15672
        login = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        self._fields = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        self._connection: HTTPConnection | None = None

    def get(self, *path: str, query: Query | None = None) -> Any:
        return self.call("GET", *path, query=query)

    def put(self, *path: str, body: Any = None) -> Any:
        return self.call("PUT", *path, body={} if body is None else body)

    def post(self, *path: str, body: Any = None) -> Any:
        return self.call("POST", *path, body=body)

    def delete(self, *path: str, query: Query | None = None) -> Any:
        return self.call("DELETE", *path, query=query)

    def call(
        self, method: str, *path: str, body: Any = None, query: Query | None = None, prefix: str = "/v1/"
    ) -> Any:
        """The answer's JSON. path: segments, not encoded. Raises CliError, Refused."""
        target = prefix + "/".join(quote(segment, safe="") for segment in path)
        if query:
            pairs = query.items() if isinstance(query, dict) else query
            target += "?" + urlencode([(name, _text(value)) for name, value in pairs if value is not None])
        content = None if body is None else json.dumps(body).encode()
        status, data = self._exchange(method, target, content)
        return self._read(status, data)

    def _exchange(self, method: str, target: str, content: bytes | None) -> tuple[int, bytes]:
        kept = self._connection is not None
        try:
            return self._once(method, target, content)
        except (HTTPException, OSError) as error:
            self.close()
            if not kept or isinstance(error, TimeoutError) or method not in ("GET", "PUT", "DELETE"):
                raise self._unreachable(error) from None
        # The broker closes connections that were idle for long.
        try:
            return self._once(method, target, content)
        except (HTTPException, OSError) as error:
            self.close()
            raise self._unreachable(error) from None

    def _once(self, method: str, target: str, content: bytes | None) -> tuple[int, bytes]:
        if self._connection is None:
            kind = HTTPSConnection if self._secure else HTTPConnection
            self._connection = kind(self.host, self._port, timeout=TIMEOUT_SECONDS)
        self._connection.request(method, target, content, self._fields)
        response = self._connection.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _unreachable(self, error: Exception) -> CliError:
        if isinstance(error, ConnectionRefusedError):
            return CliError(
                f"no broker answers at {self.url}: start one with `onemq serve`, or say where it is with --url (ONEMQ_URL)"
            )
        if isinstance(error, TimeoutError):
            return CliError(
                f"the broker at {self.url} does not answer: look at its log and at `onemq doctor`"
            )
        return CliError(
            f"the connection to {self.url} failed: {error or type(error).__name__}; is it a broker's HTTP port?"
        )

    def _read(self, status: int, data: bytes) -> Any:
        try:
            found = json.loads(data) if data else None
        except ValueError:
            found = None
        if 200 <= status < 300:
            return found
        if status == 401:
            raise Refused(
                status,
                "not_authorised",
                f"the broker refuses the login of user '{self.user}': give --user and --password (ONEMQ_USER, ONEMQ_PASSWORD)",
            )
        if isinstance(found, dict) and "message" in found:
            text = str(found["message"])
            if status == 403:
                text += f" (you are user '{self.user}': log in as another with --user)"
            raise Refused(status, str(found.get("error", "")), text)
        if isinstance(found, dict) and "reason" in found:
            raise Refused(status, str(found.get("error", "")), str(found["reason"]))
        raise Refused(
            status, "", f"what answers at {self.url} is no onemq of this version (HTTP {status}): check --url"
        )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
