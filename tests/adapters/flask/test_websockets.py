"""The extension without a server: communicators, factories, and what Flask itself shows of it."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, request
from flask.cli import routes_command

from hybrid.adapters.flask import ClientDisconnected, Socket, ThreadSocket, WebSockets
from hybrid.bridge import ConfigError, InvalidChannelLayerError, PortalError, ProtocolError
from hybrid.bridge.auth import disconnect_user, user_is_online
from hybrid.bridge.consumers import threads
from hybrid.bridge.consumers.run import RAISE_ERRORS
from hybrid.bridge.layers import InMemoryChannelLayer, channel_layers
from hybrid.bridge.testing import HttpCommunicator, WebsocketCommunicator
from hybrid.bridge.types import ASGIApp, Message, Receive, Scope, Send
from hybrid.bridge.wsgi.threadpool import ThreadPool
from tests.support.consumers import Line
from tests.support.embedded import DEADLINE, until
from tests.support.process import Serve
from tests.support.websocket_clients import close_of, opened

CODES = """
from flask import Flask
from hybrid.adapters.flask import WebSockets

app = Flask(__name__)
ws = WebSockets(app)


@ws.route("/")
async def handler(socket):
    await socket.accept()
    await socket.close(1005)
"""


@pytest.fixture
def app() -> Flask:
    """Make an application."""
    return Flask(__name__)


@pytest.fixture
def layer() -> Any:
    """Put a channel layer of one's own in the place of the default one, and give it."""
    own = InMemoryChannelLayer(capacity=4, overflow="close", history=10)
    before = channel_layers.set("default", own)
    yield own
    channel_layers.set("default", before)


def run(coroutine: Any) -> None:
    """Run a test's coroutine."""
    asyncio.run(coroutine)


