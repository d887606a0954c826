"""``hybrid migrate plan``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybrid.adapters.django.migrate.commands.auditing import audit_options, audited, tell_of_broken
from hybrid.adapters.django.migrate.commands.output import output_options, paired, write
from hybrid.adapters.django.migrate.commands.project import end
from hybrid.adapters.django.migrate.plan.written import FORMATS, renderer, rendering
from hybrid.bridge.errors import ConfigError

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.plan.known import Known

_FILE = click.Path(dir_okay=False, path_type=Path)

EPILOG = """\b
What a plan can be made of:
  hybrid migrate audit --format json --output audit.json
  hybrid migrate observe --format json --output observe.json
  hybrid migrate shadow --format json --output shadow.json
  hybrid migrate plan --audit audit.json --observe observe.json --shadow shadow.json
\b
Several at once: a --format for each --output, in the same order.
  hybrid migrate plan --format markdown --output plan.md --format toml --output hybrid.toml
\b
Exit codes:
  0  the plan is written
  2  an option is wrong, or a file is not what it is said to be
  3  the project does not import; the plan is written all the same, and begins with that
"""


@click.command("plan", epilog=EPILOG, short_help="Say what to do in which order, and where views should run.")
@audit_options
@click.option(
    "--audit",
    "audit_file",
    metavar="FILE",
    type=_FILE,
    help="What an audit has found, in JSON, instead of auditing the project now.",
)
@click.option(
    "--observe",
    "observed",
    metavar="FILE",
    multiple=True,
    type=_FILE,
    help="What hybrid migrate observe has seen, in JSON. May be repeated.",
)
@click.option(
    "--shadow",
    "compared",
    metavar="FILE",
    multiple=True,
    type=_FILE,
    help="What hybrid migrate shadow, or replay, has found to differ, in JSON. May be repeated.",
)
@output_options(FORMATS)
def command(
    audit_file: Path | None,
    observed: tuple[Path, ...],
    compared: tuple[Path, ...],
    formats: tuple[str, ...],
    outputs: tuple[str, ...],
    **asked: Any,
) -> None:
    """Plan the move of a Django project from WSGI to ASGI: ordered steps, each with its reasons, and [lanes].

    Run it in the project's directory, with the Python that has the project's packages.
    """
    from hybrid.adapters.django.migrate.plan.plan import Plan

    pairs = paired(formats, outputs, "markdown", renderer)
    try:
        known = _known(audit_file, observed, compared, asked)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    plan = Plan(known)
    for name, output in pairs:
        write(output, rendering(plan, name))
    tell_of_broken(known.report)
    end(known.facts)


def _known(
    audit_file: Path | None, observed: tuple[Path, ...], compared: tuple[Path, ...], asked: dict[str, Any]
) -> "Known":
    """Read all files before the project is looked at, which takes longer."""
    from hybrid.adapters.django.migrate.plan import compared as comparing
    from hybrid.adapters.django.migrate.plan import inputs
    from hybrid.adapters.django.migrate.plan import observed as observing
    from hybrid.adapters.django.migrate.plan.known import Known

    seen = observing.together(inputs.read_observation("--observe", each) for each in observed)
    differ = comparing.together(inputs.read_comparison("--shadow", each) for each in compared)
    report = audited(**asked) if audit_file is None else inputs.read_audit("--audit", audit_file)
    return Known(report, seen, differ)
