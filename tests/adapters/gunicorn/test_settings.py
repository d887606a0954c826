"""gunicorn's settings under our worker, each with a real process that can tell."""

import json
import re
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from gunicorn.config import Config
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from hybrid.adapters.gunicorn.settings import config_of
from tests.adapters.gunicorn.conftest import Gunicorn
from tests.support.certificates import Authority
from tests.support.process import DEADLINE, ServerProcess
from tests.support.sockets import raw
from tests.support.waiting import asking, get, poll

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\n"


def ask(server: ServerProcess, *fields: str, head: bytes = b"", path: bytes = b"/") -> dict[str, object]:
    """Give what `self_report:wsgi` is told of a request."""
    lines = "".join(f"{each}\r\n" for each in fields).encode()
    response = raw(server.port, head + (REQUEST % lines).replace(b" / ", b" %b " % path))
    assert response.startswith(b"HTTP/1.1 200 "), response
    told: dict[str, object] = json.loads(response[response.index(b"{") : response.rindex(b"}") + 1])
    return told


def status_of(server: ServerProcess, request: bytes) -> int:
    """Give the status of the response to what may be refused."""
    return int(raw(server.port, request).split()[1])


@pytest.fixture(scope="module")
def plain(shared_gunicorn: Gunicorn) -> ServerProcess:
    """Give a server on which next to nothing is set."""
    return shared_gunicorn("self_report:wsgi", 'hybrid_targets = ["/files=file_wrapper_name:app"]')


@pytest.fixture(scope="module")
def other(shared_gunicorn: Gunicorn) -> ServerProcess:
    """Give a server on which what does not get in each other's way is set to something else."""
    return shared_gunicorn(
        "self_report:wsgi",
        """
        hybrid_targets = ["/files=file_wrapper_name:app"]
        threads = 3
        sendfile = False
        forwarded_allow_ips = "10.0.0.1"
        header_map = "dangerous"
        """,
    )


# Threads and connections.


def test_threads(plain: ServerProcess, other: ServerProcess) -> None:
    """So many views run at a time: one, and the application is told so, unless the setting says otherwise."""
    assert '"wsgi.multithread": false' in get(plain, "/")
    assert '"wsgi.multithread": true' in get(other, "/")


def test_backlog(gunicorn: Gunicorn) -> None:
    """The system queues so many connections, however often the socket has been listened on."""
    server = gunicorn(
        "hello_wsgi:app",
        """
        import socket, struct, sys
        backlog = 17
        def pre_request(worker, req):
            info = worker.sockets[0].sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
            sys.stderr.write(f"backlog {struct.unpack_from('I', info, 28)[0]}\\n")  # tcpi_sacked
        """,
    )
    get(server, "/")

    server.wait_for_stderr("backlog 17\n")


def test_worker_connections(gunicorn: Gunicorn) -> None:
    """A connection beyond them waits until another one closes."""
    server = gunicorn("hello_wsgi:app", worker_connections=1, keep_alive=30)
    with asking(server, "/") as first:
        assert first.recv(100)
        with asking(server, "/") as second:
            second.settimeout(0.3)
            with pytest.raises(TimeoutError):
                second.recv(100)
            first.close()
            second.settimeout(DEADLINE)
            assert second.recv(100).startswith(b"HTTP/1.1 200")


def test_keepalive(gunicorn: Gunicorn) -> None:
    """An idle connection is closed after so many seconds."""
    server = gunicorn("hello_wsgi:app", keep_alive=1)
    with asking(server, "/") as client:
        assert client.recv(1000)
        client.settimeout(DEADLINE)
        assert client.recv(100) == b""


def test_graceful_timeout(gunicorn: Gunicorn) -> None:
    """Requests that do not end are cut off in time for lifespan shutdown, before gunicorn would kill."""
    server = gunicorn("stuck:waiting", graceful_timeout=2)
    with asking(server, "/"):
        server.wait_for_stderr("the request is here")
        assert server.terminate() == 0

    assert "cutting off" in server.stderr
    assert "Worker exiting" in server.stderr
    assert "SIGKILL" not in server.stderr


@pytest.mark.parametrize(("whole", "requests"), [(0, 0), (1, 0.5), (2, 1), (5, 4), (10, 9), (30, 27)])
def test_graceful_timeout_leaves_time_for_the_end(whole: int, requests: float) -> None:
    """A tenth of it, and a second at least; requests have half of it in any case."""
    cfg = Config()
    cfg.set("graceful_timeout", whole)
    assert config_of(cfg, app=None).timeout_graceful_shutdown == pytest.approx(requests)


