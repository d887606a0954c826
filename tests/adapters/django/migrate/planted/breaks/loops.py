"""HM113 and HM116."""

import asyncio

from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpResponse


async def fetch():
    return 3


def work():
    return 3


def helper():
    return asyncio.run(fetch())


def asks_for_loop(request):
    loop = asyncio.get_event_loop()  # HM113
    return HttpResponse(loop.run_until_complete(fetch()))


def runs_at_once(request):
    return HttpResponse(asyncio.get_event_loop().run_until_complete(fetch()))  # HM113


async def inside(request):
    first = asyncio.run(fetch())  # HM113
    second = async_to_sync(fetch)()  # HM113
    third = helper()  # HM113
    loop = asyncio.get_event_loop()  # not HM113
    fourth = await loop.run_in_executor(None, work)  # not HM113
    fifth = await sync_to_async(helper)()  # not HM113
    return HttpResponse([first, second, third, fourth, fifth])


def runs_its_own(request):
    return HttpResponse(asyncio.run(fetch()))  # not HM113


def is_ready(request):
    try:
        loop = asyncio.get_event_loop()  # not HM113
    except RuntimeError:
        loop = asyncio.new_event_loop()
    return HttpResponse(loop.run_until_complete(fetch()))


async def not_called(request):
    await sync_to_async(work)  # HM116
    await sync_to_async(work)()  # not HM116
    return HttpResponse()


def not_called_either(request):
    async_to_sync(fetch)  # HM116
    async_to_sync(fetch)()  # HM308  # not HM116
    run = async_to_sync(fetch)  # not HM116
    return HttpResponse(run())
