"""The settings of TLS: what goes together, and what a refusal says."""

import ssl
from typing import Any

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config


@pytest.mark.parametrize(
    ("given", "word"),
    [
        *(("none", "none"), ("optional", "optional"), ("required", "required"), (0, "none"), (2, "required")),
        *(("1", "optional"), (ssl.CERT_REQUIRED, "required"), (ssl.CERT_OPTIONAL, "optional")),
    ],
)
def test_cert_reqs(given: Any, word: str) -> None:
    """What is asked of clients is a word, or the number that uvicorn and gunicorn have for it."""
    assert Config(app="app", ssl_certfile="a", ssl_ca_certs="b", ssl_cert_reqs=given).ssl_cert_reqs == word


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ssl_keyfile": "k"}, "ssl_keyfile: ssl_certfile is missing"),
        ({"ssl_keyfile_password": "p"}, "ssl_keyfile_password: ssl_certfile is missing"),
        ({"ssl_ca_certs": "c"}, "ssl_ca_certs: ssl_certfile is missing"),
        ({"ssl_cert_reqs": 2}, "ssl_cert_reqs: ssl_certfile is missing"),
        ({"ssl_ciphers": "ALL"}, "ssl_ciphers: ssl_certfile is missing"),
        ({"ssl_minimum_version": "1.3"}, "ssl_minimum_version: ssl_certfile is missing"),
        ({"ssl_sni": ["a=b"]}, "ssl_sni: ssl_certfile is missing"),
        ({"ssl_certfile": "a", "ssl_cert_reqs": 1}, "ssl_cert_reqs: ssl_ca_certs is missing"),
        ({"ssl_certfile": "a", "ssl_cert_reqs": 3}, "ssl_cert_reqs: 3 is not one of none, optional, "),
        ({"ssl_certfile": "a", "ssl_cert_reqs": True}, "ssl_cert_reqs: True is not one of none"),
        ({"ssl_certfile": "a", "ssl_minimum_version": "1.1"}, "ssl_minimum_version: '1.1' is not one of 1.2"),
        ({"ssl_certfile": "a", "ssl_sni": ["a"]}, "ssl_sni: 'a' is not HOST=CERTFILE or"),
        ({"ssl_certfile": "a", "ssl_sni": ["=b"]}, "ssl_sni: '=b' is not HOST=CERTFILE or"),
        ({"ssl_certfile": "a", "ssl_sni": ["*=b"]}, r"ssl_sni: '\*=b' is not HOST=CERTFILE or"),
        ({"ssl_certfile": "a", "ssl_sni": ["a.*.b=c"]}, r"ssl_sni: 'a\.\*\.b=c' is not HOST=CERTFILE or"),
        ({"ssl_certfile": "a", "ssl_sni": ["a..b=c"]}, r"ssl_sni: 'a\.\.b=c' is not HOST=CERTFILE or"),
        ({"ssl_certfile": "a", "ssl_sni": ["A.b=c", "a.B=c"]}, r"ssl_sni: 'a\.B' is there twice"),
        ({"ssl_certfile": "a", "timeout_ssl_handshake": 0}, "timeout_ssl_handshake: 0 would let nobody"),
    ],
)  # fmt: skip
def test_refusals(settings: dict[str, Any], message: str) -> None:
    """What says nothing by itself, or nothing at all, is refused with what is missing."""
    with pytest.raises(ConfigError, match=message):
        Config(app="app", **settings)


def test_names() -> None:
    """Names are kept as clients send them: small letters, in ASCII, without a dot at the end."""
    sni = ["Shop.Example.=a.pem", "*.Bücher.example=b.pem,c.pem"]
    assert Config(app="app", ssl_certfile="a", ssl_sni=sni).sni_files == {
        "shop.example": ("a.pem", None),
        "*.xn--bcher-kva.example": ("b.pem", "c.pem"),
    }


def test_without_settings_there_is_no_tls() -> None:
    """HTTP is the default; a certificate or a factory makes it HTTPS."""
    assert not Config(app="app").uses_tls
    assert not Config(app="app", ssl_certfile="", ssl_keyfile="").uses_tls
    assert Config(app="app", ssl_certfile="a").uses_tls
    assert Config(app="app", ssl_context_factory=print).uses_tls


def test_the_password_is_not_shown() -> None:
    """Whoever prints a configuration does not print the password."""
    assert "geheim" not in repr(Config(app="app", ssl_certfile="a", ssl_keyfile_password="geheim"))
