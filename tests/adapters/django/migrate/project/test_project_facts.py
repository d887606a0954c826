"""What the facts say of one project with middleware, views, receivers, applications and sockets."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact, RouteFact
from hybrid.adapters.django.migrate.project.importing import import_project
from tests.support.django_projects import line_of, write_project
from tests.support.needs import require_module

require_module("django")

MIDDLEWARE = """
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.middleware import RemoteUserMiddleware
from django.core.exceptions import MiddlewareNotUsed
from django.utils.decorators import async_only_middleware, sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

class Plain(MiddlewareMixin):
    def process_request(self, request):
        request.urlconf = "shop.urls"

class OwnCall(MiddlewareMixin):
    def __call__(self, request):
        return self.get_response(request)

class CallsSuper(MiddlewareMixin):
    def __call__(self, request):
        return super().__call__(request)

class OwnDual(MiddlewareMixin):
    def __call__(self, request):
        if iscoroutinefunction(self.get_response):
            return self.__acall__(request)
        return self.get_response(request)

    async def __acall__(self, request):
        return await self.get_response(request)

class Native:
    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        self.waits = iscoroutinefunction(get_response)
        if self.waits:
            markcoroutinefunction(self)

    def __call__(self, request):
        return self.answer(request) if self.waits else self.get_response(request)

    async def answer(self, request):
        return await self.get_response(request)

class NoSuper(MiddlewareMixin):
    def __init__(self, get_response):
        self.get_response = get_response
        self.async_mode = False

class WithSuper(MiddlewareMixin):
    def __init__(self, get_response):
        super().__init__(get_response)

class User(RemoteUserMiddleware):
    header = "HTTP_X_USER"

class Unused:
    def __init__(self, get_response):
        raise MiddlewareNotUsed

def plain_function(get_response):
    return lambda request: get_response(request)

@sync_and_async_middleware
def dual_function(get_response):
    if iscoroutinefunction(get_response):
        async def middleware(request):
            return await get_response(request)
        return middleware
    return lambda request: get_response(request)

@async_only_middleware
def async_function(get_response):
    async def middleware(request):
        return await get_response(request)
    return middleware
"""
NAMES = (
    *("Plain", "OwnCall", "CallsSuper", "OwnDual", "Native", "NoSuper", "WithSuper", "User", "Unused"),
    *("plain_function", "dual_function", "async_function"),
)
VIEWS = """
import functools
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from hybrid import lane
from rest_framework.decorators import api_view

def careless(view):
    def around(request, *args, **kwargs):
        return view(request, *args, **kwargs)
    return around

def careful(view):
    @functools.wraps(view)
    def around(request, *args, **kwargs):
        return view(request, *args, **kwargs)
    return around

def plain(request):
    return HttpResponse("plain")

async def on_loop(request):
    return HttpResponse("on_loop")

@careless
async def hidden(request):
    return HttpResponse("hidden")

@csrf_exempt
@careful
@require_POST
def decorated(request):
    return HttpResponse("decorated")

@transaction.non_atomic_requests
@login_required
async def not_atomic(request):
    return HttpResponse("not_atomic")

@lane("asgi")
def moved(request):
    return HttpResponse("moved")

def with_argument(request, color):
    return HttpResponse(color)

def helper():
    return StreamingHttpResponse(iter([b"x"]))

def streams(request):
    return helper()

class Sync(View):
    def get(self, request):
        return FileResponse(open(__file__, "rb"))

    def post(self, request):
        return HttpResponse()

class Async(View):
    async def get(self, request):
        return HttpResponse()

@method_decorator(csrf_exempt, name="dispatch")
class Exempt(View):
    def get(self, request):
        return HttpResponse()

@api_view(["GET", "POST"])
def api(request):
    return HttpResponse()

class Callable:
    def __call__(self, request):
        return HttpResponse()

class Holder:
    def method(self, request):
        return HttpResponse()

def made(colors):
    def view(request):
        return HttpResponse(colors())
    return view
"""
URLS = """
import functools
from django.urls import include, path, re_path
from shop import views

