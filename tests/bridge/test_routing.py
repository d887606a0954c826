import asyncio
import sys
from typing import Any

import pytest

from hybrid.bridge.routing import HostRouter, PathRouter, ProtocolTypeRouter, not_found
from hybrid.bridge.types import ASGIApp, Message, Receive, Resolver, Scope, Send


class Witness:
    """An application that keeps the scopes it was given, and answers nothing."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.scopes: list[Scope] = []

    def __repr__(self) -> str:
        return f"<Witness {self.name}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep the scope."""
        self.scopes.append(scope)


def http(path: str, root_path: str = "", **more: Any) -> Scope:
    """Make the parts of an HTTP scope that routing looks at."""
    return {"type": "http", "path": path, "root_path": root_path, **more}


def say(app: ASGIApp, scope: Scope) -> list[Message]:
    """Run an application to its end and return what it sent."""
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("there is nothing to receive")

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    return sent


def lifespan(app: ASGIApp) -> list[str]:
    """Take an application through startup and shutdown and return the types of what it sent."""
    events = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[str] = []

    async def receive() -> Message:
        return {"type": next(events)}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    asyncio.run(app({"type": "lifespan"}, receive, send))  # type: ignore[arg-type]
    return sent


def starting(order: list[str], name: str) -> ASGIApp:
    """Make an application that notes its startup and its shutdown."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for event in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{event}"
            order.append(f"{name} {event}")
            await send({"type": f"lifespan.{event}.complete"})

    return app


# not_found


def test_http_without_an_application_is_answered_404_in_plain_text() -> None:
    """The response is complete, with its length, and says no more than that nothing is there."""
    start, body = say(not_found, http("/"))
    assert start["type"] == "http.response.start"
    assert start["status"] == 404
    assert (b"content-type", b"text/plain; charset=utf-8") in start["headers"]
    assert (b"content-length", str(len(body["body"])).encode()) in start["headers"]
    assert body == {"type": "http.response.body", "body": b"Not Found\n"}


@pytest.mark.parametrize("more", [{}, {"extensions": {}}, {"extensions": None}])
def test_a_websocket_without_an_application_is_closed_before_it_is_accepted(more: dict[str, Any]) -> None:
    """That is how ASGI refuses a handshake; the server answers 403."""
    assert say(not_found, {"type": "websocket", "path": "/", **more}) == [{"type": "websocket.close"}]


def test_a_websocket_without_an_application_is_denied_with_404_where_the_server_can() -> None:
    """The `websocket.http.response` extension lets a refusal carry a status and a body."""
    start, body = say(not_found, {"type": "websocket", "extensions": {"websocket.http.response": {}}})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert (body["type"], body["body"]) == ("websocket.http.response.body", b"Not Found\n")


def test_the_headers_of_one_404_cannot_be_changed_through_another() -> None:
    """A middleware may append to the list that it is given."""
    say(not_found, http("/"))[0]["headers"].append((b"x", b"y"))
    assert (b"x", b"y") not in say(not_found, http("/"))[0]["headers"]


# ProtocolTypeRouter


def test_the_type_of_the_scope_chooses_the_application() -> None:
    """Each protocol has its own application, which is given the very scope."""
    web, sockets = Witness(), Witness()
    router = ProtocolTypeRouter({"http": web, "websocket": sockets})
    scope = http("/")
    say(router, scope)
    say(router, {"type": "websocket"})
    assert web.scopes[0] is scope
    assert [scope["type"] for scope in sockets.scopes] == ["websocket"]


def test_protocols_are_resolved_without_being_awaited() -> None:
    """`resolve` names the application and hands on the scope as it is."""
    web = Witness()
    router = ProtocolTypeRouter({"http": web})
    scope = http("/")
    assert isinstance(router, Resolver)
    assert router.resolve(scope) == (web, scope)
    assert router.resolve(scope)[1] is scope


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_protocol_without_an_application_is_not_found(kind: str) -> None:
    """A missing entry is a 404 or a refused handshake, never an exception."""
    assert ProtocolTypeRouter({}).resolve({"type": kind})[0] is not_found


def test_a_lifespan_without_an_application_completes_quietly() -> None:
    """A server may run lifespan in mode "on" although nobody here needs it."""
    router = ProtocolTypeRouter({"http": Witness()})
    assert lifespan(router) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_lifespan_goes_to_its_own_application_and_to_no_other() -> None:
    """The mapping says everything: the application for HTTP has no lifespan of its own here."""
    order: list[str] = []
    router = ProtocolTypeRouter({"http": starting(order, "web"), "lifespan": starting(order, "life")})
    lifespan(router)
    assert order == ["life startup", "life shutdown"]


def test_a_type_that_nobody_knows_raises() -> None:
    """The ASGI specification asks an application to raise for a scope that it does not understand."""
    with pytest.raises(ValueError, match="no application is configured for scopes of type 'channel'"):
        ProtocolTypeRouter({"http": Witness()}).resolve({"type": "channel"})


def test_any_other_type_can_be_given_an_application() -> None:
    """Channels gives the type `channel` to its workers."""
    worker = Witness()
    assert ProtocolTypeRouter({"channel": worker}).resolve({"type": "channel"})[0] is worker


def test_the_mapping_is_copied() -> None:
    """Changing the mapping afterwards does not change where requests go."""
    mapping: dict[str, ASGIApp] = {"http": Witness()}
    router = ProtocolTypeRouter(mapping)
    mapping.clear()
    assert router.resolve(http("/"))[0] is not not_found


# PathRouter

ROOT, API, V2, SHOP = Witness("/"), Witness("/api"), Witness("/api/v2"), Witness("/shop/eu")
MOUNTS = PathRouter({"/api": API, "/": ROOT, "/api/v2/": V2, "/shop/eu": SHOP})


@pytest.mark.parametrize(
    ("path", "app", "prefix"),
    [
        ("/", ROOT, ""),
        ("/x", ROOT, ""),
        ("/api", API, "/api"),
        ("/api/", API, "/api"),
        ("/api/x/y/z", API, "/api"),
        ("/apis", ROOT, ""),
        ("/ap", ROOT, ""),
        ("/api.json", ROOT, ""),
        ("/API", ROOT, ""),
        ("/x/api", ROOT, ""),
        ("/api/v2", V2, "/api/v2"),
        ("/api/v2/x", V2, "/api/v2"),
        ("/api/v22", API, "/api"),
        ("/shop", ROOT, ""),
        ("/shop/", ROOT, ""),
        ("/shop/eu/cart", SHOP, "/shop/eu"),
        ("", ROOT, ""),
        ("*", ROOT, ""),
        ("api", ROOT, ""),
    ],
)
def test_the_longest_prefix_that_matches_whole_segments_answers(path: str, app: Witness, prefix: str) -> None:
    """The application below gets `root_path` with the prefix added, and the whole path."""
    found, child = MOUNTS.resolve(http(path))
    assert found is app
    assert (child["root_path"], child["path"]) == (prefix, path)


@pytest.mark.parametrize(
    ("path", "app"),
    [
        ("//api", ROOT),
        ("//", ROOT),
        ("/api//x", API),
        ("/api//v2", API),
        ("/./api", ROOT),
        ("/api/../x", API),
        ("/x/../api", ROOT),
        ("/api/%76%32", API),
        ("/api\\v2", ROOT),
    ],
)
def test_a_path_is_not_normalised(path: str, app: Witness) -> None:
    """The router reads a path as the applications below will: character by character."""
    assert MOUNTS.resolve(http(path))[0] is app


@pytest.mark.parametrize("raw_path", [b"/api/x", b"/api%2Fx", b"/%61pi/x", b"/ap%69%2fx"])
def test_the_decoded_path_decides_whatever_was_encoded_in_it(raw_path: bytes) -> None:
    """Routers and applications agree, because both read `path`; `raw_path` stays what the client sent."""
    found, child = MOUNTS.resolve(http("/api/x", raw_path=raw_path))
    assert found is API
    assert (child["root_path"], child["path"], child["raw_path"]) == ("/api", "/api/x", raw_path)


def test_where_no_prefix_matches_and_there_is_no_root_nothing_is_found() -> None:
    """The answer is a 404 or a refused handshake, not an exception."""
    router = PathRouter({"/api": API})
    assert router.resolve(http("/other")) == (not_found, http("/other"))
    assert PathRouter({}).resolve(http("/"))[0] is not_found


def test_the_path_below_the_servers_root_path_is_matched() -> None:
    """`path` includes `root_path`, as the specification and uvicorn's `--root-path` have it."""
    scope = http("/behind/api/x", root_path="/behind")
    found, child = MOUNTS.resolve(scope)
    assert found is API
    assert (child["root_path"], child["path"]) == ("/behind/api", "/behind/api/x")
    assert MOUNTS.resolve(http("/behind", root_path="/behind"))[0] is ROOT


