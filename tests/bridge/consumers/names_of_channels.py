"""The public names of the installed Channels, module by module, and how its classes and functions are called.

    python names_of_channels.py

prints JSON, to be compared by `test_names.py`. Channels needs Django's settings, hence the process.
"""

import importlib
import inspect
import json
import pkgutil
import sys
from typing import Any

import channels
import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]

#: A parameter: name, kind, and its default in writing, or None where it has none.
Parameter = tuple[str, str, str | None]


def parameters_of(function: Any) -> list[Parameter]:
    """Return what a function takes, without `self`."""
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not inspect.isfunction(function):  # wrapped in an object, as by database_sync_to_async
        function = getattr(function, "func", function)
    return [
        (each.name, each.kind.name, None if each.default is each.empty else repr(each.default))
        for each in inspect.signature(function).parameters.values()
        if each.name not in ("self", "cls")
    ]


def members_of(kind: type) -> dict[str, list[Parameter] | None]:
    """Return the public methods of a class with what they take, and its attributes with None."""
    members: dict[str, list[Parameter] | None] = {}
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith(("channels.", "asgiref.")):
            continue
        for name in vars(base):
            if name in ("__init__", "__call__") or not name.startswith("_"):
                is_method = callable(getattr(kind, name))
                members[name] = parameters_of(getattr(kind, name)) if is_method else None
    return members


def names_of(module: str) -> dict[str, Any]:
    """Return what a module defines that is public."""
    names: dict[str, Any] = {}
    for name, value in vars(importlib.import_module(module)).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module:
            continue
        if isinstance(value, type):
            names[name] = {"members": members_of(value)}
        elif inspect.isfunction(value):
            names[name] = {"parameters": parameters_of(value)}
        else:
            names[name] = {}
    return names


def main() -> None:
    """Print them."""
    applications = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
    settings.configure(INSTALLED_APPS=applications, DATABASES={}, CHANNEL_LAYERS={})
    django.setup()
    modules = [each.name for each in pkgutil.walk_packages(channels.__path__, "channels.")]
    found = {each: names_of(each) for each in modules if ".management" not in each}
    found["channels"] = {name: {} for name in vars(channels) if name.isupper()}
    json.dump({module: names for module, names in found.items() if names}, sys.stdout)


if __name__ == "__main__":
    main()
