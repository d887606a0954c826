"""HM308 and HM310."""

import asyncio

from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpResponse


def shared_task(function):
    return function


def work(number=0):
    return number


@sync_to_async
def work_on_a_thread(number):
    return number


async def fetch(number=0):
    return number


def all_of(numbers):
    return [work(each) for each in numbers]


def crosses(request):
    return HttpResponse(async_to_sync(fetch)())  # HM308


class View:
    def get(self, request):
        return HttpResponse(async_to_sync(fetch)(3))  # HM308


@shared_task
def in_a_task():
    return async_to_sync(fetch)()  # not HM308


run = async_to_sync(fetch)  # not HM308


async def stays(request):
    return HttpResponse(await fetch())  # not HM308


async def loops(request):
    found = []
    for number in range(3):
        found.append(await sync_to_async(work)(number))  # HM310
    more = [await sync_to_async(work)(each) for each in found]  # HM310
    while more:
        await work_on_a_thread(more.pop())  # HM310
    return HttpResponse(found)


async def once(request):
    for number in await sync_to_async(all_of)([1, 2]):  # not HM310
        await fetch(number)  # not HM310
    more = [each for each in await sync_to_async(all_of)([1, 2])]  # not HM310
    await work_on_a_thread(3)  # not HM310
    return HttpResponse(more)


async def watches(request):
    while True:
        if await sync_to_async(work)():  # not HM310
            return HttpResponse()
        await asyncio.sleep(1)