def test_a_root_path_is_taken_off_at_a_segment_boundary_only() -> None:
    """A path that only begins with the same letters is not below it."""
    assert MOUNTS.resolve(http("/mine/api", root_path="/mi"))[0] is ROOT
    assert MOUNTS.resolve(http("/shop/eu", root_path="/sho"))[0] is SHOP


def test_a_server_that_leaves_root_path_out_of_path_is_put_right() -> None:
    """The application below always gets a path that begins with its `root_path`."""
    found, child = MOUNTS.resolve(http("/api/x", root_path="/behind/"))
    assert found is API
    assert (child["root_path"], child["path"]) == ("/behind/api", "/behind/api/x")


def test_mounts_nest() -> None:
    """A router below a router sees what is left, and `root_path` grows at each."""
    inner = PathRouter({"/v2": V2, "/": API})
    outer = PathRouter({"/api": inner})
    found, scope = outer.resolve(http("/api/v2/x"))
    assert found is inner
    found, scope = inner.resolve(scope)
    assert found is V2
    assert (scope["root_path"], scope["path"]) == ("/api/v2", "/api/v2/x")


def test_the_scope_is_copied_only_where_root_path_grows() -> None:
    """The server's scope stays as it was, and the way to the root costs no copy."""
    scope = http("/x")
    assert MOUNTS.resolve(scope)[1] is scope
    scope = http("/api/x", headers=[])
    child = MOUNTS.resolve(scope)[1]
    assert scope == http("/api/x", headers=[])
    assert child["headers"] is scope["headers"]


