"""What applications see of a WebSocket, in consumers of both kinds, told by the communicators."""

import json
from typing import Any

import pytest

from hybrid.bridge import (
    AcceptConnection,
    AsyncConsumer,
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    DenyConnection,
    InvalidChannelLayerError,
    JsonWebsocketConsumer,
    WebsocketConsumer,
    channel_layers,
)
from hybrid.bridge.interface import Interface, detect
from hybrid.bridge.layers import InMemoryChannelLayer
from hybrid.bridge.testing import ApplicationCommunicator, WebsocketCommunicator
from tests.support.layers import run


class TestAsgi:
    """`as_asgi()` and what it makes."""

    def test_an_application(self) -> None:
        """It is an ASGI 3 application that tells its class and arguments, and is named after the class."""

        class Chat(AsyncWebsocketConsumer):
            """A chat."""

        app: Any = Chat.as_asgi(room="1")
        assert detect(app) is Interface.ASGI3
        assert (app.consumer_class, app.consumer_initkwargs) == (Chat, {"room": "1"})
        assert (app.__name__, app.__doc__) == ("Chat", "A chat.")

    def test_an_instance_for_each_connection(self) -> None:
        """Each connection has an instance, made with the arguments of as_asgi()."""
        made: list[Any] = []

        class Counts(AsyncWebsocketConsumer):
            def __init__(self, name: str) -> None:
                super().__init__()
                made.append((self, name))

        async def main() -> None:
            app = Counts.as_asgi(name="x")
            for _ in range(2):
                line = WebsocketCommunicator(app, "/")
                assert await line.connect() == (True, None)
                await line.disconnect()

        run(main())
        (first, one), (second, two) = made
        assert first is not second
        assert one == two == "x"

    def test_other_protocols(self) -> None:
        """HTTP to a consumer of WebSockets is answered 404, and a lifespan refused as the ASGI spec says."""

        async def main() -> None:
            app = AsyncWebsocketConsumer.as_asgi()
            http = ApplicationCommunicator(app, {"type": "http", "path": "/", "headers": []})
            assert (await http.receive_output())["status"] == 404
            await http.wait()
            with pytest.raises(ValueError, match="lifespan"):
                await ApplicationCommunicator(app, {"type": "lifespan"}).wait()

        run(main())

    def test_any_type_of_scope(self) -> None:
        """A consumer may handle scopes that nobody has heard of, as workers have them."""

        class Work(AsyncConsumer):
            async def make_thumbnail(self, message: Any) -> None:
                await self.send({"type": "made", "size": message["size"]})

        async def main() -> None:
            worker = ApplicationCommunicator(Work.as_asgi(), {"type": "channel", "channel": "thumbnails"})
            await worker.send_input({"type": "make.thumbnail", "size": 3})
            assert await worker.receive_output() == {"type": "made", "size": 3}
            worker.stop()

        run(main())


