"""Recording in one process: what is chosen, kept, dropped and left out, and when it is over."""

import asyncio
import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from hybrid.adapters.django.migrate.shadow.recordings import read_recording
from hybrid.adapters.django.migrate.shadow.served import recording, sights
from hybrid.adapters.django.migrate.shadow.served.recording import Recorder, Recording, Wanted
from hybrid.bridge.control import ControlError
from hybrid.bridge.taps import Sight, Watch
from tests.support.needs import require_module
from tests.support.process import DEADLINE

require_module("django")

HEADERS = [(b"host", b"a"), (b"cookie", b"s=hush"), (b"x-csrftoken", b"hush"), (b"authorization", b"hush")]
WANTED: dict[str, Any] = {"name": "mine", "seconds": 60.0, "requests": 100, "percent": 100.0}


class Served:
    """What serves requests, which somebody may look at."""

    def __init__(self) -> None:
        self.watches: list[Watch] = []

    def watch(self, watch: Watch) -> None:
        """Let somebody look."""
        self.watches.append(watch)

    def unwatch(self, watch: Watch) -> None:
        """Let nobody look any more."""
        self.watches.remove(watch)

    def begin(self, path: str = "/", method: str = "GET", query: bytes = b"", **scope: Any) -> Sight | None:
        """Begin to serve a request; return who looks at it."""
        said = {"method": method, "path": path, "query_string": query, "headers": HEADERS, **scope}
        return self.watches[0](said) if self.watches else None

    def serve(self, body: bytes = b"body", path: str = "/", **said: Any) -> bool:
        """Serve one whole; return whether anybody has looked."""
        sight = self.begin(path, **said)
        if sight is not None:
            sight.head(200, [(b"Content-Type", b"text/plain"), (b"Set-Cookie", b"s=hush; Path=/")])
            sight.part(body)
            sight.end(complete=True)
        return sight is not None


