"""From what a user types, ``[PREFIX=]MODULE[:ATTR][@POOL][+stream]``, to the application it names."""

import importlib
import re
import sys
import traceback
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from hybrid.bridge.errors import LoadError
from hybrid.bridge.prefixes import clean_prefix

#: Names looked for, in this order, when a target gives none.
DEFAULT_ATTRIBUTES = ("app", "application")
_STREAM = "+stream"
_POOL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class TargetSpec:
    """A target as typed: where it is mounted, where its application is found, and how that is run.

    ``prefix`` is ``""`` when none was given, ``"/"`` when the root was asked for, otherwise ``"/a/b"``.
    ``attribute`` may be a dotted path inside the module; None means the first of :data:`DEFAULT_ATTRIBUTES`
    that is there. ``pool`` names the threads of a WSGI application, ``""`` the default ones. ``stream`` says
    whether it is called before its request's body is complete.
    """

    prefix: str
    module: str
    attribute: str | None
    pool: str = ""
    stream: bool = False

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
    with _in_one_line(spec, f"looking up its application in {spec.module}"):
        attribute, application = _find(spec, module)
    if not callable(application):
        kind = type(application).__qualname__
        raise LoadError(f'target "{spec}": {spec.module}:{attribute} cannot be called, it is of type {kind}')
    return application, f"{spec.module}:{attribute}"


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
    with _in_one_line(spec, f"importing {spec.module}"):
        try:
            return importlib.import_module(spec.module)
        except ModuleNotFoundError as error:
            if not f"{spec.module}.".startswith(f"{error.name}."):
                raise  # the module is there; something that it imports is not
            hint = '; leave ".py" off' if spec.module.endswith(".py") else f" in {sys.path[0]} or on sys.path"
            raise LoadError(f'target "{spec}": there is no module {error.name}{hint}') from None


@contextmanager
def _in_one_line(spec: TargetSpec, doing: str) -> Generator[None, None, None]:
    """Turn what a user's module raises into a LoadError; ``sys.exit()`` at the top of a module too."""
    try:
        yield
    except LoadError:
        raise
    except (Exception, SystemExit) as error:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        what = " ".join(f"{type(error).__name__}: {text}".removesuffix(": ").split())
        raise LoadError(f'target "{spec}": {doing} failed: {what}{_place(error)}') from error


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
    found = {name: getattr(module, name) for name in DEFAULT_ATTRIBUTES if hasattr(module, name)}
    if not found:
        neither = f"neither {' nor '.join(DEFAULT_ATTRIBUTES)}{_near(DEFAULT_ATTRIBUTES, module)}"
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
