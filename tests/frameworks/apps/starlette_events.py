"""A Starlette application with streams: its own, one that knows of the stop, and sse-starlette's."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.frameworks.apps.notes import note

PART = bytes(64 * 1024)
_END = ""

_subscribers: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)


async def _published(name: str, stopping: anyio.Event | None = None) -> AsyncGenerator[str, None]:
    """Give what is published, for as long as it is asked for, or until the server stops."""
    queue = asyncio.Queue[str]()
    _subscribers[name].add(queue)

    async def end() -> None:
        if stopping is not None:
            await stopping.wait()
            queue.put_nowait(_END)

    ending = asyncio.create_task(end())
    try:
        while (text := await queue.get()) != _END:
            yield text
    finally:
        ending.cancel()
        _subscribers[name].discard(queue)
        note(f"{name} ended")


async def publish(request: Request) -> Response:
    """Hand what is posted to all who have subscribed, and say how many."""
    queues = _subscribers[request.path_params["name"]]
    if request.method == "POST":
        text = (await request.body()).decode()
        for queue in queues:
            queue.put_nowait(text)
    return PlainTextResponse(str(len(queues)))


async def events(request: Request) -> Response:
    """Stream what is published, with nothing but Starlette."""

    async def lines() -> AsyncIterator[str]:
        yield ": welcome\n\n"
        async with aclosing(_published(request.path_params["name"])) as texts:
            async for text in texts:
                if text == "fail":
                    raise RuntimeError("on purpose")
                yield f"data: {text}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


async def polite(request: Request) -> Response:
    """Say good-bye when the server stops."""
    stopping = request.scope["extensions"]["hybrid.shutdown"]

    async def lines() -> AsyncIterator[str]:
        yield ": welcome\n\n"
        await stopping.wait()
        yield "event: bye\ndata: \n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


async def library(request: Request) -> Response:
    """Stream what is published, with sse-starlette."""
    name = request.path_params["name"]
    stopping = anyio.Event()

    async def messages() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent("welcome")
        async with aclosing(_published(name, stopping)) as texts:
            async for text in texts:
                yield ServerSentEvent(text, event="published", id="1")
        yield ServerSentEvent("bye")

    async def closed(message: object) -> None:
        note(f"{name} client closed")

    return EventSourceResponse(
        messages(), client_close_handler_callable=closed, shutdown_event=stopping, shutdown_grace_period=5
    )


async def flood(request: Request) -> Response:
    """Send for ever."""
    name = request.path_params["name"]

    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                note(f"{name} part")
                yield PART
        finally:
            note(f"{name} ended")

    return StreamingResponse(parts())


async def numbers(request: Request) -> Response:
    """Stream to the end, from a generator that runs on threads, with a task afterwards."""
    task = BackgroundTask(note, f"{request.path_params['name']} task")
    return StreamingResponse((f"{number}\n" for number in range(1000)), background=task)


app = Starlette(
    routes=[
        Route("/publish/{name}", publish, methods=["GET", "POST"]),
        Route("/events/{name}", events),
        Route("/polite", polite),
        Route("/library/{name}", library),
        Route("/flood/{name}", flood),
        Route("/numbers/{name}", numbers),
    ]
)
