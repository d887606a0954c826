"""A Flask application with WebSockets of `hybrid.adapters.flask`, and what a view can do with them.

`app` is served as it is; `asgi` is the same for any ASGI server.
"""

import asyncio
import functools
import sys
import threading
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, abort, current_app, g, jsonify, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from werkzeug.routing import BaseConverter

from hybrid.adapters.flask import Socket, ThreadSocket, WebSockets
from hybrid.bridge import ProtocolTypeRouter, WSGIToASGI, channel_layers
from hybrid.bridge.layers import InMemoryChannelLayer

channel_layers.set("default", InMemoryChannelLayer(history={"history*": 4}))

app = Flask(__name__)
app.secret_key = "not one"
ws = WebSockets(app, threads=8, allowed_origins=["https://friend.example"])
login = LoginManager(app)
rooms = Blueprint("rooms", __name__, url_prefix="/rooms")


class User(UserMixin):
    """Somebody who has signed in."""

    def __init__(self, name: str) -> None:
        self.id = name


class Word(BaseConverter):
    """A part of a URL, backwards."""

    def to_python(self, value: str) -> str:
        """Turn it."""
        return value[::-1]


app.url_map.converters["backwards"] = Word
login.user_loader(User)


def note(text: str) -> None:
    """Say something to the test."""
    sys.stderr.write(f"note: {text}\n")
    sys.stderr.flush()


@app.before_request
def before() -> ResponseReturnValue | None:
    """Run before requests and handshakes; refuse some."""
    g.greeting = f"hello {threading.current_thread().name.partition('-')[0]}"
    return ("closed for today", 401) if "closed" in request.args else None


@app.after_request
def after(response: Any) -> Any:
    """Mark the response."""
    response.headers["X-After"] = "yes"
    return response


@app.teardown_request
def torn_down(error: BaseException | None) -> None:
    """Tell of the end of requests that ask for that."""
    if "told" in request.args:
        note(f"torn down: {type(error).__name__}")


@app.errorhandler(418)
def teapot(error: Exception) -> ResponseReturnValue:
    """Answer in a way of one's own."""
    return jsonify(teapot=True), 418


# Views.


@app.get("/in/<name>")
def sign_in(name: str) -> str:
    """Sign in."""
    session["name"] = name
    login_user(User(name))
    return name


@app.get("/session")
def show_session() -> ResponseReturnValue:
    """Tell what is in the session."""
    return jsonify(dict(session))


@app.get("/say/<group>")
def say(group: str) -> str:
    """Say something in a group, of each kind, and go on."""
    ws.emit(group, {"text": "hello"})
    ws.emit(group, "plain")
    ws.emit(group, b"\0\1")
    note("said")
    return "said"


@app.get("/members/<group>")
def members(group: str) -> ResponseReturnValue:
    """Tell who is in a group."""
    return jsonify([member.metadata for member in ws.members(group)])


@app.get("/urls")
def urls() -> ResponseReturnValue:
    """Tell the URLs of WebSockets."""
    return jsonify(
        [url_for("echo"), url_for("numbers", number=7, _scheme="wss"), url_for("rooms.room", name="a")]
    )


# WebSockets.


@ws.route("/echo")
async def echo(socket: Socket) -> None:
    """Send everything back."""
    async for message in socket:
        await socket.send(message)
    note(f"left {socket.close_code} {socket.close_reason}")


@ws.route("/thread/echo")
def thread_echo(socket: ThreadSocket) -> None:
    """Send everything back, on a thread."""
    for message in socket:
        socket.send(message)
    note(f"left {socket.close_code} {socket.close_reason}")


def who() -> dict[str, Any]:
    """Tell what Flask knows in a handler."""
    return {
        "name": session.get("name"),
        "user": current_user.get_id(),
        "query": request.args.get("q"),
        "field": request.headers.get("X-Own"),
        "address": request.remote_addr,
        "app": current_app.name,
        "greeting": g.greeting,
        "url": url_for("sign_in", name="x", _external=True).partition(":")[0],
    }


@ws.route("/who")
async def async_who(socket: Socket) -> None:
    """Tell it on the loop, and in a task that the handler starts."""
    await socket.send(who())
    await asyncio.gather(*(socket.send_json([each]) for each in (who()["name"],)))


@ws.route("/thread/who")
def thread_who(socket: ThreadSocket) -> None:
    """Tell it on a thread."""
    socket.send(who())
    socket.send_json([session.get("name")])


@ws.route("/private")
@login_required
async def private(socket: Socket) -> None:
    """Be for those who have signed in."""
    await socket.send(f"welcome {current_user.get_id()}")


@ws.route("/thread/private")
@login_required
def thread_private(socket: ThreadSocket) -> None:
    """Be for those who have signed in."""
    socket.send(f"welcome {current_user.get_id()}")


@ws.route("/number/<int:number>")
async def numbers(socket: Socket, number: int) -> None:
    """Take a number."""
    await socket.send_json(number + 1)


@ws.route("/number/", defaults={"number": 0})
async def no_number(socket: Socket, number: int) -> None:
    """Take a default."""
    await socket.send_json(number)


@ws.route("/word/<backwards:word>")
async def words(socket: Socket, word: str) -> None:
    """Take what a converter of the application's makes."""
    await socket.send(word)


@ws.route("/visits")
async def visits(socket: Socket) -> None:
    """Change the session, and see what becomes of later changes."""
    session["visits"] = session.get("visits", 0) + 1
    await socket.accept(headers={"X-Visits": str(session["visits"])})
    if "late" in request.args:
        session["late"] = True


@ws.route("/subprotocol")
async def subprotocol(socket: Socket) -> None:
    """Choose the last that is offered."""
    await socket.accept(subprotocol=socket.subprotocols[-1])
    await socket.send(socket.subprotocol or "")


