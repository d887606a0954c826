"""Certificates for tests, made when they are needed: an authority, and what it issues."""

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)


class Authority:
    """A certificate authority of a test, and a folder for what it issues.

    Attributes:
        folder: where the files go.
        file: the authority's own certificate.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "ca.pem"
        self._ca = trustme.CA()
        self._ca.cert_pem.write_to_path(self.file)

    def __repr__(self) -> str:
        return f"<Authority in {self.folder}>"

    def issue(self, name: str, *hosts: str, common_name: str | None = None) -> Path:
        """Write a new certificate and its key to NAME.pem, each alone to NAME-cert.pem and NAME-key.pem."""
        leaf = self._ca.issue_cert(*(hosts or ("localhost", "127.0.0.1")), common_name=common_name)
        file = self.folder / f"{name}.pem"
        leaf.private_key_and_cert_chain_pem.write_to_path(file)
        leaf.private_key_pem.write_to_path(self.folder / f"{name}-key.pem")
        (self.folder / f"{name}-cert.pem").write_bytes(
            b"".join(each.bytes() for each in leaf.cert_chain_pems)
        )
        return file

    def encrypt_key(self, name: str, password: str) -> Path:
        """Write the key of an issued certificate to NAME-locked.pem, encrypted."""
        key = load_pem_private_key((self.folder / f"{name}-key.pem").read_bytes(), None)
        file = self.folder / f"{name}-locked.pem"
        encryption = BestAvailableEncryption(password.encode())
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        return file

    def client_context(self, certificate: Path | None = None) -> ssl.SSLContext:
        """Give what a client needs that believes this authority, and shows a certificate if it has one."""
        context = ssl.create_default_context(cafile=str(self.file))
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context


def der_of(file: Path) -> bytes:
    """Give the first certificate of a file as it is on the wire."""
    text = file.read_text("ascii")
    start = text.index("-----BEGIN CERTIFICATE-----")
    end = text.index("-----END CERTIFICATE-----", start)
    return ssl.PEM_cert_to_DER_cert(text[start:end] + "-----END CERTIFICATE-----")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority, with certificates for this machine in `server.pem`."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    authority = Authority(folder)
    authority.issue("server")
    return authority
