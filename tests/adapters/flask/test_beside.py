"""WebSockets beside WSGI middleware, flask-sock and Flask-SocketIO, and with more than one worker."""

import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.needs import require_module
from tests.support.process import APPS, DEADLINE, Serve, ServerProcess
from tests.support.websocket_clients import close_of, opened


def answer(server: ServerProcess, path: str) -> Any:
    """Return the first message, or the response that refuses the handshake."""
    try:
        with opened(server, path) as websocket:
            return websocket.recv(timeout=DEADLINE)
    except InvalidStatus as error:
        return error.response


def test_middleware(serve: Serve) -> None:
    """It sees handshakes, may answer them, and may change what Flask sees."""
    require_module("flask_login")
    server = serve("flask_sockets:create_guarded", factory=True)
    refused = answer(server, "/address")
    assert (refused.status_code, refused.headers["X-From"]) == (402, "middleware")
    assert answer(server, "/address?key") == "192.0.2.7"
    assert answer(server, "/none?key").status_code == 404


APP = """
from flask import Flask
from flask_sock import Sock
from flask_socketio import SocketIO

from hybrid.adapters.flask import WebSockets

app = Flask(__name__)
old = Sock(app)
ws = WebSockets(app)
socketio = SocketIO(app, async_mode="threading")


@old.route("/old")
def old_socket(socket):
    socket.send("old")


@ws.route("/new")
async def new_socket(socket):
    await socket.send("new")


@socketio.on("ping")
def ping(data):
    return data
"""


def test_other_extensions(serve: Serve, tmp_path: Path) -> None:
    """flask-sock and Flask-SocketIO keep their WebSockets in the same application."""
    for name in ("flask_sock", "flask_socketio", "socketio"):
        require_module(name)
    import socketio

    (tmp_path / "both.py").write_text(APP, encoding="utf-8")
    server = serve("both", app_dir=tmp_path)
    assert answer(server, "/new") == "new"
    assert answer(server, "/old") == "old"
    assert answer(server, "/none").status_code == 404
    with socketio.SimpleClient() as client:
        client.connect(f"http://127.0.0.1:{server.port}", transports=["websocket"], wait_timeout=DEADLINE)
        assert client.call("ping", "x", timeout=DEADLINE) == "x"


@pytest.mark.parametrize("workers", [1, 2])
def test_stopping(serve: Serve, workers: int) -> None:
    """Open WebSockets of both kinds are closed with 1012, and their handlers come to their ends."""
    require_module("flask_login")
    server = serve("flask_sockets", workers=workers, access_log=False)
    with opened(server, "/echo") as one, opened(server, "/thread/echo") as other:
        for each in (one, other):
            each.send("x")
            assert each.recv(timeout=DEADLINE) == "x"
        server.signal(signal.SIGTERM)
        for each in (one, other):
            closed = close_of(each)
            assert closed is not None
            assert closed[0] == 1012
    assert server.wait() == 0
    assert server.stderr.count("note: left 1012") == 2


WRAPPED = """
import sys

sys.path.append({apps!r})
from flask_sockets import app, ws


def wrapped(environ, start_response):
    return app(environ, start_response)
"""


def test_a_target_of_its_own(serve: Serve, tmp_path: Path) -> None:
    """A function around the application hides the WebSockets; the object that made them is a target too."""
    require_module("flask_login")
    (tmp_path / "wrapped.py").write_text(WRAPPED.format(apps=str(APPS)), encoding="utf-8")
    server = serve("wrapped:wrapped", "wrapped:ws", app_dir=tmp_path)
    assert answer(server, "/number/1") == "2"
    with urllib.request.urlopen(f"{server.url}/session", timeout=DEADLINE) as response:
        assert response.read() == b"{}\n"
    server.wait_for_stderr("wrapped:ws")
