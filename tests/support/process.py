"""Starts `hybrid` as a real process, the way a user does, and makes sure that it is gone afterwards."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.support.groups import living_in_group

ROOT = Path(__file__).resolve().parents[2]
APPS = ROOT / "tests" / "apps"

#: Seconds within which a process starts, stops or says something; generous, because machines are busy.
DEADLINE = 60.0


def option_arguments(options: Mapping[str, object]) -> list[str]:
    """Write options as command-line arguments: `ws_max_size=5` as `--ws-max-size=5`, False as `--no-…`.

    A list is an option that is repeated.
    """
    arguments: list[str] = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, list):
            arguments += [f"--{flag}={each}" for each in value]
        else:
            arguments.append(f"--{flag}={value}")
    return arguments


def process_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment of a child: ours, with warnings shown and output not held back, and `extra`."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "default", **(extra or {})}


def server_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment of a server: one that no other test's `hybrid lanes` finds, as it has no control
    socket where nobody has said, by XDG_RUNTIME_DIR, which sockets are this test's.
    """
    env = process_environment(extra)
    if "XDG_RUNTIME_DIR" not in env:
        env.setdefault("HYBRID_CONTROL", "none")
    return env


def run_hybrid(
    *arguments: str,
    cwd: Path = APPS,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a `hybrid` command that ends by itself, and return its exit code, stdout and stderr."""
    return run_program("hybrid", *arguments, cwd=cwd, env=env, pass_fds=pass_fds)


def run_program(
    module: str,
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a module as a command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        env=process_environment(env),
        pass_fds=pass_fds,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


class LeakedProcess(AssertionError):
    """A server did not end when asked, or left a child behind; it has been killed."""


class ServerProcess:
    """A `hybrid serve` process of a test: where it listens, what it wrote, and its end.

    A context manager: leaving it stops the process. It fails with :class:`LeakedProcess` when the process, or
    one that it started, did not go by itself; nothing is left running in any case.
    """

    #: What the process writes when it listens, and where.
    listening = re.compile(r"^hybrid: listening on (\S+)", re.MULTILINE)

    def __init__(
        self,
        targets: Sequence[str],
        options: Mapping[str, object],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        launcher: Sequence[str] = (),
    ) -> None:
        self._lines: list[str] = []
        self._said_all = False
        self._leaked = ""
        self._heard = threading.Condition()
        self._process = subprocess.Popen(
            [*launcher, *self.command(targets, options)],
            cwd=cwd,
            env=server_environment(env),
            pass_fds=pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a group of its own, so that its children can be found and ended by id
        )
        self._reader = threading.Thread(target=self._read_stderr, name="stderr reader", daemon=True)
        self._reader.start()

    def __repr__(self) -> str:
        state = "running" if self.running else f"exit code {self._process.returncode}"
        return f"<ServerProcess {self.pid} {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line."""
        return [sys.executable, "-m", "hybrid", "serve", *option_arguments(options), *targets]

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    @property
    def stderr(self) -> str:
        """What the process has written to stderr so far."""
        with self._heard:
            return "".join(self._lines)

    @property
    def url(self) -> str:
        """Where it listens, as it said: `http://127.0.0.1:PORT`, or what it says of another listener."""
        found = self.listening.search(self.stderr)
        if found is None:
            raise AssertionError(f"{self!r} has not said where it listens:\n{self.stderr}")
        return found[1].rstrip("/")

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return int(self.url.rpartition(":")[2])

    def wait_until_listening(self, timeout: float = DEADLINE) -> Self:
        """Return once the process has said where it listens."""
        self.wait_for_stderr(self.listening, timeout)
        return self

    def wait_for_stderr(self, wanted: str | re.Pattern[str], timeout: float = DEADLINE) -> str:
        """Return stderr once it contains a text or pattern; fail if it ends first or takes too long."""
        pattern = wanted if isinstance(wanted, re.Pattern) else re.compile(re.escape(wanted))

        def settled() -> bool:
            return self._said_all or pattern.search("".join(self._lines)) is not None

        with self._heard:
            in_time = self._heard.wait_for(settled, timeout)
            text = "".join(self._lines)
        if pattern.search(text):
            return text
        if in_time:
            self.wait(timeout)
            raise AssertionError(f"{self!r} ended without writing {pattern.pattern!r}:\n{text}")
        raise AssertionError(f"{self!r} did not write {pattern.pattern!r} in {timeout} s:\n{text}")

    def peak_memory(self) -> int:
        """Return the most memory that the process has had, in bytes (Linux)."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def signal(self, number: signal.Signals) -> None:
        """Send the server process a signal."""
        self._process.send_signal(number)

    def wait(self, timeout: float = DEADLINE) -> int:
        """Return the exit code once the process has ended; fail after `timeout` seconds."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self!r} did not end in {timeout} s:\n{self.stderr}") from None
        if self._kill_group():
            self._leaked = self._leaked or f"{self!r} left a child process running"
        self._reader.join(timeout)
        return code

    def terminate(self, timeout: float = DEADLINE) -> int:
        """Ask the process to end (SIGTERM) and return its exit code; fail after `timeout` seconds."""
        self._process.terminate()
        return self.wait(timeout)

    def close(self) -> None:
        """Stop the process if it still runs, and fail when it, or a child of it, had to be killed."""
        if self.running:
            self._process.terminate()
        try:
            self.wait()
        except AssertionError:
            self.kill()
        assert self._process.stderr is not None
        self._process.stderr.close()
        if self._leaked:
            raise LeakedProcess(self._leaked)

    def kill(self) -> None:
        """End the process by force, because it did not end when asked; :meth:`close` fails then."""
        self._leaked = f"{self!r} had to be killed:\n{self.stderr}"
        self._kill_group()
        self.wait()

    def _kill_group(self) -> bool:
        """Kill what is left of the process group, and return whether anything in it was alive.

        Called right after the end of the server, before its id can mean another process.
        """
        is_alive = bool(living_in_group(self.pid))
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return is_alive

    def _read_stderr(self) -> None:
        """Collect stderr line by line until the process closes it (runs on a thread of its own)."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._heard:
                self._lines.append(line)
                self._heard.notify_all()
        with self._heard:
            self._said_all = True
            self._heard.notify_all()


def start_server(
    *targets: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    launcher: Sequence[str] = (),
    **options: object,
) -> ServerProcess:
    """Start `hybrid serve` on the targets and return once it listens; the caller closes it.

    Options are those of the command line with underscores. Unless they say otherwise, modules are looked for
    in `tests/apps` and the system picks a port of 127.0.0.1. `stdout` takes what `subprocess` takes. The
    `launcher` is a program that becomes the server, with its arguments.
    """
    if not {"port", "uds", "fd", "bind"} & options.keys():
        options["port"] = 0
    settings = {"app_dir": APPS, **options}
    process: dict[str, Any] = {"pass_fds": pass_fds, "stdout": stdout, "launcher": launcher}
    server = ServerProcess(targets, settings, cwd=cwd, env=env, **process)
    try:
        return server.wait_until_listening()
    except BaseException:
        server.close()
        raise


#: The `serve` fixture: :func:`start_server` with a folder of its own, and the end taken care of.
Serve = Callable[..., ServerProcess]
