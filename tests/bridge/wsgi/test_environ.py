"""The WSGI environ of an ASGI scope, in the order of PEP 3333's "environ Variables"."""

import io
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote_from_bytes, unquote
from wsgiref.types import StartResponse
from wsgiref.util import request_uri
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hybrid.bridge.wsgi.environ as environ_module
from hybrid.bridge.types import BodyPolicy, Headers
from hybrid.bridge.wsgi.call import serve
from hybrid.bridge.wsgi.environ import EnvironBuilder
from hybrid.bridge.wsgi.errorlog import ERRORS
from hybrid.bridge.wsgi.stream import BodyStream
from tests.support.exchanges import RecordedExchange, http_scope

BUILDER = EnvironBuilder(multithread=True, multiprocess=False)


def build(body: bytes = b"", **changes: Any) -> dict[str, Any]:
    """Build the environ of a changed `GET /`."""
    return BUILDER.build(http_scope(**changes), io.BytesIO(body))


def build_with(*headers: tuple[bytes, bytes], body: bytes = b"") -> dict[str, Any]:
    """Build the environ of a request with these header fields."""
    return build(body, headers=[(b"host", b"example.org"), *headers])


def requested(target: bytes, root_path: str = "", mount: str = "") -> dict[str, Any]:
    """Build the environ of a request target, as a server and a router of this project pass it on."""
    raw_path = root_path.encode() + target
    path = unquote(raw_path.decode("ascii"))
    return build(path=path, raw_path=raw_path, root_path=root_path + mount)


def test_everything_of_a_small_request() -> None:
    """A plain request has these keys, and no others."""
    scope = http_scope(query_string=b"a=%20b", headers=[(b"host", b"example.org"), (b"accept", b"*/*")])
    body = io.BytesIO()
    environ = BUILDER.build(scope, body)
    assert environ.pop("wsgi.input") is body
    assert environ.pop("wsgi.errors") is ERRORS
    assert environ.pop("hybrid.scope") is scope
    assert callable(environ.pop("wsgi.file_wrapper"))
    assert environ == {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "a=%20b",
        "SERVER_NAME": "192.0.2.2",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "hybrid",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "50000",
        "HTTP_HOST": "example.org",
        "HTTP_ACCEPT": "*/*",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }


def test_each_request_has_its_own() -> None:
    """The environ is a new dict, which an application may change (PEP 3333)."""
    first = build()
    first["wsgi.version"] = first["REQUEST_METHOD"] = "changed"
    assert type(first) is dict
    assert build()["wsgi.version"] == (1, 0)
    assert build()["REQUEST_METHOD"] == "GET"


@pytest.mark.parametrize(
    ("version", "protocol"),
    [("1.0", "HTTP/1.0"), ("1.1", "HTTP/1.1"), ("2", "HTTP/2.0"), ("3", "HTTP/3.0")],
)
def test_server_protocol(version: str, protocol: str) -> None:
    """SERVER_PROTOCOL is HTTP and the version; where ASGI has no minor one, it is 0, as with gunicorn."""
    assert build(http_version=version)["SERVER_PROTOCOL"] == protocol


def test_query_string_in_latin_1() -> None:
    """Bytes outside ASCII, which some servers let through, become latin-1."""
    assert build(query_string=b"a=\xe9")["QUERY_STRING"] == "a=\xe9"


