"""What applications have seen, by the name that a test gave its request: `GET /NAME` answers with a list."""

import json
import threading
from collections import defaultdict
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

#: Seconds that an application waits for a test at most.
DEADLINE = 60.0

_events: dict[str, list[str]] = defaultdict(list)
_steps: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(0))


def name_of(environ: WSGIEnvironment) -> str:
    """Return the name of a request: the last segment of its path."""
    return str(environ["PATH_INFO"]).rpartition("/")[2]


def note(environ: WSGIEnvironment, event: str) -> None:
    """Keep what happened to a request."""
    note_as(name_of(environ), event)


def note_as(name: str, event: str) -> None:
    """Keep what happened to something that is no request, by a name."""
    _events[name].append(event)


def wait_for_step(environ: WSGIEnvironment) -> None:
    """Wait until the test lets a request go one step further: `POST /NAME`."""
    if not _steps[name_of(environ)].acquire(timeout=DEADLINE):
        raise TimeoutError("the test has forgotten this request")


def take_step(environ: WSGIEnvironment) -> bool:
    """Take a step if the test has allowed one."""
    return _steps[name_of(environ)].acquire(blocking=False)


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Show the events of a name, or let its request take a step."""
    if environ["REQUEST_METHOD"] == "POST":
        _steps[name_of(environ)].release()
    body = json.dumps(_events[name_of(environ)]).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
