import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest
import uvicorn
import websockets.asyncio.client
from websockets.exceptions import InvalidStatus

from hybrid.bridge.auth import OriginValidator
from hybrid.bridge.errors import InterfaceError, LifespanError, LoadError
from hybrid.bridge.gateway import Gateway, Route, Target, format_routes, load_targets
from hybrid.bridge.interface import Interface
from hybrid.bridge.routing import ProtocolTypeRouter, not_found
from hybrid.bridge.types import ASGIApp, BodyPolicy, Message, Receive, Resolver, Scope, Send
from hybrid.bridge.url_router import URLRouter
from hybrid.bridge.wsgi.adapter import WSGIToASGI
from hybrid.bridge.wsgi.socket_threads import SocketThreads
from hybrid.bridge.wsgi.sockets import WSGISockets
from hybrid.bridge.wsgi.threadpool import ThreadPool
from tests.support.process import DEADLINE


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    """Give a small pool that ends with the test."""
    pool = ThreadPool(threads=2)
    yield pool
    pool.close()


def wsgi(name: str) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """Make a WSGI application that answers with its name and how the path was split."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{name} {environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]

    return app


def asgi(name: str) -> ASGIApp:
    """Make an ASGI application that answers HTTP and WebSockets with its name and how the path was split."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise ValueError("no lifespan")
        root_path = scope["root_path"]
        text = f"{name} {root_path}|{scope['path'].removeprefix(root_path)}"
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": text.encode()})
        else:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": text})
            await send({"type": "websocket.close"})

    return app


