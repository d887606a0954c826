"""The life of a connection: who waits for whom, what ends it, and what is then still done."""

import asyncio
import gc
import logging
import threading
from contextvars import ContextVar
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from hybrid.bridge import (
    AsyncConsumer,
    AsyncWebsocketConsumer,
    ClientDisconnected,
    ConfigError,
    StopConsumer,
    channel_layers,
)
from hybrid.bridge.consumers.read_ahead import BYTES, MESSAGES
from hybrid.bridge.layers import InMemoryChannelLayer
from hybrid.bridge.types import Message
from tests.support.consumers import Line, connected
from tests.support.embedded import DEADLINE, until
from tests.support.layers import run


class Notes(AsyncWebsocketConsumer):
    """A consumer that writes down what happens to it; `slow` and `wait` end when they may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go = asyncio.Event()
        self.log: list[str] = []

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what the text says."""
        text = text_data or ""
        self.log.append(text)
        if text.startswith("slow"):
            await self.may_go.wait()
        if text == "fail":
            raise RuntimeError("on purpose")
        if text == "stop":
            raise StopConsumer
        try:
            await self.send(text)
        except ClientDisconnected:
            self.log.append(f"{text} unsent")
            raise
        self.log.append(f"{text} done")

    async def chat_message(self, message: Message) -> None:
        """Say what somebody said in a group."""
        await self.send(message["text"])

    async def disconnect(self, code: int) -> None:
        """Write it down."""
        self.log.append(f"left {code}")


class Held:
    """Makes one consumer, and keeps it for the test to look at."""

    def __init__(self, cls: type[AsyncConsumer] = Notes, **settings: Any) -> None:
        self.cls: Any = type(cls.__name__, (cls,), {"__qualname__": cls.__qualname__, **settings})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        self.consumer = self.cls()
        await self.consumer(scope, receive, send)

    @property
    def log(self) -> list[str]:
        """What the consumer has written down."""
        log: list[str] = self.consumer.log
        return log


