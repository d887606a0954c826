"""What the commands that import a project have in common: which one it is, and what is said if that fails."""

import gc
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.project.facts import Facts
    from hybrid.adapters.django.migrate.project.importing import Imported

F = TypeVar("F", bound=Callable[..., Any])

#: The exit code for a project that does not import.
EXIT_NOT_IMPORTED: Final = 3


class _Seconds(click.FloatRange):
    """A range that refuses "nan" too, with which comparisons are all false, so that no end excludes it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return seconds


def project_options(command: F) -> F:
    """Add what says which project, and how long importing it may take."""
    options = (
        click.option(
            "--settings",
            metavar="MODULE",
            default="",
            show_default=False,
            help="The project's settings; without it, DJANGO_SETTINGS_MODULE, or what manage.py in the "
            "current folder says.",
        ),
        click.option(
            "--wsgi",
            metavar="MODULE:ATTR",
            default="",
            show_default=False,
            help="The WSGI application, instead of WSGI_APPLICATION of the settings. Without settings it may "
            "be Flask's, and MODULE:FACTORY() too.",
        ),
        click.option(
            "--asgi",
            metavar="MODULE:ATTR",
            default="",
            show_default=False,
            help="The ASGI application, instead of ASGI_APPLICATION of the settings.",
        ),
        click.option(
            "--timeout",
            metavar="SECONDS",
            type=_Seconds(min=1, max=86_400),
            default=60,
            show_default=True,
            help="How long importing the project may take.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def import_options(command: F) -> F:
    """Add the same, and how the answer is written."""
    written = click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How to write the answer.",
    )
    return project_options(written(command))


def imported(  # noqa: PLR0913, PLR0917 - as many as there are options
    settings: str, wsgi: str, asgi: str, timeout: float, url: str = "", flask: bool = False
) -> "Imported":
    """Import the project in a process of its own, and let it answer a URL where one is given.

    Args:
        settings: the option.
        wsgi: the option.
        asgi: the option.
        timeout: the option.
        url: what it is to answer; ``""`` for nothing.
        flask: whether the command is for Flask applications too.

    Raises:
        click.UsageError: nothing says which project, or the command is not for its framework.
    """
    from hybrid.adapters.django.migrate.project.importing import import_and_ask

    if not settings and not wsgi:
        settings = _settings_of_manage()
    found = import_and_ask(settings, wsgi, asgi, url=url, timeout=timeout)
    if found.facts.stranger:
        raise click.UsageError(
            f"--wsgi: {wsgi} is no application of Django's or Flask's: {found.facts.stranger}"
        )
    if found.facts.framework == "flask" and not flask:
        raise click.UsageError(
            f"--wsgi: {wsgi} is a Flask application, which audit, baseline and routes are for"
        )
    return found


def _settings_of_manage() -> str:
    from hybrid.adapters.django.lanes.naming import settings_module
    from hybrid.bridge.errors import LoadError

    try:
        return settings_module("manage.py", Path.cwd())
    except LoadError as error:
        said = str(error).replace("django:", "--settings:", 1)
        raise click.UsageError(f"{said}, or --wsgi MODULE:ATTR of a Flask application") from None


def end(facts: "Facts", *, agrees: bool = True) -> None:
    """Say what could not be imported, and end with the exit code for it, if there is something.

    Args:
        facts: of the project.
        agrees: False where something else has gone as wrong.
    """
    gc.freeze()  # or Python looks for garbage in all that was read when it ends, which takes seconds
    for failure in facts.failures:
        where = f" at {failure.where.file}:{failure.where.line}" if failure.where.file else ""
        click.echo(f"hybrid: the project does not import: {failure.step}: {failure.error}{where}", err=True)
    if facts.failures or not agrees:
        sys.exit(EXIT_NOT_IMPORTED)


def table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Write a table; columns are as wide as what is in them, but for the last."""
    cells = [headings, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