def with_lifespan(notes: list[str], name: str, *, fails: bool = False) -> ASGIApp:
    """Make an ASGI application that notes its startup and shutdown and puts its name into the state."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await asgi(name)(scope, receive, send)
            return
        for event in ("startup", "shutdown"):
            await receive()
            notes.append(f"{name} {event}")
            scope["state"][name] = event
            await send(
                {"type": f"lifespan.{event}.{'failed' if fails else 'complete'}", "message": "no luck"}
            )

    return app


def asgi2(scope: Scope) -> Callable[[Receive, Send], Any]:
    """Answer with the path, as ASGI 2 does: in two steps."""

    async def instance(receive: Receive, send: Send) -> None:
        await asgi("asgi2")(scope, receive, send)

    return instance


def leaf(gateway: Gateway, kind: str, path: str) -> tuple[ASGIApp, Scope]:
    """Resolve to the end, as a server does."""
    app: ASGIApp = gateway
    scope: Scope = {"type": kind, "path": path, "root_path": ""}
    while isinstance(app, Resolver):
        app, scope = app.resolve(scope)
    return app, scope


def served(gateway: Gateway, kind: str, path: str) -> str:
    """Call the gateway as an ASGI application and return what it answered, or `refused` or `404`."""
    sent: list[Message] = []
    requests: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not requests:
            await asyncio.Event().wait()  # the client stays
        return requests.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": kind, "path": path, "root_path": "", "raw_path": path.encode(), "headers": []}
    request = {"method": "GET", "query_string": b"", "http_version": "1.1", "scheme": "http"}
    asyncio.run(gateway({**scope, **request, "server": ("test", 80), "client": ("test", 1)}, receive, send))
    if sent[0] == {"type": "websocket.close"}:
        return "refused"
    if sent[0].get("status") == 404:
        return "404"
    text = sent[1].get("text") or sent[1]["body"].decode()
    assert isinstance(text, str)
    return text


# Who takes what


def test_wsgi_takes_http_and_asgi_takes_websocket_at_the_root(pool: ThreadPool) -> None:
    """The case this project is for: a WSGI site with its WebSockets beside it."""
    gateway = Gateway([Target(wsgi("site")), Target(asgi("live"))], pool=pool)
    assert served(gateway, "http", "/a/b") == "site |/a/b"
    assert served(gateway, "websocket", "/a/b") == "live |/a/b"


def test_asgi_takes_http_too_where_no_wsgi_does(pool: ThreadPool) -> None:
    """An ASGI application alone takes everything."""
    gateway = Gateway([Target(asgi("all"))], pool=pool)
    assert served(gateway, "http", "/x") == "all |/x"
    assert served(gateway, "websocket", "/x") == "all |/x"


def test_a_wsgi_application_below_a_prefix_leaves_http_at_the_root_to_asgi(pool: ThreadPool) -> None:
    """What counts is who takes HTTP at `/`, not whether there is any WSGI application."""
    gateway = Gateway([Target(asgi("all")), Target(wsgi("shop"), "/shop")], pool=pool)
    assert served(gateway, "http", "/x") == "all |/x"
    assert served(gateway, "http", "/shop/x") == "shop /shop|/x"


def test_the_order_of_targets_does_not_matter(pool: ThreadPool) -> None:
    """The ASGI target may come first."""
    gateway = Gateway([Target(asgi("live")), Target(wsgi("site"))], pool=pool)
    assert served(gateway, "http", "/") == "site |/"
    assert served(gateway, "websocket", "/") == "live |/"


def test_with_a_prefix_an_asgi_application_takes_everything_below_it(pool: ThreadPool) -> None:
    """HTTP and WebSocket, on segment boundaries, the longest prefix first, with `root_path` set."""
    gateway = Gateway(
        [
            Target(wsgi("site")),
            Target(asgi("api"), "/api"),
            Target(asgi("v2"), "/api/v2/"),
            Target(asgi("live")),
        ],
        pool=pool,
    )
    for kind, root in (("http", "site"), ("websocket", "live")):
        assert served(gateway, kind, "/api") == "api /api|"
        assert served(gateway, kind, "/api/x") == "api /api|/x"
        assert served(gateway, kind, "/api/v2/x") == "v2 /api/v2|/x"
        assert served(gateway, kind, "/api/v22") == "api /api|/v22"
        assert served(gateway, kind, "/apis") == f"{root} |/apis"


def test_a_websocket_below_a_wsgi_prefix_is_refused(pool: ThreadPool) -> None:
    """It does not fall through to the application at the root, which knows nothing of that subtree."""
    gateway = Gateway([Target(wsgi("shop"), "/shop"), Target(asgi("live"))], pool=pool)
    assert served(gateway, "websocket", "/shop") == "refused"
    assert served(gateway, "websocket", "/shop/x") == "refused"
    assert served(gateway, "websocket", "/shopping") == "live |/shopping"


def test_a_longer_prefix_puts_websockets_below_a_wsgi_application(pool: ThreadPool) -> None:
    """Below `/shop/ws` everything belongs to the ASGI application, HTTP too."""
    gateway = Gateway([Target(wsgi("shop"), "/shop"), Target(asgi("live"), "/shop/ws")], pool=pool)
    assert served(gateway, "websocket", "/shop/ws/1") == "live /shop/ws|/1"
    assert served(gateway, "http", "/shop/ws/1") == "live /shop/ws|/1"
    assert served(gateway, "http", "/shop/1") == "shop /shop|/1"
    assert served(gateway, "websocket", "/shop/1") == "refused"


@pytest.mark.parametrize("prefix", ["", "/"])
def test_with_threads_for_them_a_wsgi_application_takes_websockets_where_no_asgi_does(
    pool: ThreadPool, prefix: str
) -> None:
    """At the root and below a prefix; the one at the root does not get those of a prefix of another's."""
    site, shop, api = wsgi("site"), wsgi("shop"), asgi("api")
    targets = [Target(site, prefix), Target(shop, "/shop"), Target(api, "/api")]
    gateway = Gateway(targets, pool=pool, sockets=SocketThreads(1))
    for path, app in (("/x", site), ("/shop", shop), ("/shop/x", shop)):
        found, scope = leaf(gateway, "websocket", path)
        assert isinstance(found, WSGISockets)
        assert found.app is app
        assert scope["root_path"] == ("/shop" if app is shop else "")
    assert leaf(gateway, "websocket", "/api/x")[0] is api
    assert [route.protocols for route in gateway.routes()] == [("http", "websocket")] * 3
    assert gateway.leaves() == [api]