def test_a_scope_without_root_path_is_understood() -> None:
    """The key is optional in ASGI."""
    assert MOUNTS.resolve({"type": "websocket", "path": "/api"})[1]["root_path"] == "/api"


def test_a_path_router_is_an_asgi_application_too() -> None:
    """Under a server that does not resolve, the application below is awaited with its own scope."""
    api = Witness()
    say(PathRouter({"/api": api}), http("/api/x"))
    assert [scope["root_path"] for scope in api.scopes] == ["/api"]


@pytest.mark.parametrize("mapping", [{"/a": API, "/a/": API}, {"a": API}, {"/a b": API}, {"": API}])
def test_a_malformed_or_repeated_prefix_is_a_mistake_of_the_developers(mapping: dict[str, ASGIApp]) -> None:
    """It is refused when the router is made, not when a request comes."""
    with pytest.raises(ValueError, match="prefix"):
        PathRouter(mapping)


def test_every_application_mounted_has_its_lifespan_once() -> None:
    """A lifespan goes to all of them in order, and back in reverse, although one is mounted twice."""
    order: list[str] = []
    one, two = starting(order, "one"), starting(order, "two")
    router = PathRouter({"/1": one, "/2": two, "/one": one})
    assert lifespan(router) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert order == ["one startup", "two startup", "two shutdown", "one shutdown"]


