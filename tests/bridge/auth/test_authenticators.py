"""What is found in a request, what is refused, and what the application gets to see of it."""

from typing import Any

import pytest

from hybrid.bridge import ConfigError
from hybrid.bridge.auth import BearerToken, CookieSession, FirstMessageToken, Identity, SubprotocolToken
from hybrid.bridge.auth.authenticators import Authenticator
from hybrid.bridge.auth.identity import Refused
from hybrid.bridge.types import Scope


async def nobodys(secret: str) -> Identity | None:
    """Know nobody."""
    return None


def websocket(*fields: tuple[str, str], subprotocols: list[str] | None = None) -> Scope:
    """Make the scope of a handshake."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields]
    return {"type": "websocket", "path": "/", "headers": headers, "subprotocols": subprotocols or []}


def offering(*subprotocols: str) -> Scope:
    """Make the scope of a handshake with subprotocols."""
    return websocket(
        ("Sec-WebSocket-Protocol", ", ".join(subprotocols)), ("Host", "x"), subprotocols=list(subprotocols)
    )


class TestBearerToken:
    """The field Authorization."""

    @pytest.mark.parametrize(
        ("value", "token"),
        [
            ("Bearer abc", "abc"),
            ("bearer   a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="),
            ("Basic abc", None),
            ("Bearerabc", None),
            ("", None),
        ],
    )
    def test_found(self, value: str, token: str | None) -> None:
        """The scheme is written in any case (RFC 9110 section 11.1); other schemes are not its business."""
        assert BearerToken(nobodys).find(websocket(("Authorization", value))) == token

    @pytest.mark.parametrize(
        "value", ["Bearer", "Bearer ", "Bearer a b", "Bearer \xe4", "Bearer " + "x" * 99]
    )
    def test_refused(self, value: str) -> None:
        """What is no token (RFC 6750 section 2.1) or too long is refused, and is not in the message."""
        with pytest.raises(Refused) as caught:
            BearerToken(nobodys, max_length=50).find(websocket(("Authorization", value)))
        assert (caught.value.status, caught.value.error) == (401, "invalid_token")
        assert "xxx" not in str(caught.value)

    def test_two(self) -> None:
        """Two tokens are refused, whichever is good; one beside another scheme is taken."""
        bearer = BearerToken(nobodys)
        first, second, basic = (("Authorization", value) for value in ("Bearer a", "Bearer b", "Basic c"))
        with pytest.raises(Refused):
            bearer.find(websocket(first, second))
        assert bearer.find(websocket(basic, second)) == "b"


class TestSubprotocolToken:
    """A token among the subprotocols."""

    def test_found(self) -> None:
        """The one with the prefix is the token."""
        token = SubprotocolToken(nobodys)
        assert token.find(offering("chat", "bearer.a.b.c")) == "a.b.c"
        assert token.find(offering("chat", "bearer")) is None
        assert token.find(offering()) is None
        assert token.find({"type": "http", "headers": []}) is None

    @pytest.mark.parametrize("offers", [["bearer.a", "bearer.b"], ["bearer."], ["bearer." + "x" * 99]])
    def test_refused(self, offers: list[str]) -> None:
        """Two tokens, an empty one, and one that is too long, are refused."""
        with pytest.raises(Refused) as caught:
            SubprotocolToken(nobodys, max_length=50).find(offering(*offers))
        assert caught.value.status == 401

    def test_the_application_sees_no_token(self) -> None:
        """Neither in the list, nor in the fields; what was there besides is as it was."""
        token = SubprotocolToken(nobodys)
        scope = offering("hybrid.auth", "chat", "bearer.a", "v2")
        token.clean(scope)
        assert scope["subprotocols"] == ["chat", "v2"]
        assert scope["headers"] == [(b"sec-websocket-protocol", b"chat, v2"), (b"host", b"x")]
        scope = offering("hybrid.auth", "bearer.a")
        token.clean(scope)
        assert scope["subprotocols"] == []
        assert scope["headers"] == [(b"host", b"x")]

    @pytest.mark.parametrize(
        ("offers", "accepted", "answered"),
        [
            (["hybrid.auth", "chat", "bearer.a"], "chat", "chat"),
            (["hybrid.auth", "chat", "bearer.a"], None, "hybrid.auth"),
            (["chat", "bearer.a"], None, None),
            (["chat", "bearer.a"], "bearer.a", None),
            (["hybrid.auth", "bearer.a"], "bearer.a", "hybrid.auth"),
        ],
    )
    def test_the_answer(self, offers: list[str], accepted: str | None, answered: str | None) -> None:
        """A token is never sent back; the marker is accepted where the application accepts nothing."""
        message = {"type": "websocket.accept", "subprotocol": accepted, "headers": [(b"a", b"b")]}
        answer = SubprotocolToken(nobodys).answer(offering(*offers), message)
        assert answer == {**message, "subprotocol": answered}

    @pytest.mark.parametrize("options", [{"prefix": ""}, {"prefix": "a b"}, {"marker": "bearer.x"}])
    def test_options_that_cannot_be(self, options: dict[str, Any]) -> None:
        """Prefix and marker must be possible as subprotocols, and not be confused."""
        with pytest.raises(ConfigError):
            SubprotocolToken(nobodys, **options)


class TestCookieSession:
    """A cookie, and the origin of the page that has it sent."""

    def find(
        self, *cookies: str, origin: str | None = "https://x", host: str = "x", **options: Any
    ) -> str | None:
        """Look for the cookie `s` in a handshake."""
        fields = [("Cookie", each) for each in cookies] + [("Host", host)]
        if origin is not None:
            fields.append(("Origin", origin))
        return CookieSession("s", nobodys, **options).find(websocket(*fields))

    @pytest.mark.parametrize(
        ("cookies", "value"),
        [
            (["s=a"], "a"),
            (["t=b; s=a=b; u=c"], "a=b"),
            (["s=first; s=second"], "first"),
            (["t=b", "s=a"], "a"),
            (["s="], None),
            (["ss=a; s"], None),
            ([], None),
        ],
    )
    def test_found(self, cookies: list[str], value: str | None) -> None:
        """The first cookie of the name counts, in whichever field it is."""
        assert self.find(*cookies) == value

    def test_too_long(self) -> None:
        """What is longer than a session can be is none."""
        assert self.find("s=12345", max_length=4) is None

    @pytest.mark.parametrize("origin", ["https://y", "null", None, "https://x:444"])
    def test_other_pages(self, origin: str | None) -> None:
        """A cookie that another site's page has sent is refused with 403; without the cookie nothing is."""
        with pytest.raises(Refused) as caught:
            self.find("s=a", origin=origin)
        assert caught.value.status == 403
        assert self.find("t=a", origin=origin) is None

    def test_listed_origins(self) -> None:
        """With a list these origins count, and one's own no longer."""
        listed: dict[str, Any] = {"allowed_origins": ["https://y"]}
        assert self.find("s=a", origin="https://y", **listed) == "a"
        with pytest.raises(Refused):
            self.find("s=a", origin="https://x", **listed)
        assert self.find("s=a", origin=None, allowed_origins=["*"]) == "a"
        with pytest.raises(ConfigError):
            CookieSession("s", nobodys, allowed_origins="https://y")

    @pytest.mark.parametrize(
        ("method", "origin", "refused"),
        [
            ("GET", "https://y", False),
            ("POST", "https://y", True),
            ("POST", "https://x", False),
            ("POST", None, False),
        ],
    )
    def test_http(self, method: str, origin: str | None, refused: bool) -> None:
        """Of requests, those that may change something and name another origin are refused."""
        headers = [(b"cookie", b"s=a"), (b"host", b"x")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        scope: Scope = {"type": "http", "method": method, "headers": headers}
        session = CookieSession("s", nobodys)
        if refused:
            with pytest.raises(Refused):
                session.find(scope)
        else:
            assert session.find(scope) == "a"


def test_first_message_options() -> None:
    """A deadline is needed, and a list."""
    with pytest.raises(ConfigError, match="timeout"):
        FirstMessageToken(nobodys, timeout=0)
    with pytest.raises(ConfigError, match="list"):
        FirstMessageToken(nobodys, subprotocols="chat")
    chosen = FirstMessageToken(nobodys, subprotocols=("b", "a")).choose(offering("x", "a", "b"))
    assert chosen == "a"


def test_what_is_no_function() -> None:
    """An authenticator without a function to ask is a mistake, found at once."""
    with pytest.raises(ConfigError, match="BearerToken needs a function"):
        BearerToken("secret")  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError):
        Authenticator(nobodys).find({"type": "http"})


def test_nothing_secret_is_shown() -> None:
    """What an authenticator or an identity is printed as has no tokens and no claims."""
    assert repr(BearerToken(nobodys)) == "<BearerToken>"
    assert "secret" not in repr(Identity("1", {"x": "secret"}, claims={"y": "secret"}))