@pytest.mark.parametrize("prefix", ["", "/"])
def test_an_asgi_application_at_the_root_keeps_its_websockets(pool: ThreadPool, prefix: str) -> None:
    """The WSGI application beside it takes HTTP there alone, and both below its other prefixes."""
    site, live = wsgi("site"), asgi("live")
    targets = [Target(site, prefix), Target(live), Target(site, "/shop")]
    gateway = Gateway(targets, pool=pool, sockets=SocketThreads(1))
    assert leaf(gateway, "websocket", "/x")[0] is live
    assert isinstance(leaf(gateway, "websocket", "/shop/x")[0], WSGISockets)
    assert [route.protocols for route in gateway.routes()] == [
        ("http",),
        ("websocket",),
        ("http", "websocket"),
    ]


def test_under_another_server_websockets_of_wsgi_applications_are_refused(pool: ThreadPool) -> None:
    """It has no socket to give."""
    gateway = Gateway([Target(wsgi("site"))], pool=pool, sockets=SocketThreads(1))
    assert served(gateway, "http", "/x") == "site |/x"
    assert sent_to(gateway) == [{"type": "websocket.close", "code": 1000}]


def sent_to(gateway: Gateway) -> list[Message]:
    """Call the gateway with a WebSocket as an ASGI server does, and return what it sent."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(gateway({"type": "websocket", "path": "/x", "root_path": ""}, receive, send))
    return sent


def test_the_root_may_be_asked_for_as_a_prefix(pool: ThreadPool) -> None:
    """`/=` is a prefix like any other: an ASGI application takes both protocols there, a WSGI one HTTP."""
    gateway = Gateway([Target(asgi("all"), "/"), Target(wsgi("shop"), "/shop")], pool=pool)
    assert served(gateway, "http", "/x") == "all |/x"
    gateway = Gateway([Target(wsgi("site"), "/"), Target(asgi("live"))], pool=pool)
    assert served(gateway, "http", "/x") == "site |/x"
    assert served(gateway, "websocket", "/x") == "live |/x"


def test_what_nobody_takes_is_not_found(pool: ThreadPool) -> None:
    """404 for HTTP and a refused handshake for WebSocket; no exception."""
    gateway = Gateway([Target(asgi("api"), "/api")], pool=pool)
    assert served(gateway, "http", "/other") == "404"
    assert served(gateway, "websocket", "/other") == "refused"
    assert served(Gateway([Target(wsgi("site"))], pool=pool), "websocket", "/") == "refused"


def test_an_asgi_2_application_is_served_as_well(pool: ThreadPool) -> None:
    """Its two steps are made one."""
    gateway = Gateway([Target(asgi2)], pool=pool)
    assert served(gateway, "http", "/x") == "asgi2 |/x"
    assert served(gateway, "websocket", "/x") == "asgi2 |/x"


def test_an_unknown_type_of_scope_raises(pool: ThreadPool) -> None:
    """As the ASGI specification asks of every application."""
    with pytest.raises(ValueError, match="scopes of type 'channel'"):
        Gateway([Target(asgi("all"))], pool=pool).resolve({"type": "channel"})


# Mistakes


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([Target(wsgi("1"), "", "a:app"), Target(wsgi("2"), "", "b:app")], "HTTP at /:"),
        ([Target(asgi("1"), "", "a:app"), Target(asgi("2"), "", "b:app")], "HTTP at /:"),
        ([Target(wsgi("1"), "", "a:app"), Target(asgi("2"), "/", "b:app")], "HTTP at /:"),
        ([Target(asgi("1"), "", "a:app"), Target(asgi("2"), "/", "b:app")], "HTTP at /:"),
        ([Target(asgi("1"), "/api", "a:app"), Target(asgi("2"), "/api/", "b:app")], "HTTP at /api:"),
        ([Target(wsgi("1"), "/api", "a:app"), Target(asgi("2"), "/api", "b:app")], "HTTP at /api:"),
        ([Target(wsgi("1"), "/api", "a:app"), Target(wsgi("2"), "/api", "b:app")], "HTTP at /api:"),
    ],
)
def test_two_targets_for_one_path_and_protocol_are_refused(
    targets: list[Target], said: str, pool: ThreadPool
) -> None:
    """The message names both and the place that they want."""
    with pytest.raises(LoadError) as caught:
        Gateway(targets, pool=pool)
    assert str(caught.value).startswith(f'targets "a:app" and "b:app" both want {said}')


def test_two_asgi_targets_beside_a_wsgi_target_both_want_websockets(pool: ThreadPool) -> None:
    """HTTP is taken, so the conflict is about WebSocket."""
    targets = [Target(wsgi("site")), Target(asgi("1"), "", "a:app"), Target(asgi("2"), "", "b:app")]
    with pytest.raises(LoadError, match='targets "a:app" and "b:app" both want WebSocket at /:'):
        Gateway(targets, pool=pool)


def test_no_target_at_all_is_refused(pool: ThreadPool) -> None:
    """A gateway to nothing is a mistake."""
    with pytest.raises(LoadError, match="no target was given"):
        Gateway([], pool=pool)


def test_what_is_no_application_is_refused_with_the_name_of_its_target(pool: ThreadPool) -> None:
    """The name as it was typed, then what is wrong with the object."""
    with pytest.raises(InterfaceError, match=r'^target "shop:thing": an object of type .*int cannot'):
        Gateway([Target(5, "", "shop:thing")], pool=pool)


def test_a_malformed_prefix_is_refused_with_the_name_of_its_target(pool: ThreadPool) -> None:
    """Targets that were made by hand are checked like those that were typed."""
    with pytest.raises(LoadError, match='target "shop:app": the prefix "shop" must start with "/"'):
        Gateway([Target(asgi("shop"), "shop", "shop:app")], pool=pool)


# Resolving


def test_where_the_root_is_all_there_is_one_step_leads_to_the_application(pool: ThreadPool) -> None:
    """The usual case costs one dictionary lookup: no router in between and no copy of the scope."""
    site, live = wsgi("site"), asgi("live")
    gateway = Gateway([Target(site), Target(live)], pool=pool)
    scope: Scope = {"type": "http", "path": "/x", "root_path": ""}
    app, same = gateway.resolve(scope)
    assert isinstance(app, WSGIToASGI)
    assert app.app is site
    assert same is scope
    assert gateway.resolve({"type": "websocket"})[0] is live


def test_resolving_leads_to_the_application_that_does_the_work(pool: ThreadPool) -> None:
    """Routers are passed on the way, and the scope ends up with the prefix in `root_path`."""
    api = asgi("api")
    gateway = Gateway([Target(wsgi("site")), Target(api, "/api")], pool=pool)
    app, scope = leaf(gateway, "http", "/api/x")
    assert app is api
    assert (scope["root_path"], scope["path"]) == ("/api", "/api/x")
    assert leaf(gateway, "websocket", "/x")[0] is not_found


def test_wsgi_applications_share_the_pool_they_are_given(pool: ThreadPool) -> None:
    """One bound on threads counts for all."""
    gateway = Gateway([Target(wsgi("site")), Target(wsgi("shop"), "/shop")], pool=pool)
    for path in ("/", "/shop"):
        app, _ = leaf(gateway, "http", path)
        assert isinstance(app, WSGIToASGI)
        assert app.pool is pool


def test_a_target_runs_on_the_pool_that_it_names(pool: ThreadPool) -> None:
    """The route table says so; the others keep the gateway's own."""
    slow = ThreadPool(1, name="slow")
    targets = [Target(wsgi("site")), Target(wsgi("pdf"), "/pdf", pool="slow")]
    gateway = Gateway(targets, pool=pool, pools={"slow": slow})
    assert leaf(gateway, "http", "/pdf")[0].pool is slow  # type: ignore[attr-defined]
    assert leaf(gateway, "http", "/")[0].pool is pool  # type: ignore[attr-defined]
    assert [route.runs_on for route in gateway.routes()] == ["thread pool", "thread pool slow"]


