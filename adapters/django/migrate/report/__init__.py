"""What an audit has found, for people and for programs: every format shows the same facts of one report."""

from collections.abc import Callable
from importlib import import_module
from typing import Final

from hybrid.adapters.django.migrate.report.report import Report

#: Makes a text of a report; the second argument says whether it may be coloured, for a terminal.
Render = Callable[[Report, bool], str]

_HERE: Final = "hybrid.adapters.django.migrate.report"

#: The module of each format, which has a :data:`Render` as ``render``. The first is the default.
FORMATS: Final = {
    "text": f"{_HERE}.text",
    "json": f"{_HERE}.json",
    "sarif": f"{_HERE}.sarif",
    "html": f"{_HERE}.html",
}


def renderer(name: str) -> Render:
    """Return what makes one of :data:`FORMATS`.

    Raises:
        ConfigError: it takes a package that is not installed.
    """
    made: Render = import_module(FORMATS[name]).render
    return made


def render(report: Report, name: str, *, coloured: bool = False) -> str:
    """Return a report in one of :data:`FORMATS`, without a line end after the last line.

    What UTF-8 cannot say, such as parts of the name of a file in another encoding, is escaped.
    """
    return renderer(name)(report, coloured).encode(errors="backslashreplace").decode()


def rendering(report: Report, name: str) -> Callable[[bool], str]:
    """Return what makes the text, when it is told whether that may be coloured."""
    return lambda coloured: render(report, name, coloured=coloured)
