"""What the commands that compare two lanes have in common: their options, and how they end."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from hybrid.adapters.django.migrate.commands.output import refuse_unwritable

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.shadow.compare import Comparer
    from hybrid.adapters.django.migrate.shadow.results import Results
    from hybrid.adapters.django.migrate.shadow.sources.choosing import Choice

F = TypeVar("F", bound=Callable[..., Any])

EXIT_DIFFERENT: Final = 4
EXIT_UNREACHABLE: Final = 5

EXIT_CODES: Final = """\b
Exit codes:
  0  the answers are the same
  2  an option is wrong
  3  the project does not import
  4  some answers are different
  5  a server is not reachable, or gives no answers
"""


@dataclass(frozen=True)
class Asked:
    """What the options say.

    Attributes:
        old, new: addresses of servers; both ``""`` for the lanes of a project in a process of its own.
        project: ``settings``, ``wsgi``, ``asgi`` and ``user``.
        choice: which requests are sent.
        own: the other options, by name.
    """

    old: str
    new: str
    project: dict[str, str]
    choice: "Choice"
    own: dict[str, Any]

    def comparer(self) -> "Comparer":
        """Return what compares the answers."""
        from hybrid.adapters.django.migrate.shadow.compare import Comparer
        from hybrid.adapters.django.migrate.shadow.masks import Masks, own_masks

        try:
            masks = Masks(own_masks(self.own["masks"]))
        except ValueError as error:
            raise click.UsageError(f"--mask: {error}") from None
        return Comparer(masks, slower=self.own["slower"], fails_slower=self.own["fail_slower"])


def _address(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and not _is_address(value):
        raise click.BadParameter(f"{value!r} is no address of a server, such as http://127.0.0.1:8000")
    return value.rstrip("/")


def _is_address(value: str) -> bool:
    try:
        url = urlsplit(value)
        has_server = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        return False
    return has_server and not url.query and not url.fragment and "@" not in url.netloc


def _header(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> Any:
    fields: list[tuple[str, str]] = []
    for each in value:
        name, colon, said = each.partition(":")
        if not colon or not name.strip() or "\n" in each or "\r" in each:
            raise click.BadParameter(f"{each!r} is no field, such as 'Accept-Language: de'")
        fields.append((name.strip().lower(), said.strip()))
    return tuple(fields)


def _refuse_unwritable(context: click.Context, parameter: click.Parameter, output: str) -> str:
    """Fail before anything is sent."""
    refuse_unwritable(output)
    return output


_OPTIONS: Final = (
    click.option("--old", metavar="URL", default="", show_default=False, callback=_address,
                 help="The server that is the measure; with --new."),
    click.option("--new", metavar="URL", default="", show_default=False, callback=_address,
                 help="The server that is compared with it."),
    click.option("--settings", metavar="MODULE", default="", show_default=False,
                 help="The project's settings; without it, DJANGO_SETTINGS_MODULE, or what manage.py in the "
                 "current folder says. With servers, they name the views and give the paths."),
    click.option("--wsgi", metavar="MODULE:ATTR", default="", show_default=False,
                 help="The WSGI application, instead of WSGI_APPLICATION of the settings."),
    click.option("--asgi", metavar="MODULE:ATTR", default="", show_default=False,
                 help="The ASGI application, instead of ASGI_APPLICATION of the settings."),
    click.option("--user", metavar="NAME", default="", show_default=False,
                 help="Send all requests as this user of the project's; not for servers."),
    click.option("--path", "paths", metavar="GLOB", multiple=True,
                 help="Send requests for such paths alone: '/shop/*'. May be repeated."),
    click.option("--exclude", metavar="GLOB", multiple=True,
                 help="Send none for such paths. May be repeated."),
    click.option("--method", "methods", metavar="NAME", multiple=True,
                 help="Send requests with this method alone, instead of GET, HEAD and OPTIONS. Others change "
                 "things, on servers several times. May be repeated."),
    click.option("--limit", metavar="N", type=click.IntRange(min=1), default=1000, show_default=True,
                 help="How many different requests are sent at most."),
    click.option("--header", "headers", metavar="'NAME: VALUE'", multiple=True, callback=_header,
                 help="A field for each request, instead of its own of that name. May be repeated."),
    click.option("--cookie", "cookies", metavar="NAME=VALUE", multiple=True,
                 help="A cookie for each request, instead of its own ones. May be repeated."),
    click.option("--mask", "masks", metavar="REGEX", multiple=True,
                 help="What this matches, or its first group does, is no difference. May be repeated."),
    click.option("--slower", metavar="TIMES", type=click.FloatRange(min=1), default=2.0, show_default=True,
                 help="Tell of answers that take so many times as long, and 0.1 seconds more."),
    click.option("--fail-slower", is_flag=True, help="Count these as different."),
    click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=0.1, max=3600), default=10.0,
                 show_default=True, help="How long one answer may take."),
    click.option("--jobs", metavar="N", type=click.IntRange(1, 16), default=2, show_default=True,
                 help="How many requests servers get at the same time."),
    click.option("--with-secrets", is_flag=True,
                 help="Write cookies and credentials into the lines of curl."),
    click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
                 help="How to write the report."),
    click.option("--output", metavar="FILE", default="-", show_default="standard output",
                 callback=_refuse_unwritable, help="Where to write it."),
)  # fmt: skip


def comparison_options(command: F) -> F:
    """Add the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def asked_for(options: dict[str, Any]) -> Asked:
    """Return what the options say.

    Raises:
        click.UsageError: they contradict each other.
    """
    from hybrid.adapters.django.migrate.shadow.sources.choosing import Choice

    old, new = options["old"], options["new"]
    if bool(old) != bool(new):
        raise click.UsageError(f"{'--new' if old else '--old'}: two servers are compared, and one is named")
    if old and (options["wsgi"] or options["asgi"] or options["user"]):
        raise click.UsageError(
            "--wsgi, --asgi, --user: these are for the lanes of a project, not for servers"
        )
    cookies = "; ".join(options["cookies"])
    choice = Choice(
        options["paths"],
        options["exclude"],
        frozenset(each.upper() for each in options["methods"]),
        options["limit"],
        (*options["headers"], *((("cookie", cookies),) if cookies else ())),
    )
    project = {name: options[name] for name in ("settings", "wsgi", "asgi", "user")}
    return Asked(old, new, project, choice, options)


def write_and_end(results: "Results", form: str, output: str) -> None:
    """Write the report, and end with the exit code for it."""
    from hybrid.adapters.django.migrate.shadow.report import render_json
    from hybrid.adapters.django.migrate.shadow.report_text import render_text

    coloured = is_coloured(output)
    write(render_json(results) if form == "json" else render_text(results, coloured=coloured), output)
    if results.stopped:
        click.echo(f"hybrid: {results.stopped}", err=True)
    end_with(results.different, results.unreachable)


def is_coloured(output: str) -> bool:
    """Say whether the report may have colours."""
    return output == "-" and sys.stdout.isatty()


def write(text: str, output: str) -> None:
    """Write a report."""
    text = text.encode(errors="backslashreplace").decode()
    if output == "-":
        click.echo(text, color=is_coloured(output))
        return
    try:
        Path(output).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"--output: cannot write {output}: {error.strerror}") from None


def end_with(different: int, unreachable: int) -> None:
    """End with the exit code for so many requests whose answers differ, or that have none."""
    if different:
        sys.exit(EXIT_DIFFERENT)
    if unreachable:
        sys.exit(EXIT_UNREACHABLE)