def test_limits_of_the_request(gunicorn: Gunicorn) -> None:
    """`limit_request_line`, `limit_request_fields` and `limit_request_field_size` are those of the parser."""
    server = gunicorn(
        "hello_wsgi:app",
        "limit_request_line = 60\nlimit_request_fields = 3\nlimit_request_field_size = 40\n",
    )

    assert status_of(server, REQUEST % b"") == 200
    assert status_of(server, (REQUEST % b"").replace(b"/", b"/" + b"x" * 60, 1)) == 414
    assert status_of(server, REQUEST % b"A: 1\r\nB: 2\r\n") == 431
    assert status_of(server, REQUEST % b"A: %b\r\n" % (b"x" * 40)) == 431


# Logs.

FORMAT = "%(h)s %(r)s %(s)s %(b)s %({user-agent}i)s %({x-where}o)s %({wsgi.url_scheme}e)s %(D)s"


def test_access_log_format(gunicorn: Gunicorn, tmp_path: Path) -> None:
    """The arbiter's logger writes the line, with the atoms of requests, responses and the environ."""
    log = tmp_path / "access.log"
    server = gunicorn("hello_wsgi:app", f"access_log_format = {FORMAT!r}\naccesslog = {str(log)!r}")
    raw(server.port, REQUEST % b"User-Agent: me\r\n")

    assert poll(lambda: log.read_text(encoding="utf-8"))
    line = log.read_text(encoding="utf-8")
    assert re.fullmatch(r"127\.0\.0\.1 GET / HTTP/1\.1 200 6 me - http \d+\n", line), line


def test_access_log_of_an_asgi_application(gunicorn: Gunicorn, tmp_path: Path) -> None:
    """The arbiter's default line is complete without a WSGI environ, and for what was refused."""
    log = tmp_path / "access.log"
    server = gunicorn("hello_asgi:app", f"accesslog = {str(log)!r}", limit_request_line=50)
    get(server, "/path?query")
    raw(server.port, REQUEST % b"Host: another\r\n")

    wanted = '"GET /path?query HTTP/1.1" 200 6 "-" "Python-urllib/'
    assert poll(lambda: wanted in log.read_text(encoding="utf-8"))


def test_no_access_log_by_default(gunicorn: Gunicorn) -> None:
    """Without `accesslog` there is none, as with any worker."""
    server = gunicorn("hello_wsgi:app")
    get(server, "/quiet")
    server.terminate()

    assert "/quiet" not in server.stderr


def test_logger_class(gunicorn: Gunicorn, tmp_path: Path) -> None:
    """A logger of one's own gets each request as gunicorn's workers give it."""
    (tmp_path / "mylog.py").write_text(
        "import sys\n"
        "from gunicorn.glogging import Logger\n"
        "class Mine(Logger):\n"
        "    def access(self, resp, req, environ, request_time):\n"
        "        host, took = dict(req.headers)['HOST'], request_time.total_seconds() > 0\n"
        "        print('mine:', resp.status, req.method, req.path, host, environ['RAW_URI'], took,\n"
        "            file=sys.stderr)\n",
        encoding="utf-8",
    )
    server = gunicorn("hello_wsgi:app", 'logger_class = "mylog.Mine"')
    raw(server.port, (REQUEST % b"").replace(b"/", b"/p?q", 1))

    server.wait_for_stderr("mine: 200 OK GET /p x /p?q True")


def test_statsd(gunicorn: Gunicorn) -> None:
    """The arbiter's metrics of requests arrive, as datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
        statsd.bind(("127.0.0.1", 0))
        statsd.settimeout(DEADLINE)
        address = f"127.0.0.1:{statsd.getsockname()[1]}"
        server = gunicorn("hello_wsgi:app", statsd_host=address, statsd_prefix="shop", dogstatsd_tags="a:b")
        get(server, "/")
        seen: list[bytes] = []
        while not any(each.startswith(b"shop.gunicorn.request.status.200:1|c") for each in seen):
            seen.append(statsd.recv(1000))

    assert any(re.fullmatch(rb"shop\.gunicorn\.request\.duration:[\d.]+\|ms\|#a:b", each) for each in seen)
    assert b"shop.gunicorn.requests:1|c|@1.0|#a:b" in seen


# Hooks.

HOOKS = """
import sys
import threading
def pre_request(worker, req):
    here = threading.current_thread().name
    sys.stderr.write(f"pre {req.method} {req.uri} {req.path} {req.query} {req.version} {here}\\n")
def post_request(worker, req, environ, resp):
    sys.stderr.write(f"post {req.uri} {environ['REQUEST_METHOD']} {resp.status} {resp.sent} {worker.pid}\\n")
