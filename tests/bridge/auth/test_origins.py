"""Which pages may open a WebSocket, compared with what Channels says."""

import logging
from typing import Any
from urllib.parse import urlparse

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hybrid.bridge import ConfigError
from hybrid.bridge.auth import AllowedHostsOriginValidator, OriginValidator, WebsocketDenier
from hybrid.bridge.auth.origins import same_origin
from hybrid.bridge.routing import ProtocolTypeRouter
from hybrid.bridge.testing import WebsocketCommunicator
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.pipeline import resolve
from tests.support.layers import run
from tests.support.needs import require_module

HOSTS = (
    "example.org",
    "a.example.org",
    "b.a.example.org",
    "badexample.org",
    "localhost",
    "127.0.0.1",
    "[::1]",
)
SCHEMES = ("http", "https", "ws", "wss", "app")
hosts = st.sampled_from(HOSTS)
schemes = st.sampled_from(SCHEMES)
ports = st.sampled_from(("", ":80", ":443", ":8000"))
origins = st.builds("{}://{}{}".format, schemes, hosts, ports)
odd_origins = st.sampled_from(
    ("null", "", "example.org", "https://", "https:///x", "HTTPS://Example.ORG", "file://")
)
patterns = st.one_of(
    hosts,
    st.builds(".{}".format, hosts),
    st.builds("{}://{}{}".format, schemes, hosts, ports),
    st.builds("{}://.{}{}".format, schemes, st.sampled_from(HOSTS[:4]), ports),
    st.sampled_from(("*", "EXAMPLE.org", "HTTP://Example.Org", ".EXAMPLE.org")),
)


async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
    """Never be called."""
    raise AssertionError(scope)


def scope_of(*origin: str, host: str | None = "example.org", kind: str = "websocket") -> Scope:
    """Make the scope of a handshake."""
    headers = [(b"origin", each.encode("latin-1")) for each in origin]
    if host is not None:
        headers.append((b"host", host.encode("latin-1")))
    return {"type": kind, "path": "/", "headers": headers}


@given(st.lists(patterns, max_size=3), st.none() | origins | odd_origins)
@example([".example.org"], "https://badexample.org")
@example(["[::1]"], "http://[::1]:8000")
@example(["app://example.org"], "app://example.org:8000")
def test_the_rules_are_those_of_channels(allowed: list[str], origin: str | None) -> None:
    """For lists and origins that make sense, both say the same."""
    require_module("channels")
    from channels.security.websocket import OriginValidator as Theirs

    parsed = None if origin is None else urlparse(origin)
    theirs = Theirs(nobody, allowed).valid_origin(parsed)
    ours = OriginValidator(nobody, allowed)
    assert ours.valid_origin(parsed) == theirs
    assert ours.allows(scope_of() if origin is None else scope_of(origin)) == theirs


@pytest.mark.parametrize("port", [80, 8000])
def test_ports(port: int) -> None:
    """The port of an origin is that of its scheme where it has none."""
    validator = OriginValidator(nobody, ["*"])
    assert validator.get_origin_port(urlparse(f"http://x:{port}")) == port
    assert validator.get_origin_port(urlparse("wss://x")) == 443
    assert validator.get_origin_port(urlparse("app://x")) is None


@pytest.mark.parametrize(
    ("pattern", "origin", "allowed"),
    [
        ("localhost:8000", "http://localhost:8000", True),  # Channels: never
        ("localhost:8000", "https://localhost", False),
        ("localhost:443", "https://localhost", True),
        ("127.0.0.1:8000", "http://127.0.0.1:9000", False),  # Channels: any port
    ],
)
def test_a_host_with_a_port(pattern: str, origin: str, allowed: bool) -> None:
    """A host may be listed with a port and without a scheme."""
    assert OriginValidator(nobody, [pattern]).allows(scope_of(origin)) is allowed


@pytest.mark.parametrize("origin", ["http://[::1", "http://x:99999", "http://x:y", "http://]x"])
def test_an_origin_that_is_no_address(origin: str) -> None:
    """It is refused, and nothing is raised."""
    scope = {"type": "websocket", "headers": [(b"origin", origin.encode())]}
    assert not OriginValidator(nobody, ["x", "[::1]", ".org"]).allows(scope)
    assert OriginValidator(nobody, ["*"]).allows(scope)
    assert not same_origin(scope)


def test_two_origins() -> None:
    """A request that names several origins names none."""
    validator = OriginValidator(nobody, ["a.example", "b.example"])
    assert validator.allows(scope_of("http://a.example"))
    assert not validator.allows(scope_of("http://a.example", "http://b.example"))


