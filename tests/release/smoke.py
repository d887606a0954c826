"""Whether an installed release serves: both kinds of application, WebSocket, and the end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.release.pythons import ReleaseError, run
from tests.support.process import DEADLINE, ServerProcess
from tests.support.programs import Program

#: What is served: a Flask application, and an ASGI application with a WebSocket.
SITE = """
import threading

from flask import Flask

shop = Flask("shop")
asked, answer = threading.Event(), threading.Event()


@shop.get("/")
def index():
    return "a view on " + threading.current_thread().name


@shop.get("/slow")
def slow():
    asked.set()
    answer.wait(20)
    return "late"


@shop.get("/asked")
def was_asked():
    return "yes" if asked.wait(20) else "no"


async def live(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a coroutine"})
        answer.set()
    else:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
"""


def smoke(python: Path, folder: Path) -> None:
    """Serve a site with the release that a Python has, and use it.

    Args:
        python: of the environment that the release is installed in.
        folder: an empty one, for the site.

    Raises:
        ReleaseError: something did not happen as it must.
    """
    (folder / "site_of_two.py").write_text(SITE, encoding="utf-8")
    run(python, "-m", "hybrid", "check", "site_of_two:shop", "/live=site_of_two:live", cwd=folder)
    command = [str(python), "-m", "hybrid", "serve", "--port=0", "site_of_two:shop", "/live=site_of_two:live"]
    try:
        with Program(command, {}, cwd=folder) as server, httpx.Client(timeout=DEADLINE) as client:
            _use(server.wait_until_listening(), client)
    except (AssertionError, OSError, httpx.HTTPError, WebSocketException) as error:
        raise ReleaseError(f"{python}: {error!r}") from error


def _use(server: ServerProcess, client: httpx.Client) -> None:
    """Ask both applications, talk to the WebSocket, and end the server while a request is in flight."""
    _expect("a view", client.get(f"{server.url}/").text[:6])
    _expect("a coroutine", client.get(f"{server.url}/live/").text)
    with connect(f"ws://127.0.0.1:{server.port}/live/", open_timeout=DEADLINE) as socket:
        for message in ("hello", b"\x00\xff"):
            socket.send(message)
            _expect(message, socket.recv(DEADLINE))
    with _asking(f"{server.url}/slow") as answers:
        _expect("yes", client.get(f"{server.url}/asked").text)
        _expect("a coroutine", client.get(f"{server.url}/live/").text)
        code = server.terminate()
    _expect(["late"], answers)
    _expect(0, code)


def _expect(expected: object, found: object) -> None:
    if found != expected:
        raise ReleaseError(f"expected {expected!r}, found {found!r}")


@contextmanager
def _asking(url: str) -> Iterator[list[str]]:
    """Have asked on a thread; the answer is in the list at the end of the block."""
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(httpx.get(url, timeout=DEADLINE).text))
    thread.start()
    yield answers
    thread.join(DEADLINE)