class Clock:
    """A time that a test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


def begun(served: Served, clock: Callable[[], float] | None = None, **wanted: Any) -> Recording:
    """Begin a recording."""
    said = {**WANTED, "paths": (), "with_secrets": False, **wanted}
    return Recording(Wanted(**said), served, clock or Clock(), chance=lambda: 0.5)


def fetched(made: Recording) -> dict[str, Any]:
    """Return what it has, with what its lines say."""
    answer = asyncio.run(made.fetch())
    return {**answer, "lines": [json.loads(each) for each in answer["lines"]]}


def test_what_is_recorded() -> None:
    """The request as it came, and what was answered, as a recording has them."""
    served = Served()
    made = begun(served, with_secrets=True)
    assert served.serve(
        b"caf\xc3\xa9", "/a/", query=b"b=1", raw_path=b"/a%2F", **{"hybrid.lane": "wsgi; why"}
    )
    lines = asyncio.run(made.fetch())["lines"]
    (found,) = read_recording(['{"version": 1}', *lines], "it")
    assert (found.request.method, found.request.target) == ("GET", "/a%2F?b=1")
    assert found.request.headers[:2] == (("host", "a"), ("cookie", "s=hush"))
    assert found.outcome is not None
    assert (found.outcome.lane, found.outcome.status, found.outcome.body) == ("wsgi", 200, "café".encode())
    assert found.outcome.headers == (("content-type", "text/plain"), ("set-cookie", "s=hush; Path=/"))
    assert (found.outcome.size, found.outcome.complete, len(found.outcome.chunks)) == (5, True, 1)


def test_secrets_do_not_leave_the_server() -> None:
    """Cookies, credentials, tokens in fields, queries, addresses, pages and JSON are written over there."""
    served = Served()
    made = begun(served)
    page = b'<input type="hidden" name="csrfmiddlewaretoken" value="hush">{"api_token": "hush", "b": "fine"}'
    headers = [*HEADERS, (b"referer", b"https://a/?key=hush&b=fine")]
    assert served.serve(page, query=b"password=hush&b=fine", headers=headers)
    (line,) = asyncio.run(made.fetch())["lines"]
    assert "hush" not in line
    assert line.count("fine") == 3


@pytest.mark.parametrize(
    "sent", ["a:b-c=", "a%3Ab%2dc%3D", "%61:b%2Dc%3d"], ids=["plain", "encoded", "more than needed"]
)
def test_a_secret_of_a_route(sent: str) -> None:
    """It is written over as the client has sent it: a signed value has colons, which need no encoding."""
    path = f"/reset/{sent}/"
    match = SimpleNamespace(kwargs={"token": "a:b-c="}, url_name="reset", view_name="reset")
    with_match: Any = {"raw_path": path.encode(), "hybrid.django.match": ("", match)}
    served = Served()
    made = begun(served)
    assert served.serve(path="/reset/a:b-c=/", **with_match)
    (line,) = fetched(made)["lines"]
    assert line["target"] == "/reset/[redacted]/"


def test_a_compressed_body_is_left_out() -> None:
    """Nobody knows what secrets are in it."""
    served = Served()
    made = begun(served)
    sight = served.begin()
    assert sight is not None
    sight.head(200, [(b"content-encoding", b"gzip")])
    sight.part(b"packed")
    sight.end(complete=True)
    (line,) = fetched(made)["lines"]
    assert (line["outcome"]["body"], line["outcome"]["size"]) == ("", 6)


@pytest.mark.parametrize(
    "said",
    [{"method": "POST"}, {"headers": [(b"content-length", b"3")]},
     {"headers": [(b"transfer-encoding", b"chunked")]}, {"path": "/other/"}],
    ids=["POST", "length", "chunked", "path"],
)  # fmt: skip
def test_what_is_not_recorded(said: Mapping[str, Any]) -> None:
    """Methods that change something, bodies, and paths that are not asked for."""
    served = Served()
    made = begun(served, paths=("/", "/shop/*"))
    assert not served.serve(**said)
    assert served.serve(path="/shop/a/", headers=[(b"content-length", b"0")])
    assert len(fetched(made)["lines"]) == 1


def test_a_share() -> None:
    """The draw, here always 50, decides."""
    served = Served()
    begun(served, percent=50.0)
    assert not served.serve()
    begun(served2 := Served(), percent=50.1)
    assert served2.serve()


def test_a_head_request_and_a_file() -> None:
    """What is said of a body that is not sent counts for nothing; of a file the size is known."""
    served = Served()
    made = begun(served)
    assert served.serve(method="HEAD")
    sight = served.begin()
    assert sight is not None
    sight.head(200, [])
    sight.file(9)
    sight.end(complete=True)
    first, second = (each["outcome"] for each in fetched(made)["lines"])
    assert (first["body"], first["size"]) == ("", 0)
    assert (second["size"], second["notes"]) == (9, ["its body, a file, was not kept"])


def test_large_bodies_are_cut() -> None:
    """Their size is still said."""
    served = Served()
    made = begun(served)
    assert served.serve(b"x" * (sights.KEPT_BYTES + 1))
    (line,) = fetched(made)["lines"]
    assert (len(line["outcome"]["body"]), line["outcome"]["size"]) == (
        sights.KEPT_BYTES,
        sights.KEPT_BYTES + 1,
    )


@pytest.mark.parametrize(
    ("bound", "value", "room"),
    [("MOST_WAITING", 2, 2), ("MOST_BYTES", 5000, 2), ("MOST_OPEN", 0, 0)],
    ids=["requests", "bytes", "open"],
)
def test_what_has_no_room_is_dropped(
    bound: str, value: int, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And counted, until somebody fetches."""
    monkeypatch.setattr(recording, bound, value)
    served = Served()
    made = begun(served)
    for _ in range(5):
        served.serve()
    answer = fetched(made)
    assert (len(answer["lines"]), answer["dropped"]) == (room, 5 - room)
    assert served.serve() == (room > 0)


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left waits for the next one."""
    monkeypatch.setattr(recording, "_BATCH", 1000)
    served = Served()
    made = begun(served)
    for _ in range(4):
        served.serve(b"x" * 400)
    answers = [fetched(made) for _ in range(2)]
    assert [(len(each["lines"]), each["waiting"]) for each in answers] == [(2, 2), (2, 0)]


def test_enough_requests_are_the_end() -> None:
    """No more are looked at, and the server has nothing around its lanes any more."""
    served = Served()
    made = begun(served, requests=2)
    assert [served.serve() for _ in range(3)] == [True, True, False]
    answer = fetched(made)
    assert (len(answer["lines"]), answer["on"], served.watches) == (2, False, [])


def test_the_time_is_over() -> None:
    """What is under way then is let go."""
    served, clock = Served(), Clock()
    made = begun(served, clock)
    sight = served.begin()
    assert sight is not None
    clock.now += WANTED["seconds"]
    assert not fetched(made)["on"]
    sight.part(b"late")
    sight.end(complete=True)
    assert (fetched(made)["lines"], served.watches) == ([], [])


def test_clients_that_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more is told of their requests, and they take nobody's place for good."""
    monkeypatch.setattr(recording, "MOST_OPEN", 3)
    served = Served()
    made = begun(served, requests=2)
    for _ in range(9):
        served.begin()
    assert served.serve()
    answer = fetched(made)
    assert (len(answer["lines"]), answer["dropped"]) == (1, 0)


