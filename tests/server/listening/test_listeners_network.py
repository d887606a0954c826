"""Addresses, systemd and crowds, as a server meets them that runs by itself."""

import os
import re
import resource
import selectors
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import httpx
import pytest

from tests.support.activation import activated
from tests.support.process import APPS, DEADLINE, Serve, ServerProcess, process_environment, run_hybrid

LOOPS = pytest.mark.parametrize("loop", ["uvloop", "asyncio"])

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

#: A program that limits its file descriptors and becomes another one.
LIMITED = """
import os, resource, sys
number = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))
os.execvp(sys.argv[2], sys.argv[2:])
"""


def limited(descriptors: int) -> list[str]:
    """Give the launcher of a server with so many file descriptors."""
    return [sys.executable, "-c", LIMITED, str(descriptors)]


def urls_of(server: ServerProcess) -> list[str]:
    """List where a server says that it listens."""
    server.wait_for_stderr("PATH  PROTOCOLS")  # the line after the last of them
    return re.findall(r"^hybrid: listening on (\S+)$", server.stderr, re.MULTILINE)


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Let the test have as many file descriptors as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Several addresses.


@LOOPS
def test_several_binds(serve: Serve, tmp_path: Path, loop: str) -> None:
    """`--bind` may be repeated; each address has its line, and answers."""
    path = tmp_path / "app.sock"
    bind = ["127.0.0.1:0", f"unix:{path}", "localhost:0"]
    server = serve("hello_wsgi", bind=bind, uds_mode="600", loop=loop)
    first, second, *others = urls_of(server)
    assert second == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for url in (first, *others):
        assert httpx.get(url, timeout=DEADLINE).text == "hello\n"
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
        assert client.get("http://localhost/").text == "hello\n"
    assert server.terminate() == 0
    assert not path.exists()


def test_port_in_use(tmp_path: Path) -> None:
    """When one of several addresses is taken the only line on stderr names it, and no socket file stays."""
    path = tmp_path / "app.sock"
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        done = run_hybrid("serve", f"--bind=unix:{path}", f"--bind={taken}", "hello_asgi")
    assert (done.returncode, done.stderr) == (
        1,
        f"hybrid: cannot listen on {taken}: Address already in use\n",
    )
    assert not path.exists()


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv, to run without root's privileges")
def test_unwritable_folder(tmp_path: Path) -> None:
    """A folder in which the server may not write is said in one line."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o555)
    path = folder / "app.sock"
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*powerless, sys.executable, "-m", "hybrid", "serve", f"--bind=unix:{path}", "hello_asgi"],
        cwd=APPS,
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, f"hybrid: cannot listen on {path}: Permission denied\n")


@LOOPS
def test_two_servers_on_one_port(serve: Serve, loop: str) -> None:
    """With `--reuse-port` a second server shares the port, and goes on when the first has gone."""
    first = serve("hello_asgi", reuse_port=True, loop=loop)
    second = serve("hello_asgi", reuse_port=True, port=first.port, loop=loop)
    assert first.terminate() == 0
    assert httpx.get(second.url, timeout=DEADLINE).text == "hello\n"


# Systemd.

WITNESS = """
import json, os, subprocess

def children_see():
    listing = ["ls", "-l", "/proc/self/fd"]
    return subprocess.run(listing, close_fds=False, capture_output=True, text=True, check=True).stdout

variables = sorted(name for name in os.environ if name.startswith("LISTEN_"))
told = {"variables": variables, "at_import": children_see()}

