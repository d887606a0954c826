"""The small applications once more, with figures of their requests and without: what counting costs."""

from dataclasses import replace

from benchmarks.contestants import Contestant
from benchmarks.work import CPU, CPU_PER_MESSAGE, RATE, Target, Work
from benchmarks.works.hello import ASGI_HELLO, FLASK_HELLO, WSGI_HELLO
from benchmarks.works.websockets import WEBSOCKET_ECHO

_WITHOUT = "hybrid, --no-metrics"


def _counted(work: Work) -> Work:
    """Compare a server that counts with one that does not."""
    plain: Contestant = work.hybrid
    cpu = CPU_PER_MESSAGE if work is WEBSOCKET_ECHO else CPU
    return replace(
        work,
        name=f"{work.name}, with figures",
        peers=(replace(plain, name=_WITHOUT, arguments=(*plain.arguments, "--no-metrics")),),
        figures=(cpu, RATE),
        targets=(Target(cpu, 1.03, _WITHOUT),),
        rounds=9,
        seconds=3.0,
    )


METRICS = tuple(map(_counted, (ASGI_HELLO, WSGI_HELLO, FLASK_HELLO, WEBSOCKET_ECHO)))
