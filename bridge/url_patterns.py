"""Patterns of URL paths: ``chat/<int:room>``, regular expressions, and those of Django's ``path()``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.routing import is_path_router
from hybrid.bridge.types import ASGIApp

#: What a pattern has found: the path after it, positional arguments, arguments by name.
Found = tuple[str, tuple[Any, ...], dict[str, Any]]
Match = Callable[[str], Found | None]


class Converter(NamedTuple):
    """What may stand in a path for ``<NAME:argument>``, and what the application is given for it.

    Attributes:
        regex: what it matches.
        convert: makes the argument of the text.
        spans: whether it may match several segments of the path.
    """

    regex: str
    convert: Callable[[str], Any]
    spans: bool = False


#: Django's converters, and ``float`` and ``string`` of Werkzeug's.
CONVERTERS: Final[Mapping[str, Converter]] = {
    "str": Converter("[^/]+", str),
    "string": Converter("[^/]+", str),
    "int": Converter("[0-9]+", int),
    "float": Converter(r"[0-9]+\.[0-9]+", float),
    "slug": Converter("[-a-zA-Z0-9_]+", str),
    "uuid": Converter("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", UUID),
    "path": Converter(".+", str, spans=True),
}

_ARGUMENT: Final = re.compile(r"<(?:(?P<converter>[^>:]*):)?(?P<name>[^>]*)>")
#: What a regular expression begins with and means literally: whole segments, each with the slash after it. A
#: slash that is repeated or left out by what follows it ends none.
_LITERAL_SEGMENTS: Final = re.compile(r"(?:[\w\- ~!@%&=:;,'\"<>]+/(?![?*+{|]))*")
#: Stands in an index for a segment that can be anything.
ANY: Final = None


class Shape(NamedTuple):
    """What is known of a pattern without matching it, so that few have to be tried for a path.

    Attributes:
        segments: what the path begins with, segment by segment; :data:`ANY` for one that varies.
        open: whether there may be more.
    """

    segments: tuple[str | None, ...]
    open: bool


_ANYTHING: Final = Shape((), open=True)


@dataclass(frozen=True)
class URLRoute:
    """A pattern and the application below it, as :func:`path` and :func:`re_path` make it.

    Attributes:
        text: the pattern, as it was written.
        application: what answers.
        match: tells what the pattern finds in a path without its first slash.
        shape: what a path must look like for that.
        kwargs: arguments that the application is given besides.
        name: what the route is called, for a person.
    """

    text: str
    application: ASGIApp
    match: Match = field(repr=False)
    shape: Shape = field(repr=False)
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    name: str = ""


class ForeignPattern(Protocol):
    """A route of Django's ``path()`` or ``re_path()``, which is not imported for it."""

    pattern: Any
    callback: Any
    default_args: Mapping[str, Any]
    name: str | None


class ForeignInclude(Protocol):
    """A route of Django's ``path()`` or ``re_path()`` with an ``include()``."""

    pattern: Any
    url_patterns: Any
    default_kwargs: Mapping[str, Any]
    namespace: str | None


def path(
    route: str, application: ASGIApp, kwargs: Mapping[str, Any] | None = None, name: str = ""
) -> URLRoute:
    """Make a route of a pattern such as ``chat/<int:room>``, called as Django's ``path()``.

    A slash in front changes nothing. An argument without a converter is a segment of the path, or a part of
    one.

    Raises:
        ConfigError: the pattern is malformed; the message names it.
    """
    check_application(route, application)
    text = route.removeprefix("/")
    whole = not is_path_router(application)
    match = _literal(text, whole=whole) if "<" not in text else _with_arguments(text, whole=whole)
    return URLRoute(route, application, match, _shape(text, whole=whole), dict(kwargs or {}), name)


def re_path(
    route: str | re.Pattern[str],
    application: ASGIApp,
    kwargs: Mapping[str, Any] | None = None,
    name: str = "",
) -> URLRoute:
    """Make a route of a regular expression, called as Django's ``re_path()``.

    As there it is searched in the path without its first slash, ``^`` and ``$`` say where it begins and ends,
    and groups without a name count only where none has one.

    Raises:
        ConfigError: the expression is malformed; the message names it.
    """
    source = route if isinstance(route, str) else route.pattern
    check_application(source, application)
    try:
        regex = re.compile(_without_slash(source), 0 if isinstance(route, str) else route.flags)
    except re.error as error:
        raise ConfigError(f"{source!r} is no regular expression: {error}") from error
    shape = _regex_shape(regex.pattern) if regex.flags == re.UNICODE else _ANYTHING
    return URLRoute(source, application, _by_regex(regex), shape, dict(kwargs or {}), name)


