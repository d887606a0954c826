"""`gunicorn -k hybrid.adapters.gunicorn.HybridWorker`: life, signals and failures of real processes."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger

from hybrid.adapters.gunicorn import HybridWorker
from hybrid.server.config import Config as ServerConfig
from hybrid.server.server import Server
from tests.adapters.gunicorn.conftest import Gunicorn
from tests.apps.processes import wsgi
from tests.support.callers import Callers
from tests.support.gunicorn import start_gunicorn
from tests.support.process import APPS, run_program
from tests.support.waiting import asking, children_of, get, poll, until


class Log(Logger):
    """A logger that says nothing."""

    def __init__(self) -> None:
        pass

    def warning(self, msg: str, *args: object, **kwargs: object) -> None:
        """Say nothing."""


def run_gunicorn(
    target: str, *, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run gunicorn, which is to end by itself."""
    worker, path = "--worker-class=hybrid.adapters.gunicorn.HybridWorker", f"--pythonpath={APPS}"
    options = (worker, path, "--bind=127.0.0.1:0", "--no-control-socket")
    return run_program("gunicorn", *options, target, cwd=cwd, env=env)


@pytest.mark.parametrize("target", ["hello_wsgi:app", "hello_asgi:app"])
def test_what_an_application_is_is_found_out(gunicorn: Gunicorn, target: str) -> None:
    """WSGI and ASGI applications are served by one worker class."""
    server = gunicorn(target)

    assert get(server, "/") == "hello\n"
    assert server.terminate() == 0


def test_hybrid_targets_mounts_more_applications(gunicorn: Gunicorn) -> None:
    """The configuration file names applications beside the one on the command line."""
    server = gunicorn("self_report:wsgi", 'hybrid_targets = ["/async=hello_asgi:app", "/other=hello_wsgi"]')

    assert get(server, "/async/") == "hello\n"
    assert get(server, "/other") == "hello\n"
    assert '"PATH_INFO": "/rest"' in get(server, "/rest")


def test_our_own_settings_have_a_prefix(gunicorn: Gunicorn) -> None:
    """Whatever gunicorn has no setting for is set with `hybrid_` in front."""
    server = gunicorn("processes:wsgi", "hybrid_timeout_request = 0.3\n")

    with pytest.raises(OSError, match="504"):
        get(server, "/hang")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "hybrid_thread_queue = 5",
            "hybrid_thread_queue: there is no such setting; did you mean hybrid_threads_queue?",
        ),
        ("hybrid_bind = ['x']", "hybrid_bind: under gunicorn, set bind"),
        ("hybrid_threads_queue = 'many'", "threads_queue: 'many' is not a whole number"),
        ("hybrid_targets = 'one:app'", "hybrid_targets: 'one:app' is not a list of targets"),
    ],
)
def test_a_mistake_in_them_is_one_line(tmp_path: Path, line: str, message: str) -> None:
    """The arbiter ends before it starts a worker, and says what is wrong."""
    (tmp_path / "gunicorn.conf.py").write_text(line, encoding="utf-8")
    done = run_gunicorn("hello_wsgi:app", cwd=tmp_path)

    assert done.returncode == 1
    assert f"Error: {message}" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_without_effect_are_named(gunicorn: Gunicorn) -> None:
    """Who has set what this worker does not do is told; who has not, is not."""
    server = gunicorn("hello_wsgi:app", strip_header_spaces=True, http_parser="python")

    text = server.wait_for_stderr("Worker serving")
    assert "strip_header_spaces has no effect with this worker" in text
    assert "http_parser has no effect with this worker" in text
    assert text.count("has no effect") == 2


def test_an_application_that_cannot_be_imported(tmp_path: Path) -> None:
    """The arbiter ends with exit code 3 and shows the traceback."""
    (tmp_path / "broken").touch()
    done = run_gunicorn("processes:app", cwd=tmp_path, env={"BROKEN": str(tmp_path / "broken")})

    assert done.returncode == 3
    assert "RuntimeError: broken on purpose" in done.stderr


def test_an_application_whose_lifespan_fails(tmp_path: Path) -> None:
    """A failed startup is an application that cannot boot: exit code 3, and its own words."""
    done = run_gunicorn("lifespans:fails", cwd=tmp_path, env={"UDS": "nowhere"})

    assert done.returncode == 3
    assert "Worker cannot boot" in done.stderr


def test_term_lets_requests_finish(gunicorn: Gunicorn) -> None:
    """SIGTERM: what is in flight is answered."""
    server = gunicorn("processes:wsgi", threads=2)
    with Callers(server.port, "/slow", count=1) as callers:
        callers.wait_for(1)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0

    assert callers.answers
    assert all("refused" in failure for failure in callers.failures)


def test_term_does_not_wait_for_an_import(tmp_path: Path) -> None:
    """Nobody is served yet: a worker that still imports ends at once."""
    worker = "hybrid.adapters.gunicorn.HybridWorker"
    with start_gunicorn("slow_import:app", cwd=tmp_path, worker_class=worker, pythonpath=APPS) as server:
        server.wait_for_stderr("the import begins")
        assert server.terminate() == 0

    assert "SIGKILL" not in server.stderr
    assert "Traceback" not in server.stderr


