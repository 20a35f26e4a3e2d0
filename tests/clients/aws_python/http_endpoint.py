"""An HTTP endpoint that subscribes to SNS topics, as a small web service would: it keeps what it is sent and answers as it is told.

No test lives here. Signatures are verified as AWS's SDKs do it: fetch the certificate, put the canonical text together, verify.
"""

from __future__ import annotations

import base64
import json
import threading
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from clients.aws_python.session import wait_until

NOTIFICATION_KEYS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION_KEYS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


class Received:
    """One POST."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path = path
        self.headers = headers
        self.body = body

    @property
    def kind(self) -> str:
        return self.headers.get("x-amz-sns-message-type", "")

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Endpoint:
    """See the module. `answer`: gives the status for a POST; 200 unless set."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received], int] = lambda received: 200
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                found = Received(self.path, headers, body)
                status = endpoint.answer(found)
                endpoint.received.append(found)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *values: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def of_kind(self, kind: str) -> list[Received]:
        return [found for found in list(self.received) if found.kind == kind]

    def wait_for(self, kind: str, count: int = 1) -> list[Received]:
        wait_until(lambda: len(self.of_kind(kind)) >= count, what=f"{count} {kind}")
        return self.of_kind(kind)

    def confirm(self) -> str:
        """Visits the link in the last confirmation asked for; gives what was answered."""
        return visit(self.wait_for("SubscriptionConfirmation")[-1].document["SubscribeURL"])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def visit(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: bytes = answer.read()
    return text.decode()


def canonical_text(document: dict[str, Any]) -> str:
    keys = NOTIFICATION_KEYS if document["Type"] == "Notification" else CONFIRMATION_KEYS
    return "".join(f"{key}\n{document[key]}\n" for key in keys if key in document)


def verify(document: dict[str, Any], endpoint: str) -> None:
    """Raises InvalidSignature."""
    address = urlsplit(document["SigningCertURL"])
    assert f"{address.scheme}://{address.netloc}" == endpoint
    certificate = x509.load_pem_x509_certificate(visit(document["SigningCertURL"]).encode())
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    chosen: hashes.HashAlgorithm = hashes.SHA1() if document["SignatureVersion"] == "1" else hashes.SHA256()
    key.verify(
        base64.b64decode(document["Signature"]),
        canonical_text(document).encode(),
        padding.PKCS1v15(),
        chosen,
    )
