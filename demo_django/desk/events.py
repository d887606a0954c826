"""Server-sent events: what happens to any ticket, for the pages that list them."""

import asyncio
import json
from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

import hybrid
from demo_django.desk.live import DESK
from hybrid.adapters.django.layers import get_channel_layer
from hybrid.bridge import ChannelLayer

#: Seconds after which something is said in any case, so that proxies do not take the connection for dead.
SILENCE = 20.0


@require_GET
async def events(request: HttpRequest) -> HttpResponseBase:
    """Say what happens, as long as the page is open: an asynchronous stream, which needs no thread."""
    if not (await request.auser()).is_authenticated:
        return HttpResponse(status=403)
    if not hasattr(request, "scope"):
        # Under a WSGI server the stream would be collected for ever. 204 means: do not ask again.
        return HttpResponse(status=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(_stream(), content_type="text/event-stream", headers=headers)


async def _stream() -> AsyncIterator[str]:
    layer = get_channel_layer()
    assert layer is not None  # there is one, unless somebody says that there shall be none
    channel = await layer.new_channel()
    await layer.group_add(DESK, channel)
    ending = asyncio.create_task(_end(layer, channel))
    try:
        yield "retry: 2000\nevent: ready\ndata: {}\n\n"  # the page fetches what it has missed before this
        while (said := await _next(layer, channel)) is not None:
            yield said
    finally:
        ending.cancel()
        await layer.group_discard(DESK, channel)


async def _next(layer: ChannelLayer, channel: str) -> str | None:
    """Return what to say next; None at the end."""
    try:
        news = await asyncio.wait_for(layer.receive(channel), SILENCE)
    except TimeoutError:
        return ": still here\n\n"
    if news["type"] == "desk.end":
        return None
    said = json.dumps({"ticket": news["ticket"], "new": news["new"]})
    return f"event: ticket\ndata: {said}\n\n"


async def _end(layer: ChannelLayer, channel: str) -> None:
    """End a stream when the server wants to stop, which would wait for it; the page comes back by itself."""
    if notice := hybrid.shutdown_notice():
        await notice.wait()
        await layer.send(channel, {"type": "desk.end"})
