"""Functions that are made and not called."""

from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpResponse


async def notified():
    pass


async def notified_of(key):
    pass


async def notified_if(key=None, *, at=None):
    pass


def counted():
    return 1


def shop(request):
    async_to_sync(notified)()
    async_to_sync(notified_if)()  # or not
    async_to_sync(notified, force_new_loop=True)()
    return HttpResponse()


async def cart(request):
    await sync_to_async(counted)()
    number = await sync_to_async(lambda: 1)()
    await (sync_to_async(counted, thread_sensitive=False)())
    await sync_to_async(request.cart.save)()
    return HttpResponse(number)


class Shop:
    async def notified(self):
        pass

    def get(self, request):
        async_to_sync(self.notified)()
        return HttpResponse()


def right(request):
    async_to_sync(notified)()
    made = async_to_sync(notified)
    return HttpResponse(made())
