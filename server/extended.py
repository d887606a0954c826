"""The messages of ASGI's HTTP extensions, and what becomes of each.

Not loaded before an application sends one.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from hybrid.bridge.types import Message, Scope
from hybrid.server.exchange_files import FileExchange, send_descriptor, send_path
from hybrid.server.extensions import DEBUG, EARLY_HINT, PATHSEND, PUSH, TRAILERS, ZEROCOPYSEND
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.fronted import TrailedEncoder
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import field_line, interim


class ExtendedExchange(FileExchange, Protocol):
    """What an exchange is to those who take the messages of extensions."""

    @property
    def scope(self) -> Scope:
        """The scope of the request."""
        ...

    @property
    def request(self) -> Request:
        """The request's head."""
        ...


async def take(exchange: ExtendedExchange, kind: str, message: Message) -> bool:
    """Take a message of an extension, of a response that is not complete.

    What another one may follow waits for room before it is written, and not only afterwards: an application
    that gives up waiting may go on to the next one.

    Returns:
        Whether there is such a message, and it is due.

    Raises:
        ClientDisconnected: the client has left.
        ProtocolError: it must not be sent with what has been sent already.
        ResponseError: it would break the framing, inject a header field, or names a file that cannot be sent.
    """
    taker = _TAKERS.get(kind)
    try:
        return taker is not None and await taker(exchange, message)
    except KeyError as error:
        raise ResponseError(f"{kind}: {error} is missing") from error
    except (TypeError, ValueError) as error:
        raise ResponseError(f"{kind}: {error}, in {message!r}") from error


def awaits_trailers(exchange: ExtendedExchange) -> bool:
    """Whether the body is over, and nothing but its trailers is due."""
    return isinstance(exchange.encoder, TrailedEncoder) and exchange.encoder.due


async def _hint(exchange: ExtendedExchange, message: Message) -> bool:
    """Send ``103 Early Hints`` (RFC 8297). The head, which nothing of the kind may follow, waits for the
    first part of the body, so there is time for it even after ``http.response.start``.
    """
    fields = [(b"link", link) for link in message["links"]]
    try:
        for field in fields:
            field_line(*field)
    except ResponseError as error:
        raise ResponseError(f"{EARLY_HINT}: {error}") from None
    await exchange.connection.wait_writable()
    encoder = exchange.encoder
    sent = encoder is not None and encoder.head_sent
    if fields and not sent and exchange.request.http_version != "1.0":  # RFC 9110 section 15.2
        exchange.connection.write(interim(103, fields))
        await exchange.connection.wait_writable()
    return True


async def _push(exchange: ExtendedExchange, message: Message) -> bool:
    """Promise the client another response (RFC 9113 section 8.4): before a part of the body that refers to
    it, and as with hints even before ``http.response.start``, as Starlette does.
    """
    connection = exchange.connection
    if connection.push is not None:
        await connection.wait_writable()
    push = connection.push
    if push is None:
        return False
    from hybrid.server.wire.http2.promises import read_promise  # which is there, with HTTP/2

    limits = connection.context.config.limits
    push(*read_promise(exchange.request, exchange.scope["scheme"], message, limits))
    await connection.wait_writable()
    return True


async def _send_trailers(exchange: ExtendedExchange, message: Message) -> bool:
    more = bool(message.get("more_trailers", False))
    if more:
        await exchange.connection.wait_writable()
    encoder = exchange.encoder
    if not isinstance(encoder, TrailedEncoder) or not encoder.due:
        return False
    exchange.connection.write(encoder.encode_trailers(message.get("headers", ()), more))
    if more:
        await exchange.connection.wait_writable()
    else:
        exchange.complete()
    return True


async def _send_path(exchange: ExtendedExchange, message: Message) -> bool:
    encoder = exchange.encoder
    if encoder is not None:
        await send_path(exchange, encoder, message)
    return encoder is not None


async def _send_descriptor(exchange: ExtendedExchange, message: Message) -> bool:
    if message.get("more_body"):
        await exchange.connection.wait_writable()
    encoder = exchange.encoder
    if encoder is not None:
        await send_descriptor(exchange, encoder, message)
    return encoder is not None


async def _debug(exchange: ExtendedExchange, message: Message) -> bool:
    receiver = exchange.connection.context.config.response_debugger
    if receiver is None or exchange.encoder is not None:
        return False
    receiver(exchange.scope, message["info"])
    return True


_TAKERS: Final[dict[str, Callable[[ExtendedExchange, Message], Awaitable[bool]]]] = {
    EARLY_HINT: _hint,
    TRAILERS: _send_trailers,
    PATHSEND: _send_path,
    ZEROCOPYSEND: _send_descriptor,
    DEBUG: _debug,
    PUSH: _push,
}
