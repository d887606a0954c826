"""gunicorn's arbiter, with a restart that never has fewer workers than are wanted."""

import logging
import signal
import sys
import time
from collections.abc import Sequence
from typing import Final

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.workers.base import Worker

from hybrid.adapters.gunicorn.forking import take_signals
from hybrid.adapters.gunicorn.ledger import Ledger
from hybrid.adapters.gunicorn.stage import Stage, read_stage
from hybrid.bridge.errors import HybridError
from hybrid.server.listening.listeners import Listeners
from hybrid.server.systemd import Notifier

logger = logging.getLogger("hybrid.workers")

#: Seconds before another worker is started in the place of one that never served; twice as long each time.
_SHORTEST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
#: Seconds for a worker that has not served yet, and is to end.
_BOOTING_SECONDS: Final = 5.0


class RollingArbiter(Arbiter):
    """Keeps as many workers serving as are wanted.

    - On SIGHUP each worker is replaced: the next one boots, and once it serves, an old one is told to drain.
    - A worker that boots may take as long as it likes; one that serves shows that its loop turns.
    - A worker that leaves of its own accord is replaced when it begins to drain.
    - When a worker cannot boot, everything stops, unless others serve: then these go on.

    Args:
        app: gunicorn's idea of an application: what it is configured with.
        listeners: where the workers listen.
        notifier: tells systemd what goes on.

    Attributes:
        forced: whether it was told to stop at once.
        ledger: what it has done, for the workers.
        ops: where the workers tell how the server is, if they do.
        remarks: what else to say at the start.
    """

    def __init__(self, app: BaseApplication, listeners: Listeners, notifier: Notifier) -> None:
        super().__init__(app)
        self.LISTENERS = listeners.sockets
        self.forced = False
        self.ledger = Ledger()
        self.ops: Listeners | None = None
        self.remarks: Sequence[str] = ()
        self._listeners = listeners
        self._notifier = notifier
        self._is_reloading = False
        self._wanted_before = 0  # workers, before the reload
        # As it was called, with -m: gunicorn would run the module's file, with its folder on the import path.
        self.START_CTX["args"] = [sys.executable, *sys.orig_argv[1:]]
        self._announced = False
        self._stopping = False
        self._booting_until = 0.0  # once everything stops
        self._stages: dict[int, Stage] = {}
        #: Workers that are to be replaced as soon as others serve.
        self._outdated: set[int] = set()
        #: Workers that drain, and until when they may.
        self._leaving: dict[int, float] = {}
        #: When another worker may be started, and how long after the next one that fails.
        self._spawn_at = 0.0
        self._pause = _SHORTEST_PAUSE

    # What gunicorn's main loop calls, and before it.

    def init_signals(self) -> None:
        """Handle signals, those too that have come since there was something to leave behind."""
        super().init_signals()
        take_signals()

    def wait_for_signals(self, timeout: float = 1.0) -> list[int]:
        """Wait for a signal, not for long, and tell systemd that somebody does."""
        self._notifier.alive()
        return super().wait_for_signals(timeout)

    def reload(self) -> None:
        """Replace every worker, one after another (SIGHUP)."""
        self._wanted_before = self._wanted_before if self._outdated else self.num_workers
        try:
            self.app.reload()
        except HybridError as error:
            logger.error("not reloading: %s", error)
            return
        self._stats["reloads"] += 1
        self.ledger.add(reloads=1)
        self.setup(self.app)
        self.log.reopen_files()
        self._outdated = self.WORKERS.keys() - self._leaving.keys()
        self._spawn_at = 0.0
        self._is_reloading = True
        self._notifier.reloading(f"replacing {len(self._outdated)} workers")
        logger.info("replacing %d workers", len(self._outdated))

    def manage_workers(self) -> None:
        """Look how far the workers have come; start those that are missing, stop those that are too many."""
        self._look_at_stages()
        staying = [worker for pid, worker in self.WORKERS.items() if pid not in self._leaving]
        old = [worker for worker in staying if worker.pid in self._outdated]
        new = [worker for worker in staying if worker.pid not in self._outdated]
        serving = [worker for worker in new if self._stages[worker.pid] is Stage.SERVING]
        self._spawn_missing(len(old), len(new), len(new) - len(serving))
        # With the first that serves it is known that they can.
        too_many = len(old) + len(serving) - self.num_workers if serving or not old else 0
        surplus = [*sorted(old, key=_age), *(() if old else sorted(serving, key=_age))]
        for worker in surplus[: max(0, too_many)]:
            self._retire(worker)
        if not self._announced and len(serving) >= self.num_workers:
            self._announce(read_stage(serving[0].tmp.fileno())[1])
        if self._is_reloading and not self._outdated:
            self._is_reloading = False
            self._notifier.ready(f"{len(self.WORKERS)} workers")

    def murder_workers(self) -> None:
        """End workers whose loop does not turn, and those that have not drained in time."""
        now = time.monotonic()
        for pid, worker in tuple(self.WORKERS.items()):
            if pid in self._leaving:
                if now > self._leaving[pid]:
                    logger.error("worker %d has not drained in time, and is killed", pid)
                    self.kill_worker(pid, signal.SIGKILL)
            elif self.timeout and now - worker.tmp.last_update() > self.timeout:
                if worker.aborted:
                    self.kill_worker(pid, signal.SIGKILL)
                else:
                    logger.critical("worker %d: its event loop has not turned for %g s", pid, self.timeout)
                    worker.aborted = True
                    self.kill_worker(pid, signal.SIGABRT)

    def reap_workers(self) -> None:
        """Take note of workers that have ended."""
        if self._stopping:  # gunicorn asks all the time then
            self._end_booting()
        while True:
            before = dict(self.WORKERS)
            try:
                super().reap_workers()
            except HaltServer:
                failed = [worker for pid, worker in before.items() if pid not in self.WORKERS]
                self._note_ended(before)
                if not self._goes_on_without(failed):
                    raise
            else:
                self._note_ended(before)
                return

    def handle_int(self) -> None:
        """Drain, as on SIGTERM: a second SIGINT makes gunicorn quit."""
        self.handle_term()

    def kill_workers(self, sig: int) -> None:
        """Tell all workers the same; a quick end is noted."""
        self.forced = self.forced or sig == signal.SIGQUIT
        super().kill_workers(sig)

    def stop(self, graceful: bool = True) -> None:
        """Close the sockets, stop the workers and wait for them."""
        self._stopping = True
        self._booting_until = time.monotonic() + _BOOTING_SECONDS
        self._notifier.stopping(f"stopping {len(self.WORKERS)} workers")
        if self.reexec_pid == self.master_pid == 0:
            self._listeners.close()  # and remove their files, which nobody else listens on
            if self.ops is not None:
                self.ops.close()  # here: the workers go on telling that they are not ready
        for each in (*self.LISTENERS, *(self.ops.sockets if self.ops is not None else ())):
            each.close()
        self.LISTENERS = []  # pyright: ignore[reportConstantRedefinition] - gunicorn's name
        super().stop(graceful)

    # The workers.

    def _end_booting(self) -> None:
        """Kill workers that are to end, and still boot: an import that never comes back to Python hears
        nothing, and there is nothing to wait for.
        """
        if time.monotonic() < self._booting_until:
            return
        for pid, worker in tuple(self.WORKERS.items()):
            if read_stage(worker.tmp.fileno())[0] is Stage.BOOTING:
                logger.error("worker %d does not end while it boots, and is killed", pid)
                self.kill_worker(pid, signal.SIGKILL)

    def spawn_worker(self) -> int:
        """Start a worker."""
        self.ledger.add(started=1)
        return super().spawn_worker()

    def _look_at_stages(self) -> None:
        for pid, worker in self.WORKERS.items():
            stage, _ = read_stage(worker.tmp.fileno())
            if stage is Stage.SERVING and self._stages.get(pid) is not stage:
                self._pause = _SHORTEST_PAUSE
                logger.info("worker %d serves", pid)
            if stage is Stage.LEAVING and pid not in self._leaving:
                logger.info("worker %d drains, and is replaced", pid)
                self._leave(pid)
            self._stages[pid] = stage

    def _spawn_missing(self, old: int, new: int, booting: int) -> None:
        """Start what is missing: all at once when there are none to replace, otherwise one at a time."""
        missing = self.num_workers - new
        if old:
            missing = min(missing, 1 - booting)
        if missing > 0 and time.monotonic() >= self._spawn_at:
            for _ in range(missing):
                self._stages[self.spawn_worker()] = Stage.BOOTING

    def _retire(self, worker: Worker) -> None:
        self._leave(worker.pid)
        self._outdated.discard(worker.pid)
        self.kill_worker(worker.pid, signal.SIGTERM)

    def _leave(self, pid: int) -> None:
        self._leaving[pid] = time.monotonic() + self.cfg.graceful_timeout

    def _note_ended(self, before: dict[int, Worker]) -> None:
        for pid in before.keys() - self.WORKERS.keys():
            stage = self._stages.pop(pid, Stage.BOOTING)
            if stage is not Stage.SERVING and pid not in self._leaving:
                self._spawn_at = time.monotonic() + self._pause
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            if pid not in self._leaving and not self._stopping:
                self.ledger.add(failed=1)
            self._leaving.pop(pid, None)
            self._outdated.discard(pid)

    def _goes_on_without(self, failed: list[Worker]) -> bool:
        """Say why a worker could not boot; whether there are others, so that not everything has to stop."""
        for worker in failed:
            _, reason = read_stage(worker.tmp.fileno())
            worker.tmp.close()
            if not self._stopping:
                print(reason, file=sys.stderr)
        if self._stopping:
            return True
        serving = sum(self._stages.get(pid) is Stage.SERVING for pid in self.WORKERS)
        if self._announced and serving:
            logger.critical("a worker cannot boot; %d go on, as they are", serving)
            if self._outdated:
                self.num_workers = self._wanted_before
            self._outdated.clear()
            return True
        return False

    def _announce(self, routes: str) -> None:
        """Say where it listens and what it serves, once."""
        self._announced = True
        for url in self._listeners.urls:
            print(f"hybrid: listening on {url}", file=sys.stderr)
        for line in self.remarks:
            print(f"hybrid: {line}", file=sys.stderr)
        if routes:
            print(routes, file=sys.stderr)
        self._notifier.ready(f"{len(self.WORKERS)} workers, listening on {', '.join(self._listeners.urls)}")
        logger.info("process %d has %d workers", self.pid, len(self.WORKERS))


def _age(worker: Worker) -> int:
    return worker.age