class EndsMeanwhile(set[Any]):
    """Requests that are open, which threads end whenever somebody has counted them."""

    def __len__(self) -> int:
        """Return how many there were."""
        count = super().__len__()
        self.clear()
        return count


def test_an_answer_that_ends_with_the_recording() -> None:
    """A thread may end the last one while the recording lets go of those that are open: it is over all the
    same, and another one can begin.
    """
    served = Served()
    made = begun(served)
    sight = served.begin()
    made._open = EndsMeanwhile(made._open)
    made.stop()
    assert (sight is not None, served.watches) == (True, [])


def test_whoever_records_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some seconds without them the recording is over, and another one can begin."""
    monkeypatch.setattr(recording, "LEASE", 0.05)
    monkeypatch.setattr(recording, "_LOOK", 0.01)

    async def run() -> None:
        served = Served()
        recorder = Recorder(served)
        await recorder.begin(WANTED)
        assert served.watches
        with pytest.raises(ControlError, match="somebody else records"):
            await recorder.begin({**WANTED, "name": "other"})
        async with asyncio.timeout(DEADLINE):
            while served.watches:
                await asyncio.sleep(0)
        with pytest.raises(ControlError, match="this recording is over"):
            await recorder.fetch(WANTED)
        await recorder.begin({**WANTED, "name": "other"})
        recorder.leave()
        assert not served.watches

    asyncio.run(run())


def test_the_end_of_a_recording() -> None:
    """What waits can be fetched after it; with the last of that, there is room for another one."""

    async def run() -> None:
        served = Served()
        recorder = Recorder(served)
        commands = recorder.commands()
        await commands["record.begin"](WANTED)
        await commands["record.begin"](WANTED)  # the same
        assert len(served.watches) == 1
        served.serve()
        await commands["record.end"](WANTED)
        assert not served.serve()
        assert len((await commands["record.fetch"](WANTED))["lines"]) == 1
        await commands["record.begin"]({**WANTED, "name": "other"})
        recorder.leave()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "value"),
    [("name", ""), ("seconds", 0), ("seconds", 1e9), ("requests", True), ("percent", 101), ("percent", "all"),
     ("paths", "/"), ("paths", [1]), ("paths", ["/"] * 101)],
    ids=["no name", "no time", "too long", "no number", "too many", "a text", "no list", "no text",
         "too many paths"],
)  # fmt: skip
def test_what_cannot_be_recorded(name: str, value: object) -> None:
    """The error names the argument."""
    recorder = Recorder(Served())
    with pytest.raises(ControlError, match=f"^{name}: "):
        asyncio.run(recorder.begin({**WANTED, name: value}))
