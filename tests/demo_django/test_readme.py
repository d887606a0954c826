"""The steps of the README: each of its commands works, and shows what it says."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.demo_desk import Agent, CommandServer, run_python
from tests.support.needs import require_program
from tests.support.process import DEADLINE, ROOT, process_environment
from tests.support.waiting import until

README = (ROOT / "demo_django" / "README.md").read_text()
SECTIONS = dict(re.findall(r"^## (\d)\. [^\n]*\n(.*?)(?=^## )", README, re.MULTILINE | re.DOTALL))
BEGINNING = README.partition("\n## ")[0]


def commands(section: str) -> list[str]:
    """Return the commands of a section, in their order."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def shown(section: str) -> list[str]:
    """Return the lines that a section says one sees."""
    blocks = re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


class Reader:
    """Somebody who types what the README says. The server of one command ends before the next begins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: CommandServer | None = None
        self.said = ""
        self._env: dict[str, str] = {}

    def type(self, line: str) -> None:
        """Do what a line says."""
        program, *rest = shlex.split(line)
        if program == "export":
            name, _, value = rest[0].partition("=")
            self._env[name] = value
        elif program == "curl":
            self._curl(line)
        elif program == "python" and "serve" not in rest:
            self.said = run_python(*rest, cwd=self.folder, env=self._env)
        else:
            where = ["--bind=127.0.0.1:0", "--no-control-socket"] if program == "gunicorn" else ["--port=0"]
            words = rest if program == "python" else ["-m", program, *rest]
            self._serve([sys.executable, *words, *where])

    def close(self) -> None:
        """End the last server."""
        if self.server is not None:
            self.server.close()

    def _serve(self, words: list[str]) -> None:
        self.close()
        self.server = CommandServer(words, {}, cwd=self.folder, env=self._env)
        self.server.wait_until_listening()
        with Agent(self.server.url, "linus") as linus:  # whichever it is, the desk works
            linus.say(5, "I have read the README.")
            assert "I have read the README." in linus.get("/tickets/5/").text

    def _curl(self, line: str) -> None:
        require_program("curl")
        assert self.server is not None
        line = line.replace("http://127.0.0.1:8000", self.server.url)
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            env=process_environment(),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done
        self.said = done.stdout


@pytest.fixture
def reader(project: Path) -> Iterator[Reader]:
    """Give somebody in a checkout with a database."""
    with ExitStack() as end:
        reader = Reader(project)
        end.callback(reader.close)
        yield reader


def gunicorn_has_no_news(reader: Reader) -> None:
    """The stream and the WebSockets are not there, and the pages say so without either."""
    assert reader.server is not None
    with Agent(reader.server.url, "ada") as ada:
        assert ada.client.get("/events/").status_code == 204
        assert "Reload for news" in ada.get("/tickets/1/").text


def the_table_is_printed(reader: Reader) -> None:
    """Who takes what."""
    assert reader.server is not None
    for line in shown(SECTIONS["2"]):
        reader.server.wait_for_stderr(line)


def the_lane_is_said(reader: Reader) -> None:
    """In debug mode, with each answer; and the number of connections at the start."""
    assert reader.said.strip() == shown(SECTIONS["3"])[0]
    assert reader.server is not None
    reader.server.wait_for_stderr("at most 32 database connections in this process")


def systems_are_asked(reader: Reader) -> None:
    """Whoever does not answer; and the ticket of the program is there."""
    assert reader.server is not None
    with Agent(reader.server.url, "ada") as ada:
        until(lambda: "3 callers wait" in ada.get("/systems/").text)  # in time, even on a busy machine
        assert "The lift is stuck" in ada.get("/").text


def a_ticket_is_solved(reader: Reader) -> None:
    """By the program."""
    assert '"status":"solved"' in reader.said
    assert reader.server is not None
    with Agent(reader.server.url, "ada") as ada, ada.window(reader.server, "/ws/tickets/1/") as window:
        assert '"ada"' in str(window.recv(timeout=DEADLINE))


def it_is_ready_for_production(reader: Reader) -> None:
    """Static files under names that may be kept, a lane that is configured, nothing of debugging."""
    assert reader.server is not None
    with Agent(reader.server.url, "ada") as ada:
        page = ada.get("/systems/")
        assert "x-hybrid-lane" not in page.headers
        style = re.search(r'href="(/static/desk/desk\.\w+\.css)"', page.text)
        assert style is not None
        assert "immutable" in ada.get(style[1]).headers["cache-control"]
        assert httpx.get(f"{reader.server.url}/no/such/page", timeout=DEADLINE).status_code == 404
    reader.server.wait_for_stderr(shown(SECTIONS["6"])[0])
    reader.server.wait_for_stderr("has 2 workers")


CHECKS: dict[str, Callable[[Reader], None]] = {
    "1": gunicorn_has_no_news,
    "2": the_table_is_printed,
    "3": the_lane_is_said,
    "4": systems_are_asked,
    "5": a_ticket_is_solved,
    "6": it_is_ready_for_production,
}


@pytest.mark.parametrize("step", CHECKS)
def test_step(reader: Reader, step: str) -> None:
    """Its commands work, and what it says is seen."""
    for line in commands(SECTIONS[step]):
        reader.type(line)
    CHECKS[step](reader)


def test_no_step_is_left_out() -> None:
    """Each is checked, and each has a command."""
    assert list(SECTIONS) == list(CHECKS)
    assert all(map(commands, SECTIONS.values()))


def test_the_beginning(tmp_path: Path, reader: Reader) -> None:
    """What is installed has a name in pyproject.toml; then there are tables, people and tickets."""
    install, *rest = commands(BEGINNING)
    extra = re.fullmatch(r"pip install -e '\.\[(.*)\]'", install)
    assert extra is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extra[1] in project["optional-dependencies"]
    (tmp_path / "demo_django/var/desk.sqlite3").unlink()
    for line in rest:
        reader.type(line)
    assert "Sign in as ada, grace, linus, with the password: correct horse" in reader.said
