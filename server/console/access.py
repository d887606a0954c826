"""Who is told what: everybody health, and the rest those who are on this machine, or have the token."""

import hmac
from collections.abc import Iterable, Sequence
from enum import Enum
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from socket import AddressFamily, socket
from time import time
from typing import Final
from urllib.parse import urlsplit

from hybrid.bridge.types import Scope
from hybrid.server.wire.claims import split_host

#: The cookie of who has signed in.
COOKIE: Final = "hybrid_console"
#: Seconds for which that holds.
SIGNED_IN_SECONDS: Final = 12 * 3600


class Verdict(Enum):
    """Whether somebody is told something; the value is the reason why not."""

    ALLOWED = ""
    #: 401: with the token it would be.
    TOKEN = "This needs the token of the server's ops_token."  # noqa: S105 - it is none
    #: 403: nobody is.
    HEALTH_ALONE = (
        "Only health is told here: others than this machine can reach this address, and the server has no "
        "ops_token."
    )
    FOREIGN_HOST = "This is told to this machine alone, and the Host field names another one."
    FOREIGN_ORIGIN = "Another site's page asks for this."


class Reach(Enum):
    """Who can reach an address."""

    PROGRAMS = "programs of this machine, at a Unix socket"
    MACHINE = "this machine"
    OTHERS = "other machines too"


def reach_of(sockets: Iterable[socket]) -> Reach:
    """Tell who can reach any of the sockets."""
    found = {_reach(each) for each in sockets}
    return next((reach for reach in (Reach.OTHERS, Reach.MACHINE) if reach in found), Reach.PROGRAMS)


class Access:
    """Decides who is told more than health.

    A page of another site that somebody on this machine has open must learn nothing: such a page can make a
    name of its own mean this machine (DNS rebinding), and then the Host field has that name.

    Args:
        reach: who can reach the address.
        token: what those send who are allowed; None where there is none.
    """

    def __init__(self, reach: Reach, token: str | None) -> None:
        self._reach = reach
        self._token = None if token is None else token.encode()

    def __repr__(self) -> str:
        return f"<Access for {self._reach.value}, {'no' if self._token is None else 'with a'} token>"

    @property
    def is_health_alone(self) -> bool:
        """Whether nobody is told more than health."""
        return self._reach is Reach.OTHERS and self._token is None

    @property
    def needs_token(self) -> bool:
        """Whether there is a token that must be known."""
        return self._token is not None

    def may_ask(self, scope: Scope) -> Verdict:
        """Decide on a request or a handshake for anything but health and the sign-in page itself."""
        verdict = self.may_come(scope)
        if verdict is Verdict.ALLOWED and self._token is not None and not self._is_signed_in(scope):
            return Verdict.TOKEN
        return verdict

    def may_come(self, scope: Scope) -> Verdict:
        """Decide whether somebody may ask for the page at all, which has the form for the token."""
        if self.is_health_alone:
            return Verdict.HEALTH_ALONE
        host = _field(scope, b"host")
        if self._token is None and self._reach is Reach.MACHINE and not _is_loopback_host(host):
            return Verdict.FOREIGN_HOST
        origin = _field(scope, b"origin")
        if origin is not None and (host is None or urlsplit(origin).netloc != host):
            return Verdict.FOREIGN_ORIGIN
        return Verdict.ALLOWED

    def has_token(self, scope: Scope) -> bool:
        """Tell whether the Authorization field has the token."""
        scheme, _, said = (_field(scope, b"authorization") or "").partition(" ")
        if self._token is None or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(said.strip().encode("utf-8", "surrogateescape"), self._token)

    def cookie(self) -> str:
        """Return a Set-Cookie field for somebody who has the token; every process knows it again."""
        until = str(int(time()) + SIGNED_IN_SECONDS)
        value = f"{until}.{self._signed(until)}"
        return f"{COOKIE}={value}; Path=/; Max-Age={SIGNED_IN_SECONDS}; HttpOnly; SameSite=Strict"

    def _is_signed_in(self, scope: Scope) -> bool:
        if self.has_token(scope):
            return True
        try:
            cookies = SimpleCookie(_field(scope, b"cookie") or "")
        except CookieError:
            return False
        value = cookies[COOKIE].value if COOKIE in cookies else ""
        until, _, signature = value.partition(".")
        is_ours = hmac.compare_digest(signature.encode(), self._signed(until).encode())
        return is_ours and until.isdecimal() and int(until) > time()

    def _signed(self, until: str) -> str:
        assert self._token is not None
        return hmac.new(self._token, f"operations page {until}".encode(), sha256).hexdigest()


def _reach(bound: socket) -> Reach:
    if bound.family not in (AddressFamily.AF_INET, AddressFamily.AF_INET6):
        return Reach.PROGRAMS
    return Reach.MACHINE if _is_loopback(bound.getsockname()[0]) else Reach.OTHERS


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_loopback_host(host: str | None) -> bool:
    """Tell whether a Host field names this machine, in a way that nobody else can make mean it."""
    if host is None:
        return False
    name = split_host(host)[0].strip("[]").lower()
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _field(scope: Scope, name: bytes) -> str | None:
    """Return the value of a field; of the first, if there are several."""
    fields: Sequence[tuple[bytes, bytes]] = scope["headers"]
    return next((value.decode("latin-1") for key, value in fields if key == name), None)
