"""A plan in words: every format says the same."""

from collections.abc import Callable
from importlib import import_module
from typing import Final

from hybrid.adapters.django.migrate.plan.plan import Plan

_HERE: Final = "hybrid.adapters.django.migrate.plan.written"

#: The module of each format, which makes a text of a plan with ``render``. The first is the default.
FORMATS: Final = {
    "markdown": f"{_HERE}.markdown",
    "html": f"{_HERE}.html",
    "toml": f"{_HERE}.toml",
    "json": f"{_HERE}.json",
}


def renderer(name: str) -> Callable[[Plan], str]:
    """Return what makes one of :data:`FORMATS`.

    Raises:
        ConfigError: it takes a package that is not installed.
    """
    made: Callable[[Plan], str] = import_module(FORMATS[name]).render
    return made


def rendering(plan: Plan, name: str) -> Callable[[bool], str]:
    """Return what makes the text, without a line end after the last line.

    What UTF-8 cannot say, such as parts of the name of a file in another encoding, is escaped.
    """

    def render(coloured: bool) -> str:
        return renderer(name)(plan).encode(errors="backslashreplace").decode()

    return render
