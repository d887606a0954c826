"""Has proxies check what the documents show of their configuration."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.documents.blocks import Block
from tests.support.needs import require_program
from tests.support.redis import free_port

#: What pages say that there is beside a `location`.
_AROUND = """
events {{}}
pid {folder}/nginx.pid;
error_log stderr;
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""


def check_nginx(block: Block, folder: Path) -> None:
    """A `location`, by `nginx -t`: it is read, and what it says exists. A port that is taken is no error."""
    program = require_program("nginx", "/usr/sbin/nginx")
    file = folder / "nginx.conf"
    file.write_text(_AROUND.format(folder=folder, location=block.code, port=free_port()), encoding="utf-8")
    _run(block, program, "-t", "-e", "stderr", "-p", str(folder), "-c", str(file))


def check_caddy(block: Block, folder: Path) -> None:
    """A whole Caddyfile, by `caddy adapt`: unknown directives are errors."""
    file = folder / "Caddyfile"
    file.write_text(block.code, encoding="utf-8")
    _run(block, require_program("caddy"), "adapt", "--config", str(file))


def _run(block: Block, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block}: {done.stderr}"


PROXIES: dict[str, Callable[[Block, Path], None]] = {"nginx": check_nginx, "caddy": check_caddy}
