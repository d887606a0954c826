"""What is believed of what proxies say about a request, and what of it applications see.

Whether a peer is believed is decided once for its connection, and what the fields of a request mean once for
all requests that repeat them. A value that makes no sense is left out of account, with a line in the log for
debugging: what remains then is what the server knows by itself, which nobody can forge, while a refusal would
let a proxy that is set up a little wrongly take the site down. Only fields that contradict each other about
TLS are refused, as gunicorn does it.
"""

import logging
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

from hybrid.bridge.types import UNDERSCORES, VOUCHED
from hybrid.server.allowlist import AllowList, words
from hybrid.server.config import Config
from hybrid.server.wire.claims import (
    DEFAULT_PORTS,
    checked_host,
    checked_path,
    checked_port,
    checked_scheme,
    split_host,
)
from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.forwarded import Claims, read_forwarded, read_x_forwarded
from hybrid.server.wire.http11 import Request

_T = TypeVar("_T")

logger = logging.getLogger("hybrid.server")

#: The key of the memo of a request: what its fields mean, None if they mean nothing.
MEANING: Final = "forwarded"
_UNREAD: Final = object()
_FAMILIES: Final = {
    "x-forwarded": (
        read_x_forwarded,
        {
            "for": b"x-forwarded-for",
            "proto": b"x-forwarded-proto",
            "host": b"x-forwarded-host",
            "port": b"x-forwarded-port",
            "prefix": b"x-forwarded-prefix",
        },
    ),
    "forwarded": (read_forwarded, dict.fromkeys(("for", "proto", "host"), b"forwarded")),
}


class Meaning(NamedTuple):
    """What the fields of a request say, checked; None or empty for what they do not say.

    Attributes:
        client: address and port.
        scheme: ``http`` or ``https``.
        server: name and port that the client asked for.
        host: the Host field that the client sent.
        prefix: what a proxy has taken off the path: decoded, and as it was.
        mount: where the application is, within the path.
        underscores: whether there are names with underscores.
        vouched: names, with dashes, of fields that are there and that only a proxy sets.
    """

    client: tuple[str, int] | None = None
    scheme: str | None = None
    server: tuple[str, int | None] | None = None
    host: tuple[bytes, bytes] | None = None
    prefix: tuple[str, bytes] | None = None
    mount: str = ""
    underscores: bool = False
    vouched: frozenset[bytes] = frozenset()

    def apply(self, scope: dict[str, Any]) -> None:
        """Change an ``http`` scope to what the client did."""
        if self.client is not None:
            scope["client"] = self.client
        if self.scheme is not None:
            scope["scheme"] = self.scheme
        if self.server is not None:
            scope["server"] = self.server
        if self.host is not None:
            scope["headers"] = [self.host, *(field for field in scope["headers"] if field[0] != b"host")]
        if scope["path"] != "*":
            if self.prefix is not None:
                _put_before(scope, *self.prefix)
            if self.mount:
                _mount(scope, self.mount)
        if self.underscores:
            scope[UNDERSCORES] = True
        if self.vouched:
            scope[VOUCHED] = self.vouched


