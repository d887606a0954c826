"""Functions of the project that run queries."""

import asyncio

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User


def number(name):
    return User.objects.filter(username=name).count()


def ordered():
    if User.objects.exists():
        return User.objects.order_by("pk")
    return None


async def view(request):
    text = (await sync_to_async(number)("a")).bit_length()
    both = [await sync_to_async(number)(each) for each in "ab"]
    query = ordered()  # left alone: ordered() returns a query that has not run yet
    return text, both, query, await asyncio.to_thread(number, "a")
