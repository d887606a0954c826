"""Two workers, which share groups by themselves or through Redis: nobody notices that there are two."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.parlour import Person, Window, serve_parlour
from tests.support.process import ServerProcess
from tests.support.redis import redis_process
from tests.support.waiting import children_of, open_files, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which worker has a connection")

#: More than anybody needs to have one on each worker, unless the system gives all to one.
_MOST = 50


@pytest.fixture(params=["workers", "redis"])
def parlour(request: pytest.FixtureRequest, database: Path) -> Iterator[ServerProcess]:
    """Serve the chat with two workers."""
    with ExitStack() as stack:
        env = {}
        if request.param == "redis":
            env["HYBRID_LAYER"] = f"{stack.enter_context(redis_process())}/0?lease=5"
        yield stack.enter_context(serve_parlour(database, env=env, workers=2))


class Crowd:
    """Open pages on both workers.

    Attributes:
        pages: each with its person and the worker's process id.
    """

    def __init__(self, server: ServerProcess, stack: ExitStack) -> None:
        self.pages: list[tuple[Person, Window, int]] = []
        while len(self.workers) < 2:
            assert len(self.pages) < _MOST, "all connections are on one worker"
            person = stack.enter_context(Person(server.url, f"Person {len(self.pages)}"))
            window = stack.enter_context(person.window())
            self.pages.append((person, window, worker_of(server, window)))

    @property
    def workers(self) -> Counter[int]:
        """How many pages each worker has."""
        return Counter(worker for _, _, worker in self.pages)


def worker_of(server: ServerProcess, window: Window) -> int:
    """Return the process id of the worker that has a page's WebSocket."""
    port = window.connection.socket.getsockname()[1]
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    (inode,) = (
        fields[9]
        for fields in map(str.split, lines)
        if fields[1].endswith(f":{server.port:04X}") and fields[2].endswith(f":{port:04X}")
    )
    (found,) = (pid for pid in children_of(server) if f"socket:[{inode}]" in open_files(pid))
    return found


def test_people_on_different_workers_talk(parlour: ServerProcess) -> None:
    """They see one another, and hear of every message; numbers have no gap, whoever writes at once."""
    with ExitStack() as stack:
        crowd = Crowd(parlour, stack)
        last = crowd.pages[-1]
        assert sorted(last[1].people) == sorted(person.name for person, _, _ in crowd.pages)
        writers = [person for person, _, _ in (*crowd.pages[:3], last)]
        with ThreadPoolExecutor(len(writers)) as threads:
            list(threads.map(lambda person: [person.say(f"{n}") for n in range(5)], writers))
        said = last[0].missed()
        assert [message["number"] for message in said] == list(range(1, 5 * len(writers) + 1))
        for _, window, _ in crowd.pages:
            heard = [window.hear("message")["message"] for _ in said]
            assert sorted(heard, key=lambda message: int(message["number"])) == said


def test_the_people_of_a_worker_that_is_killed_are_gone(parlour: ServerProcess) -> None:
    """The others are told so, the list of rooms does not count them, and what is said goes on."""
    with ExitStack() as stack:
        crowd = Crowd(parlour, stack)
        killed = crowd.pages[-1][2]
        gone = {person.name for person, _, worker in crowd.pages if worker == killed}
        stay = [(person, window) for person, window, worker in crowd.pages if worker != killed]
        os.kill(killed, signal.SIGKILL)
        for _, window in stay:
            left = {window.hear("group.leave")["metadata"]["name"] for _ in gone}
            assert left == gone
        first, page = stay[0]
        until(lambda: f"{len(stay)} here" in list_of_rooms(first))
        message = first.say("Still here?")
        assert page.hear("message")["message"] == message


def list_of_rooms(person: Person) -> str:
    """Return the page; nothing when the connection was the killed worker's."""
    try:
        return person.client.get("/", headers={"Accept": "text/html"}).text
    except httpx.TransportError:
        return ""
