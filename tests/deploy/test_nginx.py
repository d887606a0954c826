"""nginx with the configuration of `deploy/nginx/`, in front of a real server."""

import hashlib
import http.client
import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.activation import activated
from tests.support.callers import Callers
from tests.support.nginx import Nginx, StartNginx
from tests.support.process import DEADLINE, ROOT, Serve
from tests.support.redis import free_port
from tests.support.waiting import until

#: An address of this machine that is none of those whose word is believed by default.
CLIENT = "127.0.0.2"

TCP, UNIX = "nginx/upstream-tcp.conf", "nginx/upstream-unix.conf"


@pytest.mark.parametrize("upstream", [TCP, UNIX, "compose/upstream.conf"])
def test_it_is_valid(tmp_path: Path, upstream: str) -> None:
    """Nginx reads the files as they are, but for the port, and has no warning."""
    nginx = Nginx(tmp_path, upstream)
    nginx.write(8080)
    said = nginx.check()
    assert "test is successful" in said
    assert "[warn]" not in said


def told_of(nginx: Nginx, path: str, headers: dict[str, str]) -> dict[str, Any]:
    """Ask from an address of its own what the application sees of the request."""
    asking = http.client.HTTPConnection("127.0.0.1", nginx.port, DEADLINE, source_address=(CLIENT, 0))
    asking.request("GET", path, headers=headers)
    response = asking.getresponse()
    told: dict[str, Any] = json.loads(response.read())
    asking.close()
    return told


@pytest.mark.parametrize("upstream", [TCP, UNIX])
def test_the_client_is_known(serve: Serve, nginx: StartNginx, tmp_path: Path, upstream: str) -> None:
    """The application sees the client's address, host and scheme, and not what the client claims."""
    path = tmp_path / "s"
    server = serve("self_report:wsgi", **({"uds": path} if upstream == UNIX else {}))
    at = f"unix:{path}" if upstream == UNIX else f"127.0.0.1:{server.port}"
    claims = {"Host": "shop.example:81", "X-Forwarded-For": "192.0.2.66", "X-Forwarded-Host": "evil.example"}
    told = told_of(nginx(upstream, at), "/cart?x=1", claims | {"Forwarded": "for=192.0.2.66;proto=https"})
    seen = {
        name: told[name]
        for name in ("REMOTE_ADDR", "HTTP_HOST", "wsgi.url_scheme", "PATH_INFO", "QUERY_STRING")
    }
    assert seen == {
        "REMOTE_ADDR": CLIENT,
        "HTTP_HOST": "shop.example:81",
        "wsgi.url_scheme": "http",
        "PATH_INFO": "/cart",
        "QUERY_STRING": "x=1",
    }


def test_a_websocket(serve: Serve, nginx: StartNginx) -> None:
    """The handshake comes through, and messages of any size both ways."""
    server = serve("websocket_echo")
    front = nginx(TCP, f"127.0.0.1:{server.port}")
    with connect(f"ws://127.0.0.1:{front.port}/", max_size=None) as client:
        for message in ("hello", b"\x00" * 1_000_000, ""):
            client.send(message)
            assert client.recv(DEADLINE) == message


def test_an_upload(serve: Serve, nginx: StartNginx) -> None:
    """Eight megabytes arrive as they were sent, with a length or in chunks: nginx has no limit of its own."""
    server = serve("wsgi_upload")
    front = nginx(TCP, f"127.0.0.1:{server.port}")
    data = bytes(range(256)) * 32768
    for content in (data, iter([data])):
        told = httpx.post(front.url, content=content, timeout=DEADLINE).json()
        assert (told["size"], told["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def test_an_upload_that_is_too_large(serve: Serve, nginx: StartNginx) -> None:
    """The server's limit holds, and its answer reaches the client."""
    server = serve("wsgi_upload", limit_request_body=100_000)
    front = nginx(TCP, f"127.0.0.1:{server.port}")
    assert httpx.post(front.url, content=bytes(200_000), timeout=DEADLINE).status_code == 413
    assert httpx.post(front.url, content=bytes(100_000), timeout=DEADLINE).status_code == 200


#: Reads a part of what is sent, and sends as many parts as the test lets it, with their length in advance.
SLOW = """
from tests.apps.wsgi_events import app as events, note, wait_for_step

def app(environ, start_response):
    read = environ["wsgi.input"].read(1).decode()
    note(environ, f"read {read}")
    start_response("200 OK", [("Content-Length", "3")])
    for part in (b"1", b"2", b"3"):
        wait_for_step(environ)
        yield part
"""


@pytest.fixture
def slow(serve: Serve, nginx: StartNginx, tmp_path: Path) -> Nginx:
    """Start nginx in front of a server of this application, and of what it notes."""
    (tmp_path / "slow.py").write_text(SLOW)
    server = serve("/app=slow+stream", "/events=slow:events", app_dir=tmp_path, env={"PYTHONPATH": str(ROOT)})
    return nginx(TCP, f"127.0.0.1:{server.port}")


def test_parts_go_out_at_once(slow: Nginx) -> None:
    """Nginx keeps nothing back of a response that goes on: each part is there before the next one is made."""
    step = f"{slow.url}/events/parts"
    httpx.post(step, timeout=DEADLINE)
    with httpx.stream("GET", f"{slow.url}/app/parts", timeout=DEADLINE) as response:
        parts = response.iter_raw()
        for number in (b"1", b"2", b"3"):
            assert next(parts) == number
            httpx.post(step, timeout=DEADLINE)


def test_parts_come_in_at_once(slow: Nginx) -> None:
    """Nor of a request: the application reads what has come while the rest is still to be sent."""
    with socket.create_connection(("127.0.0.1", slow.port), DEADLINE) as client:
        client.sendall(b"POST /app/half HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        until(lambda: httpx.get(f"{slow.url}/events/half", timeout=DEADLINE).json() == ["read a"])
        for _ in range(3):
            httpx.post(f"{slow.url}/events/half", timeout=DEADLINE)


def test_a_restart_behind_a_socket_of_systemd(serve: Serve, nginx: StartNginx, tmp_path: Path) -> None:
    """The server ends and starts again on the socket that was passed to it, under load: no request fails."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(100)
        passed: dict[str, Any] = {"launcher": activated(listener), "pass_fds": [listener.fileno()]}
        server = serve("processes:wsgi", port=8000, **passed)
        front = nginx(UNIX, f"unix:{tmp_path / 's'}")
        with Callers(front.port) as kept, Callers(front.port, kept=False) as others:
            kept.wait_for(50)
            assert server.terminate() == 0
            again = serve("processes:wsgi", port=8000, **passed)
            kept.wait_for(50)
            others.wait_for(50)
    for callers in (kept, others):
        assert callers.failures == []
        assert set(callers.answers) == {str(server.pid), str(again.pid)}


def test_two_servers_that_restart_in_turn(serve: Serve, nginx: StartNginx) -> None:
    """While one of two servers is away the other one answers, and no request fails."""
    servers = [serve("processes:wsgi", port=free_port()) for _ in range(2)]
    first, ports = servers[:], [server.port for server in servers]
    front = nginx(TCP, *(f"127.0.0.1:{port}" for port in ports))
    with Callers(front.port) as kept, Callers(front.port, kept=False) as others:
        for server, port in zip(first, ports, strict=True):
            kept.wait_for(50)
            assert server.terminate() == 0
            kept.wait_for(50)
            servers.append(serve("processes:wsgi", port=port))
            others.wait_for(50)
    for callers in (kept, others):
        assert callers.failures == []
        assert set(callers.answers) <= {str(server.pid) for server in servers}
