"""Where the requests of a Django project run, and why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.django_desk import HANDLERS, desk
from tests.support.http2_clients import http2
from tests.support.process import DEADLINE, ServerProcess
from tests.support.status import status_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve the project in debug mode."""
    with desk(tmp_path_factory.mktemp("desk"), env={"DESK_DEBUG": "1"}, http2_cleartext=True) as server:
        yield server


def get(server: ServerProcess, path: str, **headers: str) -> httpx.Response:
    """Ask on a connection of its own."""
    return httpx.get(f"{server.url}{path}", headers=headers, timeout=DEADLINE)


@pytest.mark.parametrize(
    ("path", "lane", "thread"),
    [
        ("/sync", "wsgi; sync-view", "wsgi-"),
        ("/class/sync", "wsgi; sync-view", "wsgi-"),
        ("/any/thing", "wsgi; sync-view", "wsgi-"),
        ("/async", "asgi; async-view", "MainThread"),
        ("/class/async", "asgi; async-view", "MainThread"),
        ("/marked", "asgi; decorator", "asgi-"),
    ],
)
def test_each_view_runs_where_its_kind_runs_best(
    server: ServerProcess, path: str, lane: str, thread: str
) -> None:
    """Functions on the pool, coroutine functions on the loop, and the decorator goes before that."""
    for _ in range(2):  # the second time it is remembered
        response = get(server, path)
        assert response.headers["x-hybrid-lane"] == lane
        assert response.json()["thread"].startswith(thread)


def test_both_lanes_write_field_names_alike(server: ServerProcess) -> None:
    """In lower case, as ASGI has them: Django's own, and the one that tells the lane."""
    written = [[name for name, _ in get(server, path).headers.raw] for path in ("/sync", "/async")]
    assert written[0] == written[1]
    assert all(name == name.lower() for name in written[0])
    assert b"x-hybrid-lane" in written[0]


def test_both_lanes_on_one_connection(server: ServerProcess) -> None:
    """Streams of HTTP/2 go where their views run best, all of them at the same time."""
    paths = ["/sync", "/async", "/class/sync", "/class/async", "/tickets/1"]
    with http2(server) as client:
        streams = [client.start(path, authority="127.0.0.1") for path in 2 * paths]
        responses = [stream.response() for stream in streams]
    assert {response.status for response in responses} == {200}
    lanes = [response.values(b"x-hybrid-lane")[0].partition(b";")[0] for response in responses]
    assert lanes == 2 * [b"wsgi", b"asgi", b"wsgi", b"asgi", b"wsgi"]
    threads = [str(json.loads(response.body)["thread"]) for response in responses[:4]]
    assert [thread.partition("-")[0] for thread in threads] == ["wsgi", "MainThread"] * 2
    assert json.loads(responses[4].body)["kwargs"] == {"number": 1}


def test_a_path_without_a_route_is_a_threads_matter(server: ServerProcess) -> None:
    """Django answers it there."""
    response = get(server, "/nowhere")
    assert (response.status_code, response.headers["x-hybrid-lane"]) == (404, "wsgi; no-route")


def test_arguments_of_a_pattern_reach_the_view(server: ServerProcess) -> None:
    """Those of each request, although the URL is resolved on the loop."""
    for number in (1, 2):
        found = get(server, f"/tickets/{number}").json()
        assert (found["kwargs"], found["number"]) == ({"number": number}, number)


def test_nothing_is_said_outside_debug_mode(tmp_path: Path) -> None:
    """Only the access log says it, if it is asked to."""
    log = tmp_path / "access.log"
    options: dict[str, Any] = {
        "access_log": True,
        "access_logfile": log,
        "access_log_format": "%(U)s [%(lane)s]",
    }
    with desk(tmp_path, **options) as server:
        assert "x-hybrid-lane" not in get(server, "/sync").headers
        assert "x-hybrid-lane" not in get(server, "/async").headers
    lines = log.read_text(encoding="utf-8").splitlines()
    assert lines == ["/sync [wsgi; sync-view]", "/async [asgi; async-view]"]


def configured(folder: Path, text: str, **env: str) -> ServerProcess:
    """Serve with a configuration file."""
    (folder / "hybrid.toml").write_text(text, encoding="utf-8")
    return desk(folder, env={"DESK_DEBUG": "1", **env})


def test_a_configured_lane_goes_before_all_others(tmp_path: Path) -> None:
    """By name, by dotted path, and by path, in this order of strength."""
    text = """
    [lanes]
    "/a*" = "wsgi"
    "async" = "asgi"
    "desk:list" = "asgi"
    "tests.apps.django_desk.views.marked" = "wsgi"
    "/nowhere" = "asgi"
    """
    with configured(tmp_path, text) as server:
        lanes = {
            path: get(server, path).headers["x-hybrid-lane"]
            for path in ("/async", "/any/x", "/async/meta", "/desk/list", "/marked", "/sync", "/nowhere")
        }
    assert lanes == {
        "/async": "asgi; configured",
        "/any/x": "wsgi; configured",
        "/async/meta": "wsgi; configured",
        "/desk/list": "asgi; configured",
        "/marked": "wsgi; configured",
        "/sync": "wsgi; sync-view",
        "/nowhere": "asgi; configured",
    }


def test_a_share_of_the_clients_sticks_to_them(tmp_path: Path) -> None:
    """Half of the sessions are on the other lane, and each stays where it is."""
    text = '[lanes]\nsync = { lane = "asgi", percent = 50 }\n'
    with configured(tmp_path, text) as server, httpx.Client(timeout=DEADLINE) as client:

        def lane(number: int) -> str:
            cookie = {"Cookie": f"sessionid=s{number}"}
            found: str = client.get(f"{server.url}/sync", headers=cookie).headers["x-hybrid-lane"]
            return found

        first = [lane(number) for number in range(60)]
        assert [lane(number) for number in range(60)] == first
    assert set(first) == {"asgi; 50%", "wsgi; sync-view"}
    assert 15 < first.count("asgi; 50%") < 45


