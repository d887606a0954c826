"""WebSockets, consumers, and channel layers."""

from typing import Final

from hybrid.adapters.django.migrate.catalogue.shorthand import (
    ASGI,
    BOTH,
    CHANNELS,
    ERROR,
    IMPORT,
    NONE,
    NOTE,
    SETTING,
    STATIC,
    SUGGEST,
    WARNING,
    WSGI,
)
from hybrid.adapters.django.migrate.rule import Rule

SOCKETS: Final = (
    Rule(
        "HM501",
        ERROR,
        BOTH,
        (IMPORT,),
        SETTING,
        "The channel layer is in memory, and there are several processes",
        "What one process sends never reaches the others.",
        f"{CHANNELS}topics/channel_layers.html#in-memory-channel-layer",
    ),
    Rule(
        "HM502",
        ERROR,
        WSGI,
        (IMPORT,),
        SETTING,
        "group_send() on a thread",
        "Without the server's loop it wakes nobody up in time. hybrid gives its threads the loop.",
        f"{CHANNELS}topics/channel_layers.html",
    ),
    Rule(
        "HM503",
        WARNING,
        ASGI,
        (IMPORT, STATIC),
        SUGGEST,
        "WebSockets are open to pages of any origin, or know no user",
        "Browsers send cookies with a WebSocket wherever the page comes from: put "
        "AllowedHostsOriginValidator around the routes, and AuthMiddlewareStack where scope['user'] is read.",
        f"{CHANNELS}topics/security.html",
    ),
    Rule(
        "HM504",
        WARNING,
        ASGI,
        (STATIC, IMPORT),
        SUGGEST,
        "A consumer reaches the database as a view would",
        "It raises SynchronousOnlyOperation in an asynchronous consumer, and holds its connection in a long "
        "synchronous one.",
        f"{CHANNELS}topics/databases.html",
    ),
    Rule(
        "HM505",
        NOTE,
        ASGI,
        (IMPORT,),
        SUGGEST,
        "A WebSocket for an unknown path is an error",
        "Channels raises ValueError, which is logged as a failure. A last route for all paths refuses it "
        "cleanly.",
        f"{CHANNELS}topics/routing.html#urlrouter",
    ),
    Rule(
        "HM506",
        NOTE,
        ASGI,
        (IMPORT,),
        NONE,
        "A synchronous consumer",
        "Each of its events runs on a thread.",
        f"{CHANNELS}topics/consumers.html",
    ),
)
