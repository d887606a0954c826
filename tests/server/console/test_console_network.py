"""The console of real servers: health when nothing else goes, metrics and status of all processes, and who
is told.
"""

import json
import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import jsonschema
import pytest

pytest.importorskip("prometheus_client")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from hybrid.server.ops.metrics.snapshot import Snapshot, json_schema
from tests.support.console import TOKEN, ask, console_of, metrics_of
from tests.support.process import DEADLINE, Serve, ServerProcess, run_hybrid, start_server
from tests.support.status import route_of
from tests.support.waiting import asking, get, until

OPS = "127.0.0.1:0"


@pytest.fixture(autouse=True)
def _first(control_folder: Path) -> None:
    """Have the folder before the servers, which are to leave nothing in it."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Start one server for the tests that only ask."""
    with start_server(
        "counted:app", ops=OPS, control="none", cwd=tmp_path_factory.mktemp("shared")
    ) as server:
        yield server


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """Make the file that keeps requests from being answered."""
    file = tmp_path / "held"
    file.touch()
    return file


def live(server: ServerProcess, **headers: str) -> ClientConnection:
    """Open the WebSocket of the page."""
    url = console_of(server).replace("http", "ws", 1)
    return connect(f"{url}/live", additional_headers=headers, open_timeout=DEADLINE, max_size=None)


def reading_of(text: str | bytes) -> Snapshot:
    """Return what a page was sent."""
    return Snapshot.from_json(json.loads(text))


def test_health(shared: ServerProcess) -> None:
    """Both are told from the start, to who asks by any name, and are kept by nobody."""
    for path, said in (("/health/live", "live\n"), ("/health/ready", "ready\n")):
        response = ask(shared, path, host="whatever.example")
        assert (response.status_code, response.text) == (200, said)
        assert response.headers["cache-control"] == "no-store"


def test_health_while_the_pool_is_full(serve: Serve, control_folder: Path, held: Path) -> None:
    """The loop answers, however many requests wait for a thread."""
    server = serve("counted:wsgi", ops=OPS, control=control_folder, threads=1, env={"RELEASE": str(held)})
    with asking(server, "/held"), asking(server, "/held"):
        until(lambda: metrics_of(server)["hybrid_pool_queue", "wsgi"] == 1)
        assert ask(server, "/health/ready").status_code == 200
        assert metrics_of(server)["hybrid_requests_in_flight", ""] == 2
        held.unlink()


def test_drain(serve: Serve, control_folder: Path, held: Path) -> None:
    """Told to stop, the server is not ready at once, though it still listens and answers; the console goes on
    as long as anything is in flight.
    """
    server = serve(
        "counted:app",
        ops=OPS,
        control=control_folder,
        shutdown_delay=60,
        timeout_graceful_shutdown=90,
        env={"RELEASE": str(held)},
    )
    with asking(server, "/held") as client:
        server.signal(signal.SIGTERM)
        until(lambda: ask(server, "/health/ready").status_code == 503)
        assert ask(server, "/health/ready").text == "not ready: the server is stopping\n"
        assert ask(server, "/health/live").status_code == 200
        assert get(server, "/") == "0"  # it listens on
        held.unlink()
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    server.signal(signal.SIGINT)


def test_the_console_closes_last(serve: Serve, control_folder: Path, held: Path) -> None:
    """When nobody can come any more, what is in flight is still told of; a page is told that it ends."""
    server = serve("counted:app", ops=OPS, control=control_folder, env={"RELEASE": str(held)})
    with asking(server, "/held") as client, live(server) as page:
        page.recv()
        server.signal(signal.SIGTERM)
        server.wait_for_stderr("listening no more")
        assert ask(server, "/health/ready").status_code == 503
        assert metrics_of(server)["hybrid_requests_in_flight", ""] == 1
        held.unlink()
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        readings: list[Snapshot] = []
        with suppress(ConnectionClosed):  # as a server that goes does it
            readings.extend(reading_of(each) for each in page)
        assert not any(each.processes[0].ready for each in readings[-1:])
        assert page.close_code in {1001, 1012}
    assert server.wait() == 0


