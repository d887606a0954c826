"""The warnings about configurations that work and are dangerous."""

import resource
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.routes import Route
from hybrid.server.config import Config
from hybrid.server.hazards import hazards, is_public

ROUTES = (Route("/", ("http",), "app", "wsgi", "thread pool"),)
KEY = "-----BEGIN PRIVATE KEY-----\n"


def warnings(*routes: Route, **settings: Any) -> list[str]:
    """List the warnings for some settings."""
    config = Config(app="app")
    vars(config).update(settings)  # whether they go together is looked at elsewhere
    return list(hazards(config, routes or ROUTES))


def test_the_defaults_are_no_hazard() -> None:
    """Neither here nor on a public address."""
    assert warnings() == []
    assert warnings(host="0.0.0.0") == []


@pytest.mark.parametrize(
    ("settings", "begins"),
    [
        ({"timeout_write": 0}, "timeout_write = 0: a client that takes nothing"),
        ({"timeout_body": 0}, "timeout_body = 0: a client that stops"),
        ({"threads_queue_timeout": 0}, "threads_queue_timeout = 0: a request that waits"),
        ({"timeout_graceful_shutdown": 0}, "timeout_graceful_shutdown = 0: a restart cuts off"),
        ({"header_map": "dangerous"}, "header_map = dangerous: a client can forge"),
        ({"ssl_ca_certs": "ca.pem", "ssl_cert_reqs": "none"}, "ssl_cert_reqs = none: clients are not asked"),
        ({"static": ["/a=."]}, "static: what is in the current directory can be read by anybody, at /a"),
        ({"static": ["/=/"]}, "static: what is in the current directory can be read by anybody, at /"),
        ({"pools": ["slow=2"]}, "pools: no target runs on the pool slow"),
    ],
)
def test_a_hazard(settings: dict[str, Any], begins: str) -> None:
    """Each is one line that names the setting, and comes alone."""
    (warning,) = warnings(**settings)
    assert warning.startswith(begins)


@pytest.mark.parametrize(
    ("settings", "begins"),
    [
        ({"limit_request_body": 0}, "limit_request_body = 0: on a public address"),
        ({"reload": True}, "reload: it is for development"),
        ({"proxy_headers": True, "forwarded_allow_ips": "*"}, "forwarded_allow_ips = *: whoever can connect"),
        (
            {"proxy_protocol": "v2", "proxy_allow_ips": "10.0.0.1,*"},
            "proxy_allow_ips = *: whoever can connect",
        ),
    ],
)
def test_a_hazard_where_others_can_connect(settings: dict[str, Any], begins: str) -> None:
    """On this machine alone, or behind a Unix socket, there is none."""
    (warning,) = warnings(host="0.0.0.0", **settings)
    assert warning.startswith(begins)
    for where in ({"host": "localhost"}, {"host": "::1"}, {"uds": "x"}, {"fd": 3}):
        assert warnings(**settings, **where) == []


@pytest.mark.parametrize(
    "settings",
    [{"proxy_headers": False, "forwarded_allow_ips": "*"}, {"proxy_protocol": "off", "proxy_allow_ips": "*"}],
)
def test_whom_one_believes_matters_where_one_listens_to_them(settings: dict[str, Any]) -> None:
    """A list that is not looked at is no hazard."""
    assert warnings(host="0.0.0.0", **settings) == []


@pytest.mark.parametrize(
    ("bind", "public"),
    [
        (["127.0.0.1:80", "[::1]:80", "localhost:80", "unix:/x", "fd://3"], False),
        (["127.0.0.1"], False),
        (["unix:/x", "0.0.0.0:80"], True),
        (["[::]:80"], True),
        (["example.org"], True),
    ],
)
def test_several_addresses(bind: list[str], public: bool) -> None:
    """One that others can reach is enough."""
    config = Config(app="app")
    vars(config)["bind"] = bind
    assert is_public(config) is public


def test_a_key_that_everybody_can_read(tmp_path: Path) -> None:
    """In the file of the certificate too; a certificate without its key is nobody's secret."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_text(KEY)
    certificate.write_text("-----BEGIN CERTIFICATE-----\n")
    for file in (key, certificate):
        file.chmod(0o644)
    (warning,) = warnings(ssl_keyfile=key, ssl_certfile=certificate)
    assert warning.startswith("ssl_keyfile: everybody on this machine can read the private key")
    (warning,) = warnings(ssl_certfile=key, ssl_keyfile=None)
    assert warning.startswith("ssl_certfile: everybody")
    assert warnings(ssl_certfile=certificate, ssl_keyfile=None) == []
    key.chmod(0o640)
    assert warnings(ssl_keyfile=key, ssl_certfile=certificate) == []
    assert warnings(ssl_keyfile=tmp_path / "gone", ssl_certfile=certificate) == []


def test_more_connections_than_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit that was set is never reached."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))
    (warning,) = warnings(limit_connections=257)
    assert warning == "limit_connections = 257: the system lets this process have 256 (ulimit -n)"
    assert warnings(limit_connections=256) == []


def test_a_pool_that_is_used() -> None:
    """By a target that streams too."""
    route = Route("/", ("http",), "app", "wsgi", "thread pool slow, streaming")
    assert warnings(route, pools=["slow=2"]) == []


def test_a_router_that_was_built_by_hand() -> None:
    """Nobody knows which pools it uses."""
    assert list(hazards(Config(app="app", pools=["slow=2"]), ())) == []
