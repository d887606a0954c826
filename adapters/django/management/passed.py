"""Commands of ``manage.py`` that are commands of ``hybrid``, with the project that ``manage.py`` is of."""

import argparse
import os
import sys
from importlib import import_module
from typing import Any, ClassVar, Final

_base: Any = import_module("django.core.management.base")
_VARIABLE: Final = "DJANGO_SETTINGS_MODULE"


class PassedCommand(_base.BaseCommand):  # type: ignore[misc]  # of Django, which is not typed
    """Hands its arguments on.

    Attributes:
        words: what they stand behind; ``{settings}`` is the settings' module.
    """

    words: ClassVar[tuple[str, ...]] = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Run it. Django's own options have been seen to when it comes to this."""
        _, rest = _of_django().parse_known_args(argv[2:])
        self._run(argv[0], rest)

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """Print the options."""
        self._run(prog_name, ["--help"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it, for ``call_command(…)``."""
        self._run("manage.py", list(map(str, args)))

    def _run(self, program: str, arguments: list[str]) -> None:
        """Be the program ``hybrid``, which is above this room and is not imported by it."""
        words = (each.format(settings=os.environ[_VARIABLE]) for each in self.words)
        sys.argv = [program, *words, *arguments]
        import_module("hybrid.__main__").main()


def _of_django() -> argparse.ArgumentParser:
    """Return what reads the options that all commands have and that mean something here."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    return parser
