"""Where code comes from: whether it is the project's own, or of which distribution, and where it is."""

import os
import re
import sysconfig
import traceback
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, Final

import hybrid
from hybrid.adapters.django.migrate.project.facts import Where

_OURS: Final = "hybrid-gateway"
_INSTALLED: Final = {"site-packages", "dist-packages"}
_DEFINITION: Final = re.compile(r"\s*(async\s+def|def|class)\s")
#: How far below its first decorator the line of a definition is looked for.
_DECORATORS: Final = 60


class Origins:
    """Tells whose code is whose.

    Code is the project's own where it is not below ``site-packages`` or ``dist-packages`` and not of Python
    itself: editable installs are the project's. So is the package of the settings, wherever it is.
    """

    def __init__(self) -> None:
        self._own: set[str] = set()
        paths = sysconfig.get_paths()
        ours = Path(hybrid.__file__).parent
        links = [ours / each for each in ("adapters", "bridge", "server")]  # in a checkout
        not_own = (paths["stdlib"], paths["platstdlib"], str(ours), *map(str, links))
        self._not_own = tuple(f"{os.path.realpath(each)}{os.sep}" for each in not_own)

    def own(self, module: str, file: str = "") -> None:
        """Count the package of a module, by its name and its file, as the project's; never Django."""
        self._own.update({module.partition(".")[0], _installed_package(file)} - {"", "django"})

    def is_own(self, module: str, file: str | None) -> bool:
        """Tell whether a module is the project's, by its name and its file."""
        if not file or file.startswith("<"):
            return False
        return module.partition(".")[0] in self._own or self.is_own_file(file)

    def is_own_file(self, file: str) -> bool:
        """Do the same by the file alone."""
        if file.startswith("<"):
            return False
        package = _installed_package(file)
        return package in self._own if package else not _real(file).startswith(self._not_own)

    def distribution_of(self, thing: Any) -> tuple[str, str]:
        """Return the distribution that a function or a class comes from, and its version; ``""`` for the
        project's own.
        """
        module: str = getattr(thing, "__module__", None) or ""
        file = _file_of_module(module)
        if self.is_own(module, file):
            return "", ""
        if module.partition(".")[0] == "hybrid":
            return _OURS, self.versions.get(_OURS, "")
        names = self._distributions.get(module.partition(".")[0])
        if not names:
            return ("", "") if file is None else ("python", "")
        return names[0], self.versions.get(normalised(names[0]), "")

    @cached_property
    def versions(self) -> dict[str, str]:
        """The versions of all distributions that are installed."""
        found: dict[str, str] = {}
        for each in metadata.distributions():
            name: str | None = each.metadata["Name"]
            if name:
                found.setdefault(normalised(name), each.version)
        return found

    @cached_property
    def _distributions(self) -> dict[str, list[str]]:
        return {name: sorted(set(names)) for name, names in metadata.packages_distributions().items()}

    def traceback_of(self, error: BaseException) -> tuple[Where, str]:
        """Return the deepest place in the project that an error comes from, and all of its traceback."""
        text = "".join(traceback.format_exception(error))
        if isinstance(error, SyntaxError) and error.filename and self.is_own_file(error.filename):
            return Where(str(Path(error.filename).absolute()), error.lineno or 0), text
        return self.place_in(error.__traceback__), text

    def place_in(self, trace: TracebackType | None) -> Where:
        """Return the deepest place in the project."""
        found = Where()
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if self.is_own_file(file):
                found = Where(str(Path(file).absolute()), trace.tb_lineno)
            trace = trace.tb_next
        return found


def normalised(name: str) -> str:
    """Return a distribution's name as all its spellings have it (PyPA specification on names)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def in_one_line(error: BaseException) -> str:
    """Say an error: its type and its message, without line ends."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def dotted(thing: Any) -> str:
    """Return the dotted name of a function, a class, or the class of an object."""
    named: Any = thing if hasattr(thing, "__qualname__") else thing.__class__
    return f"{named.__module__}.{named.__qualname__}"


def bases_of(cls: type) -> tuple[str, ...]:
    """Return the dotted names of the classes that a class is made of, itself first, without ``object``."""
    return tuple(dotted(each) for each in cls.__mro__ if each is not object)


def where_of(thing: Any) -> Where:
    """Return where a function, a method, a class, or the class of an object is defined."""
    code = getattr(thing, "__code__", None)
    if isinstance(code, CodeType):
        return _definition(code)
    cls = thing if isinstance(thing, type) else type(thing)
    file = _file_of_module(cls.__module__)
    return Where(file, _line_of_class(file, cls.__name__)) if file else Where()


def _definition(code: CodeType) -> Where:
    """Return the line of ``def``, which is below those of the decorators."""
    if code.co_filename.startswith("<"):
        return Where()
    file, first = str(Path(code.co_filename).absolute()), code.co_firstlineno
    if code.co_name == "<lambda>":
        return Where(file, first)
    for number, line in enumerate(_lines(file)[first - 1 : first + _DECORATORS], first):
        if _DEFINITION.match(line):
            return Where(file, number)
    return Where(file, first)


def _line_of_class(file: str, name: str) -> int:
    pattern = re.compile(rf"\s*class\s+{re.escape(name)}\b")
    return next((number for number, line in enumerate(_lines(file), 1) if pattern.match(line)), 0)


@cache
def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _installed_package(file: str) -> str:
    """Return the top-level package or module of a file that is installed, ``""`` for any other file.

    The directories above say nothing: an environment is often in one with the name of the project.
    """
    parts = Path(file).parts
    found = [place for place, each in enumerate(parts[:-1]) if each in _INSTALLED]
    return Path(parts[found[-1] + 1]).stem if found else ""


def _file_of_module(module: str) -> str | None:
    import sys

    file: object = getattr(sys.modules.get(module), "__file__", None)
    return str(Path(file).absolute()) if isinstance(file, str) else None


@cache
def _real(file: str) -> str:
    return os.path.realpath(file)