def test_status(shared: ServerProcess) -> None:
    """It follows its schema, and says what `hybrid status` says."""
    get(shared, "/bytes/10")
    response = ask(shared, "/status")
    assert response.headers["content-type"] == "application/json"
    jsonschema.Draft202012Validator(json_schema()).validate(response.json())
    assert route_of(Snapshot.from_json(response.json())).bytes_out >= 10


def test_metrics(serve: Serve, control_folder: Path, tmp_path: Path) -> None:
    """Requests are counted by status, and told in OpenMetrics to who prefers that. What the console is asked
    is none of the server's requests, and not in its access log.
    """
    log = tmp_path / "access.log"
    server = serve("counted:app", ops=OPS, control=control_folder, access_logfile=log)
    found = metrics_of(server)
    assert found["hybrid_connections_accepted_total", ""] == 0
    assert ("hybrid_requests_begun_total", "") not in found
    for path in ("/status/200", "/status/200", "/status/404"):
        httpx.get(f"{server.url}{path}", timeout=DEADLINE)
    found = metrics_of(server)
    assert found["hybrid_requests_total", "200"] == 2
    assert found["hybrid_requests_total", "404"] == 1
    assert found["hybrid_request_duration_seconds_count", ""] == 3
    response = ask(server, "/metrics", accept="application/openmetrics-text;version=1.0.0")
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")
    assert server.terminate() == 0
    assert log.read_text(encoding="utf-8").count("\n") == 3


def test_other_paths_and_methods(shared: ServerProcess) -> None:
    """Refusals say what there is; HEAD is answered without a body."""
    assert "/health/ready" in ask(shared, "/nothing").text
    url = console_of(shared)
    refused = httpx.post(f"{url}/metrics", timeout=DEADLINE)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    head = httpx.head(f"{url}/health/live", timeout=DEADLINE)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "5")


def test_page(shared: ServerProcess) -> None:
    """All of its files are there, and what a browser may load for it is from here alone."""
    page = ask(shared, "/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'" in policy
    for path in re.findall(r'(?:src|href)="(/[^"#]+)"', page.text):
        assert ask(shared, path).status_code == 200
    assert "//" not in re.sub(r'xmlns="[^"]*"', "", page.text).replace("<!--", "")


def test_live(shared: ServerProcess) -> None:
    """A page is sent a reading at once, and then one a second; several have the same."""
    with live(shared) as one, live(shared) as other:
        first = reading_of(one.recv(DEADLINE))
        before = sum(each.begun for each in first.routes.values())
        other.recv(DEADLINE)
        get(shared, "/")
        second, same = reading_of(one.recv(DEADLINE)), reading_of(other.recv(DEADLINE))
        assert second.taken > first.taken
        assert second == same
        third = reading_of(one.recv(DEADLINE))
        assert route_of(third).begun == before + 1


# Who is told.


def test_page_of_another_site(shared: ServerProcess) -> None:
    """Neither a name that has come to mean this machine nor another site's script learns anything."""
    for path in ("/", "/metrics", "/status", "/session"):
        assert ask(shared, path, host="rebound.example").status_code == 403
        assert ask(shared, path, origin="http://evil.example").status_code == 403
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}):
        with pytest.raises(InvalidStatus, match="403"):
            live(shared, **headers)
    with live(shared, origin=console_of(shared)) as page:
        assert page.recv(DEADLINE)


def test_others_are_told_health_alone(serve: Serve, control_folder: Path) -> None:
    """At an address that others can reach, without a token: the log says so, and who asks is told why."""
    server = serve("counted:app", ops="0.0.0.0:0", control=control_folder)
    server.wait_for_stderr(
        "health alone, as others can reach it and there is no ops_token, at http://0.0.0.0:"
    )
    assert ask(server, "/health/live").status_code == ask(server, "/health/ready").status_code == 200
    for path in ("/metrics", "/status", "/", "/session"):
        refused = ask(server, path)
        assert refused.status_code == 403
        assert "ops_token" in refused.text
    with pytest.raises(InvalidStatus, match="403"):
        live(server)


