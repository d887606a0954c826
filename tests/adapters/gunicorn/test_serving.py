"""`hybrid serve --workers N`: real processes, and what becomes of them."""

import os
import re
import signal
import socket
import urllib.request
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from hybrid.cli import main
from tests.support.callers import Callers
from tests.support.certificates import Authority
from tests.support.process import APPS, DEADLINE, Serve, ServerProcess, run_hybrid
from tests.support.waiting import asking, get, open_files, poll
from tests.support.waiting import children_of as workers_of

CANNOT_BOOT = 3


def said(server: ServerProcess, text: str) -> int:
    """Count a text in what the server has written."""
    return server.stderr.count(text)


def test_each_line_is_said_once(serve: Serve) -> None:
    """Two workers serve on one port, and where and what is said by one process."""
    server = serve("processes:app", workers=2)
    server.wait_for_stderr("has 2 workers")

    assert said(server, "listening on") == 1
    assert said(server, "PROTOCOLS") == 1
    assert len(workers_of(server)) == 2
    assert server.terminate() == 0


def test_both_workers_answer(serve: Serve) -> None:
    """Requests reach all of the workers."""
    server = serve("processes:wsgi", workers=2)

    with Callers(server.port, "/slow", count=8, kept=False) as callers:
        assert poll(lambda: {int(each) for each in callers.answers} == workers_of(server))


def test_a_killed_worker_is_replaced(serve: Serve) -> None:
    """SIGKILL of a worker under load fails the requests that it had, and no others."""
    server = serve("processes:wsgi", workers=2)
    before = workers_of(server)
    with Callers(server.port, count=4) as callers:
        callers.wait_for(50)
        os.kill(min(before), signal.SIGKILL)
        assert poll(lambda: len(workers_of(server) - before) == 1 and said(server, " serves") == 3)
        callers.wait_for(50) if not callers.failures else None

    assert len(callers.failures) <= 4
    assert max(before) in workers_of(server)


def test_hup_replaces_every_worker_and_fails_no_request(serve: Serve) -> None:
    """SIGHUP under load: new workers serve before old ones drain, and every request is answered."""
    server = serve("processes:wsgi", workers=2)
    with Callers(server.port) as callers:
        for _ in range(3):
            before = workers_of(server)
            callers.wait_for(20)
            server.signal(signal.SIGHUP)
            assert poll(partial(all_replaced, server, before))

    assert callers.failures == []
    assert server.terminate() == 0


def all_replaced(server: ServerProcess, before: set[int]) -> bool:
    """Tell whether there are two workers, none of them one of those."""
    workers = workers_of(server)
    return len(workers) == 2 and not before & workers


def test_hup_with_a_broken_application_changes_nothing(serve: Serve, tmp_path: Path) -> None:
    """When the new application cannot be imported, the old workers go on serving it."""
    server = serve("processes:wsgi", workers=2, env={"BROKEN": str(tmp_path / "broken")})
    before = workers_of(server)
    (tmp_path / "broken").touch()
    server.signal(signal.SIGHUP)

    assert "RuntimeError: broken on purpose" in server.wait_for_stderr("a worker cannot boot; 2 go on")
    assert poll(lambda: workers_of(server) == before)
    assert int(get(server, "/")) in before


def test_hup_with_a_broken_application_leaves_how_many_there_are(serve: Serve, tmp_path: Path) -> None:
    """The number in the new configuration counts no more than the rest of it."""
    file, broken = tmp_path / "hybrid.toml", tmp_path / "broken"
    file.write_text("workers = 2\n", encoding="utf-8")
    server = serve("processes:wsgi", env={"BROKEN": str(broken)})
    server.wait_for_stderr("has 2 workers")
    before = workers_of(server)
    file.write_text("workers = 1\n", encoding="utf-8")
    broken.touch()
    server.signal(signal.SIGHUP)
    server.wait_for_stderr("a worker cannot boot; 2 go on")
    broken.unlink()
    server.signal(signal.SIGTTIN)

    assert poll(lambda: before < workers_of(server) and said(server, " serves") == 3)
    assert len(workers_of(server)) == 3


def test_hup_reads_the_configuration_again(serve: Serve, tmp_path: Path) -> None:
    """New workers have what the file says now; a mistake in it leaves everything as it is."""
    file = tmp_path / "hybrid.toml"
    file.write_text("workers = 1\nthreads = 1\n", encoding="utf-8")
    server = serve("self_report:wsgi", workers=2)
    assert '"wsgi.multithread": false' in get(server, "/")
    before = workers_of(server)
    file.write_text("treads = 5\n", encoding="utf-8")
    server.signal(signal.SIGHUP)
    server.wait_for_stderr("not reloading: ")
    assert workers_of(server) == before
    file.write_text("threads = 5\n", encoding="utf-8")
    server.signal(signal.SIGHUP)

    assert poll(partial(all_replaced, server, before))
    assert '"wsgi.multithread": true' in get(server, "/")


