"""Puts the checks to a server: a real process, and a new one where the last check may have left disorder."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.wsgi_matrix.check import Check, Verdict, judge
from benchmarks.wsgi_matrix.servers import Contestant, Peer, serving

Progress = Callable[[str], object]


def run(
    contestant: Contestant, checks: Iterable[Check], progress: Progress = lambda _: None
) -> dict[str, Verdict]:
    """Run checks against a server, and return what became of each, by its name."""
    verdicts: dict[str, Verdict] = {}
    with _Shared(contestant) as shared:
        for check in checks:
            if check.alone or check.mounted:
                with serving(contestant, mounted=check.mounted) as peer:
                    verdict = _play(check, peer)
            else:
                verdict = _play(check, shared.peer())
            verdicts[check.name] = verdict
            progress(f"{contestant.name}: {check.name}: {verdict.answer.value} {verdict.reason}".rstrip())
    return verdicts


def _play(check: Check, peer: Peer) -> Verdict:
    check = replace(check, request=check.request.replace(b"{prefix}", peer.prefix.encode("ascii")))
    peer.forget(check.app)
    verdict = judge(check, check.play(peer, check))
    return replace(verdict, reason=verdict.reason.replace(str(peer.port), "PORT"))


class _Shared(ExitStack):
    """The server that most checks share, for as long as it answers."""

    def __init__(self, contestant: Contestant) -> None:
        super().__init__()
        self._contestant = contestant
        self._peer: Peer | None = None

    def peer(self) -> Peer:
        """Return a server that answers."""
        if self._peer is None or not self._peer.is_alive():
            self.close()
            self._peer = self.enter_context(serving(self._contestant))
        return self._peer
