"""Who is let in, with what scope, and how the others are refused."""

import logging
from typing import Any

import pytest

from hybrid.bridge import ConfigError
from hybrid.bridge.auth import (
    Authentication,
    BearerToken,
    CookieSession,
    FirstMessageToken,
    Identity,
    SubprotocolToken,
)
from hybrid.bridge.errors import ClientDisconnected, PoolFull, ProtocolError
from hybrid.bridge.testing import HttpCommunicator, WebsocketCommunicator
from hybrid.bridge.types import Message, Receive, Scope, Send
from tests.support.auth import Known, Witness, bearer, guarded, line_to
from tests.support.consumers import Line
from tests.support.embedded import until
from tests.support.layers import run

ANN = Identity("ann", {"name": "Ann"}, claims={"role": "admin"})
#: Extensions of a server that can deny a handshake with a response.
DENIAL: dict[str, Any] = {"websocket.http.response": {}}


async def asked(app: Any, *headers: tuple[bytes, bytes], method: str = "GET") -> tuple[int, bytes, Any]:
    """Ask over HTTP; give status, body and the challenge."""
    response = await HttpCommunicator(app, method, "/", headers=list(headers)).get_response()
    return response["status"], response["body"], dict(response["headers"]).get(b"www-authenticate")


async def denied(app: Any, *headers: tuple[bytes, bytes]) -> Message:
    """Return the response to a handshake that is refused."""
    line = Line(app, headers=list(headers), extensions=DENIAL)
    await line.connect()
    await line.end()
    return line.sent[0]


def test_let_in() -> None:
    """The scope has the identity and its user, for both types; what the server gave is not changed."""

    async def main() -> None:
        app, witness = guarded(Known(a=ANN))
        assert await asked(app, *bearer("a")) == (200, b"{'name': 'Ann'}", None)
        scope: Scope = {"type": "websocket", "path": "/", "headers": bearer("a"), "subprotocols": []}
        before = dict(scope)
        line = Line(app, **scope)
        await line.connect()
        line.leave()
        await line.end()
        assert scope == before
        assert [seen["identity"] for seen in witness.scopes] == [ANN, ANN]
        assert [seen["user"] for seen in witness.scopes] == [{"name": "Ann"}] * 2

    run(main())


def test_refused_by_a_challenge(caplog: pytest.LogCaptureFixture) -> None:
    """Where a bearer token is asked for, the answer is 401 and says so (RFC 6750 section 3)."""
    caplog.set_level(logging.DEBUG, "hybrid.auth")

    async def main() -> None:
        app, witness = guarded(Known())
        assert await asked(app) == (401, b"Unauthorized\n", b"Bearer")
        invalid = b'Bearer error="invalid_token"'
        assert await asked(app, *bearer("secret")) == (401, b"Unauthorized\n", invalid)
        response = await denied(app, *bearer("secret"))
        assert response["status"] == 401
        assert (b"www-authenticate", invalid) in response["headers"]
        client = WebsocketCommunicator(app, "/", bearer("secret"))
        assert await client.connect() == (False, 1000)  # of a server that knows only 403
        assert not witness.scopes

    run(main())
    assert "secret" not in caplog.text
    assert len(caplog.records) == 4


def test_refused_without_a_challenge() -> None:
    """A 401 must have a challenge, and other authenticators have none: 403."""

    async def main() -> None:
        app = Authentication(Witness(), CookieSession("s", Known()), SubprotocolToken(Known()))
        assert (await asked(app))[0] == 403
        assert (await denied(app))["status"] == 403

    run(main())


def test_not_required() -> None:
    """Who says nothing is let in as nobody; who says something wrong is not."""

    async def main() -> None:
        app, witness = guarded(Known(), required=False, anonymous="visitor")
        assert await asked(app) == (200, b"visitor", None)
        assert (await asked(app, *bearer("x")))[0] == 401
        line = line_to(app)
        await line.connect()
        line.leave()
        await line.end()
        assert line.kinds == ["accept"]
        assert [(seen["user"], seen["identity"]) for seen in witness.scopes] == [("visitor", None)] * 2

    run(main())


