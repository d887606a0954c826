"""The packages that a Flask application is made with, and what is known of them on threads."""

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.project.origins import normalised
from hybrid.adapters.django.migrate.report.report import Package
from hybrid.adapters.flask.migrate.facts import flask_facts

#: What is known of packages, by the name of the distribution.
ADVICE: Final = {
    "flask-apscheduler": "Its scheduler runs in each process: several workers do each job several times.",
    "flask-caching": "SimpleCache is each process's own; several workers want Redis, Memcached or files.",
    "flask-limiter": "With memory:// each process counts for itself; take Redis with several workers.",
    "flask-session": "CacheLib's simple cache is each process's own; Redis, files and databases are shared.",
    "flask-sock": "Served as it is: each WebSocket holds one of --websocket-threads.",
    "flask-socketio": "Served as it is with async_mode='threading'; several workers need a message_queue, "
    "and a proxy that keeps a client at its worker.",
    "flask-sockets": "It needs gevent-websocket as the server: use hybrid.adapters.flask.WebSockets.",
    "flask-sqlalchemy": "Its session belongs to the application context, and so to one request. "
    "Let pool_size and max_overflow take --threads connections.",
    "flask-sse": "Each client of its stream holds a thread.",
    "flask-uwsgi-websocket": "It needs uWSGI as the server: use hybrid.adapters.flask.WebSockets.",
    "whitenoise": "hybrid serves files itself, without a thread for each: --static.",
}
_OWN: Final = {"flask", "werkzeug", "hybrid-gateway"}


def packages_of(facts: Facts) -> Iterator[tuple[Package, Path | None]]:
    """Give the distributions of extensions, wrappers, hooks and views, each with a directory of it."""
    said = flask_facts(facts)
    extensions: dict[str, list[str]] = {}
    for extension in said.extensions:
        extensions.setdefault(extension.distribution, []).append(extension.name)
    wrappers: dict[str, list[str]] = {}
    for wrapper in said.wrappers:
        wrappers.setdefault(wrapper.distribution, []).append(wrapper.path)
    others = {each.distribution for each in said.hooks} | {each.distribution for each in facts.routes}
    for name in sorted({*extensions, *wrappers, *others} - {""}, key=str.lower):
        plain = normalised(name)
        if plain not in _OWN:
            parts = tuple(extensions.get(name, ())), tuple(wrappers.get(name, ()))
            version = facts.versions.get(plain, "")
            yield Package(name, version, *parts, {}, ADVICE.get(plain, "")), _folder(name)


def _folder(name: str) -> Path | None:
    """Return the directory of the first package of a distribution; None where it has none."""
    try:
        files = metadata.files(name) or ()
    except metadata.PackageNotFoundError:
        return None
    packages = (each for each in files if len(each.parts) == 2 and each.name == "__init__.py")
    return next((Path(str(each.locate())).parent for each in packages), None)
