"""A Socket.IO server in front of another ASGI application, which says good-bye when the server stops."""

import asyncio
from typing import Any

import socketio

from hybrid import shutdown_notice
from hybrid.bridge.types import Receive, Scope, Send
from tests.frameworks.apps.notes import note

server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", ping_interval=20)


@server.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    """Let in who has the password, if one is offered."""
    if auth == {"password": "wrong"}:
        raise socketio.exceptions.ConnectionRefusedError("who are you?")
    await server.save_session(sid, {"name": (auth or {}).get("name", "nobody"), "path": environ["PATH_INFO"]})


@server.event
async def disconnect(sid: str, reason: str) -> None:
    """Note who is gone, and why."""
    async with server.session(sid) as session:
        note(f"{session['name']} gone: {reason}")


@server.event
async def whoami(sid: str) -> dict[str, Any]:
    """Show the session and the transport."""
    async with server.session(sid) as session:
        return {**session, "transport": server.transport(sid)}


@server.event
async def echo(sid: str, data: Any) -> Any:
    """Send an event back, and the same as the acknowledgement."""
    await server.emit("echoed", data, to=sid)
    return data


@server.event
async def join(sid: str, room: str) -> None:
    """Enter a room."""
    await server.enter_room(sid, room)


@server.event
async def leave(sid: str, room: str) -> None:
    """Leave a room."""
    await server.leave_room(sid, room)


@server.event
async def say(sid: str, room: str, text: str) -> None:
    """Say something to all others in a room."""
    await server.emit("said", text, room=room, skip_sid=sid)


@server.event
async def kick(sid: str) -> None:
    """End the connection, and not only what is in it: a long poll would go on without it."""
    await server.eio.disconnect(server.manager.eio_sid_from_sid(sid, "/"))


@server.event
async def fail(sid: str) -> None:
    """Fail."""
    raise RuntimeError("on purpose")


async def other(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what is not for Socket.IO."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"other"})


_tasks: set["asyncio.Task[None]"] = set()


async def _end_in_time() -> None:
    """Disconnect everybody when the server stops: a long poll would be waited for."""
    notice = shutdown_notice()
    if notice is not None:
        await notice.wait()
        if server.eio.sockets:
            await server.eio.disconnect()


async def start() -> None:
    """Wait for the stop, from the start on."""
    _tasks.add(asyncio.create_task(_end_in_time()))


async def stop() -> None:
    """End what the server does in the background."""
    await server.shutdown()
    note("socketio ended")


app = socketio.ASGIApp(server, other, on_startup=start, on_shutdown=stop)
