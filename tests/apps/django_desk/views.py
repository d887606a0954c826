"""Views of each kind."""

import asyncio
import gc
import json
import math
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User  # type: ignore[import-untyped]
from django.core.signals import request_finished, request_started  # type: ignore[import-untyped]
from django.db import connection  # type: ignore[import-untyped]
from django.http import (  # type: ignore[import-untyped]
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseNotModified,
    JsonResponse,
    StreamingHttpResponse,
)
from django.views import View  # type: ignore[import-untyped]

import hybrid
from hybrid.adapters.django.lanes.choice import DjangoLanes
from hybrid.adapters.django.lanes.figures import Figures
from hybrid.adapters.django.lanes.threads import StickyThreads
from hybrid.bridge.wsgi import admission
from hybrid.bridge.wsgi.threadpool import ThreadPool

#: How many requests have begun and ended.
seen: Counter[str] = Counter()
#: On which threads connections to the database were used.
used: set[str] = set()


def _note(signal: str) -> Any:
    def receive(sender: Any, **kwargs: Any) -> None:
        seen[signal] += 1
        if name := os.environ.get("DESK_ENDS"):
            with Path(name).open("a", encoding="utf-8") as file:
                file.write(f"{signal}\n")

    return receive


_receivers = [_note("started"), _note("finished")]
request_started.connect(_receivers[0])
request_finished.connect(_receivers[1])


def _told(request: HttpRequest, **more: object) -> JsonResponse:
    match = request.resolver_match
    here = threading.current_thread().name
    return JsonResponse({"thread": here, "view": match.view_name, "kwargs": match.kwargs, **more})


def sync(request: HttpRequest) -> JsonResponse:
    """Say where this runs."""
    return _told(request)


async def asynchronous(request: HttpRequest) -> JsonResponse:
    """Say where this runs."""
    return _told(request)


class AsyncView(View):  # type: ignore[misc]
    """A view whose handlers are coroutines."""

    async def get(self, request: HttpRequest) -> JsonResponse:
        """Say where this runs."""
        return _told(request)


class SyncView(View):  # type: ignore[misc]
    """A view whose handlers are functions."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """Say where this runs."""
        return _told(request)


@hybrid.lane("asgi")
def marked(request: HttpRequest) -> JsonResponse:
    """Say where this runs: on a thread of the asgi lane."""
    return _told(request)


def ticket(request: HttpRequest, number: int) -> JsonResponse:
    """Say what was asked for."""
    return _told(request, number=number)


def _meta(request: HttpRequest) -> JsonResponse:
    shown = {key: [type(value).__name__, str(value)] for key, value in request.META.items()}
    return JsonResponse(
        {
            "META": shown,
            "path": request.path,
            "path_info": request.path_info,
            "scheme": request.scheme,
            "GET": dict(request.GET.lists()),
            "cookies": request.COOKIES,
            "has_environ": hasattr(request, "environ"),
            "uri": request.build_absolute_uri(),
        }
    )


def meta(request: HttpRequest) -> JsonResponse:
    """Tell all about the request."""
    return _meta(request)


async def async_meta(request: HttpRequest) -> JsonResponse:
    """Tell all about the request."""
    return _meta(request)


def _body(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"size": len(request.body), "length": request.META.get("CONTENT_LENGTH")})


def body(request: HttpRequest) -> JsonResponse:
    """Tell the size of the body."""
    return _body(request)


async def async_body(request: HttpRequest) -> JsonResponse:
    """Tell the size of the body."""
    return _body(request)


body.csrf_exempt = async_body.csrf_exempt = True  # type: ignore[attr-defined]


def _count() -> int:
    used.add(threading.current_thread().name)
    count = User.objects.count()
    assert connection.connection is not None
    return int(count)


def users(request: HttpRequest) -> JsonResponse:
    """Ask the database."""
    return _told(request, users=_count())


async def async_users(request: HttpRequest) -> JsonResponse:
    """Ask the database, twice, from a coroutine."""
    count = sync_to_async(_count)
    first, thread = await count(), await sync_to_async(lambda: threading.current_thread().name)()
    return _told(request, users=[first, await count()], threads=[thread])


async def async_user(request: HttpRequest) -> JsonResponse:
    """Ask for the user, whose session is in the database."""
    return _told(request, user=str(await request.auser()))


def _parts(count: int, size: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def _async_parts(count: int, size: int) -> AsyncIterator[bytes]:
    try:
        for _ in range(count):
            await asyncio.sleep(0)
            yield b"x" * size
    finally:
        seen["streams ended"] += 1


def _wanted(request: HttpRequest) -> tuple[int, int]:
    return int(request.GET.get("count", 3)), int(request.GET.get("size", 2))


class _Gated:
    """Parts of which each comes when a file is there: so a test knows that none has been waited for."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def __iter__(self) -> Iterator[bytes]:
        for number in range(3):
            self._wait(number)
            yield f"{number}\n".encode()

    def _wait(self, number: int) -> None:
        step = threading.Event()
        while not (self._folder / str(number)).exists():
            step.wait(0.005)

    async def parts(self) -> AsyncIterator[bytes]:
        """Give the same, without a thread that waits."""
        for number in range(3):
            while not (self._folder / str(number)).exists():
                await asyncio.sleep(0.005)
            yield f"{number}\n".encode()


