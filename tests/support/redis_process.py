"""A real Redis for tests, on a port of its own, that keeps nothing on disk."""

import socket
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager

from tests.support.needs import require_program
from tests.support.process import DEADLINE

#: Attempts to find a port that nobody takes before Redis does.
_ATTEMPTS = 5


@contextmanager
def redis_process() -> Generator[str]:
    """Run a Redis while the block runs; give its URL. It is ended by its id."""
    program = require_program("redis-server", "valkey-server")
    for _ in range(_ATTEMPTS):
        port = _free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        try:
            if any("eady to accept connections" in line for line in process.stdout):
                reader = threading.Thread(target=process.stdout.read, name="redis log")
                reader.start()
                try:
                    yield f"redis://127.0.0.1:{port}"
                finally:
                    process.terminate()
                    reader.join(DEADLINE)
                return
        finally:
            process.terminate()
            process.wait(DEADLINE)
            process.stdout.close()
    raise AssertionError("Redis found no port")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
