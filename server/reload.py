"""Serving while an application is written: a process that starts the server again when a file changes.

Two processes: this one opens the sockets, watches the files, and never imports the application; a child with
the same command line inherits the sockets and serves. So a request that comes while one child is gone and the
next is not there yet waits in the backlog, and a syntax error costs nothing but the wait for the next change.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config
from hybrid.server.listening.listeners import Listeners
from hybrid.server.pidfile import pid_file
from hybrid.server.signals import signals_handled
from hybrid.server.systemd import take_passed_sockets

if TYPE_CHECKING:
    from watchfiles import Change

#: Names the sockets that a child inherits, by descriptor; who finds it is such a child.
_SOCKETS = "_HYBRID_RELOAD_SOCKETS"
#: The same for the sockets of ``ops``.
_OPS_SOCKETS = "_HYBRID_RELOAD_OPS_SOCKETS"
#: Seconds that requests in flight may take when a file has changed: whoever has changed it waits for it.
_DRAIN_SECONDS = 0.25
#: Seconds after which a child that has been told to end is killed.
_KILL_SECONDS = 0.75
#: Milliseconds between two looks at whether the child has ended by itself.
_LOOK_MS = 100


def serve_reloading(config: Config) -> None:
    """Serve until SIGINT or SIGTERM, and start again whenever a file changes.

    Raises:
        ConfigError: watchfiles is not installed, or a directory is not there.
        SystemExit: in the child, the server's exit codes.
        BindError: an address cannot be had.
    """
    if _SOCKETS in os.environ:
        _serve_once(config)
        return
    if config.workers > 1:
        _say("one process serves, for reload")
    watch = Watch(config)
    passed = take_passed_sockets()
    listeners = Listeners.bind(config, passed)
    with closing(listeners), closing(Listeners.bind_ops(config, passed)) as ops, pid_file(config.pidfile):
        inherited = {_SOCKETS: listeners.sockets, _OPS_SOCKETS: ops.sockets}
        _Reloader(inherited, watch, lambda child: _remove_control(config, child)).run()


def _serve_once(config: Config) -> None:
    """Be the child: serve on the sockets that were inherited, and be quick at the end."""
    from hybrid.server.server import Server

    sockets, ops_sockets = _take_inherited(_SOCKETS), _take_inherited(_OPS_SOCKETS)
    drain = min(config.timeout_graceful_shutdown, _DRAIN_SECONDS)
    config = replace(config, reload=False, workers=1, pidfile=None, shutdown_delay=0)
    config.timeout_graceful_shutdown = drain
    config.static_fresh = True
    server = Server(config)
    server.ops_sockets = ops_sockets
    server.run(sockets)


def _take_inherited(variable: str) -> list[socket.socket]:
    """Return the sockets that a variable names, and let no other process have them."""
    descriptors = os.environ.pop(variable, "")
    sockets = [socket.socket(fileno=int(each)) for each in descriptors.split(",") if each]
    for each in sockets:
        each.set_inheritable(False)
    return sockets


def _remove_control(config: Config, child: int) -> None:
    """Remove the control directory of a child that may have been killed."""
    if config.controlled:
        from hybrid.server.ops.control.places import remove_server

        remove_server(config.control_folder, child)


class _Reloader:
    """The process that watches: it has a child, or waits for a change that lets one start."""

    def __init__(
        self,
        inherited: Mapping[str, Sequence[socket.socket]],
        watch: "Watch",
        at_end: Callable[[int], object],
    ) -> None:
        self._inherited = {name: [each.fileno() for each in sockets] for name, sockets in inherited.items()}
        self._watch = watch
        self._at_end = at_end  # of a child, with its process id
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Have a child as long as nobody says to stop."""
        changes = self._watch.changes(self._stop)
        with signals_handled(dict.fromkeys((signal.SIGINT, signal.SIGTERM), self._handle_signal)):
            try:
                next(changes, None)  # watched from here on, so that what the child reads is not older
                self._start()
                for changed in changes:
                    if changed:
                        _say(f"{', '.join(changed)} changed: starting again")
                        self._end_child()
                        self._start()
                    elif self._child is not None and self._child.poll() is not None:
                        self._child_ended(self._child.returncode)
            finally:
                self._end_child()

    def _start(self) -> None:
        """Start a child with the command line of this process."""
        named = {name: ",".join(map(str, numbers)) for name, numbers in self._inherited.items()}
        command = [sys.executable, *sys.orig_argv[1:]]
        self._child = subprocess.Popen(  # noqa: S603
            command, env={**os.environ, **named}, pass_fds=list(chain(*self._inherited.values()))
        )

    def _child_ended(self, code: int) -> None:
        """It has ended by itself: because it could not start, or crashed, or was told to by somebody else."""
        assert self._child is not None
        self._at_end(self._child.pid)
        if code:
            _say(f"the server has ended, exit code {code}; waiting for a change")
            self._child = None
        else:
            self._start()

    def _end_child(self) -> None:
        """Let the child drain for a moment; sockets that stay open, and threads that run, end with it."""
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._at_end(self._child.pid)
        self._child = None

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()


class Watch:
    """Which files are watched, and what becomes of them.

    Raises:
        ConfigError: watchfiles is not installed, or a directory is not there.
    """

    def __init__(self, config: Config) -> None:
        if sys.platform == "win32":
            raise ConfigError("reload: sockets cannot be handed from process to process on Windows")
        try:
            from watchfiles import watch
        except ImportError:
            raise ConfigError("reload: needs watchfiles: pip install 'hybrid-gateway[reload]'") from None
        self._watch = watch
        self._roots = _without_nested(Path(each) for each in config.reload_dirs or (".", config.app_dir))
        for root in self._roots:
            if not root.is_dir():
                raise ConfigError(f"reload_dirs: {str(root)!r} is not a directory")
        self._includes = config.reload_includes
        self._excludes = config.reload_excludes
        self._quiet_ms = max(1, int(config.reload_delay * 1000))

    def changes(self, stop: threading.Event) -> Generator[list[str]]:
        """Give the files that have changed, and from time to time none, until told to stop."""
        watched = self._watch(
            *self._roots,
            watch_filter=self._counts,
            step=self._quiet_ms,
            stop_event=stop,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        for changes in watched:
            yield sorted(self._name(Path(path)) for _, path in changes)

    def _counts(self, change: "Change", path: str) -> bool:
        """Whether a change to a file is one of those that are waited for."""
        *folders, name = Path(self._name(Path(path))).parts
        if any(_matches(each, self._excludes) for each in folders):
            return False
        if name in self._includes:  # by its whole name, as .env, which looks like what is left out
            return True
        return _matches(name, self._includes) and not _matches(name, self._excludes)

    def _name(self, path: Path) -> str:
        """Name a file as seen from the directory that is watched: what lies above does not count."""
        for root in self._roots:
            if path.is_relative_to(root):
                return str(path.relative_to(root))
        return str(path)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _without_nested(directories: Iterable[Path]) -> list[Path]:
    """Leave out what lies in another one."""
    found = {each.resolve() for each in directories}
    return sorted(each for each in found if not found & set(each.parents))


def _say(text: str) -> None:
    sys.stderr.write(f"hybrid: {text}\n")
    sys.stderr.flush()