class Peer:
    """What peers of one kind may say. Loop thread only.

    Args:
        config: the settings.
        proxies: whom to skip among the hops.
        trusted: whether the peers are proxies that are believed.

    Attributes:
        trusted: as above.
        speaks: whether anything in their requests can change a scope.
    """

    def __init__(self, config: Config, proxies: AllowList, *, trusted: bool) -> None:
        self.trusted = trusted
        self._lists = proxies.lists
        self._header_map = config.header_map
        self._read, names = _FAMILIES[config.forwarded_family]
        self._facts = frozenset(words(config.forwarded_fields) if trusted else ())
        self._secure = _secure_fields(config) if trusted else {}
        self._own = _names(config.forwarder_headers if trusted else "")
        self._family = frozenset(name for fact, name in names.items() if fact in self._facts)
        self._vouches_for = frozenset(map(_with_dashes, self._own))
        self._looked_for = self._family | self._secure.keys() | self._vouches_for
        self.speaks = bool(self._looked_for or self._own or self._header_map == "dangerous")

    def __repr__(self) -> str:
        return f"<Peer trusted={self.trusted} {sorted(self._looked_for)}>"

    def check_underscores(self, request: Request) -> None:
        """Take the fields out of a request whose names have underscores and are not to be there.

        CGI, and so WSGI, writes dashes as underscores: to an application ``X_User`` would be the ``X-User``
        that a proxy has filtered. ASGI does not, but what is mounted in its applications may.

        Raises:
            RequestError: there are some, and the settings say to refuse.
        """
        if self._header_map == "dangerous" or b"*" in self._own:
            return
        unwelcome = {name for name in request.fields if b"_" in name and name not in self._own}
        if not unwelcome:
            return
        if self._header_map == "refuse":
            raise RequestError(400, "underscore in a field name")
        request.headers = [field for field in request.headers if field[0] not in unwelcome]
        for name in unwelcome:
            del request.fields[name]

    def apply(self, scope: dict[str, Any], request: Request) -> None:
        """Change an ``http`` scope to what its request says of the client.

        Raises:
            RequestError: fields contradict each other.
        """
        memo = request.memo
        meaning: Any = _UNREAD if memo is None else memo.get(MEANING, _UNREAD)
        if meaning is _UNREAD:
            meaning = self._understand(scope, request)
            if memo is not None:
                memo[MEANING] = meaning
        if meaning is not None:
            meaning.apply(scope)

    def _understand(self, scope: dict[str, Any], request: Request) -> Meaning | None:
        underscores = any(b"_" in name for name in request.fields)
        if not underscores and self._looked_for.isdisjoint(request.fields):
            return None
        claims = Claims()
        if not self._family.isdisjoint(request.fields):
            claims = self._read(request.headers, self._lists)
        scheme = self._secure_scheme(request) or self._scheme(claims)
        host, server = self._host(claims, request, scope, scheme or scope["scheme"])
        return Meaning(
            client=self._client(claims),
            scheme=scheme,
            server=server,
            host=host,
            prefix=self._prefix(claims),
            mount=self._mount(request),
            underscores=underscores,
            vouched=self._vouches_for.intersection(map(_with_dashes, request.fields)),
        )

    def _client(self, claims: Claims) -> tuple[str, int] | None:
        if "for" not in self._facts or claims.client is None:
            return None
        return str(claims.client.address), claims.client.port

    def _scheme(self, claims: Claims) -> str | None:
        if "proto" not in self._facts or claims.proto is None:
            return None
        return _sane("protocol", claims.proto, checked_scheme(claims.proto))

    def _secure_scheme(self, request: Request) -> str | None:
        """Look at the fields of ``secure_scheme_headers``, with gunicorn's meaning."""
        if not self._secure:
            return None
        said = {
            "https" if value == self._secure[name] else "http"
            for name, value in request.headers
            if name in self._secure
        }
        if len(said) > 1:
            raise RequestError(400, "fields contradict each other about the scheme")
        return said.pop() if said else None

    def _host(
        self, claims: Claims, request: Request, scope: dict[str, Any], scheme: str
    ) -> tuple[tuple[bytes, bytes] | None, tuple[str, int] | None]:
        """Return the Host field and the server, each None to leave it as it is."""
        host = port = None
        if "host" in self._facts and claims.host is not None:
            host = _sane("host", claims.host, checked_host(claims.host))
        if "port" in self._facts and claims.port is not None:
            port = _sane("port", claims.port, checked_port(claims.port))
        if host is None and port is None:
            return None, None
        value = host or request.fields.get(b"host", b"").decode("latin-1")
        name, own_port = split_host(value)
        default = DEFAULT_PORTS[scheme]
        if port is None:
            field = (b"host", value.encode("latin-1"))
            return field, (name.strip("[]"), own_port or default)
        if not name:  # a client with HTTP/1.0 need not say what it asks for
            return None, (scope["server"][0] if scope["server"] else "localhost", port)
        full = name if port == default else f"{name}:{port}"
        return (b"host", full.encode("latin-1")), (name.strip("[]"), port)

    def _prefix(self, claims: Claims) -> tuple[str, bytes] | None:
        if "prefix" not in self._facts or claims.prefix is None or claims.prefix in ("", "/"):
            return None
        raw = claims.prefix.rstrip("/")
        path = _sane("prefix", claims.prefix, checked_path(raw))
        return (path, raw.encode("ascii")) if path is not None else None

    def _mount(self, request: Request) -> str:
        """Return where SCRIPT_NAME says that the application is."""
        if self._own.isdisjoint((b"script_name", b"*")):
            return ""
        value = request.fields.get(b"script_name", b"").decode("latin-1").rstrip("/")
        return (_sane("SCRIPT_NAME", value, checked_path(value)) or "") if value else ""


class Peers:
    """Tells proxies that are believed from everybody else. Loop thread only.

    Attributes:
        stranger: a peer that is not believed.
        announcing: who may speak the PROXY protocol.
    """

    def __init__(self, config: Config) -> None:
        self._believed = AllowList(config.believed_peers)
        self._proxy = Peer(config, self._believed, trusted=True)
        self.stranger = Peer(config, self._believed, trusted=False)
        self.announcing = AllowList(config.proxy_allow_ips)

    def __repr__(self) -> str:
        return f"<Peers {self._believed!r}>"

    def find(self, client: tuple[str, int] | None, server: tuple[str, int | None] | None) -> Peer:
        """Return what the peer of a connection may say; its ends are as in a scope."""
        return self._proxy if self._believed.admits_peer(client, server) else self.stranger


def _names(listed: str) -> frozenset[bytes]:
    return frozenset(name.lower().encode("latin-1") for name in words(listed))


def _with_dashes(name: bytes) -> bytes:
    return name.replace(b"_", b"-")


def _secure_fields(config: Config) -> dict[bytes, bytes]:
    fields = config.secure_scheme_headers or {}
    return {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in fields.items()}


def _put_before(scope: dict[str, Any], prefix: str, raw: bytes) -> None:
    """Add what a proxy has taken off the path to what another one has, ``root_path``; once if it is that."""
    root: str = scope["root_path"]
    if root and prefix.endswith(root):
        prefix = prefix.removesuffix(root)
        raw = quote(prefix).encode("ascii")
    scope["root_path"] = prefix + root
    scope["path"] = prefix + scope["path"]
    scope["raw_path"] = raw + scope["raw_path"]


def _mount(scope: dict[str, Any], mount: str) -> None:
    root = scope["root_path"] + mount
    if scope["path"] == root or scope["path"].startswith(root + "/"):
        scope["root_path"] = root
    else:
        logger.debug("a proxy sent a SCRIPT_NAME that the path does not begin with: %r", mount)


def _sane(what: str, said: str, checked: _T | None) -> _T | None:
    """Return a value that has been checked; if it is none, say so."""
    if checked is None:
        logger.debug("a proxy sent a %s that makes no sense, and is ignored: %r", what, said)
    return checked
