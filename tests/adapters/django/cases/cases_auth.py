"""Users of connections, in a project with a database."""

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, user_logged_in, user_logged_out
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client, TransactionTestCase, override_settings

from hybrid.adapters.django.auth import (
    AuthMiddleware,
    AuthMiddlewareStack,
    UserLazyObject,
    get_user,
    login,
    logout,
)
from hybrid.adapters.django.generic.websocket import AsyncWebsocketConsumer
from hybrid.adapters.django.testing import WebsocketCommunicator
from hybrid.bridge.errors import ConfigError
from hybrid.bridge.testing import ApplicationCommunicator
from tests.support.patience import be_patient

be_patient(ApplicationCommunicator)

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


class Echo(AsyncWebsocketConsumer):
    """Answers with the user's name."""

    async def receive(self, text_data=None, bytes_data=None):
        """Answer."""
        await self.send(f"{self.scope['user'].username}: {text_data}")


class Entrance(AsyncWebsocketConsumer):
    """Signs the user of the path in before it accepts."""

    async def connect(self):
        """Sign in."""
        await login(self.scope, await User.objects.aget(username=self.scope["path"][1:]))
        await self.accept()


class AuthTests(TransactionTestCase):
    """Who it is, signing in, and signing out."""

    def setUp(self):
        """Have two users, one of whom has signed in with a browser."""
        self.ann = User.objects.create_user("ann", password="first")
        self.bob = User.objects.create_user("bob", password="first")
        browser = Client()
        browser.force_login(self.ann)
        self.key = browser.cookies["sessionid"].value

    def scope(self, key=None):
        """Give a scope with a session."""
        return {"type": "websocket", "session": SessionStore(key)}

    async def test_get_user(self):
        """It is who has signed in, or nobody."""
        assert await get_user(self.scope(self.key)) == self.ann
        assert isinstance(await get_user(self.scope()), AnonymousUser)
        assert isinstance(await get_user(self.scope("x" * 32)), AnonymousUser)
        with override_settings(AUTHENTICATION_BACKENDS=["chatsite.other"]):
            assert isinstance(await get_user(self.scope(self.key)), AnonymousUser)
        with self.assertRaisesRegex(ValueError, "no session"):
            await get_user({})

    async def test_changed_password(self):
        """A session whose hash does not fit any more is ended."""
        self.ann.set_password("second")
        await self.ann.asave()
        assert isinstance(await get_user(self.scope(self.key)), AnonymousUser)
        assert not await Session.objects.filter(session_key=self.key).aexists()

    async def test_replaced_secret_key(self):
        """A session that the old secret key vouches for is good; Channels ends it."""
        keys = {"SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": [settings.SECRET_KEY]}
        with override_settings(SECRET_KEY="new"):
            hashes = self.ann.get_session_auth_hash()
        with override_settings(**keys):
            scope = self.scope()
            await scope["session"].aupdate(
                {"_auth_user_id": str(self.ann.pk), "_auth_user_backend": MODEL_BACKEND}
            )
            with override_settings(SECRET_KEY=settings.SECRET_KEY_FALLBACKS[0]):
                await scope["session"].aset(HASH_SESSION_KEY, self.ann.get_session_auth_hash())
            assert scope["session"][HASH_SESSION_KEY] != hashes
            assert await get_user(scope) == self.ann

    async def test_login(self):
        """Signing in gives a new key, keeps what a visitor had, and tells who listens."""
        told = []

        def hear(**kwargs):
            told.append((kwargs["user"], kwargs["request"]))

        user_logged_in.connect(hear)
        try:
            scope = self.scope()
            await scope["session"].aset("cart", ["tea"])
            await scope["session"].asave()
            before = scope["session"].session_key
            await login(scope, self.ann, MODEL_BACKEND)
        finally:
            user_logged_in.disconnect(hear)
        assert told == [(self.ann, None)]
        assert scope["session"].session_key != before
        assert scope["session"]["cart"] == ["tea"]
        assert scope["user"] == await get_user(scope) == self.ann
        await login(scope, None)  # again: nothing changes
        assert scope["session"]["cart"] == ["tea"]
        await login(scope, self.bob)
        assert "cart" not in scope["session"]
        assert await get_user(scope) == self.bob

    async def test_login_refused(self):
        """It says what is missing."""
        for scope in ({}, self.scope()):
            with self.assertRaises(ValueError):
                await login(scope, None)
        with override_settings(AUTHENTICATION_BACKENDS=[MODEL_BACKEND, "chatsite.other"]):
            with self.assertRaisesRegex(ValueError, "several AUTHENTICATION_BACKENDS"):
                await login(self.scope(), self.bob)

    async def test_logout(self):
        """Signing out ends the session, and tells whose it was, if anybody's."""
        told = []

        def hear(**kwargs):
            told.append(kwargs["user"])

        user_logged_out.connect(hear)
        try:
            scope = {**self.scope(self.key), "user": self.ann}
            await logout(scope)
            await logout(scope)
        finally:
            user_logged_out.disconnect(hear)
        assert told == [self.ann]
        assert isinstance(scope["user"], AnonymousUser)
        assert not await Session.objects.filter(session_key=self.key).aexists()
        with self.assertRaisesRegex(ValueError, "no session"):
            await logout({})

    async def test_login_in_connect(self):
        """Who is signed in before the handshake is answered gets a cookie that every view knows."""
        client = WebsocketCommunicator(AuthMiddlewareStack(Entrance.as_asgi()), "/bob")
        assert (await client.connect())[0]
        (cookie,) = [value.decode() for name, value in client.response_headers if name == b"set-cookie"]
        key = cookie.partition(";")[0].partition("=")[2]
        assert await get_user(self.scope(key)) == self.bob
        await client.disconnect()

    def test_lazy(self):
        """A user who is not known yet says so."""
        with self.assertRaisesRegex(ValueError, "not known yet"):
            str(UserLazyObject())
        assert "username" not in vars(UserLazyObject)

    async def test_without_session(self):
        """Outside of the session middleware it says what is wrong."""
        with self.assertRaisesRegex(ValueError, "SessionMiddleware must be around"):
            await AuthMiddleware(Echo.as_asgi())({"type": "websocket"}, None, None)


class RecheckTests(TransactionTestCase):
    """Asking again whose the session is."""

    setUp = AuthTests.setUp

    async def opened(self, **options):
        """Open a WebSocket of Ann's."""
        headers = [(b"cookie", f"sessionid={self.key}".encode())]
        client = WebsocketCommunicator(AuthMiddlewareStack(Echo.as_asgi(), **options), "/", headers=headers)
        assert (await client.connect())[0]
        await client.send_to(text_data="a")
        assert await client.receive_from() == "ann: a"
        return client

    async def test_ended(self):
        """Who has signed out elsewhere is closed."""
        client = await self.opened(recheck=0.05)
        assert await client.receive_nothing(0.2)
        await Session.objects.all().adelete()
        closed = await client.receive_output(10)
        assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
        await client.disconnect(4401)

    async def test_never(self):
        """Without being told to, nobody asks, as in Channels."""
        client = await self.opened()
        await Session.objects.all().adelete()
        await client.send_to(text_data="b")
        assert await client.receive_from() == "ann: b"
        await client.disconnect()

    def test_refused(self):
        """No time at all is a mistake."""
        with self.assertRaises(ConfigError):
            AuthMiddlewareStack(Echo.as_asgi(), recheck=0)
