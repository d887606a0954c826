"""Importing much at once, and importing names when they are asked for."""

import gc
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from importlib import import_module


@contextmanager
def without_collection() -> Generator[None]:
    """Import what follows without the garbage collector.

    It runs each time that so many objects were made, and looks at all of them: at modules and classes again
    and again, of which nothing is garbage. That takes a fifteenth of a server's start.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def lazy_names(
    module: str, module_of: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a module whose public names are in others (PEP 562).

    Args:
        module: the dotted name of the module.
        module_of: the modules of its names, each of which is loaded when a name is first asked for, and the
            name then kept.
    """
    here = sys.modules[module].__dict__

    def get(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value: object = getattr(import_module(module_of[name]), name)
        here[name] = value
        return value

    return get, lambda: sorted({*here, *module_of})
