"""Opens the sockets that a server listens on, or takes those that it is given."""

import errno
import logging
import os
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from hybrid.server.config import Config
from hybrid.server.config.addresses import Address, InheritedSocket, TCPAddress, UnixAddress
from hybrid.server.errors import BindError
from hybrid.server.systemd import PassedSocket
from hybrid.server.wording import reason_of

logger = logging.getLogger("hybrid.server")

AF_UNIX = getattr(socket, "AF_UNIX", None)
#: What the system says of an address that this machine does not have.
_NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
#: How often a port is picked until it is free on every address of the host.
_PORT_TRIES = 10

_AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


class BoundSocket:
    """A socket to listen on, and what is to be cleaned up after it.

    Attributes:
        socket: bound, and listening unless somebody else has bound it.
        own: whether it was opened here, so that those who wait in its queue when it is closed are lost.
    """

    def __init__(self, bound: socket.socket, *, own: bool = False, unlink: Path | None = None) -> None:
        self.socket = bound
        self.own = own
        self._unlink = unlink
        self._inode = unlink.stat().st_ino if unlink is not None else 0

    def __repr__(self) -> str:
        return f"<BoundSocket {self.name}>"

    @property
    def name(self) -> str:
        """Where it can be reached, without a scheme: ``127.0.0.1:8000``, or ``unix:/run/app.sock``."""
        name = self.socket.getsockname()
        if self.socket.family == AF_UNIX:
            path = name if isinstance(name, str) else os.fsdecode(name)
            return f"unix:{path.replace(chr(0), '@', 1)}"  # an abstract name, as systemd writes it
        host, port = name[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """Close it, and remove the file that it has made, unless another server has put its own there."""
        self.socket.close()
        if self._unlink is not None:
            with suppress(OSError):  # gone already, or not ours to remove
                if self._unlink.stat().st_ino == self._inode:
                    self._unlink.unlink()
            self._unlink = None


def open_sockets(config: Config, passed: Sequence[PassedSocket] = ()) -> list[BoundSocket]:
    """Open what the configuration asks for; what systemd has passed, when it leaves that open.

    Raises:
        BindError: an address cannot be had; the message names it and says why. Nothing stays open then.
    """
    passed = [each for each in passed if not _is_for(config.ops_address, each)]
    addresses = config.addresses
    if not addresses:
        addresses = [InheritedSocket(each.descriptor) for each in passed] or [config.default_address]
    opened: list[BoundSocket] = []
    try:
        for address in addresses:
            _open(address, config, passed, opened)
    except BaseException:
        for each in opened:
            each.close()
        raise
    numbers = {each.socket.fileno() for each in opened}
    if unused := [f"{each.descriptor} ({each.name})" for each in passed if each.descriptor not in numbers]:
        logger.warning("nothing listens on what systemd has passed: %s", ", ".join(unused))
    return opened


def open_ops_sockets(config: Config, passed: Sequence[PassedSocket] = ()) -> list[BoundSocket]:
    """Open what ``ops`` names; nothing where it is not set. No other server shares its port.

    Raises:
        BindError: the address cannot be had; the message names it and says why.
    """
    opened: list[BoundSocket] = []
    if (address := config.ops_address) is not None:
        _open(address, replace(config, reuse_port=False), passed, opened)
    return opened


def _is_for(address: Address | None, passed: PassedSocket) -> bool:
    """Tell whether an address means what systemd has passed."""
    return isinstance(address, InheritedSocket) and address.descriptor in (passed.descriptor, passed.name)


def _open(
    address: Address, config: Config, passed: Sequence[PassedSocket], opened: list[BoundSocket]
) -> None:
    """Open one address, and add its sockets to those that are open."""
    if isinstance(address, TCPAddress):
        opened += [BoundSocket(each, own=True) for each in _bind_tcp(address, config)]
    elif isinstance(address, UnixAddress):
        listener = _bind_unix(address.path, config.backlog, config.socket_permissions)
        opened.append(BoundSocket(listener, own=True, unlink=address.path))
    else:
        for descriptor in _descriptors(address, passed):
            if any(each.socket.fileno() == descriptor for each in opened):
                raise BindError(f"cannot listen on {address}: it is there twice")
            opened.append(BoundSocket(_inherit(descriptor)))


def _bind_tcp(address: TCPAddress, config: Config) -> list[socket.socket]:
    """Listen on every address of the host, on one port; port 0 is one that is free on all of them."""
    host, port = address.host, address.port
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "it is not a name or address"
        raise BindError(f"cannot listen on host {host!r}: {reason}") from error
    tries = 1 if port else _PORT_TRIES
    while True:
        tries -= 1
        try:
            return _listen_on_all(found, port, config)
        except OSError as error:
            if not tries or error.errno != errno.EADDRINUSE:
                raise BindError(f"cannot listen on {address}: {reason_of(error)}") from error


def _listen_on_all(found: Iterable[_AddressInfo], port: int, config: Config) -> list[socket.socket]:
    """Listen on the addresses that this machine has: ``localhost`` may name ::1 where there is no IPv6."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            number = sockets[0].getsockname()[1] if sockets else port
            at = (address[0], number, *address[2:])
            try:
                sockets.append(_listen(socket.socket(family, kind, protocol), at, config))
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


def _listen(listener: socket.socket, address: tuple[Any, ...], config: Config) -> socket.socket:
    try:
        if listener.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if os.name == "posix":  # elsewhere the option lets two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if config.reuse_port:
            _share_port(listener)
        listener.bind(address)
        listener.listen(config.backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def _share_port(listener: socket.socket) -> None:
    if not hasattr(socket, "SO_REUSEPORT"):
        raise OSError(errno.ENOPROTOOPT, "reuse_port: this system cannot divide a port among servers")
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def _bind_unix(path: Path, backlog: int, permissions: int) -> socket.socket:
    if AF_UNIX is None:
        raise BindError(f"cannot listen on {path}: this system has no Unix sockets")
    listener = None
    try:
        _remove_stale(path)
        listener = socket.socket(AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        path.chmod(permissions)  # before it listens: until then nobody can connect, whatever the umask
        listener.listen(backlog)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise BindError(f"cannot listen on {path}: {reason_of(error)}") from error
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


def _descriptors(address: InheritedSocket, passed: Sequence[PassedSocket]) -> list[int]:
    """Give the numbers of an address; several sockets of systemd may have one name."""
    if isinstance(address.descriptor, int):
        return [address.descriptor]
    named = [each.descriptor for each in passed if each.name == address.descriptor]
    if not named:
        names = ", ".join(dict.fromkeys(each.name for each in passed)) or "none"
        raise BindError(f"cannot listen on {address}: systemd has not passed it; the names it gave: {names}")
    return named


def _inherit(fd: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=fd)
    except OSError as error:
        raise BindError(f"cannot listen on file descriptor {fd}: {reason_of(error)}") from error
    if not is_listening(listener, unless_known=True) or listener.type != socket.SOCK_STREAM:
        listener.detach()
        raise BindError(f"cannot listen on file descriptor {fd}: it is not a listening socket")
    listener.set_inheritable(False)  # it was meant for us, not for what the application starts
    return listener


def is_listening(bound: socket.socket, *, unless_known: bool) -> bool:
    """Tell whether a socket listens already, or what to believe where the system does not say (macOS)."""
    try:
        return bool(bound.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return unless_known
