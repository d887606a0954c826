"""What is said on a control socket: one line of JSON each way.

Knows no socket. A request is ``{"command": NAME, "arguments": {…}}``, where the arguments may be left out; an
answer is ``{"answer": {…}}`` or ``{"error": TEXT, "code": CODE}``. Each ends with a newline, and nothing
follows.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple, NoReturn, cast

from hybrid.bridge.control import ControlError

#: Bytes of the longest request and the longest answer, the newline included.
MAX_REQUEST: Final = 1024 * 1024
MAX_ANSWER: Final = 16 * 1024 * 1024
#: Characters of the longest error.
_LONGEST_ERROR: Final = 4096


class Code(StrEnum):
    """Why there is an error instead of an answer."""

    REFUSED = "refused"  #: the command says what is wrong
    UNKNOWN = "unknown-command"  #: nothing that is served here has it
    MALFORMED = "malformed"  #: what was said is no request
    FAILED = "failed"  #: the command has a defect, which the server's log has
    TIMEOUT = "timeout"  #: the command has taken too long


class Refused(ControlError):
    """A process has answered with an error.

    Attributes:
        code: why.
    """

    def __init__(self, message: str, code: str = Code.REFUSED) -> None:
        super().__init__(message)
        self.code = code


class Request(NamedTuple):
    """What a process is asked."""

    command: str
    arguments: Mapping[str, Any]


class LineReader:
    """Takes one line out of a stream, however it is cut into pieces.

    Args:
        limit: bytes that it may have, the newline included.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._said = bytearray()

    def __repr__(self) -> str:
        return f"<LineReader: {len(self._said)} bytes>"

    def feed(self, data: bytes) -> bytes | None:
        """Take what has come; return the line, without its newline, once it is complete. No bytes are the end
        of the stream.

        Raises:
            Refused: it is too long, something follows it, or the stream ends in the middle of it.
            EOFError: the stream ends, and nothing was said.
        """
        if not data:
            if not self._said:
                raise EOFError
            raise Refused("the line does not end with a newline", Code.MALFORMED)
        self._said += data
        end = self._said.find(b"\n", max(0, len(self._said) - len(data)))
        if max(end + 1, len(self._said)) > self._limit:
            raise Refused(f"a line has at most {self._limit} bytes here", Code.MALFORMED)
        if end < 0:
            return None
        if end + 1 < len(self._said):
            raise Refused("one line is a request, and something follows it", Code.MALFORMED)
        return bytes(self._said[:end])


def write_request(command: str, arguments: Mapping[str, Any]) -> bytes:
    """Return the line that asks for a command.

    Raises:
        Refused: it would be too long.
    """
    return _line({"command": command, "arguments": arguments}, MAX_REQUEST)


def read_request(line: bytes) -> Request:
    """Return what a line asks.

    Raises:
        Refused: it is no request.
    """
    said = _object(line)
    command, arguments = said.get("command"), said.get("arguments", {})
    if not isinstance(command, str) or not isinstance(arguments, dict) or said.keys() - _REQUEST_KEYS:
        raise Refused('a request is {"command": TEXT, "arguments": {…}} and nothing else', Code.MALFORMED)
    return Request(command, cast("dict[str, Any]", arguments))


_REQUEST_KEYS: Final = {"command", "arguments"}


def write_answer(answer: Mapping[str, Any]) -> bytes:
    """Return the line of an answer.

    Raises:
        Refused: it would be too long.
        TypeError, ValueError: JSON cannot say it.
    """
    return _line({"answer": answer}, MAX_ANSWER)


def write_error(error: Refused) -> bytes:
    """Return the line of an error."""
    return _line({"error": str(error)[:_LONGEST_ERROR], "code": error.code}, MAX_ANSWER)


def read_answer(line: bytes) -> Mapping[str, Any]:
    """Return the answer that a line has.

    Raises:
        Refused: it has an error, or is no answer.
    """
    said = _object(line)
    if isinstance(answer := said.get("answer"), dict):
        return cast("dict[str, Any]", answer)
    if isinstance(error := said.get("error"), str):
        raise Refused(error, str(said.get("code", Code.FAILED)))
    raise Refused("this is no answer of a server", Code.MALFORMED)


def _line(value: Mapping[str, Any], limit: int) -> bytes:
    # In ASCII: no text in it can look like the end of the line.
    line = json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > limit:
        raise Refused(f"a line of {len(line)} bytes is more than the {limit} that one may have")
    return line


def _object(line: bytes) -> dict[str, Any]:
    """Read a line strictly: JSON as RFC 8259 has it, in which each name is said once."""
    try:
        said: object = json.loads(line.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused("the line is not JSON", Code.MALFORMED) from None
    if not isinstance(said, dict):
        raise Refused("the line is no JSON object", Code.MALFORMED)
    return cast("dict[str, Any]", said)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
