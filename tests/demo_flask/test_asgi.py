import asyncio
from typing import Any

import pytest

from demo_flask import live
from demo_flask.asgi import ws_app
from hybrid.bridge.types import Message

DEADLINE = 20.0


class Connection:
    """Plays the server: hands out events as they come, keeps what the application sends, may have left."""

    def __init__(self, path: str = "/ws", root_path: str = "", origin: bytes | None = None) -> None:
        headers = [(b"host", b"board.example")] + ([(b"origin", origin)] if origin else [])
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "root_path": root_path,
            "headers": headers,
        }
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.events.put_nowait({"type": "websocket.connect"})
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.gone = False

    async def receive(self) -> dict[str, Any]:
        """Give the application the next event."""
        return await self.events.get()

    async def send(self, message: Message) -> None:
        """Keep what the application sends, or fail as ASGI asks when the client has left."""
        if self.gone:
            raise OSError("the client has left")
        self.sent.put_nowait(message)

    def start(self) -> asyncio.Task[None]:
        """Run the application on this connection."""
        return asyncio.create_task(ws_app(self.scope, self.receive, self.send))


def run(main: Any) -> None:
    """Run a coroutine; one that hangs fails. Afterwards nobody may be left in the group."""

    async def within_deadline() -> None:
        async with asyncio.timeout(DEADLINE):
            await main

    asyncio.run(within_deadline())
    assert live.GROUP not in live.layer._books.members


def test_an_open_page_hears_of_messages_until_it_leaves() -> None:
    """accept, then each message as JSON text; after the disconnect the application ends and is no member."""

    async def main() -> None:
        connection = Connection()
        task = connection.start()
        assert await connection.sent.get() == {"type": "websocket.accept"}
        await asyncio.to_thread(live.announce, {"id": 1, "text": "é"})
        assert await connection.sent.get() == {
            "type": "websocket.send",
            "text": '{"type": "message", "message": {"id": 1, "text": "é"}}',
        }
        connection.events.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await task

    run(main())


def test_a_message_between_handshake_and_open_is_not_missed() -> None:
    """The page is a member before its handshake is answered."""

    async def main() -> None:
        connection = Connection()
        original = connection.send

        async def send(message: Message) -> None:
            if message["type"] == "websocket.accept":
                live.announce({"id": 7})
            await original(message)

        connection.send = send  # type: ignore[method-assign]
        task = connection.start()
        await connection.sent.get()
        assert '"id": 7' in (await connection.sent.get())["text"]
        connection.events.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await task

    run(main())


@pytest.mark.parametrize("occasion", ["message", "ping"])
def test_a_client_that_left_without_a_word_is_no_error(occasion: str) -> None:
    """send() raises OSError before the disconnect event is read: the application ends quietly too."""

    async def main() -> None:
        connection = Connection()
        task = connection.start()
        await connection.sent.get()
        connection.gone = True
        if occasion == "message":
            live.announce({"id": 1})
            for _ in range(5):
                await asyncio.sleep(0)
        else:
            connection.events.put_nowait({"type": "websocket.receive", "text": "ping"})
        connection.events.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await task

    run(main())


def test_a_cancelled_page_leaves_the_group() -> None:
    """A server that cancels the application at its shutdown leaves no member behind."""

    async def main() -> None:
        connection = Connection()
        task = connection.start()
        await connection.sent.get()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


@pytest.mark.parametrize(
    ("connection", "accepted"),
    [
        ({"path": "/ws"}, True),
        ({"path": "/board/ws", "root_path": "/board"}, True),
        ({"path": "/board/ws"}, False),
        ({"path": "/ws", "origin": b"http://board.example"}, True),
        ({"path": "/ws", "origin": b"http://evil.example"}, False),
    ],
)
def test_who_is_welcome(connection: dict[str, Any], accepted: bool) -> None:
    """The path below the mount must be `/ws` and the Origin, if there is one, the board's own host."""

    async def main() -> None:
        page = Connection(**connection)
        task = page.start()
        page.events.put_nowait({"type": "websocket.disconnect", "code": 1001})
        answer = (await page.sent.get())["type"]
        assert answer == ("websocket.accept" if accepted else "websocket.close")
        await task

    run(main())


def test_other_protocols_are_not_its_business() -> None:
    """A lifespan or http scope is refused with one clear sentence, as ASGI allows for lifespan."""
    connection: Any = None
    with pytest.raises(NotImplementedError, match="serves WebSockets, not 'lifespan'"):
        asyncio.run(ws_app({"type": "lifespan"}, connection, connection))
