"""A Redis of the benchmark's own, for as long as the servers run that use it."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

from benchmarks.servers import START_TIMEOUT, STOP_TIMEOUT, free_port

PROGRAMS = ("redis-server", "valkey-server")


@contextlib.contextmanager
def running_redis() -> Iterator[str]:
    """Start Redis, or Valkey, which keeps nothing on disk, and give its URL.

    Raises `OSError` where neither is installed, or it does not start.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise FileNotFoundError(f"neither {' nor '.join(PROGRAMS)} is installed")
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with tempfile.TemporaryDirectory(prefix="hybrid-benchmark-") as folder:
        process = subprocess.Popen([program, *options, "--dir", folder], stdout=subprocess.DEVNULL)
        try:
            _wait_until_ready(process, port)
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
            peer.sendall(b"PING\r\n")
            if peer.recv(16) == b"+PONG\r\n":
                return
        time.sleep(0.02)
    raise OSError("Redis does not start")
