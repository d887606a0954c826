"""What the commands that audit a project have in common: what is looked at, and how."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from hybrid.adapters.django.migrate.commands.project import imported, project_options

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.audit import Audit
    from hybrid.adapters.django.migrate.baseline import Baseline
    from hybrid.adapters.django.migrate.report.report import Report

F = TypeVar("F", bound=Callable[..., Any])

_LEVELS: Final = ("static", "import")


def _levels(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(each.strip() for each in value.split(",") if each.strip()))
    if not names or not set(names) <= set(_LEVELS):
        raise click.BadParameter(f"{value!r} is none of static, import, or both with a comma between")
    return names


def reading_options(command: F) -> F:
    """Add what says which project is looked at, and how: :func:`audit_of` takes all of it."""
    options = (
        project_options,
        click.option(
            "--src",
            metavar="PATH",
            multiple=True,
            type=click.Path(exists=True, path_type=Path),
            help="Read this file or directory instead of the project's own packages. May be repeated.",
        ),
        click.option(
            "--level",
            "levels",
            default="static,import",
            show_default=True,
            callback=_levels,
            metavar="LEVELS",
            help="How to look: read the source (static), and import the project in a process of its own "
            "(import).",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def audit_options(command: F) -> F:
    """Add the same, and what is said of packages that are not the project's."""
    packages = click.option(
        "--third-party",
        type=click.Choice(["names", "summary", "full"]),
        default="summary",
        show_default=True,
        help="What to say of packages that are not the project's: their names, how much is in each of "
        "them, or every finding.",
    )
    return reading_options(packages(command))


def audit_of(  # noqa: PLR0913 - as many as there are options
    settings: str,
    wsgi: str,
    asgi: str,
    timeout: float,
    levels: tuple[str, ...],
    *,
    flask: bool = False,
    **asked: Any,
) -> "Audit":
    """Import the project, and return its audit.

    Args:
        settings: which one.
        wsgi: its WSGI application, where that is not the settings' own.
        asgi: its ASGI application, likewise.
        timeout: seconds that importing may take.
        levels: how to look.
        flask: whether the command is for Flask applications too.
        asked: what else an :class:`~hybrid.adapters.django.migrate.gather.Asked` says.

    Raises:
        click.UsageError: nothing says which project.
    """
    from hybrid.adapters.django.migrate.audit import Audit
    from hybrid.adapters.django.migrate.gather import Asked
    from hybrid.adapters.django.migrate.project.facts import Facts

    facts = imported(settings, wsgi, asgi, timeout, flask=flask).facts if "import" in levels else Facts()
    return Audit(Asked(levels=levels, **asked), facts)


def audited(**asked: Any) -> "Report":
    """Return the report of the audit that :func:`audit_of` returns."""
    return audit_of(**asked).report()


def tell_of_broken(report: "Report") -> None:
    """Say which checks of ours have failed."""
    for each in report.broken:
        click.echo(
            f"hybrid: {each.rule}: a check failed, which is an error of hybrid's: {each.error}", err=True
        )


def read_accepted(option: str, path: Path) -> "Baseline":
    """Read what was accepted before.

    Raises:
        click.UsageError: the file is no baseline; the message begins with the option.
    """
    from hybrid.adapters.django.migrate.baseline import read_baseline
    from hybrid.bridge.errors import ConfigError

    try:
        return read_baseline(path)
    except ConfigError as error:
        raise click.UsageError(f"{option}: {error}") from None