def test_quit_and_int_call_the_hook(gunicorn: Gunicorn) -> None:
    """SIGQUIT ends a worker at once, whatever is in flight, and `worker_int` hears of it."""
    server = gunicorn(
        "stuck:waiting",
        """
        import sys
        def worker_int(worker):
            sys.stderr.write(f"worker_int of {worker.pid}\\n")
        """,
    )
    with asking(server, "/"):
        server.wait_for_stderr("the request is here")
        (worker,) = children_of(server)
        os.kill(worker, signal.SIGINT)
        server.wait_for_stderr(f"worker_int of {worker}")
    until(lambda: worker not in children_of(server))  # it may still take a request while the hook is called
    with asking(server, "/"):  # the next one serves, and so hears what the end of the test tells it
        server.wait_for_stderr(re.compile("the request is here.*the request is here", re.DOTALL))


def test_a_hung_loop_is_aborted(gunicorn: Gunicorn) -> None:
    """`timeout`: the arbiter hears no heartbeat, the hook is called, and the log says where the loop is."""
    server = gunicorn(
        "processes:app",
        """
        import sys
        def worker_abort(worker):
            sys.stderr.write(f"worker_abort of {worker.pid}\\n")
        """,
        timeout=3,  # in which a busy machine starts a worker
    )
    (worker,) = children_of(server)
    with pytest.raises(OSError, match=r"500|closed|reset"):
        get(server, "/hang")

    text = server.wait_for_stderr(f"worker_abort of {worker}")
    assert "WORKER TIMEOUT" in text
    assert "time.sleep(_FOR_EVER)" in text
    assert poll(lambda: children_of(server) and children_of(server) != {worker})


def test_a_stuck_pool_is_replaced(gunicorn: Gunicorn) -> None:
    """A worker whose threads are stuck drains and ends by itself; the arbiter starts another one."""
    server = gunicorn(
        "processes:wsgi", "hybrid_timeout_request = 0.3\nhybrid_limit_stuck_threads = 1", threads=2
    )
    (worker,) = children_of(server)
    with pytest.raises(OSError, match="504"):
        get(server, "/hang")

    server.wait_for_stderr("WORKER POOL STUCK")
    assert poll(lambda: children_of(server) and children_of(server) != {worker})


def test_a_worker_notices_that_its_parent_is_gone() -> None:
    """When the arbiter has gone, a heartbeat makes the server drain."""
    worker = HybridWorker(1, os.getppid(), [], BaseApplication.__new__(BaseApplication), 1, Config(), Log())
    worker.server = server = Server(ServerConfig(app=wsgi))
    worker.beat()
    before = server.should_exit
    worker.ppid = -1

    worker.beat()
    worker.tmp.close()

    assert (before, server.should_exit, server.force_exit) == (False, True, False)


def test_usr1_reopens_the_logs(gunicorn: Gunicorn, tmp_path: Path) -> None:
    """SIGUSR1 after a log was moved away: workers, too, write to a new file."""
    log = tmp_path / "app.log"
    server = gunicorn("processes:logging_wsgi", env={"LOG": str(log)})
    get(server, "/first")
    log.rename(tmp_path / "app.log.1")
    get(server, "/second")
    assert not log.exists()
    server.signal(signal.SIGUSR1)

    assert poll(log.exists)
    get(server, "/third")
    assert "/third" in log.read_text(encoding="utf-8")


def test_max_requests_replaces_a_worker(gunicorn: Gunicorn) -> None:
    """`max_requests`: after so many, and what comes meanwhile, a worker ends; no request is lost."""
    server = gunicorn("processes:wsgi", max_requests=20, max_requests_jitter=5, workers=2)
    with Callers(server.port, count=2) as callers:
        assert poll(lambda: len(set(callers.answers)) >= 4 or callers.failures)

    assert callers.failures == []


@pytest.mark.parametrize("engine", ["auto", "poll", "inotify"])
def test_reload_replaces_the_worker_when_a_file_changes(
    gunicorn: Gunicorn, tmp_path: Path, engine: str
) -> None:
    """`reload`: a change is served soon, though a response goes on for ever."""
    if engine == "inotify":
        pytest.importorskip("inotify")
    module = tmp_path / "changing.py"
    text = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'%s']\n"
    module.write_text(text % "before", encoding="utf-8")
    server = gunicorn(
        "changing:app", 'hybrid_targets = ["/stuck=stuck:waiting"]', reload=True, reload_engine=engine
    )
    with asking(server, "/stuck"):
        assert get(server, "/") == "before"
        server.wait_for_stderr("the request is here")

        def is_served() -> bool:
            changed = tmp_path / "changing.part"  # in one step, as the next worker may just be importing it
            changed.write_text(text % "afterwards", encoding="utf-8")
            later = time.time() + 5
            os.utime(changed, (later, later))
            changed.replace(module)  # again: its thread may watch only now
            return get(server, "/") == "afterwards"

        assert poll(is_served)


def test_preloaded_applications_are_served(gunicorn: Gunicorn) -> None:
    """`preload_app`: the application is imported once, before the fork, and its threads start afterwards."""
    server = gunicorn("processes:wsgi", preload=True, workers=2)
    with Callers(server.port, "/slow", count=8, kept=False) as callers:
        assert poll(lambda: {int(each) for each in callers.answers} == children_of(server))


def test_raw_env_is_set(gunicorn: Gunicorn) -> None:
    """`raw_env`: variables reach the application."""
    server = gunicorn("processes:wsgi", 'raw_env = ["GREETING=hi"]')

    assert get(server, "/env/GREETING") == "hi"
