"""The version of HTTP that a client has chosen in its TLS handshake (RFC 9113 section 3.2)."""

import logging
import ssl
from collections.abc import Callable

from hybrid.server.connection import Connection, Handler
from hybrid.server.ops.escape import format_client
from hybrid.server.tls import fits_http2

logger = logging.getLogger("hybrid.server")

_HTTPFactory = Callable[[Connection], Handler]


def negotiated_factory(http2: _HTTPFactory, http11: _HTTPFactory | None) -> _HTTPFactory:
    """Return what makes the handler for a connection whose TLS handshake is complete.

    Args:
        http2: begins HTTP/2.
        http11: begins HTTP/1.1, also for a client that says nothing of versions; None where that is not
            spoken.
    """

    def begin(connection: Connection) -> Handler:
        layer: ssl.SSLObject = connection.transport.get_extra_info("ssl_object")
        if layer.selected_alpn_protocol() != "h2":
            if http11 is not None:
                return http11(connection)
            _log(connection, "it does not offer HTTP/2 (ALPN h2), and http is 2")
            connection.close()
            return _Ended(connection)
        cipher, version, _ = layer.cipher() or ("", "", 0)
        if fits_http2(cipher):
            return http2(connection)
        _log(connection, f"HTTP/2 may not be spoken with {version} and {cipher}, see ssl_ciphers")
        _say_inadequate(connection)
        return _Ended(connection)

    return begin


def _say_inadequate(connection: Connection) -> None:
    """Tell a client that its cipher will not do for HTTP/2 (RFC 9113 section 9.2.2), and close."""
    from hybrid.server.wire.http2.frames import ErrorCode, goaway, settings_frame

    connection.write(settings_frame({}) + goaway(0, ErrorCode.INADEQUATE_SECURITY, "see RFC 9113 appendix A"))
    # It reads that first, though it is sending; once whoever makes the handler has put it in its place.
    connection.context.loop.call_soon(connection.close_after_response)


def _log(connection: Connection, why: str) -> None:
    logger.info("%s - refused: %s", format_client(connection.client), why)


class _Ended(Handler):
    """Nothing is spoken on a connection, which closes. Loop thread only."""

    def __repr__(self) -> str:
        return "<Ended>"

    def data_received(self, data: bytes) -> None:
        """Drop it."""
