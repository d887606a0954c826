"""What the process that imports a Flask application says of it, beside what it says of any project.

It travels as ``of_framework`` of the :class:`~hybrid.adapters.django.migrate.project.facts.Facts`.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from hybrid.adapters.django.migrate.project.facts import Facts, Where, made

_NOWHERE: Final = Where()


@dataclass(frozen=True)
class WrapperFact:
    """Something that is around the application, from the outside to the inside.

    Attributes:
        path: the dotted name of its class, or of the function that has made it.
        on: ``app`` for what is around the Flask object, ``wsgi_app`` for what that was replaced by.
        options: its attributes that are plain values: of ``ProxyFix``, ``x_for`` and the like.
        mounts: of a ``DispatcherMiddleware``: the types of what is below which path.
        distribution, version: the package that it comes from; ``""`` for the project's own.
    """

    path: str
    on: str = "wsgi_app"
    where: Where = _NOWHERE
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    mounts: dict[str, str] = field(default_factory=dict[str, str])
    distribution: str = ""
    version: str = ""


@dataclass(frozen=True)
class ExtensionFact:
    """An entry of ``app.extensions``.

    Attributes:
        name: its key.
        type: the dotted name of its class.
        options: what rules want to know of it, such as ``async_mode`` of Flask-SocketIO.
    """

    name: str
    type: str = ""
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    distribution: str = ""
    version: str = ""


@dataclass(frozen=True)
class HookFact:
    """A function that Flask calls beside views.

    Attributes:
        kind: ``before_request``, ``after_request``, ``teardown_request``, ``teardown_appcontext``, ….
        blueprint: whose requests it is for; ``""`` for all.
        is_async: whether it is a coroutine function.
    """

    kind: str
    function: str
    where: Where = _NOWHERE
    blueprint: str = ""
    is_async: bool = False
    distribution: str = ""


@dataclass(frozen=True)
class FlaskFacts:
    """The application itself.

    Attributes:
        target: ``module:attribute``, as it was found.
        name: its ``import_name``.
        type: the dotted name of its class.
        where: where the target is given its name.
        config: its configuration; values that JSON cannot say as text, secrets left out.
        mount: the path that a ``DispatcherMiddleware`` has it at; ``""`` where it is at the root.
        wrappers: what is around it, from the outside.
        has_sockets: whether it has WebSockets of :class:`hybrid.adapters.flask.WebSockets`.
    """

    target: str = ""
    name: str = ""
    type: str = ""
    where: Where = _NOWHERE
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    mount: str = ""
    wrappers: tuple[WrapperFact, ...] = ()
    extensions: tuple[ExtensionFact, ...] = ()
    hooks: tuple[HookFact, ...] = ()
    has_sockets: bool = False


def flask_facts(facts: Facts) -> FlaskFacts:
    """Return what the facts of a project say of its Flask application."""
    return made(FlaskFacts, facts.of_framework)
