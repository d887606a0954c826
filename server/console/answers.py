"""Answers of the console: small ones, whole, that nobody keeps."""

from typing import NamedTuple

from hybrid.bridge.types import Send

#: What the browser may load for the page: nothing of others, and nothing that is written into it.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """A response.

    Attributes:
        status: of HTTP.
        body: all of it.
        content_type: what it is.
        fields: more header fields.
    """

    status: int
    body: bytes = b""
    content_type: str = _TEXT
    fields: tuple[tuple[bytes, bytes], ...] = ()


def text(status: int, said: str, *fields: tuple[bytes, bytes]) -> Answer:
    """Return a line of text."""
    return Answer(status, f"{said}\n".encode(), _TEXT, fields)


async def send_answer(answer: Answer, send: Send) -> None:
    """Send a response as ASGI messages."""
    headers = [
        (b"content-length", b"%d" % len(answer.body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", _POLICY),
        (b"cross-origin-resource-policy", b"same-origin"),
        *answer.fields,
    ]
    if answer.status != 204:
        headers.append((b"content-type", answer.content_type.encode("ascii")))
    else:
        del headers[0]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
