"""Loops that are used for more, or for what may be no coroutine."""

import asyncio
import asyncio as aio

import aiohttp
from django.http import HttpResponse
from elsewhere import fetched_there


async def fetched(key):
    return key


async def several(keys):
    for key in keys:
        yield key


def twice(request):
    loop = asyncio.get_event_loop()  # left alone: loop is used for more than to run one coroutine
    loop.run_until_complete(fetched("a"))
    return HttpResponse(loop.run_until_complete(fetched("b")))


def closed(request):
    loop = asyncio.get_event_loop()  # left alone: loop is used for more than to run one coroutine
    found = loop.run_until_complete(fetched("a"))
    loop.close()
    return HttpResponse(found)


def with_future(request):
    found = asyncio.get_event_loop().run_until_complete(asyncio.gather(fetched("a")))  # left alone: asyncio.run() takes a coroutine alone, and asyncio.gather(…)
    return HttpResponse(found)


def of_others(request):
    return HttpResponse(asyncio.get_event_loop().run_until_complete(fetched_there("a")))  # left alone: asyncio.run() takes a coroutine alone, and fetched_there(…)


def of_variable(request):
    waiting = fetched("a")
    return HttpResponse(asyncio.get_event_loop().run_until_complete(waiting))  # left alone: asyncio.run() takes a coroutine alone, and this


def of_generator(request):
    return HttpResponse(asyncio.get_event_loop().run_until_complete(several("a")))  # left alone: asyncio.run() takes a coroutine alone, and several(…)


def shadowed(request, fetched):
    return HttpResponse(asyncio.get_event_loop().run_until_complete(fetched("a")))  # left alone: asyncio.run() takes a coroutine alone, and fetched(…)


def with_lock(request):
    return HttpResponse(aio.get_event_loop().run_until_complete(fetched(aio.Lock())))  # left alone: aio.Lock() may belong to the loop


def as_well(request):
    return HttpResponse(asyncio.get_event_loop().run_until_complete(fetched("a")))  # left alone: asyncio.run() leaves the main thread without a loop, and shop/code.py:21


class Client:
    async def fetched(self):
        return self.session

    def get(self):
        return asyncio.get_event_loop().run_until_complete(self.fetched())  # left alone: the object of self.fetched

    def again(self):
        return asyncio.get_event_loop().run_until_complete(fetched(self.session))  # left alone: self.session may belong


def with_client(request):
    session = aiohttp.ClientSession()
    return HttpResponse(asyncio.get_event_loop().run_until_complete(fetched(session)))  # left alone: session may belong


def only_asked(request):
    return HttpResponse(str(asyncio.get_event_loop()))  # left alone: what becomes of the loop is not plain


async def in_coroutine(request):
    return HttpResponse(asyncio.run(fetched("a")))  # left alone: to be done by hand: await the coroutine


def elsewhere(request):
    if request.GET:
        loop = asyncio.get_event_loop()  # left alone: what becomes of the loop is not plain
    try:
        return HttpResponse(loop.run_until_complete(fetched("a")))
    except RuntimeError:
        return HttpResponse()
