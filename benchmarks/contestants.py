"""The servers that can be compared: how each is started for an application, and which packages it needs.

All are started alike: one serving process, uvloop where Python runs the event loop, no access log, and a log
of warnings only.
"""

import importlib.metadata
import os
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.servers import ROOT

COMMON = ("--port", "{port}", "--loop", "uvloop", "--no-access-log", "--log-level", "warning")


@dataclass(frozen=True)
class Contestant:
    """A server with an application.

    `arguments` follow `python -m`, with `{port}` where the port goes, and `{NAME}` for what the work has
    prepared; `packages` are the distributions it needs, the server's own first; `path` is put in front of the
    import path.
    """

    name: str
    packages: tuple[str, ...]
    arguments: tuple[str, ...]
    path: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it is hybrid, in one configuration or another."""
        return self.packages[:1] == ("hybrid-gateway",)

    def missing(self) -> list[str]:
        """The distributions that are not installed."""
        return [name for name in self.packages if version(name) is None]

    def command(self, port: int, variables: Mapping[str, str] | None = None) -> list[str]:
        """The arguments with the port, and what the work has prepared, filled in."""
        return [each.format_map({**(variables or {}), "port": port}) for each in self.arguments]

    def environment(self) -> Mapping[str, str]:
        """The environment of the server process: ours, with the checkout importable for the applications.

        Compiled modules are kept, as an installation has them: a checkout would be compiled at each start.
        """
        paths = (self.path, str(ROOT), os.environ.get("PYTHONPATH", ""))
        changed = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONDONTWRITEBYTECODE": ""}
        return {**os.environ, **changed}


def version(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def hybrid(
    app: str,
    *options: str,
    packages: tuple[str, ...] = (),
    beside: tuple[str, ...] = (),
    name: str = "hybrid",
) -> Contestant:
    """`hybrid serve`, as it is in this environment; `beside` are further applications."""
    command = ["hybrid", "serve", *COMMON]
    targets = [f"benchmarks.apps.{each}:app" for each in (app, *beside)]
    return Contestant(name, ("hybrid-gateway", "uvloop", *packages), (*command, *options, *targets))


def uvicorn(app: str, *options: str, packages: tuple[str, ...] = ()) -> Contestant:
    """Uvicorn with httptools; `packages` with a2wsgi name the bridge in the table, too."""
    command = ["uvicorn", *COMMON]
    return Contestant(
        "uvicorn + a2wsgi" if "a2wsgi" in packages else "uvicorn",
        ("uvicorn", "httptools", "uvloop", *packages),
        (*command, "--http", "httptools", "--lifespan", "off", *options, f"benchmarks.apps.{app}:app"),
    )


def granian(app: str, *options: str, packages: tuple[str, ...] = ()) -> Contestant:
    """Granian with one worker process, which is a child of the process that is started."""
    command = ["granian", *COMMON]
    return Contestant(
        "granian",
        ("granian", "uvloop", *packages),
        (*command, "--workers", "1", "--http", "1", *options, f"benchmarks.apps.{app}:app"),
    )


def gunicorn(app: str, *options: str, packages: tuple[str, ...] = ()) -> Contestant:
    """Gunicorn with one worker process, a child of the process that is started; it keeps connections.

    Its `gthread` workers run no event loop; its `asgi` ones choose uvloop by themselves.
    """
    command = ["gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1", "--log-level", "warning"]
    return Contestant(
        "gunicorn + a2wsgi" if "a2wsgi" in packages else "gunicorn",
        ("gunicorn", "uvloop", *packages),
        (*command, "--keep-alive", "75", "--no-control-socket", *options, f"benchmarks.apps.{app}:app"),
    )


def hypercorn(app: str, *options: str) -> Contestant:
    """Hypercorn with one worker process, a child of the process that is started; it logs no access."""
    command = ["hypercorn", "--bind", "127.0.0.1:{port}", "--workers", "1", "--worker-class", "uvloop"]
    return Contestant(
        "hypercorn",
        ("hypercorn", "uvloop"),
        (*command, "--log-level", "warning", *options, f"benchmarks.apps.{app}:app"),
    )


def daphne(app: str, *, packages: tuple[str, ...] = ()) -> Contestant:
    """Daphne, which runs on Twisted's reactor on asyncio's own loop and cannot be told to take another."""
    command = ["daphne", "--bind", "127.0.0.1", "--port", "{port}", "--verbosity", "0"]
    return Contestant("daphne", ("daphne", *packages), (*command, f"benchmarks.apps.{app}:app"))
