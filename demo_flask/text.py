"""Says what names and messages may look like, and how they are kept."""

import re
import unicodedata

MAX_NAME = 24
MIN_PASSWORD = 8
MAX_PASSWORD = 200
MAX_ROOM_NAME = 32
MAX_TEXT = 1000


class Unfit(Exception):
    """What somebody wrote cannot be kept; says why, in a sentence for them."""


def check_name(name: str) -> str:
    """Return a person's name as it is kept: letters and digits of any script, and few signs between them."""
    name = _on_one_line(name)
    if not name:
        raise Unfit("Please choose a name.")
    if len(name) > MAX_NAME:
        raise Unfit(f"A name has at most {MAX_NAME} characters, not {len(name)}.")
    if not name[0].isalnum() or not all(_belongs_to_a_name(character) for character in name):
        raise Unfit("A name has letters and digits, and spaces, dots, hyphens or apostrophes between them.")
    return name


def check_password(password: str) -> str:
    """Return a password as it is."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Unfit(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
    return password


def check_room(name: str) -> tuple[str, str]:
    """Return what a room's address is made of, and its name: `Book club!` is at `book-club`."""
    name = _on_one_line(name)
    if len(name) > MAX_ROOM_NAME:
        raise Unfit(f"A room's name has at most {MAX_ROOM_NAME} characters, not {len(name)}.")
    slug = "-".join(re.findall(r"[^\W_]+", name.casefold()))
    if not slug:
        raise Unfit("A room's name needs a letter or a digit.")
    return slug, name


def check_text(text: str) -> str:
    """Return a message as it is kept: with plain newlines between its lines and no control characters."""
    text = _printable(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not text:
        raise Unfit("Please write something.")
    if len(text) > MAX_TEXT:
        raise Unfit(f"A message has at most {MAX_TEXT} characters, not {len(text)}.")
    return text


def _on_one_line(text: str) -> str:
    """Return a text with single spaces, in the one form of those that look the same (Unicode's NFKC)."""
    return " ".join(_printable(unicodedata.normalize("NFKC", text)).split())


def _belongs_to_a_name(character: str) -> bool:
    return character.isalnum() or character in " .-'" or unicodedata.category(character).startswith("M")


def _printable(text: str) -> str:
    """Drop control characters, which nobody types and terminals obey."""
    return "".join(
        character for character in text if character in "\n\t" or unicodedata.category(character) != "Cc"
    )
