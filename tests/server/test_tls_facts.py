"""What applications are told of a TLS connection."""

import ssl
from collections.abc import Sequence

import pytest

from hybrid.server.tls_facts import TlsFacts, distinguished_name
from tests.server.test_tls import handshake
from tests.support.certificates import Authority, authority

__all__ = ["authority"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ((), ""),
        (
            ((("countryName", "DE"),), (("organizationName", "Shop"),), (("commonName", "Ann"),)),
            "CN=Ann,O=Shop,C=DE",
        ),
        (((("organizationalUnitName", "Sales"), ("commonName", "J.  Smith")),), "OU=Sales+CN=J.  Smith"),
        (((("commonName", 'James "Jim" Smith, III'),),), 'CN=James \\"Jim\\" Smith\\, III'),
        (((("commonName", "a+b;c<d>e\\f=g"),),), "CN=a\\+b\\;c\\<d\\>e\\\\f=g"),
        (((("commonName", " #x "),),), "CN=\\ #x\\ "),
        (((("commonName", "#x"),),), "CN=\\#x"),
        (((("commonName", " "),),), "CN=\\ "),
        (((("commonName", "Before\rAfter\n\x00"),),), "CN=Before\\0dAfter\\0a\\00"),
        (((("commonName", "Lu\u010di\u0107"),),), "CN=Lu\u010di\u0107"),
        (((("emailAddress", "a@b.example"), ("userId", "7")),), "emailAddress=a@b.example+UID=7"),
        (((("1.3.6.1.4.1.1466.0", "hi"),),), "1.3.6.1.4.1.1466.0=#0c026869"),
        (((("1.2.3", "x" * 300),),), "1.2.3=#0c82012c" + "78" * 300),
    ],
)
def test_distinguished_name(name: Sequence[Sequence[tuple[str, str]]], text: str) -> None:
    """A name is written as RFC 4514 does it, the most specific part first."""
    assert distinguished_name(name) == text


def facts(authority: Authority, *, version: ssl.TLSVersion, client: str = "") -> TlsFacts:
    """Make a handshake, and return what the server knows then."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.folder / "server.pem")
    server.load_verify_locations(authority.file)
    server.verify_mode = ssl.CERT_OPTIONAL
    own = authority.client_context(authority.folder / client if client else None)
    own.maximum_version = version
    _, end = handshake(server, own, "localhost")
    return TlsFacts(end, "the server's")


@pytest.mark.parametrize(
    ("version", "number", "suite", "name"),
    [
        (ssl.TLSVersion.TLSv1_2, 0x0303, 0xC02C, "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (ssl.TLSVersion.TLSv1_3, 0x0304, 0x1302, "TLS_AES_256_GCM_SHA384"),
    ],
)
def test_without_a_client_certificate(
    authority: Authority, version: ssl.TLSVersion, number: int, suite: int, name: str
) -> None:
    """Version and cipher are numbers of the wire in ASGI, and OpenSSL's names in an environ."""
    known = facts(authority, version=version)
    assert known.extensions()["tls"] == {
        "server_cert": "the server's",
        "client_cert_chain": (),
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": number,
        "cipher_suite": suite,
    }
    protocol = "TLSv1.2" if number == 0x0303 else "TLSv1.3"
    assert known.environ == {
        "HTTPS": "on",
        "SSL_PROTOCOL": protocol,
        "SSL_CIPHER": name,
        "SSL_CLIENT_VERIFY": "NONE",
    }
    assert repr(known) == f"<TlsFacts {protocol} client=None>"


def test_with_a_client_certificate(authority: Authority) -> None:
    """A client's certificate is there, and its names as texts; in an environ as bytes in latin-1."""
    authority.issue("client", "jo@example.org", common_name="J\u00f6")
    known = facts(authority, version=ssl.TLSVersion.TLSv1_3, client="client.pem")
    pem = known.extension["client_cert_chain"][0]
    assert pem == ssl.DER_cert_to_PEM_cert(
        ssl.PEM_cert_to_DER_cert((authority.folder / "client-cert.pem").read_text("ascii"))
    )
    assert known.extension["client_cert_name"].startswith("CN=J\u00f6,OU=Testing cert")
    environ = known.environ
    assert environ["SSL_CLIENT_VERIFY"] == "SUCCESS"
    assert environ["SSL_CLIENT_S_DN"].startswith("CN=J\u00c3\u00b6,OU=Testing cert")
    assert environ["SSL_CLIENT_S_DN_CN"] == "J\u00c3\u00b6"
    assert environ["SSL_CLIENT_I_DN"].startswith("OU=Testing CA")
    assert environ["SSL_CLIENT_CERT"] == pem
    assert int(environ["SSL_CLIENT_M_SERIAL"], 16) > 0
    for each in ("SSL_CLIENT_V_START", "SSL_CLIENT_V_END"):
        assert ssl.cert_time_to_seconds(environ[each]) > 0


def test_each_scope_has_its_own(authority: Authority) -> None:
    """What one application does to its extension reaches no other request."""
    known = facts(authority, version=ssl.TLSVersion.TLSv1_3)
    known.extensions()["tls"].clear()
    assert known.extensions()["tls"]["tls_version"] == 0x0304
