"""The options of the command line, made from the settings of :class:`hybrid.server.config.Config`."""

import functools
from collections.abc import Callable
from typing import Any, cast

import click
from click.core import ParameterSource
from click.types import OptionHelpExtra

from hybrid.mistakes import mistakes_in_one_line
from hybrid.server.config import GROUPS, Config
from hybrid.server.config.settings import Choice, Flag, Number, Seconds, Setting, Texts, Whole, settings_of

_SETTINGS = settings_of(Config)
_OPTIONS = [name for name, (what, _) in _SETTINGS.items() if what.option]


@functools.cache  # the commands share them: there are many, and making them takes its time
def _parameters(settings: tuple[str, ...] | None) -> tuple[click.Parameter, ...]:
    """Return the targets, and an option for each setting; or one target, and options for these."""
    return _targets(one=settings is not None), *map(_option_of, settings or _OPTIONS), _config_file()


def _option_of(name: str) -> click.Option:
    what, default = _SETTINGS[name]
    flag = what.flag_of(name)
    if isinstance(what, Flag):
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    repeated = isinstance(what, Texts)
    alone: dict[str, Any] = {"is_flag": False, "flag_value": what.bare} if what.bare else {}
    return _Option(
        [flag, name],
        type=_type_of(what),
        default=default,
        multiple=repeated,
        metavar=what.metavar or ("SECONDS" if isinstance(what, Seconds) else None),
        show_default=_default_text(default),
        help=what.help + " May be repeated." * repeated,
        **alone,
    )


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Call the function of a :class:`SettingsCommand` with what was given of its settings.

    On the command line and elsewhere, that is: with a :class:`~hybrid.server.sources.gather.Gathered`, and
    with the command's own options by name.
    """

    @functools.wraps(command)
    def gathering(targets: tuple[str, ...] | str, config_file: str | None, **options: Any) -> None:
        from hybrid.server.sources.gather import gather

        context = click.get_current_context()
        settings = {name: options.pop(name) for name in _OPTIONS if name in options}
        typed = {name: value for name, value in settings.items() if _was_typed(context, name)}
        if targets:
            typed["app"] = [targets] if isinstance(targets, str) else list(targets)
        with mistakes_in_one_line():
            command(gather(typed, file=config_file), **options)

    return gathering


def _targets(*, one: bool) -> click.Argument:
    if one:
        return click.Argument(["targets"], metavar="TARGET")
    return click.Argument(["targets"], metavar="[TARGET...]", nargs=-1)


def _config_file() -> click.Option:
    return _Option(
        ["--config", "config_file"],
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
    if isinstance(what, Number):
        return click.FloatRange(what.low, what.high)
    if isinstance(what, Choice):
        return click.Choice(what.choices)
    return None if isinstance(what, Flag) else click.STRING


def _default_text(value: object) -> str:
    """Write a default for a person."""
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return " ".join(map(str, cast("tuple[object, ...]", value)))
    return f"{value:g}" if isinstance(value, float) else str(value)


class _Option(click.Option):
    """An option whose help says its default in words, and leaves out the range: the message that refuses a
    number says that.
    """

    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        """Say the default."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        if isinstance(self.show_default, str):
            extra["default"] = self.show_default  # which click would put into parentheses
        return extra


class SettingsCommand(click.Command):
    """A command that takes the targets and all settings; its help lists these under their subjects.

    Args:
        settings: for a command that takes one target, and these settings alone.
    """

    def __init__(self, *args: Any, settings: tuple[str, ...] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*_parameters(settings), *self.params]

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
