# ruff: noqa: D102 - the methods are those of the classes below
"""One source of consumers, given to Channels or to this project, and what each sends for the same inputs.

    python same_source.py channels | hybrid

prints JSON, to be compared by `test_compatibility.py`. Channels needs Django's settings, hence the process.
"""

import asyncio
import json
import sys
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync

#: Input messages, each with how many messages are awaited before the next one; and how the call ends.
Row = list[tuple[dict[str, Any], int]]

CONNECT = {"type": "websocket.connect"}
LEAVE = {"type": "websocket.disconnect", "code": 1001}


def text(data: str) -> dict[str, Any]:
    """Return a text message of the client's."""
    return {"type": "websocket.receive", "text": data}


def data(content: bytes) -> dict[str, Any]:
    """Return a binary one."""
    return {"type": "websocket.receive", "bytes": content, "text": None}


def names_of_channels() -> Any:
    """Import Channels' classes, with a layer in memory as this project has by default."""
    from django.conf import settings  # type: ignore[import-untyped]

    layers = {alias: {"BACKEND": "channels.layers.InMemoryChannelLayer"} for alias in ("default", "other")}
    settings.configure(CHANNEL_LAYERS=layers, DATABASES={})
    modules = ("consumer", "exceptions", "generic.http", "generic.websocket")
    names = [vars(import_module(f"channels.{module}")) for module in modules]
    return SimpleNamespace(**{name: value for each in names for name, value in each.items()})


def names_of_hybrid() -> Any:
    """Import this project's."""
    import hybrid.bridge
    from hybrid.bridge.layers import InMemoryChannelLayer

    hybrid.bridge.channel_layers.set("other", InMemoryChannelLayer())
    return hybrid.bridge


if TYPE_CHECKING:
    from hybrid import bridge as c
else:
    c = names_of_channels() if sys.argv[1] == "channels" else names_of_hybrid()


class Echo(c.AsyncWebsocketConsumer):
    """Does what the text says."""

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        if text_data is None:
            await self.send(bytes_data=bytes_data)
        elif text_data == "close":
            await self.close()
        elif text_data == "close with":
            await self.close(code=4001, reason="enough")
        elif text_data == "last":
            await self.send("bye", close=True)
        elif text_data == "last with":
            await self.send(text_data="bye", close=4002)
        elif text_data == "nothing":
            await self.send()
        elif text_data == "stop":
            raise c.StopConsumer
        elif text_data == "group":
            await self.channel_layer.group_add("room", self.channel_name)
            await self.channel_layer.group_send("room", {"type": "room.said", "what": "hello"})
        elif text_data.startswith("type "):
            await self.channel_layer.send(self.channel_name, {"type": text_data[5:]})
        else:
            await self.send(text_data)

    async def room_said(self, event: Any) -> None:
        await self.send(event["what"])


class SyncEcho(c.WebsocketConsumer):
    """Does the same."""

    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        if text_data is None:
            self.send(bytes_data=bytes_data)
        elif text_data == "close":
            self.close()
        elif text_data == "close with":
            self.close(code=4001, reason="enough")
        elif text_data == "last":
            self.send("bye", close=True)
        elif text_data == "last with":
            self.send(text_data="bye", close=4002)
        elif text_data == "nothing":
            self.send()
        elif text_data == "stop":
            raise c.StopConsumer
        elif text_data == "group":
            async_to_sync(self.channel_layer.group_add)("room", self.channel_name)
            async_to_sync(self.channel_layer.group_send)("room", {"type": "room.said", "what": "hello"})
        elif text_data.startswith("type "):
            async_to_sync(self.channel_layer.send)(self.channel_name, {"type": text_data[5:]})
        else:
            self.send(text_data)

    def room_said(self, event: Any) -> None:
        self.send(event["what"])


class Joins(c.AsyncWebsocketConsumer):
    """Is in a group from the beginning, on another layer."""

    groups = ["lobby"]  # noqa: RUF012 - as people write it
    channel_layer_alias = "other"

    async def connect(self) -> None:
        await self.accept(self.scope["subprotocols"][0], headers=[(b"x-room", b"1")])
        await self.channel_layer.group_send("lobby", {"type": "lobby.said"})

    async def lobby_said(self, event: Any) -> None:
        await self.send(json.dumps(sorted(event)))


class Raises(c.AsyncWebsocketConsumer):
    """Answers as its arguments say."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.answer = answer

    async def connect(self) -> None:
        raise getattr(c, self.answer)


class SyncRaises(c.WebsocketConsumer):
    """The same, on a thread."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.answer = answer

    def connect(self) -> None:
        raise getattr(c, self.answer)


