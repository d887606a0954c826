"""The sockets that a server opens or takes to listen on."""

import errno
import os
import re
import socket
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hybrid.server.config import Config
from hybrid.server.errors import BindError
from hybrid.server.listening import binding as module
from hybrid.server.listening.binding import BoundSocket
from hybrid.server.listening.listeners import Listeners
from hybrid.server.systemd import PassedSocket
from tests.support.listening import bind


def resolve_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Let every name have these addresses."""

    def getaddrinfo(host: str, port: int, **hints: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


# Host and port.


def test_port_zero(opened: ExitStack) -> None:
    """Port 0 is a free port that the system picks; the URL has the real one."""
    listeners = bind(opened)
    (listener,) = listeners.sockets
    assert listener.getsockname()[1] != 0
    assert listeners.urls == [f"http://127.0.0.1:{listener.getsockname()[1]}"]
    assert repr(listeners) == f"<Listeners {listeners.urls[0]}>"


def test_sockets_belong_to_the_server_alone(opened: ExitStack) -> None:
    """A process that the application starts does not get the server's listening sockets."""
    assert [listener.get_inheritable() for listener in bind(opened).sockets] == [False]


def test_ipv6(opened: ExitStack) -> None:
    """An IPv6 address stands in brackets, in the URL and in errors."""
    try:
        listeners = bind(opened, host="::1")
    except BindError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    port = listeners.sockets[0].getsockname()[1]
    assert listeners.urls == [f"http://[::1]:{port}"]
    with pytest.raises(BindError, match=rf"^cannot listen on \[::1\]:{port}: Address already in use$"):
        bind(opened, host="::1", port=port)


