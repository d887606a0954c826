"""TLS as clients see it: `hybrid serve` as a real process, on each event loop, with independent clients."""

import hashlib
import json
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.apps.wsgi_big import pattern
from tests.support.certificates import Authority, authority, der_of
from tests.support.process import DEADLINE, ROOT, Serve, ServerProcess, run_hybrid
from tests.support.sockets import read_all
from tests.support.waiting import until

__all__ = ["authority"]

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST_GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

#: Starts a server with the authority's certificate.
Secure = Callable[..., ServerProcess]


@pytest.fixture
def secure(serve: Serve, authority: Authority) -> Secure:
    """Give `secure(*targets, **options)`: `serve` with the certificate in `server.pem`."""

    def start(*targets: str, **options: Any) -> ServerProcess:
        return serve(*targets, **{"ssl_certfile": authority.folder / "server.pem", **options})

    return start


def client_of(server: ServerProcess, context: ssl.SSLContext, name: str = "localhost") -> ssl.SSLSocket:
    """Connect to a server, and make the handshake."""
    plain = socket.create_connection(("127.0.0.1", server.port), DEADLINE)
    try:
        return context.wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False)
    except BaseException:
        plain.close()
        raise


def read_head(client: ssl.SSLSocket) -> bytes:
    """Return what comes up to the end of a head, and no more."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        part = client.recv(1)
        assert part, received
        received += part
    return received


# Requests.


@LOOPS
def test_asgi(secure: Secure, authority: Authority, loop: str) -> None:
    """A request has the scheme https and the extension, with the certificate that was presented."""
    server = secure("tls_report", loop=loop)
    assert server.url == f"https://127.0.0.1:{server.port}"
    with httpx.Client(verify=authority.client_context(), base_url=server.url, timeout=DEADLINE) as client:
        assert client.get("/change").json()["tls"] == {}
        told = client.get("/").json()
    assert told["scheme"] == "https"
    assert told["tls"]["tls_version"] == 0x0304
    assert ssl.PEM_cert_to_DER_cert(told["tls"]["server_cert"]) == der_of(authority.folder / "server.pem")
    assert told["tls"]["client_cert_chain"] == []


@LOOPS
def test_client_certificate(secure: Secure, authority: Authority, loop: str) -> None:
    """A client's certificate reaches ASGI and WSGI applications; without one nobody is served."""
    options = {"ssl_ca_certs": authority.file, "ssl_cert_reqs": "required", "loop": loop}
    server = secure("tls_report", "/wsgi=tls_report:wsgi", **options)
    own = authority.client_context(authority.issue("client", "jo@example.org", common_name="Jo"))
    with httpx.Client(verify=own, base_url=server.url, timeout=DEADLINE) as client:
        told = client.get("/").json()["tls"]
        environ = client.get("/wsgi/").json()
    assert told["client_cert_name"].startswith("CN=Jo,")
    assert ssl.PEM_cert_to_DER_cert(told["client_cert_chain"][0]) == der_of(authority.folder / "client.pem")
    assert (environ["scheme"], environ["HTTPS"], environ["SSL_PROTOCOL"]) == ("https", "on", "TLSv1.3")
    assert (environ["SSL_CLIENT_VERIFY"], environ["SSL_CLIENT_S_DN_CN"]) == ("SUCCESS", "Jo")
    assert environ["SSL_CLIENT_CERT"] == told["client_cert_chain"][0]
    with (
        httpx.Client(verify=authority.client_context(), timeout=DEADLINE) as client,
        pytest.raises(httpx.TransportError),
    ):
        client.get(server.url)
    server.wait_for_stderr("no TLS handshake: peer did not return a certificate")
    assert "Traceback" not in server.stderr


def test_without_tls_there_is_nothing_of_it(serve: Serve) -> None:
    """In clear there is no extension, and no variable."""
    server = serve("tls_report", "/wsgi=tls_report:wsgi")
    told = httpx.get(f"{server.url}/", timeout=DEADLINE).json()
    assert (told["scheme"], told["tls"]) == ("http", None)
    assert "tls" not in told["extensions"]
    assert httpx.get(f"{server.url}/wsgi/", timeout=DEADLINE).json() == {"scheme": "http"}


