"""Files of a directory as an ASGI application."""

import logging
import os
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from hybrid.bridge.lifespan import lifespan_app
from hybrid.bridge.routing import path_below, refusing
from hybrid.bridge.static.names import file_name
from hybrid.bridge.static.responses import UNSTORED, respond
from hybrid.bridge.static.shelf import Entry, Manners, Shelf
from hybrid.bridge.static.sources import Directory, NotServed, Source
from hybrid.bridge.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger("hybrid.static")

_INDEX: Final = "index.html"
_MAX_AGE: Final = 60


class StaticFiles:
    """Serves the files of a directory, under this server or any other that speaks ASGI.

    A path means the file that it names below the directory, and nothing else: hidden files are not there, but
    for those below ``.well-known``, nor is what a symbolic link leads to outside of it. There are conditional
    requests and ranges (RFC 9110 sections 13 and 14); a file with a sibling ``.br``, ``.zst`` or ``.gz`` is
    sent as that one to who accepts it.

    Mounted below a prefix it takes what is below ``root_path``, as Starlette's ``Mount``, our routers and
    ``hybrid serve --static`` have it.

    Args:
        directory: its path, or a :class:`~hybrid.bridge.static.sources.Source`, as a
            :class:`~hybrid.bridge.static.sources.Directory` with ``links=True``.
        index: whether a path that ends in a slash means the ``index.html`` of that directory.
        max_age: seconds for which browsers and proxies may keep a file without asking again; 0 has them ask
            always. Files that are named after what is in them (``app.55e7cbb9ba48.css``) are kept for a year.
        immutable: patterns of names, as ``assets/*``, of other files that may be.
        fresh: for development: files are looked at with every request, browsers ask always, and encoded ones
            are not looked for. Otherwise a change is seen after a second.

    Raises:
        ConfigError: there is no such directory.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | Source,
        *,
        index: bool = False,
        max_age: int = _MAX_AGE,
        immutable: Sequence[str] = (),
        fresh: bool = False,
    ) -> None:
        self._source = Directory(directory) if isinstance(directory, (str, os.PathLike)) else directory
        self._index = index
        self._shelf = Shelf(self._source, Manners(max_age, tuple(immutable), fresh))
        self._lifespan = lifespan_app(())

    def __repr__(self) -> str:
        return f"<StaticFiles {self._source!r}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and refuse all else."""
        if scope["type"] != "http":
            other = self._lifespan if scope["type"] == "lifespan" else refusing(404)
            await other(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            await refusing(405, [(b"allow", b"GET, HEAD"), UNSTORED])(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = path_below(scope.get("root_path", "").rstrip("/"), scope["path"])
        try:
            entry = self._find(path)
            answer = self._redirect(scope, path) if entry is None else respond(self._shelf, entry, scope)
        except NotServed as refused:
            answer = refusing(refused.status, [UNSTORED])
        except OSError as error:  # such as no descriptors left
            logger.error("static files: %r cannot be read: %s", path, error)
            answer = refusing(503, [UNSTORED])
        await answer(scope, receive, send)

    def _find(self, path: str) -> Entry | None:
        """Find what a path asks for; None for a directory that has an index, but was asked for without a
        slash.

        Raises:
            NotServed: there is no such file.
            OSError: nobody can tell.
        """
        name = file_name(path)
        if name is None:
            raise NotServed(404)
        if name and not path.endswith("/"):
            entry = self._shelf.find(name)
            if not entry.is_directory:
                return entry
        if not self._index:
            raise NotServed(404)
        directory = f"{name.rstrip('/')}/".lstrip("/")
        entry = self._shelf.find(directory + _INDEX)
        if entry.is_directory:
            raise NotServed(404)
        return entry if path.endswith("/") else None

    def _redirect(self, scope: Scope, path: str) -> ASGIApp:
        """Send a client from a directory to the same with a slash, from where the links in its index lead on.

        Relative, so that nothing that a client writes, or a proxy takes off, can make it lead elsewhere.
        """
        last = (path or scope.get("root_path", "")).rpartition("/")[2]
        query = scope.get("query_string", b"")
        location = b"./" + quote(last).encode("ascii") + b"/" + (b"?" + query if query else b"")
        return refusing(307, [(b"location", location), UNSTORED])
