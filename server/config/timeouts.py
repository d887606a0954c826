"""How long anything may take; in seconds."""

from typing import ClassVar

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.settings import Seconds, SettingsGroup, Whole, setting, settings_group


@settings_group
class TimeoutSettings(SettingsGroup):
    """How long anything may take; in seconds."""

    heading: ClassVar[str] = "Time-outs"

    timeout_keep_alive: float = setting(
        5.0, Seconds(help="Close a connection that has been idle for this long.")
    )
    timeout_headers: float = setting(
        10.0,
        Seconds(
            help="Answer 408 to a client that takes longer than this to send a request's head.",
        ),
    )
    timeout_body: float = setting(
        30.0,
        Seconds(
            help="Answer 408 to a client that sends nothing of its request's body for this long; 0 is never.",
        ),
    )
    timeout_body_rate: int = setting(
        240,
        Whole(
            low=0,
            high=1 << 30,
            metavar="BYTES",
            help="Answer 408 to a client whose body is later by --timeout-body than at this many bytes a "
            "second; 0 lets it.",
        ),
    )
    timeout_write: float = setting(
        60.0,
        Seconds(
            help="Disconnect a client that takes nothing of what waits for it for this long; 0 is never.",
        ),
    )
    timeout_disconnect: float = setting(
        3.0,
        Seconds(
            help="Cancel an ASGI application in the middle of a response whose client has left, when it "
            "neither receives nor sends anything for this long; 0 never.",
        ),
    )
    timeout_graceful_shutdown: float = setting(
        30.0,
        Seconds(
            help="Let requests in flight go on for this long after SIGINT or SIGTERM.",
        ),
    )
    shutdown_delay: float = setting(
        0.0,
        Seconds(
            help="After SIGINT or SIGTERM go on listening for this part of the time, not ready any more, "
            "so that load balancers can notice.",
        ),
    )
    timeout_request: float = setting(
        0.0,
        Seconds(
            help="Answer 504 when a WSGI application has taken this long, and give up its thread; 0 never.",
        ),
    )

    def check_group(self) -> None:
        """Refuse a delay that would leave no time for requests."""
        if self.shutdown_delay and self.shutdown_delay >= self.timeout_graceful_shutdown:
            raise ConfigError(
                "shutdown_delay: must be less than timeout_graceful_shutdown, of which it is a part"
            )
