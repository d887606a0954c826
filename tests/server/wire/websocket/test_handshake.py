"""The opening handshake: every rule of RFC 6455 section 4 that concerns a server, in the order of the RFC."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.datastructures import Headers as ReferenceHeaders
from websockets.http11 import Request as ReferenceRequest
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from hybrid.bridge.types import Headers
from hybrid.server.wire.errors import RequestError, ResponseError
from hybrid.server.wire.http11 import Request, wants_websocket
from hybrid.server.wire.websocket.handshake import Handshake, HandshakeError, read_handshake

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="

VALID: Headers = [
    (b"host", b"server.example.com"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-key", KEY),
    (b"sec-websocket-version", b"13"),
]


def changed(name: bytes, *values: bytes) -> Headers:
    """Give a valid handshake's fields with one of them replaced, repeated, or (without values) left out."""
    rest = [field for field in VALID if field[0] != name]
    return rest + [(name, value) for value in values]


def read(headers: Headers) -> Handshake:
    """Read a GET request of HTTP/1.1."""
    return read_handshake("GET", "1.1", headers)


def refusal(headers: Headers, method: str = "GET", http_version: str = "1.1") -> HandshakeError:
    """Return the error that refuses a request."""
    with pytest.raises(HandshakeError) as caught:
        read_handshake(method, http_version, headers)
    return caught.value


