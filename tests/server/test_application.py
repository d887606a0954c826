"""From what a configuration names to what a server runs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid.bridge.errors import InterfaceError, LoadError
from hybrid.bridge.gateway import Gateway
from hybrid.bridge.routing import PathRouter, not_found
from hybrid.bridge.types import BodyPolicy, ThreadedApplication
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.server.application import LoadedApplication, load_application
from hybrid.server.config import Config
from tests.apps import hello_asgi, hello_wsgi
from tests.support.process import APPS


@pytest.fixture
def imports() -> Iterator[None]:
    """Let a test import modules from folders of its own."""
    path, modules = sys.path[:], set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def rows(loaded: LoadedApplication) -> list[tuple[str, str, str]]:
    """Give path, protocols and interface of each route."""
    return [(route.path, ", ".join(route.protocols), route.interface) for route in loaded.routes]


def test_asgi_object() -> None:
    """An ASGI application that is an object takes everything, on the event loop."""
    loaded = load_application(Config(app=hello_asgi.app))
    assert rows(loaded) == [("/", "http, websocket", "asgi3")]


def test_wsgi_object() -> None:
    """A WSGI application that is an object takes everything, on as many threads as the configuration says."""
    loaded = load_application(Config(app=hello_wsgi.app, threads=3, websocket_threads=4))
    assert rows(loaded) == [("/", "http, websocket", "wsgi")]
    assert loaded.pools[""].threads == 3
    assert loaded.sockets is not None
    assert loaded.sockets.threads == 4


def test_no_threads_for_websockets() -> None:
    """Without threads for them, a WSGI application takes no WebSockets."""
    loaded = load_application(Config(app=hello_wsgi.app, websocket_threads=0))
    assert rows(loaded) == [("/", "http", "wsgi")]
    assert loaded.sockets is None


def test_router_is_taken_as_it_is() -> None:
    """A router that somebody built is not wrapped again, and has no table to print."""
    router = PathRouter({"/": hello_asgi.app})
    loaded = load_application(Config(app=router))
    assert loaded.application is router
    assert not loaded.routes


def test_gateway_is_taken_as_it_is(imports: None) -> None:
    """A gateway is a router too, and keeps the threads that it was made with."""
    pool = ThreadPool(2)
    gateway = load_application(Config(app=["hello_wsgi"], app_dir=APPS)).application
    assert isinstance(gateway, Gateway)
    assert load_application(Config(app=gateway)).application is gateway
    pool.close()


@pytest.mark.usefixtures("imports")
def test_targets() -> None:
    """Targets are imported from the application folder, and share the threads of the server."""
    loaded = load_application(Config(app=["hello_wsgi", "hello_asgi:app"], app_dir=APPS))
    assert rows(loaded) == [("/", "http", "wsgi"), ("/", "websocket", "asgi3")]
    leaf, _ = loaded.application.resolve({"type": "http", "path": "/"})  # type: ignore[attr-defined]
    assert isinstance(leaf, ThreadedApplication)
    assert leaf.pool is loaded.pools[""]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("imports")
def test_bodies() -> None:
    """The configuration says where bodies are kept, and the target whether they are; how large they may be
    is the parser's matter, for every application alike.
    """
    config = Config(app=["hello_wsgi+stream"], app_dir=APPS, wsgi_buffer=7, limit_request_body=9)
    leaf, _ = load_application(config).application.resolve({"type": "http", "path": "/"})  # type: ignore[attr-defined]
    assert isinstance(leaf, ThreadedApplication)
    assert leaf.body_policy == BodyPolicy(buffer=7, limit=0, stream=True)


@pytest.mark.usefixtures("imports")
def test_application_folder_comes_first(tmp_path: Path) -> None:
    """A module in the application folder wins over one of the same name elsewhere."""
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    for place, parameters in ((elsewhere, "scope, receive, send"), (folder, "environ, start_response")):
        place.mkdir()
        (place / "shop_of_this_test.py").write_text(f"def app({parameters}): ...\n")
    sys.path.insert(0, str(elsewhere))
    loaded = load_application(Config(app="shop_of_this_test:app", app_dir=str(folder)))
    assert rows(loaded) == [("/", "http, websocket", "wsgi")]


def test_object_leaves_the_import_path_alone(tmp_path: Path) -> None:
    """Serving an object changes nothing about where modules are imported from."""
    before = sys.path[:]
    load_application(Config(app=hello_asgi.app, app_dir=tmp_path))
    assert sys.path == before


def test_object_that_is_no_application() -> None:
    """An object that nothing can call is refused before a server starts."""
    with pytest.raises(InterfaceError):
        load_application(Config(app=42))


def test_missing_target() -> None:
    """A target that is not there is refused by its name."""
    with pytest.raises(LoadError, match='"no_such_module:app"'):
        load_application(Config(app="no_such_module:app", app_dir=APPS))


def test_no_target() -> None:
    """An empty list of targets is refused."""
    with pytest.raises(LoadError, match="no target"):
        load_application(Config(app=[], app_dir=APPS))


def test_nothing_runs_yet() -> None:
    """Loading an application starts no thread and no lifespan."""
    loaded = load_application(Config(app=not_found))
    assert (loaded.pools[""].busy, loaded.pools[""].queued) == (0, 0)