class TestPath:
    """SCRIPT_NAME and PATH_INFO: percent-decoded bytes as latin-1 (PEP 3333, "Unicode Issues")."""

    @pytest.mark.parametrize(
        ("target", "path_info"),
        [
            (b"/", b"/"),
            (b"/a/b", b"/a/b"),
            (b"/a%20b%2Fc", b"/a b/c"),
            (b"/%C3%A9", "/é".encode()),
            (b"/%E2%82%AC/x", "/€/x".encode()),
            (b"/%F0%9F%98%80", "/😀".encode()),
            (b"/%E9", b"/\xe9"),
            (b"/%FF%FE/%80", b"/\xff\xfe/\x80"),
            (b"/%C3%28", b"/\xc3("),
            (b"/%EF%BF%BD", "/\ufffd".encode()),
            (b"/%00", b"/\0"),
            (b"/%zz%", b"/%zz%"),
            (b"//a", b"//a"),
        ],
    )
    @pytest.mark.parametrize(
        ("root_path", "mount"), [("", ""), ("/root", ""), ("", "/mount"), ("/root", "/mount")]
    )
    def test_the_bytes_that_were_sent(
        self, target: bytes, path_info: bytes, root_path: str, mount: str
    ) -> None:
        """Valid UTF-8 or not, at the root or below a mount, PATH_INFO has the bytes of the target."""
        environ = requested(mount.encode() + target, root_path, mount)
        assert environ["SCRIPT_NAME"] == root_path + mount
        assert environ["PATH_INFO"].encode("latin-1") == path_info

    @given(st.binary(), st.sampled_from(["", "/mount", "/möunt"]))
    def test_any_bytes(self, path: bytes, mount: str) -> None:
        """Whatever a client encodes, the application can have it back."""
        environ = requested(quote_from_bytes(mount.encode() + b"/" + path).encode(), mount=mount)
        assert environ["SCRIPT_NAME"].encode("latin-1") == mount.encode()
        assert environ["PATH_INFO"].encode("latin-1") == b"/" + path

    def test_exactly_the_mount(self) -> None:
        """The mount itself, without a slash, is an empty PATH_INFO."""
        environ = requested(b"/mount", mount="/mount")
        assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/mount", "")

    def test_segment_boundary(self) -> None:
        """A root that is only the beginning of a segment is not taken off."""
        environ = requested(b"/mountain", mount="/mount")
        assert environ["PATH_INFO"] == "/mountain"

    def test_path_without_the_root(self) -> None:
        """Some servers leave root_path out of the path, as the ASGI specification once had it."""
        assert requested(b"/a", mount="/mount")["PATH_INFO"] == "/a"

    def test_root_with_a_slash_at_the_end(self) -> None:
        """SCRIPT_NAME does not end in a slash, which would be doubled in URLs."""
        environ = requested(b"/mount/a", mount="/mount/")
        assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/mount", "/a")
        environ = requested(b"/a", mount="/")
        assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/a")

    def test_mount_that_the_client_encoded(self) -> None:
        """A client may percent-encode what it likes of the mount."""
        environ = requested(b"/m%6Funt/%E9", mount="/mount")
        assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/mount", "/\xe9")

    def test_path_that_was_rewritten(self) -> None:
        """The path counts when somebody has changed it and not raw_path."""
        environ = build(path="/é/new", raw_path=b"/%E9/old")
        assert environ["PATH_INFO"].encode("latin-1") == "/é/new".encode()

    @pytest.mark.parametrize("raw_path", [None, b""])
    def test_no_raw_path(self, raw_path: bytes | None) -> None:
        """raw_path is optional in ASGI: the path is encoded again."""
        assert build(path="/é", raw_path=raw_path)["PATH_INFO"].encode("latin-1") == "/é".encode()

    def test_optional_keys_missing(self) -> None:
        """A scope may lack what the ASGI specification calls optional."""
        scope = http_scope(path="/é")
        for key in ("raw_path", "root_path", "scheme", "client", "server"):
            del scope[key]
        environ = BUILDER.build(scope, io.BytesIO())
        assert (environ["SCRIPT_NAME"], environ["wsgi.url_scheme"]) == ("", "http")
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("example.org", "80")


