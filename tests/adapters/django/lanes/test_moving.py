"""Moving the views of a running server to another lane, and back."""

import http.client
import itertools
import json
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hybrid.adapters.django.lanes.journal import NAME
from tests.support.control import asked, sockets_below
from tests.support.django_desk import desk
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import children_of, until

pytestmark = pytest.mark.slow

CLIENTS = 32
REQUESTS = 40
#: As strict with errors as by default; a busy machine may be slow, or stand still for a moment.
HEALTHY = "[lane_budget]\nwindow = 2\nrequests = 5\np95 = 1000\nstalls = 1000\nstall = 5\n"
OTHER = {"wsgi": "asgi", "asgi": "wsgi"}
ENVIRONMENT = {"DESK_URLS": "tests.apps.django_desk.moving", "DESK_DEBUG": "1"}

#: A budget for a short test: noise of a busy machine is far below what it allows.
STRICT = "[lane_budget]\nwindow = 4\nrequests = 10\n"
BUDGETS = {
    "fails": STRICT + "errors = 1.0\np95 = 1000\nstalls = 1000\n",
    "blocks": STRICT + "errors = 1.0\np95 = 1000\nstalls = 100\nstall = 0.05\n",
    "slow": STRICT + "errors = 1.0\np95 = 1.5\nstalls = 1000\n",
}


class Operator:
    """Whoever operates a server."""

    def __init__(self, server: ServerProcess, folder: Path) -> None:
        self.server = server
        self._folder = folder

    @property
    def pids(self) -> set[int]:
        """The processes that can be asked."""
        return set(sockets_below(self._folder))

    def ask(self, command: str, pid: int | None = None, /, **arguments: Any) -> dict[str, Any]:
        """Give one of the processes a command."""
        sockets = sockets_below(self._folder)
        path = sockets[min(sockets) if pid is None else pid]
        return asked(path, f"lanes.{command}", {"by": "ada", **arguments})

    def view(self, name: str) -> dict[str, Any]:
        """Return what is shown of a view."""
        (view,) = (each for each in self.ask("show")["views"] if each["name"] == name)
        found: dict[str, Any] = view
        return found

    def requests(self, view: str, lane: str) -> int:
        """Return how many there have been in the last window."""
        count: int = self.view(view)["figures"][lane]["requests"]
        return count

    def history(self) -> list[dict[str, Any]]:
        """Return what has been changed."""
        changes: list[dict[str, Any]] = self.ask("history")["changes"]
        return changes


@contextmanager
def operated(folder: Path, control: Path, workers: int, toml: str = "") -> Iterator[Operator]:
    """Serve the project that has views to be moved, in so many processes."""
    (folder / "hybrid.toml").write_text(toml, encoding="utf-8")
    options: dict[str, Any] = {"workers": workers, "control": control, "log_level": "info"}
    with desk(folder, env=ENVIRONMENT, **options) as server:
        operator = Operator(server, control)
        until(lambda: len(operator.pids) == workers)
        yield operator


class Visit(NamedTuple):
    """What has come of a request."""

    status: int
    lane: str
    why: str
    body: bytes


