"""What is spoken on a new connection, one after the other: the PROXY protocol, TLS, a version of HTTP.

What a server does not speak it does not load: that would be a tenth of its start.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from hybrid.server.config import Config
from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext
from hybrid.server.turnover import RequestCount, http11_factory, request_count

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
    config = context.config
    http = _http_factory(config, request_count(config, enough), secure=certificates is not None)
    if config.proxy_protocol != "off":
        return _after_proxy_header(context, certificates, http)
    if certificates is None:
        return lambda: http(Connection(context))
    from hybrid.server.tls_handshake import TlsHandshake

    return lambda: TlsHandshake(Connection(context), certificates, http)


def load_rest(config: Config) -> None:
    """Load what a client may ask for at any time and costs a moment to load, before one does."""
    import_module("hybrid.server.upgrade")
    if speaks_http2(config):
        import_module("hybrid.server.http2")


def speaks_http2(config: Config) -> bool:
    """Whether some connection may speak HTTP/2."""
    return config.http != "1" and (config.uses_tls or config.http == "2" or config.http2_cleartext)


def _http_factory(config: Config, count: RequestCount | None, *, secure: bool) -> _HTTPFactory:
    """Return what begins HTTP on a connection: one that speaks HTTP/1.1 from the start where there is nothing
    to choose.
    """
    http11 = http11_factory(count)
    if not speaks_http2(config):
        return http11
    http2 = _http2_factory(count)
    spoken = None if config.http == "2" else http11
    if secure:
        from hybrid.server.negotiated import negotiated_factory

        return negotiated_factory(http2, spoken)
    from hybrid.server.prior_knowledge import FirstBytes

    return lambda connection: FirstBytes(connection, http2, spoken)


def _http2_factory(count: RequestCount | None) -> _HTTPFactory:
    """Return what speaks HTTP/2 on a connection, and is loaded with the first one."""

    def begin(connection: Connection) -> Handler:
        from hybrid.server.http2 import Http2

        return Http2(connection, count)

    return begin


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