def test_a_worker_that_cannot_boot_stops_everything(tmp_path: Path) -> None:
    """The exit code is 3, and the traceback is there, once."""
    (tmp_path / "broken").touch()
    env = {"BROKEN": str(tmp_path / "broken")}

    done = run_hybrid("serve", "--workers=2", "--port=0", f"--app-dir={APPS}", "processes:app", env=env)

    assert done.returncode == CANNOT_BOOT
    assert done.stderr.count("RuntimeError: broken on purpose\n") == 1
    assert 'processes.py", line' in done.stderr


def test_term_does_not_wait_for_an_import(tmp_path: Path) -> None:
    """Nobody is served yet: workers that still import end at once."""
    options = {"workers": 2, "port": 0, "app_dir": APPS}
    with ServerProcess(["slow_import:app"], options, cwd=tmp_path) as server:
        server.wait_for_stderr(re.compile("the import begins\n(.|\n)*the import begins\n"))
        assert server.terminate() == 0

    assert "SIGKILL" not in server.stderr
    assert "Traceback" not in server.stderr


def test_enough_requests_replace_a_worker(serve: Serve) -> None:
    """`limit_max_requests`: another worker is there before the one that drains has gone; no request fails."""
    server = serve("processes:wsgi", workers=2, limit_max_requests=30, access_log=False)
    with Callers(server.port, count=2) as callers:
        assert poll(lambda: len(set(callers.answers)) >= 4 or callers.failures)

    assert callers.failures == []
    server.wait_for_stderr("drains, and is replaced")


def test_ttin_and_ttou_change_how_many_there_are(serve: Serve) -> None:
    """SIGTTIN adds a worker, SIGTTOU takes the oldest one away."""
    server = serve("processes:app", workers=2)
    before = workers_of(server)
    server.signal(signal.SIGTTIN)
    assert poll(lambda: len(workers_of(server)) == 3 and said(server, " serves") == 3)
    server.signal(signal.SIGTTOU)

    assert poll(lambda: len(workers_of(server)) == 2)
    assert len(before & workers_of(server)) == 1


def test_a_hung_loop_is_noticed(serve: Serve) -> None:
    """A worker whose loop does not turn is replaced, and the log says where it was."""
    server = serve("processes:app", workers=2, timeout_worker_healthcheck=1)
    before = workers_of(server)
    with pytest.raises(OSError, match=r"500|reset|closed"):
        get(server, "/hang")

    place = re.compile(r"pid: (\d+)\) is aborted; its event loop is at\n(.*\n)*.*time\.sleep\(_FOR_EVER\)")
    hung = place.search(server.wait_for_stderr(place))
    assert hung is not None
    assert int(hung[1]) in before
    assert poll(lambda: int(hung[1]) not in workers_of(server) and len(workers_of(server)) == 2)


def test_a_stuck_pool_is_noticed(serve: Serve) -> None:
    """A worker whose threads are stuck drains and is replaced, and the log says so."""
    server = serve(
        "processes:wsgi", workers=2, threads=2, timeout_request=0.5, limit_stuck_threads=1, access_log=False
    )
    before = workers_of(server)
    with pytest.raises(OSError, match="504"):
        get(server, "/hang")

    server.wait_for_stderr("WORKER POOL STUCK")
    assert poll(lambda: len(workers_of(server) - before) == 1 and len(workers_of(server)) == 2)


def test_usr2_starts_another_server_on_the_same_sockets(serve: Serve) -> None:
    """The binary upgrade: both answer, until the old one is told to stop; nothing is lost."""
    server = serve("processes:wsgi", workers=2)
    old = workers_of(server)
    with Callers(server.port, count=2) as callers:
        server.signal(signal.SIGUSR2)
        assert poll(lambda: said(server, " serves") == 4)
        new = int((workers_of(server) - old).pop())
        assert poll(lambda: said(server, "has 2 workers") == 2)
        os.kill(new, signal.SIGTERM)
        assert poll(lambda: workers_of(server) == old)
        callers.wait_for(20)

    assert callers.failures == []
    assert server.terminate() == 0


