"""gunicorn's settings about HTTP/2 under our worker."""

import socket
from typing import Any

import pytest
from gunicorn.config import Config

from hybrid.adapters.gunicorn.settings import config_of
from hybrid.adapters.gunicorn.unsupported import warn_of_unsupported
from tests.adapters.gunicorn.conftest import Gunicorn
from tests.support.certificates import Authority, authority
from tests.support.process import DEADLINE

__all__ = ["authority"]

CLEAR = {"http_protocols": "h2,h1", "http2_cleartext": "prior-knowledge"}


def cfg_of(settings: dict[str, Any]) -> Config:
    """Make gunicorn's configuration."""
    cfg = Config()
    for name, value in settings.items():
        cfg.set(name, value)
    return cfg


@pytest.mark.parametrize(
    ("settings", "meant"),
    [
        ({}, {"http": "1", "http2_cleartext": False}),
        ({"http2_cleartext": True, "http2_initial_window_size": 7}, {"http": "1", "http2_cleartext": False}),
        ({"http_protocols": "h2"}, {"http": "auto", "http2_initial_window_size": 262_144}),
        ({"http_protocols": "h1,h2"}, {"http": "auto", "http2_cleartext": False}),
        (CLEAR, {"http": "auto", "http2_cleartext": True}),
        ({**CLEAR, "http2_cleartext": True}, {"http2_cleartext": True}),
        ({**CLEAR, "http2_cleartext": "both"}, {"http2_cleartext": True}),
        ({**CLEAR, "http2_cleartext": "upgrade"}, {"http2_cleartext": False}),
        ({**CLEAR, "certfile": "a", "keyfile": "a"}, {"http2_cleartext": False}),
        ({**CLEAR, "http2_max_concurrent_streams": 7}, {"http2_max_concurrent_streams": 7}),
        ({**CLEAR, "http2_initial_window_size": 70_000}, {"http2_initial_window_size": 70_000}),
        ({**CLEAR, "http2_max_header_list_size": 9_000}, {"limit_request_head": 9_000}),
        ({**CLEAR, "http2_max_header_list_size": 0}, {"limit_request_head": 1 << 20}),
        ({**CLEAR, "http2_max_header_list_size": 1 << 30}, {"limit_request_head": 1 << 20}),
    ],
    ids=str,
)
def test_what_they_mean(settings: dict[str, Any], meant: dict[str, Any]) -> None:
    """They are settings of ours where HTTP/2 is spoken, and what is left alone is as it is with us."""
    config = config_of(cfg_of(settings), app=None)
    assert {name: getattr(config, name) for name in meant} == meant


def test_ours_come_first(gunicorn: Gunicorn, authority: Authority) -> None:
    """Without a word of gunicorn's, `hybrid_http` has HTTP/2 offered; nothing is complained of."""
    server = gunicorn("hello_wsgi:app", 'hybrid_http = "auto"', certfile=authority.folder / "server.pem",
        keyfile=authority.folder / "server.pem")  # fmt: skip
    assert chosen(server.port, authority) == "h2"
    assert "no effect" not in server.stderr


@pytest.mark.parametrize(("protocols", "protocol"), [("h1", "http/1.1"), ("h2,h1", "h2")])
def test_http_protocols(gunicorn: Gunicorn, authority: Authority, protocols: str, protocol: str) -> None:
    """What is offered to clients in the TLS handshake."""
    pem = authority.folder / "server.pem"
    server = gunicorn("hello_wsgi:app", certfile=pem, keyfile=pem, http_protocols=protocols)
    assert chosen(server.port, authority) == protocol


def chosen(port: int, authority: Authority) -> str | None:
    """Return which version a client comes to that speaks both."""
    context = authority.client_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", port), DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        return client.selected_alpn_protocol()


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, message: str, *args: object) -> None:
        """Keep a line."""
        self.lines.append(message % args)


NO_H2 = "has no effect with this worker: there is no h2 in http_protocols"


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        ({}, []),
        (CLEAR, []),
        ({"http2_cleartext": True}, [f"http2_cleartext {NO_H2}"]),
        ({"http2_max_concurrent_streams": 7}, [f"http2_max_concurrent_streams {NO_H2}"]),
        (
            {**CLEAR, "http2_max_frame_size": 20_000},
            ["http2_max_frame_size has no effect with this worker: every client can send the frames of"],
        ),
        ({**CLEAR, "http2_cleartext": "both"}, ["http2_cleartext: HTTP/2 is not begun by an Upgrade field"]),
    ],
    ids=str,
)
def test_what_has_no_effect(settings: dict[str, Any], lines: list[str]) -> None:
    """Who sets something in vain is told, and nobody else."""
    log: Any = Log()
    warn_of_unsupported(cfg_of(settings), log)
    assert len(log.lines) == len(lines)
    for line, start in zip(log.lines, lines, strict=True):
        assert line.startswith(start)