class Json(c.AsyncJsonWebsocketConsumer):
    """Sends back what it was sent."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json({"got": content}, close=content == "last")


class SyncJson(c.JsonWebsocketConsumer):
    """The same, on a thread."""

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.send_json({"got": content}, close=content == "last")


class Raw(c.AsyncConsumer):
    """Without any help."""

    async def websocket_connect(self, message: Any) -> None:
        await self.send({"type": "websocket.accept"})

    async def websocket_receive(self, message: Any) -> None:
        await self.send({"type": "websocket.send", "text": message["text"]})

    async def websocket_disconnect(self, message: Any) -> None:
        raise c.StopConsumer


class SyncRaw(c.SyncConsumer):
    """The same, on a thread."""

    def websocket_connect(self, message: Any) -> None:
        self.send({"type": "websocket.accept"})

    def websocket_receive(self, message: Any) -> None:
        self.send({"type": "websocket.send", "text": message["text"]})

    def websocket_disconnect(self, message: Any) -> None:
        raise c.StopConsumer


class Web(c.AsyncHttpConsumer):
    """Answers with the body in two parts."""

    async def handle(self, body: bytes) -> None:
        await self.send_headers(status=201, headers=[(b"a", b"b")])
        await self.send_body(body, more_body=True)
        await self.send_body(b"end")


class WebShort(c.AsyncHttpConsumer):
    """Answers at once."""

    async def handle(self, body: bytes) -> None:
        await self.send_response(200, body, headers={b"c": b"d"})


def rows_of() -> dict[str, tuple[Any, Row]]:
    """Make the table."""
    rows: dict[str, tuple[Any, Row]] = {}
    for name, echo in (("async", Echo), ("sync", SyncEcho)):
        app = echo.as_asgi()
        rows |= {
            f"{name}: text": (app, [(CONNECT, 1), (text("a"), 1), (text(""), 1), (LEAVE, 0)]),
            f"{name}: bytes": (app, [(CONNECT, 1), (data(b"\0a"), 1), (data(b""), 1), (LEAVE, 0)]),
            f"{name}: close": (app, [(CONNECT, 1), (text("close"), 1), (LEAVE, 0)]),
            f"{name}: close with": (app, [(CONNECT, 1), (text("close with"), 1), (LEAVE, 0)]),
            f"{name}: last": (app, [(CONNECT, 1), (text("last"), 2), (LEAVE, 0)]),
            f"{name}: last with": (app, [(CONNECT, 1), (text("last with"), 2), (LEAVE, 0)]),
            f"{name}: nothing to send": (app, [(CONNECT, 1), (text("nothing"), 0)]),
            f"{name}: stop": (app, [(CONNECT, 1), (text("stop"), 0)]),
            f"{name}: group": (app, [(CONNECT, 1), (text("group"), 1), (LEAVE, 0)]),
            f"{name}: unknown type": (app, [(CONNECT, 1), (text("type no.such"), 0)]),
            f"{name}: private type": (app, [(CONNECT, 1), (text("type _send"), 0)]),
            f"{name}: leading period": (app, [(CONNECT, 1), (text("type .send"), 0)]),
        }
    for name, raises in (("async", Raises), ("sync", SyncRaises)):
        for answer in ("AcceptConnection", "DenyConnection", "StopConsumer"):
            stops = answer == "StopConsumer"
            inputs: Row = [(CONNECT, 0)] if stops else [(CONNECT, 1), (LEAVE, 0)]
            rows[f"{name}: {answer}"] = (raises.as_asgi(answer=answer), inputs)
    for name, json_ in (("async", Json), ("sync", SyncJson)):
        app = json_.as_asgi()
        rows |= {
            f"{name}: JSON": (
                app,
                [(CONNECT, 1), (text('{"a": [1, null]}'), 1), (text('"last"'), 2), (LEAVE, 0)],
            ),
            f"{name}: JSON in bytes": (app, [(CONNECT, 1), (data(b"1"), 0)]),
            f"{name}: no JSON": (app, [(CONNECT, 1), (text("{"), 0)]),
        }
    rows |= {
        "joins": (Joins.as_asgi(), [(CONNECT, 2), (LEAVE, 0)]),
        "raw": (Raw.as_asgi(), [(CONNECT, 1), (text("a"), 1), (LEAVE, 0)]),
        "raw: unknown type": (Raw.as_asgi(), [(CONNECT, 1), ({"type": "websocket.no"}, 0)]),
        "sync raw": (SyncRaw.as_asgi(), [(CONNECT, 1), (text("a"), 1), (LEAVE, 0)]),
        "HTTP": (
            Web.as_asgi(),
            [
                ({"type": "http.request", "body": b"x", "more_body": True}, 0),
                ({"type": "http.request", "body": b"y"}, 3),
            ],
        ),
        "HTTP at once": (WebShort.as_asgi(), [({"type": "http.request"}, 2)]),
        "HTTP, left": (
            Web.as_asgi(),
            [
                ({"type": "http.request", "body": b"x", "more_body": True}, 0),
                ({"type": "http.disconnect"}, 0),
            ],
        ),
    }
    return rows


async def play(app: Any, row: Row) -> list[Any]:
    """Tell an application what the row says; return what it sends, and how it ends."""
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    kind = row[0][0]["type"].partition(".")[0]
    scope = {"type": kind, "path": "/", "headers": [], "subprotocols": ["chat"], "hybrid.raise_errors": True}
    task = asyncio.create_task(app(scope, inbox.get, outbox.put))
    said: list[Any] = []
    async with asyncio.timeout(20):
        for message, answers in row:
            inbox.put_nowait(message)
            said += [await outbox.get() for _ in range(answers)]
        try:
            await task
            said.append("returned")
        except Exception as error:  # noqa: BLE001 - part of what is compared
            said.append(f"{type(error).__name__}: {error}")
    while not outbox.empty():
        said.append(outbox.get_nowait())
    return said


async def play_all(rows: dict[str, tuple[Any, Row]]) -> dict[str, list[Any]]:
    """Play every row."""
    return {name: await play(*row) for name, row in rows.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(play_all(rows_of())), default=repr))