"""


def test_request_hooks_around_wsgi(gunicorn: Gunicorn) -> None:
    """They run on the thread of the view, before it and after its end."""
    server = gunicorn("hello_wsgi:app", HOOKS)
    response = raw(server.port, (REQUEST % b"").replace(b"/", b"/p?q", 1))

    text = server.wait_for_stderr(re.compile(r"post /p\?q GET 200 OK 6 \d+\n"))
    assert "pre GET /p?q /p q (1, 1) wsgi-1\n" in text
    assert b"content-length: 6" in response.lower()


def test_request_hooks_around_asgi(gunicorn: Gunicorn) -> None:
    """They run on the event loop."""
    server = gunicorn("hello_asgi:app", HOOKS)
    get(server, "/p?q")

    text = server.wait_for_stderr(re.compile(r"post /p\?q GET 200 6 \d+\n"))
    assert "pre GET /p?q /p q (1, 1) MainThread\n" in text


def test_a_hook_that_fails(gunicorn: Gunicorn) -> None:
    """`pre_request` fails the request, `post_request` is logged."""
    server = gunicorn(
        "hello_wsgi:app",
        "def pre_request(worker, req):\n    req.path == '/bad' and 1 / 0\n"
        "def post_request(worker, req, environ, resp):\n    1 / 0\n",
    )
    assert get(server, "/") == "hello\n"
    server.wait_for_stderr("Exception in post_request hook")
    with pytest.raises(OSError, match="500"):
        get(server, "/bad")


# Where it is.


@pytest.mark.parametrize("path", ["/shop/a%20b?c", "/a%20b?c"])
@pytest.mark.parametrize("how", ["root_path", "SCRIPT_NAME"])
def test_root_path_and_script_name(gunicorn: Gunicorn, how: str, path: str) -> None:
    """The application is below a path, which the proxy in front may have taken off."""
    env = {"SCRIPT_NAME": "/shop"} if how == "SCRIPT_NAME" else {}
    server = gunicorn("self_report:wsgi", f"{how} = '/shop'" if not env else "", env=env)
    told = json.loads(get(server, path))

    assert (told["SCRIPT_NAME"], told["PATH_INFO"], told["QUERY_STRING"]) == ("/shop", "/a b", "c")


def test_root_path_of_an_asgi_application(gunicorn: Gunicorn) -> None:
    """`root_path` is in the scope, and in its path."""
    server = gunicorn("self_report:app", root_path="/shop")
    told = json.loads(get(server, "/shop/a"))

    assert (told["root_path"], told["path"]) == ("/shop", "/shop/a")


# Files.


def test_sendfile_can_be_off(plain: ServerProcess, other: ServerProcess) -> None:
    """Without `sendfile` the application gets a file wrapper that is read."""
    assert get(plain, "/files/") == "hybrid.bridge.wsgi.filewrapper.FileWrapper"
    assert get(other, "/files/") == "wsgiref.util.FileWrapper"


# ASGI.


def test_asgi_lifespan(gunicorn: Gunicorn) -> None:
    """`off` leaves the lifespan out."""
    server = gunicorn("lifespans:app", asgi_lifespan="off")
    assert get(server, "/") == "{}"
    server.terminate()
    assert "startup" not in server.stderr


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_asgi_loop(gunicorn: Gunicorn, loop: str) -> None:
    """It is the loop that was asked for."""
    server = gunicorn("self_report:app", asgi_loop=loop)

    assert json.loads(get(server, "/process"))["loop"].startswith(loop)


def test_websocket_max_message_size(gunicorn: Gunicorn) -> None:
    """A longer message closes the connection with 1009."""
    server = gunicorn("websocket_echo:app", websocket_max_message_size=100)
    with connect(f"ws://127.0.0.1:{server.port}/", compression=None) as client:
        client.send("x" * 100)
        assert client.recv(DEADLINE) == "x" * 100
        client.send("x" * 101)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(DEADLINE)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


# Proxies.


def test_forwarded_allow_ips(plain: ServerProcess, other: ServerProcess) -> None:
    """Who may say that the client used HTTPS, and with which field."""
    assert ask(plain, "X-Forwarded-Proto: https")["wsgi.url_scheme"] == "https"
    assert ask(other, "X-Forwarded-Proto: https")["wsgi.url_scheme"] == "http"


def test_secure_scheme_headers(gunicorn: Gunicorn) -> None:
    """Fields of one's own mean HTTPS."""
    server = gunicorn("self_report:wsgi", 'secure_scheme_headers = {"X-SECURE": "yes"}')

    assert ask(server, "X-Secure: yes")["wsgi.url_scheme"] == "https"
    assert ask(server, "X-Forwarded-Proto: https")["wsgi.url_scheme"] == "http"


def test_secure_scheme_headers_that_contradict_each_other(plain: ServerProcess, other: ServerProcess) -> None:
    """Of gunicorn's own three, one says HTTPS and another does not: 400, unless nobody is believed."""
    contradiction = REQUEST % b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n"

    assert ask(plain, "X-Forwarded-Proto: https", "X-Forwarded-Ssl: on")["wsgi.url_scheme"] == "https"
    assert status_of(plain, contradiction) == 400
    assert status_of(other, contradiction) == 200


