"""What a server listens on: opened or given, named, accepted from, and closed."""

import asyncio
import socket
from collections.abc import Sequence

from hybrid.server.config import Config
from hybrid.server.errors import BindError
from hybrid.server.listening.accepting import Acceptor, Entrance, ProtocolFactory
from hybrid.server.listening.binding import (
    AF_UNIX,
    BoundSocket,
    is_listening,
    open_ops_sockets,
    open_sockets,
)
from hybrid.server.systemd import PassedSocket
from hybrid.server.wording import reason_of

_FAMILIES = {socket.AF_INET, socket.AF_INET6, AF_UNIX}


class Listener:
    """One socket to listen on. Loop thread only.

    Attributes:
        bound: the socket.
        scheme: of its URL: what is spoken there.
    """

    def __init__(self, bound: BoundSocket) -> None:
        self.bound = bound
        self.scheme = "http"
        self._name = bound.name  # which a closed socket does not tell

    def __repr__(self) -> str:
        return f"<Listener {self.url}>"

    @property
    def url(self) -> str:
        """Where it can be reached, for a person: ``http://127.0.0.1:8000``, ``unix:/run/app.sock``."""
        return self._name if self._name.startswith("unix:") else f"{self.scheme}://{self._name}"

    def listen(self, backlog: int) -> None:
        """Listen, unless the socket does so already: its backlog is the choice of whoever has opened it.

        Raises:
            BindError: it cannot be listened on; the message names it and says why.
        """
        bound = self.bound.socket
        try:
            if bound.family not in _FAMILIES or bound.type != socket.SOCK_STREAM:
                raise BindError(f"cannot listen on {self.url}: it is not a TCP or Unix stream socket")
            if bound.family != AF_UNIX:  # all connections inherit it; asyncio sets it on some of them
                bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not is_listening(bound, unless_known=False):
                bound.listen(backlog)
                self._name = self.bound.name  # the system may have picked the port now
            bound.setblocking(False)
        except OSError as error:
            raise BindError(f"cannot listen on {self.url}: {reason_of(error)}") from error


class Listeners:
    """All that one server listens on. Loop thread only.

    Args:
        bound: the sockets; :meth:`close` closes them.
        backlog: connections that the system queues before they are accepted.

    Attributes:
        each: the listeners.
    """

    def __init__(self, bound: Sequence[BoundSocket], backlog: int) -> None:
        self.each = [Listener(socket_) for socket_ in bound]
        self._backlog = backlog
        self._entrance: Entrance | None = None
        self._servers: list[asyncio.Server] = []

    def __repr__(self) -> str:
        return f"<Listeners {', '.join(self.urls)}>"

    @classmethod
    def bind(cls, config: Config, passed: Sequence[PassedSocket] = ()) -> "Listeners":
        """Open what the configuration asks for; what systemd has passed, when it leaves that open.

        Raises:
            BindError: an address cannot be had; the message names it and says why. Nothing stays open then.
        """
        return cls(open_sockets(config, passed), config.backlog)

    @classmethod
    def bind_ops(cls, config: Config, passed: Sequence[PassedSocket] = ()) -> "Listeners":
        """Open what ``ops`` names; nothing where it is not set.

        Raises:
            BindError: the address cannot be had; the message names it and says why.
        """
        return cls(open_ops_sockets(config, passed), config.backlog)

    @classmethod
    def given(cls, sockets: Sequence[socket.socket], backlog: int) -> "Listeners":
        """Take bound sockets; their files, if they have any, are left to whoever has made them.

        Raises:
            BindError: one of them is closed.
        """
        try:
            return cls([BoundSocket(each) for each in sockets], backlog)
        except OSError as error:
            raise BindError(f"cannot listen on a socket that was given: {reason_of(error)}") from error

    @property
    def urls(self) -> list[str]:
        """Where each can be reached."""
        return [each.url for each in self.each]

    @property
    def sockets(self) -> list[socket.socket]:
        """The sockets, open or not."""
        return [each.bound.socket for each in self.each]

    async def start(
        self,
        protocol_factory: ProtocolFactory,
        entrance: Entrance | None = None,
    ) -> None:
        """Accept connections.

        Args:
            protocol_factory: makes the protocol of each connection.
            entrance: decides who is let in; without one, everybody for whom there is a descriptor.

        Raises:
            BindError: a socket cannot be listened on; the message names it and says why.
        """
        loop = asyncio.get_running_loop()
        for listener in self.each:
            listener.listen(self._backlog)
        self._entrance = entrance or Entrance(loop, 0, lambda: 0)
        for listener in self.each:
            try:
                self._entrance.add(Acceptor(listener.bound, protocol_factory))
            except NotImplementedError:  # the loop of Windows watches no descriptors; nobody is counted there
                bound = listener.bound.socket
                self._servers.append(await loop.create_server(protocol_factory, sock=bound))

    def close(self, *, last: bool = False) -> None:
        """Accept nothing more; connections that were accepted live on.

        Args:
            last: whether to accept those who have connected by now, on sockets that were opened here.
        """
        if self._entrance is not None:
            if last:
                self._entrance.let_last_in(self._backlog)
            self._entrance.close()
        for server in self._servers:
            server.close()
        self._servers.clear()
        for listener in self.each:
            listener.bound.close()

    @property
    def starting(self) -> set["asyncio.Task[None]"]:
        """Connections that were accepted and have no protocol yet."""
        return self._entrance.starting if self._entrance is not None else set()
