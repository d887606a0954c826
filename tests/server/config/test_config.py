"""The settings: what is accepted, and what a refusal says."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config
from hybrid.server.config.addresses import InheritedSocket, TCPAddress, UnixAddress
from hybrid.server.config.logs import LOG_LEVELS
from hybrid.server.limits import Limits


def test_defaults_are_safe() -> None:
    """Without settings only this machine can connect, nothing waits for ever, and one port is used."""
    config = Config(app="app")
    assert (config.host, config.port, config.uds, config.fd) == ("127.0.0.1", 8000, None, None)
    assert 0 < config.timeout_headers < math.inf
    assert 0 < config.timeout_body < math.inf
    assert config.timeout_body_rate > 0
    assert config.timeout_write > 0
    assert 0 < config.timeout_keep_alive < math.inf
    assert 0 < config.timeout_graceful_shutdown < math.inf


@pytest.mark.parametrize(
    ("app", "targets"),
    [
        ("shop.wsgi:app", ["shop.wsgi:app"]),
        (["wsgi:app", "/api=api"], ["wsgi:app", "/api=api"]),
        (("wsgi:app", "asgi"), ("wsgi:app", "asgi")),
        (print, None),
    ],
)
def test_targets(app: object, targets: object) -> None:
    """Strings are targets to import; anything else is an application already."""
    assert Config(app=app).targets == targets


@pytest.mark.parametrize(
    ("setting", "value", "range_"),
    [
        ("port", -1, "a whole number from 0 to 65535"),
        ("port", 65536, "a whole number from 0 to 65535"),
        ("port", 80.0, "a whole number from 0 to 65535"),
        ("port", "80", "a whole number from 0 to 65535"),
        ("port", True, "a whole number from 0 to 65535"),
        ("threads", 0, "a whole number from 1 to 10000"),
        ("threads_queue", -1, "a whole number from 0 to 1048576"),
        ("websocket_threads", -1, "a whole number from 0 to 10000"),
        ("limit_stuck_threads", 0, "a whole number from 1 to 10000"),
        ("wsgi_buffer", -1, "a whole number from 0 to"),
        ("limit_request_body", 1.5, "a whole number from 0 to"),
        ("limit_request_line", -1, "a whole number from 0 to 1048576"),
        ("limit_request_fields", 257, "a whole number from 0 to 256"),
        ("limit_request_field_size", -1, "a whole number from 0 to 1048576"),
        ("limit_request_head", 63, "a whole number from 64 to 1048576"),
        ("limit_concurrency", -1, "a whole number from 0 to"),
        ("limit_concurrency_queue", -1, "a whole number from 0 to"),
        ("limit_concurrency_timeout", -1, "a number from 0 to 86400"),
        ("limit_max_requests", -1, "a whole number from 0 to"),
        ("timeout_body", math.inf, "a number from 0 to 86400"),
        ("timeout_body_rate", 0.5, "a whole number from 0 to"),
        ("timeout_request", -1, "a number from 0 to 86400"),
        ("threads_queue_timeout", math.inf, "a number from 0 to 86400"),
        ("backlog", 0, "a whole number from 1 to 65536"),
        ("fd", -1, "a whole number from 0 to 2147483647"),
        ("ws_max_size", 0, "a whole number from 1 to"),
        ("ws_max_queue", 0, "a whole number from 1 to"),
        ("ws_deflate_window_bits", 8, "a whole number from 9 to 15"),
        ("ws_deflate_window_bits", 16, "a whole number from 9 to 15"),
        ("ws_deflate_threshold", -1, "a whole number from 0 to"),
        ("timeout_keep_alive", -0.1, "a number from 0 to 86400"),
        ("timeout_headers", math.nan, "a number from 0 to 86400"),
        ("timeout_graceful_shutdown", math.inf, "a number from 0 to 86400"),
        ("timeout_graceful_shutdown", None, "a number from 0 to 86400"),
        ("timeout_graceful_shutdown", "5", "a number from 0 to 86400"),
    ],
)
def test_number_out_of_range(setting: str, value: object, range_: str) -> None:
    """A number that makes no sense is refused by the name of its setting, with the range."""
    settings: dict[str, Any] = {setting: value}
    with pytest.raises(ConfigError, match=f"^{setting}: {value!r} is not {range_}"):
        Config(app="app", **settings)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("port", 0),
        ("port", 65535),
        ("threads", 1),
        ("fd", 0),
        ("timeout_keep_alive", 0),
        ("timeout_graceful_shutdown", 0.0),
        ("timeout_graceful_shutdown", 86400),
    ],
)
def test_number_at_the_edge(setting: str, value: float) -> None:
    """The ends of a range belong to it."""
    settings: dict[str, Any] = {setting: value}
    assert getattr(Config(app="app", **settings), setting) == value


@pytest.mark.parametrize(
    ("setting", "value", "choices"),
    [
        ("lifespan", "sometimes", "auto, on, off"),
        ("loop", "trio", "auto, uvloop, asyncio"),
        ("log_level", "INFO", ", ".join(LOG_LEVELS)),
    ],
)
def test_unknown_choice(setting: str, value: str, choices: str) -> None:
    """A word that is not one of the choices is refused with the choices."""
    settings: dict[str, Any] = {setting: value}
    with pytest.raises(ConfigError, match=f"^{setting}: '{value}' is not one of {choices}$"):
        Config(app="app", **settings)


def test_one_listener() -> None:
    """A Unix socket and a file descriptor exclude each other."""
    with pytest.raises(ConfigError, match="uds and fd"):
        Config(app="app", uds="app.sock", fd=3)


def test_what_is_listened_on() -> None:
    """Each way to say where to listen leads to addresses; without one that is left open."""
    assert Config(app="app").addresses == []
    assert Config(app="app", host="::1", port=80).default_address == TCPAddress("::1", 80)
    assert Config(app="app", uds="app.sock").addresses == [UnixAddress(Path("app.sock"))]
    assert Config(app="app", fd=3).addresses == [InheritedSocket(3)]
    config = Config(app="app", bind=["[::1]:80", "localhost"], port=9000)
    assert config.addresses == [TCPAddress("::1", 80), TCPAddress("localhost", 9000)]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"bind": ["::1"]}, "bind: '::1': an IPv6 address stands in brackets, [::1]:8000"),
        ({"bind": ["a:80", "b:x"]}, "bind: 'b:x': 'x' is not a port"),
        ({"bind": [":80", ":80"]}, "bind: ':80' is there twice"),
        ({"bind": [":80"], "uds": "x"}, "bind and uds: give one of them"),
        ({"bind": [":80"], "fd": 3}, "bind and fd: give one of them"),
        ({"bind": [":80"], "host": "::1"}, "bind and host: give one of them"),
        ({"bind": [":80", "unix:x"], "port": 9000}, "bind and port: each address of bind has its own port"),
        ({"uds_mode": "0o66"}, "uds_mode: '0o66' is not three octal digits, such as 660"),
        ({"uds_mode": "669"}, "uds_mode: '669' is not three octal digits"),
        ({"uds_mode": 660}, "uds_mode: 660 is not a text"),
        ({"limit_connections": -1}, "limit_connections: -1 is not a whole number from 0"),
    ],
)
def test_addresses_that_cannot_be(settings: dict[str, Any], complaint: str) -> None:
    """What cannot be read, or contradicts, is refused by the names of its settings."""
    with pytest.raises(ConfigError) as caught:
        Config(app="app", **settings)
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize(("text", "mode"), [("660", 0o660), ("0600", 0o600)])
def test_socket_permissions(text: str, mode: int) -> None:
    """The permissions of a socket's file are written as `chmod` takes them."""
    assert Config(app="app", uds_mode=text).socket_permissions == mode


