"""What a server grants to each HTTP/2 connection, and tells its client of it."""

from typing import NamedTuple

from hybrid.server.limits import Limits
from hybrid.server.wire.http2.frames import DEFAULT_WINDOW, Setting, settings_frame


class Terms(NamedTuple):
    """What a server grants to each connection.

    Attributes:
        streams: requests at a time.
        window: bytes of a body that may come before the application has taken any.
        limits: on each request.
    """

    streams: int = 100
    window: int = DEFAULT_WINDOW
    limits: Limits = Limits()

    def frame(self) -> bytes:
        """Return the SETTINGS frame that says so (RFC 9113 section 6.5)."""
        settings = {
            Setting.MAX_CONCURRENT_STREAMS: self.streams,
            Setting.INITIAL_WINDOW_SIZE: self.window,
            Setting.MAX_HEADER_LIST_SIZE: self.limits.request_head,
            Setting.ENABLE_CONNECT_PROTOCOL: 1,
            Setting.NO_RFC7540_PRIORITIES: 1,
        }
        return settings_frame(settings)