class TestDisconnect:
    """A client that leaves while handlers are at work."""

    def test_it_is_handled_at_once(self) -> None:
        """disconnect() runs while a handler waits, which goes on to its end; what it sends then raises."""

        async def main() -> None:
            app = Held()
            async with connected(app) as line:
                line.say("slow")
                await until(lambda: app.log == ["slow"])
                line.leave(1001)
                await until(lambda: app.log == ["slow", "left 1001"])
                assert not line.task.done()
                app.consumer.may_go.set()
                await line.end()
                assert app.log == ["slow", "left 1001", "slow unsent"]

        run(main())

    @pytest.mark.parametrize("cancelled", [False, True])
    def test_beside_one_on_the_thread_of_asgiref(self, cancelled: bool) -> None:
        """disconnect() may use asgiref's one thread while a handler does, as with Django's database."""
        gate = threading.Event()

        class OnThread(Notes):
            async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
                self.log.append("begun")
                await sync_to_async(gate.wait)(DEADLINE)

            async def disconnect(self, code: int) -> None:
                gate.set()
                await sync_to_async(self.log.append)(f"left {code}")

        async def main() -> None:
            app = Held(OnThread)
            line = Line(app)
            await line.connect()
            line.say("wait")
            await until(lambda: app.log == ["begun"])
            if cancelled:
                line.task.cancel()
            else:
                line.leave()
            await asyncio.wait({line.task})
            assert app.log == ["begun", "left 1006" if cancelled else "left 1001"]

        run(main())

    def test_what_waits_is_dropped_and_counted(self, caplog: pytest.LogCaptureFixture) -> None:
        """Messages before the disconnect that nobody has begun to handle are dropped, which the log says."""
        caplog.set_level(logging.INFO, "hybrid.consumers")

        async def main() -> None:
            app = Held()
            async with connected(app) as line:
                line.say("slow", "a", "b")
                line.leave()
                await until(lambda: "left 1001" in app.log)
                app.consumer.may_go.set()
                await line.end()
                assert app.log == ["slow", "left 1001", "slow unsent"]

        run(main())
        assert "websocket /live: has left, 2 messages of its dropped" in caplog.text

    def test_messages_that_need_no_waiting_are_all_handled(self) -> None:
        """Nothing is dropped where no handler waits: the disconnect is received after all of them."""

        async def main() -> None:
            app = Held()
            async with connected(app) as line:
                line.say("a", "b", "c")
                line.put({"type": "websocket.disconnect", "code": 1000})
                await line.end()
                assert line.texts == ["a", "b", "c"]
                assert app.log[-1] == "left 1000"

        run(main())

    def test_messages_before_it_are_handled_until_one_waits(self) -> None:
        """Also when a handler has waited before, what comes with the disconnect is handled first; once a
        handler waits again, the rest is dropped.
        """

        async def main() -> None:
            app = Held()
            async with connected(app) as line:
                line.say("slow")
                await until(lambda: app.log == ["slow"])
                app.consumer.may_go.set()
                await until(lambda: line.texts == ["slow"])
                app.consumer.may_go.clear()
                line.say("a", "b", "slow", "c")
                line.put({"type": "websocket.disconnect", "code": 1000})
                await until(lambda: "left 1000" in app.log)
                assert line.texts == ["slow", "a", "b"]
                assert app.log[2:] == ["a", "a done", "b", "b done", "slow", "left 1000"]
                app.consumer.may_go.set()
                await line.end()
                assert app.log[-1] == "slow unsent"

        run(main())

    def test_it_can_have_its_turn(self) -> None:
        """With `prompt_disconnect = False` everything before it is handled first, as in Channels."""

        async def main() -> None:
            app = Held(prompt_disconnect=False)
            async with connected(app) as line:
                line.say("slow", "a")
                line.put({"type": "websocket.disconnect", "code": 1000})
                await until(lambda: app.log == ["slow"])
                app.consumer.may_go.set()
                await line.end()
                assert app.log == ["slow", "slow done", "a", "a done", "left 1000"]

        run(main())

    def test_connect_comes_to_its_end_before(self) -> None:
        """connect() is never overtaken by disconnect(), which undoes what it does."""
        log: list[str] = []
        may_go = asyncio.Event()

        class Slow(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                log.append("connect")
                await may_go.wait()
                log.append("connected")
                await self.accept()

            async def disconnect(self, code: int) -> None:
                log.append(f"left {code}")

        async def main() -> None:
            line = Line(Slow.as_asgi())
            line.put({"type": "websocket.connect"})
            await until(lambda: log == ["connect"])
            line.leave(1006)
            await until(lambda: line.heard == 2)
            may_go.set()
            await line.end()
            assert log == ["connect", "connected", "left 1006"]
            assert line.sent == []

        run(main())

    def test_a_layer_that_loses_the_cancellation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Clients of Redis have done that: the layer is cancelled again, and the run ends."""
        monkeypatch.setattr("hybrid.bridge.consumers.run._AGAIN_SECONDS", 0)
        lost: list[str] = []

        class Deaf(InMemoryChannelLayer):
            async def receive(self, channel: str) -> dict[str, Any]:
                try:
                    return await super().receive(channel)
                except asyncio.CancelledError:
                    lost.append(channel)
                    return await super().receive(channel)

        async def main() -> None:
            monkeypatch.setitem(channel_layers._set, "default", Deaf())
            async with connected(Notes.as_asgi()) as line:
                line.leave()
                await line.end()
            assert len(lost) == 1

        run(main())

    def test_closing_then_is_nothing(self) -> None:
        """close() in disconnect() does nothing; send() raises, which ends disconnect() without a word."""

        class Closes(Notes):
            async def disconnect(self, code: int) -> None:
                await self.close()
                self.log.append("closed")
                await self.send("too late")

        async def main() -> None:
            app = Held(Closes)
            async with connected(app):
                pass
            assert app.log == ["closed"]

        run(main())

    def test_a_disconnect_that_fails_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """The call returns all the same."""

        class Fails(Notes):
            async def disconnect(self, code: int) -> None:
                raise RuntimeError("on purpose")

        async def main() -> None:
            async with connected(Fails.as_asgi()):
                pass

        run(main())
        assert [record.message.split()[-2:] for record in caplog.records] == [
            [
                "TestDisconnect.test_a_disconnect_that_fails_is_logged.<locals>.Fails.websocket_disconnect",
                "failed",
            ]
        ]

    @pytest.mark.parametrize(("text", "most"), [("x", MESSAGES), ("x" * BYTES, 1)])
    def test_reading_ahead_is_bounded(self, text: str, most: int) -> None:
        """While a handler waits, at most so many messages, and so many bytes of them, are received."""

        async def main() -> None:
            app = Held()
            async with connected(app) as line:
                line.say("slow", *[text] * (MESSAGES * 2))
                await until(lambda: line.heard == 2 + most)
                for _ in range(10):
                    await asyncio.sleep(0)
                assert line.heard == 2 + most
                app.consumer.may_go.set()
                await until(lambda: len(line.texts) == MESSAGES * 2 + 1)

        run(main())

    def test_the_server_gives_up(self) -> None:
        """A call that is cancelled cancels its handlers, and runs disconnect() once, with 1006."""

        async def main() -> None:
            app = Held()
            line = Line(app)
            await line.connect()
            line.say("slow")
            await until(lambda: app.log == ["slow"])
            line.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await line.end()
            assert app.log == ["slow", "left 1006"]

        run(main())


class TestConcurrency:
    """One at a time, or several."""

    def test_serial_keeps_the_order(self) -> None:
        """A message waits until the one before it is done."""

        async def main() -> None:
            app = Held()
            async with connected(app) as line:
                line.say("slow", "a", "b")
                await until(lambda: line.heard == 4)
                assert app.log == ["slow"]
                app.consumer.may_go.set()
                await until(lambda: line.texts == ["slow", "a", "b"])
                line.say("c")
                await until(lambda: line.texts[-1] == "c")

        run(main())

    def test_parallel_lets_others_pass(self) -> None:
        """A message is answered while another one's handler waits."""

        async def main() -> None:
            app = Held(concurrency="parallel")
            async with connected(app) as line:
                line.say("slow", "a")
                await until(lambda: line.texts == ["a"])
                app.consumer.may_go.set()
                await until(lambda: line.texts == ["a", "slow"])

        run(main())

    def test_parallel_is_bounded(self) -> None:
        """With `max_concurrency` handlers at work no other begins, and in the end nothing is received."""

        async def main() -> None:
            app = Held(concurrency="parallel", max_concurrency=2)
            async with connected(app) as line:
                line.say(*["slow"] * (MESSAGES * 2))
                await until(lambda: line.heard == 1 + 3 + MESSAGES)
                for _ in range(10):
                    await asyncio.sleep(0)
                assert line.heard == 1 + 3 + MESSAGES  # two at work, one that waits for a place, the queue
                assert app.log == ["slow", "slow"]
                app.consumer.may_go.set()
                await until(lambda: len(line.texts) == MESSAGES * 2)

        run(main())

    def test_parallel_handlers_after_the_end(self) -> None:
        """All handlers that run go on to their end, after disconnect()."""

        async def main() -> None:
            app = Held(concurrency="parallel")
            async with connected(app) as line:
                line.say("slow 1", "slow 2")
                await until(lambda: len(app.log) == 2)
                line.leave()
                await until(lambda: app.log[2:] == ["left 1001"])
                app.consumer.may_go.set()
                await line.end()
                assert sorted(app.log[3:]) == ["slow 1 unsent", "slow 2 unsent"]

        run(main())

    def test_context_variables(self) -> None:
        """What connect() sets, later handlers see, those of the channel layer too; parallel ones keep their
        own to themselves.
        """
        var: ContextVar[str] = ContextVar("var")

        class Sets(Notes):
            async def connect(self) -> None:
                var.set("connect")
                await self.accept()

            async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
                before = var.get()
                var.set(text_data or "")
                await self.send(before)

            async def chat_message(self, message: Message) -> None:
                await self.send(f"chat {var.get()}")

        async def main(concurrency: str, expected: list[str]) -> None:
            app = Held(Sets, concurrency=concurrency)
            async with connected(app) as line:
                line.say("a")
                await until(lambda: len(line.texts) == 1)
                line.say("b")
                await until(lambda: len(line.texts) == 2)
                layer = app.consumer.channel_layer
                await layer.send(app.consumer.channel_name, {"type": "chat.message"})
                await until(lambda: len(line.texts) == 3)
                assert line.texts == expected

        run(main("serial", ["connect", "a", "chat b"]))
        run(main("parallel", ["connect", "connect", "chat connect"]))

    @pytest.mark.parametrize(
        "settings", [{"concurrency": "both"}, {"max_concurrency": 0}, {"handler_timeout": 0}]
    )
    def test_settings_that_cannot_be(self, settings: dict[str, Any]) -> None:
        """as_asgi() refuses them, and names the setting."""
        with pytest.raises(ConfigError, match=next(iter(settings))):
            type("Wrong", (AsyncConsumer,), settings).as_asgi()  # type: ignore[attr-defined]


class TestFailure:
    """Handlers that raise, or take too long."""

    def test_it_closes_with_1011(self, caplog: pytest.LogCaptureFixture) -> None:
        """The log says it once, with the consumer, the handler and the path; disconnect() is called."""

        async def main() -> None:
            app = Held()
            async with connected(app) as line:
                line.say("fail")
                await until(lambda: line.kinds == ["accept", "close"])
                assert line.sent[-1]["code"] == 1011
                line.say("ignored")
                line.put({"type": "websocket.disconnect", "code": 1011})
                await line.end()
                assert app.log == ["fail", "left 1011"]

        run(main())
        (record,) = caplog.records
        assert record.message == "websocket /live: Notes.websocket_receive failed"
        assert record.exc_info is not None
        assert str(record.exc_info[1]) == "on purpose"

    def test_others_cannot_send_then(self) -> None:
        """Handlers that run beside it find that the WebSocket is closed."""

        async def main() -> None:
            app = Held(concurrency="parallel")
            async with connected(app) as line:
                line.say("slow", "fail")
                await until(lambda: line.kinds == ["accept", "close"])
                app.consumer.may_go.set()
                await until(lambda: "slow unsent" in app.log)
                assert line.kinds == ["accept", "close"]

        run(main())

    @pytest.mark.parametrize(
        ("extensions", "kinds"),
        [({}, ["close"]), ({"websocket.http.response": {}}, ["http.response.start", "http.response.body"])],
    )
    def test_before_acceptance(self, extensions: dict[str, Any], kinds: list[str]) -> None:
        """The handshake is refused, with 500 where the server can; disconnect() is called."""
        left: list[int] = []

        class Fails(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                raise RuntimeError("on purpose")

            async def disconnect(self, code: int) -> None:
                left.append(code)

        async def main() -> None:
            async with connected(Fails.as_asgi(), extensions=extensions) as line:
                await until(lambda: line.kinds == kinds)
            if extensions:
                assert line.sent[0]["status"] == 500

        run(main())
        assert left == [1001]

    def test_an_unknown_type(self, caplog: pytest.LogCaptureFixture) -> None:
        """A message that nothing handles is a failure whose error names the type."""

        async def main() -> None:
            app = Held()
            async with connected(app) as line:
                await app.consumer.channel_layer.send(app.consumer.channel_name, {"type": "no.such"})
                await until(lambda: line.kinds == ["accept", "close"])

        run(main())
        (record,) = caplog.records
        assert record.message == "websocket /live: Notes.no_such failed"
        assert record.exc_info is not None
        assert str(record.exc_info[1]) == "No handler for message type no.such"

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
    def test_errors_that_would_end_the_loop(self, error: type[BaseException]) -> None:
        """They end the connection alone."""

        class Ends(Notes):
            async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
                raise error

        async def main() -> None:
            async with connected(Ends.as_asgi()) as line:
                line.say("x")
                await until(lambda: line.kinds == ["accept", "close"])

        run(main())

    def test_a_handler_that_takes_too_long(self, caplog: pytest.LogCaptureFixture) -> None:
        """It is cancelled, the WebSocket closed with 1011, and the log has one line without a traceback."""

        async def main() -> None:
            app = Held(handler_timeout=0.2)
            async with connected(app) as line:
                line.say("a", "slow")
                await until(lambda: line.kinds == ["accept", "send", "close"])
                assert line.sent[-1]["code"] == 1011

        run(main())
        (record,) = caplog.records
        assert record.message == "websocket /live: Notes.websocket_receive: it has not ended within 0.2 s"
        assert record.exc_info is None

    def test_a_timeout_of_the_handlers_own(self, caplog: pytest.LogCaptureFixture) -> None:
        """A TimeoutError that it raises itself is a failure like any other."""

        class Own(Notes):
            async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
                raise TimeoutError("of its own")

        async def main() -> None:
            async with connected(Held(Own, handler_timeout=20)) as line:
                line.say("x")
                await until(lambda: line.kinds == ["accept", "close"])

        run(main())
        assert caplog.records[0].message.endswith("failed")

    @pytest.mark.parametrize("text", ["a", "slow"])
    def test_a_receive_that_fails(self, text: str) -> None:
        """What the server's receive() raises is the call's error, after what came before is handled, also
        when it was received while a handler waits.
        """
        messages: list[Message] = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": text}]
        sent: list[Message] = []

        async def receive() -> Message:
            if not messages:
                raise OSError("broken")
            return messages.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        async def main() -> None:
            app = Held()
            call = asyncio.create_task(app({"type": "websocket", "path": "/"}, receive, send))
            await until(lambda: hasattr(app, "consumer") and app.log)
            app.consumer.may_go.set()
            with pytest.raises(OSError, match="broken"):
                await call
            assert app.log == [text, f"{text} done"]
            assert len(sent) == 2

        run(main())

    def test_a_layer_that_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        """The WebSocket is closed with 1011, and the log says where it came from."""

        class Broken(InMemoryChannelLayer):
            async def receive(self, channel: str) -> dict[str, Any]:
                raise ConnectionError("gone")

        async def main() -> None:
            before = channel_layers.set("broken", Broken())
            try:
                async with connected(Held(channel_layer_alias="broken")) as line:
                    await until(lambda: line.kinds == ["accept", "close"])
            finally:
                channel_layers.set("broken", before)

        run(main())
        assert [record.message for record in caplog.records] == [
            "websocket /live: Notes.channel_receive failed"
        ]


class TestEnd:
    """What is left behind: nothing."""

    def test_stop_consumer(self) -> None:
        """StopConsumer ends the call, and nothing else is handled; the server closes the WebSocket."""

        async def main() -> None:
            app = Held()
            line = Line(app)
            await line.connect()
            line.say("stop", "ignored")
            await line.end()
            assert app.log == ["stop"]
            assert line.kinds == ["accept"]

        run(main())

    @pytest.mark.parametrize("text", ["a", "slow", "fail", "stop"])
    def test_no_task_is_left(self, text: str) -> None:
        """However a connection ends, its tasks end with it, and nobody complains."""

        async def main() -> None:
            app = Held()
            line = Line(app)
            await line.connect()
            line.say(text)
            await until(lambda: app.log)
            line.leave()
            app.consumer.may_go.set()
            await line.end()
            await until(lambda: len(asyncio.all_tasks()) == 1)
            gc.collect()

        run(main())

    @pytest.mark.parametrize("end", ["leave", "fail", "stop", "cancel"])
    def test_groups_are_left(self, end: str) -> None:
        """However a connection ends, it is in its groups no more."""

        async def main() -> None:
            app = Held(groups=["chat"])
            line = Line(app)
            await line.connect()
            layer: Any = app.consumer.channel_layer
            await layer.group_send("chat", {"type": "chat.message", "text": "hello"})
            await until(lambda: line.texts == ["hello"])
            if end == "cancel":
                line.task.cancel()
            elif end == "leave":
                line.leave()
            else:
                line.say(end)
                line.put({"type": "websocket.disconnect", "code": 1011})
            await asyncio.wait({line.task})
            assert "chat" not in layer._books.members

        run(main())
