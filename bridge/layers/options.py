"""The options of a channel layer's class: what they are called, and what they may be, from its signature."""

import contextlib
import inspect
import json
import re
import types
from collections.abc import Mapping
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.specs import HIDDEN, is_secret

_WORDS: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
_NUMBERS: Final = {int: "a whole number", float: "a number"}
_PLAIN_NAMES: Final[dict[Any, str]] = {bool: "true or false", str: "a text", bytes: "bytes"}
_KEYWORDS: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def options_of(layer: type[Any], *, skip: int = 0) -> dict[str, Any]:
    """Return the types of the options that a class takes, by name.

    Args:
        layer: the class. Where its ``__init__`` takes any keyword, those of its base are meant too.
        skip: so many of its first parameters are no options.
    """
    options: dict[str, Any] = {}
    for each in layer.__mro__:
        function: Any = each.__dict__.get("__init__")
        if function is None or each is object:
            continue
        parameters = list(inspect.signature(function).parameters.values())[1:]
        hints = _hints(function)
        named = [parameter.name for parameter in parameters if parameter.kind in _KEYWORDS]
        options = {**{name: hints.get(name, Any) for name in named[skip:]}, **options}
        if all(parameter.kind is not inspect.Parameter.VAR_KEYWORD for parameter in parameters):
            break
        skip = 0
    return options


def takes_any(layer: type[Any]) -> bool:
    """Tell whether somebody else's class takes options that its signature does not name."""
    try:
        parameters = inspect.signature(layer).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)


def checked_options(
    known: Mapping[str, Any], options: Mapping[str, Any], query: Mapping[str, str]
) -> dict[str, Any]:
    """Return the options with values of their types.

    Args:
        known: the types, by name.
        options: values that have their types already.
        query: values that are text yet.

    Raises:
        ConfigError: an option is unknown, or its value is none; the message names the option.
    """
    checked: dict[str, Any] = {}
    for name, value in options.items():
        hint = _known(known, name)
        if not _accepts(hint, value):
            raise _refused(name, value, hint)
        checked[name] = value
    for name, text in query.items():
        hint = _known(known, name)
        try:
            checked[name] = _read(hint, text)
        except ValueError:
            raise _refused(name, text, hint) from None
    return checked


def loosely_read(text: str) -> Any:
    """Read the value of an option whose type nobody knows: JSON, or else it is a text."""
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return text


def _known(known: Mapping[str, Any], name: str) -> Any:
    if name in known:
        return known[name]
    import difflib

    found = difflib.get_close_matches(name, sorted(known), n=1)
    raise ConfigError(f"{name} is no option of this layer" + (f"; did you mean {found[0]}?" if found else ""))


def _refused(name: str, value: object, hint: Any) -> ConfigError:
    shown = HIDDEN if is_secret(name) else repr(value)
    return ConfigError(f"{name}: {shown} is not {_wanted(hint)}")


def _hints(function: Any) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except Exception:  # noqa: BLE001 - somebody else's annotations, which may name what is not there
        return {}


# What a type means here: Optional and unions, choices, numbers, flags, texts, numbers by pattern.


def _alternatives(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return [each for arm in get_args(hint) for each in _alternatives(arm)]
    return [hint]


def _is_by_pattern(hint: Any) -> bool:
    origin = get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping) and get_args(hint)[1:] == (int,)


def _accepts(hint: Any, value: Any) -> bool:
    return any(_is_one(arm, value) for arm in _alternatives(hint))


def _is_one(hint: Any, value: Any) -> bool:
    if hint in _NUMBERS:
        wanted = int if hint is int else (int, float)
        return isinstance(value, wanted) and not isinstance(value, bool)
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if _is_by_pattern(hint):
        return isinstance(value, Mapping) and all(
            isinstance(pattern, (str, re.Pattern)) and _is_one(int, number)
            for pattern, number in cast("Mapping[object, object]", value).items()
        )
    return isinstance(value, hint) if hint in (str, bytes, bool, types.NoneType) else True


def _read(hint: Any, text: str) -> Any:
    for arm in _alternatives(hint):
        with contextlib.suppress(ValueError):
            return _read_one(arm, text)
    raise ValueError(text)


def _read_one(hint: Any, text: str) -> Any:
    if hint in _NUMBERS:
        return hint(text)
    if hint is bool and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if get_origin(hint) is Literal and text in get_args(hint):
        return text
    if _is_by_pattern(hint):
        pairs = (pair.rpartition(":") for pair in text.split(","))
        return {_pattern(pattern): int(number) for pattern, _, number in pairs}
    if hint is str:
        return text
    raise ValueError(text)


def _pattern(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


def _wanted(hint: Any) -> str:
    names = [name for name in map(_name, _alternatives(hint)) if name]
    return " or ".join(dict.fromkeys(names)) or "to be had from a text"


def _name(hint: Any) -> str:
    if hint in _NUMBERS:
        return _NUMBERS[hint]
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if _is_by_pattern(hint):
        return "PATTERN:NUMBER, with commas between them"
    return _PLAIN_NAMES.get(hint, "")
