"""``hybrid migrate baseline``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from hybrid.adapters.django.migrate.commands.auditing import (
    audit_options,
    audited,
    read_accepted,
    tell_of_broken,
)
from hybrid.adapters.django.migrate.commands.output import STDOUT, refuse_unwritable
from hybrid.adapters.django.migrate.commands.project import end

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.baseline import Baseline

#: Where it is written: in the project's directory.
FILE: Final = "hybrid-baseline.json"

EPILOG = """\b
Then, for what is new alone:
  hybrid migrate audit --baseline hybrid-baseline.json
\b
The file is for the repository. What is written as "reason" in it stays there.
\b
Exit codes:
  0  the file is written
  2  an option is wrong, or there is another file of that name
  3  the project does not import; nothing is written
"""


@click.command("baseline", epilog=EPILOG, short_help="Accept today's findings, so that only new ones fail.")
@audit_options
@click.option(
    "--output",
    metavar="FILE",
    default=FILE,
    show_default=True,
    help="Where to write it: - is standard output.",
)
def command(output: str, **asked: Any) -> None:
    """Write a file that accepts all that an audit finds today.

    Run it in the project's directory, with the Python that has the project's packages, and again when
    findings are put right, or are to be accepted.
    """
    from hybrid.adapters.django.migrate.baseline import baseline_of

    refuse_unwritable(output)
    path = Path(output)
    before = read_accepted("--output", path) if output != STDOUT and path.exists() else None
    report = audited(**asked, flask=True)
    tell_of_broken(report)
    end(report.facts)
    baseline = baseline_of(report, before)
    if output == STDOUT:
        click.echo(baseline.as_text(), nl=False)
        return
    try:
        path.write_text(baseline.as_text(), encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"--output: cannot write {output}: {error.strerror}") from None
    click.echo(f"{output}: {_told(baseline, before)}")


def _told(baseline: "Baseline", before: "Baseline | None") -> str:
    """Say how many findings are accepted, and what has changed."""
    from hybrid.adapters.django.migrate.report.words import counted

    said = f"{counted(baseline.count, 'finding')} accepted"
    if before is None:
        return said
    new, gone = baseline.beyond(before), before.beyond(baseline)
    return f"{said}, {new:,} of them new; {gone:,} taken out"
