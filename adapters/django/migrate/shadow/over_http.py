"""Sends requests to servers, and tells what they answer as it came: no redirect is followed."""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request, Unreachable

#: Seconds that an answer may take from the request to the end of its body.
TIMEOUT: Final = 10.0
#: Bytes of a body that are kept, and how many are read at once.
KEPT_BYTES: Final = 4 * 1024 * 1024
_PIECE: Final = 64 * 1024
#: Fields that are of one connection, or that are worked out anew.
_OWN: Final = frozenset({"connection", "content-length", "keep-alive", "te", "transfer-encoding", "upgrade"})
#: What can be read here of what a server may compress with.
_READABLE: Final = frozenset({"deflate", "gzip", "identity", "x-gzip"})
#: What stands in a target as it is: everything that can be seen in ASCII. The rest is quoted.
_IN_TARGET: Final = "".join(map(chr, range(0x21, 0x7F)))
_LINE_ENDS: Final = re.compile(r"[\r\n\0]+")


class OverHttp:
    """Servers, by their addresses; each request has a connection of its own. Any thread may send.

    Certificates are checked as Python does it: ``SSL_CERT_FILE`` names other authorities.

    Args:
        timeout: seconds that an answer may take; what has come of its body by then is kept.
        clock: gives seconds.
    """

    def __init__(self, timeout: float = TIMEOUT, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout = timeout
        self._clock = clock
        self._tls: ssl.SSLContext | None = None

    def run(self, request: Request, address: str) -> Outcome:
        """Send a request to a server.

        Raises:
            Unreachable: there is none, or no connection can be made to it.
        """
        url = urlsplit(address)
        connection = self._connection(url)
        start = self._clock()
        try:
            _connect(connection, address)
            _send(connection, request, url)
            return self._answer(connection, address, start)
        except (OSError, http.client.HTTPException, ValueError) as error:  # the last is for odd requests
            return Outcome(address, 0, exception=_in_words(error, self._timeout), complete=False)
        finally:
            connection.close()

    def _connection(self, url: SplitResult) -> http.client.HTTPConnection:
        host = url.hostname or ""
        if url.scheme == "http":
            return http.client.HTTPConnection(host, url.port or 80, timeout=self._timeout)
        self._tls = self._tls or ssl.create_default_context()
        return http.client.HTTPSConnection(host, url.port or 443, timeout=self._timeout, context=self._tls)

    def _answer(self, connection: http.client.HTTPConnection, address: str, start: float) -> Outcome:
        plug = connection.sock  # which the response has from here on
        response = connection.getresponse()
        body, size, chunks, error = self._body(plug, response, start)
        return Outcome(
            address,
            response.status,
            tuple((name.lower(), value) for name, value in response.getheaders()),
            bytes(body),
            size,
            chunks[0] if chunks else self._clock() - start,
            tuple(chunks),
            exception=error,
            complete=not error,
        )

    def _body(
        self, plug: socket.socket, response: http.client.HTTPResponse, start: float
    ) -> tuple[bytearray, int, list[float], str]:
        """Read the body, and say why it is not whole where it is not."""
        body, size, chunks = bytearray(), 0, list[float]()
        try:
            while piece := self._piece(plug, response, start):
                chunks.append(self._clock() - start)
                size += len(piece)
                body += piece[: KEPT_BYTES - len(body)]
            missing = response.length or 0
            error = f"IncompleteRead: the body ends {missing} bytes too soon" if missing else ""
        except (OSError, http.client.HTTPException) as broken:
            error = _in_words(broken, self._timeout)
        return body, size, chunks, error

    def _piece(self, plug: socket.socket, response: http.client.HTTPResponse, start: float) -> bytes:
        left = start + self._timeout - self._clock()
        if left <= 0:
            raise TimeoutError
        plug.settimeout(left)
        return response.read1(_PIECE)


def as_sent(request: Request, host: str = "") -> Request:
    """Return a request without the fields of the connection that it came on, and with a ``Host``.

    Args:
        request: as it was recorded.
        host: for one that has none.
    """
    fields = [(name, _sayable(value)) for name, value in request.headers if name not in _OWN]
    if host and all(name != "host" for name, _ in fields):
        fields.insert(0, ("host", host))
    headers = tuple(
        (name, _readable(value) if name == "accept-encoding" else value) for name, value in fields
    )
    target = quote(request.target.encode(errors="surrogateescape"), _IN_TARGET)
    return Request(request.method, target, headers, request.body, request.view)


def _sayable(value: str) -> str:
    """Write a value so that HTTP can say it: what Latin-1 has not goes as UTF-8, and line ends go."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        value = value.encode(errors="surrogateescape").decode("latin-1")
    return _LINE_ENDS.sub(" ", value)


def _readable(value: str) -> str:
    """Leave out what could not be read: the answers are compared without their compression."""
    offers = [each.strip() for each in value.split(",")]
    return ", ".join(each for each in offers if each.partition(";")[0].lower() in _READABLE) or "identity"


def _connect(connection: http.client.HTTPConnection, address: str) -> None:
    try:
        connection.connect()
    except OSError as error:
        raise Unreachable(f"{address} is not reachable: {_in_words(error, connection.timeout)}") from None


def _send(connection: http.client.HTTPConnection, request: Request, url: SplitResult) -> None:
    sent = as_sent(request, url.netloc)
    target = url.path.rstrip("/") + sent.target
    connection.putrequest(sent.method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in sent.headers:
        connection.putheader(name, value)
    connection.putheader("connection", "close")
    if request.body or request.method not in ("GET", "HEAD", "OPTIONS"):
        connection.putheader("content-length", str(len(request.body)))
    connection.endheaders(request.body or None)


def _in_words(error: Exception, timeout: Any) -> str:
    if isinstance(error, TimeoutError):
        return f"TimeoutError: no end within {timeout:g} s"
    return f"{type(error).__name__}: {error}"
