"""What it costs to find the application for a path, with many routes and with few."""

from benchmarks.contestants import Contestant
from benchmarks.loads.plan import Calls
from benchmarks.work import CPU_PER_CALL, Target, Work

_FEW = "hybrid, 10 routes"


def _router(name: str, routes: int, package: str, title: str) -> Contestant:
    return Contestant(title, (package,), ("benchmarks.matching", name, str(routes), "{seconds}"))


ROUTES = Work(
    "a path among 1000 routes with an argument, each as often",
    Calls(),
    _router("hybrid", 1000, "hybrid-gateway", "hybrid"),
    (
        _router("hybrid", 10, "hybrid-gateway", _FEW),
        _router("channels", 1000, "channels", "Channels"),
        _router("channels", 10, "channels", "Channels, 10 routes"),
        _router("starlette", 1000, "starlette", "Starlette"),
        _router("starlette", 10, "starlette", "Starlette, 10 routes"),
    ),
    (CPU_PER_CALL,),
    (Target(CPU_PER_CALL, 3.0, _FEW),),
    seconds=1.0,
)
