"""How ``hybrid migrate chain`` says what it has found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hybrid.adapters.django.migrate.chain.changes import Change, Middleware, changed
from hybrid.adapters.django.migrate.chain.comparison import Compared, compare
from hybrid.adapters.django.migrate.chain.model import Chain, Kind, Lane, Layer
from hybrid.adapters.django.migrate.chain.simulation import chain_of
from hybrid.adapters.django.migrate.commands.project import table
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.project.importing import Imported

_NAMES = {
    Lane.WSGI: "WSGI",
    Lane.ASGI: "ASGI, Django's handler",
    Lane.HYBRID: "asgi lane of hybrid, GET",
}


class ChainReport:
    """The chains of a project, those after some changes, and what requests have cost that were served.

    Args:
        imported: the project.
        changes: what if.
        url: what was served, if something was.

    Raises:
        ConfigError: a change names no middleware of the project.
    """

    def __init__(self, imported: Imported, changes: Sequence[Change], url: str) -> None:
        self._facts = imported.facts
        self._url = url
        self._changes = changes
        self._chains = _chains(imported.facts, imported.facts.middleware)
        after = changed(imported.facts.middleware, changes) if changes else None
        self._after = None if after is None else _chains(imported.facts, after)
        runs = imported.answer.get("runs") or ()
        self._runs = [compare(self._chains[Lane(run["lane"])], run) for run in runs]

    @property
    def agrees(self) -> bool:
        """Whether no request that was served has cost anything else than its chain says."""
        return all(each.agrees is not False for each in self._runs)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "schema": 1,
            "settings": self._facts.settings_module,
            "django": self._facts.versions.get("django", ""),
            "chains": {lane.value: _chain_json(chain) for lane, chain in self._chains.items()},
            "changes": [str(each) for each in self._changes],
            "after": {lane.value: _chain_json(chain) for lane, chain in (self._after or {}).items()},
            "url": self._url if self._runs else "",
            "runs": [asdict(each) for each in self._runs],
            "failures": [asdict(each) for each in self._facts.failures],
        }

    def as_text(self) -> str:
        """Return it for people."""
        parts = [_layers(self._chains), _totals(self._chains), *_remarks(self._chains)]
        if self._after is not None:
            parts += [
                "If " + ", and if ".join(map(str, self._changes)) + ":",
                _layers(self._after),
                _totals(self._after, self._chains),
                *_remarks(self._after),
            ]
        parts += [f"GET {self._url}, served by each:\n{_runs(self._runs)}"] if self._runs else []
        return "\n\n".join(parts)


def _chains(facts: Facts, middleware: Middleware) -> dict[Lane, Chain]:
    return {lane: chain_of(lane, facts, middleware) for lane in Lane}


def _chain_json(chain: Chain) -> dict[str, Any]:
    totals = {
        name: len(chain.hops(is_async=is_async))
        for name, is_async in (("sync_view", False), ("async_view", True))
    }
    return {**asdict(chain), "holds_thread": chain.holds_thread, "hops": totals}


def _layers(chains: dict[Lane, Chain]) -> str:
    """Write the layers of all lanes side by side, from the outside to the inside."""
    paths = [each.path for each in chains[Lane.WSGI].layers]
    layers = {lane: {each.path: each for each in chain.layers} for lane, chain in chains.items()}
    tops = tuple(f"handler{_arrow(chain.top)}" for chain in chains.values())
    rows = [("0", "", *tops)]
    for number, path in enumerate(paths, 1):
        rows.append((str(number), path, *(_cell(layers[lane].get(path)) for lane in chains)))
    rows.append((str(len(paths) + 1), "the view", "", "", ""))
    return table(("", "MIDDLEWARE", *(each.value.upper() for each in chains)), rows)


def _cell(layer: Layer | None) -> str:
    """Say the kind of a layer, its hops, and what is between it and the next one."""
    if layer is None:
        return ""
    words = ["async" if layer.is_async else "sync"]
    words += [f"group {layer.group}"] if layer.group else []
    words += [f"+{len(layer.hops)}"] if layer.hops else []
    words += ["fails"] if layer.problem else []
    return " ".join(words) + _arrow(layer.adapter)


def _arrow(adapter: Kind | None) -> str:
    return {None: "", Kind.TO_THREAD: " → thread", Kind.TO_LOOP: " → loop"}[adapter]


def _totals(chains: dict[Lane, Chain], before: dict[Lane, Chain] | None = None) -> str:
    rows = [
        (
            _NAMES[lane],
            *(_total(chain, before[lane] if before else None, is_async) for is_async in (False, True)),
            _itemised(chain),
        )
        for lane, chain in chains.items()
    ]
    return table(("HOPS OF A REQUEST", "SYNC VIEW", "ASYNC VIEW", "FOR"), rows)


def _total(chain: Chain, before: Chain | None, is_async: bool) -> str:
    number = str(len(chain.hops(is_async=is_async)))
    if before is None:
        return number
    return f"{number} (was {len(before.hops(is_async=is_async))})"


def _itemised(chain: Chain) -> str:
    """Say what the hops are for, but for the view itself."""
    found = Counter(each.purpose for each in chain.hops(is_async=chain.lane is not Lane.WSGI))
    return ", ".join(f"{number} {purpose}" for purpose, number in found.items()) or "none"


def _remarks(chains: dict[Lane, Chain]) -> list[str]:
    lines: list[str] = []
    for lane, chain in chains.items():
        if chain.error:
            lines.append(f"{_NAMES[lane]}: Django cannot build the chain: {chain.error}")
        lines += [
            f"{_NAMES[lane]}: {each.path}: requests may fail: {each.problem}" for each in chain.problems
        ]
    holder = chains[Lane.ASGI].holds_thread
    if holder:
        lines.append(
            f"On ASGI a thread waits while an async view runs: {holder} is synchronous, and "
            "so is what is around it"
        )
    return ["\n".join(lines)] if lines else []


def _runs(runs: Sequence[Compared]) -> str:
    rows = [
        (
            _NAMES[each.lane],
            str(each.status),
            f"{'async' if each.is_async else 'sync'} {each.view}" if each.view else each.reached,
            str(each.simulated),
            str(each.counted),
            _agreement(each),
            ", ".join(f"{number} {purpose}" for purpose, number in each.other.items()) or "none",
        )
        for each in runs
    ]
    return table(("", "STATUS", "VIEW", "SIMULATED", "COUNTED", "AGREES", "BESIDES"), rows)


def _agreement(compared: Compared) -> str:
    if compared.agrees is None:
        if compared.reached != "before":
            return compared.error or "it failed, as it may"
        return f"the request {'failed' if compared.status == 500 else 'was answered'} before it"
    return "yes" if compared.agrees else "; ".join(compared.differences)
