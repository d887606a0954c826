"""The opening handshake of a WebSocket connection, server side (RFC 6455 section 4.2), without any I/O."""

import base64
import binascii
import re
import secrets
from collections.abc import Iterable
from typing import Final, NamedTuple

from websockets.utils import accept_key

from hybrid.bridge.types import Headers
from hybrid.server.wire.errors import RequestError, ResponseError
from hybrid.server.wire.http11 import list_tokens
from hybrid.server.wire.response import DefaultFields, field_line, without
from hybrid.server.wire.websocket.deflate import Agreement, agree
from hybrid.server.wire.websocket.extensions import Extension, read_extensions

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION: Final = b"13"
_KEY_SIZE: Final = 16
#: Statuses that grant a CONNECT.
_SUCCESS: Final = range(200, 300)
#: What the response to a handshake says by itself, or must not say at all (RFC 9110 sections 6.4.1 and 8.6).
_OWN_FIELDS: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"sec-websocket-key",
        b"sec-websocket-protocol",
        b"sec-websocket-version",
        b"transfer-encoding",
        b"upgrade",
    }
)


class HandshakeError(RequestError):
    """A request to open a WebSocket that is refused before an application sees it.

    Attributes:
        status: 400, 405 or 426; 503 of a server that stops.
        reason: one short phrase for the response body and the log, never anything the client sent.
        headers: fields that the response must have besides the usual ones.
    """

    def __init__(self, status: int, reason: str, headers: Headers | None = None) -> None:
        super().__init__(status, reason)
        self.headers: Headers = headers or []


class Handshake(NamedTuple):
    """A valid request to open a WebSocket, and how to grant it.

    Attributes:
        accept: the value that proves to the client that its key was read (section 4.2.2, item 5.4).
        subprotocols: what the client offers, in its order of preference, each once; may be empty.
        deflate: how messages are compressed; None when they are not.
    """

    accept: bytes
    subprotocols: tuple[str, ...]
    deflate: Agreement | None = None

    def response(
        self,
        subprotocol: str | None = None,
        headers: Iterable[tuple[bytes, bytes]] = (),
        defaults: DefaultFields = (),
    ) -> bytes:
        """Return the bytes of the 101 response; the next byte belongs to the first frame.

        Args:
            subprotocol: the one to speak, or None.
            headers: more fields, such as cookies.
            defaults: the lines of ``Date`` and other fields, used where ``headers`` have none.

        Raises:
            ResponseError: the subprotocol was not offered, or a header is not the application's to send.
        """
        lines = [
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n",
            b"sec-websocket-accept: %b\r\n" % self.accept,
        ]
        if subprotocol is not None:
            lines.append(b"sec-websocket-protocol: %b\r\n" % self._chosen(subprotocol))
        if self.deflate is not None:
            lines.append(b"sec-websocket-extensions: %b\r\n" % self.deflate.response)
        names: set[bytes] = set()
        for name, value in headers:
            lines.append(field_line(name, value))
            names.add(_foreign_name(name))
        lines += without(defaults, names)
        lines.append(b"\r\n")
        return b"".join(lines)

    def _chosen(self, subprotocol: str) -> bytes:
        if subprotocol not in self.subprotocols:
            offered = ", ".join(self.subprotocols) or "none"
            raise ResponseError(
                f"subprotocol {subprotocol!r} was not offered by the client (offered: {offered})"
            )
        return subprotocol.encode("ascii")


def read_handshake(
    method: str, http_version: str, headers: Headers, window_bits: int | None = None
) -> Handshake:
    """Check a request to open a WebSocket (RFC 6455 section 4.2.1, RFC 8441 section 5).

    ``Host`` and ``Origin`` are left alone: the one is HTTP's to check, the other the application's.

    Args:
        method: the request method.
        http_version: ``"1.1"`` or ``"2"``, as in an ASGI scope; with ``"2"`` for an extended CONNECT.
        headers: the request's fields in order, names in lower case.
        window_bits: the largest window with which messages may be compressed, as a power of two, 9 to 15;
            None when they may not.

    Raises:
        HandshakeError: the request is not a valid handshake; status 426 when only its version is another one.
    """
    if http_version != "2":
        _check_upgrade(method, http_version, headers)
    _check_version(headers)
    _check_no_body(headers)
    key = _read_key(headers) if http_version != "2" else ""
    subprotocols = _read_subprotocols(headers)
    extensions = _read_extensions(headers)
    deflate = None if window_bits is None else agree(extensions, window_bits)
    return Handshake(accept_key(key).encode("ascii"), subprotocols, deflate)