async def app(scope, receive, send):
    assert scope["type"] == "http"
    told.update(later=children_see(), server=scope["server"])
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})
"""


@LOOPS
def test_activation(serve: Serve, tmp_path: Path, loop: str) -> None:
    """Sockets that systemd passes are served instead of host and port; the application and its children do
    not see them.
    """
    (tmp_path / "witness.py").write_text(WITNESS)
    path = tmp_path / "app.sock"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        unix.listen(50)
        fds, launcher = [tcp.fileno(), unix.fileno()], activated(tcp, unix)
        server = serve("witness", app_dir=tmp_path, pass_fds=fds, launcher=launcher, port=8000, loop=loop)
        assert urls_of(server) == [f"http://127.0.0.1:{tcp.getsockname()[1]}", f"unix:{path}"]
        told = httpx.get(server.url, timeout=DEADLINE).json()
        assert told["variables"] == []
        for seen in (told["at_import"], told["later"]):
            assert "pipe:" in seen
            assert "socket:" not in seen
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
            assert client.get("http://localhost/").json()["server"] == [str(path), None]
        assert server.terminate() == 0
    assert path.is_socket()  # systemd's, who starts the service again


def test_activation_by_name(serve: Serve) -> None:
    """`--bind fd://NAME` takes those with a name; the log says that nobody listens on the others."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        fds, launcher = [each.fileno() for each in sockets], activated(*sockets)
        server = serve("hello_asgi", bind=["fd://admin"], pass_fds=fds, launcher=launcher)
        assert server.port == sockets[1].getsockname()[1]
        server.wait_for_stderr("nothing listens on what systemd has passed: 3 (web)")


def test_activation_of_what_does_not_listen() -> None:
    """A descriptor that is no listening socket, as with `Accept=yes`, is exit code 1 and one line."""
    one, other = socket.socketpair()
    with one, other:
        done = subprocess.run(
            [*activated(one), sys.executable, "-m", "hybrid", "serve", "hello_asgi"],
            cwd=APPS,
            env=process_environment(),
            pass_fds=[one.fileno()],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    complaint = "hybrid: cannot listen on file descriptor 3: it is not a listening socket\n"
    assert (done.returncode, done.stderr) == (1, complaint)


HANGING = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    if scope["path"] == "/hang":
        open("entered", "w").close()
        open("leave").close()  # a pipe: waits until somebody opens the other end
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"hello"})
"""


@LOOPS
def test_notifications(serve: Serve, tmp_path: Path, loop: str) -> None:
    """Systemd hears that the server is ready, that its loop turns while it does, and that it stops."""
    (tmp_path / "hanging.py").write_text(HANGING)
    os.mkfifo(tmp_path / "leave")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
        server = serve("hanging", app_dir=tmp_path, env=env, loop=loop)
        ready = manager.recv(4096).decode().split("\n")
        assert ready == ["READY=1", f"MAINPID={server.pid}", f"STATUS=listening on {server.url}"]
        assert [manager.recv(4096) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
            client.send(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
            end = time.monotonic() + DEADLINE
            while not (tmp_path / "entered").exists():
                assert time.monotonic() < end, server.stderr
            silent_since = drain(manager)
            assert silent_since  # a loop that hangs is not said to turn
            (tmp_path / "leave").open("w").close()
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        assert manager.recv(4096) == b"WATCHDOG=1"
        assert server.terminate() == 0
        drained: list[bytes] = []
        while not drained or not drained[-1].startswith(b"STOPPING=1\nSTATUS="):
            drained.append(manager.recv(4096))


def drain(manager: socket.socket) -> bool:
    """Take all messages; tell whether none came for several times the watchdog's interval."""
    manager.settimeout(0.3)
    end = time.monotonic() + DEADLINE
    try:
        while time.monotonic() < end:
            manager.recv(4096)
    except TimeoutError:
        return True
    else:
        return False
    finally:
        manager.settimeout(DEADLINE)


# Crowds.


