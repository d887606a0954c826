"""Which file of a directory a path asks for, and what its name says, without looking at any file."""

import os
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

#: Segments that are there, with no control character or backslash, which other systems take for a slash. None
#: begins with a dot: that leaves out ``..``, and what is hidden, as ``.git`` and ``.env``. The one exception
#: is where RFC 8615 puts what is well known.
_PATH = re.compile(r"(?:/\.well-known)?(?:/[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*)*/?")
#: What a name means to Windows beside the file that is called so: streams, devices, endings that it drops.
_WINDOWS = re.compile(
    r'[:*?"<>|]|[. ](?:/|\Z)|(?:\A|/)(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(?:[ ./]|\Z)',
    re.IGNORECASE,
)
#: Hexadecimal digits between dots: Django's ManifestStaticFilesStorage has twelve, others eight to 64.
_HEXADECIMAL = re.compile(r"\.([0-9a-f]{8,64})\.")
#: What Vite and Rollup put before the suffix: eight characters of base64.
_BASE64 = re.compile(r"[-.]([A-Za-z0-9_-]{8})\.[A-Za-z0-9]+(?:\.map)?\Z")


def file_name(path: str) -> str | None:
    """Return what a path, relative to where the directory is mounted, asks for: ``css/site.css`` for
    ``/css/site.css``; with a slash at its end for a directory, and empty for the directory itself.

    Returns:
        None for what is no name of a file here, whatever there is in the directory.
    """
    if _PATH.fullmatch(path) is None:
        return None
    if os.name == "nt" and _WINDOWS.search(path):
        return None
    return path[1:]


def has_hash(name: str) -> bool:
    """Tell whether a name says what is in the file, so that what is in it never changes.

    Whoever is told that asks again in a year. So a word or a date that might be a hash is none: there has to
    be a letter and a digit, and among those of base64 letters of both cases, and a digit that is not only
    counting (``Version2``). Of Vite's hashes that leaves two thirds, and the others are served as any file
    is.
    """
    last = name.rpartition("/")[2]
    for match in _HEXADECIMAL.finditer(last):
        if not match[1].isdecimal() and not match[1].isalpha():
            return True
    base64 = _BASE64.search(last)
    if base64 is None:
        return False
    text = base64[1].rstrip("0123456789")
    return any(map(str.isdigit, text)) and any(map(str.isupper, text)) and any(map(str.islower, text))


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether one of these patterns, in which ``*`` also stands for slashes, is for a name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
