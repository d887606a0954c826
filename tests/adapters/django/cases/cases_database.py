"""Database connections of consumers."""

import asyncio
import threading
from contextlib import contextmanager
from unittest import mock

from asgiref.sync import SyncToAsync
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import TransactionTestCase

import hybrid.bridge.testing
from hybrid.adapters.django.connections import OPEN, OpenConnections
from hybrid.adapters.django.db import DatabaseSyncToAsync, aclose_old_connections, database_sync_to_async
from hybrid.adapters.django.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from hybrid.adapters.django.testing import WebsocketCommunicator
from tests.support.patience import be_patient

be_patient(hybrid.bridge.testing.ApplicationCommunicator)


class Asking(AsyncWebsocketConsumer):
    """Asks the database when it is told to."""

    async def receive(self, text_data=None, bytes_data=None):
        """Ask, or not."""
        await self.send(str(await User.objects.acount()) if text_data == "ask" else "nothing")


class AskingOnThread(WebsocketConsumer):
    """The same on a thread."""

    def receive(self, text_data=None, bytes_data=None):
        """Ask, and tell which thread this is."""
        User.objects.count()
        seen.append((threading.get_ident(), connection.connection is not None))
        self.send("asked")


seen = []


@contextmanager
def hops():
    """Count visits to threads."""
    count = []
    call = SyncToAsync.__call__

    async def counting(self, *args, **kwargs):
        count.append(self.func)
        return await call(self, *args, **kwargs)

    with mock.patch.object(SyncToAsync, "__call__", counting):
        yield count


async def asked(client, text):
    """Send a message and wait for the answer, and for the end of its handler."""
    await client.send_to(text_data=text)
    answer = await client.receive_from()
    await client.receive_nothing()
    return answer


async def until(condition):
    """Wait for what threads do in their own time."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


class DatabaseTests(TransactionTestCase):
    """Connections are closed between messages, and nobody visits a thread for nothing."""

    async def test_no_visit(self):
        """Messages that need no database visit no thread; one that does is followed by one that closes."""
        await aclose_old_connections()
        client = WebsocketCommunicator(Asking.as_asgi(), "/")
        with hops() as count:
            await client.connect()
            for _ in range(5):
                assert await asked(client, "rest") == "nothing"
            assert count == []
            assert await asked(client, "ask") == "0"
            await until(lambda: len(count) == 2 and OPEN.all() == [])
            assert await asked(client, "rest") == "nothing"
            assert len(count) == 2
        await client.disconnect()

    async def test_kept(self):
        """A connection that may be kept is kept, without visits, until it is broken or too old."""
        await aclose_old_connections()
        client = WebsocketCommunicator(Asking.as_asgi(), "/")
        await client.connect()
        with mock.patch.dict(connection.settings_dict, CONN_MAX_AGE=600), hops() as count:
            assert await asked(client, "ask") == "0"
            (kept,) = OPEN.all()
            assert await asked(client, "rest") == "nothing"
            assert len(count) == 1
            kept.errors_occurred = True  # which Django looks into: it still works
            assert await asked(client, "rest") == "nothing"
            await until(lambda: (len(count), kept.errors_occurred) == (2, False))
            kept.close_at = 0
            assert await asked(client, "rest") == "nothing"
            await until(lambda: OPEN.all() == [])
        await client.disconnect()

    async def test_threads(self):
        """So it is with the threads of synchronous consumers."""
        client = hybrid.bridge.testing.WebsocketCommunicator(AskingOnThread.as_asgi(), "/")
        await client.connect()
        assert await asked(client, "ask") == "asked"
        thread, was_open = seen.pop()
        assert was_open
        assert thread != threading.get_ident()
        await until(lambda: all(each._thread_ident != thread for each in OPEN.all()))
        await client.disconnect()

    async def test_database_sync_to_async(self):
        """A function that is called so finds no old connection, and leaves none."""

        def ask():
            return User.objects.count(), connection.connection is not None

        assert database_sync_to_async is DatabaseSyncToAsync
        assert await database_sync_to_async(ask)() == (0, True)
        assert OPEN.all() == []

    def test_many_threads(self):
        """Threads that have no connection any more are forgotten."""
        known = OpenConnections()

        class Connection:
            connection = None

        gone = Connection()
        for number in range(200):
            with mock.patch("threading.get_ident", return_value=number):
                known.note(gone)
        assert len(known._by_thread) <= 64
        assert known.all() == []
        known.forget()
        assert known.visit() is None

    def test_own_thread(self):
        """Connections of the test itself are not touched."""
        User.objects.count()
        assert connections["default"].connection is not None
