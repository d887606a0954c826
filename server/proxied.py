"""The start of a connection on which a proxy speaks first: the PROXY protocol, ahead of TLS and of HTTP."""

import asyncio
import logging
from collections.abc import Callable

from hybrid.server.connection import Connection
from hybrid.server.opening import Opening
from hybrid.server.ops.escape import format_client
from hybrid.server.wire.proxy import ProxyParser, ProxyProtocolError

logger = logging.getLogger("hybrid.server")


class ProxiedStart(Opening):
    """Reads the header of a proxy, then lets another protocol begin. Loop thread only.

    A peer that is not listed is not answered, nor is one that sends no header: to go on without one would let
    everybody choose between two addresses.

    Args:
        connection: on which nothing has been said yet.
        then: begins what follows, with the bytes of it that have come already.
    """

    def __init__(self, connection: Connection, then: Callable[[Connection, bytes], object]) -> None:
        super().__init__(connection)
        mode = connection.context.config.proxy_protocol
        self._then = then
        self._parser = ProxyParser(v1=mode in ("v1", "auto"), v2=mode in ("v2", "auto"))

    def __repr__(self) -> str:
        return f"<ProxiedStart {self._parser!r}>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start on a new connection, if its peer may open one."""
        super().connection_made(transport)
        connection = self._connection
        if not connection.context.peers.announcing.admits_peer(connection.client, connection.server):
            self._refuse("its address is not in proxy_allow_ips")

    def data_received(self, data: bytes) -> None:
        """Take bytes of the header."""
        connection = self._connection
        if connection.transport.is_closing():
            return
        try:
            header = self._parser.feed(data)
        except ProxyProtocolError as error:
            self._refuse(str(error))
            return
        if header is not None:
            connection.announced(header)
            self._then(connection, self._parser.rest)
            if connection.context.draining:
                connection.drain()  # what follows now

    def _too_late(self) -> None:
        self._refuse("the PROXY protocol header did not come in time")

    def _refuse(self, why: str) -> None:
        logger.info("%s - refused: %s", format_client(self._connection.client), why)
        self._connection.abort()
