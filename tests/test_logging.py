"""The logs of a real server, as whoever operates it sets them up and reads them."""

import json
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.process import DEADLINE, Serve, run_hybrid
from tests.support.waiting import until

#: Applications on the loop, on threads of two pools, and a WebSocket.
TARGETS = ("websocket_echo", "/asgi=hello_asgi", "/wsgi=hello_wsgi", "/slow=hello_wsgi:app@slow")


def entries(path: Path) -> list[dict[str, Any]]:
    """Read a log of JSON."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def raw(port: int, data: bytes) -> bytes:
    """Send bytes, and read all of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
        client.sendall(data)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_json(serve: Serve, tmp_path: Path) -> None:
    """Each access is an object that says who answered, on which threads, and how long it took; a WebSocket is
    one when it opens and one when it closes; events are objects too.
    """
    access, error = tmp_path / "access", tmp_path / "error"
    server = serve(*TARGETS, log_format="json", access_logfile=access, error_logfile=error, pool=["slow=1"])
    httpx.get(f"{server.url}/asgi?q", headers={b"User-Agent": b"me\x80"}, timeout=DEADLINE)
    httpx.get(f"{server.url}/wsgi", auth=("ada", "x"), timeout=DEADLINE)
    httpx.get(f"{server.url}/slow", timeout=DEADLINE)
    with connect(server.url.replace("http", "ws") + "/") as websocket:
        websocket.send("hello")
        websocket.recv()
        websocket.close(4001, "enough")
    raw(server.port, b"BAD\x1b\r\n\r\n")
    assert server.terminate() == 0
    asgi, wsgi, slow, opening, closing, refused = entries(access)
    assert (asgi["status"], asgi["application"], asgi["pool"]) == (200, "hello_asgi:app", None)
    assert (asgi["path"], asgi["query"], asgi["user_agent"]) == ("/asgi", "q", "me\x80")
    assert asgi["queue_time"] is None
    assert (wsgi["application"], wsgi["pool"], wsgi["user"]) == ("hello_wsgi:app", "wsgi", "ada")
    assert slow["pool"] == "slow"
    assert all(0 <= each["queue_time"] <= each["duration"] < 20 for each in (wsgi, slow))
    assert all(each["pid"] == server.pid for each in (asgi, wsgi, slow))
    assert (opening["event"], opening["status"]) == ("websocket.open", 101)
    assert (closing["event"], closing["close_code"], closing["close_reason"]) == (
        *("websocket.close", 4001, "enough"),
    )
    assert (closing["messages_in"], closing["messages_out"], closing["bytes_in"]) == (1, 1, 5)
    assert (refused["status"], refused["method"], refused["request_line"]) == (400, None, "BAD\x1b")
    assert any("refused" in each["message"] for each in entries(error))


def test_format(serve: Serve, tmp_path: Path) -> None:
    """`--access-log-format` is gunicorn's, and a WSGI application's own variables can be in it."""
    access = tmp_path / "access"
    text = '%(h)s "%(r)s" %(s)s %(B)s %({host}i)s %({content-type}o)s %({SCRIPT_NAME}e)s %(application)s'
    server = serve(*TARGETS, access_logfile=access, access_log_format=text, pool=["slow=1"])
    httpx.get(f"{server.url}/wsgi", timeout=DEADLINE)
    raw(server.port, b"GET /asgi HTTP/1.0\r\n\r\n")
    assert server.terminate() == 0
    host = server.url.partition("//")[2]
    assert access.read_text().splitlines() == [
        f'127.0.0.1 "GET /wsgi HTTP/1.1" 200 6 {host} text/plain; charset=utf-8 /wsgi hello_wsgi:app',
        '127.0.0.1 "GET /asgi HTTP/1.0" 200 6 - text/plain; charset=utf-8 /asgi hello_asgi:app',
    ]


def test_reopen(serve: Serve, tmp_path: Path) -> None:
    """After SIGUSR1 the log goes on in a new file, and nothing is lost, as logrotate wants it."""
    access, error = tmp_path / "access", tmp_path / "error"
    server = serve("hello_asgi", access_logfile=access, error_logfile=error)
    httpx.get(f"{server.url}/before", timeout=DEADLINE)
    until(lambda: "/before" in access.read_text())
    access.rename(tmp_path / "access.1")
    error.rename(tmp_path / "error.1")
    server.signal(signal.SIGUSR1)
    until(lambda: access.exists() and error.exists())
    httpx.get(f"{server.url}/after", timeout=DEADLINE)
    assert server.terminate() == 0
    assert "/before" in (tmp_path / "access.1").read_text()
    assert re.findall("/(before|after)", access.read_text()) == ["after"]


def test_log_config(serve: Serve, tmp_path: Path) -> None:
    """`--log-config` sets logging up, with our formatters if it wants them."""
    log, config = tmp_path / "log", tmp_path / "logging.json"
    config.write_text(
        json.dumps(
            {
                "version": 1,
                "formatters": {"json": {"()": "hybrid.server.ops.formatters.JsonFormatter"}},
                "handlers": {
                    "file": {"class": "logging.FileHandler", "filename": str(log), "formatter": "json"}
                },
                "loggers": {"hybrid.access": {"handlers": ["file"], "propagate": False}},
            }
        )
    )
    server = serve("hello_asgi", log_config=config)
    httpx.get(server.url, timeout=DEADLINE)
    assert server.terminate() == 0
    assert [each["status"] for each in entries(log)] == [200]


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--access-log-format=%(x)s", "access_log_format: there is no atom %(x)s"),
        ("--log-config=missing.json", "log_config: missing.json cannot be read"),
        ("--access-logfile=/missing/log", "access_logfile: /missing/log cannot be written"),
        ("--log-level=trace", "'--log-level': 'trace' is not one of"),
    ],
)
def test_mistakes(option: str, complaint: str) -> None:
    """A wrong option is one message, and exit code 2."""
    ended = run_hybrid("serve", option, "hello_asgi")
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr


def test_stdout_that_nobody_reads(serve: Serve) -> None:
    """A server whose stdout is a pipe that nobody reads goes on serving, and its drain ends."""
    reader, writer = os.pipe()
    try:
        server = serve("hello_asgi", stdout=writer)
        with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
            target = "/" + "x" * 4000
            assert {client.get(target).status_code for _ in range(400)} == {200}  # 1.6 MB, for 64 KB of room
        assert server.terminate() == 0
    finally:
        os.close(reader)
        os.close(writer)


def test_colors(serve: Serve, tmp_path: Path) -> None:
    """`--use-colors` colours what is no terminal too."""
    log = tmp_path / "log"
    with log.open("wb") as out:
        server = serve("hello_asgi", stdout=out, use_colors=True)
        httpx.get(server.url, timeout=DEADLINE)
        assert server.terminate() == 0
    assert '" \x1b[32m200\x1b[0m ' in log.read_text()
