"""What the process that imports a project says of it, in JSON: plain facts, on which rules decide.

Files are absolute, lines begin with 1 and are 0 where there is none, names are dotted. Whoever changes
something here changes :data:`VERSION`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from types import GenericAlias
from typing import Any, Final, TypeVar, get_args, get_type_hints

VERSION: Final = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Where:
    """A place in the source of what was imported."""

    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class Failure:
    """Why the project could not be imported.

    Attributes:
        step: what was being done: ``settings``, ``setup``, ``middleware``, ``urlconf``, ``wsgi``, ``asgi``,
            ``receivers``; ``process`` where the whole process has ended, or was ended.
        error: the exception, in one line.
        traceback: all of it.
    """

    step: str
    error: str
    where: Where = Where()
    traceback: str = ""


@dataclass(frozen=True)
class MiddlewareFact:
    """One entry of MIDDLEWARE, from the outside to the inside.

    Attributes:
        path: as in the settings.
        kind: ``class`` or ``function``.
        bases: dotted names of the classes it is made of, itself first.
        sync_capable, async_capable: what it says of itself.
        is_mixin: whether it is a MiddlewareMixin.
        own_call: where it has a ``__call__`` other than MiddlewareMixin's; None otherwise.
        call_is_async: whether that one is a coroutine function.
        calls_super_init: False where it has an ``__init__`` that does not call the one of its bases.
        calls_super_call: whether that one calls the one of its bases.
        keeps_response: whether that one does anything else with what it is answered than return it.
        dual: whether it looks at what it is given, and is either of both.
        becomes_async: whether Django takes what it makes for a coroutine function where it is given one.
        taken_sync: whether hybrid takes it for synchronous although it says that it can be asynchronous.
        used: False where it raises MiddlewareNotUsed.
        hooks: the ``process_…`` methods that it has, and whether each is a coroutine function.
        header: of a RemoteUserMiddleware: which key of META it takes the user from.
        sets_urlconf: whether its code sets ``request.urlconf``.
        distribution, version: the package that it comes from; ``""`` for the project's own.
    """

    path: str
    where: Where = Where()
    kind: str = "class"
    bases: tuple[str, ...] = ()
    sync_capable: bool = True
    async_capable: bool = False
    is_mixin: bool = False
    own_call: Where | None = None
    call_is_async: bool = False
    calls_super_init: bool = True
    calls_super_call: bool = False
    keeps_response: bool = False
    dual: bool = False
    becomes_async: bool = False
    taken_sync: bool = False
    used: bool = True
    hooks: dict[str, bool] = field(default_factory=dict[str, bool])
    header: str = ""
    sets_urlconf: bool = False
    distribution: str = ""
    version: str = ""


@dataclass(frozen=True)
class RouteFact:
    """One URL pattern.

    Attributes:
        pattern: the whole of it, as Django writes it: ``api/<int:pk>/``.
        name: with its namespaces, for ``reverse()``.
        view: the dotted name of the view, of what is innermost where decorators are around it.
        where: of that.
        kind: ``function``, ``class`` or ``other``.
        is_async: whether Django takes it for a coroutine function.
        inner_is_async: whether what is innermost is one.
        decorators: what is around it, from the outside, as far as ``__wrapped__`` tells.
        methods: those that a class, or ``require_http_methods``, allows; empty for all.
        handlers: of a class: the methods of HTTP that it has, and whether each is a coroutine function.
        error: why Django refuses the class, where it does.
        csrf_exempt, non_atomic: what is said of the view; databases by alias for the latter.
        bases: of a class: the dotted names of the classes it is made of, itself first.
        streaming: the class of a streaming response that its code names; ``""`` where none is seen.
        lane: where hybrid would run it, and why, as ``X-Hybrid-Lane`` says it: ``wsgi; sync-view``.
        called: what ``[lanes]`` and ``hybrid lanes`` call the view: its name, or else its dotted path, which
            is that of the outermost decorator where this hides it.
        distribution: the package that it comes from; ``""`` for the project's own.
    """

    pattern: str
    name: str = ""
    view: str = ""
    where: Where = Where()
    kind: str = "function"
    is_async: bool = False
    inner_is_async: bool = False
    decorators: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    handlers: dict[str, bool] = field(default_factory=dict[str, bool])
    error: str = ""
    csrf_exempt: bool = False
    non_atomic: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    streaming: str = ""
    lane: str = ""
    called: str = ""
    distribution: str = ""


@dataclass(frozen=True)
class SocketRouteFact:
    """One route of WebSockets.

    Attributes:
        pattern: ``""`` where one application takes all.
        consumer: the dotted name of the consumer, or of the ASGI application.
        kind: ``async``, ``sync`` or ``application``.
        bases: of a consumer class, itself first.
        around: what is around the routes, from the outside: ``AllowedHostsOriginValidator``, ….
    """

    pattern: str
    consumer: str
    where: Where = Where()
    kind: str = "application"
    bases: tuple[str, ...] = ()
    around: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReceiverFact:
    """A receiver of ``request_started``, ``request_finished`` or ``got_request_exception``.

    Attributes:
        needs_environ: whether it cannot be called without ``environ``, and is for ASGI's handler too.
        is_async: whether it is a coroutine function.
    """

    signal: str
    receiver: str
    where: Where = Where()
    needs_environ: bool = False
    is_async: bool = False
    distribution: str = ""


@dataclass(frozen=True)
class ApplicationFact:
    """The WSGI or ASGI application.

    Attributes:
        path: as in the settings, or on the command line; ``""`` where there is none.
        around: the dotted names of the types that are around Django's handler, from the outside.
        handler: the dotted name of the handler's type; ``""`` where none was found.
        protocols: of a ProtocolTypeRouter: its keys.
    """

    path: str = ""
    where: Where = Where()
    around: tuple[str, ...] = ()
    handler: str = ""
    protocols: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """All that was found out.

    Attributes:
        versions: of python, and of all distributions by their normalised names: ``django``,
            ``django-cors-headers``.
        settings: all of them, Django's defaults too; values that JSON cannot say as text, secrets left out.
        explicit: which of these the project sets itself.
        apps: INSTALLED_APPS as dotted names of packages, with the directory of each.
        first_party: those of them that are not installed as distributions.
        modules: the files of all modules that were imported, by dotted name, outside of distributions.
        queries: SQL that was run while all this was imported, each with the place as a comment behind it:
            ``SELECT 1 -- /srv/shop/apps.py:7``.
        monkey: ``gevent`` or ``eventlet``, where one has patched the process.
        framework: ``django`` or ``flask``; ``""`` where that is not known.
        stranger: the dotted name of the type of an application that is neither's.
        of_framework: what there is to know of a project that is not Django's, in the words of who knows it.
        failures: what could not be imported; the rest is as far as it came.
    """

    version: int = VERSION
    settings_module: str = ""
    base_dir: str = ""
    versions: dict[str, str] = field(default_factory=dict[str, str])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    explicit: tuple[str, ...] = ()
    apps: dict[str, str] = field(default_factory=dict[str, str])
    first_party: tuple[str, ...] = ()
    modules: dict[str, str] = field(default_factory=dict[str, str])
    middleware: tuple[MiddlewareFact, ...] = ()
    routes: tuple[RouteFact, ...] = ()
    socket_routes: tuple[SocketRouteFact, ...] = ()
    receivers: tuple[ReceiverFact, ...] = ()
    wsgi: ApplicationFact = ApplicationFact()
    asgi: ApplicationFact = ApplicationFact()
    queries: tuple[str, ...] = ()
    monkey: str = ""
    seconds: float = 0.0
    framework: str = ""
    stranger: str = ""
    of_framework: dict[str, Any] = field(default_factory=dict[str, Any])
    failures: tuple[Failure, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether importing has come as far as the project itself."""
        return bool(self.settings_module) or self.framework not in {"", "django"}

    @property
    def title(self) -> str:
        """What the project is called by: its settings, or its application; ``""`` where it is not known."""
        return self.settings_module or (self.wsgi.path if self.is_known else "")

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Facts":
        """Make facts of what JSON says.

        Raises:
            ValueError: they are of another version.
        """
        if said.get("version") != VERSION:
            raise ValueError(f"facts of version {said.get('version')!r}, not {VERSION}")
        return made(cls, said)


def made(kind: type[T], said: Mapping[str, Any]) -> T:
    """Make an object of a class of facts of what JSON says."""
    hints = get_type_hints(kind)
    names = [each.name for each in fields(kind) if each.name in said]  # type: ignore[arg-type]
    return kind(**{name: _value(hints[name], said[name]) for name in names})


def _value(hint: Any, said: Any) -> Any:
    if said is None:
        return None
    if isinstance(hint, GenericAlias) and hint.__origin__ is tuple:
        return tuple(_value(get_args(hint)[0], each) for each in said)
    kind: Any = next((each for each in (hint, *get_args(hint)) if is_dataclass(each)), None)
    return said if kind is None else made(kind, said)
