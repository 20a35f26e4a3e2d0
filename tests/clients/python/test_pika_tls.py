"""TLS with pika: verified servers, client certificates, and logging in with one (EXTERNAL)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pika
import pytest
import trustme
from broker_settings import EVERYTHING, login, onemq, running
from cryptography import x509
from pika.exceptions import AMQPConnectionError, ProbableAuthenticationError
from pika_session import fetch, parameters

from broker_process import BrokerProcess

# pika lets some errors of the handshake through as they are.
REFUSED = (AMQPConnectionError, ssl.SSLError)


@dataclass
class Certificates:
    """An authority, what it has issued, and the files that the broker reads."""

    authority: trustme.CA
    shop: trustme.LeafCert
    stranger: trustme.LeafCert
    settings: str

    @property
    def shop_name(self) -> str:
        """The subject as RFC 4514 text, by another library than the broker's."""
        pem = self.shop.cert_chain_pems[0].bytes()
        return x509.load_pem_x509_certificate(pem).subject.rfc4514_string()

    def context(self, client: trustme.LeafCert | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if client is not None:
            client.configure_cert(context)
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    directory = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    files = {
        "certificate": server.cert_chain_pems[0],
        "key": server.private_key_pem,
        "client_ca": authority.cert_pem,
    }
    lines = ["[tls]"]
    for name, blob in files.items():
        blob.write_to_path(str(directory / f"{name}.pem"))
        lines.append(f'{name} = "{directory}/{name}.pem"')
    return Certificates(
        authority,
        authority.issue_cert("shop@example.org", common_name="shop"),
        authority.issue_cert("stranger@example.org", common_name="stranger"),
        "\n".join(lines) + "\n",
    )  # fmt: skip


def configuration(certificates: Certificates, more: str = "") -> str:
    return f"""
{certificates.settings}
{more}
[users.guest]
password = "guest"
permissions."/" = {EVERYTHING}
[users."{certificates.shop_name}"]
permissions."/" = {EVERYTHING}
"""


@pytest.fixture(scope="module")
def secured(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Generator[BrokerProcess, None, None]:
    """Asks for client certificates, but takes clients without one."""
    with running(
        tmp_path_factory.mktemp("tls"),
        memory=True,
        configuration=configuration(certificates),
        arguments=["--amqp-tls-port", "0"],
    ) as process:
        yield process


def over_tls(
    broker: BrokerProcess,
    context: ssl.SSLContext,
    credentials: object = None,
    name: str = "localhost",
) -> pika.BlockingConnection:
    return pika.BlockingConnection(
        parameters(
            broker.url,
            port=broker.ports["amqps"],
            ssl_options=pika.SSLOptions(context, name),
            credentials=credentials or pika.PlainCredentials("guest", "guest"),
        )
    )


def test_a_verified_server_and_a_password(secured: BrokerProcess, certificates: Certificates) -> None:
    channel = over_tls(secured, certificates.context()).channel()
    channel.confirm_delivery()
    queue = channel.queue_declare("", exclusive=True).method.queue
    body = bytes(range(256)) * 2000  # many TLS records, many frames
    channel.basic_publish("", queue, body)
    assert fetch(channel, queue).body == body
    channel.connection.close()
    login(secured, "guest", "guest").close()  # the plain listener goes on beside it


def test_the_server_is_verified_by_authority_and_name(
    secured: BrokerProcess, certificates: Certificates
) -> None:
    with pytest.raises(REFUSED):
        over_tls(secured, ssl.create_default_context())
    with pytest.raises(REFUSED):
        over_tls(secured, certificates.context(), name="another.example.org")
    over_tls(secured, certificates.context()).close()


def test_external_logs_in_as_the_user_named_like_the_subject(
    secured: BrokerProcess, certificates: Certificates
) -> None:
    context = certificates.context(certificates.shop)
    connection = over_tls(secured, context, pika.credentials.ExternalCredentials())
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_publish("", queue, b"m", pika.BasicProperties(user_id=certificates.shop_name))
    assert fetch(channel, queue).body == b"m"
    connection.close()
    over_tls(secured, context).close()  # a password does as well


def test_external_of_somebody_who_is_no_user(secured: BrokerProcess, certificates: Certificates) -> None:
    context = certificates.context(certificates.stranger)
    with pytest.raises(ProbableAuthenticationError) as caught:
        over_tls(secured, context, pika.credentials.ExternalCredentials())
    assert "using authentication mechanism EXTERNAL" in str(caught.value)


def test_external_is_not_offered_without_a_certificate(
    secured: BrokerProcess, certificates: Certificates
) -> None:
    for context in (certificates.context(), None):
        with pytest.raises(REFUSED):
            if context is None:
                login(secured, "", "", credentials=pika.credentials.ExternalCredentials())
            else:
                over_tls(secured, context, pika.credentials.ExternalCredentials())


def test_a_certificate_of_another_authority_is_refused(
    secured: BrokerProcess, certificates: Certificates
) -> None:
    foreign = trustme.CA().issue_cert("shop@example.org", common_name="shop")
    with pytest.raises(REFUSED):
        over_tls(secured, certificates.context(foreign))
    over_tls(secured, certificates.context()).close()


def test_plain_text_on_the_tls_port_is_closed_and_harms_nobody(
    secured: BrokerProcess, certificates: Certificates
) -> None:
    with socket.create_connection((secured.host, secured.ports["amqps"]), 10) as peer:
        peer.sendall(b"AMQP\x00\x00\x09\x01")
        answer = peer.recv(100)  # a TLS alert, or nothing
    assert not answer.startswith(b"\x01") and b"AMQP" not in answer
    over_tls(secured, certificates.context()).close()


def test_a_client_certificate_can_be_required(tmp_path: Path, certificates: Certificates) -> None:
    with running(
        tmp_path,
        memory=True,
        configuration=configuration(certificates, "require_client_certificate = true"),
        arguments=["--amqp-tls-port", "0"],
    ) as broker:
        with pytest.raises(REFUSED):
            over_tls(broker, certificates.context())
        over_tls(broker, certificates.context(certificates.shop)).close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_of_tls_are_refused(secured: BrokerProcess, certificates: Certificates) -> None:
    context = certificates.context()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(REFUSED):
        over_tls(secured, context)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (["tls.certificate={certificate}"], "tls.key"),
        (["tls.key={key}"], "tls.certificate"),
        (["tls.certificate={key}", "tls.key={key}"], "tls.certificate"),
        (["tls.client_ca={client_ca}"], "tls.client_ca"),
        (["tls.certificate={certificate}", "tls.key={key}", "tls.client_ca={key}"], "tls.client_ca"),
        (["tls.require_client_certificate=true"], "tls.require_client_certificate"),
    ],
)
def test_files_that_do_not_fit_are_named(certificates: Certificates, settings: list[str], named: str) -> None:
    files = dict(
        line.replace('"', "").split(" = ") for line in certificates.settings.splitlines() if "=" in line
    )
    arguments = [part for setting in settings for part in ("--set", setting.format(**files))]
    done = onemq("serve", "--memory", "--amqp-port", "0", "--http-port", "0", *arguments)
    assert done.returncode == 2, done.stderr
    assert f"bad setting {named}" in done.stderr and "listening" not in done.stdout
