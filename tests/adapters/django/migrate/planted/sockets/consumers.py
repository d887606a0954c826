"""HM503, HM504 and HM506."""

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from breaks.models import Order


class Chat(AsyncWebsocketConsumer):
    async def connect(self):
        self.user = self.scope["user"]  # HM503
        self.path = self.scope["path"]  # not HM503
        self.number = Order.objects.count()  # HM504
        self.other = await Order.objects.acount()  # not HM504
        self.third = await database_sync_to_async(Order.objects.count)()  # not HM504
        await self.accept()


class Echo(WebsocketConsumer):  # HM506
    def connect(self):
        self.number = Order.objects.count()  # not HM504
        self.channel_layer.group_add("echo", self.channel_name)  # HM504
        self.accept()


class Quiet(AsyncWebsocketConsumer):  # not HM506
    async def connect(self):
        await self.accept()
