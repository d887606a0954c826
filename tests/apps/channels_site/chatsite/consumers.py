"""Consumers of each kind."""

import threading

from asgiref.sync import async_to_sync
from channels.auth import get_user, login, logout
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer, WebsocketConsumer
from django.contrib.auth.models import User

#: Set when a client has said that it has heard what a view has published.
heard = threading.Event()


class Chat(AsyncJsonWebsocketConsumer):
    """Everybody in a room hears what one of them says."""

    async def connect(self):
        """Enter."""
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept("chat" if "chat" in self.scope["subprotocols"] else None)

    async def receive_json(self, content, **kwargs):
        """Do what a message asks for."""
        await getattr(self, f"do_{content['do']}")(content)

    async def do_say(self, content):
        """Say something to the room."""
        message = {"type": "chat.said", "by": self.scope["user"].username, "text": content["text"]}
        await self.channel_layer.group_send(self.room, message)

    async def do_hear(self, content):
        """Have heard what a view has published."""
        heard.set()

    async def do_who(self, content):
        """Tell whose the connection is."""
        user = await get_user(self.scope)
        names = await database_sync_to_async(
            lambda: sorted(User.objects.values_list("username", flat=True))
        )()
        await self.send_json({"user": user.username, "known": user.is_authenticated, "all": names})

    async def do_count(self, content):
        """Ask the database without leaving the event loop."""
        await self.send_json({"users": await User.objects.acount()})

    async def do_login(self, content):
        """Sign in."""
        await login(self.scope, await User.objects.aget(username=content["name"]))
        await database_sync_to_async(self.scope["session"].save)()
        await self.send_json({"user": self.scope["user"].username})

    async def do_logout(self, content):
        """Sign out."""
        await logout(self.scope)
        await self.send_json({"user": self.scope["user"].username})

    async def do_close(self, content):
        """Close, with a code."""
        await self.close(content["code"])

    async def chat_said(self, event):
        """Pass on what was said."""
        await self.send_json({"by": event["by"], "text": event["text"]})

    async def disconnect(self, code):
        """Leave."""
        await self.channel_layer.group_discard(self.room, self.channel_name)


class Echo(WebsocketConsumer):
    """A consumer whose methods run on threads."""

    groups = ["echoes"]

    def connect(self):
        """Greet, with a count from the database."""
        self.accept()
        self.send(f"hello {self.scope['url_route']['kwargs']['name']}, {User.objects.count()}")

    def receive(self, text_data=None, bytes_data=None):
        """Send it back; an exclamation goes to all."""
        if text_data is not None and text_data.endswith("!"):
            async_to_sync(self.channel_layer.group_send)("echoes", {"type": "echo.all", "text": text_data})
        else:
            self.send(text_data, bytes_data)

    def echo_all(self, event):
        """Pass on what goes to all."""
        self.send(event["text"], close=4010 if event["text"] == "bye!" else False)


class Private(AsyncWebsocketConsumer):
    """For those alone who have signed in."""

    async def connect(self):
        """Let them in."""
        if self.scope["user"].is_anonymous:
            await self.close()
        else:
            await self.accept()
            await self.send(f"welcome {self.scope['user'].username}, {self.scope['session']['visits']}")
