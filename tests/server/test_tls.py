"""The certificates that a server presents: what can be wrong, which one it is, and when it is a new one."""

import logging
import os
import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config
from hybrid.server.tls import Certificates, fits_http2
from tests.support.certificates import Authority, authority, der_of

__all__ = ["authority"]

#: A cipher of TLS 1.2 with which HTTP/2 may not be spoken.
CBC = "ECDHE-ECDSA-AES128-SHA256"


def certificates(authority: Authority, **settings: Any) -> Certificates:
    """Load what a configuration says; paths are those of the authority's folder."""
    for name in ("ssl_certfile", "ssl_keyfile", "ssl_ca_certs"):
        if name in settings:
            settings[name] = authority.folder / settings[name]
    return Certificates(Config(app="app", **{"ssl_certfile": authority.folder / "server.pem", **settings}))


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext, name: str, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Make a handshake in memory, and return both ends of the connection: the client's, and the server's."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=name, session=session),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    waiting = list(ends)
    while waiting:
        for each in tuple(waiting):
            try:
                each.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(each)
    return ends


def shown(certificates: Certificates, authority: Authority, name: str = "localhost") -> bytes | None:
    """Connect, and return the certificate that the client was shown."""
    client, server = handshake(certificates.context, authority.client_context(), name)
    pem = certificates.presented(server)
    der = client.getpeercert(binary_form=True)
    assert pem is not None
    assert ssl.PEM_cert_to_DER_cert(pem) == der
    return der


# What is agreed on.


def test_what_is_safe(authority: Authority) -> None:
    """TLS 1.2 is the oldest version, nothing is compressed, nobody renegotiates; both versions of HTTP."""
    context = certificates(authority).context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.verify_mode == ssl.CERT_NONE
    for offered in ("h2", "http/1.1"):
        offers = authority.client_context()
        offers.set_alpn_protocols([offered])
        client, _ = handshake(context, offers, "localhost")
        assert client.selected_alpn_protocol() == offered


def test_version_and_ciphers(authority: Authority) -> None:
    """The oldest version and the ciphers can be chosen."""
    newest = certificates(authority, ssl_minimum_version="1.3").context
    old_client = authority.client_context()
    old_client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        handshake(newest, old_client, "localhost")
    chosen = certificates(authority, ssl_ciphers="ECDHE-ECDSA-CHACHA20-POLY1305").context
    client, _ = handshake(chosen, old_client, "localhost")
    assert client.cipher() == ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLSv1.2", 256)


@pytest.mark.parametrize(("reqs", "without_one"), [("optional", True), ("required", False)])
def test_client_certificates(authority: Authority, reqs: str, without_one: bool) -> None:
    """A client may or must show a certificate; one of a stranger never gets in."""
    context = certificates(authority, ssl_ca_certs="ca.pem", ssl_cert_reqs=reqs).context
    own = authority.client_context(authority.issue("client", "somebody@example.org"))
    _, server = handshake(context, own, "localhost")
    assert server.getpeercert(binary_form=True) == der_of(authority.folder / "client.pem")
    (authority.folder / "other").mkdir()
    strange = authority.client_context(Authority(authority.folder / "other").issue("client"))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(context, strange, "localhost")
    if without_one:
        handshake(context, authority.client_context(), "localhost")
    else:
        with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
            handshake(context, authority.client_context(), "localhost")


def test_key_of_its_own(authority: Authority) -> None:
    """The key may be in a file of its own, and be encrypted."""
    files = {"ssl_certfile": "server-cert.pem", "ssl_keyfile": "server-key.pem"}
    assert shown(certificates(authority, **files), authority)
    authority.encrypt_key("server", "geheim")
    files["ssl_keyfile"] = "server-locked.pem"
    assert shown(certificates(authority, **files, ssl_keyfile_password="geheim"), authority)


