"""Sessions of connections, in a project with a database."""

from http.cookies import SimpleCookie

from chatsite.settings import INSTALLED_APPS
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import SuspiciousOperation
from django.test import TransactionTestCase, override_settings

from hybrid.adapters.django.generic.http import AsyncHttpConsumer
from hybrid.adapters.django.generic.websocket import AsyncWebsocketConsumer
from hybrid.adapters.django.sessions import CookieMiddleware, SessionMiddleware, SessionMiddlewareStack
from hybrid.adapters.django.testing import HttpCommunicator, WebsocketCommunicator
from hybrid.bridge.testing import ApplicationCommunicator
from tests.support.patience import be_patient

be_patient(ApplicationCommunicator)

assert "channels" not in INSTALLED_APPS


def cookie_of(headers):
    """Return the session cookie that is set."""
    cookies = SimpleCookie()
    for name, value in headers or ():
        if name == b"set-cookie":
            cookies.load(value.decode())
    return cookies.get("sessionid")


def with_cookie(key):
    """Give the header fields of a client with a session."""
    return [(b"cookie", f"sessionid={key}".encode())]


class Counter(AsyncWebsocketConsumer):
    """Counts in the session, when it connects and with each message."""

    async def count(self):
        """Count."""
        self.scope["session"]["count"] = await self.scope["session"].aget("count", 0) + 1

    async def connect(self):
        """Count, unless the path says not to, or empty the session."""
        if self.scope["path"] == "/count":
            await self.count()
        if self.scope["path"] == "/end":
            await self.scope["session"].aflush()
        if self.scope["path"] == "/deleted":
            await self.count()
            await Session.objects.all().adelete()
        await self.accept(headers=[(b"x-own", b"1")])

    async def receive(self, text_data=None, bytes_data=None):
        """Count."""
        await self.count()
        await self.send(str(self.scope["session"]["count"]))


class Page(AsyncHttpConsumer):
    """Counts in the session, and answers with the status in the path."""

    async def handle(self, body):
        """Count."""
        status = int(self.scope["path"][1:])
        if status != 204:
            self.scope["session"]["count"] = 1
        await self.send_response(status, b"")


class SessionTests(TransactionTestCase):
    """What is saved when, and which cookie is set."""

    async def connected(self, path, headers=None):
        """Connect, and return the client."""
        client = WebsocketCommunicator(SessionMiddlewareStack(Counter.as_asgi()), path, headers=headers)
        assert (await client.connect())[0]
        return client

    async def test_saved_with_the_handshake(self):
        """What changes before the handshake is answered is saved, and a new key told in its answer."""
        client = await self.connected("/count")
        cookie = cookie_of(client.response_headers)
        assert (b"x-own", b"1") in client.response_headers
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        assert await SessionStore(cookie.value).aget("count") == 1
        await client.disconnect()
        client = await self.connected("/count", with_cookie(cookie.value))
        assert cookie_of(client.response_headers).value == cookie.value
        assert await SessionStore(cookie.value).aget("count") == 2
        await client.disconnect()

    async def test_not_saved_later(self):
        """Changes after that stay with the connection, whose owner saves them if they are to last."""
        client = await self.connected("/")
        assert cookie_of(client.response_headers) is None
        await client.send_to(text_data="count")
        assert await client.receive_from() == "1"
        await client.disconnect()
        assert await Session.objects.acount() == 0

    async def test_ended(self):
        """The cookie of a session that has been ended is taken back, and no new session is made."""
        store = SessionStore()
        await store.aset("a", 1)
        await store.asave()
        client = await self.connected("/end", with_cookie(store.session_key))
        assert cookie_of(client.response_headers)["max-age"] == "0"
        assert await Session.objects.acount() == 0
        await client.disconnect()

    async def test_deleted_meanwhile(self):
        """A session that somebody else has deleted is not made again."""
        store = SessionStore()
        await store.aset("a", 1)
        await store.asave()
        stack = SessionMiddlewareStack(Counter.as_asgi())
        client = WebsocketCommunicator(stack, "/deleted", headers=with_cookie(store.session_key))
        with self.assertRaises(SuspiciousOperation):
            await client.connect()
        assert await Session.objects.acount() == 0

    async def test_http(self):
        """A response sets the cookie, unless it is a 500 or the session has not changed."""
        stack = SessionMiddlewareStack(Page.as_asgi())
        for status, saved in ((500, 0), (204, 0), (200, 1)):
            response = await HttpCommunicator(stack, "GET", f"/{status}").get_response()
            assert (cookie_of(response["headers"]) is not None) == bool(saved)
            assert await Session.objects.acount() == saved

    async def test_save_every_request(self):
        """The setting is for requests: each one renews a session that is there, and makes none."""
        store = SessionStore()
        await store.aset("a", 1)
        await store.asave()
        stack = SessionMiddlewareStack(Page.as_asgi())
        with override_settings(SESSION_SAVE_EVERY_REQUEST=True, SESSION_EXPIRE_AT_BROWSER_CLOSE=True):
            response = await HttpCommunicator(
                stack, "GET", "/204", headers=with_cookie(store.session_key)
            ).get_response()
            assert cookie_of(response["headers"]).value == store.session_key
            assert not cookie_of(response["headers"])["max-age"]
            response = await HttpCommunicator(stack, "GET", "/204").get_response()
            assert cookie_of(response["headers"]) is None
        assert await Session.objects.acount() == 1

    async def test_twice(self):
        """Inside of another session middleware there is one session, which the outer one saves."""
        stack = SessionMiddlewareStack(CookieMiddleware(SessionMiddleware(Page.as_asgi())))
        response = await HttpCommunicator(stack, "GET", "/200").get_response()
        assert [name for name, _ in response["headers"]].count(b"set-cookie") == 1
        assert await Session.objects.acount() == 1

    async def test_without_cookies(self):
        """Outside of the cookie middleware it says what is wrong."""
        with self.assertRaisesRegex(ValueError, "CookieMiddleware must be around"):
            await HttpCommunicator(SessionMiddleware(Page.as_asgi()), "GET", "/200").get_response()