def test_token(serve: Serve, control_folder: Path) -> None:
    """With it everything is told, by the field or by the cookie that signing in sets; health needs none."""
    server = serve("counted:app", ops="0.0.0.0:0", ops_token=TOKEN, control=control_folder)
    authorization = f"Bearer {TOKEN}"
    assert ask(server, "/health/ready").status_code == 200
    assert ask(server, "/").status_code == 200  # which asks for the token
    for path in ("/metrics", "/status", "/session"):
        refused = ask(server, path)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="hybrid"')
        assert ask(server, f"{path}?token={TOKEN}").status_code == 401
        assert ask(server, path, authorization=authorization).is_success
    with pytest.raises(InvalidStatus, match="403"):
        live(server)
    with httpx.Client(base_url=console_of(server), timeout=DEADLINE) as client:
        assert client.post("/session", headers={"authorization": "Bearer no"}).status_code == 401
        assert client.post("/session", headers={"authorization": authorization}).status_code == 204
        assert client.get("/session").status_code == 204
        (cookie,) = client.cookies.jar
    with live(server, cookie=f"{cookie.name}={cookie.value}") as page:
        assert page.recv(DEADLINE)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")
def test_unix_socket(serve: Serve, control_folder: Path) -> None:
    """Programs of this machine are told everything there, whatever they call it; its file goes at the end."""
    path = control_folder / "ops.sock"
    server = serve("counted:app", ops=f"unix:{path}", control=control_folder)
    server.wait_for_stderr(f"operations page at unix:{path}")
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://x") as client:
        assert client.get("/status").status_code == 200
    assert server.terminate() == 0
    assert not path.exists()


# Where it is.


def test_address_that_cannot_be_had(serve: Serve, tmp_path: Path) -> None:
    """Is one line that names it, and nothing is served."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_hybrid("serve", "counted:app", "--port=0", f"--ops=127.0.0.1:{port}", "--control=none")
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: " in ended.stderr


def test_without_prometheus_client(tmp_path: Path, control_folder: Path) -> None:
    """Metrics cannot be told: that is said at the start, with what to install; health alone needs nothing."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['prometheus_client'] = None\n")
    environment = {"PYTHONPATH": str(tmp_path)}
    for workers in (1, 2):
        options = ("--port=0", f"--ops={OPS}", f"--control={control_folder}", f"--workers={workers}")
        ended = run_hybrid("serve", "counted:wsgi", *options, env=environment)
        assert ended.returncode
        assert "ops: metrics need prometheus-client: pip install 'hybrid-gateway[metrics]'" in ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no workers")
def test_workers(serve: Serve, control_folder: Path, held: Path) -> None:
    """There is one address, at which any of them tells the figures of all; a worker that is replaced makes
    nobody believe that the server is not ready, and all that stop do.
    """
    server = serve("counted:app", ops=OPS, control=control_folder, workers=2, env={"RELEASE": str(held)})
    until(lambda: metrics_of(server)["hybrid_processes", ""] == 2)
    for _ in range(20):
        get(server, "/status/200")
    found = metrics_of(server)
    assert found["hybrid_requests_total", "200"] == 20
    assert found["hybrid_workers_started_total", ""] == 2
    with asking(server, "/held"):
        until(lambda: metrics_of(server)["hybrid_requests_in_flight", ""] == 1)
        server.signal(signal.SIGHUP)
        until(lambda: metrics_of(server)["hybrid_workers_started_total", ""] == 4)
        server.wait_for_stderr("stopping: not ready")
        assert {ask(server, "/health/ready").status_code for _ in range(20)} == {200}
        server.signal(signal.SIGTERM)
        until(lambda: ask(server, "/health/ready").status_code == 503)
        held.unlink()
    assert server.wait() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="sockets cannot be handed from process to process")
def test_reload(serve: Serve, control_folder: Path, tmp_path: Path) -> None:
    """The address stays while one process is replaced by the next, which answers there."""
    app = tmp_path / "shop.py"
    app.write_text("from tests.apps.counted import app\n")
    (tmp_path / "tests").symlink_to(Path(__file__).parents[2])
    server = serve("shop:app", ops=OPS, control=control_folder, reload=True, app_dir=".")
    before = ask(server, "/status").json()["processes"][0]["pid"]
    app.write_text("from tests.apps.counted import app\n# changed\n")
    server.wait_for_stderr("changed: starting again")
    until(lambda: ask(server, "/status").json()["processes"][0]["pid"] != before)
    assert console_of(server)
