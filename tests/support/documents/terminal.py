"""Somebody at a terminal who types the commands of a page, in a folder of their own.

Servers are started for real, on a port that the system picks, and stay until the next one or the end of the
page; what follows is asked of them. Programs that are not known here are not run: a block with one has to
say why.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from tests.support.documents.certificates import CA
from tests.support.documents.claims import check_requirements, check_targets
from tests.support.process import (
    DEADLINE,
    LeakedProcess,
    ServerProcess,
    option_arguments,
    process_environment,
)

#: Where the pages have their servers and their Redis.
ADDRESS = re.compile(r"(?:127\.0\.0\.1|localhost):(?:8000|8443)")
REDIS = re.compile(r"redis://localhost(?::6379)?(?:/0)?")

#: Options that say where to listen, with a value that is of no use here.
_PLACES = {"--host", "--port", "-p", "--uds", "--fd"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
#: What starts servers, and how they are told to listen on any port of this machine.
_SERVERS = {
    "gunicorn": ["--bind=127.0.0.1:0", "--no-control-socket"],
    "hybrid serve": ["--host=127.0.0.1", "--port=0"],
    "hybrid worker": [],
    "uvicorn": ["--port=0"],
}
#: Programs that are modules, and those that are whatever the system has.
_MODULES = {"hybrid": ["-m", "hybrid"], "django-admin": ["-m", "django"], "python": [], "python3": []}
_PROGRAMS = {"cp", "git", "grep"}


class Unknown(AssertionError):
    """A command that nobody here knows how to run: mark the block, and say why."""


class PageServer(ServerProcess):
    """A server that a command line of a page starts; what it writes to stdout is read with the rest."""

    listening = re.compile(
        r"(?:Listening at:|^hybrid: listening on|^hybrid: working for the|Uvicorn running on) (\S+)",
        re.MULTILINE,
    )

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line."""
        return ["/bin/sh", "-c", 'exec "$@" >&2', "sh", *targets, *option_arguments(options)]


class Terminal:
    """Types lines, one after the other.

    Args:
        folder: the current one.
        redis: says where a Redis is, which the pages call `redis://localhost`; called when it is needed.

    Attributes:
        used: all words that were typed.
    """

    def __init__(self, folder: Path, redis: Callable[[], str]) -> None:
        self.folder = folder
        self.used: set[str] = set()
        self._redis = redis
        self._server: PageServer | None = None
        self._kind = ""
        self._env = {
            "COLUMNS": "200",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "",  # what is imported leaves a trace, by which a test knows
            # Below these `hybrid lanes` finds this server, and no other that the user has.
            "XDG_RUNTIME_DIR": str(folder),
            "TMPDIR": str(folder),
        }
        if (folder / CA).exists():
            self._env["CURL_CA_BUNDLE"] = str(folder / CA)

    def close(self) -> None:
        """End the server that runs."""
        if self._server is not None:
            server, self._server = self._server, None
            try:
                server.close()
            except LeakedProcess:
                if self._kind != "uvicorn":  # whose processes are multiprocessing's, which end a moment later
                    raise

    def type(self, line: str, exits: Collection[int] = (0,)) -> str:
        """Do what a line says, and return what it prints. Its exit code has to be one of these."""
        line = self._here(line)
        words = shlex.split(line, comments=True)
        env = dict(self._env)
        while words and _ASSIGNMENT.match(words[0]):
            name, _, env[name] = words.pop(0).partition("=")
        self.used.update(words)
        if not words:
            return ""
        program, *rest = [word for word in words if word != "&"]
        program = program.removeprefix(".venv/bin/")
        if (kind := _server_of(program, rest)) and "--help" not in rest:
            self._serve(kind, rest, env)
            return ""
        return self._finish(line, program, rest, env, exits)

    def _finish(
        self, line: str, program: str, rest: list[str], env: Mapping[str, str], exits: Collection[int]
    ) -> str:
        """Run what ends by itself."""
        if program == "pip":
            check_requirements(rest)
            return ""
        if program == "make":
            check_targets(rest)
            return ""
        if program in _MODULES:
            self._put_addresses_into(rest)
            return self._run([sys.executable, *_MODULES[program], *rest], env, exits)
        if program == "curl":
            return self._run(["curl", "--silent", "--show-error", *rest], env, exits)
        if program in _PROGRAMS:
            return self._run(["/bin/sh", "-c", line], env, exits)
        raise Unknown(f"{program} is not run here; mark the block: <!-- test: skip WHY -->")

    def _here(self, line: str) -> str:
        """Put our addresses in the place of those of the page."""
        if REDIS.search(line):
            line = REDIS.sub(self._redis(), line)
        if self._server is not None:
            line = ADDRESS.sub(self._server.url.partition("://")[2], line)
        return line

    def _put_addresses_into(self, words: Sequence[str]) -> None:
        """Have a program of the page ask our server."""
        for file in (self.folder / word for word in words if word.endswith(".py")):
            if file.exists():
                file.write_text(self._here(file.read_text(encoding="utf-8")), encoding="utf-8")

    def _serve(self, kind: str, words: Sequence[str], env: Mapping[str, str]) -> None:
        self.close()
        rest = ["shop.wsgi:app" if word == "…" else word for word in _without_places(words)]
        is_placed = any(word.startswith("--bind") for word in rest)
        program, *_ = kind.split()
        line = [sys.executable, "-m", program, *rest, *([] if is_placed else _SERVERS[kind])]
        self._kind = kind
        self._server = PageServer(line, {}, cwd=self.folder, env=env)
        self._server.wait_until_listening()
        if kind == "gunicorn":  # which says so before there is a worker that could be ended
            self._server.wait_for_stderr(
                re.compile(rf"(?:Worker serving[\s\S]*?){{{self._gunicorn_workers()}}}")
            )

    def _gunicorn_workers(self) -> int:
        file = self.folder / "gunicorn.conf.py"
        found = re.search(
            r"^workers = (\d+)", file.read_text(encoding="utf-8") if file.exists() else "", re.MULTILINE
        )
        return int(found[1]) if found else 1

    def _run(self, words: Sequence[str], env: Mapping[str, str], exits: Collection[int]) -> str:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=process_environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=3 * DEADLINE,
            check=False,
        )
        assert done.returncode in exits, f"{shlex.join(words)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout


def _server_of(program: str, rest: Sequence[str]) -> str:
    """Say which kind of server a command starts, if any."""
    return next((kind for kind in (program, f"{program} {rest[0]}" if rest else "") if kind in _SERVERS), "")


def _without_places(words: Sequence[str]) -> list[str]:
    """Take the options away that say where to listen; where several places are, they become ours."""
    kept: list[str] = []
    following = iter(words)
    for word in following:
        if word in _PLACES:
            next(following)
        elif word == "--bind":
            kept.append(f"--bind={_place(next(following))}")
        else:
            kept.append(word)
    return kept


def _place(where: str) -> str:
    if where.startswith("unix:"):
        return f"unix:{Path(where).name}"
    return "[::1]:0" if where.startswith("[") else "127.0.0.1:0"
