"""Which settings a project has. Nothing of Django is imported: it need not be there yet."""

import ast
import os
from pathlib import Path
from typing import Final

from hybrid.bridge.errors import LoadError

VARIABLE: Final = "DJANGO_SETTINGS_MODULE"


def settings_module(said: str, directory: Path) -> str:
    """Return the settings module: what is said, or what the environment or a ``manage.py`` says.

    Raises:
        LoadError: there is no ``manage.py``, or it does not say which.
    """
    if not said.endswith("manage.py"):
        return said
    if module := os.environ.get(VARIABLE):
        return module
    path = directory / said
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise LoadError(f"django: there is no {path}: name the settings module") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise LoadError(f"django: {path} cannot be read ({error}): name the settings module") from None
    if module := _setting_in(tree):
        return module
    raise LoadError(f"django: {path} does not set {VARIABLE}: name the settings module")


def _setting_in(tree: ast.AST) -> str:
    """Find what a script sets the variable to: a text that stands after its name."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=[ast.Constant(value=name), ast.Constant(value=str(module))]) if (
                name == VARIABLE
            ):
                return module
            case ast.Assign(
                targets=[ast.Subscript(slice=ast.Constant(value=name))], value=ast.Constant(value=str(module))
            ) if name == VARIABLE:
                return module
            case _:
                pass
    return ""