@ws.route("/thread/subprotocol")
def thread_subprotocol(socket: ThreadSocket) -> None:
    """Choose the last that is offered."""
    socket.accept(subprotocol=socket.subprotocols[-1])
    socket.send(socket.subprotocol or "")


def _failing(how: str) -> Any:
    if how == "teapot":
        abort(418)
    if how == "forbidden":
        abort(403)
    if how == "return":
        return "not here", 409, {"X-Reason": "full"}
    if how == "error":
        raise RuntimeError("on purpose")
    if how == "exit":
        sys.exit(3)
    raise ValueError(how)


@ws.route("/fail/<how>")
async def fail(socket: Socket, how: str) -> Any:
    """Fail before the handshake is answered."""
    return _failing(how)


@ws.route("/thread/fail/<how>")
def thread_fail(socket: ThreadSocket, how: str) -> Any:
    """Fail before the handshake is answered."""
    return _failing(how)


@ws.route("/late/<how>")
async def late(socket: Socket, how: str) -> Any:
    """Fail after that."""
    await socket.send("open")
    return _failing(how)


@ws.route("/thread/late/<how>")
def thread_late(socket: ThreadSocket, how: str) -> Any:
    """Fail after that."""
    socket.send("open")
    return _failing(how)


@ws.route("/close")
async def close(socket: Socket) -> None:
    """Say a last word and close; what comes then is for nobody."""
    await socket.send("last words")
    await socket.close(4001, "enough")
    async for _ in socket:
        note("heard something")
    note("closed")


@ws.route("/refuse")
def refuse(socket: ThreadSocket) -> None:
    """Close what is not open yet."""
    socket.close()


@ws.route("/timeout")
async def timeout(socket: Socket) -> None:
    """Wait for nothing, then for something."""
    nothing = await socket.receive(timeout=0.01)
    await socket.send_json(nothing)
    await socket.send_json(await socket.receive_json())


@ws.route("/thread/timeout")
def thread_timeout(socket: ThreadSocket) -> None:
    """Wait for nothing, then for something."""
    socket.send_json(socket.receive(timeout=0.01))
    socket.send_json(socket.receive_json())


@ws.route("/silent")
def silent(socket: ThreadSocket) -> None:
    """Do nothing."""


@ws.route("/flood")
async def flood(socket: Socket) -> None:
    """Send from several tasks at once, texts long enough to need several writes."""

    async def send(letter: str) -> None:
        for _ in range(20):
            await socket.send(letter * 70_000)

    async with asyncio.TaskGroup() as group:
        for letter in "abcd":
            group.create_task(send(letter))


@ws.route("/thread/flood")
def thread_flood(socket: ThreadSocket) -> None:
    """Send from several threads at once."""
    socket.accept()

    def send(letter: str) -> None:
        for _ in range(20):
            socket.send(letter * 70_000)

    threads = [threading.Thread(target=send, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# Groups.


@ws.route("/<name>", rooms)
async def room(socket: Socket, name: str) -> None:
    """Join a group, and say there what the client says."""
    await socket.join(name, {"name": request.args.get("name", "")}, watch="watch" in request.args)
    await socket.send("joined")
    async for message in socket:
        if message == "leave":
            await socket.leave(name)
            await socket.send("left")
        elif message == "who":
            await socket.send_json([member.metadata for member in await socket.members(name)])
        else:
            await socket.emit(name, message)


@ws.route("/thread/<name>", rooms)
def thread_room(socket: ThreadSocket, name: str) -> None:
    """Do the same on a thread."""
    socket.join(name, {"name": request.args.get("name", "")})
    socket.send("joined")
    for message in socket:
        if message == "leave":
            socket.leave(name)
            socket.send("left")
        elif message == "who":
            socket.send_json([member.metadata for member in socket.members(name)])
        else:
            socket.emit(name, message)


def _resumed(replay: Any) -> dict[str, Any]:
    return {"count": len(replay.messages), "last": replay.last, "gap": replay.gap}


@ws.route("/resume/<name>")
async def resume(socket: Socket, name: str) -> None:
    """Send what the client has missed, and then what comes."""
    watch = "watch" in request.args
    replay = await socket.resume(name, request.args.get("after", type=int), {"name": "x"}, watch=watch)
    await socket.send(_resumed(replay))
    async for _ in socket:
        pass


@ws.route("/thread/resume/<name>")
def thread_resume(socket: ThreadSocket, name: str) -> None:
    """Do the same on a thread."""
    socket.send(_resumed(socket.resume(name, request.args.get("after", type=int))))
    for _ in socket:
        pass


app.register_blueprint(rooms)

asgi = ProtocolTypeRouter({"http": WSGIToASGI(app), "websocket": ws.asgi})


def refusing(wsgi_app: Callable[..., Any]) -> Callable[..., Any]:
    """Make middleware that lets nobody in without a key, and says where it was."""

    @functools.wraps(wsgi_app)
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if "key" not in environ["QUERY_STRING"]:
            start_response("402 Payment Required", [("X-From", "middleware"), ("Content-Length", "0")])
            return []
        return wsgi_app({**environ, "REMOTE_ADDR": "192.0.2.7"}, start_response)

    return application


def create_guarded() -> Flask:
    """Make another application: with middleware, made before and after its WebSockets."""
    guarded = Flask("guarded")
    sockets = WebSockets()

    @sockets.route("/address")
    async def address(socket: Socket) -> None:
        await socket.send(str(request.remote_addr))

    guarded.wsgi_app = refusing(guarded.wsgi_app)  # type: ignore[method-assign]
    sockets.init_app(guarded)
    return guarded