@LOOPS
def test_curl(secure: Secure, authority: Authority, loop: str) -> None:
    """Curl gets the page, with the certificate it was given."""
    server = secure("tls_report:wsgi", loop=loop, ssl_ca_certs=authority.file, ssl_cert_reqs=1)
    own = authority.issue("client")
    command: list[str | Path] = ["curl", "-sS", "--cacert", authority.file, "--cert", own, server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert json.loads(done.stdout)["SSL_CLIENT_VERIFY"] == "SUCCESS"


@pytest.mark.parametrize("sizes", [[1], [5, 1000]])
@LOOPS
def test_handshake_in_pieces(secure: Secure, authority: Authority, loop: str, sizes: list[int]) -> None:
    """A client whose handshake comes in pieces, with the request right behind it, is served."""
    server = secure("hello_asgi", loop=loop)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    layer = authority.client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        done = False
        while not done:
            try:
                layer.do_handshake()
                layer.write(LAST_GET)
                done = True
            except ssl.SSLWantReadError:
                pass
            data = outgoing.read()
            while data:
                for size in sizes:
                    client.sendall(data[:size])
                    data = data[size:]
            if not done:
                incoming.write(client.recv(65536))
        received = b""
        while not received.endswith(b"hello\n"):
            try:
                received += layer.read()
            except ssl.SSLWantReadError:
                part = client.recv(65536)
                assert part, received
                incoming.write(part)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")


# Who is not served.


@LOOPS
def test_plain_http(secure: Secure, loop: str) -> None:
    """HTTP without TLS is closed at once, with one line in the log."""
    server = secure("hello_asgi", loop=loop)
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(GET)
        with suppress(ConnectionResetError):
            assert client.recv(100) == b""
    server.wait_for_stderr("no TLS handshake: the client speaks HTTP without TLS")
    assert server.terminate() == 0
    lines = [line for line in server.stderr.splitlines() if "hybrid.server" in line]
    assert len([line for line in lines if "stopping: " not in line]) == 1
    assert "Traceback" not in server.stderr


@LOOPS
def test_old_tls(secure: Secure, authority: Authority, loop: str) -> None:
    """A client that speaks nothing newer than TLS 1.1 is refused."""
    server = secure("hello_asgi", loop=loop)
    old = authority.client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        client_of(server, old)
    server.wait_for_stderr("no TLS handshake: unsupported protocol")
    assert "Traceback" not in server.stderr


@LOOPS
def test_slow_handshake(secure: Secure, loop: str) -> None:
    """A client that does not go on with its handshake is disconnected, and so said."""
    server = secure("hello_asgi", loop=loop, timeout_ssl_handshake=0.2)
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(b"\x16\x03\x01")
        with suppress(ConnectionResetError):
            assert client.recv(100) == b""
    server.wait_for_stderr("no TLS handshake in 0.2 seconds")
    assert "Traceback" not in server.stderr


@LOOPS
def test_client_that_leaves(secure: Secure, loop: str) -> None:
    """A probe, and a client that leaves in the handshake, are nothing to talk about."""
    server = secure("hello_asgi", loop=loop, log_level="debug", lifespan="off")
    for said in (b"", b"\x16\x03\x01"):
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
            client.sendall(said)
    server.wait_for_stderr("DEBUG hybrid.server: 127.0.0.1:")
    assert server.terminate() == 0
    assert "INFO hybrid.server: 127.0.0.1" not in server.stderr
    assert "Traceback" not in server.stderr
    assert "Warning" not in server.stderr


@LOOPS
def test_stopping_during_a_handshake(secure: Secure, loop: str) -> None:
    """A handshake that stands still holds up nobody who stops the server."""
    server = secure("hello_asgi", loop=loop, timeout_ssl_handshake=60, timeout_graceful_shutdown=60)
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(b"\x16\x03\x01")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    assert "Traceback" not in server.stderr
    assert "Warning" not in server.stderr


# The end of a connection.


@LOOPS
@pytest.mark.parametrize("target", ["hello_asgi", "hello_wsgi"])
def test_end_of_a_response(secure: Secure, authority: Authority, loop: str, target: str) -> None:
    """A connection that closes after its response says that this was all."""
    server = secure(target, loop=loop)
    with client_of(server, authority.client_context()) as client:
        client.sendall(LAST_GET)
        assert read_all(client).endswith(b"\r\n\r\nhello\n")


@LOOPS
def test_end_of_a_long_response(secure: Secure, authority: Authority, loop: str) -> None:
    """A client that reads slowly gets all of a response after which the connection closes."""
    server = secure("tests.apps.wsgi_files", app_dir=ROOT, loop=loop)
    size = 8_000_000
    with client_of(server, authority.client_context()) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(
            b"GET /?kind=plain&size=%d&length=%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            % (size, size)
        )
        read_head(client)
        digest = hashlib.sha256()
        received = 0
        while part := client.recv(65536):
            digest.update(part)
            received += len(part)
    assert received == size
    assert digest.digest() == hashlib.sha256(pattern(0, size)).digest()


@LOOPS
def test_idle_client_does_not_hold_up_the_end(secure: Secure, authority: Authority, loop: str) -> None:
    """A client that keeps its connection, and answers no close_notify, hears it and holds up nobody."""
    server = secure("hello_asgi", loop=loop, timeout_graceful_shutdown=60)
    with client_of(server, authority.client_context()) as client:
        client.sendall(GET)
        read_head(client)
        assert client.recv(6) == b"hello\n"
        begin = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - begin < 30  # which is how long asyncio would wait
        assert client.recv(1) == b""
    assert "cutting off" not in server.stderr


@LOOPS
def test_refusal_of_a_body_that_still_comes(secure: Secure, authority: Authority, loop: str) -> None:
    """A client that reads only after it has sent everything gets the refusal."""
    server = secure("hello_wsgi", loop=loop, limit_request_body=1000)
    with client_of(server, authority.client_context()) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
        for _ in range(300):
            client.sendall(bytes(10_000))
        assert read_head(client).startswith(b"HTTP/1.1 413 ")


@LOOPS
def test_client_that_says_it_ends(secure: Secure, authority: Authority, loop: str) -> None:
    """A client that sends close_notify on an idle connection gets the server's, and nobody complains."""
    server = secure("hello_asgi", loop=loop)
    with client_of(server, authority.client_context()) as client:
        client.sendall(GET)
        read_head(client)
        client.recv(6)
        with closing(client.unwrap()) as plain:
            assert plain.recv(1) == b""
    assert server.terminate() == 0
    assert "Traceback" not in server.stderr


# WebSockets.


@LOOPS
def test_websocket(secure: Secure, authority: Authority, loop: str) -> None:
    """A WebSocket over TLS is wss, has the extension, and takes messages larger than a record."""
    server = secure("/echo=websocket_echo", "tls_report", loop=loop)
    url = server.url.replace("https:", "wss:")
    context = authority.client_context()
    with connect(f"{url}/", ssl=context, open_timeout=DEADLINE) as client:
        told = json.loads(client.recv())
        assert (told["scheme"], told["extensions"]) == (
            "wss",
            ["hybrid.environ", "hybrid.shutdown", "tls", "websocket.http.response"],
        )
        assert told["tls"]["tls_version"] == 0x0304
    with connect(f"{url}/echo", ssl=context, open_timeout=DEADLINE) as client:
        for message in ("text", bytes(200_000)):
            client.send(message)
            assert client.recv() == message
    assert client.close_code == 1000


@LOOPS
def test_websocket_of_flask(secure: Secure, authority: Authority, loop: str) -> None:
    """A WebSocket that a Flask application takes as a socket works under TLS, to the end of either side."""
    server = secure("tests.apps.wsgi_flask_sock", app_dir=ROOT, loop=loop)
    url = server.url.replace("https:", "wss:")
    context = authority.client_context()
    with connect(f"{url}/echo", ssl=context, open_timeout=DEADLINE) as client:
        for message in ("text", bytes(200_000)):
            client.send(message)
            assert client.recv() == message
    assert client.close_code == 1000
    with connect(f"{url}/close", ssl=context, open_timeout=DEADLINE) as client:
        assert client.recv() == "last words"
        with pytest.raises(EOFError):
            read_to_the_end(client)
        assert (client.close_code, client.close_reason) == (4001, "enough")
    assert server.terminate() == 0


def read_to_the_end(client: Any) -> None:
    """Receive until the server closes."""
    from websockets.exceptions import ConnectionClosed

    try:
        client.recv(DEADLINE)
    except ConnectionClosed as error:
        raise EOFError from error


# Certificates that change.


def replace(file: Path, other: Path) -> None:
    """Put one file in the place of another, at once."""
    shutil.copy(other, f"{file}.new")
    Path(f"{file}.new").rename(file)


def shown(server: ServerProcess, authority: Authority, name: str = "localhost") -> bytes | None:
    """Connect, and return the certificate that is shown."""
    with client_of(server, authority.client_context(), name) as client:
        return client.getpeercert(binary_form=True)


@LOOPS
def test_new_certificate(secure: Secure, authority: Authority, loop: str) -> None:
    """A new certificate is shown to who connects from then on; a connection from before lives on."""
    first, second = authority.issue("a.example", "a.example"), authority.issue("b", "a.example")
    server = secure("hello_asgi", loop=loop, ssl_sni=[f"a.example={first}"], timeout_keep_alive=60)
    with client_of(server, authority.client_context()) as old:
        old.sendall(GET)
        read_head(old)
        old.recv(6)
        replace(first, second)
        replace(authority.folder / "server.pem", authority.issue("next"))
        until(lambda: shown(server, authority) == der_of(authority.folder / "next.pem"))
        until(lambda: shown(server, authority, "a.example") == der_of(second))
        old.sendall(LAST_GET)
        assert read_all(old).endswith(b"\r\n\r\nhello\n")


def test_broken_certificate(secure: Secure, authority: Authority) -> None:
    """A pair that does not belong together is said once, and the old one is shown."""
    server = secure("hello_asgi")
    before = der_of(authority.folder / "server.pem")
    (authority.folder / "server.pem").write_text("nothing")
    server.wait_for_stderr("WARNING hybrid.server: ssl_certfile: there is no certificate in PEM in")
    assert shown(server, authority) == before
    assert server.running


# Mistakes.


def test_mistakes_end_the_start(authority: Authority) -> None:
    """A mistake in the settings is one line, and exit code 2."""
    for options, message in (
        (["--ssl-keyfile=x"], "ssl_keyfile: ssl_certfile is missing"),
        (["--ssl-certfile=/nowhere.pem"], ": ssl_certfile: /nowhere.pem: No such file or directory\n"),
    ):
        for command in ("serve", "check"):  # which finds what would keep the other from starting
            done = run_hybrid(command, "--port=0", *options, "hello_asgi")
            assert done.returncode == 2
            assert message in done.stderr
            assert "Traceback" not in done.stderr
