"""A WSGI view that computes in Python for as many loops as the environment says, and then says hello."""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from benchmarks.apps import hello_wsgi

LOOPS = "BENCHMARK_LOOPS"
_loops = int(os.environ.get(LOOPS, "100000"))


def burn(loops: int) -> int:
    """Keep the CPU, and the GIL, busy."""
    total = 0
    for number in range(loops):
        total += number & 7
    return total


def view() -> None:
    """Do the work of one view."""
    burn(_loops)


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer any request, after some work."""
    view()
    return hello_wsgi.app(environ, start_response)
