"""What is spoken on a new connection, one after the other: the PROXY protocol, TLS, HTTP/1.1."""

from collections.abc import Callable

from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext
from hybrid.server.proxied import ProxiedStart
from hybrid.server.tls import Certificates
from hybrid.server.tls_handshake import TlsHandshake, secure
from hybrid.server.turnover import http11_factory


def protocol_factory(
    context: ServerContext, certificates: Certificates | None, enough: Callable[[], object]
) -> Callable[[], Handler]:
    """Return what makes the first protocol of each new connection; each makes the next one.

    Args:
        context: what the connections share.
        certificates: what TLS presents; None to speak in clear.
        enough: called when the server has had as many requests as it may.
    """
    http = http11_factory(context, enough)

    def go_on(connection: Connection, leftover: bytes) -> None:
        if certificates is None:
            connection.switch(http(connection), leftover)
        else:
            secure(connection, certificates, http, leftover)

    if context.config.proxy_protocol != "off":
        return lambda: ProxiedStart(Connection(context), go_on)
    if certificates is None:
        return lambda: http(Connection(context))
    return lambda: TlsHandshake(Connection(context), certificates, http)
