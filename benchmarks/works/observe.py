"""The views of Django once more, with somebody who observes them: what that costs."""

from dataclasses import replace

from benchmarks.contestants import Contestant
from benchmarks.work import CPU, RATE, Target, Work
from benchmarks.works.django import DJANGO_ASYNC, DJANGO_ROWS, DJANGO_SYNC

_WITHOUT = "hybrid, without"


def _observed(work: Work) -> Work:
    """Compare a server that observes with one that does not."""
    plain: Contestant = work.hybrid
    return replace(
        work,
        name=f"{work.name}, with --observe",
        hybrid=replace(plain, arguments=(*plain.arguments, "--observe")),
        peers=(replace(plain, name=_WITHOUT),),
        figures=(CPU, RATE),
        targets=(Target(CPU, 1.02, _WITHOUT),),
        rounds=9,
        seconds=4.0,
    )


DJANGO_OBSERVE = tuple(map(_observed, (DJANGO_SYNC, DJANGO_ROWS, DJANGO_ASYNC)))
