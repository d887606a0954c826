"""What a WebSocket's client may use up."""

from typing import ClassVar

from hybrid.server.config.settings import Seconds, SettingsGroup, Whole, setting, settings_group


@settings_group
class WebSocketLimitSettings(SettingsGroup):
    """What a WebSocket's client may use up."""

    heading: ClassVar[str] = "WebSocket limits"

    ws_limit_connections: int = setting(
        0,
        Whole(
            low=0,
            high=1 << 30,
            metavar="N",
            help="Close a WebSocket beyond this many with code 1013, try again later; 0 is no limit.",
        ),
    )
    ws_limit_per_client: int = setting(
        0,
        Whole(
            low=0,
            high=1 << 30,
            metavar="N",
            help="Close a WebSocket beyond this many of one client address, or IPv6 network of 64 bits, with "
            "code 1008; 0 is no limit.",
        ),
    )
    ws_limit_per_route: int = setting(
        0,
        Whole(
            low=0,
            high=1 << 30,
            metavar="N",
            help="Close a WebSocket beyond this many of one application with code 1008; 0 is no limit.",
        ),
    )
    ws_limit_messages: int = setting(
        0,
        Whole(
            low=0,
            high=1 << 30,
            metavar="N",
            help="Close a WebSocket whose client sends more messages, pings and pongs a second with code "
            "1008; 0 is no limit.",
        ),
    )
    ws_limit_bytes: int = setting(
        0,
        Whole(
            low=0,
            high=1 << 40,
            metavar="BYTES",
            help="Close a WebSocket whose client sends more bytes a second with code 1008; 0 is no limit.",
        ),
    )
    ws_limit_burst: float = setting(
        5.0,
        Seconds(
            help="Let a client that has been silent send at once what --ws-limit-messages and "
            "--ws-limit-bytes allow in this long, at least one second.",
        ),
    )
    ws_idle_timeout: float = setting(
        0.0,
        Seconds(
            help="Close a WebSocket on which no message was sent either way for this long with code 1001; 0 "
            "is never. Pings and pongs are none.",
        ),
    )
    ws_max_age: float = setting(
        0.0,
        Seconds(
            help="Close a WebSocket that has been open for this long, or up to a tenth less, with code 1001, "
            "so that clients spread over new processes; 0 is never.",
        ),
    )
