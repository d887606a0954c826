"""A response as the bytes on a connection tell it: what a client can know of it, and what it cannot."""

from dataclasses import dataclass, field
from enum import Enum


class End(Enum):
    """How the reading of a response ended."""

    WHOLE = "whole"  # nothing was missing, as far as the client can tell
    CLOSED = "closed"  # the server closed the connection before the end, politely or not
    WAITING = "waiting"  # the deadline came before the end, and the connection is open
    GARBAGE = "garbage"  # what came is no response


#: Statuses that end with their head (RFC 9110 section 6.4.1).
BODILESS = (204, 304)


@dataclass(frozen=True)
class Reply:
    """What came back for one request.

    `status` is 0 when there was no head. `interim` has the statuses of the responses before the final one,
    `rest` the bytes after the end of this one, and `raw` everything.
    """

    raw: bytes
    end: End
    status: int = 0
    reason: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    body: bytes = b""
    rest: bytes = b""
    interim: tuple[int, ...] = ()

    @property
    def over(self) -> bool:
        """Whether nothing that may still come belongs to it."""
        return self.end in (End.WHOLE, End.GARBAGE)

    def values(self, name: str) -> list[str]:
        """The values of a field, one for each line."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def __str__(self) -> str:
        """Say in a few words what a person would see."""
        if not self.status:
            return "no answer" if self.end is End.WAITING else "the connection is closed without an answer"
        ends = {End.CLOSED: ", cut off", End.WAITING: ", and then nothing"}
        return f"status {self.status}{ends.get(self.end, '')}"


def parse(raw: bytes, method: str, *, closed: bool) -> Reply:
    """Read what has come so far; `closed` says that nothing more will."""
    missing = End.CLOSED if closed else End.WAITING
    interim: list[int] = []
    rest = raw
    while True:
        if not rest.startswith(b"HTTP/"[: len(rest)]):
            return Reply(raw, End.GARBAGE, interim=tuple(interim))
        head, end_of_head, rest = rest.partition(b"\r\n\r\n")
        if not end_of_head:
            return Reply(raw, missing, interim=tuple(interim))
        status, reason, headers = _parse_head(head.decode("latin-1"))
        if status >= 200 or status < 100:
            break
        interim.append(status)
    reply = Reply(raw, missing, status, reason, headers, interim=tuple(interim))
    body, rest, end = _parse_body(reply, rest, method, missing)
    return Reply(raw, end, status, reason, headers, body, rest, tuple(interim))


def _parse_head(head: str) -> tuple[int, str, list[tuple[str, str]]]:
    status_line, *lines = head.split("\r\n")
    _, _, status_and_reason = status_line.partition(" ")
    status, _, reason = status_and_reason.partition(" ")
    fields = [line.partition(":") for line in lines]
    return (
        int(status) if status.isdigit() else 0,
        reason,
        [(name, value.strip()) for name, _, value in fields],
    )


def _parse_body(reply: Reply, data: bytes, method: str, missing: End) -> tuple[bytes, bytes, End]:
    """Find the end of the body as RFC 9112 section 6.3 has it; return body, what follows it, and its end."""
    if method == "HEAD" or reply.status in BODILESS:
        return b"", data, End.WHOLE
    if "chunked" in "".join(reply.values("transfer-encoding")).lower():
        return _parse_chunks(data, missing)
    if lengths := reply.values("content-length"):
        length = int(lengths[0])
        return data[:length], data[length:], End.WHOLE if len(data) >= length else missing
    return data, b"", End.WHOLE if missing is End.CLOSED else End.WAITING


def _parse_chunks(data: bytes, missing: End) -> tuple[bytes, bytes, End]:
    body = b""
    while True:
        line, end_of_line, data = data.partition(b"\r\n")
        if not end_of_line:
            return body, b"", missing
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:  # no client would go on after it
            return body, line + data, missing
        if len(data) < size + 2:
            return body + data[:size], b"", missing
        body += data[:size]
        data = data[size + 2 :]
        if size == 0:
            return body, data, End.WHOLE
