"""Databases in which nothing changes.

Django makes the object of a connection for each thread and alias. All those made while the guard is up are of
a class that has a :class:`.Transaction` around whatever they do, whichever thread they are on.
"""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from inspect import getattr_static
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.guards import replaced
from hybrid.adapters.django.migrate.shadow.guards.connections import Guarded
from hybrid.adapters.django.migrate.shadow.guards.transactions import OPEN
from hybrid.bridge.errors import LoadError

_db: Final[Any] = import_module("django.db")
_Wrapper: Final[Any] = import_module("django.db.backends.base.base").BaseDatabaseWrapper
_Features: Final[Any] = import_module("django.db.backends.base.features").BaseDatabaseFeatures

_DUMMY: Final = "django.db.backends.dummy"

#: The guarded classes, by Django's.
_kinds: dict[Any, Any] = {}


def _guarded(kind: Any) -> Any:
    """Return the guarded class of one of Django's."""
    if kind not in _kinds:
        said = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
        _kinds[kind] = type(kind.__name__, (Guarded, kind), said)
    return _kinds[kind]


@contextmanager
def guard() -> Generator[None]:
    """Guard all connections that are made from now on, and those of this thread."""
    _adopt()
    init: Any = _Wrapper.__init__

    def guarded_init(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if not isinstance(self, Guarded):
            self.__class__ = _guarded(self.__class__)

    try:
        with replaced(_Wrapper, __init__=guarded_init):
            yield
    finally:
        OPEN.end(None)
        _release()


def check() -> None:
    """Look whether all databases of the project can be rolled back.

    Raises:
        LoadError: one cannot, or nobody knows.
    """
    for alias, said in _db.connections.settings.items():
        if said["ENGINE"] != _DUMMY and not _can_roll_back(_db.connections[alias]):
            raise LoadError(
                f"the database {alias!r} ({said['ENGINE']}) does not roll back transactions, or does not say "
                "so: no request is sent where what it changes would stay"
            )
    OPEN.end(None)


def _can_roll_back(connection: Any) -> bool:
    features = connection.features
    if getattr_static(features, "supports_transactions") is getattr_static(
        _Features, "supports_transactions"
    ):
        return False  # that one makes a table to find out
    return bool(features.supports_transactions and features.uses_savepoints)


def _adopt() -> None:
    """Guard the connections that this thread has already."""
    for each in _db.connections.all(initialized_only=True):
        if each.in_atomic_block:
            raise LoadError(
                f"the database {each.alias!r} is in a transaction: end it before requests are tried"
            )
        each.close()
        each.__class__ = _guarded(each.__class__)


def _release() -> None:
    """Let the connections of this thread be what they were."""
    for each in _db.connections.all(initialized_only=True):
        if isinstance(each, Guarded):
            each.unwatch()
            each.__class__ = type(each).__mro__[2]
