"""Every error of this package that a caller may want to catch, in one place."""

from http import HTTPStatus


class HybridError(Exception):
    """Base of the errors that this package raises on purpose; the message is one clear line for a person."""


class ClientDisconnected(OSError):
    """The client left before the response or message could be delivered.

    An :class:`OSError`, as the ASGI specification asks of ``send()`` after a disconnect (HTTP spec 2.4).
    """


class LoadError(HybridError):
    """A target could not be turned into an application; the message names the target."""


class InterfaceError(HybridError, TypeError):
    """An object is neither a WSGI nor an ASGI application, or nothing tells which."""


class LifespanError(HybridError):
    """An application's lifespan startup or shutdown failed; the message names the application."""


class PoolFull(HybridError):
    """A thread pool's queue has no room; the work was not taken."""


class PortalError(HybridError, RuntimeError):
    """A thread cannot have a coroutine run on the event loop; the message says why."""


class BodyRefused(HybridError):
    """A request body is not taken, for its size or for want of room.

    Attributes:
        status: the response status to send; the connection is closed after it, as the rest is not read.
        reason: one short phrase for the response body and the log, never anything the client sent.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {HTTPStatus(status).phrase}: {reason}")
        self.status = status
        self.reason = reason


class ChannelFull(HybridError):
    """A channel has reached its capacity; the message was not queued (Channels layer specification)."""


class MessageTooLarge(HybridError):
    """A channel layer cannot carry a message of this size (Channels layer specification)."""


class ChannelLayerError(HybridError, RuntimeError):
    """A channel layer cannot do what it was asked, as what carries its messages does not answer."""


class InvalidChannelLayerError(HybridError, ValueError):
    """A consumer needs a channel layer, and has none or one that has no groups."""


class StopConsumer(HybridError):
    """Raised by a consumer's handler to end the consumer."""


class AcceptConnection(HybridError):
    """Raised by a consumer's ``connect()`` to accept the handshake."""


class DenyConnection(HybridError):
    """Raised by a consumer's ``connect()`` to refuse the handshake."""


class RequestAborted(HybridError):
    """The client has left before its request was complete."""


class RequestTimeout(RequestAborted):
    """The client has not completed its request in time."""


class ConfigError(HybridError, ValueError):
    """A setting has a value that cannot work; the message names the setting."""


class ProtocolError(HybridError, RuntimeError):
    """An application sent an ASGI message that the specification does not allow here; the message names the
    rule.
    """
