"""What can be wrong with the bytes of either side, each error with the answer it deserves."""

from http import HTTPStatus


class RequestError(Exception):
    """A request that is refused before an application sees it.

    Attributes:
        status: the response status to send; the connection is closed after it, as nothing that follows can be
            trusted to be where it seems (RFC 9112 section 9.6).
        reason: one short phrase for the response body and the log, never anything the client sent.
        line: the first line of a head that is refused, as the client sent it; ``b""`` when it is not known.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {HTTPStatus(status).phrase}: {reason}")
        self.status = status
        self.reason = reason
        self.line = b""


class ResponseError(Exception):
    """A response that an application must not send: it would break the framing or smuggle a header field."""
