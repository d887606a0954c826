"""What if: a middleware became asynchronous, were moved, or gone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final, Literal

from hybrid.adapters.django.migrate.project.facts import MiddlewareFact
from hybrid.bridge.errors import ConfigError

Middleware = tuple[MiddlewareFact, ...]


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        name: the path of a middleware, or the last part of it.
        to: ``async``, ``gone``, or the position that it moves to, of which the outermost is 1.
    """

    name: str
    to: Literal["async", "gone"] | int

    def __str__(self) -> str:
        what = {"async": "becomes asynchronous", "gone": "is gone"}
        return f"{self.name} {what.get(str(self.to), f'moves to {self.to}')}"


def changed(middleware: Sequence[MiddlewareFact], changes: Sequence[Change]) -> Middleware:
    """Return the middleware after some changes, which are made in their order.

    Raises:
        ConfigError: there is no such middleware, or no such position.
    """
    entries = list(middleware)
    for change in changes:
        index = _find(entries, change.name)
        if isinstance(change.to, int):
            if not 1 <= change.to <= len(entries):
                raise ConfigError(
                    f"--move {change.name}: {change.to} is no position from 1 to {len(entries)}"
                )
            entries.insert(change.to - 1, entries.pop(index))
        else:
            entries[index : index + 1] = _CHANGES[change.to](entries[index])
    return tuple(entries)


def _find(entries: Sequence[MiddlewareFact], name: str) -> int:
    paths = [each.path for each in entries]
    found = [index for index, path in enumerate(paths) if name in (path, path.rpartition(".")[2])]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            f"{name}: several middleware are called so: say {' or '.join(paths[i] for i in found)}"
        )
    near = get_close_matches(name, [*paths, *(path.rpartition(".")[2] for path in paths)], 1)
    raise ConfigError(f"{name}: no middleware of the project is called so{f': {near[0]}?' if near else ''}")


def _as_asynchronous(fact: MiddlewareFact) -> list[MiddlewareFact]:
    """Let it await by itself what is asynchronous inside of it; ``process_view`` stays as it is."""
    natively = replace(fact, sync_capable=True, async_capable=True, becomes_async=True, dual=True)
    return [replace(natively, is_mixin=False, call_is_async=False, taken_sync=False)]


def _as_gone(fact: MiddlewareFact) -> list[MiddlewareFact]:
    return []


_CHANGES: Final[dict[str, Callable[[MiddlewareFact], list[MiddlewareFact]]]] = {
    "async": _as_asynchronous,
    "gone": _as_gone,
}
