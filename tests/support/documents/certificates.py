"""Makes the certificates that a page speaks of, under the names that it uses."""

from pathlib import Path

from tests.support.certificates import Authority

#: The names of a page's files: certificate and key.
_FILES = {
    "docs/http2.md": {"localhost.pem": ""},
    "docs/operations.md": {
        "fullchain.pem": "privkey.pem",
        "default.pem": "",
        "shop.pem": "",
        "shop-any.pem": "shop-any.key",
        "server.pem": "",
    },
}

#: Who has issued them, and those of clients.
CA = "clients-ca.pem"


def write_certificates(page: str, folder: Path) -> None:
    """Write them, where the page has some."""
    for certificate, key in _FILES.get(page, {}).items():
        authority = Authority(folder)
        text = authority.issue(Path(certificate).stem, "shop.example", "127.0.0.1").read_text()
        (folder / certificate).write_text(text)
        if key:
            (folder / key).write_text(text)
        (folder / CA).write_bytes(authority.file.read_bytes())
