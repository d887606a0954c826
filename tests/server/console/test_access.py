"""Who is told more than health: by the address, the token, the cookie, and the fields a browser sends."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hybrid.server.console import access
from hybrid.server.console.access import COOKIE, Access, Reach, Verdict, reach_of

TOKEN = "a-token-that-is-long"


def scope(**fields: str) -> dict[str, Any]:
    """Make a request with header fields."""
    return {"headers": [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]}


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Close sockets at the end."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(
    ("addresses", "reach"),
    [
        (["127.0.0.1"], Reach.MACHINE),
        (["127.0.0.3"], Reach.MACHINE),
        (["::1"], Reach.MACHINE),
        (["127.0.0.1", "0.0.0.0"], Reach.OTHERS),
        (["::"], Reach.OTHERS),
    ],
    ids=lambda each: "+".join(each) if isinstance(each, list) else None,
)
def test_reach(opened: ExitStack, addresses: list[str], reach: Reach) -> None:
    """One address that others can reach is enough."""
    sockets = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            each = opened.enter_context(socket.socket(family))
            each.bind((address, 0))
        except OSError as error:
            pytest.skip(f"no {address} here: {error}")
        sockets.append(each)
    assert reach_of(sockets) is reach


def test_reach_of_a_unix_socket(opened: ExitStack, tmp_path: Path) -> None:
    """Programs of this machine can reach it, and no browser."""
    each = opened.enter_context(socket.socket(socket.AF_UNIX))
    each.bind(str(tmp_path / "s"))
    assert reach_of([each]) is Reach.PROGRAMS


@pytest.mark.parametrize(
    ("host", "verdict"),
    [
        ("localhost:9100", Verdict.ALLOWED),
        ("LOCALHOST", Verdict.ALLOWED),
        ("shop.localhost:9100", Verdict.ALLOWED),
        ("127.0.0.1:9100", Verdict.ALLOWED),
        ("[::1]:9100", Verdict.ALLOWED),
        ("rebound.example:9100", Verdict.FOREIGN_HOST),
        ("localhost.example", Verdict.FOREIGN_HOST),
        ("127.0.0.1.example", Verdict.FOREIGN_HOST),
        ("10.0.0.1", Verdict.FOREIGN_HOST),
        ("", Verdict.FOREIGN_HOST),
    ],
)
def test_host(host: str, verdict: Verdict) -> None:
    """Without a token the Host field must name this machine: any other name may be anybody's."""
    assert Access(Reach.MACHINE, None).may_ask(scope(host=host)) is verdict


def test_no_host() -> None:
    """No browser leaves it out, and nothing else has to be let in."""
    assert Access(Reach.MACHINE, None).may_ask(scope()) is Verdict.FOREIGN_HOST


def test_host_with_a_token_or_at_a_unix_socket() -> None:
    """There it may be anything: what is asked for a page of another name has no cookie, or no way."""
    assert Access(Reach.PROGRAMS, None).may_ask(scope(host="anything")) is Verdict.ALLOWED
    allowed = scope(host="anything", authorization=f"Bearer {TOKEN}")
    assert Access(Reach.MACHINE, TOKEN).may_ask(allowed) is Verdict.ALLOWED


@pytest.mark.parametrize(
    ("origin", "verdict"),
    [
        ("http://localhost:9100", Verdict.ALLOWED),
        ("http://localhost:9101", Verdict.FOREIGN_ORIGIN),
        ("http://evil.example", Verdict.FOREIGN_ORIGIN),
        ("null", Verdict.FOREIGN_ORIGIN),
    ],
)
def test_origin(origin: str, verdict: Verdict) -> None:
    """A page of another site, or of another port, is refused, whatever else it has."""
    asked = scope(host="localhost:9100", origin=origin, authorization=f"Bearer {TOKEN}")
    assert Access(Reach.MACHINE, None).may_ask(asked) is verdict
    assert Access(Reach.OTHERS, TOKEN).may_ask(asked) is verdict


def test_others_without_a_token() -> None:
    """What others can reach tells nothing but health."""
    alone = Access(Reach.OTHERS, None)
    assert alone.may_ask(scope(host="localhost")) is Verdict.HEALTH_ALONE
    assert alone.may_come(scope(host="localhost")) is Verdict.HEALTH_ALONE
    assert alone.is_health_alone


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xe9"],
)
def test_wrong_tokens(reach: Reach, authorization: str) -> None:
    """Where there is a token it is needed, by whatever way somebody comes; the page may be loaded."""
    guarded = Access(reach, TOKEN)
    asked = scope(host="localhost", authorization=authorization)
    assert guarded.may_ask(asked) is Verdict.TOKEN
    assert guarded.may_come(asked) is Verdict.ALLOWED


def test_cookie(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has the token gets a cookie, which another process with that token knows again, for twelve hours;
    scripts cannot read it, and it does not have the token.
    """
    monkeypatch.setattr(access, "time", lambda: 1000.0)
    field = Access(Reach.OTHERS, TOKEN).cookie()
    assert field.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict")
    assert TOKEN not in field
    asked = scope(host="ops", cookie=f"other=1; {field.partition(';')[0]}")
    other_process = Access(Reach.OTHERS, TOKEN)
    assert other_process.may_ask(asked) is Verdict.ALLOWED
    assert Access(Reach.OTHERS, f"{TOKEN}2").may_ask(asked) is Verdict.TOKEN
    monkeypatch.setattr(access, "time", lambda: 1000.0 + 43200)
    assert other_process.may_ask(asked) is Verdict.TOKEN


@pytest.mark.parametrize(
    "change",
    [
        lambda value: "9" + value,
        lambda value: value[:-1],
        lambda value: value.partition(".")[0],
        lambda value: f".{value.partition('.')[2]}",
        lambda _: "",
        lambda _: "\xe9.\xe9",
    ],
    ids=["longer", "cut", "unsigned", "for ever", "empty", "no text"],
)
def test_forged_cookies(change: Any) -> None:
    """Nobody makes one who has not the token, or makes one last longer."""
    guarded = Access(Reach.OTHERS, TOKEN)
    value = guarded.cookie().partition(";")[0].partition("=")[2]
    assert guarded.may_ask(scope(cookie=f"{COOKIE}={change(value)}")) is Verdict.TOKEN
