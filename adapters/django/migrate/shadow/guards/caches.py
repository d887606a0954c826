"""Caches that are read, and not written: what a run writes is there for that run alone.

So each run finds what there was before, and a first one does not make the second one faster.
"""

import pickle
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.guards import replaced
from hybrid.adapters.django.migrate.shadow.runs import Run, current

_cache: Final[Any] = import_module("django.core.cache")
_base: Final[Any] = import_module("django.core.cache.backends.base")
_Dummy: Final[Any] = import_module("django.core.cache.backends.dummy").DummyCache

_TAKEN: Final = ("default_timeout", "_max_entries", "_cull_frequency", "key_prefix", "version", "key_func")
_DELETED: Final = object()
#: What belongs to no run: the project's import, mostly.
_BETWEEN: Final = Run("the time between two runs")


class _Pages:
    """What one run has written to one cache.

    Attributes:
        cleared: whether nothing of what was there before counts any more.
        entries: by complete keys: pickled values and when they expire, or that there is none.
    """

    def __init__(self) -> None:
        self.cleared = False
        self.entries: dict[str, tuple[Any, float | None]] = {}


class GuardedCache(_base.BaseCache):  # type: ignore[misc]  # of Django, which is not typed
    """A cache in front of the project's.

    Args:
        alias: of the cache.
        real: the project's.
    """

    def __init__(self, alias: str, real: Any) -> None:
        self._alias = alias
        self._real = real
        self.__dict__.update({name: vars(real)[name] for name in _TAKEN if name in vars(real)})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_real" not in vars(self):
            raise AttributeError(name)
        found = getattr(self._real, name)
        run = current()
        if run is not None:
            run.note(f"the cache {self._alias!r}: {name} is the backend's own, which nothing guards")
        return found

    @property
    def _pages(self) -> _Pages:
        memory = (current() or _BETWEEN).memory
        pages: _Pages = memory.setdefault(f"cache {self._alias}", _Pages())
        return pages

    def _key(self, key: Any, version: Any) -> str:
        return str(self._real.make_and_validate_key(key, version=version))

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        """Return what this run has written, or else what there is."""
        pages, complete = self._pages, self._key(key, version)
        if complete not in pages.entries:
            return default if pages.cleared else self._real.get(key, default, version=version)
        value, expires = pages.entries[complete]
        if value is _DELETED or (expires is not None and expires <= time.monotonic()):
            return default
        return pickle.loads(value)  # noqa: S301 - what was pickled here

    def get_many(self, keys: Iterable[Any], version: Any = None) -> dict[Any, Any]:
        """Return those that there are; those of the cache itself with one call."""
        pages, missing, asked = self._pages, object(), list(keys)
        own = [key for key in asked if pages.cleared or self._key(key, version) in pages.entries]
        rest = [key for key in asked if key not in own]
        found: dict[Any, Any] = self._real.get_many(rest, version=version) if rest else {}
        found.update((key, self.get(key, missing, version)) for key in own)
        return {key: found[key] for key in asked if found.get(key, missing) is not missing}

    def set(self, key: Any, value: Any, timeout: Any = _base.DEFAULT_TIMEOUT, version: Any = None) -> None:
        """Keep a value for this run."""
        until = self.get_backend_timeout(timeout)
        if until is not None and until <= time.time():
            self._pages.entries[self._key(key, version)] = _DELETED, None
            return
        expires = None if until is None else time.monotonic() + until - time.time()
        kept = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        self._pages.entries[self._key(key, version)] = kept, expires

    def add(self, key: Any, value: Any, timeout: Any = _base.DEFAULT_TIMEOUT, version: Any = None) -> bool:
        """Keep it where there is none."""
        if self.has_key(key, version):
            return False
        self.set(key, value, timeout, version)
        return True

    def touch(self, key: Any, timeout: Any = _base.DEFAULT_TIMEOUT, version: Any = None) -> bool:
        """Let it expire later."""
        missing = object()
        value = self.get(key, missing, version)
        if value is missing:
            return False
        self.set(key, value, timeout, version)
        return True

    def delete(self, key: Any, version: Any = None) -> bool:
        """Let there be none for this run."""
        existed = self.has_key(key, version)
        self._pages.entries[self._key(key, version)] = _DELETED, None
        return existed

    def has_key(self, key: Any, version: Any = None) -> bool:
        """Tell whether there is one."""
        missing = object()
        return self.get(key, missing, version) is not missing

    def clear(self) -> None:
        """Let there be nothing for this run."""
        pages = self._pages
        pages.cleared = True
        pages.entries.clear()

    def close(self, **kwargs: Any) -> None:
        """Close the cache itself."""
        self._real.close(**kwargs)


@contextmanager
def guard() -> Generator[None]:
    """Put one in front of each cache that is made from now on."""
    handler: Any = _cache.CacheHandler
    create: Any = handler.create_connection

    def create_connection(self: Any, alias: str) -> Any:
        real = create(self, alias)
        return real if isinstance(real, _Dummy) else GuardedCache(alias, real)  # which keeps nothing

    for alias in list(_cache.caches):
        if hasattr(_cache.caches._connections, alias):  # noqa: SLF001 - those of this context, made before
            del _cache.caches[alias]
    with replaced(handler, create_connection=create_connection):
        yield
