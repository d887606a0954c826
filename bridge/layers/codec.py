"""Messages on their way between processes: MessagePack, as Channels' own layers have it."""

from typing import Any, Final

import msgpack

from hybrid.bridge.errors import MessageTooLarge

#: Bytes that an encoded message may have unless the layer says otherwise.
MAX_MESSAGE_SIZE: Final = 8 * 1024 * 1024


def encode(value: object, limit: int = MAX_MESSAGE_SIZE) -> bytes:
    """Encode a message.

    Raises:
        MessageTooLarge: it has more bytes than the limit.
        TypeError: there is something in it that a message may not have.
    """
    try:
        body: bytes = msgpack.packb(value)
    except (OverflowError, ValueError) as error:  # integers of more than 64 bits, lone surrogates, depth
        raise TypeError(f"a channel layer cannot carry this message: {error}") from error
    if len(body) > limit:
        raise MessageTooLarge(f"a message of {len(body)} bytes is larger than the {limit} that are allowed")
    return body


def decode(body: bytes) -> Any:
    """Decode what :func:`encode` made.

    Raises:
        ValueError: something else did.
    """
    return msgpack.unpackb(body, strict_map_key=False)
