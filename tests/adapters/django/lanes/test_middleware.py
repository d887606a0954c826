"""Middleware on the asgi lane, whose steps are taken together: what it does is what it does under WSGI."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.django_desk import desk
from tests.support.process import DEADLINE, ServerProcess

CHAINS = {
    "together": "Outer OnlyIn Inner OnlyOut Innermost",
    "one by itself": "Outer",
    "split by one with its own call": "Outer Inner OwnCall Innermost OnlyOut",
    "behind one with its own call": "OwnCall OnlyIn Inner Innermost",
    "split by a function": "Outer Inner function Innermost OnlyIn",
    "around one with a synchronous call": "Outer OnlyIn SyncCall Inner Innermost",
    "around one without that of the mixin": "Outer NoSuper Inner OnlyOut",
    "around one that passes on": "Outer OnlyIn PassesOn Inner Innermost",
}


ALL = ("outer", "inner", "innermost", "only", "own", "sync", "no-super")


@pytest.fixture(scope="module", params=list(CHAINS.values()), ids=list(CHAINS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """Serve the project with a chain of middleware, after that of startproject."""
    middleware = " ".join(f"tests.apps.django_desk.trail.{name}" for name in str(request.param).split())
    with desk(tmp_path_factory.mktemp("desk"), env={"DESK_MIDDLEWARE": middleware}) as server:
        yield server


@pytest.mark.parametrize(
    "fields",
    [
        {},
        *({"X-Answer": name} for name in ("outer", "inner", "innermost")),
        *({"X-Fail": f"{name}>"} for name in ALL),
        *({"X-Fail": f"{name}<"} for name in ALL),
        {"X-Fail": "function"},
        {"X-Answer": "innermost", "X-Fail": "inner<"},
    ],
    ids=str,
)
def test_both_lanes_take_the_same_steps(server: ServerProcess, fields: dict[str, str]) -> None:
    """In the same order, however far they lead in, and whoever answers or fails."""
    answers = [
        httpx.get(f"{server.url}{path}", headers=fields, timeout=DEADLINE) for path in ("/sync", "/async")
    ]
    told = [(each.status_code, each.headers.get("x-trail")) for each in answers]
    assert told[0] == told[1]
    kept = [{name: value for name, value in each.headers.items() if name in KEPT} for each in answers]
    assert kept[0] == kept[1]


#: What the middleware of startproject adds.
KEPT = ("x-frame-options", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy")


def test_the_check_of_csrf_is_made_on_both_lanes(server: ServerProcess) -> None:
    """For methods that change something; the others are let through."""
    for path in ("/sync", "/async"):
        assert httpx.post(f"{server.url}{path}", timeout=DEADLINE).status_code == 403
        assert httpx.get(f"{server.url}{path}", timeout=DEADLINE).status_code == 200
