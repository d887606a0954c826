"""What is spoken on WebSockets."""

from typing import ClassVar

from hybrid.server.config.settings import Flag, Seconds, SettingsGroup, Whole, setting, settings_group


@settings_group
class WebSocketSettings(SettingsGroup):
    """What is spoken on WebSockets."""

    heading: ClassVar[str] = "WebSocket"

    ws_max_size: int = setting(
        16 * 1024 * 1024,
        Whole(
            low=1,
            high=1 << 40,
            metavar="BYTES",
            help="Close a WebSocket whose client sends a longer message, with code 1009.",
        ),
    )
    ws_max_queue: int = setting(
        32,
        Whole(
            low=1,
            high=1 << 20,
            metavar="N",
            help="Stop reading from a WebSocket at a message that comes while this many wait for the "
            "application.",
        ),
    )
    ws_handshake_timeout: float = setting(
        10.0,
        Seconds(
            help="Answer 504 when an ASGI application has not answered a handshake for this long; 0 never.",
        ),
    )
    ws_ping_interval: float = setting(
        20.0,
        Seconds(help="Ping the client of an open WebSocket this often; 0 never."),
    )
    ws_ping_timeout: float = setting(
        20.0,
        Seconds(
            help="Close a WebSocket whose client has not answered a ping for this long, nor sent anything "
            "else, with code 1011; 0 never.",
        ),
    )
    ws_per_message_deflate: bool = setting(
        True,
        Flag(help="Compress messages on WebSockets whose clients offer it (RFC 7692)."),
    )
    ws_deflate_window_bits: int = setting(
        12,
        Whole(
            low=9,
            high=15,
            metavar="N",
            help="Compress with a window of 2 to the power of N bytes, which decides about the memory of a "
            "WebSocket that compresses: 50 kB with 12, 300 kB with 15, 18 kB with 9.",
        ),
    )
    ws_deflate_threshold: int = setting(
        256,
        Whole(
            low=0,
            high=1 << 40,
            metavar="BYTES",
            help="Send messages of fewer bytes as they are.",
        ),
    )
    ws_close_spread: float = setting(
        1.0,
        Seconds(
            help="When stopping, close WebSockets one by one over this long, so that their clients do not "
            "all come back at once.",
        ),
    )
