"""Comments stay."""

import asyncio

from django.http import HttpResponse


async def fetched(key):
    return key


def noted(request):
    key = "a"

    # One for each thread.
    # of the thread
    return HttpResponse(asyncio.run(fetched(key)))


def noted_within(request):
    return HttpResponse(
        asyncio.get_event_loop()  # left alone: a comment would be lost with what goes
        .run_until_complete(fetched("a"))
    )


def on_one_line(request):
    loop = asyncio.get_event_loop(); key = "a"  # left alone: another statement is on the same line
    return HttpResponse(loop.run_until_complete(fetched(key)))