class TestConnecting:
    """Answers to the handshake."""

    @pytest.mark.parametrize(
        ("error", "answer"), [(AcceptConnection, (True, None)), (DenyConnection, (False, 1000))]
    )
    def test_answers_that_are_raised(self, error: type[Exception], answer: tuple[bool, Any]) -> None:
        """connect() may raise its answer."""

        class Async(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                raise error

        class Sync(WebsocketConsumer):
            def connect(self) -> None:
                raise error

        async def main() -> None:
            for app in (Async.as_asgi(), Sync.as_asgi()):
                line = WebsocketCommunicator(app, "/")
                assert await line.connect() == answer
                await line.disconnect()

        run(main())

    def test_subprotocol_and_headers(self) -> None:
        """accept() chooses one, and adds fields."""

        class Chooses(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.accept(self.scope["subprotocols"][1], headers=[(b"x-room", b"1")])

        async def main() -> None:
            line = WebsocketCommunicator(Chooses.as_asgi(), "/", subprotocols=["a", "b"])
            assert await line.connect() == (True, "b")
            assert line.response_headers == [(b"x-room", b"1")]
            await line.disconnect()

        run(main())


class TestMessages:
    """Text, bytes and JSON."""

    def test_neither_text_nor_bytes(self) -> None:
        """send() without anything to send is an error."""

        class Sends(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                with pytest.raises(ValueError, match="one of bytes_data or text_data"):
                    await self.send()
                await self.accept()

        async def main() -> None:
            line = WebsocketCommunicator(Sends.as_asgi(), "/")
            assert (await line.connect())[0]
            await line.disconnect()

        run(main())

    def test_an_empty_text_is_one(self) -> None:
        """JSON consumers decode `""`, where Channels says that there is no text."""

        class Async(AsyncJsonWebsocketConsumer):
            @classmethod
            async def decode_json(cls, text_data: str) -> Any:
                return json.loads(text_data or "null")

            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                await self.send_json([content, kwargs])

        class Sync(JsonWebsocketConsumer):
            @classmethod
            def decode_json(cls, text_data: str) -> Any:
                return json.loads(text_data or "null")

            def receive_json(self, content: Any, **kwargs: Any) -> None:
                self.send_json([content, kwargs])

        async def main() -> None:
            for app in (Async.as_asgi(), Sync.as_asgi()):
                line = WebsocketCommunicator(app, "/")
                await line.connect()
                await line.send_to(text_data="")
                assert await line.receive_json_from() == [None, {}]
                await line.send_json_to({"a": 1})
                assert await line.receive_json_from() == [{"a": 1}, {}]
                await line.send_to(bytes_data=b"")
                with pytest.raises(ValueError, match="No text section"):
                    await line.wait()

        run(main())


class TestLayer:
    """Groups, and other layers than the default."""

    @pytest.mark.parametrize("base", [AsyncWebsocketConsumer, WebsocketConsumer])
    def test_groups_need_a_layer(self, base: Any) -> None:
        """A consumer with groups and no layer fails, and says why."""
        app = type("Chat", (base,), {"groups": ["chat"], "channel_layer_alias": "none"}).as_asgi()  # type: ignore[attr-defined]

        async def main() -> None:
            line = WebsocketCommunicator(app, "/")
            with pytest.raises(InvalidChannelLayerError, match="'none'"):
                await line.connect()

        run(main())

    def test_without_a_layer(self) -> None:
        """A consumer that needs none works without."""

        class Alone(AsyncWebsocketConsumer):
            channel_layer_alias = "none"

            async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
                await self.send(str(self.channel_layer))

        async def main() -> None:
            line = WebsocketCommunicator(Alone.as_asgi(), "/")
            await line.connect()
            await line.send_to("x")
            assert await line.receive_from() == "None"
            await line.disconnect()

        run(main())

    @pytest.mark.parametrize("kind", ["async", "sync"])
    def test_messages_of_groups(self, kind: str) -> None:
        """What is sent to its group goes to the handler for the type, until the client has left."""
        layer = InMemoryChannelLayer()

        class Async(AsyncWebsocketConsumer):
            groups = ["chat"]  # noqa: RUF012 - as people write it
            channel_layer_alias = "other"

            async def chat_message(self, message: Any) -> None:
                await self.send(text_data=message["text"])

        class Sync(WebsocketConsumer):
            groups = ["chat"]  # noqa: RUF012 - as people write it
            channel_layer_alias = "other"

            def chat_message(self, message: Any) -> None:
                self.send(text_data=message["text"])

        async def main() -> None:
            line = WebsocketCommunicator(Async.as_asgi() if kind == "async" else Sync.as_asgi(), "/")
            await line.connect()
            await layer.group_send("chat", {"type": "chat.message", "text": "hello"})
            assert await line.receive_from() == "hello"
            await line.disconnect()
            assert "chat" not in layer._books.members

        before = channel_layers.set("other", layer)
        try:
            run(main())
        finally:
            channel_layers.set("other", before)
