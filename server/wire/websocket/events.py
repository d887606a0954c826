"""What the bytes of a WebSocket's client turn out to be: messages, control frames, or a failure."""

from dataclasses import dataclass


class WebSocketError(Exception):
    """The peer broke a rule of the protocol; the connection is to be closed with ``code`` and ``reason``.

    Attributes:
        code: the close code that names the kind of failure (1002, 1007 or 1009).
        reason: which rule, short enough for a close frame.
        events: what was complete before the failure, in the same piece of data; it still counts.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = int(code)
        self.reason = reason
        self.events: list[Event] = []


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping; the answer is a pong with the same payload of at most 125 bytes (section 5.5.2)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """A pong: the answer to a ping of ours, or unasked for (section 5.5.3)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The peer wants to close, or agrees to; ``code`` is 1005 when its frame had none (section 5.5.1)."""

    code: int
    reason: str


#: A whole text message, a whole binary message, or a control frame.
Event = str | bytes | Ping | Pong | Close
