import os
import signal
from dataclasses import replace

import pytest

from benchmarks.servers import ServerError
from benchmarks.wsgi_matrix import servers
from benchmarks.wsgi_matrix.check import Answer, Check, get
from benchmarks.wsgi_matrix.facts.replies import status
from benchmarks.wsgi_matrix.plays import ask, ask_until_noted
from benchmarks.wsgi_matrix.reply import End
from benchmarks.wsgi_matrix.runner import run
from benchmarks.wsgi_matrix.seen import Seen
from benchmarks.wsgi_matrix.servers import CONTESTANTS, Contestant, Peer, serving

OURS = CONTESTANTS[0]


def check(name: str, **changes: object) -> Check:
    """A check that a server is alive."""
    plain = Check(name, "Section", "It lives", "test_it", get("/alive"), (status(200),))
    return replace(plain, **changes)  # type: ignore[arg-type]


def pids(*checks: Check) -> list[int]:
    """The processes that these checks are put to."""
    found: list[int] = []

    def notice(peer: Peer, asked: Check) -> Seen:
        found.append(peer._process.pid)
        return ask(peer, asked)

    run(OURS, [replace(each, play=notice) for each in checks])
    return found


def test_checks_share_a_server() -> None:
    """One process serves them all, but for those that want to be alone, or below a prefix."""
    first, alone, mounted, last = pids(
        check("first"), check("alone", alone=True), check("mounted", mounted=True), check("last")
    )
    assert first == last
    assert len({first, alone, mounted}) == 3


def test_a_server_that_has_died_is_replaced() -> None:
    """A check that ends the server fails, and not those after it."""

    def kill(peer: Peer, asked: Check) -> Seen:
        with peer.connect() as client:
            os.kill(peer._process.pid, signal.SIGKILL)
            return Seen(client.read_reply())  # ends when the process has

    told: list[str] = []
    verdicts = run(OURS, [check("killed", play=kill), check("next")], told.append)
    assert [verdicts["killed"].answer, verdicts["next"].answer] == [Answer.NO, Answer.YES]
    assert told[1:] == ["hybrid: next: yes"]


def test_notes_of_an_earlier_check_are_forgotten() -> None:
    """Two checks of one application each see their own notes."""
    closing = check("closing", request=get("/closed"))
    seen: list[tuple[str, ...]] = []

    def notice(peer: Peer, asked: Check) -> Seen:
        found = ask_until_noted(peer, asked)
        seen.append(found.notes)
        return found

    run(OURS, [replace(closing, play=notice, name=name) for name in ("one", "two")])
    assert seen == [("closed",), ("closed",)]


def test_what_a_server_shows() -> None:
    """A running server has output, memory, and a port that is asked for in vain after its end."""
    with serving(OURS) as peer:
        assert peer.is_alive()
        assert "hybrid: listening on" in peer.output()
        peer.reset_peak_memory()
        peak = peer.peak_memory()
        assert peak is None or peak > 1 << 20
    assert not peer.is_alive()


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without the applications is an error, and says what it printed."""
    monkeypatch.setattr(servers, "START_TIMEOUT", 0.05)
    other = replace(OURS, arguments=(*OURS.arguments[:-1], "benchmarks.apps.hello_wsgi:app"))
    with pytest.raises(ServerError, match="does not answer"), serving(other):
        pass


def test_missing_and_versions() -> None:
    """A contestant names the distributions that are not installed, and the versions of those that are."""
    absent = Contestant("absent", ("hybrid-gateway", "no-such-distribution"), ())
    assert absent.missing() == ["no-such-distribution"]
    assert OURS.versions() == "this checkout"


def test_nobody_answers_the_request() -> None:
    """The reply of a server that says nothing is told from one that closes."""
    with serving(OURS) as peer, peer.connect() as client:
        client.send(b"\0\r\n\r\n")
        assert client.read_reply().end is not End.WAITING
