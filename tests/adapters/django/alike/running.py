"""The servers that are asked, and how they are asked."""

import re
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.adapters.django.alike.cases import PARTS, SERVER_PREFIX, SETTING_PREFIX, Case
from tests.adapters.django.alike.observing import Answer, Observation, observe, read_answers
from tests.support.gunicorn import start_gunicorn
from tests.support.process import DEADLINE, ROOT, ServerProcess, process_environment, start_server
from tests.support.sockets import raw, read_all
from tests.support.uvicorn import start_uvicorn
from tests.support.waiting import poll, until

#: The runs. `hybrid` is as it is by itself; in the others of it each view is on one lane.
RUNS = ("gunicorn", "uvicorn", "hybrid", "wsgi", "asgi")
_PROJECT = "tests.apps.django_alike"
#: Seconds in which an event that need not come would have come.
_PATIENCE = 1.0


@cache
def _database() -> bytes:
    """Return the project's database, as it is at the start of each run."""
    with TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", f"{_PROJECT}.prepare"],
            cwd=folder,
            env=process_environment({"PYTHONPATH": str(ROOT)}),
            check=True,
            timeout=DEADLINE,
        )
        return (Path(folder) / "alike.sqlite3").read_bytes()


def _start(run: str, folder: Path, env: Mapping[str, str], prefix: str) -> ServerProcess:
    """Start a server with one thread of each kind, so that what is left on a thread is found again."""
    below: dict[str, Any] = {"root_path": prefix} if prefix else {}
    if run == "gunicorn":
        env = {**env, "SCRIPT_NAME": prefix} if prefix else env
        options: dict[str, Any] = {"worker_class": "gthread", "threads": 1, "workers": 1}
        return start_gunicorn(f"{_PROJECT}.wsgi:application", cwd=folder, env=env, **options)
    if run == "uvicorn":
        below["http"] = "h11"  # whatever else is installed
        return start_uvicorn(f"{_PROJECT}.asgi:application", cwd=folder, env=env, **below)
    if run != "hybrid":
        (folder / "hybrid.toml").write_text(f'[lanes]\n"/*" = "{run}"\n', encoding="utf-8")
    options = {"django": f"{_PROJECT}.settings", "threads": 1, "django_threads": 1, "access_log": False}
    return start_server(cwd=folder, env=env, **options, **below)


@dataclass
class Site:
    """One server of a run, and what has been noted there.

    Attributes:
        patience: seconds to wait for the end of a request that has begun.
    """

    server: ServerProcess
    folder: Path
    patience: float
    _talks: dict[str, dict[str, str]] = field(default_factory=dict)

    def answer(self, case: Case) -> Observation:
        """Send a request, and tell what comes of it."""
        before = len(self.events())
        if case.leaves:
            self._leave(case, before)
            answers = []
        else:
            answers = list(read_answers(_exchange(self.server.port, self._filled(case)), case.methods))
            self._keep_cookies(case, answers)
        return observe(answers, self._ended(case, before), self._clean)

    def events(self) -> list[str]:
        """Return what the project has noted."""
        return (self.folder / "journal").read_text(encoding="utf-8").splitlines()

    def _ended(self, case: Case, before: int) -> list[str]:
        """Return what has been noted since, once each request that has begun has ended."""

        def even() -> bool:
            now = self.events()[before:]
            ends = [sum(event.startswith(kind) for event in now) for kind in ("started", "finished")]
            return ends[0] <= ends[1] and any(event.startswith(case.awaits) for event in now or [""])

        poll(even, self.patience)
        return self.events()[before:]

    def _leave(self, case: Case, before: int) -> None:
        """Send a request and close the connection in the middle of it."""
        gate = self.folder / "gate"
        with socket.create_connection(("127.0.0.1", self.server.port), DEADLINE) as client:
            client.sendall(self._filled(case))
            if case.leaves == "response":
                answer = b""
                while b"0\n0\n" not in answer and (part := client.recv(1000)):  # the first part of the body
                    answer += part
                assert answer.startswith(b"HTTP/1.1 200")
            elif case.leaves != "request":
                until(lambda: case.leaves in self.events()[before:])
        if case.leaves == "request":
            poll(lambda: len(self.events()) > before, _PATIENCE)
        elif case.leaves == "view waits":
            poll(lambda: not case.is_async or "view cancelled" in self.events()[before:], _PATIENCE)
            gate.touch()
            poll(lambda: self.events()[-1].startswith("finished"))
            gate.unlink()

    def _filled(self, case: Case) -> bytes:
        cookies = self._talks.get(case.talk, {})
        said = "; ".join(f"{name}={value}" for name, value in cookies.items())
        data = case.data.replace(b"%COOKIES%", said.encode())
        return data.replace(b"%TOKEN%", cookies.get("csrftoken", "").encode())

    def _keep_cookies(self, case: Case, answers: Sequence[Answer]) -> None:
        if case.talk:
            said = [value for each in answers for name, value in each.fields if name == "set-cookie"]
            pairs = (each.partition(";")[0].partition("=") for each in said)
            self._talks.setdefault(case.talk, {}).update({name: value for name, _, value in pairs})

    def _clean(self, text: str) -> str:
        text = text.replace(str(self.folder), "FOLDER")
        return re.sub(rf"\b{self.server.port}\b", "PORT", text)


def _exchange(port: int, data: bytes) -> bytes:
    """Send the bytes, and return what comes until the server closes."""
    first, waits, rest = data.partition(b"%WAIT%")
    if not waits:
        return raw(port, data)
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
        client.sendall(first)
        answer = b""
        while b"\r\n\r\n" not in answer and (part := client.recv(65536)):
            answer += part
        client.sendall(rest)
        return answer + read_all(client)


def observe_all(
    cases: Sequence[Case], folder: Path, *, env: Mapping[str, str] | None = None, prefix: str = ""
) -> dict[str, list[Observation]]:
    """Send the requests to each server, to all servers at once; return what came of each, by run.

    Args:
        cases: the requests.
        folder: for what the servers write.
        env: variables for the project.
        prefix: the path below which servers are told to be.
    """
    _database()

    def run(name: str) -> list[Observation]:
        here = folder / name
        here.mkdir()
        (here / "alike.sqlite3").write_bytes(_database())
        (here / "file").write_bytes(b"a file\n" * 100)
        (here / "journal").touch()
        own = {f"ALIKE_{each.upper()}": str(here / each) for each in ("journal", "file", "gate")}
        with _start(name, here, {"PYTHONPATH": str(ROOT), **own, **(env or {})}, prefix) as server:
            site = Site(server, here, _PATIENCE if name == "uvicorn" else DEADLINE)  # some have no end there
            return [site.answer(case) for case in cases]

    with ThreadPoolExecutor(len(RUNS)) as threads:
        return dict(zip(RUNS, threads.map(run, RUNS), strict=True))


def observe_sites(folder: Path) -> tuple[list[Case], dict[str, list[Observation]]]:
    """Send every request to each server, by itself and below a prefix; return them with what came."""
    sites: list[tuple[list[Case], dict[str, Any]]] = [
        ([case for part in PARTS.values() for case in part], {}),
        (SERVER_PREFIX, {"prefix": "/app"}),
        (SETTING_PREFIX, {"env": {"ALIKE_SCRIPT_NAME": "/app"}}),
    ]
    cases: list[Case] = []
    observed: dict[str, list[Observation]] = {run: [] for run in RUNS}
    for number, (asked, options) in enumerate(sites):
        here = folder / str(number)
        here.mkdir()
        cases += asked
        for run, found in observe_all(asked, here, **options).items():
            observed[run] += found
    return cases, observed
