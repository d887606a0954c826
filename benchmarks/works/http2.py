"""Works over HTTP/2, in clear and with prior knowledge, as from a proxy."""

from benchmarks.apps.hello_asgi import BODY
from benchmarks.contestants import granian, gunicorn, hybrid, hypercorn, uvicorn
from benchmarks.loads.h2load import needed
from benchmarks.loads.plan import Multiplexed, StreamEchoes
from benchmarks.work import CPU, CPU_PER_GIB, CPU_PER_MESSAGE, MESSAGES, RATE, THROUGHPUT, Target, Work
from benchmarks.works.hello import ASGI, GRANIAN_WSGI
from benchmarks.works.transfers import GTHREAD
from benchmarks.works.websockets import ECHO, GUNICORN_ASGI

OURS = ("--http", "auto", "--http2-cleartext")
GRANIAN = ("--http", "2")
UVICORN = (*ASGI, "--http", "zttp", "--http2")
GUNICORN = ("--http-protocols", "h2,h1", "--http2-cleartext", "prior-knowledge")

LARGE = 100 << 20

HTTP2_HELLO = Work(
    "ASGI hello over HTTP/2, 10 connections of 10 streams",
    Multiplexed(len(BODY)),
    hybrid("hello_asgi", "--lifespan", "off", *OURS),
    (
        hypercorn("hello_asgi"),
        gunicorn("hello_asgi", *GUNICORN_ASGI, *GUNICORN, packages=("h2",)),
        uvicorn("hello_asgi", *UVICORN, packages=("zttp",)),
        granian("hello_asgi", "--interface", "asgi", *GRANIAN),
    ),
    (CPU, RATE),
    (
        Target(RATE, 3.0, "hypercorn"),
        Target(CPU, 0.33, "hypercorn"),
        Target(RATE, 1.0, "gunicorn"),
        Target(CPU, 1.0, "gunicorn"),
    ),
    environment=needed,
)
HTTP2_WSGI = Work(
    "WSGI hello over HTTP/2, 10 threads, 10 connections of 10 streams",
    Multiplexed(len(BODY)),
    hybrid("hello_wsgi", "--threads", "10", *OURS),
    (
        gunicorn("hello_wsgi", *GTHREAD, *GUNICORN, packages=("h2",)),
        granian("hello_wsgi", *GRANIAN_WSGI, *GRANIAN),
    ),
    (CPU, RATE),
    (Target(RATE, 1.0, "gunicorn"), Target(CPU, 1.0, "gunicorn")),
    environment=needed,
)
HTTP2_DOWNLOAD = Work(
    "100 MiB in parts of 64 KiB on one stream of HTTP/2",
    Multiplexed(LARGE, connections=1, streams=1, requests=3, path=f"/{LARGE}"),
    hybrid("stream_asgi", "--lifespan", "off", *OURS),
    (
        hypercorn("stream_asgi"),
        gunicorn("stream_asgi", *GUNICORN_ASGI, *GUNICORN, packages=("h2",)),
        uvicorn("stream_asgi", *UVICORN, packages=("zttp",)),
        granian("stream_asgi", "--interface", "asgi", *GRANIAN),
    ),
    (THROUGHPUT, CPU_PER_GIB),
    (Target(THROUGHPUT, 2.0, "hypercorn"), Target(CPU_PER_GIB, 0.5, "hypercorn")),
    rounds=3,
    environment=needed,
)
HTTP2_WEBSOCKET = Work(
    "WebSocket echo over HTTP/2, 32 bytes, 8 connections of 8 streams",
    StreamEchoes(ECHO),
    hybrid("echo_asgi", "--lifespan", "off", *OURS),
    (hypercorn("echo_asgi"),),
    (CPU_PER_MESSAGE, MESSAGES),
    (Target(CPU_PER_MESSAGE, 0.5, "hypercorn"),),
)
