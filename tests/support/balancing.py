"""A service of Kubernetes in small: each new connection goes to one of the servers that are known."""

import itertools
import selectors
import socket
import threading
from contextlib import suppress
from typing import Self

from tests.support.sockets import DEADLINE


class Service:
    """Passes connections on, as they come, to one port of 127.0.0.1 after the other. A context manager.

    A connection stays where it is when its server is taken out. One that its server refuses is closed.

    Args:
        ports: of the servers; whoever takes one out or puts one in changes the list.
    """

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports
        self._turns = itertools.count()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE)
        self._listener.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._pass_on, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _pass_on(self, client: socket.socket) -> None:
        ports = self.ports[:]
        port = ports[next(self._turns) % len(ports)]
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", port), DEADLINE) as server:
            _exchange(client, server)


def _exchange(client: socket.socket, server: socket.socket) -> None:
    """Move bytes both ways until both have said that there are no more."""
    others = {client: server, server: client}
    with selectors.DefaultSelector() as selector:
        for each in others:
            selector.register(each, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(DEADLINE):
                for each in [one for one in others if one is key.fileobj]:
                    if data := each.recv(65536):
                        others[each].sendall(data)
                    else:
                        selector.unregister(each)
                        others[each].shutdown(socket.SHUT_WR)
