"""Writes what every command of `hybrid` takes, out of the commands themselves, for docs/commands.md."""

from collections.abc import Iterator

import click

from hybrid.cli import main
from hybrid.options import SettingsCommand
from hybrid.server.config import Config
from hybrid.server.config.settings import settings_of

_WIDTH = 100
_SETTINGS = "And as options every setting, as [configuration](configuration.md#settings) has them."


def commands_help() -> str:
    """Write a section for each command: the usage, what it does, and its options."""
    with click.Context(main, info_name="hybrid") as context:
        return "\n\n".join(_section(name, command, each) for name, command, each in _commands(main, context))


def _commands(
    group: click.Group, context: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Give all commands below a group, with their whole names."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if command.hidden:
            continue
        own = click.Context(
            command,
            context,
            info_name=name,
            terminal_width=_WIDTH,
            max_content_width=_WIDTH,
            show_default=True,
        )
        if isinstance(command, click.Group):
            yield from _commands(command, own)
        else:
            yield own.command_path, command, own


def _section(name: str, command: click.Command, context: click.Context) -> str:
    if isinstance(command, SettingsCommand):
        formatter = context.make_formatter()
        command.format_usage(context, formatter)
        command.format_help_text(context, formatter)
        _own_options(command, context, formatter)
        return f"## {name}\n\n```text\n{_stripped(formatter.getvalue())}\n```\n\n{_SETTINGS}"
    return f"## {name}\n\n```text\n{_stripped(command.get_help(context))}\n```"


def _own_options(command: click.Command, context: click.Context, formatter: click.HelpFormatter) -> None:
    """Write those that are no settings."""
    own = [each for each in command.params if each.name not in settings_of(Config)]
    records = [record for each in own if (record := each.get_help_record(context))]
    if records:
        with formatter.section("Options"):
            formatter.write_dl(records)


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
