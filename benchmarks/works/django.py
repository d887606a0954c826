"""Works of Django with the middleware of `startproject`: each view on the lane that suits it, against servers
that have one lane.
"""

from benchmarks.contestants import Contestant, granian, gunicorn, hybrid, uvicorn
from benchmarks.loads.plan import Steady
from benchmarks.work import CPU, RATE, Target, Work
from benchmarks.works.hello import ASGI, GRANIAN_WSGI, HELLO

_PACKAGES = ("django",)
#: What the view with rows answers.
ROWS = " ".join(f"model{number:02}" for number in range(20))


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
