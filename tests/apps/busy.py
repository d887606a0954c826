"""A shop with something of everything for who watches it: threads that wait and that calculate, routes on the
loop, WebSockets, errors, and now and then something that holds the loop.
"""

import asyncio
import random
import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge import ProtocolTypeRouter, URLRouter, path
from hybrid.bridge.types import Receive, Scope, Send

CHANCE = random.SystemRandom()


def shop(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer after some milliseconds; `/report` calculates."""
    where = environ["PATH_INFO"]
    if where.startswith("/report"):
        calculate(0.02)
    else:
        time.sleep(CHANCE.uniform(0.005, 0.03))
    status = "500 Failed" if CHANCE.random() < 0.01 else "200 OK"
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]


def calculate(seconds: float) -> None:
    """Use the CPU."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


async def search(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait for somebody else, on the loop."""
    await asyncio.sleep(CHANCE.uniform(0.002, 0.05))
    await answer(send)


async def stock(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once."""
    await answer(send, 404 if CHANCE.random() < 0.05 else 200)


async def export(scope: Scope, receive: Receive, send: Send) -> None:
    """Hold the loop, as nobody should."""
    render_all_pages()
    await answer(send)


def render_all_pages() -> None:
    """Take long."""
    calculate(0.3)


async def answer(send: Send, status: int = 200) -> None:
    """Send a short response."""
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"ok\n"})


async def rooms(scope: Scope, receive: Receive, send: Send) -> None:
    """Say something twice a second."""
    await receive()
    await send({"type": "websocket.accept"})
    listening = asyncio.ensure_future(receive())
    while not listening.done():
        await asyncio.wait({listening}, timeout=0.5)
        await send({"type": "websocket.send", "text": "news"})


api = ProtocolTypeRouter(
    {
        "http": URLRouter(
            [path("search", search), path("stock/<int:item>", stock), path("export/<slug:name>", export)]
        ),
        "websocket": URLRouter([path("rooms/<slug:name>", rooms)]),
    }
)
