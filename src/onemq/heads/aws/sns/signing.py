"""Signatures of what SNS sends, and the certificate that proves them.

Job: one RSA key for each data directory, made when it is needed first and kept by the engine; sign canonical texts; show the certificate.
Must not: know what is signed.
Spec: Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages" (version 1: SHA1 with RSA, version 2: SHA256 with RSA).
"""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from onemq.engine.notices.access import NoticeAccess
from onemq.heads.aws.pages import Page, Pages

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY_BITS: Final = 2048
YEARS: Final = 30
PEM: Final = b"application/x-pem-file"
BEGIN_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"


@mypyc_attr(allow_interpreted_subclasses=True)
class Signer:
    """See the module. cryptography is loaded when it is needed: it takes a tenth of a second.

    Names are imported, never its modules: within a compiled function those would be None.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._key: RSAPrivateKey | None = None
        self._text = ""
        self._path = ""

    def prepare(self, access: NoticeAccess, now_ms: int) -> None:
        """Before anything is signed: takes the key that is kept, or makes one and has it kept."""
        if self._key is not None:
            return
        text = access.key_text()
        if not text:
            text = make_key(now_ms)
            access.keep_key(text)
        self.show(text)
        self._load()

    def show(self, text: str) -> None:
        """A key and its certificate as `make_key` made them: from now on the certificate can be fetched."""
        if text == self._text:
            return
        self._text = text
        certificate = text[text.index(BEGIN_CERTIFICATE) :]
        lines = certificate.strip().split("\n")
        octets = base64.b64decode("".join(lines[1:-1]))
        self._path = f"/SimpleNotificationService-{hashlib.sha256(octets).hexdigest()[:32]}.pem"
        self._pages.put(self._path, Page(PEM, certificate.encode("ascii")))

    def _load(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(self._text.encode("ascii"), None)
        assert isinstance(key, RSAPrivateKey)
        self._key = key

    def certificate_url(self, origin: str) -> str:
        return origin + self._path

    def sign(self, text: str, version: str) -> str:
        """As base64. version: "1" or "2"."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA1, SHA256

        key = self._key
        assert key is not None, "a signature before `prepare`"
        data = text.encode("utf-8", "surrogatepass")
        if version == "2":
            signature = key.sign(data, PKCS1v15(), SHA256())
        else:
            signature = key.sign(data, PKCS1v15(), SHA1())
        return base64.b64encode(signature).decode("ascii")


def make_key(now_ms: int) -> str:
    """A new key and its certificate, which it has signed itself, as PEM."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509 import CertificateBuilder, Name, NameAttribute, random_serial_number
    from cryptography.x509.oid import NameOID

    key = generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = Name([NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    begin = datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(days=1)
    certificate = (
        CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=365 * YEARS))
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (private + certificate.public_bytes(Encoding.PEM)).decode("ascii")