def foreign(route: ForeignPattern) -> URLRoute:
    """Make a route of one of Django's.

    Raises:
        ConfigError: it leads to no application.
    """
    text = str(route.pattern)
    check_application(text, route.callback)
    pattern, whole = route.pattern, not is_path_router(route.callback)
    if not whole:  # the router goes on after it, and Django asks for that when the pattern is made
        source = pattern._route if hasattr(pattern, "_route") else pattern._regex  # noqa: SLF001
        pattern = type(pattern)(source, pattern.name, is_endpoint=False)
    shape = _foreign_shape(pattern, whole=whole)
    return URLRoute(text, route.callback, pattern.match, shape, route.default_args, route.name or "")


def included(route: ForeignInclude, router: ASGIApp) -> URLRoute:
    """Make a route of one of Django's that includes others, for which there is a router."""
    pattern = route.pattern
    shape = _foreign_shape(pattern, whole=False)
    return URLRoute(str(pattern), router, pattern.match, shape, route.default_kwargs, route.namespace or "")


def check_application(text: str, application: object) -> None:
    """Refuse what cannot answer.

    Raises:
        ConfigError: the message names the pattern and what is there.
    """
    if isinstance(application, type):
        name = application.__name__
        hint = f"; {name}.as_asgi() is one" if hasattr(application, "as_asgi") else ""
        raise ConfigError(f"{text!r}: the class {name} is no ASGI application{hint}")
    if not callable(application):
        raise ConfigError(f"{text!r}: {application!r} is no ASGI application")


def _literal(text: str, *, whole: bool) -> Match:
    """Match a path without arguments: all of it, or what it begins with."""
    if whole:
        return lambda path: ("", (), {}) if path == text else None
    return lambda path: (path[len(text) :], (), {}) if path.startswith(text) else None


def _with_arguments(text: str, *, whole: bool) -> Match:
    """Match a path with arguments, and convert them."""
    regex = ["^"]
    converters: dict[str, Callable[[str], Any]] = {}
    position = 0
    for found in _ARGUMENT.finditer(text):
        name, converter = found["name"], _converter(text, found["converter"])
        if not name.isidentifier() or name in converters:
            raise ConfigError(f"{text!r}: {found[0]} has no name of its own")
        regex.append(f"{re.escape(text[position : found.start()])}(?P<{name}>{converter.regex})")
        converters[name] = converter.convert
        position = found.end()
    rest = text[position:]
    if "<" in "".join(_ARGUMENT.split(text)[::3]) or ">" in rest:
        raise ConfigError(f"{text!r}: an argument is <name> or <converter:name>")
    search = re.compile("".join([*regex, re.escape(rest), r"\Z" if whole else ""])).search

    def match(path: str) -> Found | None:
        found = search(path)
        if found is None:
            return None
        try:
            arguments = {name: convert(found[name]) for name, convert in converters.items()}
        except ValueError:  # more digits than Python converts
            return None
        return path[found.end() :], (), arguments

    return match


def _converter(text: str, name: str | None) -> Converter:
    try:
        return CONVERTERS["str" if name is None else name]
    except KeyError:
        raise ConfigError(
            f"{text!r}: there is no converter {name!r}, only {', '.join(sorted(CONVERTERS))}"
        ) from None


def _by_regex(regex: re.Pattern[str]) -> Match:
    def match(path: str) -> Found | None:
        found = regex.search(path)
        if found is None:
            return None
        named = {name: value for name, value in found.groupdict().items() if value is not None}
        return path[found.end() :], () if regex.groupindex else found.groups(), named

    return match


def _without_slash(source: str) -> str:
    """Take the first slash off an expression, as it is off the path, unless it may be left out anyway."""
    begin = "^" if source.startswith("^") else ""
    rest = source[len(begin) :]
    if rest.startswith("/") and rest[1:2] not in ("?", "*", "+", "{"):
        return begin + rest[1:]
    return source


def _shape(text: str, *, whole: bool) -> Shape:
    """Return the shape of a pattern with arguments, Django's own converters among them."""
    segments: list[str | None] = []
    for segment in text.split("/"):
        found = list(_ARGUMENT.finditer(segment))
        if "<" in segment and not all(_stays_within(each["converter"]) for each in found):
            return Shape(tuple(segments), open=True)
        segments.append(ANY if found else segment)
    return Shape(tuple(segments if whole else segments[:-1]), open=not whole)


def _foreign_shape(pattern: Any, *, whole: bool) -> Shape:
    """Return the shape of a pattern of Django's; only one of ``path()`` that is not translated has one."""
    text = getattr(pattern, "_route", None)
    return _shape(text, whole=whole) if isinstance(text, str) else _ANYTHING


def _stays_within(name: str | None) -> bool:
    converter = CONVERTERS.get("str" if name is None else name)
    return converter is not None and not converter.spans


def _regex_shape(source: str) -> Shape:
    if not source.startswith("^") or "|" in source:
        return _ANYTHING
    found = _LITERAL_SEGMENTS.match(source, 1)
    assert found is not None, "it matches nothing, too"
    return Shape(tuple(found[0].split("/")[:-1]), open=True)
