"""Texts of others, written so that nobody can forge a line of a log, or drive a terminal, with them."""

import re
from typing import Final

#: What stands for itself between double quotes: printable ASCII but for the quote and the escape character.
_PLAIN = re.compile(r"[ !#-\[\]-~]*").fullmatch
#: What must not reach a terminal or a line of a log from a text that may be in any language: control
#: characters but for tab and newline, separators that some programs take for a newline, marks that change the
#: direction of writing, and halves of characters, which cannot be encoded.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
#: What lines after the first begin with, which so are no lines of the log's own.
_INDENT: Final = "\n  "


def escape(text: str) -> str:
    """Write a text of a client's in printable ASCII, fit to stand between double quotes.

    What is no such character, and the quote and the backslash, are written as Python writes them.
    """
    if _PLAIN(text):
        return text
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def tame(text: str) -> str:
    """Keep a message, or a traceback, from looking like several: control characters are escaped, and lines
    after the first are indented.
    """
    if _UNSAFE.search(text) is not None:
        text = _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
    return text.replace("\n", _INDENT)


def format_client(client: tuple[str, int] | None) -> str:
    """Name a peer for a person; Unix sockets have no address."""
    return escape(f"{client[0]}:{client[1]}") if client else "unix"
