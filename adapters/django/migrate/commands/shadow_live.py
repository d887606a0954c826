"""``hybrid migrate shadow --live``: what a running server has found."""

import json

import click
from click.core import ParameterSource

from hybrid.adapters.django.migrate.commands.lanes_asked import end_with, is_coloured, write
from hybrid.adapters.django.migrate.commands.running import ask, find

#: The options that mean something here.
_OWN = frozenset({"live", "control", "form", "output"})


def print_live(control: str | None, form: str, output: str) -> None:
    """Print the report of a running server, and end with the exit code for it."""
    _refuse_others()
    answer = ask(find(control), "shadow.show", {"form": form, "coloured": is_coloured(output)})
    report = answer["report"]
    write(report if isinstance(report, str) else json.dumps(report, indent=2, ensure_ascii=False), output)
    if form == "text":
        dropped = f", and {answer['dropped']:,} of them had no room" if answer["dropped"] else ""
        chosen = f"{answer['chosen']:,} requests, {answer['percent']:g} % of process {answer['pid']}'s"
        click.echo(f"hybrid: {chosen}, were chosen{dropped}", err=True)
    if answer["problem"]:
        click.echo(f"hybrid: nothing is tried at the moment: {answer['problem']}", err=True)
    end_with(answer["different"], answer["unreachable"])


def _refuse_others() -> None:
    """Refuse options that say what is to be sent, and how: nothing is."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in _OWN and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"{parameter.opts[0]}: this is not for a server that runs already (--live)"
            )
