"""Imports a project and says what it is: ``python -m hybrid.adapters.django.migrate.project.probe``.

:mod:`.importing` starts this, with one argument: what is asked, in JSON. The answer goes to a descriptor of
its own, so that whatever the project prints does no harm. What fails is said, and the rest goes on.
"""

import faulthandler
import json
import os
import platform
import resource
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from hybrid.adapters.django.migrate.project.facts import ApplicationFact, SocketRouteFact
from hybrid.adapters.django.migrate.project.origins import Origins
from hybrid.adapters.django.migrate.project.telling import Teller

#: Who says what there is to know of an application, by the framework that it is of.
_OTHERS: Final = {"flask": "hybrid.adapters.flask.migrate.project.look"}

_VARIABLE: Final = "DJANGO_SETTINGS_MODULE"


@dataclass(frozen=True)
class Asked:
    """What is asked of the process.

    Attributes:
        descriptor: where the answer goes.
        directory: the project's, which comes first in the path of modules.
        settings: the module; ``""`` for what the WSGI application sets.
        wsgi, asgi: ``module:attribute``, for WSGI ``module:factory()`` too; ``""`` for those of the settings.
        url: what is to be asked of both handlers, to count hops; ``""`` for nothing.
        path: where modules are looked for besides, as ``manage.py`` may have said.
        seconds: after which the process ends by itself, as who has asked may be gone.
    """

    descriptor: int
    directory: str
    settings: str = ""
    wsgi: str = ""
    asgi: str = ""
    url: str = ""
    path: tuple[str, ...] = ()
    seconds: float = 3600.0


class Probe:
    """Goes through the project, step by step."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._origins = Origins()
        self._teller = Teller(asked.descriptor, self._origins)

    def run(self) -> None:
        """Say all facts. What has been found is said at once, as the next step may end the process."""
        begin = time.perf_counter()
        teller, origins = self._teller, self._origins
        teller.facts(versions={"python": platform.python_version(), **origins.versions})
        if not self._is_of_another() and self._read_settings():
            self._set_up()
            self._look()
        teller.facts(modules=self._modules(), monkey=_monkey(), seconds=time.perf_counter() - begin)
        if self._asked.url:
            with teller.step("run"):
                hops = import_module("hybrid.adapters.django.migrate.project.hops")
                teller.answer(runs=hops.run_handlers(self._asked.url))
        teller.end()

    def _is_of_another(self) -> bool:
        """Say what a WSGI application is that is not Django's; True for one, and for none that there is."""
        asked, teller = self._asked, self._teller
        if asked.settings or not asked.wsgi:
            return False
        framework = ""
        with teller.step("wsgi"):
            targets = import_module(f"{__package__}.targets")
            self._origins.own(asked.wsgi.partition(":")[0])
            application, path = targets.load_application(asked.wsgi)
            framework = targets.framework_of(application)
            if framework in _OTHERS:
                teller.facts(framework=framework)
                import_module(_OTHERS[framework]).look(application, path, teller, self._origins)
                return True
            if framework != "django" and _VARIABLE not in os.environ:
                teller.facts(stranger=targets.type_of(application))
        return framework != "django" and _VARIABLE not in os.environ

    def _read_settings(self) -> bool:
        """Import the settings; whether there are some."""
        asked, teller = self._asked, self._teller
        module = asked.settings
        if module:
            os.environ[_VARIABLE] = module
            self._origins.own(module)
        elif asked.wsgi:  # which sets the variable, or configures the settings itself
            with teller.step("wsgi"):
                import_module(asked.wsgi.partition(":")[0])
            module = os.environ.get(_VARIABLE, "")
            self._origins.own(module)
        before = len(teller.failed)
        teller.facts(framework="django")
        with teller.step("settings"):
            if module:
                self._origins.own(module, getattr(import_module(module), "__file__", None) or "")
            values = import_module("hybrid.adapters.django.migrate.project.values")
            settings = import_module("django.conf").settings
            teller.facts(settings_module=module, **values.settings_facts(settings))
            self._settings: Any = settings
        return len(teller.failed) == before and hasattr(self, "_settings")

    def _set_up(self) -> None:
        teller = self._teller
        queries = import_module("hybrid.adapters.django.migrate.project.queries").Queries(self._origins)
        self._queries = queries
        with teller.step("databases"):
            queries.watch()
        with teller.step("setup"):
            import_module("django").setup()
        apps = _apps(self._settings)
        own = [name for name, folder in apps.items() if self._origins.is_own(name, folder)]
        teller.facts(apps=apps, first_party=tuple(own))

    def _look(self) -> None:
        teller, origins, settings = self._teller, self._origins, self._settings
        here = __package__
        with teller.step("middleware"):
            middleware = import_module(f"{here}.middleware")
            facts = middleware.middleware_facts(settings.MIDDLEWARE, teller, origins)
            teller.facts(middleware=list(facts))
        with teller.step("urlconf"):
            teller.facts(routes=list(import_module(f"{here}.routes").route_facts(teller, origins)))
        for kind in ("wsgi", "asgi"):
            with teller.step(kind):
                self._application(kind)
        with teller.step("receivers"):
            teller.facts(receivers=list(import_module(f"{here}.receivers").receiver_facts(origins)))
        teller.facts(queries=self._queries.seen)

    def _application(self, kind: str) -> None:
        """Say what an application is, and of the one for ASGI its WebSockets."""
        applications = import_module(f"{__package__}.applications")
        sockets = import_module(f"{__package__}.sockets")
        said = self._asked.wsgi if kind == "wsgi" else self._asked.asgi
        path = applications.find_application(kind, said, self._settings)
        routes: list[SocketRouteFact] = []
        if path:
            application = applications.load(path)
            fact: ApplicationFact = applications.application_fact(path, application)
            self._teller.facts(**{kind: fact})
            routes += sockets.socket_facts(application) if kind == "asgi" else []
        if kind == "asgi":
            configured = said or getattr(self._settings, "ASGI_APPLICATION", None)
            if not configured and not routes:
                routes += sockets.routed_beside(str(self._settings.ROOT_URLCONF))
            self._teller.facts(socket_routes=routes)

    def _modules(self) -> dict[str, str]:
        files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
        return {
            name: str(file)
            for name, file in files.items()
            if isinstance(file, str) and name != "__main__" and self._origins.is_own(name, file)
        }


