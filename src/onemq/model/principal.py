"""Who is at the other end: the peer's addresses, its credentials, and the principal that it proves to be. Pure data."""


class Peer:
    """Both ends of a connection, as the net sees them.

    Attributes:
        host, port: the peer's address. local_host, local_port: ours.
        tls: whether the connection is encrypted.
        certificate_name: the client certificate's verified name (RFC 2253 text), "" if none was shown.
        protocol: name of the head it speaks to ("amqp", "kafka", ...), "" where that is not known.
    """

    __slots__ = ("certificate_name", "host", "local_host", "local_port", "port", "protocol", "tls")

    def __init__(
        self,
        host: str,
        port: int,
        local_host: str = "",
        local_port: int = 0,
        tls: bool = False,
        certificate_name: str = "",
        protocol: str = "",
    ) -> None:
        self.host = host
        self.port = port
        self.local_host = local_host
        self.local_port = local_port
        self.tls = tls
        self.certificate_name = certificate_name
        self.protocol = protocol

    def is_loopback(self) -> bool:
        """True for 127.0.0.0/8, ::1 and their IPv4-mapped form."""
        host = self.host
        if host.startswith("::ffff:"):
            host = host[7:]
        return host.startswith("127.") or host == "::1"


class Principal:
    """Somebody authenticated. `tags` as in RabbitMQ (administrator, monitoring, ...)."""

    __slots__ = ("name", "tags")

    def __init__(self, name: str, tags: list[str]) -> None:
        self.name = name
        self.tags = tags
