"""Several worker processes: how much more than one they serve, where there is a CPU for each."""

from benchmarks.apps.page_flask import PAGE
from benchmarks.contestants import hybrid
from benchmarks.loads.plan import Steady
from benchmarks.work import CPU, RATE, Target, Work

_ONE = "1 worker"


WORKERS = Work(
    "Flask page, 2 worker processes, 64 connections",
    Steady("http", PAGE),
    hybrid("page_flask", "--threads", "10", "--workers", "2", packages=("flask",)),
    (hybrid("page_flask", "--threads", "10", packages=("flask",), name=_ONE),),
    (RATE, CPU),
    (Target(RATE, 1.8, _ONE),),
    every_cpu=True,
)
