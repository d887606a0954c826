"""Groups of Flask's WebSockets across the workers of one server, and through Redis."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import ClientConnection

from tests.support.needs import require_module
from tests.support.process import DEADLINE, Serve
from tests.support.redis import redis_process
from tests.support.websocket_clients import opened

require_module("flask")

APPLICATION = """
import json, os
from flask import Flask, request
from hybrid.adapters.flask import WebSockets

app = Flask(__name__)
ws = WebSockets(app)

@ws.route("/async/<room>")
async def one(socket, room):
    await socket.join(room, {"pid": os.getpid()})
    await socket.send(f"joined in {os.getpid()}")
    async for text in socket:
        await socket.emit(room, text)

@ws.route("/thread/<room>")
def other(socket, room):
    socket.join(room, {"pid": os.getpid()})
    socket.send(f"joined in {os.getpid()}")
    for text in socket:
        socket.emit(room, text)

@app.post("/say/<room>")
def say(room):
    ws.emit(room, request.get_data(as_text=True))
    return str(os.getpid())
"""


@pytest.fixture(params=["", "redis"])
def layer(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Say which layer there is: the default, or one through Redis."""
    if not request.param:
        yield {}
        return
    with redis_process() as url:
        yield {"layer": url}


def heard(websocket: ClientConnection) -> str:
    """Return the next text."""
    text = websocket.recv(timeout=DEADLINE)
    assert isinstance(text, str)
    return text


def test_several_workers(serve: Serve, tmp_path: Path, layer: dict[str, str]) -> None:
    """What a view, a coroutine or a thread emits reaches the sockets of all workers, once and in order."""
    (tmp_path / "talks.py").write_text(APPLICATION)
    server = serve("talks:app", app_dir=tmp_path, workers=2, **layer)
    with ExitStack() as stack:
        sockets: list[ClientConnection] = []
        workers: set[str] = set()
        while len(workers) < 2 or len(sockets) < 6:
            kind = ("async", "thread")[len(sockets) % 2]
            sockets.append(stack.enter_context(opened(server, f"/{kind}/red")))
            workers.add(heard(sockets[-1]))
            assert len(sockets) < 50, "all connections are one worker's"
        elsewhere = stack.enter_context(opened(server, "/async/blue"))
        heard(elsewhere)
        for number in range(3):
            answer = httpx.post(f"{server.url}/say/red", content=f"view {number}", timeout=DEADLINE)
            assert answer.status_code == 200, answer.text
            assert [heard(each) for each in sockets] == [f"view {number}"] * len(sockets)
        for sender in sockets[:2]:
            for number in range(10):
                sender.send(f"{number}")
            for each in sockets:
                assert [heard(each) for _ in range(10)] == [f"{number}" for number in range(10)]
        elsewhere.send("end")
        assert heard(elsewhere) == "end"
    assert server.terminate() == 0
    assert "Traceback" not in server.stderr
