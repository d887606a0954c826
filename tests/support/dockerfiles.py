"""Reads a Dockerfile, and does what can be done without a container engine: copy, and run in a folder."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

#: Where a stage works, below the root of its own: these and nothing else of the system is replaced.
_OWN = re.compile(r"(?<![\w./-])/(?=(?:src|wheels|opt|app|data)\b)")


class Instruction(NamedTuple):
    """One of a Dockerfile, such as `COPY`, with what follows it in one line."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """What follows, in the form of JSON or as words."""
        if self.rest.startswith("["):
            words: list[str] = json.loads(self.rest)
            return words
        return self.rest.split()


class Stage(NamedTuple):
    """What is between one `FROM` and the next."""

    name: str
    base: str
    instructions: list[Instruction]

    def all_of(self, name: str) -> list[Instruction]:
        """Return the instructions of one kind."""
        return [each for each in self.instructions if each.name == name]

    @property
    def environment(self) -> dict[str, str]:
        """What its `ENV` say."""
        pairs = (word.partition("=") for each in self.all_of("ENV") for word in each.words)
        return {name: value for name, _, value in pairs}


def read_dockerfile(file: Path) -> dict[str, Stage]:
    """Return the stages, by name."""
    stages: dict[str, Stage] = {}
    for each in _instructions(file.read_text(encoding="utf-8")):
        if each.name == "FROM":
            base, _, name = each.words
            stages[name] = Stage(name, base, [])
        elif stages:
            stages[next(reversed(stages))].instructions.append(each)
    return stages


def _instructions(text: str) -> Iterator[Instruction]:
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in lines.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield Instruction(name, rest.strip())


class Context:
    """The folder that is sent to the builder, less what is ignored.

    Args:
        folder: the folder.
        ignore: the file that says what is left out: first `*`, then names with `!` that are sent, and
            patterns of what is not, in any folder.
    """

    def __init__(self, folder: Path, ignore: Path) -> None:
        self._folder = folder
        lines = [line for line in ignore.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
        assert lines[0] == "*"
        self.sent = {line[1:] for line in lines if line[0] == "!"}
        self._nowhere = [line.removeprefix("**/") for line in lines[1:] if line[0] != "!"]

    def copy(self, source: str, target: Path) -> None:
        """Copy a file, or what a folder holds; links stay links."""
        assert source.split("/", maxsplit=1)[0] in self.sent, f"{source} is ignored, and cannot be copied"
        if (self._folder / source).is_dir():
            shutil.copytree(
                self._folder / source, target, symlinks=True, ignore=self._left_out, dirs_exist_ok=True
            )
        else:
            shutil.copy2(self._folder / source, target)

    def _left_out(self, folder: str, names: list[str]) -> set[str]:
        return {name for name in names if any(fnmatch(name, pattern) for pattern in self._nowhere)}


def run_stage(stage: Stage, context: Context, root: Path, environment: Mapping[str, str]) -> None:
    """Do what a stage says, with a folder for its root directory; its own paths lead below that."""
    environ = {**environment, **stage.environment}
    work = root
    for name, rest in stage.instructions:
        match name:
            case "WORKDIR":
                work = root / rest.lstrip("/")
                work.mkdir(parents=True, exist_ok=True)
            case "COPY":
                *sources, target = rest.split()
                for source in sources:
                    context.copy(source, Path(own_paths(target, root)) if target[0] == "/" else work / target)
            case "RUN":
                command = ["sh", "-ec", own_paths(rest, root)]
                done = subprocess.run(
                    command, cwd=work, env=environ, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"{rest}\n{done.stdout}\n{done.stderr}"
            case _:
                assert name in {"ENV", "ARG", "VOLUME"}, f"{name} is not known here"


def own_paths(text: str, root: Path) -> str:
    """Have the paths of a text that are a stage's own lead below its root."""
    return _OWN.sub(f"{root}{os.sep}", text)
