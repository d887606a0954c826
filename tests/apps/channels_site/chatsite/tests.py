"""The project's own tests, by the documentation of Channels: communicators, and a live server."""

import json
import urllib.request

from asgiref.sync import async_to_sync
from channels.layers import channel_layers, get_channel_layer
from channels.testing import ChannelsLiveServerTestCase, WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import TestCase, TransactionTestCase, override_settings
from websockets.sync.client import connect

from chatsite.asgi import application

#: Whether these are the consumers of Channels, and not the same project with other imports.
IS_CHANNELS = WebsocketCommunicator.__module__.startswith("channels.")
OTHER_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 3}}}


class Client(WebsocketCommunicator):
    """A client that has patience with busy machines."""

    async def receive_output(self, timeout=1):  # noqa: ASYNC109 - as it is
        """Wait longer."""
        return await super().receive_output(timeout=60 if timeout == 1 else timeout)

    async def wait(self, timeout=1):  # noqa: ASYNC109 - as it is
        """Wait longer."""
        await super().wait(timeout=60 if timeout == 1 else timeout)


def opening(path):
    """Give a client with a page of its own host."""
    headers = [(b"origin", b"http://localhost"), (b"host", b"localhost")]
    return Client(application, path, headers=headers)


class ConsumerTests(TransactionTestCase):
    """Consumers without a server."""

    def setUp(self):
        """Have a user."""
        User.objects.create(username="ann")

    async def test_synchronous(self):
        """A consumer on threads sees what the test has written."""
        client = opening("/ws/echo/x/")
        assert (await client.connect())[0]
        assert await client.receive_from() == "hello x, 1"
        await client.send_to(text_data="all!")
        assert await client.receive_from() == "all!"
        await client.disconnect()

    async def test_asynchronous(self):
        """So does one on the event loop, in each way of asking."""
        client = opening("/ws/chat/room/")
        assert (await client.connect())[0]
        await client.send_json_to({"do": "count"})
        assert await client.receive_json_from() == {"users": 1}
        await client.send_json_to({"do": "who"})
        assert await client.receive_json_from() == {"user": "", "known": False, "all": ["ann"]}
        await client.send_json_to({"do": "login", "name": "ann"})
        assert await client.receive_json_from() == {"user": "ann"}
        await client.disconnect()

    async def test_other_settings(self):
        """A layer is made anew when the settings change."""
        before = get_channel_layer()
        with override_settings(CHANNEL_LAYERS=OTHER_LAYERS):
            assert get_channel_layer() is not before
            assert get_channel_layer().capacity == 3
            assert "default" in channel_layers
        assert get_channel_layer().capacity != 3

    async def test_refused(self):
        """Nobody gets in whose page is another's, or who has not signed in."""
        assert not (await opening("/ws/private/").connect())[0]
        client = Client(application, "/ws/echo/x/", headers=[(b"origin", b"http://evil")])
        assert not (await client.connect())[0]


class InTransactionTests(TestCase):
    """Consumers of a test whose transaction is never committed, so that no other connection sees its data."""

    def setUp(self):
        """Have a user."""
        if IS_CHANNELS:
            self.skipTest("Channels closes the connection, and the transaction with it, at a disconnect")
        User.objects.create(username="ann")

    test_synchronous = ConsumerTests.test_synchronous
    test_asynchronous = ConsumerTests.test_asynchronous


class LiveTests(ChannelsLiveServerTestCase):
    """A real server beside the test."""

    def test_live(self):
        """It sees what the test has written, and serves static files."""
        User.objects.create(username="bob")
        with connect(
            f"{self.live_server_ws_url}/ws/chat/r/", origin=self.live_server_url, proxy=None
        ) as client:
            client.send(json.dumps({"do": "count"}))
            assert json.loads(client.recv(timeout=60)) == {"users": 1}
        with urllib.request.urlopen(f"{self.live_server_url}/in/cid", timeout=60) as response:
            assert response.read() == b"cid, 2"
        with urllib.request.urlopen(f"{self.live_server_url}/static/hello.txt", timeout=60) as response:
            assert response.read() == b"a static file\n"
        assert User.objects.count() == 2

    def test_again(self):
        """Each test begins with an empty database."""
        assert User.objects.count() == 0
        with connect(
            f"{self.live_server_ws_url}/ws/echo/y/", origin=self.live_server_url, proxy=None
        ) as client:
            assert client.recv(timeout=60) == "hello y, 0"

    def test_layer(self):
        """What the test sends reaches a consumer, where the layer is the same."""
        if IS_CHANNELS:
            self.skipTest("Channels serves in another process")
        with connect(
            f"{self.live_server_ws_url}/ws/echo/z/", origin=self.live_server_url, proxy=None
        ) as client:
            assert client.recv(timeout=60) == "hello z, 0"
            message = {"type": "echo.all", "text": "from the test"}
            async_to_sync(get_channel_layer().group_send)("echoes", message)
            assert client.recv(timeout=60) == "from the test"
