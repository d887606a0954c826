"""Runs nginx with the configuration of `deploy/`, on a port of this machine, in front of a server of ours."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.support.needs import require_program
from tests.support.process import DEADLINE, ROOT
from tests.support.redis import free_port
from tests.support.waiting import poll

#: The rest of the configuration, as in Debian's `/etc/nginx/nginx.conf`; nothing is written to `/var`.
_MAIN = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/*.conf;
}}
"""
_LISTEN = re.compile(r"^ *listen .*;\n", re.MULTILINE)
_SERVER = re.compile(r"server \S+ ")

#: Attempts to find a port that nobody takes before nginx does.
_ATTEMPTS = 5


class Nginx:
    """An nginx with the site of `deploy/nginx/hybrid.conf`. A context manager.

    Args:
        folder: for its configuration, and for what it writes.
        upstream: the file with the upstream, below `deploy/`.
        servers: where the servers of the upstream are, as nginx writes it, instead of what the file says.
    """

    def __init__(self, folder: Path, upstream: str, *servers: str) -> None:
        self._program = require_program("nginx", "/usr/sbin/nginx")
        self._folder = folder
        self._upstream = upstream
        self._servers = servers
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __repr__(self) -> str:
        return f"<Nginx on port {self.port}>"

    def __enter__(self) -> Self:
        for attempt in range(_ATTEMPTS, 0, -1):
            try:
                self._start()
            except AssertionError:  # somebody else has got the port
                if attempt == 1:
                    raise
            else:
                return self
        raise AssertionError

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has logged."""
        file = self._folder / "error.log"
        return file.read_text() if file.exists() else ""

    def write(self, port: int) -> None:
        """Write the configuration: the files of `deploy/` with other addresses."""
        self.port = port
        conf = self._folder / "conf.d"
        conf.mkdir(exist_ok=True)
        user = "user root;" if os.geteuid() == 0 else ""
        (self._folder / "nginx.conf").write_text(_MAIN.format(folder=self._folder, user=user))
        site = (ROOT / "deploy/nginx/hybrid.conf").read_text()
        listen = f"    listen 127.0.0.1:{port};\n"
        (conf / "hybrid.conf").write_text(
            _LISTEN.sub(lambda found: listen if "[" not in found[0] else "", site)
        )
        (conf / "upstream.conf").write_text(
            self._with_servers((ROOT / "deploy" / self._upstream).read_text())
        )

    def check(self) -> str:
        """Have it read the configuration, and return what it says; it must have nothing against it."""
        done = subprocess.run([*self._command(), "-t"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(DEADLINE)
            self._process = None

    def _start(self) -> None:
        self.write(free_port())
        self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process = self._process
        poll(lambda: "start worker process " in self.log or process.poll() is not None)
        if process.poll() is not None:
            self._process = None
            raise AssertionError(self.log)

    def _command(self) -> list[str]:
        return [
            self._program,
            "-p",
            str(self._folder),
            "-c",
            "nginx.conf",
            "-e",
            str(self._folder / "error.log"),
        ]

    def _with_servers(self, upstream: str) -> str:
        if not self._servers:
            return upstream
        lines = [f"server {each} " for each in self._servers]
        first = _SERVER.sub(lines[0], upstream, count=1)
        return first.replace(
            "    keepalive", "".join(f"    {each}max_fails=0;\n" for each in lines[1:]) + "    keepalive"
        )


#: The `nginx` fixture: starts nginx with an upstream of `deploy/`, in front of these servers.
StartNginx = Callable[..., Nginx]