class TestClientRequirements:
    """Section 4.2.1: reading the client's opening handshake."""

    def test_valid(self) -> None:
        """A complete request is granted with the accept value of the RFC's example (section 1.3)."""
        assert read(VALID) == Handshake(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", ())

    @pytest.mark.parametrize("method", ["POST", "HEAD", "CONNECT", "get"])
    def test_method(self, method: str) -> None:
        """Only GET opens a WebSocket; anything else is answered with 405 and says so."""
        error = refusal(VALID, method=method)
        assert (error.status, error.headers) == (405, [(b"allow", b"GET")])

    def test_http_version(self) -> None:
        """HTTP/1.0 cannot be upgraded."""
        assert refusal(VALID, http_version="1.0").status == 400

    @pytest.mark.parametrize(
        "value", [b"upgrade", b"UPGRADE", b"keep-alive, Upgrade", b"keep-alive,\tupgrade ,"]
    )
    def test_connection(self, value: bytes) -> None:
        """Connection is a list that has `upgrade` in any case, among other members."""
        assert read(changed(b"connection", value)) == read(VALID)

    def test_connection_on_two_lines(self) -> None:
        """Connection may be spread over several lines."""
        assert read(changed(b"connection", b"keep-alive", b"Upgrade")) == read(VALID)

    @pytest.mark.parametrize("values", [(), (b"",), (b"keep-alive",), (b"upgraded",), (b"up grade",)])
    def test_connection_without_upgrade(self, values: tuple[bytes, ...]) -> None:
        """Without `upgrade` in Connection the request is refused."""
        assert refusal(changed(b"connection", *values)).status == 400

    @pytest.mark.parametrize("value", [b"websocket", b"WebSocket", b"WEBSOCKET", b"h2c, websocket"])
    def test_upgrade(self, value: bytes) -> None:
        """Upgrade names websocket in any case."""
        assert read(changed(b"upgrade", value)) == read(VALID)

    @pytest.mark.parametrize("values", [(), (b"",), (b"h2c",), (b"websockets",), (b"websocket/13",)])
    def test_upgrade_to_something_else(self, values: tuple[bytes, ...]) -> None:
        """Without websocket in Upgrade the request is refused."""
        assert refusal(changed(b"upgrade", *values)).status == 400

    def test_key_is_missing(self) -> None:
        """A handshake without a key is refused."""
        assert refusal(changed(b"sec-websocket-key")).reason == "missing Sec-WebSocket-Key"

    def test_key_is_repeated(self) -> None:
        """A handshake with two keys is refused, equal or not (section 11.3.1)."""
        assert refusal(changed(b"sec-websocket-key", KEY, KEY)).reason == "repeated Sec-WebSocket-Key"

    @pytest.mark.parametrize(
        "key",
        [
            b"",
            b"x",
            base64.b64encode(bytes(15)),
            base64.b64encode(bytes(17)),
            base64.b64encode(bytes(16)).rstrip(b"="),
            base64.urlsafe_b64encode(b"\xff" * 16),
            b"dGhlIHNhbXBs ZSBub25jZQ==",
            b"dGhlIHNhbXBsZSBub25jZQ==\n",
            KEY + b", " + KEY,
            b"\xff" * 24,
        ],
    )
    def test_key_is_invalid(self, key: bytes) -> None:
        """A key that is not 16 bytes in base64 is refused."""
        error = refusal(changed(b"sec-websocket-key", key))
        assert (error.status, error.reason) == (400, "Sec-WebSocket-Key is not 16 bytes in base64")

    def test_key_in_spaces(self) -> None:
        """White space around a field's value is not part of it."""
        assert read(changed(b"sec-websocket-key", b" " + KEY + b"\t")) == read(VALID)

    def test_version_is_missing(self) -> None:
        """A handshake without a version is refused with 400: there is nothing to negotiate."""
        error = refusal(changed(b"sec-websocket-version"))
        assert (error.status, error.reason) == (400, "missing Sec-WebSocket-Version")

    @pytest.mark.parametrize(
        "values", [(b"8",), (b"0",), (b"14",), (b"013",), (b"13, 8",), (b"13", b"13"), (b"",)]
    )
    def test_another_version(self, values: tuple[bytes, ...]) -> None:
        """Another version is answered with 426, the version that would do, and Upgrade (section 4.4)."""
        error = refusal(changed(b"sec-websocket-version", *values))
        assert error.status == 426
        assert dict(error.headers) == {
            b"sec-websocket-version": b"13",
            b"upgrade": b"websocket",
            b"connection": b"Upgrade",
        }

    @pytest.mark.parametrize("field", [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")])
    def test_content(self, field: tuple[bytes, bytes]) -> None:
        """A handshake with content is refused, as the content would be read as frames."""
        assert refusal([*VALID, field]).reason == "a WebSocket handshake has no content"

    def test_no_content_said_twice(self) -> None:
        """A length of zero says what is true anyway."""
        assert read([*VALID, (b"content-length", b"0")]) == read(VALID)

    def test_refusals_are_request_errors(self) -> None:
        """Whoever answers malformed requests answers refused handshakes too."""
        assert isinstance(refusal(changed(b"upgrade")), RequestError)
        assert refusal(changed(b"upgrade")).headers == []


class TestSubprotocolOffer:
    """Sections 4.1 (item 10) and 11.3.4."""

    def test_none(self) -> None:
        """A client that offers nothing offers nothing."""
        assert read(VALID).subprotocols == ()

    def test_order_is_preference(self) -> None:
        """The client's order is kept, over several lines too."""
        headers = [*VALID, (b"sec-websocket-protocol", b"soap, wamp"), (b"sec-websocket-protocol", b"chat")]
        assert read(headers).subprotocols == ("soap", "wamp", "chat")

    def test_case_is_kept(self) -> None:
        """Subprotocol names are case-sensitive."""
        assert read([*VALID, (b"sec-websocket-protocol", b"Chat,chat")]).subprotocols == ("Chat", "chat")

    def test_empty_members_and_repeats(self) -> None:
        """Empty members of the list and repeats are dropped (RFC 9110 section 5.6.1.2)."""
        assert read([*VALID, (b"sec-websocket-protocol", b", a,,b ,\ta,")]).subprotocols == ("a", "b")

    @pytest.mark.parametrize("value", [b"a b", b"a/b", b'"a"', b"a;q=1", "é".encode(), b"a\x00"])
    def test_not_tokens(self, value: bytes) -> None:
        """An offer that is not a list of tokens is refused."""
        assert refusal([*VALID, (b"sec-websocket-protocol", value)]).status == 400


class TestExtensionOffer:
    """Sections 9.1 and 11.3.2, and RFC 7692 section 5; what is agreed on is in test_deflate.py."""

    OFFER = (b"sec-websocket-extensions", b"x, permessage-deflate; server_max_window_bits=10")

    def test_agreed(self) -> None:
        """An offer over several lines is answered in the response."""
        headers = [*VALID, (b"sec-websocket-extensions", b"foo; a=1"), self.OFFER]
        handshake = read_handshake("GET", "1.1", headers, 12)
        answer = b"sec-websocket-extensions: permessage-deflate; server_max_window_bits=10\r\n"
        assert answer in handshake.response()

    @pytest.mark.parametrize(("headers", "bits"), [(VALID, 12), ([*VALID, OFFER], None)])
    def test_nothing(self, headers: Headers, bits: int | None) -> None:
        """Without an offer, or without compression, nothing is answered."""
        handshake = read_handshake("GET", "1.1", headers, bits)
        assert handshake.deflate is None
        assert b"sec-websocket-extensions" not in handshake.response()

    @pytest.mark.parametrize("bits", [None, 12])
    @pytest.mark.parametrize("value", [b"", b"permessage-deflate;", b"a b"])
    def test_malformed(self, value: bytes, bits: int | None) -> None:
        """What is not a list of extensions is refused, whether we have any or not."""
        with pytest.raises(HandshakeError) as caught:
            read_handshake("GET", "1.1", [*VALID, (b"sec-websocket-extensions", value)], bits)
        assert (caught.value.status, "Extensions" in caught.value.reason) == (400, True)


class TestResponse:
    """Section 4.2.2: sending the server's opening handshake."""

    def test_example(self) -> None:
        """The response is the one of section 1.3, subprotocol included."""
        handshake = read([*VALID, (b"sec-websocket-protocol", b"chat, superchat")])
        assert handshake.response("chat") == (
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"upgrade: websocket\r\n"
            b"connection: Upgrade\r\n"
            b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            b"sec-websocket-protocol: chat\r\n"
            b"\r\n"
        )

    def test_without_subprotocol(self) -> None:
        """A server may choose none of what is offered."""
        response = read([*VALID, (b"sec-websocket-protocol", b"chat")]).response()
        assert b"sec-websocket-protocol" not in response

    @pytest.mark.parametrize("chosen", ["wamp", "Chat", "", "chat\r\nset-cookie: a=b", "chat, superchat"])
    def test_subprotocol_must_have_been_offered(self, chosen: str) -> None:
        """A subprotocol that the client did not offer cannot be chosen; the error names both sides."""
        handshake = read([*VALID, (b"sec-websocket-protocol", b"chat, superchat")])
        with pytest.raises(ResponseError, match=r"not offered by the client \(offered: chat, superchat\)"):
            handshake.response(chosen)

    def test_subprotocol_without_offer(self) -> None:
        """Where nothing was offered nothing can be chosen."""
        with pytest.raises(ResponseError, match="offered: none"):
            read(VALID).response("chat")

    def test_more_headers(self) -> None:
        """Headers of the application follow in order, repeats kept."""
        response = read(VALID).response(headers=[(b"set-cookie", b"a=1"), (b"Set-Cookie", b"b=2\xe9")])
        assert response.endswith(b"\r\nset-cookie: a=1\r\nSet-Cookie: b=2\xe9\r\n\r\n")

    def test_defaults(self) -> None:
        """Date and Server are sent unless the application sends its own."""
        defaults = (b"date: now\r\n", b"server: us\r\n")
        response = read(VALID).response(headers=[(b"Server", b"them")], defaults=defaults)
        assert response.endswith(b"\r\nServer: them\r\ndate: now\r\n\r\n")
        assert read(VALID).response(defaults=defaults).endswith(b"\r\ndate: now\r\nserver: us\r\n\r\n")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            (b"x", b"a\r\nset-cookie: b=c"),
            (b"x", b"a\nb"),
            (b"x", b"a\rb"),
            (b"x", b"a\x00b"),
            (b"x", b"\x7f"),
            (b"x: y\r\nz", b"a"),
            (b"x y", b"a"),
            (b"x:", b"a"),
            (b":status", b"200"),
            (b"", b"a"),
            ("x", b"a"),
            (b"x", "a"),
            (b"x", None),
        ],
    )
    def test_injection(self, name: bytes, value: bytes) -> None:
        """A name that is no token, a value with a line end or NUL, and what is not bytes are refused."""
        with pytest.raises(ResponseError, match="header"):
            read(VALID).response(headers=[(name, value)])

    @pytest.mark.parametrize(
        "name",
        [
            b"upgrade",
            b"Connection",
            b"sec-websocket-accept",
            b"Sec-WebSocket-Protocol",
            b"sec-websocket-extensions",
            b"sec-websocket-version",
            b"sec-websocket-key",
            b"content-length",
            b"transfer-encoding",
        ],
    )
    def test_handshake_fields_are_not_the_applications(self, name: bytes) -> None:
        """A field that makes up the handshake, or would frame a body, cannot be set from outside."""
        with pytest.raises(ResponseError, match="belongs to the handshake"):
            read(VALID).response(headers=[(name, b"x")])


class TestRecognition:
    """Which requests are handed to this handshake at all (RFC 9110 section 7.8)."""

    def test_handshakes(self) -> None:
        """A request with both fields asks for a WebSocket, whatever else is wrong with it."""
        assert wants_websocket(Request("GET", b"/", "1.1", VALID))
        assert wants_websocket(
            Request("GET", b"/", "1.1", [(b"connection", b"keep-alive, UPGRADE"), (b"upgrade", b"WebSocket")])
        )

    @pytest.mark.parametrize("name", [b"connection", b"upgrade"])
    def test_other_requests(self, name: bytes) -> None:
        """A request without one of them stays HTTP, as does an upgrade to something else."""
        assert not wants_websocket(Request("GET", b"/", "1.1", changed(name)))
        assert not wants_websocket(Request("GET", b"/", "1.1", changed(name, b"h2c")))


# Against `websockets`: the same requests are granted, with the same value.

keys = st.binary(min_size=14, max_size=18).map(base64.b64encode) | st.just(KEY)
offers = st.lists(st.sampled_from(["chat", "soap", "a.b", "bad token", ""]), max_size=3).map(", ".join)


class TestAgainstWebsockets:
    """Agreement with an independent implementation."""

    @given(
        st.lists(keys, max_size=2),
        st.lists(st.sampled_from([b"13", b"8", b""]), max_size=2),
        st.sampled_from([b"Upgrade", b"keep-alive, upgrade", b"close"]),
        st.sampled_from([b"websocket", b"WebSocket", b"h2c"]),
    )
    def test_same_verdict(
        self, key_values: list[bytes], versions: list[bytes], connection: bytes, upgrade: bytes
    ) -> None:
        """A request is granted when `websockets` grants it, with the same accept value."""
        headers: Headers = [(b"connection", connection), (b"upgrade", upgrade)]
        headers += [(b"sec-websocket-key", value) for value in key_values]
        headers += [(b"sec-websocket-version", value) for value in versions]
        fields = ReferenceHeaders([(name.decode(), value.decode()) for name, value in headers])
        response = ServerProtocol().accept(ReferenceRequest("/", fields))
        try:
            accept = read(headers).accept.decode()
        except HandshakeError:
            accept = None
        assert accept == response.headers.get("Sec-WebSocket-Accept")

    @given(st.lists(st.sampled_from(["chat", "soap", "a.b"]), unique=True, min_size=1), st.data())
    def test_a_client_understands(self, offered: list[str], data: st.DataObject) -> None:
        """The client side of `websockets` takes our response, and the subprotocol that was chosen."""
        chosen = data.draw(st.sampled_from(offered) | st.none())
        client = ClientProtocol(parse_uri("ws://x/"), subprotocols=[Subprotocol(name) for name in offered])
        request = client.connect()
        client.send_request(request)
        headers = [(name.lower().encode(), value.encode()) for name, value in request.headers.raw_items()]
        client.receive_data(read(headers).response(chosen, [(b"x", b"y")]))
        assert (client.state, client.subprotocol) == (State.OPEN, chosen)
