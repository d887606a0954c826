"""From what a user types, ``[PREFIX=]MODULE[:ATTR][@POOL][+stream]``, to the application it names."""

import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

from hybrid.bridge.errors import HybridError, LoadError
from hybrid.bridge.interface import Interface, name_of
from hybrid.bridge.prefixes import clean_prefix

#: Names looked for, in this order, when a target gives none.
DEFAULT_ATTRIBUTES = ("app", "application")
#: The same where it is to be a factory: what Flask's command looks for.
DEFAULT_FACTORIES = ("create_app", "make_app")
_STREAM = "+stream"
_POOL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class TargetSpec:
    """A target as typed, or as a table in a file: where it is mounted, where its application is found, and
    how that is run.

    ``prefix`` is ``""`` when none was given, ``"/"`` when the root was asked for, otherwise ``"/a/b"``.
    ``attribute`` may be a dotted path inside the module; None means the first of :data:`DEFAULT_ATTRIBUTES`
    that is there. ``pool`` names the threads of a WSGI application, ``""`` the default ones. ``stream`` says
    whether it is called before its request's body is complete. ``host``, ``protocols`` and ``interface`` are
    those of a :class:`~hybrid.bridge.gateway.Target`. ``factory`` says that what is found returns the
    application when it is called without arguments; its default names are :data:`DEFAULT_FACTORIES`.
    """

    prefix: str
    module: str
    attribute: str | None
    pool: str = ""
    stream: bool = False
    host: str = ""
    protocols: tuple[str, ...] = ()
    interface: Interface | None = None
    factory: bool = False

    def __str__(self) -> str:
        mount = f"{self.prefix}=" if self.prefix else ""
        attribute = f":{self.attribute}" if self.attribute else ""
        pool = f"@{self.pool}" if self.pool else ""
        return f"{mount}{self.module}{attribute}{pool}{_STREAM if self.stream else ''}"


def parse_target(text: str) -> TargetSpec:
    """Read ``[PREFIX=]MODULE[:ATTR][@POOL][+stream]``; nothing is imported.

    Raises:
        LoadError: a part is empty or malformed; the message names the target.
    """
    prefix, equals, rest = text.rpartition("=")
    rest, plus, option = rest.partition("+")
    rest, at, pool = rest.partition("@")
    module, colon, attribute = rest.partition(":")
    try:
        if plus and f"+{option}" != _STREAM:
            raise ValueError(f'"+{option}" is no option, only "{_STREAM}" is')
        return TargetSpec(
            prefix=clean_prefix(prefix) if equals else "",
            module=_dotted(module, "module"),
            attribute=_dotted(attribute, "attribute") if colon else None,
            pool=check_pool_name(pool) if at else "",
            stream=bool(plus),
        )
    except ValueError as error:
        raise LoadError(f'target "{text}": {error}') from None


def check_pool_name(name: str) -> str:
    """Return a name that a pool can have: a letter, then letters, digits, dashes and underscores.

    Raises:
        ValueError: it is another text.
    """
    if _POOL_NAME.fullmatch(name) is None:
        raise ValueError(f'"{name}" cannot name a pool')
    return name


def load_target(spec: TargetSpec) -> tuple[object, str]:
    """Import a target's module and return its application, and the full name that it was found under.

    Raises:
        LoadError: the module is missing or fails, or the attribute is missing or cannot be called. One line;
            what the module raised is the ``__cause__``, with its traceback.
    """
    module = _import(spec)
    with in_one_line(f'target "{spec}"', f"looking up its application in {spec.module}"):
        attribute, application = _find(spec, module)
    if not callable(application):
        kind = type(application).__qualname__
        raise LoadError(f'target "{spec}": {spec.module}:{attribute} cannot be called, it is of type {kind}')
    name = f"{spec.module}:{attribute}"
    return call_factory(application, name) if spec.factory else application, name


def call_factory(factory: object, name: str = "") -> object:
    """Return the application that a factory makes; it is called without arguments.

    Raises:
        LoadError: it needs arguments, raises, or returns no application; the message names it.
    """
    name = name or name_of(factory)
    if not callable(factory):
        raise LoadError(f'factory "{name}" cannot be called')
    needed = _needed(factory)
    if needed:
        raise LoadError(f'factory "{name}" needs arguments ({", ".join(needed)}) and is called without any')
    with in_one_line(f'factory "{name}"', "calling it"):
        application = factory()
    if inspect.iscoroutine(application):
        application.close()
        raise LoadError(f'factory "{name}" is a coroutine function; an application is made by a plain one')
    if not callable(application):
        what = "None" if application is None else f"an object of type {name_of(application)}"
        raise LoadError(f'factory "{name}" returned {what}, which cannot be called')
    return cast("object", application)