def test_the_first_that_finds_something_decides() -> None:
    """One that finds nothing passes on, and so does a cookie that is nobody's; a token that is, does not."""

    async def main() -> None:
        known = Known(a=ANN, b=Identity("bob"))
        app = Authentication(Witness(), CookieSession("s", known), BearerToken(known), required=False)
        own = (b"host", b"x"), (b"origin", b"http://x")
        assert (await asked(app, *bearer("b")))[1] == b"bob"
        assert (await asked(app, (b"cookie", b"s=a"), *own, *bearer("b")))[1] == b"{'name': 'Ann'}"
        assert (await asked(app, (b"cookie", b"s=x"), *own, *bearer("b")))[1] == b"bob"
        assert (await asked(app, (b"cookie", b"s=x"), *own))[:2] == (200, b"None")
        assert (await asked(app, *bearer("x"), (b"cookie", b"s=a")))[1] == b"{'name': 'Ann'}"
        app = Authentication(Witness(), BearerToken(known), CookieSession("s", known))
        assert (await asked(app, *bearer("x"), (b"cookie", b"s=a")))[0] == 401

    run(main())


def test_functions_that_fail(caplog: pytest.LogCaptureFixture) -> None:
    """The client gets 500, or 503 when there is no thread; the log has the error, and no token."""

    async def main() -> None:
        app, witness = guarded(Known(secret=RuntimeError("on purpose"), other=PoolFull("too many")))
        assert (await asked(app, *bearer("secret")))[:2] == (500, b"Internal Server Error\n")
        assert (await denied(app, *bearer("secret")))["status"] == 500
        assert (await asked(app, *bearer("other")))[0] == 503
        assert not witness.scopes

    run(main())
    assert "http /: <BearerToken> failed" in caplog.text
    assert "RuntimeError: on purpose" in caplog.text
    assert "secret" not in "".join(record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("kind", ["lifespan", "channel"])
def test_other_scopes(kind: str) -> None:
    """They are passed on as they are."""
    called: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        called.append(scope)

    async def main(scope: Scope) -> None:
        await Authentication(app, BearerToken(Known()))(scope, None, None)  # type: ignore[arg-type]

    scope = {"type": kind}
    run(main(scope))
    assert called[0] is scope


class Strict(Witness):
    """Sends what it is told before it has accepted."""

    def __init__(self, *messages: Message) -> None:
        super().__init__()
        self.messages = messages
        self.errors: list[Exception] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        self.scopes.append(scope)
        self.received.append(await receive())
        for message in self.messages:
            try:
                await send(message)
            except Exception as error:  # noqa: BLE001 - for the test to look at
                self.errors.append(error)


async def by_first_message(app: Any, *texts: str, stays: bool = False, **scope: Any) -> Line:
    """Connect, send texts, and leave when all is said; or stay, with an application that ends by itself."""
    line = Line(app, extensions=DENIAL, **scope)
    line.put({"type": "websocket.connect"})
    line.say(*texts)
    await until(lambda: line.task.done() or (line.heard > len(texts) and not stays))
    line.leave()
    await line.end()
    return line


def test_first_message(caplog: pytest.LogCaptureFixture) -> None:
    """The application knows of nothing: it is connected to, accepts, and gets what comes after the token."""

    async def main() -> None:
        witness = Witness()
        app = Authentication(witness, FirstMessageToken(Known(a=ANN), subprotocols=["v2"]))
        line = await by_first_message(app, "a", "hello", subprotocols=["v1", "v2"])
        assert line.sent == [{"type": "websocket.accept", "subprotocol": "v2"}]
        assert [message["type"] for message in witness.received] == [
            "websocket.connect", "websocket.receive", "websocket.disconnect",
        ]  # fmt: skip
        assert witness.received[1]["text"] == "hello"
        assert witness.scopes[0]["identity"] == ANN
        assert witness.scopes[0]["extensions"] == {}  # no response can deny the handshake any more

    run(main())
    assert not caplog.records


def test_first_message_and_subprotocol_token(caplog: pytest.LogCaptureFixture) -> None:
    """The marker is accepted once, and nothing about it is impossible."""

    async def main() -> None:
        app = Authentication(Witness(), SubprotocolToken(Known()), FirstMessageToken(Known(a=ANN)))
        line = await by_first_message(app, "a", subprotocols=["hybrid.auth"])
        assert line.sent == [{"type": "websocket.accept", "subprotocol": "hybrid.auth"}]

    run(main())
    assert not caplog.records


def test_what_is_impossible_after_the_first_message(caplog: pytest.LogCaptureFixture) -> None:
    """Another subprotocol and further fields come too late, which the log says; so does a refusal."""

    async def main() -> None:
        strict = Strict({"type": "websocket.accept", "subprotocol": "v\n3", "headers": [(b"a", b"b")]})
        line = await by_first_message(
            Authentication(strict, FirstMessageToken(Known(a=ANN))), "a", stays=True
        )
        assert [message["type"] for message in line.sent] == ["websocket.accept"]
        for code in (None, 4000):
            strict = Strict(
                {"type": "websocket.close"} if code is None else {"type": "websocket.close", "code": code}
            )
            line = await by_first_message(
                Authentication(strict, FirstMessageToken(Known(a=ANN))), "a", stays=True
            )
            assert line.sent[-1] == {"type": "websocket.close", "code": code or 4403}
        strict = Strict({"type": "websocket.send", "text": "x"})
        await by_first_message(Authentication(strict, FirstMessageToken(Known(a=ANN))), "a", stays=True)
        assert isinstance(strict.errors[0], ProtocolError)

    run(main())
    assert r"accepts the subprotocol v\n3, which is too late" in caplog.text
    assert "adds fields to a handshake that was answered before" in caplog.text


@pytest.mark.parametrize(
    ("token", "code"), [("x", 4401), ("", 4401), ("s3cret" * 9, 4401), ("fails", 1011), ("full", 1013)]
)
def test_first_messages_that_do_not_help(token: str, code: int, caplog: pytest.LogCaptureFixture) -> None:
    """The socket is closed with a code that a script can see; the application is not called."""
    caplog.set_level(logging.DEBUG, "hybrid.auth")

    async def main() -> None:
        witness = Witness()
        known = Known(fails=RuntimeError("on purpose"), full=PoolFull("too many"))
        app = Authentication(witness, FirstMessageToken(known, max_length=50))
        line = await by_first_message(app, token)
        assert [message["type"] for message in line.sent] == ["websocket.accept", "websocket.close"]
        assert line.sent[-1]["code"] == code
        assert not witness.scopes

    run(main())
    assert "s3cret" not in caplog.text


def test_no_first_message() -> None:
    """After the deadline the socket is closed with 4408; who leaves before is gone. Bytes are no token."""

    async def main() -> None:
        app = Authentication(Witness(), FirstMessageToken(Known(a=ANN), timeout=0.01))
        line = Line(app)
        line.put({"type": "websocket.connect"})
        await line.end()
        assert line.sent[-1]["code"] == 4408
        line = await by_first_message(Authentication(Witness(), FirstMessageToken(Known(a=ANN))))
        assert line.kinds == ["accept"]
        line = Line(app)
        line.put({"type": "websocket.connect"})
        line.put({"type": "websocket.receive", "bytes": b"a"})
        await line.end()
        assert line.sent[-1]["code"] == 4401
        line = Line(app)
        line.leave()
        await line.end()
        assert line.sent == []

    run(main())


def test_first_message_and_http() -> None:
    """A request has no first message."""

    async def main() -> None:
        app = Authentication(Witness(), FirstMessageToken(Known(a=ANN)))
        assert (await asked(app))[0] == 403
        app = Authentication(Witness(), FirstMessageToken(Known(a=ANN)), required=False)
        assert (await asked(app))[0] == 200

    run(main())


def test_an_error_of_the_applications() -> None:
    """What it raises comes out, also a ClientDisconnected of its own."""

    async def main() -> None:
        for error in (RuntimeError("on purpose"), ClientDisconnected("another one")):

            async def app(scope: Scope, receive: Receive, send: Send, error: Exception = error) -> None:
                raise error

            with pytest.raises(type(error)):
                await line_to(Authentication(app, BearerToken(Known(a=ANN))), "a").end()

    run(main())


@pytest.mark.parametrize(
    ("authenticators", "options", "complaint"),
    [
        ([], {}, "needs an authenticator"),
        ([FirstMessageToken(Known()), BearerToken(Known())], {}, "must be the last"),
        ([Known()], {}, "is no authenticator"),
        ([BearerToken(Known())], {"recheck": 0}, "recheck"),
        ([BearerToken(Known())], {"expired_code": 1006}, "expired_code: 1006 is no close code"),
    ],
)
def test_mistakes(authenticators: list[Any], options: dict[str, Any], complaint: str) -> None:
    """What cannot work is found when the application is made."""
    with pytest.raises(ConfigError, match=complaint):
        Authentication(Witness(), *authenticators, **options)


def test_repr() -> None:
    """It says by what it lets in."""
    assert repr(guarded(Known())[0]) == "<Authentication by BearerToken>"
