"""`hybrid serve` as a real process: where it listens, how it ends, and what each option does."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from tests.support.process import (
    APPS,
    DEADLINE,
    ROOT,
    Serve,
    ServerProcess,
    process_environment,
    run_hybrid,
)
from tests.support.sockets import raw

#: What stands between the head of a request and its body until the application wants that.
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


class RawClient:
    """A connection to a server, to say and hear exactly what a test wants."""

    def __init__(self, client: socket.socket) -> None:
        client.settimeout(DEADLINE)
        self._socket = client

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(data)

    def read_until(self, mark: bytes) -> bytes:
        """Return what comes up to and including a mark."""
        received = b""
        while not received.endswith(mark):
            part = self._socket.recv(1)
            assert part, f"closed after {received!r}"
            received += part
        return received

    def read_all(self) -> bytes:
        """Return what comes before the server closes the connection, politely or not."""
        received = b""
        try:
            while part := self._socket.recv(65536):
                received += part
        except ConnectionResetError:
            pass
        return received


@contextmanager
def raw_client(server: ServerProcess) -> Iterator[RawClient]:
    """Connect to a server by whatever it listens on."""
    if server.url.startswith("unix:"):
        client = socket.socket(socket.AF_UNIX)
        client.connect(server.url.removeprefix("unix:"))
    else:
        client = socket.create_connection(("127.0.0.1", server.port))
    with client:
        yield RawClient(client)


@contextmanager
def upload_in_flight(server: ServerProcess) -> Iterator[RawClient]:
    """Begin a request to `patient` that wants five bytes more, and wait until the application has it."""
    with raw_client(server) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        client.read_until(CONTINUE)
        yield client


@contextmanager
def view_in_flight(server: ServerProcess, gate: Path) -> Iterator[tuple[RawClient, int]]:
    """Send a request to `wsgi_gated`, and wait until the view has it; give the open gate."""
    with raw_client(server) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        yield client, open_gate(gate)


def open_gate(path: Path) -> int:
    """Open a pipe for writing as soon as somebody reads it, and return the descriptor."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert time.monotonic() < end, "nobody came to the gate"
            time.sleep(0.005)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Give the pipe that a view of `wsgi_gated` waits at."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def report(server: ServerProcess, path: str = "/") -> Any:
    """Ask an application that answers with JSON."""
    return httpx.get(server.url + path, timeout=DEADLINE).raise_for_status().json()


def refuses(server: ServerProcess) -> bool:
    """Tell whether nobody listens on the server's port any more."""
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE).close()
    except ConnectionRefusedError:
        return True
    return False


# Where it listens.


def test_start_lines(serve: Serve) -> None:
    """The first line says where it listens, the next ones what it serves."""
    server = serve("hello_wsgi", "hello_asgi", "/api=hello_asgi:app")
    assert httpx.get(server.url, timeout=DEADLINE).text == "hello\n"
    assert server.terminate() == 0
    first, *rest = (line for line in server.stderr.splitlines() if ": stopping: " not in line)
    assert re.fullmatch(r"hybrid: listening on http://127\.0\.0\.1:[1-9]\d*", first)
    assert [re.split(r"\s{2,}", line)[:2] for line in rest] == [
        ["PATH", "PROTOCOLS"],
        ["/", "http"],
        ["/", "websocket"],
        ["/api", "http, websocket"],
    ]


