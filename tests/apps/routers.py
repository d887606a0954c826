"""Every router of the bridge, one below the other, in which few paths lead anywhere."""

from typing import Any

from hybrid.bridge import (
    AsyncHttpConsumer,
    AsyncWebsocketConsumer,
    HostRouter,
    PathRouter,
    ProtocolTypeRouter,
    URLRouter,
    path,
    re_path,
    refusing,
)


class Socket(AsyncWebsocketConsumer):
    """Says what the routers have found."""

    async def connect(self) -> None:
        """Say it."""
        await self.accept()
        await self.send(text_data=repr(self.scope["url_route"]["kwargs"]))


class Web(AsyncHttpConsumer):
    """Answers with the same."""

    async def handle(self, body: bytes) -> None:
        """Answer."""
        await self.send_response(200, repr(self.scope["url_route"]["kwargs"]).encode())


def routes(**more: Any) -> ProtocolTypeRouter:
    """Make a router for both kinds."""
    return ProtocolTypeRouter(
        {
            "http": URLRouter([path("<int:room>", Web.as_asgi())], **more),
            "websocket": URLRouter([re_path(r"^(?P<room>\d+)$", Socket.as_asgi())], **more),
        }
    )


app = HostRouter(
    {
        "*": PathRouter(
            {
                "/rooms": routes(),
                "/gone": routes(no_route=410),
                "/nested": URLRouter(
                    [path("<slug:org>/", routes()), path("<slug:org>/", routes(no_route=451))]
                ),
                "/web": ProtocolTypeRouter({"http": refusing(402)}),
                "/sockets": ProtocolTypeRouter({"websocket": refusing(402)}),
            }
        ),
        "other.example": refusing(421),
    }
)
