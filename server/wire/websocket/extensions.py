"""Reads which extensions a client offers (RFC 6455 section 9.1)."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_CHARACTER: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_NAME: Final = re.compile(rf"{_CHARACTER}+")
# What a quoted value says is a token, too.
_PARAMETER: Final = re.compile(
    rf'[ \t]*;[ \t]*({_CHARACTER}+)(?:[ \t]*=[ \t]*(?:({_CHARACTER}+)|"((?:\\?{_CHARACTER})+)"))?'
)
#: Between members of the list, some of which may be empty (RFC 9110 section 5.6.1.2).
_GAP: Final = re.compile(r"[ \t,]*")
_END: Final = re.compile(r"[ \t]*(?:,[ \t,]*|\Z)")


class Extension(NamedTuple):
    """An extension that a client would like to use.

    Attributes:
        name: which one.
        parameters: how, as pairs of a name and a value; None where there is no value. Names may repeat.
    """

    name: str
    parameters: tuple[tuple[str, str | None], ...]


def read_extensions(values: Sequence[bytes]) -> tuple[Extension, ...]:
    """Return what a client offers, in its order of preference.

    Args:
        values: of the lines of ``Sec-WebSocket-Extensions``, which are one list; may be none.

    Raises:
        ValueError: that is not a list of extensions, which has at least one member.
    """
    if not values:
        return ()
    text = b",".join(values).decode("latin-1")
    found: list[Extension] = []
    position = _end_of(_GAP.match(text))
    while position < len(text) or not found:
        name = _NAME.match(text, position)
        position = _end_of(name)
        parameters: list[tuple[str, str | None]] = []
        while parameter := _PARAMETER.match(text, position):
            key, token, quoted = parameter.groups()
            parameters.append((key, quoted.replace("\\", "") if quoted else token))
            position = parameter.end()
        position = _end_of(_END.match(text, position))
        assert name is not None
        found.append(Extension(name[0], tuple(parameters)))
    return tuple(found)


def _end_of(match: re.Match[str] | None) -> int:
    if match is None:
        raise ValueError("not a list of extensions")
    return match.end()
