"""What applications are told of a TLS connection: the ASGI ``tls`` extension, and CGI variables."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

#: Versions by OpenSSL's names, as they are numbered on the wire (RFC 8446 section 4.1.2).
_VERSIONS: Final = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}

#: Short names of attributes by OpenSSL's long ones (RFC 4514 section 3, and the registry that it names).
_DESCRIPTORS: Final = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
    "surname": "SN",
}

#: A distinguished name as the ssl module gives it: attributes of each of its parts.
_Name = Sequence[Sequence[tuple[str, str]]]


class TlsFacts:
    """What is known of a TLS connection once its handshake is complete; it does not change.

    Args:
        connection: what the handshake has made.
        server_cert: the certificate that was presented, in PEM; None if that is not known.

    Attributes:
        extension: the ASGI ``tls`` extension (ASGI TLS extension 0.2).
        environ: variables for an environ, named as Apache's mod_ssl does.
    """

    __slots__ = ("environ", "extension")

    def __init__(self, connection: ssl.SSLObject, server_cert: str | None) -> None:
        cipher, version, _ = connection.cipher() or ("", "", 0)
        certificate: dict[str, Any] = connection.getpeercert() or {}
        chain = _client_chain(connection) if certificate else []
        self.extension: dict[str, Any] = {
            "server_cert": server_cert,
            "client_cert_chain": tuple(chain),
            "client_cert_name": distinguished_name(certificate["subject"]) if certificate else None,
            "client_cert_error": None,  # a certificate that is not valid has ended the handshake
            "tls_version": _VERSIONS.get(connection.version() or ""),
            "cipher_suite": _cipher_suites().get(cipher),
        }
        self.environ: dict[str, str] = {
            "HTTPS": "on",
            "SSL_PROTOCOL": connection.version() or version,
            "SSL_CIPHER": cipher,
            "SSL_CLIENT_VERIFY": "SUCCESS" if certificate else "NONE",
        }
        if certificate:
            self.environ |= _client_variables(certificate, chain[0])

    def __repr__(self) -> str:
        return f"<TlsFacts {self.environ['SSL_PROTOCOL']} client={self.extension['client_cert_name']}>"

    def extensions(self) -> dict[str, Any]:
        """Return the ``extensions`` of a new scope.

        ``hybrid.environ`` is for the bridge to WSGI, which adds it to the environ.
        """
        return {"tls": self.extension.copy(), "hybrid.environ": self.environ}


def distinguished_name(name: _Name) -> str:
    """Write a distinguished name as a text: the most specific part first (RFC 4514 section 2)."""
    return ",".join("+".join(_attribute(*each) for each in part) for part in reversed(name))


def _client_variables(certificate: Mapping[str, Any], pem: str) -> dict[str, str]:
    """Return what mod_ssl says of a client's certificate. Texts are UTF-8 bytes in latin-1 (PEP 3333)."""
    subject: _Name = certificate["subject"]
    names = [value for part in subject for kind, value in part if kind == "commonName"]
    variables = {
        "SSL_CLIENT_S_DN": distinguished_name(subject),
        "SSL_CLIENT_S_DN_CN": names[-1] if names else "",
        "SSL_CLIENT_I_DN": distinguished_name(certificate["issuer"]),
        "SSL_CLIENT_M_SERIAL": certificate["serialNumber"],
        "SSL_CLIENT_V_START": certificate["notBefore"],
        "SSL_CLIENT_V_END": certificate["notAfter"],
        "SSL_CLIENT_CERT": pem,
    }
    return {name: value.encode().decode("latin-1") for name, value in variables.items()}


def _client_chain(connection: ssl.SSLObject) -> list[str]:
    """Return the client's certificate in PEM, and those that it has sent with it, where Python tells: from
    3.13 on.
    """
    sent: Callable[[], list[bytes]] | None = getattr(connection, "get_unverified_chain", None)
    chain = sent() if sent is not None else []
    return [
        ssl.DER_cert_to_PEM_cert(each) for each in chain or [connection.getpeercert(binary_form=True) or b""]
    ]


@cache
def _cipher_suites() -> dict[str, int]:
    """Return the numbers of cipher suites on the wire, by OpenSSL's names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")  # asked for their numbers, not used
    return {each["name"]: each["id"] & 0xFFFF for each in context.get_ciphers()}


def _attribute(kind: str, value: str) -> str:
    """Write an attribute; one with a number for a name has its value in BER (RFC 4514 section 2.4)."""
    if kind[:1].isdigit():
        return f"{kind}=#{_utf8_string(value.encode()).hex()}"
    return f"{_DESCRIPTORS.get(kind, kind)}={_escape(value)}"


def _escape(value: str) -> str:
    """Escape what has a meaning in a name, and control characters, which might be meant for a log."""
    text = "".join(f"\\{each}" if each in '"+,;<>\\' else each for each in value)
    text = "".join(each if each.isprintable() else _hex_pairs(each) for each in text)
    if text[:1] in ("#", " "):
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if text.endswith(" ") and len(value) > 1 else text


def _hex_pairs(character: str) -> str:
    return "".join(f"\\{byte:02x}" for byte in character.encode())


def _utf8_string(data: bytes) -> bytes:
    """Encode a UTF8String (X.690 section 8.1)."""
    size = len(data)
    if size < 128:
        return bytes((0x0C, size)) + data
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x0C, 0x80 | len(length))) + length + data