def _apps(settings: Any) -> dict[str, str]:
    """Return the installed applications with their directories, as far as they can be found."""
    registry: Any = import_module("django.apps").apps
    if registry.apps_ready:
        return {str(each.name): str(each.path) for each in registry.get_app_configs()}
    found: dict[str, str] = {}
    for entry in map(str, settings.INSTALLED_APPS):
        for name in (entry, entry.rpartition(".apps")[0]):
            try:
                spec = find_spec(name) if name else None
            except Exception:  # noqa: BLE001 - that it cannot be imported has been said
                spec = None
            if spec is not None and spec.submodule_search_locations:
                found[name] = next(iter(spec.submodule_search_locations))
                break
    return found


def _monkey() -> str:
    """Return who has patched the process: gevent or eventlet."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_module_patched("socket"):
        return "gevent"
    if eventlet is not None and eventlet.is_monkey_patched("socket"):
        return "eventlet"
    return ""


def main() -> None:
    """Be the process: answer, and end it, whatever threads the project has left behind."""
    asked = Asked(**json.loads(sys.argv[1]))
    os.set_inheritable(asked.descriptor, False)
    faulthandler.enable(file=asked.descriptor)  # SIGABRT asks where it is, when the time is over
    faulthandler.dump_traceback_later(asked.seconds, exit=True, file=asked.descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.argv = [os.path.join(asked.directory, "manage.py"), "check"]  # noqa: PTH118 - as projects look at it
    sys.path[:] = dict.fromkeys([asked.directory, *asked.path, *sys.path])
    Probe(asked).run()
    os._exit(0)


if __name__ == "__main__":
    main()