class TestSetup:
    """Where routes and applications come from."""

    def test_routes_are_listed(self, app: Flask) -> None:
        """`flask routes` shows them, with their endpoints."""
        ws = WebSockets(app)
        ws.route("/chat/<room>")(_echo)
        rows = app.test_cli_runner().invoke(routes_command).output.splitlines()
        assert ["_echo", "GET", "/chat/<room>"] in [row.split() for row in rows]

    def test_routes_before_and_after_the_application(self) -> None:
        """Routes wait for applications, and applications for routes; several may have the same."""

        async def test() -> None:
            ws = WebSockets()
            ws.route("/before")(_echo)
            apps = Flask("one"), Flask("two")
            for each in apps:
                ws.init_app(each)
            ws.route("/after", endpoint="other")(_echo)
            ws.init_app(apps[0])
            for each in apps:
                for path in ("/before", "/after"):
                    sockets: Any = each
                    await _echoes(sockets.__hybrid_websocket__, path)

        run(test())

    def test_a_blueprint_brings_its_sockets_along(self, app: Flask) -> None:
        """Registering it is enough, whatever its prefix and however often."""

        async def test() -> None:
            ws = WebSockets()
            pages = Blueprint("pages", __name__)
            ws.route("/echo", pages)(_echo)
            app.register_blueprint(pages, url_prefix="/a")
            app.register_blueprint(pages, url_prefix="/b", name="again")
            for path in ("/a/echo", "/b/echo"):
                await _echoes(ws, path)

        run(test())

    def test_subdomains(self) -> None:
        """A route can be one host's."""

        async def test() -> None:
            app = Flask(__name__, host_matching=True, static_host="a.example")
            ws = WebSockets(app)
            ws.route("/echo", host="b.example")(_echo)
            await _echoes(ws, "/echo", headers=[(b"host", b"b.example")])
            client = WebsocketCommunicator(ws, "/echo", headers=[(b"host", b"a.example")])
            assert await client.connect() == (False, 1000)
            await client.wait()

        run(test())

    def test_one_object_for_each_application(self, app: Flask) -> None:
        """A second one is refused, as it would have the same routes."""
        WebSockets(app)
        with pytest.raises(ConfigError, match="has a WebSockets object already"):
            WebSockets(app)

    @pytest.mark.parametrize("apps", [0, 2])
    def test_which_application(self, apps: int) -> None:
        """Without one, or with several, there is no ASGI application to take for it."""
        ws = WebSockets()
        for number in range(apps):
            ws.init_app(Flask(str(number)))
        with pytest.raises(ConfigError, match=f"belong to {apps} Flask applications"):
            _ = ws.asgi

    def test_below_a_root_path(self, app: Flask) -> None:
        """The rule is matched below SCRIPT_NAME."""

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/here")
            async def here(socket: Socket) -> None:
                await socket.send(request.script_root + request.path)

            client = WebsocketCommunicator(ws, "/mount/here")
            client.scope["root_path"] = "/mount"
            assert (await client.connect())[0]
            assert await client.receive_from() == "/mount/here"
            await client.disconnect()

        run(test())

    def test_decorated_functions_stay_as_they_are(self, app: Flask) -> None:
        """A handler can be called by others, and have two routes."""
        ws = WebSockets(app)
        assert ws.route("/a")(ws.route("/b", endpoint="b")(_echo)) is _echo

    def test_other_scopes(self, app: Flask) -> None:
        """HTTP is answered 404, and what nobody knows is refused."""

        async def test() -> None:
            ws = WebSockets(app)
            response = await HttpCommunicator(ws, "GET", "/").get_response()
            assert response["status"] == 404
            with pytest.raises(ValueError, match="of type 'mail'"):
                await ws({"type": "mail"}, _nothing, _nothing)

        run(test())

    def test_around(self, app: Flask) -> None:
        """ASGI middleware can be put around all of them."""
        seen: list[str] = []

        def around(application: ASGIApp) -> ASGIApp:
            async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
                seen.append(scope["path"])
                await application(scope, receive, send)

            return middleware

        async def test() -> None:
            ws = WebSockets(app, around=around)
            ws.route("/echo")(_echo)
            await _echoes(ws, "/echo")
            assert seen == ["/echo"]

        run(test())

    def test_wsgi_middleware_that_is_a_generator(self, app: Flask) -> None:
        """It calls the application when its answer is read, and sees the handshake all the same."""
        seen: list[str] = []
        wsgi_app = app.wsgi_app

        def middleware(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
            seen.append(environ["PATH_INFO"])
            yield from wsgi_app({**environ, "REMOTE_ADDR": "192.0.2.7"}, start_response)

        patched: Any = app
        patched.wsgi_app = middleware

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/echo")
            async def handler(socket: Socket) -> None:
                seen.append(request.remote_addr or "")
                await _echo(socket)

            await _echoes(ws, "/echo")
            assert seen == ["/echo", "192.0.2.7"]

        run(test())


class TestRequests:
    """What HTTP sees."""

    def test_the_test_client(self, app: Flask) -> None:
        """Views are as they were; the URL of a WebSocket has no page, and other methods are refused."""
        ws = WebSockets(app)
        ws.route("/echo")(_echo)
        app.add_url_rule("/", view_func=lambda: "hello", endpoint="hello")
        client = app.test_client()
        assert client.get("/").text == "hello"
        assert client.get("/echo").status_code == 404
        assert client.post("/echo").status_code == 405

    def test_the_applications_own_page_for_404(self, app: Flask) -> None:
        """It is the one that is shown."""
        WebSockets(app).route("/echo")(_echo)
        app.register_error_handler(404, lambda _: ("lost", 404))
        assert app.test_client().get("/echo").text == "lost"

    def test_a_server_that_gives_handshakes_to_flask(self, app: Flask) -> None:
        """501."""
        WebSockets(app).route("/echo")(_echo)
        fields = {"Connection": "upgrade", "Upgrade": "websocket"}
        assert app.test_client().get("/echo", headers=fields).status_code == 501

    def test_async_views_still_work(self, app: Flask) -> None:
        """Flask still makes plain functions of coroutine functions on threads without a loop."""
        WebSockets(app)

        async def view() -> str:
            return "hello"

        app.add_url_rule("/", view_func=view)
        assert app.test_client().get("/").text == "hello"


class TestHandlers:
    """Handlers, seen through a communicator."""

    @pytest.mark.parametrize("is_async", [True, False])
    def test_an_error_is_raised_in_tests(self, app: Flask, is_async: bool) -> None:
        """What a handler raises reaches the test, before acceptance and after it."""

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/async/<int:when>")
            async def fail(socket: Socket, when: int) -> None:
                if when:
                    await socket.accept()
                raise RuntimeError("on purpose")

            @ws.route("/plain/<int:when>")
            def fail_on_a_thread(socket: ThreadSocket, when: int) -> None:
                if when:
                    socket.accept()
                raise RuntimeError("on purpose")

            for when in (0, 1):
                client = WebsocketCommunicator(ws, f"/{'async' if is_async else 'plain'}/{when}")
                assert (await client.connect())[0] == bool(when)
                with pytest.raises(RuntimeError, match="on purpose"):
                    await client.wait()

        run(test())

    def test_flask_in_debug_mode(self, app: Flask, caplog: pytest.LogCaptureFixture) -> None:
        """Errors that Flask raises then are logged, and answered 500."""

        async def test() -> None:
            app.debug = True
            ws = WebSockets(app)
            app.before_request(_fail)
            ws.route("/echo")(_echo)
            client = WebsocketCommunicator(ws, "/echo")
            client.scope["extensions"] = {"websocket.http.response": {}}
            await client.send_input({"type": "websocket.connect"})
            assert (await client.receive_output())["status"] == 500
            with pytest.raises(ZeroDivisionError):
                await client.wait()

        run(test())
        assert "Exception on websocket /echo" in caplog.text

    def test_sending_after_the_client_has_left(self, app: Flask) -> None:
        """ClientDisconnected; a handler that lets it pass has ended well, and groups are left at once."""
        done = asyncio.Event()

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/x")
            async def handler(socket: Socket) -> None:
                await socket.join("x")
                async for _ in socket:
                    pass
                assert socket.close_code == 4002
                assert not socket.connected
                with pytest.raises(ClientDisconnected):
                    await socket.receive()
                await socket.close()
                with pytest.raises(ClientDisconnected):
                    await socket.join("y")
                done.set()
                await socket.send("too late")

            client = WebsocketCommunicator(ws, "/x")
            assert (await client.connect())[0]
            await client.disconnect(4002)
            assert done.is_set()

        run(test())

    @pytest.mark.parametrize("is_async", [True, False])
    def test_what_was_said_before_leaving(self, app: Flask, is_async: bool) -> None:
        """It can still be read, however late."""
        heard: list[object] = []
        left, begun = threading.Event(), threading.Event()

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/async")
            async def handler(socket: Socket) -> None:
                await socket.accept()
                begun.set()
                await asyncio.to_thread(left.wait, DEADLINE)
                heard.extend([message async for message in socket])

            @ws.route("/plain")
            def handler_on_a_thread(socket: ThreadSocket) -> None:
                socket.accept()
                begun.set()
                assert left.wait(DEADLINE)
                heard.extend(socket)

            client = WebsocketCommunicator(ws, "/async" if is_async else "/plain")
            assert (await client.connect())[0]
            for text in ("a", "b"):
                await client.send_to(text)
            await client.send_input({"type": "websocket.disconnect", "code": 1001})
            await until(client.input_queue.empty)
            left.set()
            await client.wait()

        run(test())
        assert heard == ["a", "b"]

    def test_reading_what_one_has_closed(self, app: Flask) -> None:
        """Iteration ends at once, also in another task, and receive() raises."""

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/x")
            async def handler(socket: Socket) -> None:
                async def read() -> list[str | bytes]:
                    return [message async for message in socket]

                await socket.accept()
                reading = asyncio.create_task(read())
                await asyncio.sleep(0)
                await socket.close(4000)
                assert await reading == []
                with pytest.raises(ClientDisconnected):
                    await socket.receive(timeout=DEADLINE)

            client = WebsocketCommunicator(ws, "/x")
            assert (await client.connect())[0]
            await client.wait()

        run(test())

    def test_a_close_code_that_cannot_be(self, serve: Serve, tmp_path: Path) -> None:
        """The handler's mistake: 1011."""
        (tmp_path / "codes.py").write_text(CODES, encoding="utf-8")
        server = serve("codes", app_dir=tmp_path)
        with opened(server, "/") as websocket:
            closed = close_of(websocket)
            assert closed is not None
            assert closed[0] == 1011

    def test_accepting_twice(self, app: Flask) -> None:
        """That is nothing, unless there is something to say with it: that is too late."""

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/async")
            async def handler(socket: Socket) -> None:
                await socket.accept()
                await socket.accept()
                with pytest.raises(ProtocolError):
                    await socket.accept(subprotocol="a")

            @ws.route("/plain")
            def handler_on_a_thread(socket: ThreadSocket) -> None:
                socket.accept()
                socket.accept()
                with pytest.raises(ProtocolError):
                    socket.accept(headers={"A": "b"})

            for path in ("/async", "/plain"):
                client = WebsocketCommunicator(ws, path)
                assert (await client.connect())[0]
                await client.wait()

        run(test())

    def test_leaving_while_the_acceptance_is_sent(self, app: Flask) -> None:
        """Who has left is not connected, whenever the server is done with the acceptance."""
        sending, told = asyncio.Event(), asyncio.Event()
        messages: list[Message] = [
            {"type": "websocket.disconnect", "code": 1006},
            {"type": "websocket.connect"},
        ]
        raised: list[BaseException | None] = []

        async def receive() -> Message:
            if len(messages) == 1:
                await sending.wait()
            return messages.pop()

        async def send(message: Message) -> None:
            assert message["type"] == "websocket.accept"
            sending.set()
            await told.wait()

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/x")
            async def handler(socket: Socket) -> None:
                accepting = asyncio.create_task(socket.accept())
                await until(lambda: socket.close_code == 1006)
                told.set()
                await asyncio.wait({accepting})
                raised.append(accepting.exception())
                assert not socket.connected

            scope = {"type": "websocket", "path": "/x", "headers": [], RAISE_ERRORS: True}
            async with asyncio.timeout(DEADLINE):
                await ws(scope, receive, send)

        run(test())
        assert [type(error) for error in raised] == [ClientDisconnected]

    def test_receiving_that_fails(self, app: Flask, caplog: pytest.LogCaptureFixture) -> None:
        """The handler does not wait for ever: for it the client has left, and the log says why."""
        messages = [{"type": "websocket.connect"}]
        codes: list[int | None] = []

        async def receive() -> Message:
            return messages.pop() if messages else _fail()

        async def send(message: Message) -> None:
            pass

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/x")
            async def handler(socket: Socket) -> None:
                async for _ in socket:
                    pass
                codes.append(socket.close_code)

            async with asyncio.timeout(DEADLINE):
                await ws({"type": "websocket", "path": "/x", "headers": []}, receive, send)

        run(test())
        assert codes == [1006]
        assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]

    def test_acceptance_by_several_threads(self, app: Flask) -> None:
        """Hooks run once, and need not run on the handler's own thread."""
        hooks: list[str] = []

        def note(response: Response) -> Response:
            hooks.append(request.path)
            return response

        async def test() -> None:
            ws = WebSockets(app)
            app.after_request(note)

            @ws.route("/x")
            def handler(socket: ThreadSocket) -> None:
                threads = [threading.Thread(target=socket.send, args=("x",)) for _ in range(4)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()

            client = WebsocketCommunicator(ws, "/x")
            assert (await client.connect())[0]
            assert [await client.receive_from() for _ in range(4)] == ["x"] * 4
            await client.wait()

        run(test())
        assert hooks == ["/x"]

    def test_a_message_that_cannot_be_sent(
        self, app: Flask, layer: InMemoryChannelLayer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Somebody else's message that is not for JSON is logged; the next one is sent."""

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/x")
            async def handler(socket: Socket) -> None:
                await socket.join("x")
                await socket.send("joined")
                async for _ in socket:
                    pass

            client = WebsocketCommunicator(ws, "/x")
            assert (await client.connect())[0]
            assert await client.receive_from() == "joined"
            layer.publish("x", {"type": "x", "data": b"\0"})
            layer.publish("x", {"type": "x", "data": [1]})
            message = await client.receive_json_from()
            assert (message["type"], message["data"]) == ("x", [1])
            await client.disconnect()

        run(test())
        assert "cannot be sent" in caplog.text

    def test_groups_are_left_while_the_handler_is_busy(self, app: Flask, layer: InMemoryChannelLayer) -> None:
        """Who has left is in no group, whatever its handler still does."""

        async def test() -> None:
            ws = WebSockets(app)
            go_on = asyncio.Event()

            @ws.route("/x")
            async def handler(socket: Socket) -> None:
                await socket.join("x")
                await go_on.wait()
                with pytest.raises(ClientDisconnected):
                    await socket.join("x")

            client = WebsocketCommunicator(ws, "/x")
            assert (await client.connect())[0]
            while not await layer.group_count("x"):
                await asyncio.sleep(0)
            await client.send_input({"type": "websocket.disconnect", "code": 1001})
            while await layer.group_count("x"):
                await asyncio.sleep(0)
            go_on.set()
            await client.wait()
            assert await layer.group_count("x") == 0

        run(test())

    def test_a_call_that_the_server_cancels(self, app: Flask, caplog: pytest.LogCaptureFixture) -> None:
        """The handler is cancelled, and teardown runs."""
        ends: list[str] = []

        async def test() -> None:
            ws = WebSockets(app)
            app.teardown_request(lambda _: ends.append("teardown"))

            @ws.route("/x")
            async def handler(socket: Socket) -> None:
                await socket.accept()
                try:
                    await asyncio.Event().wait()
                finally:
                    ends.append("handler")

            client = WebsocketCommunicator(ws, "/x")
            assert (await client.connect())[0]
            client.future.cancel()
            with pytest.raises(asyncio.CancelledError):
                await client.future
            await until(lambda: len(ends) == 2)

        run(test())
        assert ends == ["handler", "teardown"]
        assert not caplog.records

    def test_a_call_that_is_cancelled_before_its_handler(self, app: Flask) -> None:
        """What has begun on a thread is waited for, and teardown runs."""
        ends: list[str] = []
        begun, go_on = threading.Event(), threading.Event()

        def before() -> None:
            begun.set()
            assert go_on.wait(DEADLINE)

        async def test() -> None:
            ws = WebSockets(app)
            app.before_request(before)
            app.teardown_request(lambda _: ends.append("teardown"))
            ws.route("/x")(_echo)
            client = WebsocketCommunicator(ws, "/x")
            await client.send_input({"type": "websocket.connect"})
            await asyncio.to_thread(begun.wait, DEADLINE)
            client.future.cancel()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await client.future
            assert ends == ["teardown"]

        run(test())

    def test_a_thread_whose_call_the_server_cancels(self, app: Flask) -> None:
        """Its next message raises ClientDisconnected."""
        ends: list[object] = []

        async def test() -> None:
            ws = WebSockets(app)

            @ws.route("/x")
            def handler(socket: ThreadSocket) -> None:
                for _ in socket:
                    pass
                ends.append(socket.close_code)

            client = WebsocketCommunicator(ws, "/x")
            assert (await client.connect())[0]
            client.future.cancel()
            with pytest.raises(asyncio.CancelledError):
                await client.future
            await until(lambda: ends)

        run(test())
        assert ends == [1006]

    def test_a_thread_socket_on_the_loop(self, app: Flask) -> None:
        """It says that it must not be there."""

        async def test() -> None:
            ws = WebSockets(app)
            sockets: list[ThreadSocket] = []

            @ws.route("/x")
            def handler(socket: ThreadSocket) -> None:
                socket.accept()
                sockets.append(socket)
                assert socket.receive() == "done"

            client = WebsocketCommunicator(ws, "/x")
            assert (await client.connect())[0]
            await until(lambda: sockets)
            with pytest.raises(PortalError, match="would wait for itself"):
                sockets[0].send("x")
            await client.send_to("done")
            await client.wait()

        run(test())

    def test_a_user_loader_that_fails(self, app: Flask) -> None:
        """It fails when the user is asked for, and not before."""
        login = pytest.importorskip("flask_login")

        async def test() -> None:
            app.secret_key = "x"
            manager = login.LoginManager(app)
            manager.request_loader(_fail)
            ws = WebSockets(app)
            ws.route("/echo")(_echo)
            ws.route("/user", endpoint="user")(lambda _: login.current_user.is_active)
            await _echoes(ws, "/echo")
            client = WebsocketCommunicator(ws, "/user")
            assert (await client.connect())[0] is False
            with pytest.raises(ZeroDivisionError):
                await client.wait()

        run(test())

    def test_a_client_that_is_too_slow(self, app: Flask, layer: InMemoryChannelLayer) -> None:
        """Where the layer's policy is to close, it gets 1013."""

        async def test() -> None:
            ws = WebSockets(app)
            sent: list[Any] = []
            come: asyncio.Queue[Any] = asyncio.Queue()

            @ws.route("/x")
            async def handler(socket: Socket) -> None:
                await socket.join("x")
                async for _ in socket:
                    pass

            async def send(message: Any) -> None:
                sent.append(message)
                if message["type"] == "websocket.send":
                    await asyncio.Event().wait()

            come.put_nowait({"type": "websocket.connect"})
            scope = WebsocketCommunicator(ws, "/x").scope
            call = asyncio.create_task(ws(scope, come.get, send))
            while not await layer.group_count("x"):
                await asyncio.sleep(0)
            while sent[-1]["type"] != "websocket.close":
                ws.emit("x", "more")
                await asyncio.sleep(0)
            assert sent[-1]["code"] == 1013
            come.put_nowait({"type": "websocket.disconnect", "code": 1013})
            await call

        run(test())

    def test_no_channel_layer(self, app: Flask) -> None:
        """Groups say what is missing."""
        ws = WebSockets(app, layer="none")
        with pytest.raises(InvalidChannelLayerError, match="'none'"):
            ws.emit("x", "x")

    def test_members_without_a_server(self, app: Flask) -> None:
        """The error says where it can be called."""
        with pytest.raises(PortalError):
            WebSockets(app).members("x")

    def test_a_converter_that_fails(self, app: Flask, caplog: pytest.LogCaptureFixture) -> None:
        """What it raises is the server's to answer: 500."""

        async def test() -> None:
            ws = WebSockets(app)
            app.url_map.converters["fails"] = _failing_converter()
            ws.route("/<fails:x>")(_echo)
            client = WebsocketCommunicator(ws, "/x")
            with pytest.raises(ZeroDivisionError):
                await client.connect()

        run(test())


def test_logs_do_not_repeat_what_clients_write(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """Control characters in paths are escaped."""

    async def test() -> None:
        ws = WebSockets(app)
        headers = [(b"host", b"own.example"), (b"origin", b"https://evil.example\n")]
        client = WebsocketCommunicator(ws, "/a%0Ab", headers=headers)
        assert (await client.connect())[0] is False
        await client.wait()

    caplog.set_level(logging.INFO, "hybrid.flask")
    run(test())
    assert r"websocket /a\nb: refused: origin https://evil.example\n is not that of" in caplog.text
    assert "(own.example)" in caplog.text


async def _echo(socket: Socket, **args: Any) -> None:
    async for message in socket:
        await socket.send(message)


async def _echoes(application: ASGIApp, path: str, **options: Any) -> None:
    client = WebsocketCommunicator(application, path, **options)
    assert (await client.connect())[0]
    await client.send_to("x")
    assert await client.receive_from() == "x"
    await client.disconnect()


async def _nothing(*args: Any) -> Any:
    raise AssertionError


def _fail(*args: Any) -> Any:
    raise ZeroDivisionError("on purpose")


def _failing_converter() -> Any:
    from werkzeug.routing import BaseConverter

    return type("Fails", (BaseConverter,), {"to_python": _fail})


def test_a_client_that_leaves_much_unread(app: Flask, layer: InMemoryChannelLayer) -> None:
    """Its socket leaves its groups with the first message for it, though word of its leaving waits behind
    what it said, and the handler reads nothing.
    """
    ws = WebSockets(app)
    may_end = asyncio.Event()

    @ws.route("/")
    async def handler(socket: Socket) -> None:
        await socket.join("room")
        await may_end.wait()
        assert not socket.connected
        assert [message async for message in socket] == [str(number) for number in range(100)]

    async def test() -> None:
        line = Line(ws, path="/")
        await line.connect()
        while not await layer.group_count("room"):
            await asyncio.sleep(0)
        line.say(*map(str, range(100)))
        await until(lambda: line.heard == 33)  # the handshake, and as many as wait
        line.leave()
        ws.emit("room", "hello")
        async with asyncio.timeout(DEADLINE):
            while await layer.group_count("room"):
                await asyncio.sleep(0)
        may_end.set()
        await line.end()

    run(test())


class TestUsers:
    """Whose a WebSocket is."""

    @pytest.mark.parametrize("kind", ["loop", "thread"])
    def test_disconnecting_a_user(self, app: Flask, kind: str) -> None:
        """All that are a user's are closed, and no others; the handlers hear of it, and come to their end."""
        ws = WebSockets(app, user_id=lambda: request.args.get("user", type=int))
        ended: list[str] = []

        async def handler(socket: Socket) -> None:
            await socket.accept()
            async for message in socket:
                await socket.send(message)
            ended.append(request.args.get("user", ""))

        def on_thread(socket: ThreadSocket) -> None:
            socket.accept()
            for message in socket:
                socket.send(message)
            ended.append(request.args.get("user", ""))

        ws.route("/")(handler if kind == "loop" else on_thread)

        async def test() -> None:
            queries = ("?user=7", "?user=7", "?user=8", "")
            clients = [WebsocketCommunicator(ws, f"/{query}") for query in queries]
            for client in clients:
                assert (await client.connect())[0]
            disconnect_user(7, 4403, "out")
            disconnect_user("6")
            for client in clients[:2]:
                closing = await client.receive_output()
                assert (closing["code"], closing["reason"]) == (4403, "out")
                await client.wait()
            assert ended == ["7", "7"]
            assert not await user_is_online(7)
            assert await user_is_online("8")
            for client in clients[2:]:
                await client.send_to("still here")
                assert await client.receive_from() == "still here"
                await client.disconnect()
            assert not await user_is_online(8)

        run(test())

    @pytest.mark.parametrize("kind", ["loop", "thread"])
    def test_a_client_that_does_not_read(self, app: Flask, kind: str) -> None:
        """A handler that waits to send hears of the end at once, not when the server gives the client up."""
        ws = WebSockets(app, user_id=lambda: "ann")
        raised: list[BaseException] = []

        async def handler(socket: Socket) -> None:
            try:
                await socket.send("x")
            except BaseException as error:
                raised.append(error)
                raise

        def on_thread(socket: ThreadSocket) -> None:
            try:
                socket.send("x")
            except BaseException as error:
                raised.append(error)
                raise

        ws.route("/")(handler if kind == "loop" else on_thread)
        sent: list[str] = []

        async def receive() -> Message:
            if not sent:
                return {"type": "websocket.connect"}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message["type"])
            if message["type"] == "websocket.send":
                await asyncio.Event().wait()

        async def test() -> None:
            scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"localhost")]}
            call = asyncio.create_task(ws(scope, receive, send))
            await until(lambda: "websocket.send" in sent)
            disconnect_user("ann")
            await asyncio.wait_for(call, DEADLINE)
            assert sent == ["websocket.accept", "websocket.send", "websocket.close"]
            assert [type(error) for error in raised] == [ClientDisconnected]

        run(test())

    def test_before_acceptance(self, app: Flask) -> None:
        """The handshake is refused, and what the handler then does raises."""
        ws = WebSockets(app, user_id=lambda: "ann")
        in_handler, may_accept, raised = asyncio.Event(), asyncio.Event(), asyncio.Event()

        @ws.route("/")
        async def handler(socket: Socket) -> None:
            in_handler.set()
            await may_accept.wait()
            try:
                await socket.accept()
            except ClientDisconnected:
                raised.set()
                raise

        async def test() -> None:
            client = WebsocketCommunicator(ws, "/")
            await client.send_input({"type": "websocket.connect"})
            await in_handler.wait()
            disconnect_user("ann")
            assert (await client.receive_output())["type"] == "websocket.close"
            may_accept.set()
            await client.wait()
            assert raised.is_set()

        run(test())

    def test_a_function_that_fails(self, app: Flask) -> None:
        """It is answered as an error of a view; nobody comes in whose user cannot be told."""

        def broken() -> str:
            raise LookupError

        app.register_error_handler(LookupError, lambda _: ("who?", 401))
        ws = WebSockets(app, user_id=broken)
        ws.route("/")(_echo)

        async def test() -> None:
            client = WebsocketCommunicator(ws, "/")
            client.scope["extensions"] = {"websocket.http.response": {}}
            await client.send_input({"type": "websocket.connect"})
            assert (await client.receive_output())["status"] == 401
            await client.wait()

        run(test())


