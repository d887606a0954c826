"""Facts on MIDDLEWARE: what each entry says of itself, and what comes of it when it is given a handler."""

import dis
import functools
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, Final

from hybrid.adapters.django.lanes.parts import MiddlewareMixin, import_string, is_coroutine_function
from hybrid.adapters.django.lanes.synchronous import problem_of
from hybrid.adapters.django.lanes.views import sets_urlconf
from hybrid.adapters.django.migrate.project.facts import MiddlewareFact
from hybrid.adapters.django.migrate.project.origins import Origins, bases_of, where_of
from hybrid.adapters.django.migrate.project.telling import Teller

HOOKS: Final = (
    "process_request",
    "process_view",
    "process_template_response",
    "process_response",
    "process_exception",
)
#: What answers a request within a middleware.
_ANSWERS: Final = ("get_response", "__call__")
#: What code has that looks whether it is to be asynchronous.
_LOOKS: Final = {
    "__acall__",
    "_async_mode",
    "_is_async",
    "acall",
    "async_mode",
    "iscoroutinefunction",
    "is_async",
    "is_coroutine_function",
}


def middleware_facts(paths: Any, teller: Teller, origins: Origins) -> Iterator[MiddlewareFact]:
    """Give a fact for each entry that can be imported, and tell of those that cannot."""
    for path in paths:
        with teller.step("middleware"):
            yield _fact(str(path), import_string(path), teller, origins)


def _fact(path: str, made_by: Any, teller: Teller, origins: Origins) -> MiddlewareFact:
    cls = made_by if inspect.isclass(made_by) else None
    made = _Made(made_by, teller)
    code = {} if cls is None else _class_facts(cls)
    looks = cls is None or (code.pop("looks") or not code["is_mixin"])  # a mixin's __init__ looks, of itself
    inner = inspect.unwrap(made_by) if cls is None else cls
    distribution, version = origins.distribution_of(inner)
    return MiddlewareFact(
        path,
        where_of(inner),
        kind="function" if cls is None else "class",
        sync_capable=made.takes_sync,
        async_capable=made.takes_async,
        becomes_async=made.is_async,
        taken_sync=bool(problem_of(made_by)),
        used=not made.not_used,
        dual=made.is_async and not made.is_async_anyway and looks,
        hooks=_hooks(made_by if made.first is None else made.first),
        sets_urlconf=any(map(sets_urlconf, _own_classes(cls) if cls else (inner,))),
        distribution=distribution,
        version=version,
        **code,
    )


class _Made:
    """What an entry makes of handlers of both kinds, as far as it says that it takes them.

    Attributes:
        first: the first of what it has made; None where that has failed.
        is_async: whether that is a coroutine function where it is given one, if it takes some.
        is_async_anyway: whether it is also where it is given a plain function.
        not_used: whether it raises MiddlewareNotUsed.
    """

    def __init__(self, made_by: Any, teller: Teller) -> None:
        self.takes_sync = bool(getattr(made_by, "sync_capable", True))
        self.takes_async = bool(getattr(made_by, "async_capable", False))
        self.not_used = False
        kinds = {_asynchronous: self.takes_async, _synchronous: self.takes_sync or not self.takes_async}
        made: list[Any] = []
        try:
            for given, takes in kinds.items():
                made += [made_by(given)] if takes else []
        except Exception as error:  # noqa: BLE001 - of the project's code
            self.not_used = type(error).__name__ == "MiddlewareNotUsed"
            if not self.not_used:
                teller.fail("middleware", error)
        self.first: Any = made[0] if made else None
        self.is_async = bool(made and is_coroutine_function(made[0]))
        self.is_async_anyway = bool(made and is_coroutine_function(made[-1]))


async def _asynchronous(request: Any) -> Any:
    raise NotImplementedError


def _synchronous(request: Any) -> Any:
    raise NotImplementedError


def _class_facts(cls: type) -> dict[str, Any]:
    call = _own(cls, "__call__") or _own(cls, "__acall__")
    init = _own(cls, "__init__")
    is_mixin = issubclass(cls, MiddlewareMixin)
    names: set[str] = set() if call is None else _names_in(call)
    return {
        "bases": bases_of(cls),
        "is_mixin": is_mixin,
        "own_call": None if call is None else where_of(inspect.unwrap(call)),
        "call_is_async": call is not None and bool(is_coroutine_function(call)),
        "calls_super_init": init is None or not is_mixin or "__init__" in _names_in(init),
        "calls_super_call": bool(names & {"__call__", "__acall__"}),
        "keeps_response": call is not None and _keeps_response(call),
        "looks": call is None or bool(names & _LOOKS),
        "header": str(cls.header) if _is_remote_user(cls) else "",  # type: ignore[attr-defined]
    }


def _own(cls: type, name: str) -> Any:
    """Return a method, unless it is the one of MiddlewareMixin, or there is none."""
    owner = next((each for each in cls.__mro__ if name in vars(each)), object)
    return None if owner in (object, MiddlewareMixin) else vars(owner)[name]


def _own_classes(cls: type) -> list[type]:
    return [each for each in cls.__mro__ if not each.__module__.startswith("django.") and each is not object]


def _is_remote_user(cls: type) -> bool:
    return any(each.__name__ == "RemoteUserMiddleware" for each in cls.__mro__)


def _hooks(made: Any) -> dict[str, bool]:
    found = {name: getattr(made, name, None) for name in HOOKS}
    return {name: bool(is_coroutine_function(hook)) for name, hook in found.items() if callable(hook)}


def _names_in(function: Any) -> set[str]:
    """Return the names that a function's code has, those in functions within it too."""
    inner = inspect.unwrap(function) if isinstance(function, FunctionType) else function
    if isinstance(inner, functools.partialmethod):
        inner = inner.func
    code = getattr(inner, "__code__", None)
    return _names_of(code) if isinstance(code, CodeType) else set()


def _keeps_response(call: Any) -> bool:
    """Tell whether code goes on after it has called ``get_response``, or the ``__call__`` of a base."""
    code = getattr(inspect.unwrap(call), "__code__", None)
    steps = list(dis.get_instructions(code)) if isinstance(code, CodeType) else []
    for index, step in enumerate(steps):
        if step.argval in _ANSWERS and step.opname.startswith("LOAD_"):
            calls = (number for number in range(index, len(steps)) if steps[number].opname.startswith("CALL"))
            after = steps[next(calls, index) + 1 :]
            if not after or after[0].opname != "RETURN_VALUE":
                return True
    return False


def _names_of(code: CodeType) -> set[str]:
    names = {*code.co_names, *code.co_freevars}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names_of(constant)
    return names
