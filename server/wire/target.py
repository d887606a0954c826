"""Where a request goes: its target, and its Host (RFC 9112 section 3.2), without any I/O."""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final, NamedTuple
from urllib.parse import unquote

_PLAIN: Final = rb"[A-Za-z0-9\-._~!$&'()*+;=]*+"
_NAME: Final = _PLAIN + rb"(?:%[0-9A-Fa-f]{2}" + _PLAIN + rb")*+"
#: uri-host and port of RFC 9110 section 7.2, but for three things. A comma, allowed in a name, is what a
#: proxy makes of two fields; IPvFuture names nothing that a client could have reached; and more than five
#: digits are no port.
_HOST = re.compile(rb"(" + _NAME + rb"|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{0,5}))?")
_HIGHEST_PORT: Final = 65535
#: The schemes that a server of HTTP answers for; the authority may not be empty (RFC 9110 section 4.2).
_ABSOLUTE = re.compile(rb"(https?)://([^/?#]+)(.*)", re.DOTALL | re.IGNORECASE)


@lru_cache(maxsize=128)  # the clients of a site say the same
def is_host(value: bytes) -> bool:
    """Tell whether a value is valid for Host (RFC 9112 section 3.2), for which it may be empty."""
    match = _HOST.fullmatch(value)
    if match is None:
        return False
    name, port = match.groups()
    if port is not None and (not name or (port and int(port) > _HIGHEST_PORT)):
        return False  # without a name there is nobody at the port (RFC 9110 section 4.2.1)
    return not name.startswith(b"[") or _is_address(name[1:-1])


def _is_address(value: bytes) -> bool:
    try:
        IPv6Address(value.decode("ascii"))
    except AddressValueError:
        return False
    return True


class TargetParts(NamedTuple):
    """What ASGI wants to know of a request target: the path decoded and as sent, and the query string."""

    path: str
    raw_path: bytes
    query: bytes


def split_target(target: bytes) -> TargetParts:
    """Split a request target, which has been checked to be printable ASCII."""
    raw_path, _, query = target.partition(b"?")
    path = raw_path.decode("ascii")
    return TargetParts(unquote(path) if "%" in path else path, raw_path, query)


class AbsoluteForm(NamedTuple):
    """A target in absolute-form: the scheme in lower case, who is meant, and the rest."""

    scheme: str
    authority: bytes
    rest: bytes

    def reduced(self, method: str) -> bytes:
        """Return the same target in origin-form, or in asterisk-form (RFC 9112 section 3.2.4)."""
        if not self.rest and method == "OPTIONS":
            return b"*"
        return self.rest if self.rest.startswith(b"/") else b"/" + self.rest


def read_absolute_form(target: bytes) -> AbsoluteForm | None:
    """Read a target in absolute-form (RFC 9112 section 3.2.2); None if it is not one that is valid."""
    match = _ABSOLUTE.fullmatch(target)
    if match is None or not is_host(match[2]):
        return None
    return AbsoluteForm(match[1].decode("ascii").lower(), match[2], match[3])
