"""What the processes of one machine and their broker say to each other: each word, and what belongs to it.

A word is a number at the head of a frame. What a process says first is :attr:`Ask.HELLO`; a broker of another
version closes the connection, and so does a process that meets one. *Ticket* is a number that the answer
repeats.
"""

from enum import IntEnum
from types import NoneType
from typing import Any, Final

from hybrid.bridge.layers.workers.framing import Frame, FramingError

#: Of this page. Processes with another one do not understand each other.
VERSION: Final = 1


class Ask(IntEnum):
    """What a process says to the broker."""

    HELLO = 0  # version, node, whether it would be a good broker
    FIT = 1  # whether it would be one from now on
    BYE = 2  # whether it leaves for good: the last word
    PUBLISH = 3  # group, body, messages kept, seconds
    SEND = 4  # ticket, channel, body, messages that may wait, seconds, whether the oldest makes room
    TAKE = 5  # ticket, queue; the answer is a message, and until when it may wait
    UNTAKE = 6  # ticket, which is answered with None unless it is answered already
    PUT_BACK = 7  # queue, body, seconds
    SYNC = 8  # ticket
    SUBSCRIBE = 9  # group
    UNSUBSCRIBE = 10  # group
    WATCH = 11  # ticket, group
    UNWATCH = 12  # group
    JOIN = 13  # ticket, group, channel, metadata, seconds, then as for SEND if the channel is a queue
    LEAVE = 14  # ticket, group, channel
    MEMBERS = 15  # ticket, group
    COUNT = 16  # ticket, group
    HISTORY = 17  # ticket, group, number after which
    FLUSH = 18  # ticket


class Tell(IntEnum):
    """What the broker says to a process."""

    WELCOME = 0  # whether it knows the node, from the broker before
    DELIVER = 1  # group, channel, body, number
    PART = 2  # ticket, a part of the items that are the answer
    ANSWER = 3  # ticket, the answer
    TAKEN = 4  # so many publications have been taken
    LOST = 5  # why messages were lost on the way here or in queues, how many, what they were for
    CHANGED = 6  # group, whether joined, channel, metadata, since
    FLUSHED = 7
    MOVING = 8  # there will be another broker: say BYE, and say what comes after to that one


_METADATA: Final = (bytes, NoneType)
_NUMBER: Final = (int, float)

_SHAPES: Final[dict[int, tuple[type | tuple[type, ...], ...]]] = {
    Ask.HELLO: (int, str, bool),
    Ask.FIT: (bool,),
    Ask.BYE: (bool,),
    Ask.PUBLISH: (str, bytes, int, _NUMBER),
    Ask.SEND: (int, str, bytes, int, _NUMBER, bool),
    Ask.TAKE: (int, str),
    Ask.UNTAKE: (int,),
    Ask.PUT_BACK: (str, bytes, _NUMBER),
    Ask.SYNC: (int,),
    Ask.SUBSCRIBE: (str,),
    Ask.UNSUBSCRIBE: (str,),
    Ask.WATCH: (int, str),
    Ask.UNWATCH: (str,),
    Ask.JOIN: (int, str, str, _METADATA, _NUMBER, int, _NUMBER, bool),
    Ask.LEAVE: (int, str, str),
    Ask.MEMBERS: (int, str),
    Ask.COUNT: (int, str),
    Ask.HISTORY: (int, str, int),
    Ask.FLUSH: (int,),
}


def require_ask(said: Frame) -> list[Any]:
    """Return what belongs to the word that a process has said.

    Raises:
        FramingError: there is no such word, or something else belongs to it.
    """
    shape = _SHAPES.get(said[0])
    if shape is None or len(shape) != len(said) - 1:
        raise FramingError(f"word {said[0]} with {len(said) - 1} items is not known")
    for place, kind in enumerate(shape, 1):
        if not isinstance(said[place], kind):
            raise FramingError(f"item {place} of {Ask(said[0]).name} is a {type(said[place]).__name__}")
    return said[1:]