def visit(server: ServerProcess, path: str, session: str = "", count: int = 1) -> list[Visit]:
    """Send requests one after the other on a connection of their own, as one client."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)) as connection:
        visits: list[Visit] = []
        for _ in range(count):
            connection.request("GET", path, headers={"Cookie": f"sessionid={session}"})
            response = connection.getresponse()
            lane, _, why = response.headers["X-Hybrid-Lane"].partition("; ")
            visits.append(Visit(response.status, lane, why, response.read()))
        return visits


def lanes_of(server: ServerProcess, path: str, count: int = 8) -> set[str]:
    """Return the lanes of some requests, whichever process they come to."""
    return {visit(server, path)[0].lane for _ in range(count)}


CHANGES: list[tuple[str, Mapping[str, Any]]] = [
    ("set", {"view": "quick", "lane": "asgi"}),
    ("percent", {"view": "quick-async", "percent": 50}),
    ("percent", {"view": "quick", "percent": 30}),
    ("set", {"view": "/below/*", "lane": "asgi"}),
    ("rollback", {"view": "quick"}),
    ("set", {"view": "quick-async", "lane": "wsgi"}),
    ("rollback", {"view": "/below/*"}),
    ("rollback", {}),
    ("set", {"view": "quick", "lane": "wsgi"}),
    ("rollback", {"view": "quick-async"}),
]


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_fails_while_lanes_change(tmp_path: Path, control_folder: Path, workers: int) -> None:
    """Whatever is changed meanwhile, and however often: each is answered, on one lane or the other."""
    paths = ["/quick", "/quick/async", "/below/quick", "/quick"]
    with operated(tmp_path, control_folder, workers) as operator, ThreadPoolExecutor(CLIENTS) as clients:
        visits = [
            clients.submit(visit, operator.server, paths[number % 4], f"s{number}", REQUESTS)
            for number in range(CLIENTS)
        ]
        made = 0
        for command, arguments in itertools.cycle(CHANGES):
            answer = operator.ask(command, **arguments)
            assert "change" in answer or "already" in answer["error"], answer
            assert answer.get("processes", workers) == workers
            made += "change" in answer
            if made > len(CHANGES) and all(each.done() for each in visits):
                break
        seen = [each for client in visits for each in client.result()]
        assert {each.status for each in seen} == {200}
        assert len(seen) == CLIENTS * REQUESTS
        assert {each.lane for each in seen} == {"wsgi", "asgi"}
        assert operator.history()[-1]["number"] == made


@pytest.mark.parametrize("workers", [1, 2])
def test_the_next_request_is_on_the_new_lane(tmp_path: Path, control_folder: Path, workers: int) -> None:
    """In whichever process, once the answer to the change is here; whichever has been asked for it."""
    with operated(tmp_path, control_folder, workers) as operator:
        for lane, pid in zip(["asgi", "wsgi"] * 3, itertools.cycle(operator.pids), strict=False):
            answer = operator.ask("set", pid, view="quick", lane=lane)
            assert (answer["processes"], answer["missing"]) == (workers, [])
            assert lanes_of(operator.server, "/quick") == {lane}


def test_what_is_in_flight_ends_on_the_lane_it_began_on(tmp_path: Path, control_folder: Path) -> None:
    """Long requests and streams, of threads and of the loop, are not touched by any change."""
    gate = tmp_path / "gate"
    gate.mkdir()
    began = {"waits": "wsgi", "stream": "wsgi", "stream-async": "asgi"}
    with operated(tmp_path, control_folder, 1) as operator, ThreadPoolExecutor(3) as clients:

        def get(name: str) -> Visit:
            return visit(operator.server, f"/{name.replace('-', '/')}?gate={gate}&name={name}")[0]

        waiting = {name: clients.submit(get, name) for name in began}
        until(lambda: all((gate / name).exists() for name in began))
        for name, lane in began.items():
            for command in ("set", "rollback", "rollback"):
                operator.ask(command, view=name, lane=OTHER[lane])
        (gate / "go").touch()
        for name, lane in began.items():
            found = waiting[name].result()
            assert (found.status, found.lane) == (200, lane)
            there = set(found.body.split() if "stream" in name else json.loads(found.body).values())
            assert len(there) == 1, there
            assert get(name)[:3] == (200, OTHER[lane], "configured")


def test_clients_go_back_with_their_next_request(tmp_path: Path, control_folder: Path) -> None:
    """Those of a share keep to their lane until it is taken back; a larger share has all of a smaller one."""
    with operated(tmp_path, control_folder, 1) as operator:

        def moved() -> set[int]:
            lanes = {number: visit(operator.server, "/quick", f"s{number}")[0].lane for number in range(60)}
            return {number for number, lane in lanes.items() if lane == "asgi"}

        operator.ask("percent", view="quick", percent=30)
        few = moved()
        assert 5 < len(few) < 35
        assert few == moved()
        operator.ask("percent", view="quick", percent=70)
        assert few < moved()
        operator.ask("rollback", view="quick")
        assert moved() == few
        operator.ask("set", view="quick", lane="wsgi")
        assert not moved()


def test_those_who_are_not_moved_stay_where_the_configuration_has_them(
    tmp_path: Path, control_folder: Path
) -> None:
    """And do not go where they would be without it."""
    with operated(tmp_path, control_folder, 1, '[lanes]\n"quick-async" = "wsgi"\n') as operator:
        operator.ask("percent", view="quick-async", percent=30)
        seen = {visit(operator.server, "/quick/async", f"s{number}")[0][1:3] for number in range(60)}
        assert seen == {("asgi", "30%"), ("wsgi", "configured")}
        assert operator.view("quick-async")["trial"]["new"] == "asgi"
        operator.ask("rollback")
        assert visit(operator.server, "/quick/async")[0][1:3] == ("wsgi", "configured")


def keep_visiting(server: ServerProcess, path: str, is_over: Callable[[], bool]) -> None:
    """Let new clients come until something has happened."""
    number = itertools.count()

    def come() -> bool:
        with ThreadPoolExecutor(8) as clients:
            sessions = [f"s{next(number)}" for _ in range(20)]
            list(clients.map(lambda session: visit(server, path, session), sessions))
        return is_over()

    until(come)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("fails", r"errors \d+\.\d % of [\d,]+ requests, on wsgi 0\.0 % of [\d,]+"),
        ("blocks", r"[\d,]+ stalls over 0\.05 s in [\d,]+ requests"),
        ("slow", r"p95 [\d,]+ ms of [\d,]+ requests, on wsgi [\d,]+ ms of [\d,]+"),
    ],
    ids=["fails", "blocks", "slow"],
)
@pytest.mark.parametrize("share", [None, 50], ids=["whole", "share"])
def test_a_view_that_does_worse_steps_back(
    tmp_path: Path, control_folder: Path, view: str, said: str, share: int | None
) -> None:
    """By itself, in all processes, with what is wrong in the log and in the history."""
    with operated(tmp_path, control_folder, 2, BUDGETS[view]) as operator:
        server = operator.server
        keep_visiting(server, f"/{view}", lambda: operator.requests(view, "wsgi") >= 10)
        if share is None:
            operator.ask("set", view=view, lane="asgi")
        else:
            operator.ask("percent", view=view, percent=share)
        keep_visiting(server, f"/{view}", lambda: len(operator.history()) > 1)
        assert lanes_of(server, f"/{view}") == {"wsgi"}
        automatic = operator.history()[1]
        assert (automatic["by"], automatic["view"], automatic["after"]["lane"]) == ("hybrid", view, "wsgi")
        assert re.match(said, automatic["reason"])
        line = rf"WARNING hybrid\.django: lanes: {view}: wsgi \(was asgi[^\n]*, by hybrid: {said}"
        server.wait_for_stderr(re.compile(f"(?s){line}.*{line}"))


def test_a_healthy_view_stays(tmp_path: Path, control_folder: Path) -> None:
    """Through many looks at it, with more than enough requests on both lanes."""
    enough = 0

    def is_over() -> bool:
        nonlocal enough
        enough += min(operator.requests("quick", lane) for lane in OTHER) >= 5
        return enough >= 8

    with operated(tmp_path, control_folder, 2, HEALTHY) as operator:
        operator.ask("percent", view="quick", percent=50)
        keep_visiting(operator.server, "/quick", is_over)
        assert len(operator.history()) == 1
        assert operator.view("quick")["trial"]["new"] == "asgi"


def test_workers_that_come_later_know_what_was_changed(tmp_path: Path, control_folder: Path) -> None:
    """After a reload, whose workers are all new; what was changed is still there to be taken back."""
    with operated(tmp_path, control_folder, 2) as operator:
        server, before = operator.server, operator.pids
        operator.ask("set", view="quick", lane="asgi")
        server.signal(signal.SIGHUP)
        until(lambda: len(operator.pids) == 2 and operator.pids.isdisjoint(before))
        until(lambda: children_of(server).isdisjoint(before))
        assert lanes_of(server, "/quick") == {"asgi"}
        server.wait_for_stderr("lanes: changes 1 to 1 of this server count here too")
        answer = operator.ask("rollback", reason="enough")
        assert (answer["change"]["number"], answer["processes"]) == (2, 2)
        assert lanes_of(server, "/quick") == {"wsgi"}
        assert len(list(control_folder.glob(f"*/{NAME}"))) == 1


def test_without_a_control_socket_views_step_back_too(tmp_path: Path) -> None:
    """Each process for itself: nobody else is there to be asked."""
    toml = BUDGETS["fails"] + '[lanes]\nfails = "asgi"\n'
    (tmp_path / "hybrid.toml").write_text(toml, encoding="utf-8")
    with desk(tmp_path, env=ENVIRONMENT, control="none") as server:
        keep_visiting(server, "/fails", lambda: "by hybrid: errors" in server.stderr)
        assert lanes_of(server, "/fails") == {"wsgi"}
