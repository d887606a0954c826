"""What docs/authentication.md shows works as it stands there."""

import re
import sys
import time
import types
from typing import Any

import httpx
import pytest

from hybrid.bridge.auth import Authentication, BearerToken, Identity
from hybrid.bridge.testing import WebsocketCommunicator
from tests.support.auth import bearer
from tests.support.layers import run
from tests.support.process import ROOT

PAGE = (ROOT / "docs" / "authentication.md").read_text(encoding="utf-8")
CLAIMS = {"sub": "ann", "exp": time.time() + 1000}


class InvalidTokenError(Exception):
    """As PyJWT raises it."""


def decode(token: str, key: str, algorithms: list[str]) -> dict[str, Any]:
    """Know one token."""
    if token != "good":
        raise InvalidTokenError
    return CLAIMS


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """Run all code of the page, with a stand-in for PyJWT, which is no dependency."""
    jwt: Any = types.ModuleType("jwt")
    jwt.decode, jwt.InvalidTokenError = decode, InvalidTokenError
    names: dict[str, Any] = {"__name__": "documented"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "jwt", jwt)
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)):
            exec(block, names)  # noqa: S102 - our own page
            if number == 0:
                names["hello_app"] = names["app"]
    return names


async def first_words(app: Any, *headers: tuple[bytes, bytes], says: str = "", **options: Any) -> str | bool:
    """Return the first message that a client gets, False for one that is refused."""
    client = WebsocketCommunicator(app, "/live", list(headers), **options)
    accepted, _ = await client.connect()
    if not accepted:
        return False
    if says:
        await client.send_to(says)
    text = await client.receive_from()
    await client.disconnect()
    return str(text)


def test_the_first_example(names: dict[str, Any]) -> None:
    """The token of the page opens it."""

    async def main() -> None:
        app = names["hello_app"]
        assert await first_words(app, *bearer("Nmy8vPIoWh0YUY2ILHhcoA")) == "hello, warehouse"
        assert await first_words(app, *bearer("x")) is False

    run(main())


def test_jwt(names: dict[str, Any]) -> None:
    """The claims say who it is, and until when."""

    async def main() -> None:
        assert await names["verify"]("good") == Identity("ann", expires=CLAIMS["exp"], claims=CLAIMS)  # type: ignore[arg-type]
        assert await names["verify"]("bad") is None

    run(main())


def test_fastapi(names: dict[str, Any]) -> None:
    """The middleware is in front of the routes of both kinds."""

    async def main() -> None:
        api = names["api"]
        assert await first_words(api, *bearer("good")) == "hello, ann"
        offers = ["hybrid.auth", "bearer.good"]
        assert await first_words(api, subprotocols=offers, spec_version="2.4") == "hello, ann"
        assert await first_words(api) is False
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            response = await client.get("/me", headers={"Authorization": "Bearer good"})
            assert response.json() == "ann"
            assert (await client.get("/me")).status_code == 401

    run(main())


def test_flask(names: dict[str, Any]) -> None:
    """Who has signed in is there, with the session."""
    client = names["app"].test_client()
    client.post("/sign-in/ann")
    cookie = client.get_cookie("session").value

    async def main() -> None:
        fields = (b"cookie", f"session={cookie}".encode()), (b"host", b"x")
        own = (b"origin", b"https://x")
        app = names["sockets"]
        assert await first_words(app, *fields, own, says="hi") == "ann has 0 things and says hi"
        assert await first_words(app, *fields) is False

    run(main())


def test_ones_own(names: dict[str, Any]) -> None:
    """An authenticator is a class with a `find`."""

    async def verify(name: str) -> Identity:
        return Identity(name)

    async def main() -> None:
        app = Authentication(names["hello"], BearerToken(verify), names["FromProxy"](verify))
        assert await first_words(app, (b"x-user", b"bob")) == "hello, bob"

    run(main())
