"""One source of tests, given the communicators of Channels or of this project, and what each is told.

    python same_communicators.py channels | hybrid

prints JSON, to be compared by `test_same_communicators.py`. Channels needs Django's settings, hence the
process.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybrid.bridge import testing as c
elif sys.argv[1] == "channels":
    from django.conf import settings

    settings.configure(DATABASES={})
    from channels import testing as c
else:
    from hybrid.bridge import testing as c

SEEN: ContextVar[str] = ContextVar("SEEN", default="nothing")

#: A step of a scenario: what it is called with, and what it gives.
Step = Callable[[Any], Awaitable[Any]]


#: What is answered to a handshake, by path; others are accepted.
HANDSHAKES: dict[str, dict[str, Any]] = {
    "/refuse": {"type": "websocket.close"},
    "/refuse with": {"type": "websocket.close", "code": 4003},
    "/wrong": {"type": "websocket.send", "text": "too early"},
}
#: What is answered to messages; others come back.
ANSWERS: dict[Any, dict[str, Any]] = {
    "say and return": {"type": "websocket.send", "text": "bye"},
    "close": {"type": "websocket.close", "code": 4001},
    "two keys": {"type": "websocket.send", "text": "a", "bytes": b"b"},
    "no key": {"type": "websocket.send"},
    "wrong text": {"type": "websocket.send", "text": b"a"},
    "wrong bytes": {"type": "websocket.send", "bytes": "a"},
}


def shown(scope: Any) -> str:
    """Write what a communicator has put into a scope."""
    return repr(sorted((key, value) for key, value in scope.items() if not key.startswith("hybrid.")))


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Do what the messages say."""
    await receive()
    accepted = {"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)}
    await send(HANDSHAKES.get(scope["path"], accepted))
    while True:
        message = await receive()
        said = message.get("text") or message.get("bytes") or message["type"]
        if said == "raise":
            raise LookupError("on purpose")
        if said in ("websocket.disconnect", "return"):
            return
        told = {"context": SEEN.get(), "scope": shown(scope)}.get(said)
        if told is not None:
            await send({"type": "websocket.send", "text": told})
        elif said != "silence":
            await send(ANSWERS.get(said, {**message, "type": "websocket.send"}))
        if said == "say and return":
            return


async def web(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request as its path says."""
    message = await receive()
    match scope["path"]:
        case "/raise":
            raise LookupError("on purpose")
        case "/nothing":
            return
        case "/parts":
            await send({"type": "http.response.start", "status": 201, "headers": [(b"a", b"b")]})
            await send({"type": "http.response.body", "body": b"one ", "more_body": True})
            await send({"type": "http.response.body", "body": message["body"]})
        case "/no headers":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b""})
        case "/wrong":
            await send({"type": "http.response.body", "body": b""})
        case _:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": shown(scope).encode()})


def socket(path: str = "/", **more: Any) -> Any:
    """Return a WebSocket that is not yet connected."""
    return c.WebsocketCommunicator(app, path, **more)


def request(method: str, path: str, **more: Any) -> Any:
    """Return a request that is not yet sent."""
    return c.HttpCommunicator(web, method, path, **more)


def said(text: str) -> list[Step]:
    """Connect, say something, and read an answer."""
    return [lambda line: line.connect(), lambda line: line.send_to(text), lambda line: line.receive_from(0.5)]


async def stop(line: Any, **more: Any) -> Any:
    """Stop it."""
    return line.stop(**more)


async def headers(line: Any) -> Any:
    """Return what was read off the handshake."""
    return line.response_headers


async def in_context(line: Any) -> Any:
    """Set a variable that the application must not see."""
    SEEN.set("the test's")
    return await line.connect()


SCENARIOS: dict[str, tuple[Callable[[], Any], list[Step]]] = {
    "connect": (lambda: socket(subprotocols=["chat"]), [lambda line: line.connect(), headers]),
    "no subprotocol": (socket, [lambda line: line.connect(), lambda line: line.disconnect()]),
    "refused": (lambda: socket("/refuse"), [lambda line: line.connect(), headers]),
    "refused with": (lambda: socket("/refuse%20with"), [lambda line: line.connect()]),
    "wrong answer": (lambda: socket("/wrong"), [lambda line: line.connect()]),
    "scope": (
        lambda: socket("/a%20b?c=%20d", headers=[(b"x", b"y")], spec_version="2.4"),
        said("scope"),
    ),
    "no path": (lambda: socket(b"/"), []),  # type: ignore[arg-type]
    "text": (socket, [*said("hello"), lambda line: line.disconnect(4000)]),
    "bytes": (
        socket,
        [
            lambda line: line.connect(),
            lambda line: line.send_to(bytes_data=b"\0"),
            lambda line: line.receive_from(),
        ],
    ),
    "JSON": (
        socket,
        [
            lambda line: line.connect(),
            lambda line: line.send_json_to({"a": [1, None]}),
            lambda line: line.receive_json_from(),
            lambda line: line.send_to(bytes_data=b"1"),
            lambda line: line.receive_json_from(),
        ],
    ),
    "both": (socket, [lambda line: line.connect(), lambda line: line.send_to("a", b"b")]),
    "neither": (socket, [lambda line: line.connect(), lambda line: line.send_to()]),
    "not text": (socket, [lambda line: line.connect(), lambda line: line.send_to(5)]),
    "not bytes": (socket, [lambda line: line.connect(), lambda line: line.send_to(bytes_data="a")]),
    "empty text": (socket, said("")),
    "closed": (socket, said("close")),
    "two keys": (socket, said("two keys")),
    "no key": (socket, said("no key")),
    "wrong text": (socket, said("wrong text")),
    "wrong bytes": (socket, said("wrong bytes")),
    "context": (socket, [in_context, *said("context")[1:]]),
    "silence": (socket, [*said("silence"), lambda line: line.send_to("x")]),
    "nothing comes": (
        socket,
        [
            *said("a"),
            lambda line: line.receive_nothing(),
            lambda line: line.receive_nothing(timeout=0.05, interval=0.005),
            lambda line: line.send_to("a"),
            lambda line: line.receive_nothing(0.5),
            lambda line: line.receive_from(),
        ],
    ),
    "raises": (socket, [*said("raise"), lambda line: line.wait(), stop]),
    "raises, waited for": (socket, [*said("raise")[:2], lambda line: line.wait()]),
    "raises, stopped": (
        socket,
        [*said("raise"), lambda line: stop(line, exceptions=False), stop],
    ),
    "returns": (socket, [*said("return")[:2], lambda line: line.wait(), lambda line: line.wait()]),
    "says and returns": (socket, [*said("say and return"), lambda line: line.wait()]),
    "does not return": (socket, [lambda line: line.connect(), lambda line: line.wait(0.05), stop]),
    "not begun": (socket, [stop]),
    "HTTP": (
        lambda: request("get", "/x%20y?z=1", headers=[(b"a", b"b")]),
        [lambda line: line.get_response()],
    ),
    "HTTP parts": (
        lambda: request("POST", "/parts", body=b"two"),
        [lambda line: line.get_response(), lambda line: line.wait()],
    ),
    "HTTP without headers": (lambda: request("GET", "/no%20headers"), [lambda line: line.get_response()]),
    "HTTP wrong": (lambda: request("GET", "/wrong"), [lambda line: line.get_response()]),
    "HTTP raises": (lambda: request("GET", "/raise"), [lambda line: line.get_response()]),
    "HTTP body": (lambda: request("GET", "/", body="text"), []),
    "HTTP nothing": (lambda: request("GET", "/nothing"), [lambda line: line.get_response(timeout=0.1)]),
    "raw": (
        lambda: c.ApplicationCommunicator(app, {"type": "websocket", "path": "/", "subprotocols": ()}),
        [
            lambda line: line.send_input({"type": "websocket.connect"}),
            lambda line: line.receive_output(),
            lambda line: line.receive_output(timeout=0.05),
            lambda line: line.wait(),
        ],
    ),
}


async def play(make: Callable[[], Any], steps: list[Step]) -> list[str]:
    """Play a scenario; return what each step has given or raised, and go on."""
    told: list[str] = []
    try:
        line = make()
    except Exception as error:  # noqa: BLE001 - part of what is compared
        return [type(error).__name__]
    for step in steps:
        try:
            async with asyncio.timeout(20):
                given = await step(line)
            told.append(repr(sorted(given.items()) if isinstance(given, dict) else given))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the same
            told.append(type(error).__name__)  # what it says is each project's own
    line.stop(exceptions=False)
    return told


async def main() -> dict[str, list[str]]:
    """Play all."""
    return {name: await play(*scenario) for name, scenario in SCENARIOS.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main())))
