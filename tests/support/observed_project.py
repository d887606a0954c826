"""A Django project with a view for each thing that can be seen of a request, on a server that observes it."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.control import sockets_below
from tests.support.django_projects import write_project
from tests.support.process import ServerProcess, run_hybrid, start_server
from tests.support.waiting import until

SETTINGS = """
MIDDLEWARE = ["shop.middleware.collecting"]
DATABASES["default"] |= {"NAME": "shop.sqlite3", "CONN_MAX_AGE": None}
"""
MIDDLEWARE = """
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpResponse


def collecting(get_response):
    async def middleware(request):
        response = await get_response(request)
        if request.GET.get("collect"):
            return HttpResponse(b"".join([part async for part in response]))  # collected
        return response

    def on_thread(request):
        response = get_response(request)
        if request.GET.get("collect"):
            return HttpResponse(b"".join(response))  # collected on a thread
        return response

    return markcoroutinefunction(middleware) if iscoroutinefunction(get_response) else on_thread


collecting.sync_capable = collecting.async_capable = True
"""
#: What blocks the loop does so until the server has looked at that often enough, however slow the machine is.
LOOKS = """
import threading
import time

from hybrid.adapters.django.lanes.observed import loop

ENOUGH = threading.Lock()
ENOUGH.acquire()
_LOOKS, _SECONDS = 3, 0.3
_step = _first = None
_count = 0


class Look(loop.Look):
    def __init__(self, frames):
        global _step, _first, _count
        super().__init__(frames)
        if not self.words[0].startswith("shop/urls.py"):
            return
        if self.step is not _step:
            _step, _first, _count = self.step, time.monotonic(), 0
        _count += 1
        if _count >= _LOOKS and time.monotonic() - _first >= _SECONDS:
            _count = float("-inf")  # once for each step
            ENOUGH.release()


loop.Look = Look
"""
URLS = """
import asyncio
from pathlib import Path

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from shop.looks import ENOUGH


def select():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def plain(request):
    return HttpResponse("plain")


async def hopping(request):
    for _ in range(3):
        await sync_to_async(select)()
    return HttpResponse("hopping")


def twice(request):
    select()
    select()
    return HttpResponse("twice")


def to_loop(request):
    async def nothing():
        return None

    async_to_sync(nothing)()
    return HttpResponse("to loop")


def block():
    ENOUGH.acquire(timeout=60)  # blocks


async def blocking(request):
    block()
    return HttpResponse("blocking")


def blocking_there(request):
    async def coroutine():
        ENOUGH.acquire(timeout=60)  # blocks from a thread

    async_to_sync(coroutine)()
    return HttpResponse("blocking there")


async def child(request):
    async def task():
        ENOUGH.acquire(timeout=60)  # blocks in a task

    await asyncio.create_task(task())
    return HttpResponse("child")


async def stream(request):
    return StreamingHttpResponse(iter([b"a", b"b"]))


def async_stream(request):
    async def parts():
        yield b"a"

    return StreamingHttpResponse(parts())


async def unsafe(request):
    try:
        select()  # unsafe
    except Exception:
        pass
    return HttpResponse("unsafe")


async def waiting(request):
    Path("waiting", request.method).touch()
    await asyncio.sleep(60)  # cancelled
    return HttpResponse("never")


class Careless(HttpResponse):
    def close(self):
        pass


def careless(request):
    return Careless("careless")


async def careless_async(request):
    return Careless("careless")


def broken(request):
    raise ValueError("broken")


VIEWS = (
    plain, hopping, twice, to_loop, blocking, blocking_there, child, stream, async_stream, unsafe, waiting,
    careless, careless_async, broken,
)
urlpatterns = [path(view.__name__, view, name=view.__name__) for view in VIEWS]
"""
FILES = {
    "+shop/settings.py": SETTINGS,
    "shop/looks.py": LOOKS,
    "shop/middleware.py": MIDDLEWARE,
    "shop/urls.py": URLS,
}


class ObservedServer:
    """A server that observes.

    Attributes:
        server: its process.
        folder: where the project is.
        control: its control directory.
    """

    def __init__(self, server: ServerProcess, folder: Path, control: Path) -> None:
        self.server = server
        self.folder = folder
        self.control = control

    def tell(self, *arguments: str, code: int | None = 0) -> str:
        """Return what the command prints."""
        done = run_hybrid("migrate", "observe", "--control", str(self.control), *arguments, cwd=self.folder)
        assert code is None or done.returncode == code, done.stdout + done.stderr
        assert not done.stderr
        return done.stdout

    def seen(self, *arguments: str) -> dict[str, Any]:
        """Return what the command tells programs, whatever is over what is allowed."""
        said: dict[str, Any] = json.loads(self.tell("--format", "json", *arguments, code=None))
        return said

    def line(self, marker: str, file: str = "shop/urls.py") -> int:
        """Return the line of the project's source that a comment marks."""
        lines = (self.folder / file).read_text(encoding="utf-8").splitlines()
        (number,) = (n for n, line in enumerate(lines, 1) if re.search(rf"# {marker}$", line))
        return number


@contextmanager
def observed(
    folder: Path, control: Path, files: Mapping[str, str] | None = None, **options: Any
) -> Iterator[ObservedServer]:
    """Serve the project with ``--observe``."""
    write_project(folder, {**FILES, **(files or {})})
    settings = {"django": "shop.settings", "observe": True, "control": control, "app_dir": folder, **options}
    with start_server(cwd=folder, access_log=False, **settings) as server:
        until(lambda: len(sockets_below(control)) == options.get("workers", 1))
        yield ObservedServer(server, folder, control)


def lane_of(said: Mapping[str, Any], view: str, lane: str) -> dict[str, Any]:
    """Return the figures of a view on a lane."""
    (found,) = (each["lanes"][lane] for each in said["views"] if each["name"] == view)
    figures: dict[str, Any] = found
    return figures


def findings_of(said: Mapping[str, Any], rule: str) -> list[dict[str, Any]]:
    """Return the findings of a rule."""
    return [each for each in said["findings"] if each["rule"] == rule]