class Crowd:
    """Many clients at once, each with a connection of its own."""

    def __init__(self, port: int, number: int, stack: ExitStack) -> None:
        self._selector = stack.enter_context(selectors.DefaultSelector())
        self.clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE))
            for _ in range(number)
        ]

    def ask(self) -> None:
        """Send a request on every connection."""
        for client in self.clients:
            client.sendall(REQUEST)

    def answers(self, *, leave: bool) -> list[bytes]:
        """Return what each is answered, whoever comes first; who has its answer leaves, if asked to."""
        said = dict.fromkeys(self.clients, b"")
        for client in self.clients:
            self._selector.register(client, selectors.EVENT_READ)
        end = time.monotonic() + DEADLINE
        while self._selector.get_map():
            assert time.monotonic() < end, f"{len(self._selector.get_map())} have no answer"
            for key, _ in self._selector.select(1.0):
                client = cast("socket.socket", key.fileobj)
                part = client.recv(65536)
                said[client] += part
                if not part or said[client].endswith(b"hello\n"):
                    self._selector.unregister(client)
                    if leave:
                        client.close()
        return list(said.values())


@LOOPS
def test_more_clients_than_descriptors(serve: Serve, loop: str, many_descriptors: None) -> None:
    """With 256 descriptors 600 clients are all served, one after another; meanwhile an upload still gets its
    temporary file, the log says once that clients wait, and nothing crashes.
    """
    options = {"launcher": limited(256), "timeout_keep_alive": 600, "wsgi_buffer": 10, "loop": loop}
    server = serve("hello_asgi", "/upload=wsgi_upload", access_log=False, **options)
    with ExitStack() as stack, httpx.Client(base_url=server.url, timeout=DEADLINE) as uploader:
        assert uploader.post("/upload", content=b"small").json()["size"] == 5
        crowd = Crowd(server.port, 600, stack)
        crowd.ask()
        server.wait_for_stderr("out of file descriptors: new clients wait until one of")
        assert uploader.post("/upload", content=b"x" * 100_000).json()["size"] == 100_000
        answers = crowd.answers(leave=True)
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
    assert httpx.get(server.url, timeout=DEADLINE).text == "hello\n"
    assert server.terminate() == 0
    assert server.stderr.count("out of file descriptors") == 1
    assert "Traceback" not in server.stderr


@LOOPS
def test_no_descriptors_at_all(serve: Serve, loop: str) -> None:
    """A server that has not one descriptor more serves those who are there, and then the others."""
    server = serve("hello_asgi", access_log=False, timeout_keep_alive=600, loop=loop)
    assert httpx.get(server.url, timeout=DEADLINE).text == "hello\n"
    highest = max(int(fd.name) for fd in Path(f"/proc/{server.pid}/fd").iterdir())
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (highest + 5, highest + 5))
    with ExitStack() as stack:
        crowd = Crowd(server.port, 30, stack)
        crowd.ask()
        server.wait_for_stderr("out of file descriptors")
        assert {answer[-6:] for answer in crowd.answers(leave=True)} == {b"hello\n"}
    assert server.terminate() == 0
    assert server.stderr.count("out of file descriptors") == 1


@LOOPS
def test_limit_connections(serve: Serve, loop: str) -> None:
    """Beyond `--limit-connections` clients wait, WebSockets or not, and are served when others leave."""
    server = serve("hello_asgi", access_log=False, limit_connections=10, timeout_keep_alive=600, loop=loop)
    with ExitStack() as stack:
        crowd = Crowd(server.port, 50, stack)
        crowd.ask()
        server.wait_for_stderr("limit_connections is reached: new clients wait until one of 10 connections")
        assert {answer[-6:] for answer in crowd.answers(leave=True)} == {b"hello\n"}
    assert server.terminate() == 0


@LOOPS
def test_many_idle_connections(serve: Serve, loop: str, many_descriptors: None) -> None:
    """2,000 connections stay open while nothing is said on them, and each is answered again."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 4096:
        pytest.skip("this machine gives a process too few file descriptors")
    options = {"launcher": limited(4096), "access_log": False, "timeout_keep_alive": 600, "loop": loop}
    server = serve("hello_asgi", **options)
    with ExitStack() as stack:
        crowd = Crowd(server.port, 2000, stack)
        for _ in range(2):
            crowd.ask()
            assert {answer[-6:] for answer in crowd.answers(leave=False)} == {b"hello\n"}
    assert server.terminate() == 0
    assert "clients wait" not in server.stderr