def test_a_share_leaves_the_other_clients_to_weaker_rules(tmp_path: Path) -> None:
    """Where a pattern of paths keeps a view on a lane, its other clients stay there, whatever its kind."""
    text = """
    [lanes]
    async = { lane = "asgi", percent = 50 }
    "/a*" = "wsgi"
    "/s*" = { lane = "asgi", percent = 40 }
    "/sy*" = { lane = "asgi", percent = 50 }
    "/*" = "wsgi"
    """
    with configured(tmp_path, text) as server, httpx.Client(timeout=DEADLINE) as client:

        def lanes(path: str) -> set[str]:
            cookies = ({"Cookie": f"sessionid=s{number}"} for number in range(40))
            return {
                client.get(f"{server.url}{path}", headers=each).headers["x-hybrid-lane"] for each in cookies
            }

        assert lanes("/async") == {"asgi; 50%", "wsgi; configured"}
        assert lanes("/sync") == {"asgi; 40%", "asgi; 50%", "wsgi; configured"}


def test_a_lane_for_a_view_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """It would do nothing, and nobody would notice."""
    with pytest.raises(AssertionError, match=r"lanes\.shop:cart: there is no view of this name"):
        configured(tmp_path, '[lanes]\n"shop:cart" = "asgi"\n').close()


def test_middleware_that_sets_the_urlconf_sends_all_to_threads(tmp_path: Path) -> None:
    """What a path leads to is not known; views are found all the same, and configured paths go where they
    should.
    """
    middleware = "tests.apps.django_desk.middleware.other_urlconf"
    with configured(tmp_path, '[lanes]\n"/configured/*" = "asgi"\n', DESK_MIDDLEWARE=middleware) as server:
        found = get(server, "/async", **{"X-Site": "other"})
        assert found.text == "the other site"
        assert found.headers["x-hybrid-lane"] == "wsgi; urlconf"
        assert get(server, "/async").headers["x-hybrid-lane"] == "wsgi; urlconf"
        assert get(server, "/configured/x").headers["x-hybrid-lane"] == "asgi; configured"


def test_a_urlconf_that_was_not_foreseen_is_noticed(tmp_path: Path) -> None:
    """From the first request that has one, all go to threads; that one is answered rightly too."""
    middleware = "tests.apps.django_desk.middleware.hidden_urlconf"
    with configured(tmp_path, "", DESK_MIDDLEWARE=middleware) as server:
        assert get(server, "/async").headers["x-hybrid-lane"] == "asgi; async-view"
        found = get(server, "/async", **{"X-Site": "other"})
        assert (found.text, found.headers["x-hybrid-lane"]) == ("the other site", "asgi; async-view")
        server.wait_for_stderr("a middleware sets request.urlconf")
        assert get(server, "/async").headers["x-hybrid-lane"] == "wsgi; urlconf"


def test_a_path_that_depends_on_the_language_finds_its_view(tmp_path: Path) -> None:
    """With i18n_patterns, whose view the language in the path decides."""
    env = {"DESK_URLS": "tests.apps.django_desk.translated"}
    env["DESK_MIDDLEWARE"] = "django.middleware.locale.LocaleMiddleware"
    with configured(tmp_path, "", **env) as server:
        for path, lane in (("/en/async", "asgi; async-view"), ("/de/async", "asgi; async-view")):
            found = get(server, path)
            assert (found.status_code, found.headers["x-hybrid-lane"]) == (200, lane)
        assert get(server, "/de/sync").headers["x-hybrid-lane"] == "wsgi; sync-view"


def test_middleware_may_change_the_arguments_it_finds(tmp_path: Path) -> None:
    """They are those of one request, also where what a path leads to is remembered."""
    middleware = "tests.apps.django_desk.middleware.ChangesArguments"
    with configured(tmp_path, "", DESK_MIDDLEWARE=middleware) as server:
        for path in ("/sync", "/sync", "/async"):
            assert get(server, path).json()["kwargs"] == {"found": 0}


@pytest.mark.parametrize("targets", [(), HANDLERS], ids=["settings", "handlers"])
def test_a_prefix_leads_to_the_same_lanes(tmp_path: Path, targets: tuple[str, ...]) -> None:
    """With a root path, as behind a proxy that has taken it off."""
    with desk(tmp_path, *targets, env={"DESK_DEBUG": "1"}, root_path="/shop") as server:
        assert get(server, "/async").headers["x-hybrid-lane"] == "asgi; async-view"
        assert get(server, "/sync").headers["x-hybrid-lane"] == "wsgi; sync-view"


def test_figures_are_kept_for_views(control_folder: Path, tmp_path: Path) -> None:
    """By their names, on the lane where they ran, and not by paths."""
    with desk(tmp_path, control=control_folder) as server:
        for path in ("/sync", "/sync", "/async", "/tickets/1", "/tickets/2", "/nowhere"):
            get(server, path)
        status = status_of(control_folder)
    found = {(each.route, each.runs_on): each.statuses for each in status.routes.values()}
    views = {view: sum(statuses.values()) for (view, _), statuses in found.items()}
    assert sorted(views.values()) == [1, 1, 2, 2]
    assert found["(no route)", "wsgi"] == {404: 1}
    assert not any("nowhere" in view or "/" in view for view in views)
    assert [lane for (view, lane) in found if "async" in view] == ["loop"]