inner = [path("<int:pk>/", views.plain, name="deep"), re_path(r"^x/$", views.plain, name="regular")]
urlpatterns = [
    path("plain", views.plain, name="plain"),
    path("on_loop", views.on_loop, name="on_loop"),
    path("hidden", views.hidden, name="hidden"),
    path("decorated", views.decorated, name="decorated"),
    path("not_atomic", views.not_atomic, name="not_atomic"),
    path("moved", views.moved, name="moved"),
    path("partial", functools.partial(views.with_argument, color="red"), name="partial"),
    path("streams", views.streams, name="streams"),
    path("sync", views.Sync.as_view(), name="sync"),
    path("async", views.Async.as_view(), name="async"),
    path("exempt", views.careful(views.Exempt.as_view()), name="exempt"),
    path("api", views.api, name="api"),
    path("object", views.Callable(), name="object"),
    path("method", views.Holder().method, name="method"),
    path("made", views.made(dict), name="made"),
    path("inner/", include((inner, "inner"))),
    path("outer/", include(([path("inner/", include((inner, "inner")))], "outer"), namespace="far")),
]
"""
ROUTING = """
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

class Chat(AsyncWebsocketConsumer):
    pass

class Slow(WebsocketConsumer):
    pass

async def bare(scope, receive, send):
    pass

class Outer:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)

application = Outer(ProtocolTypeRouter({
    "http": Outer(get_asgi_application()),
    "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([
        path("chat/<str:room>/", Chat.as_asgi()),
        path("slow/", Outer(Slow.as_asgi())),
        path("deep/", URLRouter([re_path(r"^x/$", Chat.as_asgi())])),
        path("bare/", bare),
    ]))),
}))
"""
WSGI = """
import functools
from django.core.wsgi import get_wsgi_application

class Prefix:
    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        return self.application(environ, start_response)

def logged(app):
    def around(environ, start_response):
        return app(environ, start_response)
    return around

application = logged(Prefix(get_wsgi_application()))
"""
APPS = """
from django.apps import AppConfig
from django.core.signals import request_finished, request_started

def needs(sender, environ, **kwargs):
    pass

def needs_not(sender, environ=None, **kwargs):
    pass

async def on_loop(sender, **kwargs):
    pass

class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        request_started.connect(needs)
        request_started.connect(needs_not)
        request_finished.connect(on_loop)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the project's folder."""
    middleware = [f"shop.middleware.{name}" for name in NAMES]
    more = f"""
INSTALLED_APPS = ["shop", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = {middleware!r}
ASGI_APPLICATION = "shop.routing.application"
DATABASES["default"]["ATOMIC_REQUESTS"] = True
"""
    files = {
        "+shop/settings.py": more,
        "shop/middleware.py": MIDDLEWARE,
        "shop/views.py": VIEWS,
        "shop/urls.py": URLS,
        "shop/routing.py": ROUTING,
        "shop/wsgi.py": WSGI,
        "shop/apps.py": APPS,
    }
    return write_project(tmp_path_factory.mktemp("project"), files)


@pytest.fixture(scope="module")
def facts(folder: Path) -> Facts:
    """Give the facts, of which none is missing."""
    for name in ("channels", "rest_framework"):
        require_module(name)
    found = import_project("shop.settings", directory=folder)
    assert not found.failures, found.failures
    return found


@pytest.fixture(scope="module")
def middleware(facts: Facts) -> Mapping[str, MiddlewareFact]:
    """Give the middleware by its names."""
    return {each.path.rpartition(".")[2]: each for each in facts.middleware}


@pytest.fixture(scope="module")
def routes(facts: Facts) -> Mapping[str, RouteFact]:
    """Give the routes by their names."""
    return {each.name: each for each in facts.routes}


def test_every_middleware_is_there_in_its_order(facts: Facts) -> None:
    """As in the settings."""
    assert tuple(each.path.rpartition(".")[2] for each in facts.middleware) == NAMES


@pytest.mark.parametrize(
    ("name", "dual", "becomes_async"),
    [
        ("Plain", True, True),
        ("OwnCall", False, True),
        ("CallsSuper", False, True),
        ("OwnDual", True, True),
        ("Native", True, True),
        ("NoSuper", False, False),
        ("WithSuper", True, True),
        ("plain_function", False, False),
        ("dual_function", True, True),
        ("async_function", False, True),
    ],
)
def test_what_middleware_becomes(
    middleware: Mapping[str, MiddlewareFact], name: str, *, dual: bool, becomes_async: bool
) -> None:
    """It is dual where it looks at what it is given; what Django takes for asynchronous is another matter."""
    assert (middleware[name].dual, middleware[name].becomes_async) == (dual, becomes_async)