def test_objects_in_a_list() -> None:
    """Several applications that are objects already need a gateway, and the message says so."""
    with pytest.raises(ConfigError, match="Gateway"):
        Config(app=["wsgi:app", print])


@pytest.mark.parametrize(
    ("given", "kept"), [("", ""), ("/", ""), ("/behind", "/behind"), ("/behind/proxy/", "/behind/proxy")]
)
def test_root_path(given: str, kept: str) -> None:
    """The root path never ends with a slash, so that it can be put before any path."""
    assert Config(app="app", root_path=given).root_path == kept


def test_root_path_without_slash() -> None:
    """A root path that no URL could begin with is refused."""
    with pytest.raises(ConfigError, match="root_path: 'behind'"):
        Config(app="app", root_path="behind")


def test_limits_of_the_parser() -> None:
    """The parser's limits are made from the settings, and have the same defaults."""
    assert Config(app="app").limits == Limits(request_body=1024**3)
    config = Config(
        app="app",
        limit_request_line=100,
        limit_request_fields=2,
        limit_request_field_size=50,
        limit_request_head=200,
        limit_request_body=7,
    )
    assert config.limits == Limits(100, 2, 50, 200, request_body=7)
    assert replace(config, limit_request_line=70, port=0).limits.request_line == 70


def test_limits_of_zero() -> None:
    """As in gunicorn, 0 is no limit of its own; the head as a whole, and the C parser, still have one."""
    zeros: dict[str, Any] = dict.fromkeys(
        ("limit_request_line", "limit_request_fields", "limit_request_field_size"), 0
    )
    config = Config(app="app", limit_request_head=9000, limit_request_body=0, **zeros)
    assert config.limits == Limits(9000, 256, 9000, 9000, request_body=0)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("X-Frame-Options:DENY", ("x-frame-options", "DENY")),
        ("x-frame-options:  DENY \t", ("x-frame-options", "DENY")),
        ("Link: </a>; rel=preload, </b>", ("link", "</a>; rel=preload, </b>")),
        ("X-Empty:", ("x-empty", "")),
        ("X-Name: M\xfcller", ("x-name", "M\xfcller")),
        ("X-Colon: a:b", ("x-colon", "a:b")),
    ],
)
def test_headers(text: str, field: tuple[str, str]) -> None:
    """A field for every response has a name, a colon, and a value without the white space around it."""
    assert Config(app="app", headers=[text]).header_fields == [field]