def test_ipv6(serve: Serve) -> None:
    """`--host=::1` listens on IPv6, and says so in a URL that can be used."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    server = serve("hello_asgi", host="::1")
    assert server.url.startswith("http://[::1]:")
    assert httpx.get(server.url, timeout=DEADLINE).text == "hello\n"


def test_localhost(serve: Serve) -> None:
    """A name is listened on at all its addresses, on one port, with a line for each."""
    server = serve("hello_asgi", host="localhost")
    assert server.terminate() == 0
    urls = re.findall(r"^hybrid: listening on (\S+)$", server.stderr, re.MULTILINE)
    assert f"http://127.0.0.1:{server.port}" in urls
    assert {url.rpartition(":")[2] for url in urls} == {str(server.port)}


@LOOPS
def test_unix_socket(serve: Serve, tmp_path: Path, loop: str) -> None:
    """`--uds` listens on a Unix socket, in the place of one left behind, and removes it at the end."""
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    server = serve("hello_wsgi", uds=path, loop=loop)
    assert server.url == f"unix:{path}"
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=DEADLINE) as client:
        assert client.get("http://localhost/").text == "hello\n"
    assert server.terminate() == 0
    assert not path.exists()


def test_unix_socket_of_a_live_server(serve: Serve, tmp_path: Path) -> None:
    """A path that a server listens on is refused to the next one, which does the first no harm."""
    path = tmp_path / "app.sock"
    server = serve("hello_asgi", uds=path)
    done = run_hybrid("serve", f"--uds={path}", "hello_asgi")
    assert (done.returncode, done.stderr) == (1, f"hybrid: cannot listen on {path}: Address already in use\n")
    with raw_client(server) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.read_all().endswith(b"hello\n")


@LOOPS
def test_inherited_descriptor(serve: Serve, loop: str) -> None:
    """`--fd` serves on a listening socket that the process has inherited."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = serve("hello_asgi", fd=listener.fileno(), pass_fds=[listener.fileno()], loop=loop)
        assert server.port == listener.getsockname()[1]
        assert httpx.get(server.url, timeout=DEADLINE).text == "hello\n"
        assert server.terminate() == 0


def cannot_listen(*arguments: str, **process: Any) -> str:
    """Run a server that cannot listen, and return what it says, which is one line."""
    done = run_hybrid("serve", *arguments, "hello_asgi", **process)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("hybrid: cannot listen on ")
    return line.removeprefix("hybrid: cannot listen on ")


def test_cannot_listen(tmp_path: Path) -> None:
    """What cannot be listened on is exit code 1 and a line that names it."""
    notes = tmp_path / "notes.txt"
    notes.write_text("important")
    with notes.open() as file, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert cannot_listen(f"--port={port}") == f"127.0.0.1:{port}: Address already in use"
        fd = file.fileno()
        assert re.match(f"file descriptor {fd}: .*non-socket", cannot_listen(f"--fd={fd}", pass_fds=[fd]))
    assert cannot_listen(f"--uds={notes}") == f"{notes}: there is a file that is not a socket"
    assert notes.read_text() == "important"
    assert cannot_listen("--host=192.0.2.1", "--port=0").startswith("192.0.2.1:0: ")


# What cannot be loaded.

