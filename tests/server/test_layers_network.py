"""Channel layers under real servers: publishing from anywhere, and layers of somebody else's."""

import functools
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import ClientConnection

from tests.support.celery import start_celery
from tests.support.needs import require_module
from tests.support.process import (
    DEADLINE,
    ROOT,
    Serve,
    ServerProcess,
    option_arguments,
    process_environment,
    run_hybrid,
)
from tests.support.redis import redis_process
from tests.support.websocket_clients import opened

ROOM = "tests.apps.room_asgi:app"
FLASK = "tests.apps.room_flask:app"
DJANGO = "tests.apps.room_django"
MEMORY = "memory:?capacity=50"
CHANNELS = "channels.layers.InMemoryChannelLayer"
CORE = "channels_redis.core.RedisChannelLayer"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
OURS = "redis"
#: Those that reach other processes.
WIDE = [CORE, PUBSUB, OURS]
#: Those that reach the other workers of one server.
AMONG_WORKERS = [CORE, OURS, "workers", ""]


PUBLISHES = "import hybrid; hybrid.publish('room', {'type': 'room.said', 'text': 'a script'})"
INSIDE_A_LOOP = """
import asyncio, hybrid
async def main():
    hybrid.publish("room", {"type": "room.said", "text": "a script"})
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    """Run a Redis for all tests here."""
    require_module("channels_redis")
    with redis_process() as url:
        yield url


@pytest.fixture
def serve(serve: Serve) -> Serve:
    """Find the applications from the root of the repository."""
    return functools.partial(serve, app_dir=ROOT)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """Write the layer of a test as `--layer` has it."""
    name: str = request.param
    if name == OURS:
        return f"{request.getfixturevalue('redis')}/2"
    # channels_redis waits five seconds at a time, which is all that redis-py 8 lets it wait by default.
    hosts = f'["{request.getfixturevalue("redis")}?socket_timeout=60"]' if name in WIDE else ""
    return f"{name}?hosts={hosts}" if hosts else name


def heard(websocket: ClientConnection) -> str:
    """Return the next text."""
    text = websocket.recv(timeout=DEADLINE)
    assert isinstance(text, str)
    return text


def ask(server: ServerProcess, path: str, text: str, **parameters: str) -> None:
    """Ask a view to say something."""
    answer = httpx.post(f"{server.url}{path}", params=parameters, content=text, timeout=DEADLINE)
    assert answer.status_code == 200, answer.text


class WorkerProcess(ServerProcess):
    """A `hybrid worker` process."""

    listening = re.compile(r"hybrid: (working) for the channels thumbnails")

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line."""
        return [sys.executable, "-m", "hybrid", "worker", *option_arguments(options), *targets]


def start_worker(backend: str, folder: Path) -> WorkerProcess:
    """Start a worker for thumbnails, and return once it works; the caller closes it."""
    targets = ["tests.apps.room_asgi:work", "thumbnails"]
    worker = WorkerProcess(targets, {"layer": backend, "app_dir": ROOT}, cwd=folder)
    return worker.wait_until_listening()


def script(code: str, layer: str, *arguments: str) -> None:
    """Run a script that knows the layer by its variable alone."""
    run_script(code, *arguments, env={"HYBRID_LAYER": layer, "PYTHONWARNINGS": "error"})


def run_script(code: str, *arguments: str, env: dict[str, str]) -> None:
    """Run a script, which must not complain of anything."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**process_environment(), **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("backend", [MEMORY, CHANNELS, *WIDE], indirect=True)
def test_from_anywhere(serve: Serve, backend: str) -> None:
    """A view on a thread, a thread of its own, and a coroutine: all WebSockets in the group hear them."""
    server = serve(FLASK, ROOM, layer=backend)
    with ExitStack() as stack:
        rooms = [stack.enter_context(opened(server, "/room")) for _ in range(3)]
        channels = [heard(room) for room in rooms]
        ask(server, "/say", "one")
        assert [heard(room) for room in rooms] == ["flask: one"] * 3
        ask(server, "/thread", "two")
        assert [heard(room) for room in rooms] == ["thread: two"] * 3
        for number in range(20):
            rooms[0].send(str(number))
        for room in rooms:
            assert [heard(room) for _ in range(20)] == [f"coroutine: {number}" for number in range(20)]
        ask(server, "/send", "three", channel=channels[1])
        assert heard(rooms[1]) == "alone: three"
    assert server.terminate() == 0
    assert "Traceback" not in server.stderr


@pytest.mark.parametrize("backend", [MEMORY, CORE], indirect=True)
def test_from_django(serve: Serve, backend: str) -> None:
    """Its views publish as a WSGI application's on threads, and as an ASGI application's of both kinds."""
    require_module("django")
    server = serve(f"{DJANGO}:wsgi", ROOM, layer=backend)
    with opened(server, "/room") as room:
        heard(room)
        ask(server, "/say", "one")
        assert heard(room) == "django: one"
    server = serve(f"{DJANGO}:asgi_with_room", layer=backend)
    with opened(server, "/room") as room:
        heard(room)
        ask(server, "/say", "two")
        assert heard(room) == "django: two"
        ask(server, "/say-async", "three")
        assert heard(room) == "async django: three"


@pytest.mark.parametrize("backend", WIDE, indirect=True)
def test_between_processes(serve: Serve, backend: str) -> None:
    """Two servers and a script have the same groups when they are told of the same layer."""
    first, second = (serve(FLASK, ROOM, layer=backend) for _ in range(2))
    with opened(first, "/room") as one, opened(second, "/room") as two:
        assert heard(one) != heard(two)
        ask(second, "/say", "across")
        assert heard(one) == heard(two) == "flask: across"
        script(PUBLISHES, backend)
        assert heard(one) == heard(two) == "a script"
        if backend.startswith((CORE, PUBSUB)):  # ours has tasks that go on
            script(INSIDE_A_LOOP, backend)
            assert heard(one) == heard(two) == "a script"
    for server in (first, second):
        assert server.terminate() == 0
        assert "Traceback" not in server.stderr


@pytest.mark.parametrize("backend", WIDE, indirect=True)
def test_to_one_channel_from_a_script(serve: Serve, backend: str) -> None:
    """A channel's name is all that another process needs."""
    server = serve(ROOM, layer=backend)
    with opened(server, "/room") as room:
        channel = heard(room)
        code = "import sys, hybrid; hybrid.send(sys.argv[1], {'type': 'room.said', 'text': 'you alone'})"
        script(code, backend, channel)
        assert heard(room) == "you alone"


