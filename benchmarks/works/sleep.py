"""Views that wait, as for a database: whether all threads are used, and how soon one is woken."""

from dataclasses import replace

from benchmarks.contestants import granian, gunicorn, hybrid, uvicorn
from benchmarks.loads.plan import Arrivals, Batch
from benchmarks.work import RATE, Target, Work, added, share_of
from benchmarks.works.hello import ASGI, HELLO

VIEW = 50  # milliseconds that apps/sleep_wsgi.py sleeps
THREADS = 40
IDEAL = THREADS * 1000 / VIEW

SHARE = share_of(IDEAL)
ADDED_P99 = added("p99", VIEW)

SLEEP_AT_FULL_LOAD = Work(
    f"Views that sleep {VIEW} ms, {THREADS} threads, 200 connections",
    Batch(HELLO, 200, rate=IDEAL),
    hybrid("sleep_wsgi", "--threads", f"{THREADS}"),
    (
        uvicorn("sleep_wsgi_a2wsgi", *ASGI, packages=("a2wsgi",)),
        granian("sleep_wsgi", "--interface", "wsgi", "--blocking-threads", f"{THREADS}"),
        gunicorn("sleep_wsgi", "--worker-class", "gthread", "--threads", f"{THREADS}"),
    ),
    (SHARE, RATE),
    (Target(SHARE, 0.97),),
    rounds=3,
    seconds=3.0,
)
SLEEP_AT_HALF_LOAD = replace(
    SLEEP_AT_FULL_LOAD,
    name=f"The same at half load, {IDEAL / 2:g} requests/s",
    load=Arrivals(HELLO, 200, rate=IDEAL / 2),
    figures=(ADDED_P99, added("p50", VIEW), added("max", VIEW), RATE),
    targets=(Target(ADDED_P99, 5.0),),
)
