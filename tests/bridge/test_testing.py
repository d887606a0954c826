"""The communicators: what a test of an application is told."""

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from hybrid.bridge.testing import ApplicationCommunicator, HttpCommunicator, WebsocketCommunicator
from hybrid.bridge.types import Receive, Scope, Send
from tests.support.layers import run

VAR: ContextVar[str] = ContextVar("VAR", default="unset")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Do what the messages say."""
    while True:
        message = await receive()
        match message.get("text", message["type"]):
            case "fail":
                raise RuntimeError("on purpose")
            case "var":
                await send({"type": "websocket.send", "text": VAR.get()})
            case "last":
                await send({"type": "websocket.send", "text": "last"})
                return
            case "return" | "websocket.disconnect":
                return
            case "websocket.connect":
                await send({"type": "websocket.accept", "headers": [(b"a", b"b")]})
            case "close":
                await send({"type": "websocket.close", "code": 4001})
            case _:
                await send(
                    {key: value for key, value in message.items() if key != "type"}
                    | {"type": "websocket.send"}
                )


def connected() -> WebsocketCommunicator:
    """Return a WebSocket that is not yet connected."""
    return WebsocketCommunicator(app, "/a%20b?c=d", subprotocols=["chat"], spec_version="2.4")


def test_scope() -> None:
    """The path is decoded, the query is not."""
    scope = connected().scope
    assert (scope["path"], scope["query_string"]) == ("/a b", b"c=d")
    assert (scope["subprotocols"], scope["spec_version"], scope["headers"]) == (["chat"], "2.4", [])
    http = HttpCommunicator(app, "get", "/x?y").scope
    assert (http["method"], http["path"], http["query_string"]) == ("GET", "/x", b"y")


def test_messages() -> None:
    """Text and bytes come and go, empty ones too, and exactly one of them at a time."""

    async def main() -> None:
        line = connected()
        assert await line.connect() == (True, None)
        assert line.response_headers == [(b"a", b"b")]
        for text in ("x", ""):
            await line.send_to(text_data=text)
            assert await line.receive_from() == text
        await line.send_to(bytes_data=b"")
        assert await line.receive_from() == b""
        await line.send_json_to({"a": 1})
        assert await line.receive_json_from() == {"a": 1}
        for both in ({}, {"text_data": "x", "bytes_data": b"x"}):
            with pytest.raises(AssertionError, match="exactly one"):
                await line.send_to(**both)  # type: ignore[arg-type]
        await line.send_to("close")
        with pytest.raises(AssertionError, match=r"but was 'websocket\.close'"):
            await line.receive_from()
        await line.disconnect()

    run(main())


def test_a_refusal() -> None:
    """connect() gives the code with which the handshake is refused."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close", "code": 4003})

    async def main() -> None:
        assert await WebsocketCommunicator(refuse, "/").connect() == (False, 4003)

    run(main())


def test_errors_are_raised() -> None:
    """Each call raises what the application has raised, and does not wait for what will not come."""

    async def main() -> None:
        calls: list[Any] = [
            lambda line: line.receive_from(20),
            lambda line: line.wait(20),
        ]
        later: list[Any] = [
            lambda line: line.send_to("x"),
            lambda line: line.receive_nothing(),
            lambda line: line.receive_output(),
        ]
        for call in calls:
            line = connected()
            await line.connect()
            await line.send_to("fail")
            with pytest.raises(RuntimeError, match="on purpose"):
                await call(line)
            for again in later:
                with pytest.raises(RuntimeError, match="on purpose"):
                    await again(line)
            with pytest.raises(RuntimeError, match="on purpose"):
                line.stop()
            line.stop(exceptions=False)

    run(main())


def test_the_end() -> None:
    """What was sent before the application returned is received; then there is nothing to wait for."""

    async def main() -> None:
        line = connected()
        await line.connect()
        await line.send_to("last")
        assert await line.receive_from() == "last"
        with pytest.raises(TimeoutError, match="has returned"):
            await line.receive_output(20)

    run(main())


def test_patience() -> None:
    """An application that says nothing, or does not return, is cancelled."""

    async def main() -> None:
        line = connected()
        await line.connect()
        assert await line.receive_nothing(0.01, 0.001)
        with pytest.raises(TimeoutError, match="has sent nothing"):
            await line.receive_output(0.001)
        assert line.future.cancelled()
        line = connected()
        await line.connect()
        with pytest.raises(TimeoutError, match="has not returned"):
            await line.wait(0.001)
        await line.wait()
        line = connected()
        line.stop()
        await line.connect()
        line.stop()
        await asyncio.wait({line.future})
        assert line.future.cancelled()

    run(main())


def test_output_that_waits() -> None:
    """receive_nothing() is False when something has been sent."""

    async def main() -> None:
        line = connected()
        await line.send_input({"type": "websocket.connect"})
        assert not await line.receive_nothing(20)
        line.stop()

    run(main())


def test_a_context_of_its_own() -> None:
    """The application does not see the context variables of the test."""

    async def main() -> None:
        VAR.set("test")
        line = connected()
        await line.connect()
        await line.send_to("var")
        assert await line.receive_from() == "unset"
        line.stop()

    run(main())


def test_responses() -> None:
    """The parts of a response are put together; asking again does not send the request again."""

    async def parts(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["body"] == b"q"
        await send({"type": "http.response.start", "status": 201})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})

    async def main() -> None:
        line = HttpCommunicator(parts, "POST", "/", b"q")
        assert await line.get_response() == {"status": 201, "headers": [], "body": b"ab"}
        with pytest.raises(TimeoutError):
            await line.get_response()

    run(main())


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda wrong: WebsocketCommunicator(app, wrong), "path"),
        (lambda wrong: HttpCommunicator(app, "GET", "/", body=wrong), "body"),
    ],
)
def test_arguments_of_wrong_types(make: Any, what: str) -> None:
    """They are refused at once."""
    with pytest.raises(TypeError, match=what):
        make(1)


def test_an_application_communicator_takes_any_scope() -> None:
    """The scope is copied, so that a test may use one for several calls."""
    scope: dict[str, Any] = {"type": "websocket"}
    line = ApplicationCommunicator(app, scope)
    line.scope["path"] = "/"
    assert scope == {"type": "websocket"}