@pytest.mark.slow
@pytest.mark.parametrize("backend", WIDE, indirect=True)
def test_from_celery(serve: Serve, redis: str, backend: str, tmp_path: Path) -> None:
    """A task on a worker of Celery, which knows the layer by its variable, reaches a WebSocket."""
    require_module("celery")
    server = serve(ROOM, layer=backend)
    variables = {"ROOM_BROKER": f"{redis}/1", "HYBRID_LAYER": backend, "PYTHONPATH": str(ROOT)}
    with start_celery("tests.apps.room_celery", cwd=tmp_path, env=variables) as worker:
        with opened(server, "/room") as room:
            heard(room)
            for number in ("one", "two"):
                ask_celery = "import sys; from tests.apps.room_celery import say; say.delay(sys.argv[1])"
                run_script(ask_celery, number, env=variables)
                assert heard(room) == f"celery: {number}"
        assert worker.terminate() == 0
    assert "Traceback" not in worker.stderr


@pytest.mark.parametrize("backend", AMONG_WORKERS, indirect=True)
def test_several_workers(serve: Serve, backend: str) -> None:
    """Whichever process has a WebSocket, and whichever runs the view: each has its part of the layer."""
    server = serve(FLASK, ROOM, workers=2, **({"layer": backend} if backend else {}))
    with ExitStack() as stack:
        rooms = [stack.enter_context(opened(server, "/room")) for _ in range(8)]
        for room in rooms:
            heard(room)
        for number in range(4):
            ask(server, "/say", str(number))
            assert [heard(room) for room in rooms] == [f"flask: {number}"] * 8
    assert server.terminate() == 0
    assert "Traceback" not in server.stderr


def test_several_workers_in_memory(serve: Serve) -> None:
    """That cannot be meant, and so it is said, once, at the start."""
    server = serve(ROOM, workers=2, layer="memory")
    assert server.terminate() == 0
    assert server.stderr.count("the channel layer is in memory, and there are several workers") == 1


@pytest.mark.slow
@pytest.mark.parametrize("backend", WIDE, indirect=True)
def test_a_worker(serve: Serve, backend: str, tmp_path: Path) -> None:
    """What is sent to a channel reaches a consumer in another process, which ends what it has begun."""
    server = serve(FLASK, ROOM, layer=backend)
    with opened(server, "/room") as room, start_worker(backend, tmp_path) as worker:
        heard(room)
        make = "import sys, hybrid; hybrid.send('thumbnails', {'type': sys.argv[1], 'name': sys.argv[2]})"
        script(make, backend, "thumbnail.make", "one")
        assert heard(room) == "made one"
        script(make, backend, "thumbnail.fail", "two")
        worker.wait_for_stderr("channel thumbnails: the application failed")
        script(make, backend, "thumbnail.make", "three")
        assert heard(room) == "made three"
        script(make, backend, "thumbnail.take_long", "four")
        worker.wait_for_stderr("note: begun")
        assert worker.terminate() == 0
        assert heard(room) == "made at last"
    assert worker.stderr.count("Traceback") == 1


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (
            ["tests.apps.room_asgi:work", "pictures"],
            "no application is configured for the channel 'pictures'",
        ),
        (["tests.apps.room_asgi:work", "thumbnails"], "'default' is in memory, where no other process"),
        (["tests.apps.room_flask:app", "thumbnails"], "a worker needs an ASGI application"),
        (["tests.apps.room_asgi:work"], "Missing argument 'CHANNEL...'"),
    ],
)
def test_a_worker_that_cannot_work(arguments: list[str], wanted: str) -> None:
    """One line says why."""
    done = run_hybrid("worker", *arguments, cwd=ROOT)
    assert wanted in done.stderr
    assert done.returncode in {2, 3}


def test_redis_is_not_there(serve: Serve) -> None:
    """A server starts without it, views are told, and what a coroutine published is counted."""
    layer = f'{CORE}?hosts=["redis://:secret@127.0.0.1:1"]'
    server = serve(FLASK, layer=layer)
    answer = httpx.post(f"{server.url}/say", content="x", timeout=DEADLINE)
    assert answer.status_code == 500
    server = serve(ROOM, layer=layer)
    server.wait_for_stderr("RedisChannelLayer: messages lost: 1 disconnected (the last one for group nobody")
    assert "secret" not in server.stderr


def test_a_plain_server_loads_no_layers(serve: Serve, tmp_path: Path) -> None:
    """Whoever uses none pays for none."""
    (tmp_path / "lists.py").write_text(
        "import sys\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [' '.join(sys.modules).encode()]\n"
    )
    server = serve("lists:app", app_dir=tmp_path)
    loaded = httpx.get(server.url, timeout=DEADLINE).text.split()
    assert not [name for name in loaded if name.startswith(("hybrid.bridge.layers", "redis", "msgpack"))]
