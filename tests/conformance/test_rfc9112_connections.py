"""Connections to a real process: RFC 9112 section 9, with independent clients."""

import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.apps.hello_asgi import app as hello
from tests.support.embedded import client, on_each_loop, serving
from tests.support.embedded import get as get_embedded
from tests.support.http_peer import get, read_responses, request
from tests.support.needs import require_program
from tests.support.process import Serve, ServerProcess
from tests.support.sockets import DEADLINE, raw


def connect(server: ServerProcess) -> socket.socket:
    """Open a connection whose every wait has a deadline."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)


def curl(server: ServerProcess, path: str, *options: str) -> str:
    """Ask with curl and return what it printed."""
    program = require_program("curl")
    command = [program, "--silent", "--show-error", "--max-time", str(DEADLINE), *options, server.url + path]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE).stdout


def tell(server: ServerProcess, key: str) -> None:
    """Let those go on who wait for a key."""
    httpx.get(f"{server.url}/tell?{key}", timeout=DEADLINE).raise_for_status()


# Persistence (section 9.3).


def test_a_client_keeps_its_connection(witness: ServerProcess) -> None:
    """A client that asks again does so on the same connection."""
    ports = set()
    with httpx.Client(base_url=witness.url, timeout=DEADLINE) as client:
        for _ in range(5):
            scope = client.get("/shows_scope").text
            ports.add(scope.partition("'client': ")[2].partition(")")[0])
    assert len(ports) == 1


def test_http_1_0_ends_with_the_connection(witness: ServerProcess) -> None:
    """HTTP/1.0 without keep-alive gets its response and the end of the connection."""
    data = raw(witness.port, b"GET /deaf HTTP/1.0\r\n\r\n" + b"GET /deaf HTTP/1.0\r\n\r\n")
    (response,) = read_responses(data, closed=True)
    assert response.body == b"deaf"
    assert response.values(b"connection") == [b"close"]


def test_http_1_0_keeps_the_connection(witness: ServerProcess) -> None:
    """HTTP/1.0 with keep-alive can go on, and is told so."""
    asked = get("/deaf", "Connection: keep-alive", version="1.0")
    data = raw(witness.port, asked + asked + get("/deaf", version="1.0"))
    responses = read_responses(data, "GET", "GET", "GET", closed=True)
    assert [r.values(b"connection") for r in responses] == [[b"keep-alive"], [b"keep-alive"], [b"close"]]


def test_http_1_0_streams_until_the_end(witness: ServerProcess) -> None:
    """A body of unknown length to HTTP/1.0 ends with the connection, and curl reads it so."""
    assert curl(witness, "/echoes", "--http1.0", "--data", "hello") == "hello"


def test_keep_alive_timeout(serve: Serve) -> None:
    """A connection that is idle for too long is closed without a word."""
    server = serve("witness:deaf", lifespan="off", timeout_keep_alive=0)
    (response,) = read_responses(raw(server.port, get()))
    assert response.body == b"deaf"
    assert response.values(b"connection") == []


@pytest.mark.usefixtures("ticks")
@on_each_loop
async def test_head_timeout() -> None:
    """A client that begins a request and stops is answered 408; others do not wait for it."""
    async with serving(hello, timeout_headers=0) as (server, _), client(server) as stuck:
        stuck.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert b"hello" in await get_embedded(server)
        (response,) = read_responses(await stuck.read_all(), closed=True)
        assert response.status == 408


# Pipelining (section 9.3.2).


def test_hundreds_of_requests_in_one_packet(witness: ServerProcess) -> None:
    """As many requests as fit into a packet are answered in order."""
    numbers = range(500)
    asked = b"".join(request("POST", "/echoes", "Content-Length: 3", body=b"%03d" % n) for n in numbers)
    data = raw(witness.port, asked + get("/deaf", "Connection: close"))
    responses = read_responses(data, *["POST"] * 500, "GET", closed=True)
    assert [response.body for response in responses] == [*(b"%03d" % n for n in numbers), b"deaf"]


def test_slow_and_fast_requests_are_answered_in_order(witness: ServerProcess) -> None:
    """A fast response waits for the slow one that was asked for before it."""
    with connect(witness) as client:
        client.sendall(
            get("/waits?one") + get("/deaf") + get("/waits?two") + get("/deaf", "Connection: close")
        )
        tell(witness, "two")
        tell(witness, "one")
        data = b"".join(iter(lambda: client.recv(65536), b""))
    responses = read_responses(data, *["GET"] * 4, closed=True)
    assert [response.body for response in responses] == [b"one", b"deaf", b"two", b"deaf"]


def test_requests_in_small_packets(witness: ServerProcess) -> None:
    """Requests may come a few bytes at a time."""
    data = request("POST", "/echoes", "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")
    data += get("/deaf", "Connection: close")
    with connect(witness) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), 3):
            client.sendall(data[start : start + 3])
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert [r.body for r in read_responses(answer, "POST", "GET", closed=True)] == [b"hello", b"deaf"]


# Both directions (section 7.1).


def test_chunked_both_ways(witness: ServerProcess, tmp_path: Path) -> None:
    """A body of unknown size goes through in chunks, there and back."""
    file = tmp_path / "body"
    file.write_bytes(bytes(range(256)) * 5000)
    answer = tmp_path / "answer"
    options = ("--header", "Transfer-Encoding: chunked", "--data-binary", f"@{file}")
    head = curl(witness, "/echoes", *options, "--output", str(answer), "--dump-header", "-")
    assert answer.read_bytes() == file.read_bytes()
    assert "transfer-encoding: chunked" in head


def test_generators_both_ways(witness: ServerProcess) -> None:
    """A client may stream the parts of a generator, and gets them back."""
    parts = [b"part %d " % number for number in range(100)]
    response = httpx.post(f"{witness.url}/echoes", content=iter(parts), timeout=DEADLINE)
    assert response.content == b"".join(parts)


# Closing (section 9.6).


def test_client_closes_its_direction(witness: ServerProcess) -> None:
    """A client that says that it has nothing more to say still gets what it asked for."""
    with connect(witness) as client:
        client.sendall(get("/waits?eof") + get("/deaf"))
        client.shutdown(socket.SHUT_WR)
        tell(witness, "eof")
        data = b"".join(iter(lambda: client.recv(65536), b""))
    assert [response.body for response in read_responses(data, "GET", "GET")] == [b"eof", b"deaf"]


def test_client_closes_its_direction_too_early(witness: ServerProcess) -> None:
    """A request that will never be complete ends the connection."""
    with connect(witness) as client:
        client.sendall(request("POST", "/echoes", "Content-Length: 9", body=b"hello"))
        client.shutdown(socket.SHUT_WR)
        data = b"".join(iter(lambda: client.recv(65536), b""))
    assert b"0\r\n\r\n" not in data


def test_early_response_and_a_small_rest(witness: ServerProcess) -> None:
    """When the response comes before the end of a small body, the connection can go on."""
    with connect(witness) as client:
        client.sendall(request("POST", "/deaf", "Content-Length: 1000", body=bytes(10)))
        first = client.recv(65536)
        client.sendall(bytes(990) + get("/deaf", "Connection: close"))
        data = first + b"".join(iter(lambda: client.recv(65536), b""))
    responses = read_responses(data, "POST", "GET", closed=True)
    assert [response.body for response in responses] == [b"deaf", b"deaf"]
    assert responses[0].values(b"connection") == []


LARGE = 50 * 1024 * 1024


@pytest.mark.parametrize("fields", [[f"Content-Length: {LARGE}"], ["Transfer-Encoding: chunked"]], ids=str)
def test_early_response_and_a_large_rest(witness: ServerProcess, fields: list[str]) -> None:
    """When the response comes before the end of a large body, the client gets it, and the connection ends."""
    head = request("POST", "/deaf", *fields)
    body = bytes(LARGE) if "Length" in fields[0] else b"%x\r\n" % LARGE + bytes(LARGE)
    (response,) = read_responses(raw(witness.port, head + body), "POST", closed=True)
    assert response.body == b"deaf"


def test_early_response_to_a_client_that_sends_first(witness: ServerProcess) -> None:
    """A client that sends everything, or as much as it can, before it reads, finds the response."""
    with connect(witness) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(request("POST", "/deaf", f"Content-Length: {LARGE}") + bytes(LARGE))
        data = client.recv(65536)
    (response,) = read_responses(data, "POST")
    assert response.body == b"deaf"


def test_early_response_to_curl_and_httpx(witness: ServerProcess, tmp_path: Path) -> None:
    """Everyday clients that upload find the response too."""
    file = tmp_path / "body"
    file.write_bytes(bytes(LARGE))
    program = require_program("curl")
    command = [program, "--silent", "--max-time", str(DEADLINE), "--data-binary", f"@{file}"]
    done = subprocess.run(
        [*command, f"{witness.url}/deaf"], check=False, capture_output=True, timeout=DEADLINE
    )
    assert done.stdout == b"deaf"
    response = httpx.post(f"{witness.url}/deaf", content=file.read_bytes(), timeout=DEADLINE)
    assert response.text == "deaf"


def test_many_connections_that_come_and_go(witness: ServerProcess) -> None:
    """Clients that leave at any point do no harm: the server goes on, and complains of nothing."""
    whole = request("POST", "/echoes", "Content-Length: 5", body=b"hello")

    def leave_after(size: int) -> None:
        with connect(witness) as client:
            client.sendall(whole[:size])

    threads = [threading.Thread(target=leave_after, args=(size,)) for size in range(len(whole) + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert httpx.get(f"{witness.url}/deaf", timeout=DEADLINE).text == "deaf"
