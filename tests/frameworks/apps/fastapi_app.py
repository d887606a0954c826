"""A FastAPI application that uses much of what there is."""

import asyncio
import hashlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    Form,
    HTTPException,
    Request,
    Response,
    UploadFile,
    WebSocket,
    WebSocketDisconnect,
    WebSocketException,
)
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from tests.frameworks.apps.notes import note

PART = bytes(64 * 1024)

_released: dict[str, asyncio.Event] = defaultdict(asyncio.Event)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Leave something in the state, and say when it begins and ends."""
    note("lifespan began")
    yield {"greeting": "hello"}
    note("lifespan ended")


app = FastAPI(lifespan=lifespan)


@app.middleware("http")
async def mark(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Mark each response: this kind of middleware hands bodies on through a task and a queue of its own."""
    response = await call_next(request)
    response.headers["X-Marked"] = "yes"
    return response


async def session(name: str) -> AsyncIterator[str]:
    """Give something that must be closed."""
    note(f"{name} session opened")
    try:
        yield f"session of {name}"
    finally:
        note(f"{name} session closed")


Session = Annotated[str, Depends(session)]


class Item(BaseModel):
    """What is posted as JSON."""

    name: str
    price: float


@app.get("/greeting")
async def greeting(request: Request) -> dict[str, Any]:
    """Show what the lifespan has left."""
    return {"greeting": request.state.greeting, "client": request.client and request.client.host}


@app.get("/thread")
def thread() -> dict[str, bool]:
    """Run on a thread, as functions that are no coroutines do."""
    return {"main": threading.current_thread() is threading.main_thread()}


@app.post("/items", status_code=201)
async def create_item(item: Item) -> Item:
    """Check and return an item."""
    return item


@app.post("/upload")
async def upload(files: list[UploadFile], title: Annotated[str, Form()]) -> dict[str, Any]:
    """Read files in parts, which are on disk when they are large."""
    digests = {}
    for file in files:
        digest = hashlib.sha256()
        while part := await file.read(64 * 1024):
            digest.update(part)
        digests[file.filename] = digest.hexdigest()
    return {"title": title, "files": digests}


@app.get("/session/{name}")
async def use_session(name: str, session: Session) -> str:
    """Use the dependency."""
    return session


@app.get("/refused")
async def refused() -> None:
    """Refuse."""
    raise HTTPException(418, "a teapot", {"X-Kettle": "on"})


@app.get("/broken/{name}")
async def broken(name: str, session: Session) -> None:
    """Fail."""
    raise RuntimeError("on purpose")


# Streams.


@app.get("/flood/{name}")
async def flood(name: str, session: Session) -> StreamingResponse:
    """Send for ever."""

    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                note(f"{name} part")
                yield PART
        finally:
            note(f"{name} ended")

    return StreamingResponse(parts())


@app.get("/quiet/{name}")
async def quiet(name: str, session: Session) -> StreamingResponse:
    """Send one line, and then nothing."""

    async def lines() -> AsyncIterator[str]:
        try:
            yield "first\n"
            await asyncio.Event().wait()
        finally:
            note(f"{name} ended")

    return StreamingResponse(lines())


# Background tasks.


@app.post("/later/{name}")
async def later(name: str, tasks: BackgroundTasks) -> dict[str, str]:
    """Answer, and go on until the task is released."""

    async def work() -> None:
        await _released[name].wait()
        note(f"{name} worked")

    tasks.add_task(work)
    return {"will": "be done"}


@app.post("/release/{name}")
async def release(name: str) -> None:
    """Let a background task, or a handshake, go on."""
    _released[name].set()


# WebSockets.


@app.websocket("/ws/{name}")
async def talk(websocket: WebSocket, name: str, session: Session) -> None:
    """Answer each message, and do what it asks for."""
    chosen = next((each for each in websocket.scope["subprotocols"] if each.startswith("json.")), None)
    await websocket.accept(chosen, headers=[(b"x-session", session.encode())])
    try:
        while True:
            match await websocket.receive_json():
                case {"close": code, "reason": reason}:
                    await websocket.close(code, reason)
                    await websocket.receive()  # the end of it, which there is whoever closes
                    note(f"{name} closed")
                    return
                case {"fail": _}:
                    raise RuntimeError("on purpose")
                case {"return": _}:
                    return
                case message:
                    await websocket.send_json({"got": message, "greeting": websocket.state.greeting})
    except WebSocketDisconnect as disconnect:
        note(f"{name} left {disconnect.code} {disconnect.reason}")


@app.websocket("/flood/{name}")
async def flood_websocket(websocket: WebSocket, name: str, session: Session) -> None:
    """Send for ever, and do not listen: that the client is gone comes as an exception nobody here handles."""
    await websocket.accept()
    while True:
        note(f"{name} message")
        await websocket.send_bytes(PART)


@app.websocket("/slow/{name}")
async def slow_handshake(websocket: WebSocket, name: str) -> None:
    """Accept when released."""
    note(f"{name} waits")
    await _released[name].wait()
    try:
        await websocket.accept()
    except OSError:
        message = await websocket.receive()
        note(f"{name} {message['type']} {message['code']}")


async def _refuse() -> None:
    raise HTTPException(401, "who are you?", {"WWW-Authenticate": "Bearer"})


async def _refuse_by_code() -> None:
    raise WebSocketException(1008, "not you")


@app.websocket("/refused/http")
async def refused_websocket(websocket: WebSocket, _: Annotated[None, Depends(_refuse)]) -> None:
    """Refuse the handshake with a response."""


@app.websocket("/refused/code")
async def refused_by_code(websocket: WebSocket, _: Annotated[None, Depends(_refuse_by_code)]) -> None:
    """Refuse it with a close code, which can reach nobody then."""


@app.websocket("/refused/failing")
async def failing(websocket: WebSocket) -> None:
    """Fail before the handshake is answered."""
    raise RuntimeError("on purpose")
