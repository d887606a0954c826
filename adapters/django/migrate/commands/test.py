"""``hybrid migrate test``."""

import json
import shlex
import sys
from typing import TYPE_CHECKING, Final

import click

from hybrid.adapters.django.migrate.commands.output import STDOUT, refuse_unwritable, write
from hybrid.adapters.django.migrate.commands.project import EXIT_NOT_IMPORTED

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.suite.comparison import Comparison

_EXIT_DIFFERENT: Final = 4
_EXIT_INTERRUPTED: Final = 130

EPILOG = """\b
  hybrid migrate test -- python manage.py test shop
  hybrid migrate test --format json --output test.json -- pytest -q
\b
Exit codes:
  0  no test differs; what fails on both sides is told of
  2  an option is wrong, or CMD cannot be started
  3  CMD ran no test that could be listened to, or did not end in time on WSGI
  4  tests differ
"""


@click.command(
    "test",
    epilog=EPILOG,
    short_help="Run the project's tests on both sides of Django.",
    context_settings={"allow_interspersed_args": False},
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=1, max=604_800),
    default=3600,
    show_default=True,
    help="How long one run of CMD may take.",
)
@click.option(
    "--once",
    is_flag=True,
    show_default=False,
    help="Do not run CMD again where tests differ, to tell those that are unsteady.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write the report.",
)
@click.option(
    "--output",
    metavar="FILE",
    default=STDOUT,
    show_default=True,
    help="Where to write it: - is standard output.",
)
@click.argument("words", metavar="-- CMD…", nargs=-1, required=True, type=click.UNPROCESSED)
def command(timeout: float, once: bool, form: str, output: str, words: tuple[str, ...]) -> None:
    """Run the project's own tests twice: as they are, and with django.test.Client going through ASGI.

    CMD is what runs them: manage.py test, or pytest. Run it in the project's directory, with the Python that
    has the project's packages. What CMD prints goes to standard error.
    """
    from hybrid.adapters.django.migrate.suite.report import as_json, as_text
    from hybrid.adapters.django.migrate.suite.twice import SuiteError, run_on_both
    from hybrid.bridge.errors import ConfigError

    refuse_unwritable(output)
    try:
        found = run_on_both(words, timeout, again=not once, say=_say)
    except ConfigError as error:
        raise click.UsageError(f"CMD: {error}") from None
    except SuiteError as error:
        click.echo(f"hybrid: {error}", err=True)
        sys.exit(EXIT_NOT_IMPORTED)
    except KeyboardInterrupt:
        sys.exit(_EXIT_INTERRUPTED)
    text = json.dumps(as_json(found, words), indent=2) if form == "json" else as_text(found)
    write(output, lambda _: text)
    _end(found)


def _say(number: int, what: str, words: tuple[str, ...]) -> None:
    click.echo(f"hybrid: run {number}, {what}: {shlex.join(words)}", err=True)


def _end(found: "Comparison") -> None:
    if found.differing:
        sys.exit(_EXIT_DIFFERENT)
