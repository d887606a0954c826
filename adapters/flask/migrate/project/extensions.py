"""Facts on the extensions of a Flask application."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from hybrid.adapters.django.migrate.project.origins import Origins, dotted
from hybrid.adapters.django.migrate.project.values import plain
from hybrid.adapters.flask.migrate.facts import ExtensionFact

#: Attributes that rules want to know, by the class that has them; a dotted name goes on inside.
_WANTED: Final = {
    "flask_socketio.SocketIO": ("async_mode", "server.eio.async_mode", "server_options.message_queue"),
}


def extension_facts(app: Any, origins: Origins) -> Iterator[ExtensionFact]:
    """Give a fact for each entry of ``app.extensions``, in their order."""
    for name, extension in dict(app.extensions).items():
        cls = cast("Any", type(extension))
        distribution, version = origins.distribution_of(cls)
        distribution = "" if distribution == "python" else distribution
        yield ExtensionFact(str(name), dotted(cls), _options(extension), distribution, version)


def _options(extension: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for cls in cast("Any", type(extension)).__mro__:
        for path in _WANTED.get(f"{cls.__module__}.{cls.__qualname__}", ()):
            value = _at(extension, path)
            if value is not None:
                found[path] = plain(value, path)
    return found


def _at(owner: Any, path: str) -> Any:
    """Return what a dotted path leads to, through attributes and keys; None where it leads nowhere."""
    for name in path.split("."):
        owner = _step(owner, name)
        if owner is None:
            return None
    return owner


def _step(owner: Any, name: str) -> Any:
    if isinstance(owner, Mapping):
        return cast("Mapping[str, Any]", owner).get(name)
    return getattr(owner, name, None)