def test_several_addresses(opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with several addresses is listened on at all of them, each once, and all on one port."""
    resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2", "127.0.0.1")
    listeners = bind(opened, host="localhost")
    names = [listener.getsockname() for listener in listeners.sockets]
    assert [host for host, _ in names] == ["127.0.0.1", "127.0.0.2"]
    assert len({port for _, port in names}) == 1


def test_port_that_is_free_on_one_address_only(opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the port that the system picked is taken on another address, another one is picked."""
    resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    listen, tried = module._listen, []

    def listen_badly_first(listener: socket.socket, address: Any, config: Config) -> socket.socket:
        tried.append(address)
        if len(tried) == 2:
            listener.close()
            raise OSError(errno.EADDRINUSE, "taken")
        return listen(listener, address, config)

    monkeypatch.setattr(module, "_listen", listen_badly_first)
    assert len(bind(opened, host="localhost").sockets) == 2
    assert [host for host, _ in tried] == ["127.0.0.1", "127.0.0.2"] * 2


def test_no_port_that_is_free_everywhere(opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no such port is found in a few tries, that is an error; what was opened is closed."""
    resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    listen = module._listen

    def listen_on_the_first(listener: socket.socket, address: Any, config: Config) -> socket.socket:
        if address[0] == "127.0.0.1":
            return listen(listener, address, config)
        listener.close()
        raise OSError(errno.EADDRINUSE, "taken")

    monkeypatch.setattr(module, "_listen", listen_on_the_first)
    with pytest.raises(BindError, match=r"^cannot listen on localhost:0: taken$"):
        bind(opened, host="localhost")


def test_address_that_is_not_here(opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a name's addresses those that this machine has are taken: `localhost` names ::1 without IPv6 too."""
    resolve_to(monkeypatch, "192.0.2.1", "127.0.0.1")
    listeners = bind(opened, host="localhost")
    assert [listener.getsockname()[0] for listener in listeners.sockets] == ["127.0.0.1"]


def test_no_address_is_here(opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of another machine is refused."""
    resolve_to(monkeypatch, "192.0.2.1")
    with pytest.raises(BindError, match=r"^cannot listen on example:0: Cannot assign requested address$"):
        bind(opened, host="example")


def test_every_address(opened: ExitStack) -> None:
    """0.0.0.0 is every IPv4 address of the machine."""
    listeners = bind(opened, host="0.0.0.0")
    assert listeners.urls[0].startswith("http://0.0.0.0:")


def test_port_in_use(opened: ExitStack) -> None:
    """A port that somebody listens on is refused, with host and port."""
    port = bind(opened).sockets[0].getsockname()[1]
    with pytest.raises(BindError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$"):
        bind(opened, port=port)


def test_port_is_free_at_once(opened: ExitStack) -> None:
    """A port can be had again although connections of the last server linger (TIME_WAIT)."""
    listeners = bind(opened)
    (listener,) = listeners.sockets
    address = listener.getsockname()
    with socket.create_connection(address) as client:
        accepted, _ = listener.accept()
        accepted.close()  # the side that closes first lingers
        assert client.recv(1) == b""
    listeners.close()
    bind(opened, port=address[1])


def test_unknown_host(opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody knows is refused by the name."""

    def getaddrinfo(*query: Any, **hints: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(BindError, match=r"^cannot listen on host 'nowhere': Name or service not known$"):
        bind(opened, host="nowhere")


def test_host_that_is_no_name(opened: ExitStack) -> None:
    """A text that cannot be a name is refused too, though Python says so in another way."""
    with pytest.raises(BindError, match="is not a name or address"):
        bind(opened, host="a" * 64)


# Unix sockets.


def test_unix_socket(opened: ExitStack, tmp_path: Path) -> None:
    """The socket's path is its URL; every local user may connect, as to a port; the end removes the file."""
    path = tmp_path / "app.sock"
    listeners = bind(opened, uds=str(path))
    assert listeners.urls == [f"unix:{path}"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    listeners.close()
    assert not path.exists()


def leave_stale(path: Path) -> None:
    """Leave a socket file behind, as a server does that was killed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()


def test_stale_socket_file(opened: ExitStack, tmp_path: Path) -> None:
    """A socket file that nobody listens on any more is replaced."""
    path = tmp_path / "app.sock"
    leave_stale(path)
    bind(opened, uds=str(path))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


@pytest.mark.parametrize("waiting", [0, 2])
def test_socket_file_of_a_live_server(opened: ExitStack, tmp_path: Path, waiting: int) -> None:
    """A path that somebody listens on is refused and left alone, however many clients wait there already."""
    path = tmp_path / "app.sock"
    other = opened.enter_context(socket.socket(socket.AF_UNIX))
    other.bind(str(path))
    other.listen(1)
    for _ in range(waiting):
        opened.enter_context(socket.socket(socket.AF_UNIX)).connect(str(path))
    with pytest.raises(BindError, match=f"^cannot listen on {path}: Address already in use$"):
        bind(opened, uds=str(path))
    assert path.is_socket()


def test_file_that_is_not_a_socket(opened: ExitStack, tmp_path: Path) -> None:
    """A file with something in it is refused and left alone."""
    path = tmp_path / "notes.txt"
    path.write_text("important")
    with pytest.raises(BindError, match=f"^cannot listen on {path}: there is a file that is not a socket$"):
        bind(opened, uds=str(path))
    assert path.read_text() == "important"


def test_socket_in_a_folder_that_is_missing(opened: ExitStack, tmp_path: Path) -> None:
    """A path that cannot be is refused by the path."""
    path = tmp_path / "missing" / "app.sock"
    with pytest.raises(BindError, match=f"^cannot listen on {path}: No such file or directory$"):
        bind(opened, uds=str(path))


def test_socket_path_that_is_too_long(opened: ExitStack, tmp_path: Path) -> None:
    """A path that is longer than the system allows is refused, and the reason says so."""
    with pytest.raises(BindError, match=r"too long$"):
        bind(opened, uds=str(tmp_path / ("x" * 200)))


def test_socket_file_of_another_server(opened: ExitStack, tmp_path: Path) -> None:
    """A server that has put its own socket there meanwhile keeps it."""
    path = tmp_path / "app.sock"
    first = bind(opened, uds=str(path))
    path.rename(tmp_path / "old.sock")
    second = bind(opened, uds=str(path))
    first.close()
    assert path.is_socket()
    second.close()
    assert not path.exists()


def test_socket_file_that_is_gone(opened: ExitStack, tmp_path: Path) -> None:
    """A socket file that somebody has removed already is no error."""
    path = tmp_path / "app.sock"
    listeners = bind(opened, uds=str(path))
    path.unlink()
    listeners.close()


def test_system_without_unix_sockets(
    opened: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are no Unix sockets the message says so."""
    monkeypatch.setattr(module, "AF_UNIX", None)
    with pytest.raises(BindError, match="this system has no Unix sockets"):
        bind(opened, uds=str(tmp_path / "app.sock"))


# Inherited descriptors.


def test_inherited_descriptor(opened: ExitStack) -> None:
    """A listening socket is taken by its number, whatever it listens on; children do not get it again."""
    original = socket.create_server(("127.0.0.1", 0))
    fd = original.detach()
    os.set_inheritable(fd, True)
    listeners = bind(opened, fd=fd)
    (listener,) = listeners.sockets
    assert listener.fileno() == fd
    assert listeners.urls == [f"http://127.0.0.1:{listener.getsockname()[1]}"]
    assert not listener.get_inheritable()


def test_inherited_unix_socket(opened: ExitStack, tmp_path: Path) -> None:
    """The file of an inherited Unix socket is its owner's, who may hand the socket to the next server."""
    path = tmp_path / "app.sock"
    original = opened.enter_context(socket.socket(socket.AF_UNIX))
    original.bind(str(path))
    original.listen()
    listeners = bind(opened, fd=os.dup(original.fileno()))
    assert listeners.urls == [f"unix:{path}"]
    listeners.close()
    assert path.is_socket()


def test_descriptor_of_a_file(opened: ExitStack, tmp_path: Path) -> None:
    """A descriptor that is no socket is refused by its number, and stays open."""
    with (tmp_path / "file").open("w") as file:
        with pytest.raises(
            BindError, match=f"^cannot listen on file descriptor {file.fileno()}: .*non-socket"
        ):
            bind(opened, fd=file.fileno())
        file.write("still open")


def test_descriptor_of_a_connection(opened: ExitStack) -> None:
    """A socket that does not listen is refused by its number, and stays open."""
    one, other = socket.socketpair()
    with one, other:
        problem = f"^cannot listen on file descriptor {one.fileno()}: it is not a listening socket$"
        with pytest.raises(BindError, match=problem):
            bind(opened, fd=one.fileno())
        one.send(b"still open")


def test_descriptor_that_is_closed(opened: ExitStack) -> None:
    """A number that stands for nothing is refused."""
    one, other = socket.socketpair()
    one.close()
    other.close()
    with pytest.raises(BindError, match=r"^cannot listen on file descriptor \d+: Bad file descriptor$"):
        bind(opened, fd=os.dup(1) + 100)


def test_descriptor_of_datagrams(opened: ExitStack) -> None:
    """A socket that gets datagrams, as a unit of systemd may pass one, is no listening socket."""
    datagrams = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with pytest.raises(BindError, match="it is not a listening socket"):
        bind(opened, fd=datagrams.fileno())


# Several at once.


def test_several_binds(opened: ExitStack, tmp_path: Path) -> None:
    """Addresses of all kinds are listened on at once, in the order in which they are given."""
    path = tmp_path / "app.sock"
    fd = socket.create_server(("127.0.0.1", 0)).detach()
    listeners = bind(opened, port=0, bind=["127.0.0.1:0", f"unix:{path}", f"fd://{fd}", "127.0.0.1"])
    ports = [each.getsockname()[1] for each in listeners.sockets if each.family == socket.AF_INET]
    assert listeners.urls == [
        f"http://127.0.0.1:{ports[0]}",
        f"unix:{path}",
        f"http://127.0.0.1:{ports[1]}",
        f"http://127.0.0.1:{ports[2]}",
    ]


def test_one_of_several_binds_fails(opened: ExitStack, tmp_path: Path) -> None:
    """When one address cannot be had it is named, and the others are given back, the socket's file too."""
    taken = bind(opened).sockets[0].getsockname()[1]
    path = tmp_path / "app.sock"
    fd = socket.create_server(("127.0.0.1", 0)).detach()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(BindError, match=rf"^cannot listen on 127\.0\.0\.1:{taken}: Address already in use$"):
        bind(opened, bind=[f"unix:{path}", "127.0.0.1:0", f"fd://{fd}", f"127.0.0.1:{taken}"])
    assert not path.exists()
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 1  # the inherited one is closed as well
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(fd)


def test_same_path_twice(opened: ExitStack, tmp_path: Path) -> None:
    """A path that is written in two ways is refused, and no file stays."""
    path = tmp_path / "app.sock"
    with pytest.raises(BindError, match="Address already in use"):
        bind(opened, bind=[f"unix:{path}", f"unix://{path}"])
    assert not path.exists()


def test_reuse_port(opened: ExitStack) -> None:
    """Servers that both say so can listen on one port, and only they."""
    port = bind(opened, reuse_port=True).sockets[0].getsockname()[1]
    bind(opened, port=port, reuse_port=True)
    with pytest.raises(BindError, match="Address already in use"):
        bind(opened, port=port)


def test_system_that_cannot_divide_a_port(opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not have that the message names the setting."""
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    with pytest.raises(BindError, match=r"^cannot listen on 127\.0\.0\.1:0: reuse_port: this system"):
        bind(opened, reuse_port=True)


def test_unix_socket_mode(opened: ExitStack, tmp_path: Path) -> None:
    """The permissions of a socket's file are as they are set, whatever the umask."""
    before = os.umask(0o077)
    opened.callback(os.umask, before)
    paths = [tmp_path / "one.sock", tmp_path / "two.sock"]
    bind(opened, bind=[f"unix:{path}" for path in paths], uds_mode="660")
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o660, 0o660]


# What systemd has passed.


def passed(*names: str) -> list[PassedSocket]:
    """Open listening sockets, as systemd does, with these names."""
    return [PassedSocket(socket.create_server(("127.0.0.1", 0)).detach(), name) for name in names]


def test_passed_sockets(opened: ExitStack) -> None:
    """What systemd has passed is listened on instead of host and port."""
    sockets = passed("web", "admin")
    listeners = Listeners.bind(Config(app="app"), sockets)
    opened.callback(listeners.close)
    assert [each.fileno() for each in listeners.sockets] == [each.descriptor for each in sockets]


def test_passed_socket_by_name(opened: ExitStack, caplog: pytest.LogCaptureFixture) -> None:
    """`fd://NAME` is all sockets with that name; the log says which ones nobody listens on."""
    sockets = passed("web", "admin", "web")
    opened.callback(os.close, sockets[1].descriptor)
    listeners = Listeners.bind(Config(app="app", bind=["fd://web"]), sockets)
    opened.callback(listeners.close)
    assert [each.fileno() for each in listeners.sockets] == [sockets[0].descriptor, sockets[2].descriptor]
    unused = f"nothing listens on what systemd has passed: {sockets[1].descriptor} (admin)"
    assert [record.message for record in caplog.records] == [unused]


def test_name_that_was_not_passed(opened: ExitStack) -> None:
    """A name that systemd has not given is refused with those that it has."""
    (only,) = passed("admin")
    opened.callback(os.close, only.descriptor)
    complaint = "^cannot listen on the descriptor named web: systemd has not passed it; the names it gave: "
    with pytest.raises(BindError, match=f"{complaint}admin$"):
        Listeners.bind(Config(app="app", bind=["fd://web"]), [only])
    with pytest.raises(BindError, match=f"{complaint}none$"):
        Listeners.bind(Config(app="app", bind=["fd://web"]))


def test_passed_socket_by_name_and_number() -> None:
    """A descriptor that is named in two ways is refused: it can be closed only once."""
    (only,) = passed("web")
    with pytest.raises(BindError, match="the descriptor named web: it is there twice"):
        Listeners.bind(Config(app="app", bind=[f"fd://{only.descriptor}", "fd://web"]), [only])


def test_abstract_name() -> None:
    """The name of an abstract socket, which begins with a NUL, can be shown."""
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("")  # the system picks one
        assert re.fullmatch(r"unix:@[0-9a-f]+", BoundSocket(abstract).name)
