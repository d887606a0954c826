"""A Quart application: views, bodies that are read as they come, streams, WebSockets and background tasks."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from typing import Any

from quart import Quart, Response, abort, jsonify, redirect, request, url_for, websocket
from quart.typing import ResponseReturnValue

from tests.frameworks.apps.notes import note

PART = bytes(64 * 1024)

app = Quart(__name__)
app.config["RESPONSE_TIMEOUT"] = None
_released = asyncio.Event()


@app.while_serving
async def lifespan() -> AsyncGenerator[None, None]:
    """Say when it begins and ends."""
    note("lifespan began")
    yield
    note("lifespan ended")


@app.get("/hello/<name>")
async def hello(name: str) -> str:
    """Greet."""
    return f"Hello, {name}!"


@app.get("/away")
async def away() -> ResponseReturnValue:
    """Redirect to another view, below whatever the application is mounted at."""
    return redirect(url_for("hello", name="again"))


@app.post("/form")
async def form() -> Response:
    """Show what was posted, files too."""
    files = {name: len(file.read()) for name, file in (await request.files).items()}
    return jsonify(form=(await request.form).to_dict(), files=files)


@app.post("/digest")
async def digest() -> str:
    """Read the body in parts."""
    found = hashlib.sha256()
    async for part in request.body:
        found.update(part)
    return found.hexdigest()


@app.get("/broken")
async def broken() -> str:
    """Fail."""
    raise RuntimeError("on purpose")


@app.get("/stream/<kind>/<name>")
async def stream(kind: str, name: str) -> Any:
    """Send a few parts, one and then nothing, or parts for ever."""

    async def parts() -> AsyncGenerator[bytes, None]:
        try:
            match kind:
                case "short":
                    for number in range(3):
                        yield f"{number}\n".encode()
                case "quiet":
                    yield b"first\n"
                    await asyncio.Event().wait()
                case _:
                    while True:
                        note(f"{name} part")
                        yield PART
        finally:
            note(f"{name} ended")

    return parts(), {"Content-Type": "application/octet-stream"}


@app.post("/later/<name>")
async def later(name: str) -> str:
    """Leave a task that runs until it is released."""

    async def work() -> None:
        await _released.wait()
        note(f"{name} worked")

    app.add_background_task(work)
    return "later"


@app.post("/release")
async def release() -> str:
    """Let tasks go on."""
    _released.set()
    return "released"


@app.websocket("/ws/<name>")
async def talk(name: str) -> None:
    """Answer each message, and do what it asks for."""
    offered = websocket.requested_subprotocols
    await websocket.accept(headers={"X-Name": name}, subprotocol=offered[0] if offered else None)
    try:
        while True:
            match await websocket.receive_json():
                case {"close": code, "reason": reason}:
                    await websocket.close(code, reason)
                case {"return": _}:
                    return
                case {"fail": _}:
                    raise RuntimeError("on purpose")
                case {"flood": _}:
                    while True:
                        note(f"{name} message")
                        await websocket.send(PART)
                case message:
                    await websocket.send_json({"got": message})
    finally:
        note(f"{name} ended")


@app.websocket("/refused")
async def refused() -> None:
    """Refuse the handshake."""
    abort(401)


@app.websocket("/failing")
async def failing() -> Any:
    """Fail before the handshake is answered."""
    raise RuntimeError("on purpose")
