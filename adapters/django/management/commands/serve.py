"""``manage.py serve``: this project, served as ``hybrid serve`` does."""

import argparse
import os
import sys
from importlib import import_module
from typing import Any, Final

_base: Any = import_module("django.core.management.base")
_VARIABLE: Final = "DJANGO_SETTINGS_MODULE"


class Command(_base.BaseCommand):  # type: ignore[misc]  # of Django, which is not typed
    """Serves this project, with the options of ``hybrid serve``."""

    help = "Serves this project for production, with the options of `hybrid serve`."

    def run_from_argv(self, argv: list[str]) -> None:
        """Serve. Django's own options have been seen to when it comes to this."""
        _, rest = _of_django().parse_known_args(argv[2:])
        _run_hybrid(argv[0], rest)

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """Print the options."""
        _run_hybrid(prog_name, ["--help"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve, for ``call_command("serve", …)``."""
        _run_hybrid("manage.py", list(map(str, args)))


def _of_django() -> argparse.ArgumentParser:
    """Return what reads the options that all commands have and that mean something here."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    return parser


def _run_hybrid(program: str, arguments: list[str]) -> None:
    """Be the program ``hybrid``, with other arguments. It is above this room, and is not imported by it."""
    sys.argv = [program, "serve", f"--django={os.environ[_VARIABLE]}", *arguments]
    import_module("hybrid.__main__").main()
