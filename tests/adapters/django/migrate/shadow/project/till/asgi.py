"""Django's handler, with something around it; the settings do not name it."""

from django.core.asgi import get_asgi_application

inner = get_asgi_application()


async def around(scope, receive, send):
    """Add a field to each response."""

    async def send_more(message):
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"X-Around", b"asgi")]
        await send(message)

    if scope["path"] == "/outside/":
        raise ValueError("no answer")
    await inner(scope, receive, send_more)
