"""The sockets that a server listens on: opened, named, and closed."""

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hybrid.server.config import Config
from hybrid.server.errors import BindError

ProtocolFactory = Callable[[], asyncio.BaseProtocol]

_AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


class Listeners:
    """The sockets that one server listens on. Loop thread only.

    Args:
        sockets: bound ones; they are closed by :meth:`close`.
        backlog: connections that the system queues before they are accepted.
        unlink: the path of a socket file of ours, to be removed at the end.

    Attributes:
        sockets: all of them, open or not.
        scheme: of the URLs: what is spoken there.
    """

    def __init__(self, sockets: Sequence[socket.socket], backlog: int, *, unlink: Path | None = None) -> None:
        self.sockets = list(sockets)
        self._names = [_name(each) for each in self.sockets]  # which a closed socket does not tell
        self.scheme = "http"
        self._backlog = backlog
        self._unlink = unlink
        self._inode = unlink.stat().st_ino if unlink is not None else 0
        self._servers: list[asyncio.Server] = []

    def __repr__(self) -> str:
        return f"<Listeners {', '.join(self.urls)}>"

    @classmethod
    def bind(cls, config: Config) -> "Listeners":
        """Open what the configuration asks for: an inherited descriptor, a Unix socket, or an address and
        port.

        Raises:
            BindError: it cannot be had; the message names it and says why.
        """
        if config.fd is not None:
            return cls([_inherit(config.fd)], config.backlog)
        if config.uds is not None:
            path = Path(config.uds)
            return cls([_bind_unix(path, config.backlog)], config.backlog, unlink=path)
        return cls(_bind_tcp(config.host, config.port, config.backlog), config.backlog)

    @property
    def urls(self) -> list[str]:
        """Where each can be reached, for a person: ``http://127.0.0.1:8000``, ``unix:/run/app.sock``."""
        return [each if each.startswith("unix:") else f"{self.scheme}://{each}" for each in self._names]

    async def start(self, protocol_factory: ProtocolFactory) -> None:
        """Accept connections, each with a protocol of its own.

        Raises:
            BindError: a socket cannot be listened on; the message names it and says why.
        """
        loop = asyncio.get_running_loop()
        for each, url in zip(self.sockets, self.urls, strict=True):
            # asyncio takes its backlog for the connections to accept in one turn too, and without file
            # descriptors goes on trying, and logging, that often: the real one is set afterwards.
            options: dict[str, Any] = {"sock": each, "backlog": 1}
            create: Callable[..., Awaitable[asyncio.Server]] = loop.create_server
            if each.family == _AF_UNIX:
                create = loop.create_unix_server
                if sys.version_info >= (3, 13):  # would remove socket files, whoever has made them
                    options["cleanup_socket"] = False
            try:
                each.listen(self._backlog)  # uvloop does not say why a socket cannot listen
                self._servers.append(await create(protocol_factory, **options))
                each.listen(self._backlog)
            except OSError as error:
                raise BindError(f"cannot listen on {url}: {_reason(error)}") from error
            except ValueError as error:
                raise BindError(f"cannot listen on {url}: {error}") from error

    def close(self) -> None:
        """Accept nothing more; connections that were accepted live on."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        for each in self.sockets:
            each.close()
        if self._unlink is not None:
            _remove_socket_file(self._unlink, self._inode)
            self._unlink = None


_AF_UNIX = getattr(socket, "AF_UNIX", None)
#: What the system says of an address that this machine does not have.
_NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
#: How often a port is picked until it is free on every address of the host.
_PORT_TRIES = 10


def _bind_tcp(host: str, port: int, backlog: int) -> list[socket.socket]:
    """Listen on every address of the host, on one port; port 0 is one that is free on all of them."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        reason = _reason(error) if isinstance(error, OSError) else "it is not a name or address"
        raise BindError(f"cannot listen on host {host!r}: {reason}") from error
    tries = 1 if port else _PORT_TRIES
    while True:
        tries -= 1
        try:
            return _listen_on_all(found, port, backlog)
        except OSError as error:
            if not tries or error.errno != errno.EADDRINUSE:
                where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                raise BindError(f"cannot listen on {where}: {_reason(error)}") from error


def _listen_on_all(found: Iterable[_AddressInfo], port: int, backlog: int) -> list[socket.socket]:
    """Listen on the addresses that this machine has: ``localhost`` may name ::1 where there is no IPv6."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            number = sockets[0].getsockname()[1] if sockets else port
            at = (address[0], number, *address[2:])
            try:
                sockets.append(_listen(socket.socket(family, kind, protocol), at, backlog))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
        if missing is not None and not sockets:
            raise missing
    except OSError:
        for each in sockets:
            each.close()
        raise
    return sockets


def _bind_unix(path: Path, backlog: int) -> socket.socket:
    if _AF_UNIX is None:
        raise BindError(f"cannot listen on {path}: this system has no Unix sockets")
    try:
        _remove_stale(path)
        listener = _listen(socket.socket(_AF_UNIX, socket.SOCK_STREAM), str(path), backlog)
        path.chmod(0o666)  # for a proxy with an account of its own; who may reach it is the folder's matter
    except OSError as error:
        raise BindError(f"cannot listen on {path}: {_reason(error)}") from error
    return listener


def _listen(listener: socket.socket, address: tuple[Any, ...] | str, backlog: int) -> socket.socket:
    try:
        if listener.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if os.name == "posix":  # elsewhere the option lets two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def _inherit(fd: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=fd)
    except OSError as error:
        raise BindError(f"cannot listen on file descriptor {fd}: {_reason(error)}") from error
    try:
        listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        listening = 1  # macOS does not say
    if not listening:
        listener.detach()
        raise BindError(f"cannot listen on file descriptor {fd}: it is not a listening socket")
    listener.set_inheritable(False)  # it was meant for us, not for what the application starts
    return listener


def _remove_stale(path: Path) -> None:
    """Remove a socket file that nobody listens on any more; anything else at the path is left alone."""
    if not path.exists():
        return
    if not path.is_socket():
        raise OSError(errno.EEXIST, "there is a file that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # its backlog is full, so somebody listens
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _remove_socket_file(path: Path, inode: int) -> None:
    with suppress(OSError):  # gone already, or not ours to remove
        if path.stat().st_ino == inode:  # another server may have put its own there
            path.unlink()


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _name(listener: socket.socket) -> str:
    name = listener.getsockname()
    if listener.family == _AF_UNIX:
        return f"unix:{name if isinstance(name, str) else name.decode(errors='replace')}"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{host}:{name[1]}"