def test_calls_of_middleware(middleware: Mapping[str, MiddlewareFact], folder: Path) -> None:
    """Where it has a call of its own, and whether that, and its initialisation, go on to its base."""
    own = {name for name, each in middleware.items() if each.own_call is not None and each.is_mixin}
    assert own == {"OwnCall", "CallsSuper", "OwnDual"}
    call = middleware["OwnCall"].own_call
    assert call is not None
    assert call.file == str(folder / "shop/middleware.py")
    assert call.line == line_of(folder / "shop/middleware.py", "class OwnCall") + 1
    assert {name for name, each in middleware.items() if not each.calls_super_init} == {"NoSuper"}
    assert middleware["CallsSuper"].calls_super_call
    assert not middleware["OwnCall"].calls_super_call


def test_what_else_middleware_says(middleware: Mapping[str, MiddlewareFact], folder: Path) -> None:
    """Its kind, its hooks, which header it believes, whether it is used, and what it does to a URLconf."""
    plain = middleware["Plain"]
    assert (plain.kind, plain.hooks, plain.sets_urlconf) == ("class", {"process_request": False}, True)
    assert plain.bases == ("shop.middleware.Plain", "django.utils.deprecation.MiddlewareMixin")
    assert plain.where.line == line_of(folder / "shop/middleware.py", "class Plain")
    assert middleware["dual_function"].kind == "function"
    assert middleware["User"].header == "HTTP_X_USER"
    assert {name for name, each in middleware.items() if not each.used} == {"Unused"}
    assert {name for name, each in middleware.items() if each.sets_urlconf} == {"Plain"}
    assert (middleware["async_function"].sync_capable, middleware["async_function"].async_capable) == (
        False,
        True,
    )
    assert {each.distribution for each in middleware.values()} == {""}


def test_patterns_and_names_of_includes(facts: Facts) -> None:
    """As ``resolver_match.route`` and ``reverse()`` have them."""
    found = [(each.pattern, each.name) for each in facts.routes if "inner" in each.pattern]
    assert found == [
        ("inner/<int:pk>/", "inner:deep"),
        ("inner/x/$", "inner:regular"),
        ("outer/inner/<int:pk>/", "far:inner:deep"),
        ("outer/inner/x/$", "far:inner:regular"),
    ]


@pytest.mark.parametrize(
    ("name", "view", "kind", "lane"),
    [
        ("plain", "plain", "function", "wsgi; sync-view"),
        ("on_loop", "on_loop", "function", "asgi; async-view"),
        ("hidden", "hidden", "function", "wsgi; sync-view"),
        ("decorated", "decorated", "function", "wsgi; sync-view"),
        ("not_atomic", "not_atomic", "function", "asgi; async-view"),
        ("moved", "moved", "function", "asgi; decorator"),
        ("partial", "with_argument", "function", "wsgi; sync-view"),
        ("sync", "Sync", "class", "wsgi; sync-view"),
        ("async", "Async", "class", "asgi; async-view"),
        ("exempt", "Exempt", "class", "wsgi; sync-view"),
        ("api", "api", "function", "wsgi; sync-view"),
        ("object", "Callable", "other", "wsgi; sync-view"),
        ("method", "Holder.method", "function", "wsgi; sync-view"),
        ("made", "made.<locals>.view", "function", "wsgi; sync-view"),
    ],
)
def test_views(
    routes: Mapping[str, RouteFact], folder: Path, *, name: str, view: str, kind: str, lane: str
) -> None:
    """What is underneath the decorators, where that is, its kind, and the lane that hybrid has for it."""
    route = routes[name]
    assert (route.view, route.kind, route.lane) == (f"shop.views.{view}", kind, lane)
    last = view.rpartition(".")[2]
    views = folder / "shop/views.py"
    texts = {"class": f"class {last}", "other": f"class {last}"}
    expected = line_of(views, texts.get(kind, f"def {last}("))
    assert (route.where.file, route.where.line) == (str(views), expected)