def _needed(factory: Callable[..., object]) -> list[str]:
    """List the parameters that a call must give, as far as that can be found out."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # some callables written in C do not tell
        return []
    any_number = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return [each.name for each in parameters if each.default is each.empty and each.kind not in any_number]


def add_app_dir(directory: str) -> None:
    """Make modules in a directory importable, before those of the same name elsewhere (``--app-dir``).

    Raises:
        LoadError: there is no such directory.
    """
    path = Path(directory).resolve()
    if not path.is_dir():
        raise LoadError(f'--app-dir "{directory}": there is no such directory')
    if sys.path[:1] != [str(path)]:
        sys.path.insert(0, str(path))


def _dotted(text: str, what: str) -> str:
    """Return a dotted name, or raise ValueError saying that it is none."""
    if not text:
        raise ValueError(f"the name of the {what} is missing")
    if not all(part.isidentifier() for part in text.split(".")):
        raise ValueError(f'"{text}" is not the name of a Python {what}')
    return text


def _import(spec: TargetSpec) -> ModuleType:
    with in_one_line(f'target "{spec}"', f"importing {spec.module}"):
        try:
            return importlib.import_module(spec.module)
        except ModuleNotFoundError as error:
            if not f"{spec.module}.".startswith(f"{error.name}."):
                raise  # the module is there; something that it imports is not
            hint = '; leave ".py" off' if spec.module.endswith(".py") else f" in {sys.path[0]} or on sys.path"
            raise LoadError(f'target "{spec}": there is no module {error.name}{hint}') from None


@contextmanager
def in_one_line(subject: str, doing: str) -> Generator[None, None, None]:
    """Turn what a user's module raises into a LoadError; ``sys.exit()`` at the top of a module too."""
    try:
        yield
    except HybridError:
        raise
    except (Exception, SystemExit) as error:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        what = " ".join(f"{type(error).__name__}: {text}".removesuffix(": ").split())
        raise LoadError(f"{subject}: {doing} failed: {what}{_place(error)}") from error


def _place(error: BaseException) -> str:
    """Say where an error was raised, as `` (file:line)``, leaving out the machinery of importing."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith("<frozen ") and frame.filename not in {__file__, importlib.__file__}:
            return f" ({frame.filename}:{frame.lineno})"
    return ""


def _find(spec: TargetSpec, module: ModuleType) -> tuple[str, object]:
    """Return the attribute asked for, or the first default that is there and, preferably, can be called."""
    if spec.attribute:
        return spec.attribute, _walk(spec, module, spec.attribute)
    names = DEFAULT_FACTORIES if spec.factory else DEFAULT_ATTRIBUTES
    found = {name: getattr(module, name) for name in names if hasattr(module, name)}
    if not found:
        neither = f"neither {' nor '.join(names)}{_near(names, module)}"
        raise LoadError(f'target "{spec}": {spec.module} has {neither}')
    # A package often has a submodule called app, which is an attribute too.
    return next((item for item in found.items() if callable(item[1])), next(iter(found.items())))


def _walk(spec: TargetSpec, module: ModuleType, attribute: str) -> object:
    owner: object = module
    path = spec.module
    for name in attribute.split("."):
        try:
            owner = getattr(owner, name)
        except AttributeError as error:
            if error.name != name:  # raised inside, by a property or a module's __getattr__
                raise
            near = _near([name], owner)
            raise LoadError(f'target "{spec}": {path} has no attribute {name}{near}') from None
        path += f".{name}"
    return owner


def _near(wanted: Iterable[str], owner: object) -> str:
    """Suggest names of the owner's that look like the ones wanted."""
    import difflib  # only a mistake needs it

    names = [name for name in dir(owner) if not name.startswith("__")]
    near = sorted({match for name in wanted for match in difflib.get_close_matches(name, names)})
    return f"; did you mean {' or '.join(near)}?" if near else ""
