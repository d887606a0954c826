"""What a client says of itself in SETTINGS (RFC 9113 section 6.5)."""

from hybrid.server.wire.http2.frames import (
    DEFAULT_FRAME_SIZE,
    DEFAULT_WINDOW,
    LARGEST_FRAME_SIZE,
    LARGEST_WINDOW,
    LAST_STREAM,
    ConnectionFault,
    ErrorCode,
    Setting,
    read_settings,
)


class PeerSettings:
    """The client's settings that matter to what is sent. Others are its own matter: no table of its is used
    for header fields, for one.

    Attributes:
        window: bytes that a new stream may be sent before it gives more room.
        frame_size: the largest payload of a frame.
        takes_pushes: whether it has not ruled out that it is sent what it has not asked for.
        streams: how many of those there may be at a time.
    """

    __slots__ = ("frame_size", "streams", "takes_pushes", "window")

    def __init__(self) -> None:
        self.window = DEFAULT_WINDOW
        self.frame_size = DEFAULT_FRAME_SIZE
        self.takes_pushes = True
        self.streams = LAST_STREAM

    def __repr__(self) -> str:
        return f"<PeerSettings window={self.window} frame_size={self.frame_size}>"

    def apply(self, payload: bytes) -> int:
        """Take a SETTINGS frame in; return by how much the window of every stream grows.

        Raises:
            ConnectionFault: a value must not be.
        """
        before = self.window
        for setting, value in read_settings(payload):
            self._set(setting, value)
        return self.window - before

    def _set(self, setting: int, value: int) -> None:
        match setting:
            case Setting.ENABLE_PUSH:
                if value > 1:
                    raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1")
                self.takes_pushes = bool(value)
            case Setting.MAX_CONCURRENT_STREAMS:
                self.streams = value
            case Setting.INITIAL_WINDOW_SIZE:
                if value > LARGEST_WINDOW:
                    raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE is out of range")
                self.window = value
            case Setting.MAX_FRAME_SIZE:
                if not DEFAULT_FRAME_SIZE <= value <= LARGEST_FRAME_SIZE:
                    raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE is out of range")
                self.frame_size = value
            case _:  # what it does not know an endpoint ignores (section 6.5.2)
                pass