@pytest.mark.parametrize(
    "text",
    [
        *("", "x-name", ":value", "x name: value", "x-name : value", " x-name: value", "x-n\xe4me: value"),
        *("x-name: a\r\nset-cookie: evil", "x-name: a\nb", "x-name: a\rb", "x-name: a\0b", "x-name: \x7f"),
        *(
            "x-name\r\nset-cookie: evil",
            "x-name: \n",
            "x-name: value\n",
            "x-name: \u20ac",
            "x-name:\x0bvalue",
        ),
    ],
)
def test_headers_that_cannot_be_sent(text: str) -> None:
    """What is no field, or would be more than one, is refused with what was given."""
    with pytest.raises(ConfigError, match=r"^headers: .* is not NAME:VALUE"):
        Config(app="app", headers=["x-good: value", text])


@pytest.mark.parametrize(
    "name", ["Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Trailer"]
)
def test_headers_of_the_connection(name: str) -> None:
    """Fields that decide the framing, or about the connection, are refused."""
    with pytest.raises(ConfigError, match=f"^headers: '{name}: 1': {name.lower()} is for the server"):
        Config(app="app", headers=[f"{name}: 1"])


def test_pools() -> None:
    """A pool has a name, threads, and a queue, which without a number is as long as the default one's."""
    config = Config(app="app", threads_queue=7, pools=["slow=2", "big_1=30,0"])
    assert config.pool_sizes == {"slow": (2, 7), "big_1": (30, 0)}


@pytest.mark.parametrize(
    ("pools", "complaint"),
    [
        (["slow"], "'slow' is not NAME=THREADS or"),
        (["slow=0"], "'slow=0' is not"),
        (["slow=2,"], "'slow=2,' is not"),
        (["slow=two"], "'slow=two' is not"),
        (["=2"], '"" cannot name a pool'),
        (["a b=2"], '"a b" cannot name a pool'),
        (["a=2", "a=3"], "'a' is there twice"),
    ],
)
def test_malformed_pool(pools: list[str], complaint: str) -> None:
    """A pool that cannot be read is refused with what was typed."""
    with pytest.raises(ConfigError, match=f"^pools: .*{complaint}"):
        Config(app="app", pools=pools)


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        (
            "forwarded_allow_ips",
            "localhost",
            "'localhost' is not an address, a network, 'unix', ",
        ),
        ("forwarded_allow_ips", "10.0.0.1/8", "'10.0.0.1/8' is not .* ends in zero bits"),
        ("proxy_allow_ips", "::1,x", "'x' is not an address"),
        ("forwarded_fields", "for,user", "'user' is not one of for, proto, host, port, prefix"),
        ("forwarded_family", "x-real-ip", "'x-real-ip' is not one of x-forwarded, forwarded"),
        ("header_map", "merge", "'merge' is not one of drop, refuse, dangerous"),
        ("proxy_protocol", "v3", "'v3' is not one of off, v1, v2, auto"),
    ],
)
def test_malformed_proxy_setting(setting: str, value: str, complaint: str) -> None:
    """Who is believed, and what, must be clear."""
    settings: dict[str, Any] = {setting: value}
    with pytest.raises(ConfigError, match=f"^{setting}: {complaint}"):
        Config(app="app", **settings)


def test_wrong_debugger() -> None:
    """What is to be told of responses must be callable."""
    with pytest.raises(ConfigError, match=r"^response_debugger: 'print' cannot be called"):
        Config(app="app", response_debugger="print")  # type: ignore[arg-type]


def test_who_is_believed() -> None:
    """Who is on this machine by default; nobody, if the fields are not to count at all."""
    assert Config(app="app").believed_peers == "127.0.0.1,::1,unix"
    assert Config(app="app", forwarded_allow_ips="10.0.0.0/8").believed_peers == "10.0.0.0/8"
    assert Config(app="app", proxy_headers=False).believed_peers == "none"


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("access_log_format", "%(x)s", "there is no atom"),
        ("access_log_websocket_format", "%", "begins no atom"),
        ("access_logger", "print", "cannot be called"),
        ("log_config", 1, "is not a path, or a dictionary"),
        ("log_format", "xml", "is not one of text, json"),
        ("use_colors", "auto", "is not true or false"),
    ],
)
def test_wrong_logs(setting: str, value: object, complaint: str) -> None:
    """What cannot be logged, or not like that, is refused by the name of its setting."""
    settings: dict[str, Any] = {setting: value}
    with pytest.raises(ConfigError, match=f"^{setting}: .*{complaint}"):
        Config(app="app", **settings)