def test_header_map(gunicorn: Gunicorn, plain: ServerProcess, other: ServerProcess) -> None:
    """What becomes of fields with underscores: they are dropped, let through, or refused."""
    refusing = gunicorn("self_report:wsgi", header_map="refuse", forwarded_allow_ips="10.0.0.1")
    request = REQUEST % b"X_Odd: 1\r\n"

    assert b"HTTP_X_ODD" not in raw(plain.port, request)
    assert b'"HTTP_X_ODD": "1"' in raw(other.port, request)
    assert status_of(plain, request) == status_of(other, request) == 200
    assert status_of(refusing, request) == 400


def test_forwarder_headers(gunicorn: Gunicorn) -> None:
    """A trusted proxy may say SCRIPT_NAME."""
    server = gunicorn("self_report:wsgi", forwarder_headers="SCRIPT_NAME")
    told = ask(server, "SCRIPT_NAME: /shop", path=b"/shop/a")

    assert (told["SCRIPT_NAME"], told["PATH_INFO"]) == ("/shop", "/a")


def test_proxy_protocol(gunicorn: Gunicorn) -> None:
    """The client is who the proxy says it is."""
    server = gunicorn("self_report:wsgi", proxy_protocol="v1")
    told = ask(server, head=b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n")

    assert (told["REMOTE_ADDR"], told["REMOTE_PORT"]) == ("192.0.2.1", "1000")


def test_proxy_allow_ips(gunicorn: Gunicorn) -> None:
    """Nobody else may connect: the application is not asked, and the log says who it was."""
    server = gunicorn("self_report:wsgi", "proxy_protocol = 'v1'\nproxy_allow_ips = '10.0.0.1'")
    head = b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n"
    with suppress(ConnectionError):
        assert not raw(server.port, head + REQUEST % b"").startswith(b"HTTP/1.1 200")

    server.wait_for_stderr(re.compile("127.0.0.1.*proxy_allow_ips"))


# TLS.


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give an authority that has issued a certificate, `server`."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    authority.issue("server")
    return authority


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Path:
    """Give a certificate with its key, in one file."""
    return authority.folder / "server.pem"


def https(server: ServerProcess, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """Ask with curl, which believes any certificate."""
    command = [
        "curl",
        "--silent",
        "--show-error",
        "--insecure",
        *map(str, options),
        f"https://127.0.0.1:{server.port}/",
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)


def test_certfile_and_keyfile(gunicorn: Gunicorn, authority: Authority) -> None:
    """HTTPS is served."""
    files = {"certfile": authority.folder / "server-cert.pem", "keyfile": authority.folder / "server-key.pem"}
    server = gunicorn("hello_wsgi:app", **files)

    assert https(server).stdout == "hello\n"


def test_client_certificates(gunicorn: Gunicorn, authority: Authority, certificate: Path) -> None:
    """`cert_reqs` and `ca_certs`: a client without a certificate is not let in."""
    server = gunicorn(
        "hello_wsgi:app", certfile=certificate, keyfile=certificate, ca_certs=authority.file, cert_reqs=2
    )

    assert https(server, "--cert", certificate).stdout == "hello\n"
    assert https(server).returncode


def test_ciphers(gunicorn: Gunicorn, certificate: Path) -> None:
    """Others are refused."""
    server = gunicorn(
        "hello_wsgi:app", certfile=certificate, keyfile=certificate, ciphers="ECDHE-ECDSA-AES256-GCM-SHA384"
    )
    old = ("--tls-max", "1.2", "--ciphers")

    assert https(server, *old, "ECDHE-ECDSA-AES256-GCM-SHA384").stdout == "hello\n"
    assert https(server, *old, "ECDHE-ECDSA-AES128-GCM-SHA256").returncode


def test_ssl_context(gunicorn: Gunicorn, certificate: Path) -> None:
    """The hook makes the context, from the default one if it likes."""
    server = gunicorn(
        "hello_wsgi:app",
        "import ssl, sys\n"
        "def ssl_context(config, default_ssl_context_factory):\n"
        "    context = default_ssl_context_factory()\n"
        "    context.minimum_version = ssl.TLSVersion.TLSv1_3\n"
        "    sys.stderr.write(f'made a context, {config.certfile}\\n')\n"
        "    return context\n",
        certfile=certificate, keyfile=certificate,
    )  # fmt: skip

    server.wait_for_stderr(f"made a context, {certificate}")
    assert https(server).stdout == "hello\n"
    assert https(server, "--tls-max", "1.2").returncode
