"""The projects that are audited: which they are, and how each is installed and audited."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
_CHECKOUT: Final = HERE.parent.parent
_PREPARED: Final = "prepared"


@dataclass(frozen=True)
class Project:
    """One of ``projects.toml``.

    Attributes:
        name: of the project, and of its directory.
        about: what it is, in a line.
        packages: what is installed, with versions.
        python: the version of Python, ``3.11``.
        settings: the module of its settings.
        prepare: commands that make a project of the packages, run in its directory.
        directory: of the project made so, below that.
        env: what its settings ask of the environment.
        files: written there, by name, with their text.
        src: installed packages that are read as the project's own, beside that directory; without any it is
            those that the audit takes for it.
        fails: what of it does not import, and why; the audit then ends with 3.
    """

    name: str
    about: str
    packages: tuple[str, ...]
    python: str
    settings: str
    prepare: tuple[str, ...] = ()
    directory: str = "."
    env: dict[str, str] = field(default_factory=dict[str, str])
    files: dict[str, str] = field(default_factory=dict[str, str])
    src: tuple[str, ...] = ()
    fails: str = ""


@dataclass(frozen=True)
class Audited:
    """What came of a command of ``hybrid migrate``.

    Attributes:
        code: of its end.
        seconds: of processors, its own and those of the process that imports the project; what other programs
            do meanwhile is not in it.
        memory: the most that either of both had, in MiB.
        said: on both of its outputs.
    """

    code: int
    seconds: float
    memory: float
    said: str


def projects(names: Sequence[str] = ()) -> Iterator[Project]:
    """Give the projects of these names; of no names, all.

    Raises:
        SystemExit: there is none of that name.
    """
    tables: dict[str, dict[str, Any]] = tomllib.loads((HERE / "projects.toml").read_text("utf-8"))
    for name in names or tables:
        if name not in tables:
            raise SystemExit(f"{name}: projects.toml has no such project; it has {', '.join(tables)}")
        table = tables[name].items()
        values: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in table}
        yield Project(name, **values)


class Workshop:
    """Where one project is installed and audited: an environment, and a working directory."""

    def __init__(self, project: Project, below: Path) -> None:
        self._project = project
        self._home = below.resolve() / project.name
        self._environment = self._home / "venv"
        self._work = self._home / "run"

    def prepare(self) -> None:
        """Install the project, and this checkout into its environment; once."""
        done = self._home / _PREPARED
        wanted = json.dumps([self._project.packages, self._project.prepare, self._project.files])
        if done.exists() and done.read_text("utf-8") == wanted:
            return
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(parents=True)
        if not self._environment.exists():
            self._run([f"python{self._project.python}", "-m", "venv", str(self._environment)])
        self._pip(*self._project.packages)
        self._pip("--editable", f"{_CHECKOUT}[migrate]")
        for command in self._project.prepare:
            self._run(shlex.split(self._filled(command)))
        for name, text in self._project.files.items():
            (self._work / self._project.directory / name).write_text(text, "utf-8")
        done.write_text(wanted, "utf-8")

    def run(self, command: str, *arguments: str, output: Path | None = None) -> Audited:
        """Run ``hybrid migrate COMMAND``, with everything it says in a file."""
        output = output or self._home / f"{command}.log"
        program = [str(self._programs / "hybrid"), "migrate", command, "--settings", self._project.settings]
        with output.open("w", encoding="utf-8") as file:
            started = subprocess.Popen(
                [*program, *arguments],
                cwd=self._work / self._project.directory,
                env=self._variables(),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(started.pid, 0)
            started.returncode = os.waitstatus_to_exitcode(status)
        said = output.read_text("utf-8", errors="replace")
        seconds = usage.ru_utime + usage.ru_stime
        return Audited(started.returncode, seconds, usage.ru_maxrss / 1024, said)

    def audit(self) -> tuple[Audited, dict[str, Any]]:
        """Audit the project in full, and return the report as JSON has it; empty where there is none."""
        report = self._home / "audit.json"
        report.unlink(missing_ok=True)
        full = ("--third-party", "full", "--fail-on", "never", "--format", "json", "--output", str(report))
        done = self.run("audit", *full, *self._sources())
        return done, json.loads(report.read_text("utf-8")) if report.exists() else {}

    def _sources(self) -> Iterator[str]:
        if self._project.src:
            for folder in (
                *(self._installed / each for each in self._project.src),
                self._work / self._project.directory,
            ):
                yield from ("--src", str(folder))

    def named(self, file: str) -> str:
        """Return how verdicts name a file: from the directory of packages, or of the project."""
        inside = re.sub(r"^.*/site-packages/", "", file)
        return inside.removeprefix(f"{self._work / self._project.directory}/")

    @property
    def _installed(self) -> Path:
        return self._environment / "lib" / f"python{self._project.python}" / "site-packages"

    @property
    def _programs(self) -> Path:
        return self._environment / "bin"

    def _pip(self, *packages: str) -> None:
        self._run(
            [str(self._programs / "pip"), "install", "--quiet", "--disable-pip-version-check", *packages]
        )

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command, cwd=self._work, env=self._variables(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{self._project.name}: {shlex.join(command)}\n{done.stdout}{done.stderr}")

    def _variables(self) -> dict[str, str]:
        path = f"{self._programs}{os.pathsep}{os.environ.get('PATH', '')}"
        given = {name: self._filled(value) for name, value in self._project.env.items()}
        return {**os.environ, "PATH": path, **given}

    def _filled(self, text: str) -> str:
        return text.format(bin=self._programs, here=self._work, site=self._installed)
