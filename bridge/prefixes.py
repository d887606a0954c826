"""The paths under which applications are mounted."""

import re

#: White space and control characters, and what a client cuts off a path or encodes in it.
_NOT_IN_PREFIX = re.compile(r"[\s\x00-\x1f\x7f?#%]")


def clean_prefix(prefix: str) -> str:
    """Return a mount's prefix in the one form used inside: ``/``, or ``/a/b`` without a slash at the end.

    Raises:
        ValueError: no path that a server passes on could begin with it; the message is one line.
    """
    if not prefix.startswith("/"):
        raise ValueError(f'the prefix "{prefix}" must start with "/"')
    if bad := _NOT_IN_PREFIX.search(prefix):
        raise ValueError(f"the prefix {prefix!r} contains {bad[0]!r}, which a path prefix may not have")
    clean = prefix.removesuffix("/")
    if any(segment in {"", ".", ".."} for segment in clean.split("/")[1:]):
        raise ValueError(f'the prefix "{prefix}" has an empty, "." or ".." segment, which no client sends')
    return clean or "/"
