"""The live part: the WebSocket of an open page, and what views tell all of them."""

import asyncio
from typing import Any

from flask import Flask, abort, current_app, g

from demo_flask.store import Account, Message, Room, get_store
from hybrid.adapters.flask import Socket, WebSockets
from hybrid.bridge.auth import disconnect_user
from hybrid.bridge.errors import ChannelLayerError, HybridError

#: A page says something every 25 seconds, or every minute where the browser saves power; one that has been
#: silent for so long is gone.
_SILENCE = 150.0

#: The close codes for those who are signed out, and where there is no news at the moment.
_SIGNED_OUT = 4401
_TRY_AGAIN_LATER = 1013


def add_sockets(app: Flask) -> None:
    """Serve the WebSockets of an application, and know whose each is, so that they can be closed."""
    sockets = WebSockets(app, user_id=lambda: g.account.id)
    sockets.add_url_rule("/ws/<slug>", listen)
    app.extensions["sockets"] = sockets


async def listen(socket: Socket, slug: str) -> None:
    """Serve one open page of a room; what is sent to the room goes to the page by itself."""
    account: Account = g.account  # of find_account(), which has refused everybody else
    room = await asyncio.to_thread(_room_at, slug)
    await socket.join(room.group, {"name": account.name, "colour": account.colour}, watch=True)
    try:
        members = await socket.members(room.group)
    except ChannelLayerError:  # Redis is away: the page fetches what it lacks, and comes again
        await socket.close(_TRY_AGAIN_LATER)
        return
    # From this word on the page has all news, and it fetches what it has missed before.
    people = [{"channel": member.channel, "metadata": member.metadata} for member in members]
    await socket.send({"type": "people", "people": people})
    # The page asks now and then, so that it finds out when a connection is dead. News may have been lost on
    # their way, and so may disconnect() have been.
    while await socket.receive(_SILENCE) is not None:
        if await asyncio.to_thread(_is_signed_out, account):
            await socket.close(_SIGNED_OUT)
            return
        newest = (await asyncio.to_thread(_room_at, slug)).messages
        await socket.send({"type": "pong", "newest": newest})


# For views: on any thread, without waiting for a page.


def announce(room: Room, message: Message) -> None:
    """Send a new message to every open page of its room, in all processes."""
    _sockets().emit(room.group, {"type": "message", "message": message.as_json()})


def disconnect(account: Account) -> None:
    """Close the WebSockets of all open pages of somebody who has signed out, in all processes."""
    disconnect_user(account.id, _SIGNED_OUT)


def people(room: Room) -> list[dict[str, Any]]:
    """Return who has a page of a room open, by name, each once, in all processes."""
    try:
        members = _sockets().members(room.group)
    except HybridError:  # Redis is away, or this is a server without WebSockets: the page works all the same
        return []
    found = {member.metadata["name"]: member.metadata for member in members}
    return sorted(found.values(), key=lambda person: str(person["name"]).casefold())


def _sockets() -> WebSockets:
    sockets: WebSockets = current_app.extensions["sockets"]
    return sockets


# On a thread, as the database may wait.


def _room_at(slug: str) -> Room:
    return get_store().room(slug) or abort(404)


def _is_signed_out(account: Account) -> bool:
    now = get_store().account(account.id)
    return now is None or now.session != account.session
