"""What is remembered of files, for a moment, so that popular ones cost no look at the file system."""

import os
import stat
from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import Final, NamedTuple

from hybrid.bridge.static.codings import IDENTITY, SUFFIXES, choose_coding
from hybrid.bridge.static.media_types import media_type
from hybrid.bridge.static.names import has_hash, matches
from hybrid.bridge.static.sources import NotServed, Source, look_up, open_file, read_file
from hybrid.bridge.static.variants import Variant, key_of

#: Files that are remembered.
_ENTRIES: Final = 1024
#: Seconds for which what was seen of a file is believed.
_SECONDS: Final = 1.0
#: Bytes up to which a file is kept in memory, and bytes of all that are. Of 100 KiB, opening, ``sendfile``
#: and closing cost twice the CPU of writing what is in memory (``benchmarks``, work ``static``); but what a
#: client does not read of the latter stays in memory, once more for each client.
SMALL: Final = 128 * 1024
_MEMORY: Final = 16 * 1024 * 1024
#: Seconds by which an encoded file may be older than what it was made of: those of one installation get their
#: times in any order.
_DISORDER: Final = 60
_YEAR: Final = 365 * 24 * 3600
_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")


class Manners(NamedTuple):
    """How files are served.

    Attributes:
        max_age: seconds for which others may keep them without asking again; 0 is to ask always.
        immutable: patterns of names that never change what they mean.
        fresh: whether each request finds files as they are that moment, none is kept by anybody without
            asking, and encoded ones are not looked for: they are made when all is done.
    """

    max_age: int
    immutable: Sequence[str] = ()
    fresh: bool = False

    def cache_control(self, name: str) -> bytes:
        """Return the value of Cache-Control for a file."""
        if self.fresh:
            return b"no-cache"
        if has_hash(name) or matches(name, self.immutable):
            return b"public, max-age=%d, immutable" % _YEAR
        return b"public, max-age=%d" % self.max_age if self.max_age else b"no-cache"


class Entry:
    """A name, and what there is of it.

    Attributes:
        name: of the file.
        variants: by content coding; none for a directory.
        expires: until when that is believed, by :func:`time.monotonic`.
    """

    __slots__ = ("_sizes", "expires", "kind", "name", "variants")

    def __init__(self, name: str, variants: dict[bytes, Variant], expires: float) -> None:
        self.name = name
        self.variants = variants
        self.expires = expires
        self._sizes = {coding: each.size for coding, each in variants.items() if coding != IDENTITY}

    def __repr__(self) -> str:
        return f"<Entry {self.name!r} {sorted(self.variants)}>"

    @property
    def is_directory(self) -> bool:
        """Whether it is no file."""
        return not self.variants

    def choose(self, accepted: bytes | None) -> Variant:
        """Return the variant for a value of Accept-Encoding."""
        return self.variants[choose_coding(accepted, self._sizes) if self._sizes else IDENTITY]


class Shelf:
    """Finds files, and remembers for a second what it has found. Loop thread only.

    Both the number of files and the bytes in memory are bounded; what was asked for least recently goes.
    """

    def __init__(self, source: Source, manners: Manners) -> None:
        self._source = source
        self._manners = manners
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._memory = 0

    def __repr__(self) -> str:
        return f"<Shelf of {len(self._entries)} files, {self._memory} bytes>"

    def find(self, name: str) -> Entry:
        """Return what there is of a name.

        Raises:
            NotServed: there is nothing, or nothing that is to be served.
            OSError: nobody can tell.
        """
        entry = self._entries.get(name)
        if entry is not None and monotonic() < entry.expires:
            self._entries.move_to_end(name)
            return entry
        try:
            found = self._look(name, entry)
        except BaseException:
            self.forget(name)
            raise
        self._put(found)
        return found

    def open(self, entry: Entry, variant: Variant) -> tuple[Variant, int | None]:
        """Have the bytes of a variant at hand: in memory, or as a descriptor.

        Returns:
            The variant, another one when the file has changed meanwhile; and the descriptor, which is the
            caller's to close, None when the content is in memory.

        Raises:
            NotServed: it is not there any more, or must not be read.
            OSError: it cannot be opened.
        """
        if variant.content is not None:
            return variant, None
        descriptor, status = open_file(variant.path, follow=self._source.follows_links)
        try:
            if key_of(status) != variant.key:
                variant = self._variant(entry.name, variant.path, status, variant.coding, len(entry.variants))
                self.forget(entry.name)
            if variant.size > SMALL:
                return variant, descriptor
            content = read_file(descriptor, variant.size)
            if len(content) < variant.size or key_of(os.fstat(descriptor)) != variant.key:
                raise NotServed(503)  # it is being written
            variant.content = content
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if self._entries.get(entry.name) is entry:
            self._memory += variant.size
            self._make_room()
        return variant, None

    def forget(self, name: str) -> None:
        """Look at the file system the next time."""
        entry = self._entries.pop(name, None)
        if entry is not None:
            self._memory -= _memory_of(entry)

    def _put(self, entry: Entry) -> None:
        self.forget(entry.name)
        self._entries[entry.name] = entry
        self._memory += _memory_of(entry)
        self._make_room()

    def _make_room(self) -> None:
        while self._entries and (len(self._entries) > _ENTRIES or self._memory > _MEMORY):
            self.forget(next(iter(self._entries)))

    def _look(self, name: str, before: Entry | None) -> Entry:
        """Look at the file system. A file that is as it was is the one that there was, with its content."""
        path = self._source.find(name)
        if path is None:
            raise NotServed(404)
        status = look_up(path)
        expires = 0.0 if self._manners.fresh else monotonic() + _SECONDS
        if stat.S_ISDIR(status.st_mode):
            return Entry(name, {}, expires)
        found = {IDENTITY: (path, status)}
        if not self._manners.fresh:
            found |= self._encoded(name, status)
        variants: dict[bytes, Variant] = {}
        known = before.variants if before is not None else {}
        for coding, (each, its_status) in found.items():
            one = known.get(coding)
            same = one is not None and one.key == key_of(its_status) and known.keys() == found.keys()
            variants[coding] = (
                one if one is not None and same else self._variant(name, each, its_status, coding, len(found))
            )
        return Entry(name, variants, expires)

    def _encoded(self, name: str, original: os.stat_result) -> dict[bytes, tuple[str, os.stat_result]]:
        """Find the files that are this one, encoded: those beside it that are not left over from before."""
        found: dict[bytes, tuple[str, os.stat_result]] = {}
        for suffix, coding in SUFFIXES.items():
            try:
                path = self._source.find(name + suffix)
                status = look_up(path) if path is not None else None
            except (NotServed, OSError):
                continue
            if path is None or status is None or not stat.S_ISREG(status.st_mode):
                continue
            if status.st_mtime >= original.st_mtime - _DISORDER:
                found[coding] = path, status
        return found

    def _variant(self, name: str, path: str, status: os.stat_result, coding: bytes, choices: int) -> Variant:
        about = [(b"cache-control", self._manners.cache_control(name)), _NO_SNIFFING]
        if choices > 1:
            about.append((b"vary", b"accept-encoding"))
        return Variant(path, status, media_type(name).encode("ascii"), coding, about)


def _memory_of(entry: Entry) -> int:
    return sum(len(each.content or b"") for each in entry.variants.values())