def test_bodies(pool: ThreadPool) -> None:
    """Applications share a policy for request bodies, but a target says itself whether it streams them; the
    same application can be had both ways.
    """
    site = wsgi("site")
    targets = [
        Target(site),
        Target(site, "/up", stream=True),
        Target(wsgi("slow"), "/slow", pool="slow", stream=True),
    ]
    gateway = Gateway(targets, pool=pool, pools={"slow": pool}, body_policy=BodyPolicy(buffer=5, limit=7))
    policies = [leaf(gateway, "http", path)[0].body_policy for path in ("/", "/up", "/slow")]  # type: ignore[attr-defined]
    assert policies == [BodyPolicy(5, 7, stream=stream) for stream in (False, True, True)]
    assert [route.runs_on for route in gateway.routes()] == [
        "thread pool",
        "thread pool slow, streaming",
        "thread pool, streaming",
    ]


def test_bodies_are_bounded_by_default(pool: ThreadPool) -> None:
    """Under a server that knows no limit a body cannot fill the disk."""
    app, _ = leaf(Gateway([Target(wsgi("site"))], pool=pool), "http", "/")
    assert app.body_policy == BodyPolicy(64 * 1024, 1024**3, stream=False)  # type: ignore[attr-defined]


def test_one_application_on_two_pools_is_wrapped_for_each(pool: ThreadPool) -> None:
    """A path can have threads of its own though it is the same application."""
    site, slow = wsgi("site"), ThreadPool(1)
    targets = [Target(site), Target(site, "/reports", pool="slow")]
    gateway = Gateway(targets, pool=pool, pools={"slow": slow})
    assert leaf(gateway, "http", "/")[0].pool is pool  # type: ignore[attr-defined]
    assert leaf(gateway, "http", "/reports")[0].pool is slow  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target(wsgi("site"), pool="slow"), 'there is no pool "slow" (pools: none)'),
        (Target(asgi("api"), pool="slow"), '"@slow" is for WSGI applications'),
        (Target(asgi("api"), stream=True), '"+stream" is for WSGI applications'),
    ],
)
def test_an_option_that_the_application_cannot_have(pool: ThreadPool, target: Target, said: str) -> None:
    """A pool that nobody has made, or threads for what runs on the event loop, are refused."""
    with pytest.raises(LoadError, match=re.escape(said)):
        Gateway([target], pool=pool)