# What is wrong.


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ssl_certfile": "none.pem"}, r"ssl_certfile: .*none\.pem: No such file or directory"),
        ({"ssl_certfile": "."}, r"ssl_certfile: .*: Is a directory"),
        ({"ssl_keyfile": "none.pem"}, r"ssl_keyfile: .*none\.pem: No such file or directory"),
        ({"ssl_certfile": "server-key.pem"}, r"ssl_certfile: there is no certificate in PEM in .*-key\.pem"),
        ({"ssl_certfile": "server-cert.pem"}, r"ssl_keyfile: there is no private key in PEM in .*-cert\.pem"),
        ({"ssl_certfile": "torn.pem"}, r"ssl_certfile: .*torn\.pem: .+"),
        ({"ssl_keyfile": "other-key.pem"}, r"ssl_keyfile: the key in .*other-key\.pem does not belong"),
        ({"ssl_keyfile": "server-locked.pem"}, r"ssl_keyfile_password: it is missing, and .*-locked\.pem is"),
        (
            {"ssl_keyfile": "server-locked.pem", "ssl_keyfile_password": "wrong"},
            r"ssl_keyfile_password: it does not open .*server-locked\.pem",
        ),
        ({"ssl_ca_certs": "none.pem"}, r"ssl_ca_certs: .*none\.pem: No such file or directory"),
        ({"ssl_ca_certs": "server-key.pem"}, r"ssl_ca_certs: .*server-key\.pem: no certificate or crl found"),
        ({"ssl_ciphers": "NONSENSE"}, "ssl_ciphers: OpenSSL knows no cipher of 'NONSENSE'"),
        ({"ssl_sni": ["a.example=none.pem"]}, r"ssl_sni: a\.example: .*none\.pem: No such file or directory"),
        ({"ssl_context_factory": lambda *_: 7}, "ssl_context_factory: it returned 7, which is no"),
        ({"ssl_context_factory": lambda *_: 1 / 0}, r"ssl_context_factory: it raised ZeroDiv"),
    ],
)  # fmt: skip
def test_mistakes(authority: Authority, settings: dict[str, Any], message: str) -> None:
    """A mistake is one line that names the setting, and the file if there is one; nobody is asked."""
    authority.issue("other")
    authority.encrypt_key("server", "geheim")
    key = (authority.folder / "server-key.pem").read_text("ascii")
    (authority.folder / "torn.pem").write_text(
        f"{key}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    with pytest.raises(ConfigError, match=message) as raised:
        certificates(authority, **settings)
    assert "\n" not in str(raised.value)
    assert "geheim" not in str(raised.value)


# Names.


def test_certificate_by_name(authority: Authority) -> None:
    """Who asks for a name gets its certificate, a wildcard is one label, and others get the default one."""
    files = {
        each: authority.issue(each, each.replace("star", "*")) for each in ("a.example", "star.b.example")
    }
    sni = [f"A.example={files['a.example']}"]
    sni.append(
        f"*.b.example={authority.folder}/star.b.example-cert.pem,{authority.folder}/star.b.example-key.pem"
    )
    loaded = certificates(authority, ssl_sni=sni)
    assert shown(loaded, authority, "a.example") == der_of(files["a.example"])
    assert shown(loaded, authority, "X.b.example") == der_of(files["star.b.example"])
    assert shown(loaded, authority) == der_of(authority.folder / "server.pem")
    unchecked = authority.client_context()
    unchecked.check_hostname = False
    for other in ("b.example", "x.y.b.example", "c.example"):
        client, _ = handshake(loaded.context, unchecked, other)
        assert client.getpeercert(binary_form=True) == der_of(authority.folder / "server.pem")


def test_clients_are_asked_under_each_name(authority: Authority) -> None:
    """What is asked of clients does not depend on the name that they ask for."""
    sni = [f"a.example={authority.issue('a.example', 'a.example')}"]
    loaded = certificates(authority, ssl_sni=sni, ssl_ca_certs="ca.pem", ssl_cert_reqs="required")
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        handshake(loaded.context, authority.client_context(), "a.example")
    own = authority.client_context(authority.issue("client"))
    _, server = handshake(loaded.context, own, "a.example")
    assert server.getpeercert()


# The factory.


def test_factory(authority: Authority) -> None:
    """A factory gets the configuration, and may change the usual context or make its own."""
    seen: list[Config] = []

    def change(config: Config, default: Any) -> ssl.SSLContext:
        seen.append(config)
        context: ssl.SSLContext = default()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    loaded = certificates(authority, ssl_context_factory=change)
    assert shown(loaded, authority) == der_of(authority.folder / "server.pem")
    assert loaded.context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert seen[0].ssl_certfile == authority.folder / "server.pem"


def test_factory_with_its_own_certificate(authority: Authority) -> None:
    """A factory needs no file; what its context presents is not known, and there is nothing to read again."""

    def own(config: Config, default: Any) -> ssl.SSLContext:
        context: ssl.SSLContext = default()
        context.load_cert_chain(authority.folder / "server.pem")
        return context

    loaded = Certificates(Config(app="app", ssl_context_factory=own))
    _, server = handshake(loaded.context, authority.client_context(), "localhost")
    assert loaded.presented(server) is None
    before = loaded.context
    loaded.reload()
    assert loaded.context is before


def test_factory_that_chooses_by_name(authority: Authority) -> None:
    """There is one who chooses: a context with an sni_callback and ssl_sni do not go together."""

    def own(config: Config, default: Any) -> ssl.SSLContext:
        context: ssl.SSLContext = default()
        context.sni_callback = lambda *_: None
        return context

    sni = [f"a.example={authority.folder}/server.pem"]
    with pytest.raises(ConfigError, match="ssl_sni: the context of ssl_context_factory has its own sni_"):
        certificates(authority, ssl_sni=sni, ssl_context_factory=own)
    context = certificates(authority, ssl_context_factory=own).context
    assert context.sni_callback is not None


# Files that change.


def replace(file: Path, other: Path) -> None:
    """Put one file in the place of another, at once."""
    shutil.copy(other, f"{file}.new")
    Path(f"{file}.new").rename(file)


def test_new_certificate(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    """A file that has changed is read again, and said so; one that has not is left alone."""
    caplog.set_level(logging.INFO, "hybrid.server")
    loaded = certificates(authority)
    before = loaded.context
    loaded.reload()
    assert loaded.context is before
    replace(authority.folder / "server.pem", authority.issue("next"))
    loaded.reload()
    assert shown(loaded, authority) == der_of(authority.folder / "next.pem")
    assert [each.message for each in caplog.records] == [f"{authority.folder}/server.pem: read again"]


def test_half_of_a_new_pair(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    """A new certificate whose key has not come yet is not used, and not worth a word; then both are."""
    loaded = certificates(authority, ssl_certfile="server-cert.pem", ssl_keyfile="server-key.pem")
    old = der_of(authority.folder / "server-cert.pem")
    authority.issue("next")
    replace(authority.folder / "server-cert.pem", authority.folder / "next-cert.pem")
    loaded.reload()
    assert shown(loaded, authority) == old
    replace(authority.folder / "server-key.pem", authority.folder / "next-key.pem")
    loaded.reload()
    assert shown(loaded, authority) == der_of(authority.folder / "next.pem")
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


@pytest.mark.parametrize("damage", ["missing", "key of another", "empty"])
def test_broken_pair(authority: Authority, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    """Files that stay broken are said once, the old certificate is used, and they can be mended."""
    loaded = certificates(authority, ssl_certfile="server-cert.pem", ssl_keyfile="server-key.pem")
    old = der_of(authority.folder / "server-cert.pem")
    key = authority.folder / "server-key.pem"
    authority.issue("other")
    if damage == "missing":
        key.unlink()
    elif damage == "empty":
        key.write_text("")
    else:
        replace(key, authority.folder / "other-key.pem")
    for _ in range(4):
        loaded.reload()
        assert shown(loaded, authority) == old
    [warning] = caplog.records
    assert "ssl_keyfile: " in warning.message
    assert warning.message.endswith("; what was read before is still used")
    replace(key, authority.folder / "other-key.pem")
    replace(authority.folder / "server-cert.pem", authority.folder / "other-cert.pem")
    loaded.reload()
    assert shown(loaded, authority) == der_of(authority.folder / "other.pem")


def test_files_that_change_while_they_are_read(authority: Authority) -> None:
    """What was read while a file changed is not trusted; the next look decides."""
    authority.issue("next")
    newer = authority.issue("newer")
    again: list[int] = []

    def slow(config: Config, default: Any) -> ssl.SSLContext:
        context: ssl.SSLContext = default()
        if again:
            again.clear()
            replace(authority.folder / "server.pem", newer)
        return context

    loaded = certificates(authority, ssl_context_factory=slow)
    before = loaded.context
    again.append(1)
    replace(authority.folder / "server.pem", authority.folder / "next.pem")
    loaded.reload()
    assert loaded.context is before
    loaded.reload()
    assert shown(loaded, authority) == der_of(newer)


def test_links_that_are_changed(authority: Authority) -> None:
    """As certbot and Kubernetes do it: the path stays, and where it leads changes."""
    versions = authority.folder / "v1", authority.folder / "v2"
    for each in versions:
        each.mkdir()
        shutil.copy(authority.issue(each.name), each / "tls.pem")
    live = authority.folder / "live"
    live.symlink_to("v1")
    loaded = certificates(authority, ssl_certfile="live/tls.pem")
    (authority.folder / "live.new").symlink_to("v2")
    (authority.folder / "live.new").rename(live)
    loaded.reload()
    assert shown(loaded, authority) == der_of(authority.folder / "v2.pem")


def test_names_are_read_again_too(authority: Authority) -> None:
    """Each certificate is read again by itself: one that is broken does not hold up the others."""
    first = authority.issue("a.example", "a.example")
    loaded = certificates(authority, ssl_sni=[f"a.example={first}"])
    (authority.folder / "server.pem").write_text("")
    replace(first, authority.issue("again", "a.example"))
    loaded.reload()
    assert shown(loaded, authority, "a.example") == der_of(authority.folder / "again.pem")
    assert shown(loaded, authority)


def test_authorities_are_read_again(authority: Authority) -> None:
    """A client whose authority is not believed any more is refused, with a session from before too."""
    loaded = certificates(authority, ssl_ca_certs="ca.pem", ssl_cert_reqs="required")
    own = authority.client_context(authority.issue("client"))
    own.maximum_version = ssl.TLSVersion.TLSv1_2  # whose sessions are there as soon as the handshake is over
    client, _ = handshake(loaded.context, own, "localhost")
    session = client.session
    _, again = handshake(loaded.context, own, "localhost", session)
    assert again.session_reused
    (authority.folder / "other").mkdir()
    replace(authority.file, Authority(authority.folder / "other").file)
    loaded.reload()
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        handshake(loaded.context, own, "localhost", session)


def test_paths_do_not_depend_on_the_folder(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """An application that changes the working directory does not change the files."""
    monkeypatch.chdir(authority.folder)
    loaded = Certificates(Config(app="app", ssl_certfile="server.pem"))
    monkeypatch.chdir("/")
    replace(authority.folder / "server.pem", authority.issue("next"))
    loaded.reload()
    assert shown(loaded, authority) == der_of(authority.folder / "next.pem")
    assert os.fspath(authority.folder) in repr(loaded._default)


# Versions of HTTP.


@pytest.mark.parametrize(
    ("http", "chosen"), [("auto", "h2"), ("1", "http/1.1"), ("2", "h2")], ids=["auto", "1", "2"]
)
def test_versions_of_http(authority: Authority, http: str, chosen: str) -> None:
    """What is offered follows the setting, under each name, and in the factory's usual context."""
    offers = authority.client_context()
    offers.set_alpn_protocols(["http/1.1", "h2"])
    sni = [f"a.example={authority.issue('a.example', 'a.example')}"]
    for factory in (None, lambda _, default: default()):
        loaded = certificates(authority, http=http, ssl_sni=sni, ssl_context_factory=factory)
        for name in ("localhost", "a.example"):
            client, _ = handshake(loaded.context, offers, name)
            assert client.selected_alpn_protocol() == chosen


def old_tls(config: Config, default: Any) -> ssl.SSLContext:
    """Make a context that allows TLS 1.1."""
    context: ssl.SSLContext = default()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ssl_ciphers": f"{CBC}:AES128-GCM-SHA256"}, "ssl_ciphers has none for TLS 1.2 that HTTP/2 may use"),
        ({"ssl_context_factory": old_tls}, "the context of ssl_context_factory allows TLS before 1.2"),
    ],
    ids=["ciphers", "version"],
)
def test_what_http2_does_not_allow(
    authority: Authority, caplog: pytest.LogCaptureFixture, settings: dict[str, Any], reason: str
) -> None:
    """Without what HTTP/2 demands of TLS, HTTP/1.1 is offered alone; where that is not spoken, nothing is."""
    caplog.set_level(logging.INFO, "hybrid.server")
    offers = authority.client_context()
    offers.set_alpn_protocols(["h2", "http/1.1"])
    client, _ = handshake(certificates(authority, http="auto", **settings).context, offers, "localhost")
    assert client.selected_alpn_protocol() == "http/1.1"
    assert f"HTTP/2 is not offered: {reason}" in caplog.text
    with pytest.raises(ConfigError, match=f"http: 2 cannot be spoken: {reason}"):
        certificates(authority, http="2", **settings)


def test_ciphers_of_tls_1_3_will_do(authority: Authority) -> None:
    """Where TLS 1.2 is refused, its ciphers do not matter."""
    settings = {"ssl_ciphers": CBC, "ssl_minimum_version": "1.3"}
    offers = authority.client_context()
    offers.set_alpn_protocols(["h2"])
    client, _ = handshake(certificates(authority, http="2", **settings).context, offers, "localhost")
    assert client.selected_alpn_protocol() == "h2"


@pytest.mark.parametrize(
    ("cipher", "fits"),
    [
        ("TLS_AES_128_GCM_SHA256", True),
        ("ECDHE-RSA-AES128-GCM-SHA256", True),  # that every server must have (RFC 9113 section 9.2.2)
        ("DHE-RSA-CHACHA20-POLY1305", True),
        ("ECDHE-ECDSA-AES256-CCM8", True),
        ("ECDHE-ECDSA-AES128-SHA256", False),
        ("DHE-RSA-AES256-SHA", False),
        ("AES128-GCM-SHA256", False),
        ("AES128-CCM", False),
        ("ADH-AES128-GCM-SHA256", False),
        ("PSK-AES128-GCM-SHA256", False),
        ("ECDHE-RSA-NULL-SHA", False),
    ],
)
def test_ciphers_for_http2(cipher: str, fits: bool) -> None:
    """Those that RFC 9113 appendix A does not list."""
    assert fits_http2(cipher) is fits
