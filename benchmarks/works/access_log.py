"""The small applications again, with an access log on stdout, which is a file: what a line costs."""

from dataclasses import replace

from benchmarks.contestants import hybrid, uvicorn
from benchmarks.work import CPU, Target
from benchmarks.works.hello import ASGI, ASGI_HELLO, WSGI_HELLO

#: After the options that all servers have, of which the last one counts.
LOGGING = ("--access-log", "--log-level", "info")

ACCESS_LOG_ASGI = replace(
    ASGI_HELLO,
    name="ASGI hello with an access log, 64 connections",
    hybrid=hybrid("hello_asgi", "--lifespan", "off", *LOGGING),
    peers=(
        uvicorn("hello_asgi", *ASGI, *LOGGING),
        hybrid("hello_asgi", "--lifespan", "off", name="hybrid, no log"),
        hybrid("hello_asgi", "--lifespan", "off", *LOGGING, "--log-format", "json", name="hybrid, JSON"),
    ),
    targets=(Target(CPU, 1.0, "uvicorn"),),
)
ACCESS_LOG_WSGI = replace(
    WSGI_HELLO,
    name="WSGI hello with an access log, 10 threads, 64 connections",
    hybrid=hybrid("hello_wsgi", *LOGGING, "--threads", "10"),
    peers=(
        uvicorn("hello_wsgi_a2wsgi", *ASGI, *LOGGING, packages=("a2wsgi",)),
        hybrid("hello_wsgi", "--threads", "10", name="hybrid, no log"),
        hybrid("hello_wsgi", *LOGGING, "--threads", "10", "--log-format", "json", name="hybrid, JSON"),
    ),
    targets=(Target(CPU, 1.0, "uvicorn + a2wsgi"),),
)