class TestHeaders:
    """HTTP_ variables, and the two that are not called so."""

    def test_names(self) -> None:
        """Names are in upper case with underscores, values in latin-1."""
        assert build_with((b"x-some-thing", b"\xe9 1"))["HTTP_X_SOME_THING"] == "\xe9 1"

    def test_content_type_and_length(self) -> None:
        """Two fields have names of their own, and only those."""
        environ = build_with((b"content-type", b"text/plain"), (b"content-length", b"3"), body=b"abc")
        assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "3")
        assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & environ.keys()

    def test_no_content(self) -> None:
        """Without the fields the variables are absent."""
        assert not {"CONTENT_TYPE", "CONTENT_LENGTH"} & build().keys()

    def test_repeated_fields(self) -> None:
        """Repeats are joined with a comma, as RFC 9110 section 5.2 has it, in order."""
        assert build_with((b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3"))["HTTP_X_A"] == "1,3"

    def test_cookies(self) -> None:
        """Cookie is the exception: its parts are joined with a semicolon (RFC 9113 section 8.2.3)."""
        assert build_with((b"cookie", b"a=1"), (b"cookie", b"b=2"))["HTTP_COOKIE"] == "a=1; b=2"

    def test_underscores(self) -> None:
        """A name with an underscore would pass for the one with a dash: it is dropped."""
        environ = build_with((b"x_real_ip", b"forged"), (b"x-real-ip", b"true"), (b"x_user", b"forged"))
        assert environ["HTTP_X_REAL_IP"] == "true"
        assert "HTTP_X_USER" not in environ

    def test_underscores_that_the_server_has_looked_at(self) -> None:
        """Where a server has decided which of them may be there, those that are there count."""
        users = [(b"x_user", b"me"), (b"x-user", b"you")]
        scope = http_scope(headers=[*users, (b"transfer-encoding", b"chunked")])
        environ = BUILDER.build({**scope, "hybrid.underscores": True}, io.BytesIO(b"12"))
        assert environ["HTTP_X_USER"] == "me,you"
        assert environ["CONTENT_LENGTH"] == "2"
        assert BUILDER.build(scope, io.BytesIO())["HTTP_X_USER"] == "you"

    def test_proxy(self) -> None:
        """Proxy would become HTTP_PROXY, which libraries take for a setting (httpoxy): it is dropped."""
        assert "HTTP_PROXY" not in build_with((b"proxy", b"http://evil"))

    def test_proxy_authorization(self) -> None:
        """Only the field called exactly that."""
        assert build_with((b"proxy-authorization", b"x"))["HTTP_PROXY_AUTHORIZATION"] == "x"

    def test_chunked(self) -> None:
        """The body is complete: it has a length, and no transfer coding any more (RFC 9112 section 7.1.3)."""
        environ = build_with((b"transfer-encoding", b"chunked"), body=b"12345")
        assert environ["CONTENT_LENGTH"] == "5"
        assert "HTTP_TRANSFER_ENCODING" not in environ
        assert environ["wsgi.input"].read() == b"12345"

    def test_chunked_and_still_coming(self) -> None:
        """The length of a chunked body that still comes is not known, whatever a client has claimed."""
        fields = [(b"content-length", b"99"), (b"transfer-encoding", b"chunked")]
        with BodyStream(BodyPolicy(), object()).open() as body:  # type: ignore[arg-type]
            environ = BUILDER.build(http_scope(headers=fields), body)
        assert "CONTENT_LENGTH" not in environ
        assert "HTTP_TRANSFER_ENCODING" not in environ
        assert environ["wsgi.input_terminated"] is True

    def test_chunked_counts_more_than_a_length(self) -> None:
        """A server that lets both through has read by the transfer coding (RFC 9112 section 6.3)."""
        fields = [(b"content-length", b"99"), (b"transfer-encoding", b"chunked")]
        for headers in (fields, fields[::-1]):
            assert build_with(*headers, body=b"12345")["CONTENT_LENGTH"] == "5"

    @pytest.mark.parametrize(
        ("version", "fields", "body", "length"),
        [
            ("2", [], b"12345", "5"),
            ("2", [], b"", None),
            ("2", [(b"content-length", b"5")], b"12345", "5"),
            ("1.1", [], b"12345", None),
        ],
    )
    def test_body_without_a_length(
        self, version: str, fields: list[tuple[bytes, bytes]], body: bytes, length: str | None
    ) -> None:
        """HTTP/2 has bodies without a length, which is known when they are complete; HTTP/1.1 has none."""
        assert build(body, http_version=version, headers=fields).get("CONTENT_LENGTH") == length

    def test_memory_of_names_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Clients that invent names fill no memory, and are understood all the same."""
        names = dict(environ_module._keys)
        monkeypatch.setattr(environ_module, "_keys", names)
        for number in range(2000):
            headers: Headers = [(b"x-%d" % number, b"1"), (b"x_%d" % number, b"2")]
            environ = build_with(*headers)
            assert environ[f"HTTP_X_{number}"] == "1"
        assert len(names) <= 1024


class TestServer:
    """SERVER_NAME and SERVER_PORT: strings, and never empty."""

    def test_port_is_a_string(self) -> None:
        """SERVER_PORT is a native string."""
        assert build(server=("127.0.0.1", 8000))["SERVER_PORT"] == "8000"

    @pytest.mark.parametrize("server", [None, ("/run/app.sock", None)])
    @pytest.mark.parametrize(
        ("host", "scheme", "name", "port"),
        [
            (b"example.org", "http", "example.org", "80"),
            (b"example.org", "https", "example.org", "443"),
            (b"example.org:8000", "http", "example.org", "8000"),
            (b"example.org:", "http", "example.org", "80"),
            (b"[::1]", "https", "[::1]", "443"),
            (b"[::1]:8000", "http", "[::1]", "8000"),
            (b":8000", "http", "localhost", "8000"),
            (b"", "http", "localhost", "80"),
        ],
    )
    def test_unix_socket(
        self, server: tuple[str, None] | None, host: bytes, scheme: str, name: str, port: str
    ) -> None:
        """A Unix socket has no name and port, so the client's Host says them."""
        environ = build(server=server, scheme=scheme, headers=[(b"host", host)])
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (name, port)

    def test_unix_socket_without_host(self) -> None:
        """HTTP/1.0 needs no Host."""
        environ = build(server=None, headers=[])
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")

    def test_client_of_a_unix_socket(self) -> None:
        """It has no address: REMOTE_ADDR is empty, as CGI allows, and there is no port."""
        environ = build(client=None)
        assert environ["REMOTE_ADDR"] == ""
        assert "REMOTE_PORT" not in environ


def test_truthful_flags() -> None:
    """wsgi.multithread and wsgi.multiprocess say what the builder was told."""
    errors = io.StringIO()
    builder = EnvironBuilder(multithread=False, multiprocess=True, errors=errors)
    environ = builder.build(http_scope(), io.BytesIO())
    assert (environ["wsgi.multithread"], environ["wsgi.multiprocess"]) == (False, True)
    assert environ["wsgi.errors"] is errors


def test_url_reconstruction() -> None:
    """The recipe of PEP 3333's "URL Reconstruction" gives the URL that was asked for."""
    environ = requested(b"/mount/a%20b/%C3%A9", mount="/mount")
    environ["QUERY_STRING"] = "x=1"
    assert request_uri(environ) == "http://example.org/mount/a%20b/%C3%A9?x=1"


@pytest.mark.parametrize("target", [b"/", b"/mount", b"/mount/%C3%A9"])
def test_validator_accepts_it(target: bytes) -> None:
    """wsgiref.validate finds nothing to complain about."""

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read(5)]

    environ = requested(target, mount="/mount" if target != b"/" else "")
    exchange = RecordedExchange()
    serve(validator(app), environ, exchange)
    assert exchange.status == 200


class TestMemo:
    """What requests that repeat each other have in common is made once."""

    def test_repeated(self) -> None:
        """A request that repeats another one's fields gets an environ of its own with the same in it."""
        memo: dict[Any, Any] = {}
        headers = [(b"host", b"example.org"), (b"cookie", b"a=1"), (b"cookie", b"b=2")]
        first = BUILDER.build(http_scope(headers=headers), io.BytesIO(), memo)
        first["HTTP_COOKIE"] = "changed by the application"
        first["werkzeug.request"] = object()
        scope = http_scope(headers=headers, method="HEAD", path="/x", query_string=b"y")
        body = io.BytesIO()
        second = BUILDER.build(scope, body, memo)
        assert second == BUILDER.build(scope, body)
        assert second["HTTP_COOKIE"] == "a=1; b=2"

    @pytest.mark.parametrize(
        "change",
        [
            {"headers": [(b"host", b"example.net")]},
            {"http_version": "1.0"},
            {"scheme": "https"},
            {"client": ("192.0.2.9", 1)},
            {"client": None},
            {"server": ("192.0.2.9", 8080)},
            {"server": ("/run/app.sock", None)},
            {"root_path": "/mount"},
        ],
        ids=str,
    )
    def test_routers_may_change_a_scope(self, change: dict[str, Any]) -> None:
        """What a router has changed since counts, though the client has repeated itself."""
        memo: dict[Any, Any] = {}
        BUILDER.build(http_scope(), io.BytesIO(), memo)
        scope, body = http_scope(**change), io.BytesIO()
        assert BUILDER.build(scope, body, memo) == BUILDER.build(scope, body)

    def test_fields_changed_in_place(self) -> None:
        """A router that changes the list of fields itself is heard, too."""
        memo: dict[Any, Any] = {}
        scope = http_scope()
        BUILDER.build(scope, io.BytesIO(), memo)
        scope["headers"].append((b"x-user", b"anne"))
        assert BUILDER.build(scope, io.BytesIO(), memo)["HTTP_X_USER"] == "anne"

    @pytest.mark.parametrize("missing", ["scheme", "client", "server"])
    def test_keys_taken_out(self, missing: str) -> None:
        """ASGI lets a scope be without these, and a router may take them out."""
        memo: dict[Any, Any] = {}
        for _ in range(2):
            scope, body = http_scope(), io.BytesIO()
            BUILDER.build(scope, body, memo)
            del scope[missing]
            assert BUILDER.build(scope, body, memo) == BUILDER.build(scope, body)

    def test_two_applications(self) -> None:
        """Each application has its own, with what is its own in it."""
        memo: dict[Any, Any] = {}
        alone = EnvironBuilder(multithread=False, multiprocess=False)
        assert [
            builder.build(http_scope(), io.BytesIO(), memo)["wsgi.multithread"]
            for builder in (BUILDER, alone, BUILDER, alone)
        ] == [True, False, True, False]
