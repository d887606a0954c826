"""What a configuration says of lanes: ``[lanes]``, by view or by path."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, cast
from zlib import crc32

from hybrid.bridge.errors import ConfigError

LANES: Final = ("wsgi", "asgi")


@dataclass(frozen=True)
class Rule:
    """Where the requests of a view, or below a path, are served.

    Attributes:
        name: the view, or the path's pattern, as it was written.
        lane: one of :data:`LANES`.
        percent: which share of the clients it is for; the others are served where they would be without it.
        otherwise: where that is, if another rule had said it, in whose place this one is.
    """

    name: str
    lane: str
    percent: float = 100.0
    otherwise: str | None = None

    @property
    def is_for_all(self) -> bool:
        """Whether it does not depend on the client."""
        return self.percent >= 100

    def is_for(self, client: bytes) -> bool:
        """Tell whether it is for a client: always the same, and another share of them for another rule."""
        return crc32(client, crc32(self.name.encode())) % 10_000 < self.percent * 100


def parse_rules(table: Mapping[str, Any] | None) -> "Rules":
    """Read the rules of a table: ``{"shop:cart": "asgi", "/api/*": {"lane": "asgi", "percent": 5}}``.

    Raises:
        ConfigError: a value is no lane; the message names the key.
    """
    return Rules([_rule(name, value) for name, value in (table or {}).items()])


def _rule(name: str, value: Any) -> Rule:
    said = cast("Mapping[str, Any]", value if isinstance(value, Mapping) else {"lane": value})
    unknown = [key for key in said if key not in ("lane", "percent")]
    if unknown:
        raise ConfigError(f"lanes.{name}: {unknown[0]} is no key of this table: lane and percent are")
    lane, percent = said.get("lane"), said.get("percent", 100)
    if lane not in LANES:
        raise ConfigError(f"lanes.{name}: {lane!r} is no lane: wsgi and asgi are")
    if not isinstance(percent, (int, float)) or isinstance(percent, bool) or not 0 <= percent <= 100:
        raise ConfigError(f"lanes.{name}: {percent!r} is not a share from 0 to 100 percent")
    return Rule(name, lane, float(percent))


class Rules:
    """The rules, to be asked for that of a request. Those of views go before those of paths."""

    def __init__(self, rules: list[Rule]) -> None:
        self._of_views = {rule.name: rule for rule in rules if not rule.name.startswith("/")}
        self._of_paths = [rule for rule in rules if rule.name.startswith("/")]

    def __repr__(self) -> str:
        return f"<Rules for {len(self._of_views)} views and {len(self._of_paths)} paths>"

    def __iter__(self) -> Iterator[Rule]:
        """Give those of views, and then those of paths in the order in which they are asked."""
        yield from self._of_views.values()
        yield from self._of_paths

    @property
    def views(self) -> list[str]:
        """The names of views, and their dotted paths, for which there are rules."""
        return list(self._of_views)

    def named(self, name: str) -> Rule | None:
        """Return the rule that was written for this very name."""
        if not name.startswith("/"):
            return self._of_views.get(name)
        return next((rule for rule in self._of_paths if rule.name == name), None)

    def of_view(self, view_name: str, dotted_path: str) -> Rule | None:
        """Return the rule for a view, by ``app:name``, or else by ``shop.views.cart``."""
        return self._of_views.get(view_name) or self._of_views.get(dotted_path)

    def of_paths(self, begins: str, *, is_whole: bool) -> list[Rule]:
        """Return the rules that fit all paths that begin like this, the strongest first: none after one for
        all clients. There are none where another rule might fit some of these paths.

        Args:
            begins: without SCRIPT_NAME.
            is_whole: whether it is the whole path.
        """
        found: list[Rule] = []
        for rule in self._of_paths:
            fits = _fits_all(rule.name, begins, is_whole=is_whole)
            if fits is None:
                return []
            if fits:
                found.append(rule)
                if rule.is_for_all or rule.otherwise is not None:
                    break
        return found

    def fitting(self, view: tuple[str, str] | None, path: str) -> Iterator[Rule]:
        """Give the rules that fit, the strongest first. What a share leaves of the clients is for the next.

        Args:
            view: the view's name and its dotted path; None where nobody knows it.
            path: without SCRIPT_NAME; ``*`` takes slashes.
        """
        for name in dict.fromkeys(view or ()):
            if name in self._of_views:
                yield self._of_views[name]
        for rule in self._of_paths:
            if fnmatchcase(path, rule.name):
                yield rule


def _fits_all(pattern: str, begins: str, *, is_whole: bool) -> bool | None:
    """Tell whether a pattern fits all paths that begin like this, or none: None where neither is known."""
    if is_whole or (pattern.endswith("*") and fnmatchcase(begins, pattern)):
        return fnmatchcase(begins, pattern)
    literal = re.split(r"[*?[]", pattern, maxsplit=1)[0]
    same = min(len(literal), len(begins))
    return None if literal[:same] == begins[:same] else False
