"""Runs Caddy with the Caddyfile of `deploy/`, on a port of this machine, in front of a server of ours."""

import http.client
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.needs import require_program
from tests.support.process import DEADLINE, ROOT
from tests.support.redis import free_port
from tests.support.waiting import poll

CADDYFILE = ROOT / "deploy" / "caddy" / "Caddyfile"

#: Attempts to find a port that nobody takes before Caddy does.
_ATTEMPTS = 5


class Caddy:
    """A Caddy that sends everything to one server. A context manager.

    Args:
        folder: for what it writes.
        upstream: where the server is, as Caddy writes it.
    """

    def __init__(self, folder: Path, upstream: str) -> None:
        self._program = require_program("caddy")
        self._folder = folder
        self._upstream = upstream
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __repr__(self) -> str:
        return f"<Caddy on port {self.port}>"

    def __enter__(self) -> Self:
        for _ in range(_ATTEMPTS):
            if self._start():
                return self
            self.__exit__()
        raise AssertionError((self._folder / "log").read_text())

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(DEADLINE)
            self._process = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def check(self) -> str:
        """Have it read the Caddyfile, and return what it says; it must have nothing against it."""
        command = [self._program, "validate", "--config", str(CADDYFILE)]
        done = subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def _start(self) -> bool:
        self.port = free_port()
        # Without its interface for administration, which is on a port that other tests would have, too.
        file = self._folder / "Caddyfile"
        file.write_text("{\n\tadmin off\n}\n" + CADDYFILE.read_text(encoding="utf-8"), encoding="utf-8")
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "run", "--config", str(file)],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        process = self._process
        poll(lambda: self._answers() or process.poll() is not None)
        return process.poll() is None

    def _answers(self) -> bool:
        with suppress(OSError):
            asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
            asking.connect()
            asking.close()
            return True
        return False

    def _environment(self) -> dict[str, str]:
        """Say where the site and the server are, and where what Caddy keeps goes."""
        return {
            **os.environ,
            "HOME": str(self._folder),
            "XDG_DATA_HOME": str(self._folder),
            "XDG_CONFIG_HOME": str(self._folder),
            "SITE": f"http://127.0.0.1:{self.port}",
            "UPSTREAM": self._upstream,
        }