def test_an_application_given_twice_is_wrapped_once(pool: ThreadPool) -> None:
    """Two paths lead to one and the same application."""
    site = wsgi("site")
    gateway = Gateway([Target(site), Target(site, "/old")], pool=pool)
    assert leaf(gateway, "http", "/")[0] is leaf(gateway, "http", "/old")[0]


# Lifespans


def test_leaves_are_the_asgi_applications_in_order_and_each_once(pool: ThreadPool) -> None:
    """WSGI has no lifespan."""
    one, two = asgi("1"), asgi("2")
    gateway = Gateway([Target(two, "/2"), Target(wsgi("site")), Target(one), Target(two, "/two")], pool=pool)
    assert gateway.leaves() == [two, one]


def test_the_lifespans_of_all_targets_run_as_one(pool: ThreadPool) -> None:
    """Under any ASGI server: in order, sharing the state, in reverse at the end."""
    notes: list[str] = []
    gateway = Gateway(
        [Target(with_lifespan(notes, "a"), "/a"), Target(wsgi("site")), Target(with_lifespan(notes, "b"))],
        pool=pool,
    )
    events = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[str] = []

    async def receive() -> Message:
        return {"type": next(events)}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    state: dict[str, Any] = {}
    asyncio.run(gateway({"type": "lifespan", "state": state}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert notes == ["a startup", "b startup", "b shutdown", "a shutdown"]
    assert state == {"a": "shutdown", "b": "shutdown"}


def test_a_lifespan_that_a_server_runs_itself_calls_applications_by_their_targets(pool: ThreadPool) -> None:
    """Its messages have the names that the user typed."""
    gateway = Gateway([Target(with_lifespan([], "a", fails=True), "/a", "shop.asgi:app")], pool=pool)
    with pytest.raises(LifespanError, match=r"^shop\.asgi:app: lifespan startup failed: no luck$"):
        asyncio.run(gateway.lifespan("on").startup({}))


# The route table


def test_the_route_table_tells_who_answers_what_and_where_it_runs(pool: ThreadPool) -> None:
    """A row for each target, ordered by path; HTTP before WebSocket."""
    targets = [
        Target(asgi2, "/old", "old:app"),
        Target(asgi("live"), "", "asgi:ws_app"),
        Target(wsgi("site"), "", "wsgi:app"),
    ]
    gateway = Gateway(targets, pool=pool)
    assert gateway.routes() == [
        Route("/", ("http",), "wsgi:app", "wsgi", "thread pool"),
        Route("/", ("websocket",), "asgi:ws_app", "asgi3", "event loop"),
        Route("/old", ("http", "websocket"), "old:app", "asgi2", "event loop"),
    ]
    assert str(gateway) == format_routes(gateway.routes())
    assert repr(gateway) == "<Gateway of 3 targets>"


def test_the_route_table_is_written_in_columns() -> None:
    """As wide as their widest cell, and without white space at the ends of lines."""
    table = format_routes(
        [
            Route("/", ("http",), "wsgi:app", "wsgi", "thread pool"),
            Route("/api/v2", ("http", "websocket"), "api.main:app", "asgi3", "event loop"),
        ]
    )
    assert table.splitlines() == [
        "PATH     PROTOCOLS        APPLICATION   INTERFACE  RUNS ON",
        "/        http             wsgi:app      wsgi       thread pool",
        "/api/v2  http, websocket  api.main:app  asgi3      event loop",
    ]


def test_a_target_without_a_name_is_called_by_its_module_and_qualified_name(pool: ThreadPool) -> None:
    """So that a table of applications made by hand can be read too."""
    (route,) = Gateway([Target(asgi2)], pool=pool).routes()
    assert route.application == f"{__name__}.asgi2"


def test_targets_are_loaded_from_what_a_user_types(pool: ThreadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """`load_targets` gives the gateway what it needs, names included."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "apps"))
    gateway = Gateway(load_targets(["hello_wsgi", "/api=hello_asgi:app"]), pool=pool)
    assert [(route.path, route.application) for route in gateway.routes()] == [
        ("/", "hello_wsgi:app"),
        ("/api", "hello_asgi:app"),
    ]


def test_a_malformed_target_is_found_before_any_is_imported() -> None:
    """Importing an application can take seconds; a slip in the last target should not."""
    with pytest.raises(LoadError, match='target "wsgi:": the name of the attribute is missing'):
        load_targets(["not_there:app", "wsgi:"])


def test_importing_the_room_is_cheap() -> None:
    """The public names are loaded on first use; all of them are there."""
    program = (
        "import sys, hybrid.bridge as bridge\n"
        "assert 'asyncio' not in sys.modules and 'hybrid.bridge.gateway' not in sys.modules\n"
        "assert set(bridge.__all__) <= set(dir(bridge))\n"
        "names = [getattr(getattr(bridge, name), '__name__', name) for name in bridge.__all__]\n"
        "assert names == bridge.__all__, names\n"
        "assert not hasattr(bridge, 'nonsense')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# Under somebody else's server


async def ask(client: httpx.AsyncClient, path: str) -> tuple[int, str]:
    """Get a path and return status and text."""
    response = await client.get(path)
    return response.status_code, response.text


async def listen(port: int, path: str) -> str:
    """Open a WebSocket and return the first message, or the status that refused it."""
    try:
        async with websockets.asyncio.client.connect(f"ws://127.0.0.1:{port}{path}", proxy=None) as client:
            return str(await client.recv())
    except InvalidStatus as refusal:
        return str(refusal.response.status_code)


@pytest.mark.parametrize("root_path", ["", "/behind"])
def test_a_gateway_works_under_uvicorn(root_path: str, pool: ThreadPool) -> None:
    """A WSGI site, its WebSockets, an API below a prefix and the lifespans of both are served."""
    notes: list[str] = []
    gateway = Gateway(
        [
            Target(wsgi("site")),
            Target(with_lifespan(notes, "live")),
            Target(with_lifespan(notes, "api"), "/api"),
            Target(wsgi("shop"), "/shop"),
        ],
        pool=pool,
    )

    async def main() -> None:
        config = uvicorn.Config(
            gateway,
            root_path=root_path,
            lifespan="on",
            ws="websockets-sansio",
            log_level="warning",
        )
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=DEADLINE
            ) as client:
                assert await ask(client, "/x%2Fy?q=1") == (200, f"site {root_path}|/x/y")
                assert await ask(client, "/api/x") == (200, f"api {root_path}/api|/x")
                assert await ask(client, "/shop") == (200, f"shop {root_path}/shop|")
            assert await listen(port, "/x") == f"live {root_path}|/x"
            assert await listen(port, "/api/x") == f"api {root_path}/api|/x"
            assert await listen(port, "/shop/x") == "404"
            server.should_exit = True
            await serving

    asyncio.run(main())
    assert notes == ["live startup", "api startup", "api shutdown", "live shutdown"]


# Protocols, interfaces and hosts that are said


def taken(gateway: Gateway) -> list[tuple[str, str, tuple[str, ...]]]:
    """Give host, path and protocols of each route."""
    return [(route.host, route.path, route.protocols) for route in gateway.routes()]


def test_protocols_that_are_named_are_taken_and_the_rest_is_left(pool: ThreadPool) -> None:
    """Below a prefix, an ASGI application for WebSockets beside a WSGI one: the case that needs saying."""
    shop, live = wsgi("shop"), asgi("live")
    targets = [Target(shop, "/shop"), Target(live, "/shop", protocols=("websocket",))]
    gateway = Gateway(targets, pool=pool, sockets=SocketThreads(1))
    assert taken(gateway) == [("", "/shop", ("http",)), ("", "/shop", ("websocket",))]
    assert served(gateway, "http", "/shop/x") == "shop /shop|/x"
    assert served(gateway, "websocket", "/shop/x") == "live /shop|/x"


def test_two_asgi_applications_can_share_the_root(pool: ThreadPool) -> None:
    """One that names its protocol leaves the other one to the other."""
    gateway = Gateway([Target(asgi("site")), Target(asgi("live"), protocols=["websocket"])], pool=pool)
    assert served(gateway, "http", "/") == "site |/"
    assert served(gateway, "websocket", "/") == "live |/"


def test_a_websocket_below_a_prefix_for_http_alone_is_refused(pool: ThreadPool) -> None:
    """As below any prefix: the subtree is given away."""
    gateway = Gateway([Target(asgi("live")), Target(asgi("api"), "/api", protocols=["http"])], pool=pool)
    assert served(gateway, "websocket", "/api/x") == "refused"
    assert served(gateway, "http", "/api/x") == "api /api|/x"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target(wsgi("a"), protocols=["websocket"]), "there are no threads for the WebSockets of WSGI"),
        (Target(asgi("a"), protocols=["https"]), '"https" is not a protocol that can be taken'),
        (Target(asgi("a"), host="http://x"), '"http://x" is not a host'),
    ],
)
def test_what_a_target_cannot_have(pool: ThreadPool, target: Target, said: str) -> None:
    """Its name and the reason are in the message."""
    with pytest.raises(LoadError, match=re.escape(said)):
        Gateway([target], pool=pool)


def test_nothing_is_left(pool: ThreadPool) -> None:
    """A target whose place others take completely would never be called, which is a mistake."""
    targets = [Target(asgi("a"), "", "a"), Target(asgi("b"), protocols=["http", "websocket"])]
    with pytest.raises(LoadError, match='target "a": others take all the protocols at /'):
        Gateway(targets, pool=pool)


def test_an_interface_that_is_said_is_believed(pool: ThreadPool) -> None:
    """It is not looked for in an object that hides it."""
    seen: list[int] = []

    def hidden(*arguments: Any) -> Any:
        seen.append(len(arguments))
        return asgi("hidden")(*arguments)

    with pytest.raises(InterfaceError):
        Gateway([Target(hidden)], pool=pool)
    gateway = Gateway([Target(hidden, interface=Interface.ASGI3)], pool=pool)
    assert served(gateway, "http", "/x") == "hidden |/x"
    assert seen == [3]
    both = [Target(hidden, "/a", interface=Interface.ASGI3), Target(hidden, "/w", interface=Interface.WSGI)]
    gateway = Gateway(both, pool=pool)
    assert [route.interface for route in gateway.routes()] == ["asgi3", "wsgi"]
    assert isinstance(leaf(gateway, "http", "/w")[0], WSGIToASGI)


def test_hosts_have_routes_of_their_own(pool: ThreadPool) -> None:
    """A host that is named is not answered by targets without one, and the other way round."""
    targets = [
        Target(wsgi("site")),
        Target(asgi("static"), "/static"),
        Target(asgi("api"), "/v1", host="API.example.org"),
        Target(asgi("any"), host="*.example.org"),
    ]
    gateway = Gateway(targets, pool=pool)

    def answer(host: str, path: str, kind: str = "http") -> object:
        app: ASGIApp = gateway
        scope: Scope = {"type": kind, "path": path, "root_path": "", "headers": [(b"host", host.encode())]}
        while isinstance(app, Resolver):
            app, scope = app.resolve(scope)
        return app

    assert answer("api.example.org", "/v1/x") is targets[2].application
    assert answer("api.example.org:80", "/static/x") is not_found
    assert answer("api.example.org", "/v1", "websocket") is targets[2].application
    assert answer("other.example.org", "/v1") is targets[3].application
    assert answer("other.test", "/static/x") is targets[1].application
    assert answer("other.test", "/v1", "websocket") is not_found
    assert taken(gateway) == [
        ("", "/", ("http",)),
        ("", "/static", ("http", "websocket")),
        ("*.example.org", "/", ("http", "websocket")),
        ("api.example.org", "/v1", ("http", "websocket")),
    ]


def test_wsgi_and_asgi_share_the_root_of_each_host(pool: ThreadPool) -> None:
    """What is beside a target is what is at its host."""
    gateway = Gateway([Target(wsgi("site"), host="a.test"), Target(asgi("all"), host="b.test")], pool=pool)
    assert taken(gateway) == [("a.test", "/", ("http",)), ("b.test", "/", ("http", "websocket"))]


def test_a_conflict_names_the_host(pool: ThreadPool) -> None:
    """Two targets may have one path, on two hosts but not on one."""
    one, other = Target(asgi("1"), "", "a", host="x.test"), Target(asgi("2"), "", "b", host="X.test.")
    with pytest.raises(LoadError, match=r'"a" and "b" both want HTTP at x\.test/:'):
        Gateway([one, other], pool=pool)


def test_the_table_has_hosts_only_where_there_are_any(pool: ThreadPool) -> None:
    """A column of asterisks would say nothing."""
    assert str(Gateway([Target(asgi("a"))], pool=pool)).startswith("PATH  ")
    gateway = Gateway([Target(asgi("a"), "", "a"), Target(asgi("b"), "", "b", host="b.test")], pool=pool)
    assert [line.split()[0] for line in str(gateway).splitlines()] == ["HOST", "*", "b.test"]


def test_labels(pool: ThreadPool) -> None:
    """What a request ends at can be told by its target's name, and by the name of its threads."""
    slow = ThreadPool(name="slow")
    sockets = SocketThreads(name="sockets")
    targets = [
        Target(wsgi("shop"), name="shop.wsgi:app"),
        Target(wsgi("pdf"), "/pdf", "pdf:app", "slow"),
        Target(asgi("api"), "/api", "api.main:app"),
    ]
    gateway = Gateway(targets, pool=pool, pools={"slow": slow}, sockets=sockets)
    labels = gateway.labels()
    paths = [("http", "/"), ("http", "/pdf"), ("http", "/api/x"), ("websocket", "/api"), ("websocket", "/")]
    found = [labels[id(leaf(gateway, kind, path)[0])] for kind, path in paths]
    shop, api = "shop.wsgi:app", ("api.main:app", "")
    assert found == [(shop, pool.name), ("pdf:app", "slow"), api, api, (shop, "sockets")]


def test_labels_below_routers(pool: ThreadPool) -> None:
    """Below a router by type, or a check of origins, it is the target's; what a path decides has none."""
    http, sockets, routed = asgi("http"), asgi("sockets"), asgi("routed")
    checked = OriginValidator(sockets, ["*"])
    targets = [
        Target(ProtocolTypeRouter({"http": http, "websocket": checked}), "/site", "site.asgi:application"),
        Target(URLRouter([("live/", routed)]), "/live", "live:router"),
    ]
    labels = Gateway(targets, pool=pool).labels()
    assert labels[id(http)] == labels[id(sockets)] == ("site.asgi:application", "")
    assert id(routed) not in labels
