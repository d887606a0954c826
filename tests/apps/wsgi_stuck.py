"""Views that take their time: each waits for a step of the test, see `wsgi_events`.

`/silent/NAME` answers after its step, `/late/NAME` has begun its answer before, `/going-on/NAME` sends a part
every time that it has slept for a twentieth of a second, until the step. `/thread/NAME` names its thread.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_events import note, take_step, wait_for_step


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer as the first segment of the path says."""
    how = str(environ["PATH_INFO"]).split("/")[1]
    note(environ, f"begun on {threading.current_thread().name}")
    if how == "silent":
        wait_for_step(environ)
        note(environ, "awake")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if how == "late":
        return _late(environ)
    if how == "going-on":
        return _going_on(environ)
    return [threading.current_thread().name.encode()]


def _late(environ: WSGIEnvironment) -> Iterator[bytes]:
    yield b"first part"
    wait_for_step(environ)
    yield b"second part"


def _going_on(environ: WSGIEnvironment) -> Iterator[bytes]:
    while not take_step(environ):
        yield b"."
        time.sleep(0.05)  # the work that it does
    yield b"!"
