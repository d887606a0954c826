"""Loops that are asked for, and run once."""

import asyncio
from asyncio import get_event_loop

from django.http import HttpResponse
from django.views import View


async def fetched(key, timeout=1):
    return key


def at_once(request):
    return HttpResponse(asyncio.get_event_loop().run_until_complete(fetched("a", timeout=2)))


def named(request):
    # One for all.
    key = "a"
    loop = asyncio.get_event_loop()
    result = loop.run_until_complete(fetched(key))  # at last
    return HttpResponse(result)


def first(request):
    """Begins with it."""

    loop = asyncio.get_event_loop()

    return HttpResponse(loop.run_until_complete(fetched("a")))


def imported(request):
    return HttpResponse(get_event_loop().run_until_complete(fetched("a")))


def within(request):
    async def both():
        return await asyncio.gather(fetched("a"), fetched("b"))

    return HttpResponse((asyncio.get_event_loop().run_until_complete(both())))


def limited(request):
    return HttpResponse(asyncio.get_event_loop().run_until_complete(asyncio.wait_for(fetched("a"), 3)))


class Shop(View):
    async def fetched(self):
        return "a"

    def get(self, request):
        return HttpResponse(
            asyncio.get_event_loop().run_until_complete(
                self.fetched(),  # of the shop
            )
        )


def ready(request):
    try:
        return HttpResponse(asyncio.get_event_loop().run_until_complete(fetched("a")))
    except RuntimeError:
        return HttpResponse()
