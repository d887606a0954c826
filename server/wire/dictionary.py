"""Dictionaries of header fields, such as ``u=1, i`` (structured fields: RFC 9651 sections 3.2 and 4.2.2)."""

import re
from typing import Final

#: A member's value: integers and booleans as themselves, anything else as None.
Value = int | bool | None

_KEY: Final = re.compile(rb"[a-z*][a-z0-9_\-.*]*")
_COMMA: Final = re.compile(rb"[ \t]*,[ \t]*")
_SPACES: Final = re.compile(rb" *")
# Each kind begins with a character of its own, and none can be matched in two ways: no input takes long.
_ITEM: Final = re.compile(
    rb"(?P<integer>-?[0-9]{1,15}(?![0-9.]))"
    rb"|\?(?P<boolean>[01])"
    rb"|-?[0-9]{1,12}\.[0-9]{1,3}(?![0-9.])"
    rb"|[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]*"  # a token
    rb'|"(?:[ !#-\[\]-~]|\\["\\])*"'  # a string
    rb"|:[A-Za-z0-9+/=]*:"  # bytes in base64
    rb"|@-?[0-9]{1,15}(?![0-9.])"  # a date
    rb'|%"(?:[ !#$&-~]|%[0-9a-f]{2})*"'  # a string for people
)


def read_dictionary(field: bytes) -> dict[bytes, Value]:
    """Return the members of a field's value; of those with the same key, the last.

    Args:
        field: the value, several lines joined with commas.

    Raises:
        ValueError: it is no dictionary; then nothing of it counts (section 4.2).
    """
    field = field.strip(b" ")
    members: dict[bytes, Value] = {}
    at = 0
    while field:
        key, at = _read_key(field, at)
        members[key], at = _read_member(field, at)
        if at == len(field):
            break
        comma = _COMMA.match(field, at)
        if comma is None:
            raise ValueError("members without a comma between them")
        at = comma.end()
    return members


def _read_key(field: bytes, at: int) -> tuple[bytes, int]:
    match = _KEY.match(field, at)
    if match is None:
        raise ValueError("no key where one must be")
    return match[0], match.end()


def _read_member(field: bytes, at: int) -> tuple[Value, int]:
    """Return what follows a key, and where it ends, its parameters included."""
    value: Value = True  # what a key without a value means
    if field.startswith(b"=(", at):
        value, at = None, _pass_list(field, at + 2)
    elif field.startswith(b"=", at):
        value, at = _read_item(field, at + 1)
    return value, _pass_parameters(field, at)


def _read_item(field: bytes, at: int) -> tuple[Value, int]:
    match = _ITEM.match(field, at)
    if match is None:
        raise ValueError("no value where one must be")
    if match["integer"] is not None:
        return int(match["integer"]), match.end()
    if match["boolean"] is not None:
        return match["boolean"] == b"1", match.end()
    return None, match.end()


def _pass_parameters(field: bytes, at: int) -> int:
    """Return where the parameters that begin at ``at`` end; there may be none."""
    while field.startswith(b";", at):
        _, at = _read_key(field, _pass_spaces(field, at + 1))
        if field.startswith(b"=", at):
            _, at = _read_item(field, at + 1)
    return at


def _pass_list(field: bytes, at: int) -> int:
    """Return where the inner list ends whose first item is looked for at ``at`` (section 3.1.1)."""
    separated = True
    while not field.startswith(b")", start := _pass_spaces(field, at)):
        if not (separated or start > at):
            raise ValueError("items without a space between them")
        _, at = _read_item(field, start)
        at = _pass_parameters(field, at)
        separated = False
    return start + 1


def _pass_spaces(field: bytes, at: int) -> int:
    match = _SPACES.match(field, at)
    assert match is not None  # it matches nothing, too
    return match.end()
