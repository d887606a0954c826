"""Works of Django with the middleware of `startproject`: each view on the lane that suits it, against servers
that have one lane.
"""

from dataclasses import replace
from functools import partial

from benchmarks.contestants import Contestant, daphne, granian, gunicorn, hybrid, uvicorn
from benchmarks.loads.plan import Batch, Downloads, Echoes, Steady
from benchmarks.work import (
    CPU,
    CPU_PER_GIB,
    ECHO_MAX,
    ECHO_P50,
    ECHO_P99,
    MEMORY,
    RATE,
    Target,
    Work,
)
from benchmarks.works.consumers import CHANNELS_ON_DAPHNE, CHANNELS_ON_UVICORN
from benchmarks.works.fairness import VIEW, same_view_for_all
from benchmarks.works.hello import ASGI, GRANIAN_WSGI, HELLO
from benchmarks.works.transfers import large_file

_PACKAGES = ("django",)
#: What the view with rows answers.
ROWS = " ".join(f"model{number:02}" for number in range(20))

#: Of a large body, and how fast each client reads, in bytes and bytes a second.
_LARGE, _PACE = 60 << 20, 30_000_000


def _both_lanes(app: str) -> Contestant:
    """`hybrid serve` with both handlers of the project."""
    return hybrid(f"django_{app}_wsgi", "--threads", "10", packages=_PACKAGES, beside=(f"django_{app}_asgi",))


def _peers(app: str) -> tuple[Contestant, ...]:
    return (
        granian(f"django_{app}_wsgi", *GRANIAN_WSGI, packages=_PACKAGES),
        gunicorn(f"django_{app}_wsgi", "--worker-class", "gthread", "--threads", "10", packages=_PACKAGES),
        uvicorn(f"django_{app}_asgi", *ASGI, packages=_PACKAGES),
    )


DJANGO_SYNC = Work(
    "Django, a synchronous view, 64 connections",
    Steady("http", HELLO),
    _both_lanes("hello"),
    _peers("hello"),
    (CPU, RATE),
    (Target(CPU, 1.0, "granian"), Target(CPU, 0.1, "uvicorn")),
)
DJANGO_ROWS = Work(
    "Django, a synchronous view that reads 20 rows, 64 connections",
    Steady("http", ROWS),
    _both_lanes("rows"),
    _peers("rows"),
    (CPU, RATE),
    (Target(CPU, 1.0, "granian"),),
)
DJANGO_ASYNC = Work(
    "Django, a view that is a coroutine, 64 connections",
    Steady("http", HELLO),
    _both_lanes("hello_async"),
    _peers("hello_async"),
    (CPU, RATE),
    (Target(CPU, 0.6, "uvicorn"),),
)


def _large(name: str, path: str) -> Work:
    """A body of 60 MiB to each of four clients at once, none of which is fast."""
    return Work(
        f"Django, {name}, 60 MiB to each of 4 clients at {_PACE // 1_000_000} MB/s",
        Downloads(path, _LARGE, _PACE),
        _both_lanes("large"),
        _peers("large"),
        (MEMORY, CPU_PER_GIB),
        (Target(MEMORY, 16.0),),
        rounds=1,
        environment=partial(large_file, _LARGE),
    )


DJANGO_FILES = (
    _large("FileResponse of a function", "/file"),
    _large("FileResponse of a coroutine", "/file_async"),
    _large("StreamingHttpResponse of a function, from a generator", "/stream"),
    _large("StreamingHttpResponse of a coroutine, from a generator", "/stream_async"),
)


def _latency(app: str, name: str, rate: float) -> Work:
    """Synchronous views on more connections than there are threads, while a WebSocket wants its answers."""
    packages = ("channels", "websockets", *_PACKAGES)
    return Work(
        f"Django, views that {name}, 10 threads, 32 connections; 50 WebSocket echoes/s",
        Batch(HELLO, 32, rate=rate, echoes=Echoes(rate=50)),
        _both_lanes(app),
        (
            replace(uvicorn(f"django_{app}_channels", *ASGI, packages=packages), name=CHANNELS_ON_UVICORN),
            replace(daphne(f"django_{app}_channels", packages=packages), name=CHANNELS_ON_DAPHNE),
        ),
        (ECHO_P99, ECHO_P50, ECHO_MAX, RATE),
        (Target(ECHO_P99, 5.0),),
        rounds=3,
        seconds=10.0,
        environment=same_view_for_all,
    )


DJANGO_LATENCY = (
    _latency("burn", f"burn {VIEW * 1000:g} ms of CPU", 1 / VIEW),
    _latency("mixed", "burn as much, or sleep 20 ms and read 20 rows", 2 / VIEW),
)