BROKEN = {
    "raising": ("raise LookupError('no\\nsettings')", "raising failed: LookupError: no settings"),
    "syntax": ("def app(:", "syntax failed: SyntaxError: invalid syntax"),
    "exiting": ("import sys; sys.exit('bye')", "exiting failed: SystemExit: bye"),
    "importing": ("import not_installed", "No module named 'not_installed'"),
    "near": ("def aplication(e, s): ...", "did you mean aplication?"),
    "number": ("app = 42", "number:app cannot be called, it is of type int"),
    "neither": ("def app(): ...", 'target "neither:app"'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_module_that_cannot_be_loaded(tmp_path: Path, name: str) -> None:
    """A broken module is exit code 3 and one line that says what and where, without a traceback."""
    code, complaint = BROKEN[name]
    (tmp_path / f"{name}.py").write_text(code)
    done = run_hybrid("serve", "--port=0", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("hybrid: ")
    assert complaint in line
    assert name in line


@pytest.mark.parametrize(
    ("lifespan", "target", "complaint"),
    [
        ("auto", "fails", "lifespans:fails: lifespan startup failed: no database; listening: False"),
        ("on", "fails", "lifespans:fails: lifespan startup failed: no database; listening: False"),
        ("on", "raises", "lifespans:raises: lifespan is required, but it raised ValueError: what is that?"),
    ],
)
def test_lifespan_that_fails(tmp_path: Path, lifespan: str, target: str, complaint: str) -> None:
    """An application that fails to start is exit code 3 and one line; nobody ever listened."""
    path = tmp_path / "app.sock"
    options = [f"--uds={path}", f"--lifespan={lifespan}"]
    done = run_hybrid("serve", *options, f"lifespans:{target}", env={"UDS": str(path)})
    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"hybrid: {complaint}\n")
    assert not path.exists()


def test_traceback_on_demand(tmp_path: Path) -> None:
    """With `--log-level=debug` the traceback of a module that fails is there too."""
    (tmp_path / "broken.py").write_text("raise LookupError('no settings')")
    done = run_hybrid("serve", "--port=0", "--log-level=debug", "broken", cwd=tmp_path)
    assert done.returncode == 3
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("hybrid: ")


def test_interrupted_while_importing(tmp_path: Path) -> None:
    """Control-C while the application is imported ends at once, with one line."""
    (tmp_path / "slow.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    done = run_hybrid("serve", "--port=0", "slow", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "hybrid: interrupted\n")


def test_wrong_usage() -> None:
    """A wrong option is exit code 2 and is named."""
    done = run_hybrid("serve", "--port=http", "hello_asgi")
    assert done.returncode == 2
    assert "'--port'" in done.stderr.splitlines()[-1]


# How it ends.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@LOOPS
def test_request_in_flight_is_finished(serve: Serve, number: signal.Signals, loop: str) -> None:
    """A signal to stop closes idle connections, refuses new ones, and lets what is in flight finish."""
    server = serve("patient", loop=loop)
    with raw_client(server) as idle, upload_in_flight(server) as busy:
        idle.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        idle.read_until(b"0 bytes\n")
        server.signal(number)
        assert idle.read_all() == b""
        server.wait_for_stderr(re.compile("stopping, after .*1 ASGI call"))  # the idle one may still count
        assert refuses(server)
        assert server.running
        busy.send(b"12345")
        response = busy.read_all()
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in response.lower()
    assert response.endswith(b"5 bytes\n")
    assert server.wait() == 0
    assert "Traceback" not in server.stderr
    assert "cutting off" not in server.stderr


@LOOPS
def test_view_in_flight_is_finished(serve: Serve, gate: Path, loop: str) -> None:
    """A view that runs on its thread is waited for."""
    server = serve("wsgi_gated", env={"GATE": str(gate)}, loop=loop)
    with view_in_flight(server, gate) as (client, descriptor):
        server.signal(signal.SIGTERM)
        server.wait_for_stderr("stopping, after 1 connection")
        assert refuses(server)
        os.close(descriptor)
        response = client.read_all()
    assert b"\r\nconnection: close\r\n" in response.lower()
    assert response.endswith(b"open\n")
    assert server.wait() == 0


def test_sigterm_twice_does_not_force(serve: Serve) -> None:
    """A supervisor that repeats itself does not cut anything off."""
    server = serve("patient")
    with upload_in_flight(server) as client:
        server.signal(signal.SIGTERM)
        server.wait_for_stderr("stopping, after 1 connection")
        server.signal(signal.SIGTERM)
        client.send(b"12345")
        assert client.read_all().endswith(b"5 bytes\n")
    assert server.wait() == 0


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_second_sigint_forces(serve: Serve, first: signal.Signals) -> None:
    """Control-C while it drains cuts off what is left, says how much, and ends as a shell expects."""
    server = serve("stuck:waiting")
    with raw_client(server) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_for_stderr("the request is here")
        server.signal(first)
        server.wait_for_stderr("stopping, after 1 connection")
        server.signal(signal.SIGINT)
        assert client.read_all() == b""
    assert server.wait() == 130
    assert "cutting off 1 connection, 1 ASGI call\n" in server.stderr


@pytest.mark.parametrize("seconds", [0, 0.2])
def test_request_that_never_ends(serve: Serve, seconds: float) -> None:
    """`--timeout-graceful-shutdown` cuts off a request that never ends; that is a drain all the same."""
    server = serve("stuck:waiting", timeout_graceful_shutdown=seconds)
    with raw_client(server) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_for_stderr("the request is here")
        server.signal(signal.SIGTERM)
        assert client.read_all() == b""
    assert server.wait() == 0
    assert "cutting off 1 connection, 1 ASGI call\n" in server.stderr


def test_view_that_never_ends(serve: Serve, gate: Path) -> None:
    """A view that never returns is cut off too, and its thread cannot keep the process."""
    server = serve("wsgi_gated", timeout_graceful_shutdown=0, env={"GATE": str(gate)})
    with view_in_flight(server, gate) as (client, descriptor):
        server.signal(signal.SIGTERM)
        assert client.read_all() == b""
        assert server.wait() == 0
        os.close(descriptor)
    assert "cutting off 1 connection, 1 WSGI call\n" in server.stderr


def test_thread_that_never_ends(serve: Serve) -> None:
    """Neither can a thread that an ASGI application waits for, which is no daemon; it is named."""
    server = serve("stuck:on_a_thread", timeout_graceful_shutdown=0)
    with raw_client(server) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_for_stderr("the request is here")
        assert server.terminate() == 0
    assert "hybrid: not waiting for threads that do not end: " in server.stderr


def test_stopped_while_starting() -> None:
    """SIGTERM ends a server whose application does not come to an end with starting, which may clean up."""
    with ServerProcess(["lifespans:starts_for_ever"], {"port": 0, "app_dir": APPS}, cwd=ROOT) as server:
        server.wait_for_stderr("starting")
        assert server.terminate() == 0
    assert "cleaned up" in server.stderr
    assert "listening" not in server.stderr


def test_forced_while_stopping(serve: Serve) -> None:
    """Control-C twice ends a server whose application does not come to an end with stopping."""
    server = serve("lifespans:stops_for_ever")
    server.signal(signal.SIGINT)
    server.wait_for_stderr("stopping for ever")
    server.signal(signal.SIGINT)
    assert server.wait() == 130


# What the options do.


@pytest.mark.parametrize("lifespan", ["auto", "on"])
def test_lifespan(serve: Serve, lifespan: str) -> None:
    """Startup comes before it listens, shutdown after the last request; requests have the state."""
    server = serve("lifespans", lifespan=lifespan)
    assert report(server) == {"colour": "blue"}
    assert server.terminate() == 0
    said = [line for line in server.stderr.splitlines() if not re.match("PATH|/|.*: stopping: ", line)]
    assert said == ["startup", f"hybrid: listening on {server.url}", "a request", "shutdown"]


def test_lifespan_off(serve: Serve) -> None:
    """`--lifespan=off` runs none."""
    server = serve("lifespans", lifespan="off")
    assert report(server) == {}
    assert server.terminate() == 0
    assert "startup" not in server.stderr


def test_app_dir(serve: Serve, tmp_path: Path) -> None:
    """`--app-dir` is where modules are looked for; by default it is the current directory."""
    (tmp_path / "here.py").write_text((APPS / "hello_wsgi.py").read_text())
    for cwd, app_dir in ((ROOT, tmp_path), (tmp_path, ".")):
        assert httpx.get(serve("here", cwd=cwd, app_dir=app_dir).url, timeout=DEADLINE).text == "hello\n"


def test_root_path(serve: Serve) -> None:
    """`--root-path` is what a proxy has taken off; applications find it where they expect it."""
    server = serve("self_report:app", "/wsgi=self_report:wsgi", root_path="/behind")
    told = report(server, "/x")
    assert (told["root_path"], told["path"]) == ("/behind", "/behind/x")
    environ = report(server, "/wsgi/x")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/behind/wsgi", "/x")


@pytest.mark.parametrize(
    ("loop", "module"), [("asyncio", "asyncio"), ("uvloop", "uvloop"), ("auto", "uvloop")]
)
def test_loop(serve: Serve, loop: str, module: str) -> None:
    """`--loop` chooses the event loop; `auto` prefers uvloop."""
    assert report(serve("self_report", loop=loop), "/process")["loop"].split(".")[0] == module


def test_threads(serve: Serve) -> None:
    """As many views run at once as `--threads` says; with one the environ says that they do not."""
    server = serve("tests.apps.wsgi_barrier", threads=2, app_dir=ROOT)
    with raw_client(server) as one, raw_client(server) as other:
        for client in (one, other):
            client.send(b"GET /?2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert [client.read_all()[-8:] for client in (one, other)] == [b"together"] * 2
    assert report(serve("self_report:wsgi", threads=1))["wsgi.multithread"] is False


def test_access_log(serve: Serve, tmp_path: Path) -> None:
    """Each request is a line on stdout, which no client can break; `--no-access-log` leaves it out."""
    log = tmp_path / "access.log"
    with log.open("wb") as out:
        server = serve("hello_asgi", "/wsgi=hello_wsgi", stdout=out)
        raw(server.port, b"GET /%0d%0a1.2.3.4:5?q=%1b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        raw(server.port, b"GET /\r1.2.3.4:5 HTTP/1.1\r\nHost: x\r\n\r\n")
        raw(server.port, b"GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n")
        raw(server.port, b"POST /wsgi HTTP/1.0\r\n\r\n")
        assert server.terminate() == 0
        quiet = serve("hello_asgi", stdout=out, access_log=False)
        assert httpx.get(quiet.url, timeout=DEADLINE).status_code == 200
    beginning = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} 127\.0\.0\.1:\d+ - "
    lines = [re.sub(beginning, "", line) for line in log.read_text().splitlines()]
    assert [re.sub(r" \d+\.\d{6}s$", "", line) for line in lines] == [
        '"GET /%0d%0a1.2.3.4:5?q=%1b HTTP/1.1" 200',
        '"GET /\\r1.2.3.4:5 HTTP/1.1" 400',
        '"GET /\\x1b[2J HTTP/1.1" 400',
        '"POST /wsgi HTTP/1.0" 200',
    ]
    assert "\x1b" not in server.stderr
    assert not re.search("^1.2.3.4", server.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    ("level", "said"),
    [("debug", {"lifespan", "error"}), ("info", {"error"}), ("error", {"error"}), ("critical", set())],
)
def test_log_level(serve: Serve, level: str, said: set[str]) -> None:
    """`--log-level` leaves out what is below it; the start lines are no log."""
    server = serve("misbehaving:no_response", log_level=level)
    assert httpx.get(server.url, timeout=DEADLINE).status_code == 500
    assert server.terminate() == 0
    found = {
        "lifespan": "runs without lifespan" in server.stderr,
        "error": "returned without completing its response" in server.stderr,
    }
    assert {what for what in found if found[what]} == said
    assert "hybrid: listening" in server.stderr


def test_timeout_keep_alive(serve: Serve) -> None:
    """`--timeout-keep-alive` is how long an idle connection stays."""
    patient, hasty = serve("hello_asgi", timeout_keep_alive=3600), serve("hello_asgi", timeout_keep_alive=0)
    with raw_client(patient) as stays, raw_client(hasty) as goes:
        for client in (stays, goes):
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            client.read_until(b"hello\n")
        assert goes.read_all() == b""
        stays.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        stays.read_until(b"hello\n")


def test_ws_max_size(serve: Serve) -> None:
    """`--ws-max-size` is the largest message that is taken; a larger one is close code 1009."""
    server = serve("websocket_echo", ws_max_size=100)
    with connect(server.url.replace("http", "ws", 1), proxy=None, close_timeout=DEADLINE) as websocket:
        websocket.send(b"x" * 100)
        assert websocket.recv(timeout=DEADLINE) == b"x" * 100
        websocket.send(b"x" * 101)
        with pytest.raises(ConnectionClosedError) as caught:
            websocket.recv(timeout=DEADLINE)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


# What it takes of the machine.


def test_starts_lean(serve: Serve) -> None:
    """Nothing is imported that a server does without: not its peers, not the optional libraries."""
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    modules = set(report(serve("self_report"), "/process")["modules"]) - set(bare.stdout.split())
    unwanted = {
        *("a2wsgi", "asgiref", "gunicorn", "h2", "h11", "httptools", "prometheus_client", "redis"),
        *("uvicorn", "watchfiles", "django", "flask", "werkzeug", "httpx", "anyio", "websockets.sync"),
        *("websockets.asyncio", "websockets.legacy", "http.client", "http.server", "urllib.request"),
        *("multiprocessing", "unittest", "difflib", "hybrid.adapters", "hybrid.bridge.layers"),
    }
    assert modules & unwanted == set()
    assert "hybrid.server.http11" in modules


@LOOPS
def test_children_inherit_nothing(serve: Serve, loop: str) -> None:
    """A process that the application starts gets none of the server's sockets, inherited ones included."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = serve("self_report", fd=listener.fileno(), pass_fds=[listener.fileno()], loop=loop)
        descriptors = report(server, "/children")["descriptors"]
    assert descriptors
    assert [name for name in descriptors if name.startswith(("socket:", "anon_inode:"))] == []


# Inside somebody's program.

HOST = """
import asyncio, signal, sys
from hybrid import Config, Server
from hello_asgi import app

async def announce(server):
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.listeners.urls[0], flush=True)

async def main():
    server = Server(Config(app=app, port=0))
    announcing = asyncio.create_task(announce(server))
    try:
        await server.serve()
    finally:
        print("started:", server.started, "forced:", server.force_exit, "tasks:", len(asyncio.all_tasks()))

{setup}
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
"""


@contextmanager
def program(folder: Path, code: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a program that embeds a server; it must end with the test."""
    (folder / "program.py").write_text(code)
    process = subprocess.Popen(
        [sys.executable, "program.py"],
        cwd=folder,
        env=process_environment({"PYTHONPATH": os.pathsep.join([str(APPS), *sys.path])}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_control_c_in_a_program(tmp_path: Path) -> None:
    """Control-C in a program around `serve()` is the program's: asyncio cancels it, and all is cleaned up."""
    with program(tmp_path, HOST.format(setup="")) as process:
        assert process.stdout is not None
        assert httpx.get(process.stdout.readline().strip(), timeout=DEADLINE).text == "hello\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    assert out == "started: False forced: False tasks: 1\ninterrupted\n"
    assert (process.returncode, err) == (0, "")


HANDLER = """
def handle(number, frame):
    print("mine", flush=True)
    signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGTERM, handle)
"""


def test_handler_of_a_program(tmp_path: Path) -> None:
    """A signal that the program handles never reaches the server."""
    with program(tmp_path, HOST.format(setup=HANDLER)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=DEADLINE)
    assert out == "mine\nstarted: False forced: False tasks: 1\ninterrupted\n"
    assert (process.returncode, err) == (0, "")


RUN = """
from hybrid import Config, Server
from hello_asgi import app

server = Server(Config(app=app, port=0, access_log=False))
server.run()
print("and on it goes")
"""


def test_run_in_a_program(tmp_path: Path) -> None:
    """After `run()` has been stopped by a signal the program goes on."""
    with program(tmp_path, RUN) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("hybrid: listening on http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=DEADLINE)
    assert (process.returncode, out) == (0, "and on it goes\n")


def test_python_m_hybrid() -> None:
    """`python -m hybrid` is the command under the same name."""
    done = run_hybrid("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: hybrid ")
