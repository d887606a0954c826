"""Runs Autobahn's fuzzing client, `wstest`, against one server."""

import json
import os
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

#: Seconds in which the client must begin the next case. It gives the longest ones 480.
SILENCE = 600.0

_ANNOUNCED = re.compile(r"Ok, will run (\d+) test cases")
_RUNNING = re.compile(r"Running test case ID (\d+)\.")

Progress = Callable[[str], object]


class FuzzingError(Exception):
    """The client did not do what it should have; the text has what it printed last."""


def fuzz(
    wstest: Path,
    url: str,
    agent: str,
    cases: Sequence[str],
    folder: Path,
    *,
    progress: Progress = lambda _: None,
) -> int:
    """Put cases to the server at `url` and leave Autobahn's reports in `folder`; return how many they are.

    `agent` is the server's name in the reports; `cases` are ids or patterns such as ``9.*``. `progress` is
    told when another group of cases begins.

    Raises:
        FuzzingError: the client failed, or took too long over one case.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    specification = folder / "specification.json"
    specification.write_text(
        json.dumps(
            {
                "outdir": str(folder),
                "servers": [{"agent": agent, "url": url}],
                "cases": list(cases),
                "exclude-cases": [],
                "exclude-agent-cases": {},
            }
        ),
        encoding="utf-8",
    )
    with subprocess.Popen(
        [wstest, "--mode", "fuzzingclient", "--spec", specification],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as client:
        try:
            return _follow(client, progress)
        finally:
            client.kill()  # nothing happens to one that has ended


def _follow(client: subprocess.Popen[str], progress: Progress) -> int:
    assert client.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(client.stdout, lines), name="wstest reader", daemon=True)
    reader.start()
    announced, group, last = None, "", "nothing"
    while True:
        try:
            line = lines.get(timeout=SILENCE)
        except queue.Empty:
            raise FuzzingError(f"no next case within {SILENCE:.0f} s after {last!r}") from None
        if line is None:
            break
        last = line.strip() or last
        if found := _ANNOUNCED.search(line):
            announced = int(found[1])
        elif (found := _RUNNING.search(line)) and found[1] != group:
            group = found[1]
            progress(f"cases {group}.*")
    if client.wait() or announced is None:
        raise FuzzingError(f"wstest ended with exit code {client.returncode} after {last!r}")
    return announced


def _read(stream: IO[str], lines: "queue.SimpleQueue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)