def test_decorators(routes: Mapping[str, RouteFact]) -> None:
    """They are named from the outside, with ``functools.wraps`` or without; what they hide is found."""
    csrf, http = (
        "django.views.decorators.csrf.csrf_exempt",
        "django.views.decorators.http.require_http_methods",
    )
    assert routes["decorated"].decorators == (csrf, "shop.views.careful", http)
    assert routes["hidden"].decorators == ("shop.views.careless",)
    assert (routes["hidden"].is_async, routes["hidden"].inner_is_async) == (False, True)
    assert routes["exempt"].decorators == ("shop.views.careful",)
    assert routes["partial"].decorators == ("functools.partial",)
    assert routes["plain"].decorators == ()


def test_methods_of_views(routes: Mapping[str, RouteFact]) -> None:
    """Those of a class, with what each is, and those that ``require_http_methods`` lets through."""
    assert routes["sync"].handlers == {"get": False, "post": False}
    assert routes["sync"].methods == ("GET", "POST", "OPTIONS")
    assert routes["async"].handlers == {"get": True}
    assert routes["decorated"].methods == ("POST",)
    assert routes["plain"].methods == ()
    assert routes["api"].handlers == {"get": False, "post": False}
    assert "rest_framework.views.APIView" in routes["api"].bases
    assert routes["api"].decorators[-1] == "rest_framework.decorators.api_view"


def test_csrf_transactions_and_streams(routes: Mapping[str, RouteFact]) -> None:
    """What is exempt, what has no transaction, and which response streams, one function further too."""
    assert {name for name, each in routes.items() if each.csrf_exempt} == {"api", "decorated", "exempt"}
    assert {name: each.non_atomic for name, each in routes.items() if each.non_atomic} == {
        "not_atomic": ("default",)
    }
    assert {name: each.streaming for name, each in routes.items() if each.streaming} == {
        "streams": "StreamingHttpResponse",
        "sync": "FileResponse",
    }


def test_receivers(facts: Facts) -> None:
    """Which need ``environ``, which are asynchronous, and whose they are."""
    own = [
        (each.signal, each.receiver, each.needs_environ, each.is_async)
        for each in facts.receivers
        if not each.distribution
    ]
    assert own == [
        ("request_started", "shop.apps.needs", True, False),
        ("request_started", "shop.apps.needs_not", False, False),
        ("request_finished", "shop.apps.on_loop", False, True),
    ]
    assert {each.distribution for each in facts.receivers} == {"", "Django"}


def test_applications(facts: Facts, folder: Path) -> None:
    """What is around Django's handlers, classes and functions, through the router of protocols too."""
    assert facts.wsgi.path == "shop.wsgi.application"
    assert facts.wsgi.around == ("shop.wsgi.logged.around", "shop.wsgi.Prefix")
    assert facts.wsgi.handler == "django.core.handlers.wsgi.WSGIHandler"
    assert facts.wsgi.where.line == line_of(folder / "shop/wsgi.py", "application = logged")
    router = "channels.routing.ProtocolTypeRouter"
    assert facts.asgi.around == ("shop.routing.Outer", router, "shop.routing.Outer")
    assert facts.asgi.handler == "django.core.handlers.asgi.ASGIHandler"
    assert facts.asgi.protocols == ("http", "websocket")


def test_socket_routes(facts: Facts) -> None:
    """Every route, nested ones too, with what is around it and the kind of its consumer."""
    found = [(each.pattern, each.consumer, each.kind) for each in facts.socket_routes]
    assert found == [
        ("chat/<str:room>/", "shop.routing.Chat", "async"),
        ("slow/", "shop.routing.Slow", "sync"),
        ("deep/x/$", "shop.routing.Chat", "async"),
        ("bare/", "shop.routing.bare", "application"),
    ]
    stack = [each.rpartition(".")[2] for each in facts.socket_routes[0].around]
    assert stack[0] == "OriginValidator"
    assert stack[-1] == "AuthMiddleware"
    assert facts.socket_routes[1].around[-1] == "shop.routing.Outer"
    assert facts.socket_routes[0].bases[1] == "channels.generic.websocket.AsyncWebsocketConsumer"
