"""Trying requests again in another process: what becomes of one that ends, and what is kept."""

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hybrid.adapters.django.migrate.shadow.elsewhere import Settings
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request
from hybrid.adapters.django.migrate.shadow.served import live, trying
from hybrid.adapters.django.migrate.shadow.served.trying import (
    FIRST_PAUSE,
    LASTED,
    LONGEST_PAUSE,
    ServedRequest,
    SharedResults,
    Trying,
)
from hybrid.bridge.errors import LoadError


class Elsewhere:
    """A process that a test tells what to do; each entry of ``does`` is for one run."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self.does: list[str] = []
        self.starts = 0
        self.asked: list[tuple[Request, str]] = []

    def run(self, request: Request, lane: str) -> Outcome:
        """Answer, end, or do not even start."""
        self.asked.append((request, lane))
        does = self.does.pop(0) if self.does else "answer"
        if self.pid is None:
            self.starts += 1
            self.pid = 1
        if does != "answer":
            self.pid = None
        if does == "start":
            raise LoadError("no project")
        return Outcome(lane, 200 if does == "answer" else 0, body=lane.encode(), exception=does)

    def kill(self) -> None:
        """End."""
        self.pid = None

    def close(self) -> None:
        """End."""
        self.pid = None


class Told:
    """One that tries, with a process and a time that a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.process, self.now = Elsewhere(), 1000.0
        monkeypatch.setattr(trying, "Elsewhere", lambda _: self.process)
        self.results = SharedResults("wsgi", "asgi", "http://a")
        self.tries = Trying(Settings(), self.results, lambda: self.now)

    def end_one(self) -> float:
        """Let the process end with a request, and return how long nothing is tried then."""
        self.process.does = ["ended"]
        self.tries(Request("GET", "/"))
        starts, begun = self.process.starts, self.now
        while self.process.starts == starts:
            self.now += 5
            self.tries(Request("GET", "/"))
        return self.now - begun


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Give one."""
    return Told(monkeypatch)


def test_both_lanes_are_compared(told: Told) -> None:
    """The old lane is asked twice, the new one once, and what differs once more; all by one process."""
    told.tries(ServedRequest("GET", "/a/hush/", (), b"", "shop:a", "/a/[redacted]/"))
    assert [lane for _, lane in told.process.asked] == ["wsgi", "wsgi", "asgi", "wsgi", "asgi"]
    assert {type(request) for request, _ in told.process.asked} == {Request}
    assert {request.target for request, _ in told.process.asked} == {"/a/hush/"}
    (group,) = told.results.groups.all()
    assert (group.view, told.results.different, told.process.starts) == ("shop:a", 1, 1)
    assert "/a/[redacted]/" in group.curl
    assert "hush" not in group.curl


def test_a_process_that_ends_is_not_started_at_once(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """What comes meanwhile is skipped, and the log says why."""
    told.process.does = ["answer", "answer", "ended"]
    told.tries(Request("GET", "/"))
    told.tries(Request("GET", "/"))
    assert (told.process.starts, told.tries.skipped) == (1, 1)
    assert told.tries.problem == "GET on the asgi lane: ended"
    assert "no requests are tried again for 10 s: GET on the asgi lane: ended" in caplog.text
    told.now += FIRST_PAUSE
    told.tries(Request("GET", "/"))
    assert (told.process.starts, told.tries.problem) == (2, "")


def test_pauses_grow(told: Told) -> None:
    """Twice as long each time, up to a limit, until a process has lasted."""
    assert [told.end_one() for _ in range(8)] == [10, 20, 40, 80, 160, 320, LONGEST_PAUSE, LONGEST_PAUSE]
    told.now += LASTED
    assert told.end_one() == FIRST_PAUSE


def test_a_project_that_cannot_be_set_up(told: Told) -> None:
    """Is no request without an answer, and not tried again at once."""
    told.process.does = ["start"]
    told.tries(Request("GET", "/"))
    told.tries(Request("GET", "/"))
    assert (told.tries.problem, told.tries.skipped, told.results.requests) == ("no project", 1, 0)


def test_the_end_starts_nothing(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """After it no process is started for what is under way."""
    told.tries.kill()
    told.tries(Request("GET", "/"))
    assert (told.process.asked, told.tries.problem, caplog.text) == ([], "", "")
    told.tries.close()


def test_no_answer_does_not_end_the_sample(told: Told) -> None:
    """It counts, and the next request is tried."""
    told.process.does = ["ended"]
    told.tries(Request("GET", "/"))
    assert (told.results.unreachable, told.results.stopped) == (1, "")


def test_counts_are_bounded() -> None:
    """The most frequent ones stay."""
    counted: Counter[Any] = Counter({"often": 9, **{str(number): 1 for number in range(2000)}})
    trying._bound(counted)
    assert (len(counted), counted["often"]) == (500, 9)


def test_what_cannot_begin_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where the working directory is gone, say; the server goes on, and ends as always."""

    def gone(*_: object) -> None:
        raise FileNotFoundError("there is no such directory")

    async def serve() -> None:
        shadows = live.Live(cast("Any", None), 5.0)
        shadows.join(cast("Any", SimpleNamespace(leads=True)))
        await asyncio.sleep(0)
        await shadows.leave()

    monkeypatch.setattr(live, "Shadow", gone)
    asyncio.run(serve())
    assert "no requests are tried again: there is no such directory" in caplog.text
