"""Files that a server sends by itself, again and again the same: a script, and a larger one."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.apps.static_files import FILES_VARIABLE
from benchmarks.contestants import COMMON, Contestant, granian, uvicorn
from benchmarks.loads.plan import Steady
from benchmarks.work import CPU, RATE, Target, Work
from benchmarks.works.hello import ASGI

_SMALL, _LARGE = "x" * 1024, "x" * (100 * 1024)


@contextlib.contextmanager
def files() -> Iterator[Mapping[str, str]]:
    """Write the files, for as long as the servers run."""
    with tempfile.TemporaryDirectory(prefix="hybrid-benchmark-") as folder:
        for name, content in (("small.js", _SMALL), ("large.js", _LARGE)):
            (Path(folder) / name).write_text(content)
        yield {FILES_VARIABLE: folder}


STEADY_SMALL = Steady("http", _SMALL, path="/static/small.js")
STEADY_LARGE = Steady("http", _LARGE, path="/static/large.js")
_OURS = Contestant(
    "hybrid",
    ("hybrid-gateway", "uvloop"),
    ("hybrid", "serve", *COMMON, "--static", f"/static={{{FILES_VARIABLE}}}"),
)
STATIC_SMALL = Work(
    "a file of 1 KiB, 64 connections",
    STEADY_SMALL,
    _OURS,
    (
        granian("hello_asgi", "--interface", "asgi", "--static-path-mount", f"{{{FILES_VARIABLE}}}"),
        replace(uvicorn("static_asgi", *ASGI, packages=("starlette",)), name="uvicorn + Starlette"),
        replace(
            uvicorn("static_ours", *ASGI, packages=("hybrid-gateway",)), name="uvicorn + our application"
        ),
    ),
    (CPU, RATE),
    (Target(CPU, 1.0, "granian"),),
    environment=files,
)
STATIC_LARGE = replace(
    STATIC_SMALL,
    name="a file of 100 KiB, 64 connections",
    load=STEADY_LARGE,
)
