"""The options of the command line, made from the settings of :class:`hybrid.server.config.Config`."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from click.types import OptionHelpExtra

from hybrid.mistakes import mistakes_in_one_line
from hybrid.server.config import GROUPS, Config
from hybrid.server.config.settings import Choice, Flag, Seconds, Setting, Texts, Whole, settings_of

Function = TypeVar("Function", bound=Callable[..., Any])

_SETTINGS = settings_of(Config)
_OPTIONS = [name for name, (what, _) in _SETTINGS.items() if what.option]


def _option_of(name: str) -> Callable[[Function], Function]:
    """Return the decorator that gives a command the option of one setting."""
    what, default = _SETTINGS[name]
    flag = what.flag_of(name)
    if isinstance(what, Flag):
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    repeated = isinstance(what, Texts)
    return click.option(
        flag,
        name,
        cls=_Option,
        type=_type_of(what),
        default=default,
        multiple=repeated,
        metavar=what.metavar or ("SECONDS" if isinstance(what, Seconds) else None),
        show_default="none" if default is None or default == () else True,
        help=what.help + " May be repeated." * repeated,
    )


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the targets and an option for each setting.

    It is called with what was given of them, on the command line and elsewhere: with a
    :class:`~hybrid.server.sources.gather.Gathered`, and its own options by name.
    """

    @functools.wraps(command)
    def gathering(targets: tuple[str, ...], config_file: str | None, **options: Any) -> None:
        from hybrid.server.sources.gather import gather

        context = click.get_current_context()
        settings = {name: options.pop(name) for name in _OPTIONS}
        typed = {name: value for name, value in settings.items() if _was_typed(context, name)}
        if targets:
            typed["app"] = list(targets)
        with mistakes_in_one_line():
            command(gather(typed, file=config_file), **options)

    decorated: Callable[..., None] = _config_file(gathering)
    for name in reversed(_OPTIONS):
        decorated = _option_of(name)(decorated)
    return _targets(decorated)


_targets = click.argument("targets", metavar="[TARGET...]", nargs=-1)
_config_file = click.option(
    "--config",
    "config_file",
    metavar="FILE",
    default=None,
    show_default="hybrid.toml, or else pyproject.toml",
    help="Read settings from this file.",
)


def _was_typed(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _type_of(what: Setting) -> click.ParamType[Any] | None:
    """Return how the text of an option is read, and checked so far that the message can say the option."""
    if isinstance(what, Whole):
        return click.IntRange(what.low, what.high)
    if isinstance(what, Seconds):
        return click.FloatRange(what.low, what.high)
    if isinstance(what, Choice):
        return click.Choice(what.choices)
    return None if isinstance(what, Flag) else click.STRING


class _Option(click.Option):
    """An option whose help leaves out the range: the message that refuses a number says it."""

    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        """Say the default."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


class GroupedCommand(click.Command):
    """A command whose help lists the settings under the headings of their subjects."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each subject, and one for what is no setting."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        records = {str(each.name): each.get_help_record(ctx) for each in options}
        for group in GROUPS:
            _write_section(formatter, group.heading, [records.pop(name, None) for name in settings_of(group)])
        _write_section(formatter, "This command", list(records.values()))


def _write_section(
    formatter: click.HelpFormatter, heading: str, records: list[tuple[str, str] | None]
) -> None:
    rows = [each for each in records if each is not None]
    if rows:
        with formatter.section(heading):
            formatter.write_dl(rows)
