"""What is spoken on a new connection, one after the other: the PROXY protocol, TLS, HTTP/1.1.

What a server does not speak it does not load: that would be a tenth of its start.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext
from hybrid.server.turnover import http11_factory

if TYPE_CHECKING:
    from hybrid.server.tls import Certificates

_HTTPFactory = Callable[[Connection], Handler]


def protocol_factory(
    context: ServerContext, certificates: "Certificates | None", enough: Callable[[], object]
) -> Callable[[], Handler]:
    """Return what makes the first protocol of each new connection; each makes the next one.

    Args:
        context: what the connections share.
        certificates: what TLS presents; None to speak in clear.
        enough: called when the server has had as many requests as it may.
    """
    http = http11_factory(context, enough)
    if context.config.proxy_protocol != "off":
        return _after_proxy_header(context, certificates, http)
    if certificates is None:
        return lambda: http(Connection(context))
    from hybrid.server.tls_handshake import TlsHandshake

    return lambda: TlsHandshake(Connection(context), certificates, http)


def _after_proxy_header(
    context: ServerContext, certificates: "Certificates | None", http: _HTTPFactory
) -> Callable[[], Handler]:
    from hybrid.server.proxied import ProxiedStart

    def in_clear(connection: Connection, leftover: bytes) -> None:
        connection.switch(http(connection), leftover)

    if certificates is None:
        return lambda: ProxiedStart(Connection(context), in_clear)
    from hybrid.server.tls_handshake import secure

    def secured(connection: Connection, leftover: bytes) -> None:
        secure(connection, certificates, http, leftover)

    return lambda: ProxiedStart(Connection(context), secured)
