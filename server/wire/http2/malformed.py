"""What makes the fields of a request malformed (RFC 9113 section 8.1.1), which ends its stream."""

import re
from collections.abc import Sequence
from typing import Final

from hybrid.server.wire.http2.compression import Field
from hybrid.server.wire.http2.frames import ErrorCode, StreamFault

Fields = Sequence[Field]
PseudoFields = dict[bytes, bytes]

#: Bytes of a name: those of a token (RFC 9110 section 5.6.2), but no capitals (RFC 9113 section 8.2.1).
_NAME_BYTES: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
#: Bytes of a value: no control characters but the tab (RFC 9110 section 5.5).
_VALUE_BYTES: Final = bytes((0x09, *range(0x20, 0x7F), *range(0x80, 0x100)))
#: Fields that speak of a connection of HTTP/1.1 (RFC 9113 section 8.2.2).
_CONNECTION_FIELDS: Final = frozenset(
    (b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade")
)
#: What may be said of a request before its fields (section 8.3.1; RFC 8441 section 4).
_PSEUDO_FIELDS: Final = frozenset((b":method", b":scheme", b":authority", b":path", b":protocol"))
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
DEFAULT_PORTS: Final = {b"http": b":80", b"https": b":443"}


def malformed(reason: str) -> StreamFault:
    """Return the error for what is malformed (section 8.1.1)."""
    return StreamFault(ErrorCode.PROTOCOL_ERROR, reason)


def split_fields(fields: Fields) -> tuple[PseudoFields, Fields]:
    """Take the pseudo-header fields off the others, which follow them (section 8.3)."""
    pseudo: PseudoFields = {}
    for name, value in fields:
        if not name.startswith(b":"):
            break
        if name not in _PSEUDO_FIELDS:
            raise malformed("unknown pseudo-header field")
        if name in pseudo:
            raise malformed("repeated pseudo-header field")
        if value.translate(None, _VALUE_BYTES) or value.strip(b" \t") != value:
            raise malformed("invalid value of a pseudo-header field")
        pseudo[name] = value
    return pseudo, fields[len(pseudo) :]


def read_line(pseudo: PseudoFields) -> tuple[bytes, bytes]:
    """Return method and path, and check that what must be there is (sections 8.3.1 and 8.5)."""
    method, path = pseudo.get(b":method"), pseudo.get(b":path")
    if method is None:
        raise malformed("missing :method")
    if _METHOD.fullmatch(method) is None:
        raise malformed("invalid :method")
    if method == b"CONNECT" and b":protocol" not in pseudo:
        if b":scheme" in pseudo or path is not None or b":authority" not in pseudo:
            raise malformed("CONNECT with other pseudo-header fields than it has")
        return method, pseudo[b":authority"]
    if method != b"CONNECT" and b":protocol" in pseudo:
        raise malformed(":protocol of another method than CONNECT")
    if b":scheme" not in pseudo:
        raise malformed("missing :scheme")
    if not path:
        raise malformed("missing :path" if path is None else "empty :path")
    if not path.startswith(b"/") and not (path == b"*" and method == b"OPTIONS"):
        raise malformed("invalid :path")
    return method, path


def check_fields(fields: Fields) -> None:
    """Refuse malformed fields, and those that belong to connections of HTTP/1.1 (section 8.2).

    Raises:
        StreamFault: there are some.
    """
    names = [name for name, _ in fields]
    if b"".join(names).translate(None, _NAME_BYTES) or b"" in names:
        pseudo = any(name.startswith(b":") for name in names)
        raise malformed("pseudo-header field after others" if pseudo else "invalid field name")
    values = [value for _, value in fields]
    if b"".join(values).translate(None, _VALUE_BYTES) or values != [value.strip(b" \t") for value in values]:
        raise malformed("invalid field value")
    if not _CONNECTION_FIELDS.isdisjoint(names):
        raise malformed("connection-specific field")
    if b"te" in names and any(name == b"te" and value.lower() != b"trailers" for name, value in fields):
        raise malformed("TE that says more than trailers")


def check_authority(pseudo: PseudoFields, hosts: Sequence[bytes]) -> None:
    """Refuse an authority that names a user, or another host than Host does (section 8.3.1)."""
    authority = pseudo.get(b":authority")
    if authority is None:
        return
    if b"@" in authority:
        raise malformed("user information in :authority")
    if hosts:
        scheme = pseudo.get(b":scheme", b"").lower()
        own = _normal_host(authority, scheme)
        if any(_normal_host(host, scheme) != own for host in hosts):
            raise malformed("Host differs from :authority")


def _normal_host(host: bytes, scheme: bytes) -> bytes:
    """Bring a host and port to the form in which they are compared (RFC 3986 section 6.2)."""
    host = host.lower()
    return host.removesuffix(DEFAULT_PORTS.get(scheme, b":")).removesuffix(b":")
