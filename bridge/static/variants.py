"""One file as it is sent: what its head says, and its bytes where they are few."""

import os
from collections.abc import Sequence
from email.utils import formatdate
from time import time

from hybrid.bridge.static.codings import IDENTITY
from hybrid.bridge.types import Headers


class Variant:
    """One file as it is sent, in one content coding. Nothing in it changes, but :attr:`content`.

    The entity tag is made of the time of the last change, to the nanosecond, and the size: two files that
    have both in common are taken for one.

    Attributes:
        path: where the file is.
        coding: its content coding, ``b""`` without one.
        size: bytes.
        key: what tells this file from an earlier one of its name.
        etag: its strong entity tag (RFC 9110 section 8.8.3).
        modified: when it was changed last, in seconds since 1970; None when the clocks do not agree.
        about: fields of each response about it.
        description: fields of those that send something of it.
        content: its bytes, once they have been read, if they are kept.
    """

    __slots__ = ("about", "coding", "content", "description", "etag", "key", "modified", "path", "size")

    def __init__(
        self,
        path: str,
        status: os.stat_result,
        kind: bytes,
        coding: bytes,
        about: Sequence[tuple[bytes, bytes]],
    ) -> None:
        self.path = path
        self.coding = coding
        self.size = status.st_size
        self.key = key_of(status)
        suffix = b"-" + coding if coding else b""
        self.etag = b'"%x-%x%b"' % (status.st_mtime_ns & _MASK, status.st_size, suffix)
        self.modified = _modified(status)
        self.content: bytes | None = None
        self.about: Headers = [*about, (b"etag", self.etag)]
        if self.modified is not None:
            self.about.append((b"last-modified", formatdate(self.modified, usegmt=True).encode("ascii")))
        self.description: Headers = [(b"content-type", kind), (b"accept-ranges", b"bytes")]
        if coding != IDENTITY:
            self.description.append((b"content-encoding", coding))

    def __repr__(self) -> str:
        return f"<Variant {self.path} {self.etag.decode('ascii')}>"


_MASK = (1 << 64) - 1  # files can be older than 1970


def key_of(status: os.stat_result) -> tuple[int, ...]:
    """Return what tells a file from an earlier one that had its name."""
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev


def _modified(status: os.stat_result) -> int | None:
    """Return the seconds of the last change, unless it is one that a date cannot say, or that is still to
    come (RFC 9110 section 8.8.2.1).
    """
    seconds = status.st_mtime_ns // 10**9
    return seconds if 0 <= seconds <= time() else None