def calls(router: PathRouter, path: str) -> int:
    """Count the function calls, of Python and of C, that resolving a path takes."""
    count = 0

    def note(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    scope = http(path)
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        router.resolve(scope)
    finally:
        sys.setprofile(before)
    return count


def test_a_thousand_mounts_take_no_more_steps_than_ten() -> None:
    """A lookup probes a dictionary for the segments of the path; it never goes through the mounts."""
    ten, thousand = (
        PathRouter({"/": ROOT, **{f"/mount/number{number}": API for number in range(count)}})
        for count in (10, 1000)
    )
    for path in ("/mount/number5/x", "/nothing/here", "/"):
        assert calls(ten, path) == calls(thousand, path)


def test_a_long_path_takes_no_more_steps_than_the_deepest_mount_needs() -> None:
    """A client cannot make the lookup slow with thousands of slashes."""
    assert calls(MOUNTS, "/" * 8000) == calls(MOUNTS, "/a/b/c")


def test_routers_show_what_they_hold() -> None:
    """A repr in a log tells which router it is."""
    assert repr(ProtocolTypeRouter({"http": ROOT, "websocket": API})) == "<ProtocolTypeRouter http websocket>"
    assert repr(MOUNTS) == "<PathRouter of 3 prefixes>"


# HostRouter


def at(host: str | None, kind: str = "http") -> Scope:
    """Make the parts of a scope that a host router looks at."""
    headers = [(b"accept", b"*/*")] + ([(b"host", host.encode("latin-1"))] if host is not None else [])
    return {"type": kind, "path": "/", "headers": headers}


HOSTS: dict[str, ASGIApp] = {
    name: Witness(name)
    for name in ("example.org", "*.example.org", "*.eu.example.org", "www.example.org", "[::1]", "*")
}


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("host", "chosen"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org:8000", "example.org"),
        ("example.org.", "example.org"),
        ("example.org.:80", "example.org"),
        ("www.example.org", "www.example.org"),
        ("api.example.org", "*.example.org"),
        ("a.b.example.org:80", "*.example.org"),
        ("eu.example.org", "*.example.org"),
        ("a.b.eu.example.org", "*.eu.example.org"),
        ("x.www.example.org", "*.example.org"),
        ("notexample.org", "*"),
        (".example.org", "*"),
        ("example.org.evil.test", "*"),
        ("org", "*"),
        ("[::1]", "[::1]"),
        ("[::1]:8000", "[::1]"),
        ("[::2]:8000", "*"),
        ("", "*"),
        ("\xff", "*"),
        (None, "*"),
    ],
)
def test_the_host_decides(host: str | None, chosen: str, kind: str) -> None:
    """A name goes before a wildcard, and the longest wildcard before others; port and case do not matter."""
    scope = at(host, kind)
    assert HostRouter(HOSTS).resolve(scope) == (HOSTS[chosen], scope)


def test_a_host_that_nobody_takes_is_not_found() -> None:
    """Without `*` a request for another host, or for none, is answered 404."""
    router = HostRouter({"example.org": Witness()})
    assert router.resolve(at("other.test"))[0] is not_found
    assert router.resolve(at(None))[0] is not_found


def test_hosts_are_compared_in_one_form() -> None:
    """What is configured may have capitals and a dot at the end too."""
    app = Witness()
    assert HostRouter({"Example.ORG.": app}).resolve(at("example.org"))[0] is app


def test_a_long_host_costs_no_more_than_the_deepest_wildcard() -> None:
    """A client cannot make the router look at thousands of levels."""

    class Counting(dict[str, ASGIApp]):
        looked = 0

        def get(self, key: str, default: Any = None) -> Any:
            """Count."""
            self.looked += 1
            return super().get(key, default)

    router = HostRouter({"*.example.org": Witness()})
    router._below = Counting(router._below)
    router.resolve(at("a." * 4000 + "test"))
    assert router._below.looked == 2


@pytest.mark.parametrize(
    "host", ["", "a b", "http://a", "a:80", "a/b", "*a", "a.*.b", "**.a", "a..b", "-a", "*.", "[::1", "é.fr"]
)
def test_a_malformed_host_is_refused(host: str) -> None:
    """A host that no request could name is a mistake."""
    with pytest.raises(ValueError, match="is not a host"):
        HostRouter({host: Witness()})


def test_two_names_for_one_host_are_refused() -> None:
    """They differ in case alone."""
    with pytest.raises(ValueError, match="two names mean the same host"):
        HostRouter({"a.test": Witness(), "A.test": Witness()})


def test_hosts_and_prefixes_go_together() -> None:
    """A path router below a host adds its prefix as ever."""
    app = Witness()
    router = HostRouter({"a.test": PathRouter({"/api": app})})
    say(router, {**at("a.test"), "path": "/api/x", "root_path": ""})
    assert app.scopes[0]["root_path"] == "/api"


def test_each_host_has_its_lifespan() -> None:
    """All of them start, in order, and one that is there twice starts once."""
    order: list[str] = []
    app = starting(order, "a")
    router = HostRouter({"a.test": app, "b.test": app, "*": starting(order, "c")})
    assert lifespan(router) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert order == ["a startup", "c startup", "c shutdown", "a shutdown"]
    assert repr(router) == "<HostRouter of 2 hosts>"
