"""TLS: the context for the listeners, and the name that a verified client certificate proves. The only importer of ssl."""

import asyncio
import ssl
from typing import Final

_SHORT_NAMES: Final = {
    "commonName": "CN",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
_ESCAPED: Final = ',+"\\<>;'


class BadTls(Exception):
    """The certificate, key or authority cannot be used. The text says which file and why."""


def make_context(
    certificate: str, key: str, client_ca: str, require_client_certificate: bool
) -> ssl.SSLContext:
    """TLS 1.2 and later. With `client_ca`, client certificates are asked for and verified. Raises BadTls."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BadTls(f"tls.certificate {certificate} with tls.key {key}: {error}") from None
    if client_ca:
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ssl.SSLError) as error:
            raise BadTls(f"tls.client_ca {client_ca}: {error}") from None
        context.verify_mode = ssl.CERT_REQUIRED if require_client_certificate else ssl.CERT_OPTIONAL
    return context


def make_client_context(ca_file: str, insecure: bool) -> ssl.SSLContext:
    """For calls to others: their certificates are verified against the system's authorities and those of `ca_file`; not at all when
    `insecure`. Raises BadTls."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise BadTls(f"calls.ca_file {ca_file}: {error}") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def certificate_name(transport: asyncio.BaseTransport) -> str:
    """The subject of the verified client certificate as RFC 4514 text (most specific part first); "" without one."""
    certificate = transport.get_extra_info("peercert")
    return subject_text(certificate.get("subject", ())) if certificate else ""


def subject_text(subject: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """RFC 4514: parts in reverse order, special characters escaped."""
    parts = []
    for relative in reversed(subject):
        parts.append(
            "+".join(f"{_SHORT_NAMES.get(kind, kind)}={_escaped(value)}" for kind, value in relative)
        )
    return ",".join(parts)


def _escaped(value: str) -> str:
    text = "".join("\\" + character if character in _ESCAPED else character for character in value)
    if text.startswith(("#", " ")):
        text = "\\" + text
    if text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1] + "\\ "
    return text
