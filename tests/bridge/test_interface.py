import functools
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.validate import validator

import flask
import pytest
from werkzeug.wrappers import Request, Response

from hybrid.bridge.errors import HybridError, InterfaceError
from hybrid.bridge.interface import Interface, detect, name_of
from hybrid.bridge.routing import ProtocolTypeRouter
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.bridge.wsgi.adapter import WSGIToASGI


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """Do nothing, as ASGI 3."""


def asgi_by_hand(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    """Return something to await without being a coroutine function."""
    return asgi(scope, receive, send)


def asgi2(scope: Scope) -> Callable[[Receive, Send], Awaitable[None]]:
    """Do nothing, as ASGI 2."""
    return functools.partial(asgi, scope)


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Do nothing, as WSGI."""
    return []


def wsgi_with_more(environ: WSGIEnvironment, start_response: StartResponse, extra: Any = None) -> list[bytes]:
    """Do nothing, as WSGI with something optional."""
    return []


def wsgi_generator(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Do nothing, as a WSGI generator."""
    yield b""


def with_configuration(config: Any, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Do nothing, as WSGI once the first argument is bound."""
    return []


class AsyncObject:
    """What Starlette, FastAPI and Channels applications look like; the methods are ones to mount as well."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do nothing."""

    def wsgi_method(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """Do nothing."""
        return []

    @staticmethod
    async def asgi_static_method(scope: Scope, receive: Receive, send: Send) -> None:
        """Do nothing."""


class SyncObject:
    """An ASGI application whose call is not marked as async."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Return something to await."""
        return asgi(scope, receive, send)


class WSGIObject:
    """A WSGI application with state."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """Do nothing."""
        return []


class WSGIClass:
    """PEP 3333's class that is an application: its instances are the response."""

    def __init__(self, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        """Start the response."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


class ASGI2Class:
    """An ASGI 2 application as a class, as Channels 2 had them."""

    def __init__(self, scope: Scope) -> None:
        """Keep the scope."""

    async def __call__(self, receive: Receive, send: Send) -> None:
        """Do nothing."""


class ASGI3Class:
    """A class whose instances are awaited, as Starlette's HTTPEndpoint."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep them."""

    def __await__(self) -> Generator[Any, None, None]:
        yield


class Middleware:
    """A class that must be given an application first."""

    def __init__(self, app: Any) -> None:
        """Keep it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do nothing."""


def transparent(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate as most decorators do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def translating(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate with another interface than that of what is wrapped."""

    @functools.wraps(function)
    def wrapper(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        return []

    return wrapper


async def async_opaque(*args: Any) -> None:
    """Hide the parameters; that it is async tells enough."""


def marked_single(*args: Any) -> Any:
    """Hide the parameters behind asgiref's mark."""


def marked_double(*args: Any) -> Any:
    """Hide the parameters behind asgiref's mark."""


marked_single._asgi_single_callable = True  # type: ignore[attr-defined]
marked_double._asgi_double_callable = True  # type: ignore[attr-defined]


@Request.application
def werkzeug_responder(request: Request) -> Response:
    """Answer, as Werkzeug's smallest form of an application."""
    return Response()


@pytest.mark.parametrize(
    ("app", "interface"),
    [
        (asgi, Interface.ASGI3),
        (asgi_by_hand, Interface.ASGI3),
        (async_opaque, Interface.ASGI3),
        (AsyncObject(), Interface.ASGI3),
        (AsyncObject.asgi_static_method, Interface.ASGI3),
        (SyncObject(), Interface.ASGI3),
        (ASGI3Class, Interface.ASGI3),
        (Middleware(asgi), Interface.ASGI3),
        (functools.partial(asgi), Interface.ASGI3),
        (functools.partial(AsyncObject()), Interface.ASGI3),
        (transparent(asgi), Interface.ASGI3),
        (marked_single, Interface.ASGI3),
        (ProtocolTypeRouter({}), Interface.ASGI3),
        (WSGIToASGI(wsgi), Interface.ASGI3),
        (asgi2, Interface.ASGI2),
        (ASGI2Class, Interface.ASGI2),
        (transparent(asgi2), Interface.ASGI2),
        (marked_double, Interface.ASGI2),
        (wsgi, Interface.WSGI),
        (wsgi_with_more, Interface.WSGI),
        (wsgi_generator, Interface.WSGI),
        (WSGIObject(), Interface.WSGI),
        (WSGIClass, Interface.WSGI),
        (AsyncObject().wsgi_method, Interface.WSGI),
        (functools.partial(with_configuration, {}), Interface.WSGI),
        (functools.partial(functools.partial(with_configuration), {}), Interface.WSGI),
        (transparent(transparent(wsgi)), Interface.WSGI),
        (translating(asgi), Interface.WSGI),
        (validator(wsgi), Interface.WSGI),
        (werkzeug_responder, Interface.WSGI),
        (flask.Flask("demo"), Interface.WSGI),
        (flask.Flask("demo").wsgi_app, Interface.WSGI),
    ],
    ids=lambda value: name_of(value) if callable(value) else value.value,
)
def test_what_an_application_can_be_called_with_tells(app: object, interface: Interface) -> None:
    """Each kind of application that is in use is recognised."""
    assert detect(app) is interface


def test_django_applications_of_both_kinds_are_recognised() -> None:
    """`get_wsgi_application()` is WSGI and `get_asgi_application()` is ASGI 3."""
    program = (
        "import django.conf; django.conf.settings.configure()\n"
        "from django.core.asgi import get_asgi_application\n"
        "from django.core.wsgi import get_wsgi_application\n"
        "from hybrid.bridge.interface import detect\n"
        "print(detect(get_wsgi_application()).value, detect(get_asgi_application()).value)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "wsgi asgi3\n"


async def async_of_two(environ: WSGIEnvironment, start_response: StartResponse) -> None:
    """Mix WSGI's parameters with ASGI's way of calling."""


async def async_generator(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
    """Mix WSGI's parameters with ASGI's way of calling."""
    yield b""


def opaque(*args: Any, **kwargs: Any) -> Any:
    """Tell nothing."""


def half_opaque(environ: WSGIEnvironment, *rest: Any) -> Any:
    """Tell too little."""


def factory() -> Callable[..., Any]:
    """Make an application."""
    return wsgi


def factory_with_settings(settings: Any) -> Callable[..., Any]:
    """Make an application; one parameter, but no scope."""
    return wsgi


def needs_a_keyword(environ: WSGIEnvironment, start_response: StartResponse, *, debug: bool) -> list[bytes]:
    """Want what no server gives."""
    return []


class Pair:
    """A class with two parameters whose instances are no response."""

    def __init__(self, left: int, right: int) -> None:
        """Keep them."""


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (None, "None cannot be called"),
        (5, "an object of type builtins.int cannot be called"),
        (opaque, "opaque is a callable that takes (*args, **kwargs); expected"),
        (half_opaque, "takes (environ, *rest)"),
        (async_of_two, "async_of_two is an async callable that takes (environ, start_response)"),
        (async_generator, "async_generator is an async callable"),
        (factory, "factory is a callable that takes (); expected"),
        (factory, "perhaps what it returns is meant"),
        (factory_with_settings, "takes (settings)"),
        (needs_a_keyword, "takes (environ, start_response, *, debug)"),
        (Pair, "Pair is a class that takes (left, right)"),
        (Middleware, "Middleware is a class that takes (app)"),
        (AsyncObject, "perhaps an instance of it is meant"),
        (max, "does not tell its parameters"),
    ],
)
def test_what_is_no_application_is_refused_in_one_line_that_says_what_it_is(app: object, said: str) -> None:
    """The error names the object, what it takes and what was expected."""
    with pytest.raises(InterfaceError) as caught:
        detect(app)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, HybridError)


def test_the_refusal_says_what_was_expected() -> None:
    """Both calling conventions are spelt out, so that nobody has to look them up."""
    expected = r"expected \(environ, start_response\) for WSGI or \(scope, receive, send\) for ASGI"
    with pytest.raises(InterfaceError, match=expected):
        detect(opaque)


def test_a_proxy_that_makes_up_attributes_is_judged_by_its_parameters() -> None:
    """The marks of asgiref count only when they are True."""

    class Proxy:
        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return object()

        def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
            return []

    assert detect(Proxy()) is Interface.WSGI


@pytest.mark.parametrize(
    ("app", "name"),
    [
        (asgi, "asgi"),
        (WSGIClass, "WSGIClass"),
        (WSGIObject(), "WSGIObject"),
        (AsyncObject().wsgi_method, "AsyncObject.wsgi_method"),
        (functools.partial(functools.partial(asgi)), "asgi"),
    ],
)
def test_an_application_is_called_by_its_own_name_or_its_class(app: object, name: str) -> None:
    """Messages name the module and the qualified name."""
    assert name_of(app) == f"{__name__}.{name}"
