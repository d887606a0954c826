"""The end of an HTTP/2 connection while the server stops: what was served, and that nothing is lost."""

import signal
import socket
import subprocess
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority, authority
from tests.support.http2_frames import Frame, Kind, frame
from tests.support.http2_raw import RawClient, raw_http2
from tests.support.http2_sessions import ping, rst_stream
from tests.support.needs import require_program
from tests.support.process import Serve
from tests.support.sockets import DEADLINE
from tests.support.waiting import until

__all__ = ["authority"]

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def is_goaway(frame: Frame) -> bool:
    """Look for GOAWAY."""
    return frame.kind == Kind.GOAWAY


def rest(client: RawClient) -> tuple[list[tuple[int, int]], dict[int, bytes]]:
    """Return what GOAWAYs say until the server closes, and the bodies of the responses that are whole."""
    frames = client.read_to_end()
    bodies = {each.stream: b"" for each in frames if each.kind == Kind.DATA and each.flags & 1}
    for each in frames:
        if each.kind == Kind.DATA and each.stream in bodies:
            bodies[each.stream] += each.payload
    return [(each.last_stream, each.code) for each in frames if is_goaway(each)], bodies


def test_what_comes_after_the_last_stream_harms_nobody(serve: Serve) -> None:
    """A request with a body that was sent before its client had read GOAWAY is dropped whole; the response
    that is still on its way comes to its end.
    """
    server = serve(
        "/=streams:upload", "/status=streams:status", http2_cleartext=True, limit_keep_alive_requests=1
    )
    with raw_http2(server) as client:
        client.greet()
        client.send(client.request(1, path="/?a", method="POST", ends=False))
        (*_, goaway) = client.read_until(is_goaway)
        assert goaway.last_stream == 1
        late = client.request(3, method="POST", ends=False)
        part = b"\0\0\2\0\0\0\0\0"
        client.send(late, part + b"\3xx", part + b"\3xx", part[:4] + b"\1" + part[5:] + b"\1xx")
        with raw_http2(server) as other:
            other.greet()
            other.send(other.request(1, path="/status?a"))
            assert other.status_of(1) == 200
        assert client.status_of(1) == 200
        goaways, _ = rest(client)
    assert goaways == []


def test_idle_connections_are_told_and_closed(serve: Serve) -> None:
    """At once in the two steps, without anything to wait for."""
    server = serve("hello_asgi", http2_cleartext=True)
    with raw_http2(server) as client:
        client.greet()
        client.send(client.request(1))
        client.status_of(1)
        server.signal(signal.SIGTERM)
        goaways, _ = rest(client)
    assert goaways == [((1 << 31) - 1, 0), (1, 0)]
    assert server.wait() == 0


@contextmanager
def stopped(program: "subprocess.Popen[str]") -> Generator[None]:
    """Let a program stand still while the block runs."""
    program.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("parallel", [False, True], ids=["one by one", "at a time"])
def test_restart_loses_no_request(serve: Serve, authority: Authority, tmp_path: Path, parallel: bool) -> None:
    """A client that goes on asking while one server takes over a socket from another gets all answers, on a
    second connection from some request on.
    """
    count = 1000 if parallel else 300
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port, descriptor = listener.getsockname()[1], listener.fileno()
        options: dict[str, Any] = {"fd": descriptor, "pass_fds": (descriptor,)}
        options |= {"ssl_certfile": authority.issue("server"), "timeout_keep_alive": 60}
        before = serve("hello_asgi", **options)
        # In clear curl 7.88 fails at the second request of a connection, whoever serves it.
        command = [require_program("curl"), "-sS", "--http2", "--cacert", str(authority.file)]
        command += ["-o", str(tmp_path / "body#1"), "-w", "%{http_code} %{num_connects}\\n"]
        command += ["--parallel", "--parallel-max", "20"] if parallel else []
        command += [f"https://127.0.0.1:{port}/?[1-{count}]"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as curl:
            until((tmp_path / "body100").exists)
            with stopped(curl):  # it might be through before the other server has started
                serve("hello_asgi", **options)
                before.signal(signal.SIGTERM)
            assert before.wait() == 0
            out, err = curl.communicate(timeout=DEADLINE)
    assert (curl.returncode, err.count("curl:")) == (0, 0)  # the rest of it is a progress meter
    codes, connects = zip(*(line.split() for line in out.splitlines()), strict=True)
    assert codes == ("200",) * count
    assert sum(map(int, connects)) >= 2


@LOOPS
def test_nothing_is_said_after_the_end(serve: Serve, loop: str) -> None:
    """What a client has sent together with what ends its connection, however much, is not answered."""
    server = serve("hello_asgi", loop=loop, http2_cleartext=True, limit_keep_alive_requests=1)
    with raw_http2(server) as client:
        client.greet()
        ignored = frame(0x77, bytes(16000))
        client.send(client.request(1), rst_stream(1), ignored, ignored, ignored, ping())
        frames = client.read_to_end()
    assert [each.kind for each in frames if each.kind in (Kind.GOAWAY, Kind.PING)] == [Kind.GOAWAY]
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert "Traceback" not in server.stderr