def _sync_stream(request: HttpRequest) -> StreamingHttpResponse:
    gate = request.GET.get("gate")
    return StreamingHttpResponse(iter(_Gated(gate)) if gate else _parts(*_wanted(request)))


def _stream_of_coroutines(request: HttpRequest) -> StreamingHttpResponse:
    gate = request.GET.get("gate")
    return StreamingHttpResponse(_Gated(gate).parts() if gate else _async_parts(*_wanted(request)))


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream."""
    return _sync_stream(request)


def stream_of_async(request: HttpRequest) -> StreamingHttpResponse:
    """Stream what a coroutine gives, from a thread."""
    return _stream_of_coroutines(request)


async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream what a coroutine gives."""
    return _stream_of_coroutines(request)


async def async_stream_of_sync(request: HttpRequest) -> StreamingHttpResponse:
    """Stream what a generator gives, from a coroutine."""
    return _sync_stream(request)


async def _failing_parts() -> AsyncIterator[bytes]:
    yield b"a part"
    await asyncio.sleep(0)
    yield b"%d" % (1 // 0)


def failing_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream what fails after its first part, from a thread."""
    return StreamingHttpResponse(_failing_parts())


async def async_failing_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream what fails after its first part."""
    return StreamingHttpResponse(_failing_parts())


def _file(request: HttpRequest) -> FileResponse:
    status = int(request.GET.get("status", 200))
    return FileResponse(Path(os.environ["DESK_FILE"]).open("rb"), status=status)


def file(request: HttpRequest) -> FileResponse:
    """Send a file."""
    return _file(request)


async def async_file(request: HttpRequest) -> FileResponse:
    """Send a file."""
    return _file(request)


class _MadeFile:
    """What reads like a file, and is none: its bytes are made when they are read."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """Make so many bytes."""
        made = self._left if size < 0 else min(size, self._left)
        self._left -= made
        return b"x" * made

    def close(self) -> None:
        """Be closed with the response."""
        seen["made files closed"] += 1


def _made_file(request: HttpRequest) -> FileResponse:
    count, size = _wanted(request)
    return FileResponse(_MadeFile(count * size))


def made_file(request: HttpRequest) -> FileResponse:
    """Send what only reads like a file."""
    return _made_file(request)


async def async_made_file(request: HttpRequest) -> FileResponse:
    """Send what only reads like a file."""
    return _made_file(request)


def broken(request: HttpRequest) -> HttpResponse:
    """Fail."""
    raise ValueError("in a view")


async def async_broken(request: HttpRequest) -> HttpResponse:
    """Fail."""
    raise ValueError("in a view")


def not_modified(request: HttpRequest) -> HttpResponse:
    """Say that nothing has changed."""
    return HttpResponseNotModified()


async def async_not_modified(request: HttpRequest) -> HttpResponse:
    """Say that nothing has changed."""
    return HttpResponseNotModified()


async def async_waits(request: HttpRequest) -> HttpResponse:
    """Wait until somebody cancels this, and answer even so if `status` says with what."""
    seen["waiting"] += 1
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if "status" not in request.GET:
            raise
    finally:
        seen["cancelled"] += 1
    return HttpResponse(status=int(request.GET["status"]))


def _failing_at_once() -> Iterator[bytes]:
    yield b"%d" % (1 // 0)


def fruitless_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream what fails before its first part."""
    return StreamingHttpResponse(_failing_at_once())


async def async_fruitless_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream what fails before its first part, from a coroutine."""
    return StreamingHttpResponse(_failing_at_once())


def leaves(request: HttpRequest) -> HttpResponse:
    """Answer when the client has left."""
    seen["waiting"] += 1
    has_left, step = request.environ["hybrid.disconnected"], threading.Event()
    while not has_left():
        step.wait(0.005)
    return HttpResponse()


async def async_holds(request: HttpRequest) -> HttpResponse:
    """Hold the loop up for so many seconds, and then for as long again after a pause."""
    for _ in range(2):
        time.sleep(float(request.GET["seconds"]))  # noqa: ASYNC251 - what is tested
        await asyncio.sleep(0)
    return HttpResponse()


def figures(request: HttpRequest) -> JsonResponse:
    """Tell what the server has counted of each view, on each lane; with `timed`, have the steps of that view
    alone timed from now on.
    """
    if timed := request.GET.get("timed"):
        (lanes,) = [each for each in gc.get_objects() if isinstance(each, DjangoLanes)]
        lanes.timed = frozenset((timed,))
    (found,) = [each for each in gc.get_objects() if isinstance(each, Figures)]
    return JsonResponse(
        {
            view: {lane: {**counts.to_json(), "p50": counts.p50} for lane, counts in lanes.items()}
            for view, lanes in found.snapshot().items()
        }
    )


def signals_seen(request: HttpRequest) -> HttpResponse:
    """Tell what has been counted, this request included."""
    return HttpResponse(json.dumps(seen), content_type="application/json")


def threads_seen(request: HttpRequest) -> JsonResponse:
    """Tell which threads have used the database."""
    return JsonResponse({"used": sorted(used), "open": _open_databases()})


async def at_rest(request: HttpRequest) -> JsonResponse:
    """Tell whether no request is on a thread of either lane, but for this one. A job wakes one thread of the
    pool from now on, however long a busy machine lets that wait.
    """
    admission._BUSY_SHARE, admission._STUCK_SECONDS = -math.inf, math.inf
    objects = gc.get_objects()
    busy = [each.busy for each in objects if isinstance(each, ThreadPool)]
    requests = [
        thread.requests for each in objects if isinstance(each, StickyThreads) for thread in each._threads
    ]
    return JsonResponse({"at_rest": not any(busy) and sum(requests) == 1})


def _open_databases() -> int:
    """Count the descriptors of the database's file (Linux)."""
    name = Path(str(connection.settings_dict["NAME"])).name
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of the folder itself
            count += descriptor.readlink().name == name
    return count


def who(request: HttpRequest) -> JsonResponse:
    """Tell who has signed in, as far as a middleware knows."""
    return JsonResponse({"user": str(request.user), "META": _identities(request)})


async def async_who(request: HttpRequest) -> JsonResponse:
    """Tell who has signed in, as far as a middleware knows."""
    return JsonResponse({"user": str(request.user), "META": _identities(request)})


def _identities(request: HttpRequest) -> dict[str, str]:
    return {key: value for key, value in request.META.items() if "USER" in key and key != "HTTP_USER_AGENT"}
