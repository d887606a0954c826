"""Views that stream, and that send files."""

import asyncio
import io
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from django.db.transaction import non_atomic_requests  # type: ignore[import-untyped]
from django.http import FileResponse, HttpRequest, StreamingHttpResponse  # type: ignore[import-untyped]

from tests.apps.django_alike.journal import note


def _parts(request: HttpRequest) -> Iterator[bytes]:
    try:
        for number in range(int(request.GET.get("parts", 3))):
            if number == int(request.GET.get("fails", -1)):
                raise ValueError("in a stream")
            yield b"%d\n" % number * int(request.GET.get("size", 1))
    finally:
        note("stream closed")


async def _async_parts(request: HttpRequest) -> AsyncIterator[bytes]:
    try:
        for number in range(int(request.GET.get("parts", 3))):
            if number == int(request.GET.get("fails", -1)):
                raise ValueError("in a stream")
            await asyncio.sleep(0)
            yield b"%d\n" % number * int(request.GET.get("size", 1))
    finally:
        note("stream closed")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream from a generator."""
    return StreamingHttpResponse(_parts(request), content_type="text/plain")


def stream_of_async(request: HttpRequest) -> StreamingHttpResponse:
    """Stream from an asynchronous generator."""
    return StreamingHttpResponse(_async_parts(request), content_type="text/plain")


@non_atomic_requests  # type: ignore[untyped-decorator]
async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream from an asynchronous generator."""
    return StreamingHttpResponse(_async_parts(request), content_type="text/plain")


@non_atomic_requests  # type: ignore[untyped-decorator]
async def async_stream_of_sync(request: HttpRequest) -> StreamingHttpResponse:
    """Stream from a generator."""
    return StreamingHttpResponse(_parts(request), content_type="text/plain")


def with_length(request: HttpRequest) -> StreamingHttpResponse:
    """Stream what has a length."""
    return StreamingHttpResponse(_parts(request), headers={"Content-Length": "6"})


def file(request: HttpRequest) -> FileResponse:
    """Send a file."""
    return FileResponse(Path(os.environ["ALIKE_FILE"]).open("rb"), as_attachment=True, filename="\u00e9.txt")


@non_atomic_requests  # type: ignore[untyped-decorator]
async def async_file(request: HttpRequest) -> FileResponse:
    """Send a file."""
    return FileResponse(Path(os.environ["ALIKE_FILE"]).open("rb"))  # noqa: ASYNC230 - as projects do


def file_in_memory(request: HttpRequest) -> FileResponse:
    """Send what is in memory as a file."""
    return FileResponse(io.BytesIO(b"in memory"), filename="memory.bin")


def waits(request: HttpRequest) -> StreamingHttpResponse:
    """Wait until the test lets this go on, and say when that is over."""
    note("view waits")
    step = threading.Event()
    while not Path(os.environ["ALIKE_GATE"]).exists():
        step.wait(0.005)
    note("view goes on")
    return StreamingHttpResponse(_parts(request))


@non_atomic_requests  # type: ignore[untyped-decorator]
async def async_waits(request: HttpRequest) -> StreamingHttpResponse:
    """Wait until the test lets this go on, or somebody cancels it."""
    note("view waits")
    try:
        while not Path(os.environ["ALIKE_GATE"]).exists():  # noqa: ASYNC240 - a look at a local file
            await asyncio.sleep(0.005)
    except asyncio.CancelledError:
        note("view cancelled")
        raise
    note("view goes on")
    return StreamingHttpResponse(_async_parts(request))
