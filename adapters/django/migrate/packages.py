"""What is not the project's own: the packages it is made with, and what is known of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.report.report import Package

#: What is known of packages under ASGI, by the name of the distribution; each from its own issues.
ADVICE: Final = {
    "adrf": "Streams of it are collected in memory (adrf#58).",
    "celery-progress": "Its socket clients belong to one event loop (celery-progress#106).",
    "channels-redis": "Its connections belong to one event loop (#332): async_to_sync() makes new ones.",
    "django-crum": "It keeps the request in a thread's storage (#35): coroutines do not see it.",
    "django-debug-toolbar": "From version 5 it knows ASGI.",
    "django-log-request-id": "It keeps the id in a thread's storage (#74): coroutines do not see it.",
    "django-multitenant": "It keeps the tenant in a thread's storage (#176): coroutines do not see it.",
    "django-simple-history": "Take a version that keeps the request in asgiref's Local (#747).",
    "djangorestframework": "Its views are synchronous: leave them on the wsgi lane, or use adrf.",
    "social-auth-app-django": "Its middleware is synchronous (#974): each request holds a thread on ASGI.",
    "whitenoise": "Its files are synchronous iterators, which Django collects on ASGI (whitenoise#531); "
    "hybrid's lanes and --static do not.",
}

_OWN: Final = {"django", "hybrid-gateway"}  # what all of this is about


def packages_of(facts: Facts) -> Iterator[tuple[Package, Path | None]]:
    """Give the distributions of apps and middleware, Django itself aside, with a directory of each; None
    where its middleware, as what is compiled, says no file.
    """
    foreign = {
        app: _top(Path(folder), app) for app, folder in facts.apps.items() if app not in facts.first_party
    }
    names = _distributions(foreign.values())
    apps: dict[str, list[str]] = {}
    folders: dict[str, Path] = {}
    for app, folder in foreign.items():
        name = names.get(folder.name, folder.name)
        apps.setdefault(name, []).append(app)
        folders.setdefault(name, folder)
    for each in facts.middleware:
        if each.distribution:
            apps.setdefault(each.distribution, [])
            if each.where.file:
                folders.setdefault(each.distribution, Path(each.where.file).parent)
    for name in sorted(apps, key=str.lower):
        if _plain(name) not in _OWN:
            ours = [each for each in facts.middleware if each.distribution == name]
            paths = tuple(each.path for each in ours)
            version = facts.versions.get(_plain(name), "")
            package = Package(name, version, tuple(apps[name]), paths, {}, ADVICE.get(_plain(name), ""))
            yield package, folders.get(name)


def counted(package: Package, findings: Iterable[Finding]) -> Package:
    """Return a package with how many findings of each rule are in it."""
    counts = dict(sorted(Counter(each.rule for each in findings).items()))
    return Package(package.name, package.version, package.apps, package.middleware, counts, package.advice)


def _top(folder: Path, app: str) -> Path:
    """Return the directory of the outermost package of an app: ``wagtail/admin`` is in ``wagtail``."""
    for _ in range(app.count(".")):
        if (folder.parent / "__init__.py").exists():
            folder = folder.parent
    return folder


def _distributions(folders: Collection[Path]) -> dict[str, str]:
    """Return the distribution that each of some top-level packages is from, by the name of its directory.

    The list of a distribution's files is searched as text: to parse all of them takes seconds.
    """
    wanted = {each.name for each in folders}
    found: dict[str, str] = {}
    for each in metadata.distributions(path=sorted({str(folder.parent) for folder in folders})):
        record = f"\n{each.read_text('RECORD') or each.read_text('SOURCES.txt') or ''}"
        for name in wanted - found.keys():
            if f"\n{name}/" in record:
                found[name] = each.name
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