def test_usr1_reopens_the_logs_of_all(serve: Serve, tmp_path: Path) -> None:
    """SIGUSR1 after the logs were moved away: both workers, and the parent, write to new files."""
    accesses, events = tmp_path / "access.log", tmp_path / "error.log"
    server = serve("processes:wsgi", workers=2, access_logfile=accesses, error_logfile=events)
    for log in (accesses, events):
        log.rename(log.with_suffix(".1"))
    server.signal(signal.SIGUSR1)
    assert poll(partial(all_write_to, server, accesses))
    with Callers(server.port, "/slow", count=8, kept=False) as callers:
        assert poll(lambda: {int(each) for each in callers.answers} == workers_of(server))
    server.signal(signal.SIGTTIN)

    assert poll(lambda: events.exists() and " serves" in events.read_text(encoding="utf-8"))
    assert server.terminate() == 0
    written = accesses.read_text(encoding="utf-8").count("/slow")
    assert written == len(callers.answers) + len(callers.failures)
    assert "/slow" not in accesses.with_suffix(".1").read_text(encoding="utf-8")


def all_write_to(server: ServerProcess, log: Path) -> bool:
    """Tell whether every process of the server has a file open that is called so now."""
    return all(str(log) in open_files(pid) for pid in {server.pid, *workers_of(server)})


def test_a_second_sigint_forces(serve: Serve) -> None:
    """The first SIGINT waits for what is in flight, the second does not; the exit code is 130."""
    server = serve("stuck:waiting", workers=2)
    with asking(server, "/"):
        server.wait_for_stderr("the request is here")
        server.signal(signal.SIGINT)
        assert poll(lambda: re.search("stopping, after", server.stderr) is not None)
        server.signal(signal.SIGINT)
        assert server.wait() == 130


def test_max_workers_from_the_environment(serve: Serve) -> None:
    """$WEB_CONCURRENCY says how many there are when no option does."""
    server = serve("processes:app", env={"WEB_CONCURRENCY": "2"})
    server.wait_for_stderr("has 2 workers")

    assert len(workers_of(server)) == 2


def test_several_addresses(serve: Serve, tmp_path: Path) -> None:
    """The parent opens all, all workers serve there, and the file of a Unix socket goes at the end."""
    path = tmp_path / "socket"
    server = serve("processes:app", workers=2, bind=["127.0.0.1:0", f"unix:{path}"], uds_mode="600")
    server.wait_for_stderr("has 2 workers")

    assert f"listening on unix:{path}\n" in server.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert server.terminate() == 0
    assert not path.exists()


def test_systemd_is_told(serve: Serve, tmp_path: Path) -> None:
    """READY comes when all workers serve, again after a reload; STOPPING at the end; workers say nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(DEADLINE)
        server = serve("processes:app", workers=2, env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        ready = systemd.recv(1000)
        server.signal(signal.SIGHUP)
        reload = [systemd.recv(1000) for _ in range(2)]
        server.terminate()
        stopping = systemd.recv(1000)
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(1000)

    assert ready.startswith(b"READY=1\nMAINPID=%d\n" % server.pid)
    assert [each.partition(b"\n")[0] for each in reload] == [b"RELOADING=1", b"READY=1"]
    assert stopping.startswith(b"STOPPING=1\n")


def test_tls(serve: Serve, tmp_path: Path) -> None:
    """Workers speak TLS, and the parent says so."""
    authority = Authority(tmp_path)
    server = serve("hello_wsgi", workers=2, ssl_certfile=authority.issue("server"))

    assert server.url.startswith("https://")
    with urllib.request.urlopen(server.url, timeout=DEADLINE, context=authority.client_context()) as response:
        assert response.read() == b"hello\n"


def test_one_worker_is_one_process(serve: Serve) -> None:
    """With one worker there is no process over it."""
    server = serve("processes:app", workers=1, env={"WEB_CONCURRENCY": "2"})

    assert int(get(server, "/")) == server.pid
    assert workers_of(server) == set()


def test_wsgi_applications_are_told_of_other_processes(serve: Serve) -> None:
    """`wsgi.multiprocess` is true in a worker (PEP 3333)."""
    server = serve("self_report:wsgi", workers=2)

    assert '"wsgi.multiprocess": true' in get(server, "/")


def test_a_taken_port_is_one_line(serve: Serve) -> None:
    """Somebody listens already: exit code 1, and no traceback."""
    server = serve("processes:app")
    done = run_hybrid("serve", "--workers=2", f"--port={server.port}", f"--app-dir={APPS}", "processes:app")

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_a_system_without_fork_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several workers need what Windows has not: one line, exit code 2."""
    monkeypatch.delattr("os.fork")
    result = CliRunner().invoke(main, ["serve", "--workers=2", "hello_wsgi"])

    assert result.exit_code == 2
    assert "workers: several of them need gunicorn, which this system does not run" in result.output
