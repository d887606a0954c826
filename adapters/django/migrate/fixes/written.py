"""The bytes of a file, and how they are read and written."""

import codecs
import io
import tokenize
from dataclasses import dataclass
from pathlib import Path

from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone


@dataclass(frozen=True)
class Written:
    """The bytes of a file, and how they are read.

    Attributes:
        raw: all of it.
        mark: the byte order mark at its beginning, or nothing.
        encoding: of what follows.
    """

    raw: bytes
    mark: bytes
    encoding: str

    @property
    def text(self) -> str:
        """What is in it, with the line ends that it has."""
        return self.raw.removeprefix(self.mark).decode(self.encoding)

    def bytes_of(self, text: str) -> bytes:
        """Return a text as the file would have it.

        Raises:
            LeftAlone: the encoding has not all of its characters.
        """
        try:
            return self.mark + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise LeftAlone(f"its encoding, {self.encoding}, cannot write what is new: {error}") from None


def written(path: Path) -> Written:
    """Read a file.

    Raises:
        LeftAlone: it cannot be read.
    """
    try:
        raw = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    except (OSError, SyntaxError) as error:
        raise LeftAlone(f"the file cannot be read: {error}") from None
    mark = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
    return Written(raw, mark, "utf-8" if mark else encoding)
