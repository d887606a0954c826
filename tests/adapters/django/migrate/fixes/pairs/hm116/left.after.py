"""What may need an argument, or would be called where it cannot run."""

from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpResponse


async def notified():
    pass


async def notified_of(key, *, at):
    pass


def counted(key):
    return 1


def decorated(function):
    return function


@decorated
async def decorated_one():
    pass


async_to_sync(notified)  # left alone: it would run when the module is imported


def shop(request):
    async_to_sync(notified_of)  # left alone: it is not known that notified_of needs no argument
    async_to_sync(request.notified)  # left alone: it is not known that request.notified needs no argument
    async_to_sync(notified())  # left alone: to be done by hand: async_to_sync(notified)(…)
    async_to_sync(decorated_one)  # left alone: it is not known that decorated_one needs no argument
    sync_to_async(counted)  # left alone: what it makes is to be called and awaited, in a coroutine
    async_to_sync(counted)  # left alone: it is not known that counted needs no argument
    return HttpResponse()


async def cart(request):
    await sync_to_async(counted)  # left alone: it is not known that counted needs no argument
    await async_to_sync(notified)  # left alone: async_to_sync(…)() raises RuntimeError in a coroutine
    async_to_sync(notified)  # left alone: async_to_sync(…)() raises RuntimeError in a coroutine
    return HttpResponse()
