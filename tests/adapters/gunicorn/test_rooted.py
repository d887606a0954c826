import pytest

from hybrid.adapters.gunicorn.rooted import Rooted
from hybrid.bridge.types import Scope
from tests.apps.hello_asgi import app


def scope(path: str, kind: str = "http") -> Scope:
    """Give what of a scope is looked at."""
    return {"type": kind, "path": path, "raw_path": path.encode(), "root_path": ""}


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        ("/shop", "/shop"),
        ("/shop/", "/shop/"),
        ("/shop/a", "/shop/a"),
        ("/a", "/shop/a"),
        ("/shopping", "/shop/shopping"),
        ("/", "/shop/"),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_path_is_whole_once(path: str, whole: str, kind: str) -> None:
    """It begins with the root, on a segment's boundary, whether the proxy has left it there or not."""
    found, child = Rooted(app, "/shop").resolve(scope(path, kind))

    assert found is app
    assert (child["root_path"], child["path"], child["raw_path"]) == ("/shop", whole, whole.encode())


def test_lifespan_has_no_path() -> None:
    """It is passed on as it is."""
    lifespan: Scope = {"type": "lifespan"}

    assert Rooted(app, "/shop").resolve(lifespan) == (app, lifespan)