def denial_status(status: int, http_version: str) -> int:
    """Return the status with which an application's refusal is sent. Over HTTP/2 any status of success would
    grant the handshake (RFC 9110 section 9.3.6), and a page that has one is 403 there. What is no status at
    all is left to who encodes it.
    """
    return 403 if http_version == "2" and status in _SUCCESS else status


def as_upgrade(headers: Headers) -> Headers:
    """Return the fields of an extended CONNECT as they are in HTTP/1.1, for an application that reads them
    itself: with a key, too, whose answer nobody looks at.
    """
    key = base64.b64encode(secrets.token_bytes(_KEY_SIZE))
    return [
        *headers,
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-key", key),
    ]


def _check_upgrade(method: str, http_version: str, headers: Headers) -> None:
    """In HTTP/2 nothing of this is left (RFC 8441 section 5)."""
    if method != "GET":
        raise HandshakeError(405, "a WebSocket handshake is a GET request", [(b"allow", b"GET")])
    if http_version != "1.1":
        raise HandshakeError(400, "a WebSocket handshake needs HTTP/1.1")
    if b"upgrade" not in list_tokens(headers, b"connection"):
        raise HandshakeError(400, "Connection does not say upgrade")
    if b"websocket" not in list_tokens(headers, b"upgrade"):
        raise HandshakeError(400, "Upgrade does not say websocket")


def _check_version(headers: Headers) -> None:
    versions = _values(headers, b"sec-websocket-version")
    if not versions:
        raise HandshakeError(400, "missing Sec-WebSocket-Version")
    if versions != [_VERSION]:
        # Section 4.4 names the version that would do; RFC 9110 section 15.5.22 asks for the other two.
        raise HandshakeError(
            426,
            "WebSocket version not supported",
            [(b"sec-websocket-version", _VERSION), (b"upgrade", b"websocket"), (b"connection", b"Upgrade")],
        )


def _check_no_body(headers: Headers) -> None:
    """Refuse content: it would be read as frames, and may come from somebody else than the client."""
    for name, value in headers:
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")):
            raise HandshakeError(400, "a WebSocket handshake has no content")


def _read_key(headers: Headers) -> str:
    keys = _values(headers, b"sec-websocket-key")
    if len(keys) != 1:
        raise HandshakeError(400, "repeated Sec-WebSocket-Key" if keys else "missing Sec-WebSocket-Key")
    try:
        nonce = base64.b64decode(keys[0], validate=True)
    except binascii.Error:
        nonce = b""
    if len(nonce) != _KEY_SIZE:
        raise HandshakeError(400, "Sec-WebSocket-Key is not 16 bytes in base64")
    return keys[0].decode("ascii")


def _read_subprotocols(headers: Headers) -> tuple[str, ...]:
    """Read the offer, which may be spread over several lines (section 11.3.4)."""
    members = b",".join(_values(headers, b"sec-websocket-protocol")).decode("latin-1").split(",")
    offered = [name for member in members if (name := member.strip(" \t"))]
    if not all(map(_TOKEN.fullmatch, offered)):
        raise HandshakeError(400, "Sec-WebSocket-Protocol is not a list of tokens")
    return tuple(dict.fromkeys(offered))


def _read_extensions(headers: Headers) -> tuple[Extension, ...]:
    """Read the offer, which may be spread over several lines (section 11.3.2)."""
    try:
        return read_extensions(_values(headers, b"sec-websocket-extensions"))
    except ValueError:
        raise HandshakeError(400, "Sec-WebSocket-Extensions is not a list of extensions") from None


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return [value.strip(b" \t") for key, value in headers if key == name]


def _foreign_name(name: bytes) -> bytes:
    """Return the name, in lower case, of a field that an application adds to the response."""
    lower = name.lower()
    if lower in _OWN_FIELDS:
        raise ResponseError(f"header {name!r} belongs to the handshake and cannot be set")
    return lower
