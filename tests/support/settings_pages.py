"""Writes what the documents say of settings, rules of `hybrid migrate` and metrics: `make settings`.

A document has a pair of comments, between which everything is made from the settings themselves.
"""

import sys
from collections.abc import Callable, Iterable
from typing import cast

from hybrid.server.config import GROUPS, Config
from hybrid.server.config.settings import Choice, Flag, Setting, Texts, settings_of
from hybrid.server.sources.environment import variable_of
from hybrid.server.sources.tables import ROUTE_KEYS
from tests.support.api_page import api_tables
from tests.support.command_page import commands_help
from tests.support.metrics_page import table_of_metrics
from tests.support.migration_rules import rules_of_migration
from tests.support.process import ROOT
from tests.support.uvicorn_options import OPTIONS, Peer

START, END = "<!-- made by `make settings` -->", "<!-- end of what is made -->"


def settings_tables() -> str:
    """Write a table for each subject: key, option, variable, default, and what it does."""
    return "\n\n".join(_table(group.heading, settings_of(group)) for group in GROUPS)


def route_table() -> str:
    """Write the keys of a route."""
    rows = [(f"`{key}`", what.help) for key, what in ROUTE_KEYS.items()]
    return _markdown(("key", "what it says"), rows)


def uvicorn_table() -> str:
    """Write every option of uvicorn's with ours, or with why there is none."""
    return _markdown(("uvicorn", "hybrid", "remarks"), map(_uvicorn_row, OPTIONS))


#: What stands in which document, in the order of the pairs of comments there.
PAGES: dict[str, tuple[Callable[[], str], ...]] = {
    "docs/api.md": (api_tables,),
    "docs/commands.md": (commands_help,),
    "docs/configuration.md": (route_table, settings_tables),
    "docs/coming-from-uvicorn.md": (uvicorn_table,),
    "docs/migrate-rules.md": (rules_of_migration,),
    "docs/ops.md": (table_of_metrics,),
}


def rendered(page: str) -> str:
    """Return a document with its tables as they should be."""
    first, *parts = (ROOT / page).read_text(encoding="utf-8").split(START)
    tables = PAGES[page]
    if len(parts) != len(tables):
        raise ValueError(f"{page} has {len(parts)} places for tables, and {len(tables)} are made")
    for part, table in zip(parts, tables, strict=True):
        first += f"{START}\n\n{table()}\n\n{END}{part.partition(END)[2]}"
    return first


def _table(heading: str, settings: dict[str, tuple[Setting, object]]) -> str:
    rows = [_row(name, what, default) for name, (what, default) in settings.items()]
    columns = ("key", "option", "variable", "default", "what it does")
    return f"### {heading}\n\n{_markdown(columns, rows)}"


def _row(name: str, what: Setting, default: object) -> tuple[str, ...]:
    if not what.option:
        said_in = "files and programs" if what.in_files else "programs only"
        return f"`{name}`", said_in, "", _default(default), _help(what)
    flag = what.flag_of(name)
    flags = f"`{flag}`, `--no-{flag.removeprefix('--')}`" if isinstance(what, Flag) else f"`{flag}`"
    return f"`{name}`", flags, f"`{variable_of(name)}`", _default(default), _help(what)


def _default(value: object) -> str:
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, tuple):
        return " ".join(f"`{each}`" for each in cast("tuple[object, ...]", value))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _help(what: Setting) -> str:
    choices = (
        f" One of {', '.join(f'`{each}`' for each in what.choices)}." if isinstance(what, Choice) else ""
    )
    repeated = f" A list of `{what.metavar or 'TEXT'}`." if isinstance(what, Texts) else ""
    return what.help + choices + repeated


def counterpart(peer: Peer) -> str:
    """Return the name of our setting that does what an option of uvicorn's does, or nothing."""
    wanted = peer.ours or peer.option
    settings = settings_of(Config)
    return next((name for name, (what, _) in settings.items() if wanted in (name, what.flag_of(name))), "")


def _uvicorn_row(peer: Peer) -> tuple[str, str, str]:
    name = counterpart(peer)
    if name:
        what, _ = settings_of(Config)[name]
        here = f"`{what.flag_of(name)}`" if what.option else f"`Config.{name}`"
        return f"`{peer.option}`", here, peer.remark
    here = f"`{peer.ours}`" if peer.ours and not peer.ours.startswith("--") else "none"
    return f"`{peer.option}`", here, peer.remark or "Not there yet."


def _markdown(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = [list(headings), *(list(row) for row in rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "\n".join(f"| {' | '.join(each.replace('|', chr(92) + '|') for each in row)} |" for row in cells)


def main() -> int:
    """Write the documents; return how many have changed."""
    for page in PAGES:
        path, text = ROOT / page, rendered(page)
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{page} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