@pytest.mark.parametrize(
    "allowed", ["example.org", ["."], [""], ["https://"], [None], ["http://x:y"], ["//"]]
)
def test_lists_that_cannot_be(allowed: Any) -> None:
    """One text, and entries that match nothing, are mistakes."""
    with pytest.raises(ConfigError, match="origin"):
        OriginValidator(nobody, allowed)


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://example.org", "example.org", True),
        ("https://example.org", "EXAMPLE.org:443", True),
        ("http://example.org", "example.org", True),
        ("http://example.org:8000", "example.org:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://example.org", "example.org:80", False),
        ("http://example.org:8000", "example.org", False),
        ("https://a.example.org", "example.org", False),
        ("https://example.org", None, False),
        ("https://example.org", "example.org:y", False),
        ("null", "example.org", False),
        ("null", "", False),
        ("", "", False),
        ("HTTP://Example.org", "example.org", True),
        ("http://example.org/", "example.org", True),
        ("http://example.org/page", "example.org", False),
        ("http://example.org?x", "example.org", False),
        ("http://ann@example.org", "example.org", False),
        ("http://example.org@evil.example", "example.org", False),
        ("app://example.org", "example.org", False),
        ("http://example.org.", "example.org", False),
        ("http://example.org", "ann@example.org", False),
    ],
)
def test_same_origin(origin: str, host: str | None, same: bool) -> None:
    """Without a list, the origin must be what the Host field says."""
    scope = scope_of(origin, host=host)
    assert AllowedHostsOriginValidator(nobody).allows(scope) is same
    assert same_origin(scope) is same


@pytest.mark.parametrize(
    ("origin", "scheme", "same"),
    [
        ("https://example.org", "wss", True),
        ("https://example.org", "https", True),
        ("https://example.org", "ws", True),  # a proxy may have ended TLS
        ("http://example.org", "ws", True),
        ("http://example.org", "wss", False),
        ("http://example.org:443", "wss", False),
    ],
)
def test_same_origin_over_tls(origin: str, scheme: str, same: bool) -> None:
    """A page without TLS, which others may have written on its way, is not that of a WebSocket with TLS."""
    assert same_origin({**scope_of(origin), "scheme": scheme}) is same


def test_same_origin_needs_one_of_each() -> None:
    """Neither no origin, nor two hosts, will do."""
    assert not same_origin(scope_of())
    scope = scope_of("https://example.org")
    scope["headers"].append((b"host", b"example.org"))
    assert not same_origin(scope)


def test_listed_hosts() -> None:
    """With a list, the Host field does not count."""
    validator = AllowedHostsOriginValidator(nobody, ["shop.example"])
    assert isinstance(validator, OriginValidator)
    assert validator.allows(scope_of("https://shop.example"))
    assert not validator.allows(scope_of("https://example.org"))
    assert not AllowedHostsOriginValidator(nobody, []).allows(scope_of("https://example.org"))


def test_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """The handshake is refused with one line in the log, in which the client writes nothing of its own."""

    async def main() -> None:
        client = WebsocketCommunicator(
            OriginValidator(nobody, ["x"]), "/%0A", [(b"origin", b"http://\nERROR: " + b"y" * 999)]
        )
        assert await client.connect() == (False, 1000)
        await client.wait()

    with caplog.at_level(logging.DEBUG):
        run(main())
    (record,) = [record for record in caplog.records if record.name == "hybrid.auth"]
    line = record.getMessage()
    assert line.startswith(r"websocket /\n: refused: origin http://\nERROR: yyy")
    assert line.endswith("is not allowed")
    assert len(line) < 300
    assert record.levelno == logging.WARNING
    assert record.exc_info is None


@pytest.mark.parametrize("kind", ["http", "lifespan", "channel"])
def test_other_scopes_are_passed_on(kind: str) -> None:
    """What is no WebSocket is none of its business; Channels raises."""
    called: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        called.append(scope)

    async def main(scope: Scope) -> None:
        await OriginValidator(app, ["x"])(scope, None, None)  # type: ignore[arg-type]

    scope = scope_of("http://y", kind=kind)
    run(main(scope))
    assert called == [scope]


def test_the_denier() -> None:
    """It refuses whoever comes, with the status that there is, and is a consumer."""

    async def main() -> None:
        client = WebsocketCommunicator(WebsocketDenier.as_asgi(), "/")
        assert await client.connect() == (False, 1000)
        client = WebsocketCommunicator(WebsocketDenier(), "/")
        client.scope["extensions"] = {"websocket.http.response": {}}
        await client.send_input({"type": "websocket.connect"})
        assert (await client.receive_output())["status"] == 403

    run(main())


def test_what_is_below_is_found_without_awaiting_it() -> None:
    """So that routes below it are told apart by who counts; who is refused finds the same each time."""
    validator = OriginValidator(ProtocolTypeRouter({"websocket": nobody}), ["example.org"])
    assert resolve(validator, scope_of("https://example.org"))[0] is nobody
    refused = [resolve(validator, scope_of("https://evil.example"))[0] for _ in range(2)]
    assert isinstance(refused[0], WebsocketDenier)
    assert refused[0] is refused[1]


def test_a_class_that_is_called_otherwise_is_called() -> None:
    """Whoever has written a ``__call__`` of its own has more to say than which origins there are."""

    class Closed(OriginValidator):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/open":
                await super().__call__(scope, receive, send)
            else:
                await WebsocketDenier()(scope, receive, send)

    async def accepts(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})

    async def connected(path: str) -> bool:
        found, _ = resolve(Closed(accepts, ["example.org"]), scope_of("https://example.org"))
        origin = [(b"origin", b"https://example.org")]
        return (await WebsocketCommunicator(found, path, headers=origin).connect())[0]

    assert run(connected("/open"))
    assert not run(connected("/"))
