"""What a server takes before anybody asks anything of it: time to start, and memory."""

from benchmarks.contestants import granian, hybrid, uvicorn
from benchmarks.loads.plan import Idle, Start
from benchmarks.work import FIRST_ANSWER, HELD, HELD_EACH, Target, Work
from benchmarks.works.hello import ASGI, HELLO
from benchmarks.works.websockets import ECHO, SANSIO

_CONNECTIONS = 1000
_KEPT = ("--timeout-keep-alive", "75")

START = Work(
    "start to the first answer, ASGI hello",
    Start(HELLO),
    hybrid("hello_asgi", "--lifespan", "off"),
    (uvicorn("hello_asgi", *ASGI), granian("hello_asgi", "--interface", "asgi")),
    (FIRST_ANSWER, HELD),
    (Target(FIRST_ANSWER, 1.0, "uvicorn"), Target(HELD, 1.0, "uvicorn")),
    rounds=11,
)
IDLE_HTTP = Work(
    f"{_CONNECTIONS} idle connections, kept alive",
    Idle("http", HELLO, _CONNECTIONS),
    hybrid("hello_asgi", "--lifespan", "off", *_KEPT),
    (
        uvicorn("hello_asgi", *ASGI, *_KEPT),
        granian("hello_asgi", "--interface", "asgi", "--backpressure", "4096"),
    ),
    (HELD_EACH,),
    (Target(HELD_EACH, 1.0, "uvicorn"),),
    rounds=3,
)
IDLE_WEBSOCKETS = Work(
    f"{_CONNECTIONS} idle WebSockets",
    Idle("websocket", ECHO, _CONNECTIONS),
    hybrid("echo_asgi", "--lifespan", "off"),
    (
        uvicorn("echo_asgi", *SANSIO, packages=("websockets",)),
        granian("echo_asgi", "--interface", "asgi"),
    ),
    (HELD_EACH,),
    (Target(HELD_EACH, 0.8, "uvicorn"),),
    rounds=3,
)
IDLE_DEFLATE = Work(
    f"{_CONNECTIONS} idle WebSockets that have compressed a message of 4 KiB each way",
    Idle("deflate", ECHO * 128, _CONNECTIONS),
    hybrid("echo_asgi", "--lifespan", "off", "--ws-per-message-deflate"),
    (uvicorn("echo_asgi", *SANSIO, packages=("websockets",)),),
    (HELD_EACH,),
    (Target(HELD_EACH, 0.8, "uvicorn"),),
    rounds=3,
)
