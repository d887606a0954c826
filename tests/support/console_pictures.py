"""Takes the pictures of the operations page in docs/images: `python -m tests.support.console_pictures`."""

import asyncio
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from tests.support.chromium import Chromium, Page
from tests.support.console import console_of
from tests.support.process import ROOT, ServerProcess, start_server
from tests.support.waiting import get

IMAGES = ROOT / "docs" / "images"
#: What clients ask for, and how often in comparison.
ASKED = {"/": 6, "/report/7": 1, "/api/search": 5, "/api/stock/5": 8}
#: Width and height of a laptop and of a phone.
SIZES = {"laptop": (1360, 1220), "phone": (390, 1500)}
_SECONDS = 75
CHANCE = random.SystemRandom()


@contextmanager
def busy_server(**options: object) -> Iterator[ServerProcess]:
    """Start the server that is watched."""
    targets = ("/=busy:shop", "/api=busy:api")
    settings: dict[str, Any] = {
        "ops": "127.0.0.1:0",
        "loop_watch": 0.1,
        "threads": 8,
        "control": "none",
        **options,
    }
    with start_server(*targets, cwd=ROOT, **settings) as server:
        yield server


@contextmanager
def traffic(server: ServerProcess, clients: int, sockets: int = 0) -> Iterator[None]:
    """Have clients ask, and keep WebSockets open, while the block runs."""
    ended = threading.Event()
    threads = [threading.Thread(target=_ask, args=(server, ended)) for _ in range(clients)]
    threads.append(threading.Thread(target=lambda: asyncio.run(_listen(server, ended, sockets))))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _ask(server: ServerProcess, ended: threading.Event) -> None:
    paths, weights = [*ASKED], [*ASKED.values()]
    with httpx.Client(base_url=server.url, timeout=20) as client:
        while not ended.wait(CHANCE.uniform(0, 0.02)):
            client.get(CHANCE.choices(paths, weights)[0])


async def _listen(server: ServerProcess, ended: threading.Event, count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(_stay(server, ended))


async def _stay(server: ServerProcess, ended: threading.Event) -> None:
    async with connect(f"{server.url.replace('http', 'ws', 1)}/api/rooms/hall") as socket:
        while not ended.is_set():
            await socket.recv()


def coloured(page: Page, scheme: str) -> None:
    """Have a page see that its user likes dark or light colours."""
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def main(seconds: float) -> None:
    """Take all of them."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        server = opened.enter_context(busy_server(loop_watch=0.2))
        opened.enter_context(traffic(server, clients=14, sockets=40))
        (folder / "profile").mkdir()
        browser = opened.enter_context(Chromium(folder / "profile"))
        pages = {}
        time.sleep(5)  # until everything is loaded
        for name, (width, height) in SIZES.items():
            pages[name] = browser.open(console_of(server), width, height)
            pages[name].call("Emulation.setScrollbarsHidden", hidden=True)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            get(server, "/api/export/all")
            time.sleep(8)
        for name, page in pages.items():
            for scheme in ("light", "dark"):
                page.call("Page.bringToFront")
                coloured(page, scheme)
                time.sleep(2.5)  # for two readings
                page.screenshot(IMAGES / f"ops-{name}-{scheme}.png")
            assert page.complaints() == []


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else _SECONDS)