class TestFullPool:
    """While the threads for Flask's part are all busy, with others waiting."""

    @pytest.fixture
    def tight(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadPool]:
        """Give consumers one thread, for which one may wait, and only for a moment."""
        pool = ThreadPool(1, queue=1, name="tight")
        monkeypatch.setattr(threads, "shared_pool", lambda: pool)
        monkeypatch.setattr(threads, "_STEP", 0.001)
        monkeypatch.setattr(threads, "_LONGEST_STEP", 0.001)
        monkeypatch.setattr(threads, "_ROOM_SECONDS", 0.002)
        yield pool
        assert pool.close(DEADLINE)

    def test_teardown_waits_for_a_thread(self, app: Flask, tight: ThreadPool) -> None:
        """What runs at the end of a request runs, however long that takes."""
        ws = WebSockets(app)
        ws.route("/echo")(_echo)
        torn: list[object] = []
        app.teardown_request(torn.append)

        async def test() -> None:
            client = WebsocketCommunicator(ws, "/echo")
            assert await client.connect() == (True, None)
            async with _occupied(tight):
                await client.send_input({"type": "websocket.disconnect", "code": 1000})
                for _ in range(20):
                    await asyncio.sleep(0.001)
                assert torn == []
            await client.wait()
            assert torn == [None]

        run(test())

    def test_a_handshake_does_not_wait_long(self, app: Flask, tight: ThreadPool) -> None:
        """It is answered 503, before the handler runs and when it accepts."""
        ws = WebSockets(app)
        enter, accept = asyncio.Event(), asyncio.Event()

        @ws.route("/")
        async def handler(socket: Socket) -> None:
            enter.set()
            await accept.wait()
            await socket.accept()

        async def test() -> None:
            first = await _denied(ws, enter)
            async with _occupied(tight):
                accept.set()
                second = await _denied(ws)
                assert (await second.receive_output())["status"] == 503
                await second.wait()
            assert (await first.receive_output())["status"] == 503
            await first.wait()

        async def _denied(ws: WebSockets, entered: asyncio.Event | None = None) -> WebsocketCommunicator:
            client = WebsocketCommunicator(ws, "/")
            client.scope["extensions"] = {"websocket.http.response": {}}
            await client.send_input({"type": "websocket.connect"})
            if entered is not None:
                await entered.wait()
            return client

        run(test())


@asynccontextmanager
async def _occupied(pool: ThreadPool) -> AsyncIterator[None]:
    """Keep a pool of one thread full."""
    may_go, busy = threading.Event(), threading.Event()

    def hold(_: None) -> None:
        busy.set()
        may_go.wait(DEADLINE)

    pool.submit(hold, None)
    await until(busy.is_set)
    pool.submit(hold, None)
    try:
        yield
    finally:
        may_go.set()
