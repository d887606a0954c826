"""What is spoken first on a new connection: the header of a proxy, then TLS, then HTTP."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext

if TYPE_CHECKING:
    from hybrid.server.tls import Certificates


def entry(
    context: ServerContext, http: Callable[[Connection], Handler], certificates: "Certificates | None"
) -> Callable[[], Handler]:
    """Return what makes the first protocol of each new connection.

    What a server does not speak it does not load: that would be a tenth of its start.
    """
    secured = http if certificates is None else _handshake(certificates, http)
    if context.config.proxy_protocol == "off":
        return lambda: secured(Connection(context))
    from hybrid.server.proxied import ProxiedStart

    go_on = _go_on(http, certificates)
    return lambda: ProxiedStart(Connection(context), go_on)


def _handshake(
    certificates: "Certificates", http: Callable[[Connection], Handler]
) -> Callable[[Connection], Handler]:
    from hybrid.server.tls_handshake import Handshake

    return lambda connection: Handshake(connection, certificates, http)


def _go_on(
    http: Callable[[Connection], Handler], certificates: "Certificates | None"
) -> Callable[[Connection, bytes], None]:
    """Return what takes a connection over when the proxy has spoken, with the bytes that followed."""
    if certificates is None:
        return lambda connection, leftover: connection.switch(http(connection), leftover)
    from hybrid.server.tls_handshake import secure

    return lambda connection, leftover: secure(connection, certificates, http, leftover)
