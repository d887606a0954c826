"""Which routes lead to what."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.findings import Level
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact, ReceiverFact, RouteFact
from hybrid.adapters.django.migrate.reach import told_of_routes
from tests.support.sources import finding, write_sources

FILES = {
    "shop/urls.py": "urlpatterns = []\n",
    "shop/views.py": """
        from shop import services
        from shop.services import Mailer, audited
        from shop.helpers import reexported

        @audited
        def cart(request):
            services.total()
            Mailer().send()
            reexported()

        class Base:
            def get(self, request):
                return self.render()

        class Page(Base):
            def render(self):
                mailer = Mailer()
                return mailer.receive()

        def _retry(function):
            return function

        def nobody():
            services.forgotten()
        """,
    "shop/helpers/__init__.py": "from shop.helpers.inner import reexported\n",
    "shop/helpers/inner.py": "def reexported():\n    pass\n",
    "shop/services.py": """
        def total():
            def inner():
                return one()
            return inner()

        def one(): ...

        def audited(view):
            def wrapper(request):
                log()
                return view(request)
            return wrapper

        def log(): ...

        def forgotten(): ...

        def by_name_alone(): ...

        def user(something):
            something.by_name_alone()

        class Mailer:
            def send(self):
                self.connect()

            def receive(self): ...

            def connect(self): ...
        """,
    "shop/management/commands/clean.py": """
        class Command:
            def handle(self): ...
        """,
    "shop/middleware.py": """
        from shop.services import user

        class Timing:
            def __call__(self, request):
                user(request)
        """,
    "shop/receivers.py": "def noted(sender): ...\n",
    "shop/apps.py": """
        from django.apps import AppConfig

        class ShopConfig(AppConfig):
            def ready(self):
                self.patch()

            def patch(self): ...
        """,
}
ROUTES = (
    RouteFact("cart/", "shop:cart", "shop.views.cart", decorators=("shop.services.audited",)),
    RouteFact("page/", "", "shop.views.Page", kind="class", bases=("shop.views.Page", "shop.views.Base")),
)
FACTS = Facts(
    routes=ROUTES,
    middleware=(MiddlewareFact("shop.middleware.Timing"),),
    receivers=(ReceiverFact("request_started", "shop.receivers.noted"),),
)


@pytest.mark.parametrize(
    ("symbol", "routes"),
    [
        ("shop.views.cart", ("shop:cart",)),
        ("shop.services.total", ("shop:cart",)),
        ("shop.services.total.inner", ("shop:cart",)),
        ("shop.services.one", ("shop:cart",)),
        ("shop.services.log", ("shop:cart",)),
        ("shop.services.Mailer.send", ("shop:cart",)),
        ("shop.services.Mailer.connect", ("shop:cart",)),
        ("shop.helpers.inner.reexported", ("shop:cart",)),
        ("shop.views.Base.get", ("page/",)),
        ("shop.views.Page.render", ("page/",)),
        ("shop.services.Mailer.receive", ("page/",)),
        ("shop.views.Page", ("page/",)),
        ("shop.middleware.Timing.__call__", ("*",)),
        ("shop.middleware.Timing", ("*",)),
        ("shop.services.user", ("*",)),
        ("shop.receivers.noted", ("*",)),
    ],
)
def test_reached(tmp_path: Path, symbol: str, routes: tuple[str, ...]) -> None:
    """Through functions, methods, decorators, other modules' imports, and what objects are made of."""
    (told,) = told_of_routes([finding(symbol=symbol)], FACTS, write_sources(tmp_path, FILES))
    assert (told.routes, told.reachable, told.level) == (routes, True, Level.ERROR)


def test_views_of_a_package_that_is_read(tmp_path: Path) -> None:
    """A package that ``--src`` names has its routes, wherever it is installed."""
    facts = Facts(routes=(RouteFact("cart/", "shop:cart", "shop.views.cart", distribution="shop"),))
    (told,) = told_of_routes([finding(symbol="shop.views.cart")], facts, write_sources(tmp_path, FILES))
    assert told.routes == ("shop:cart",)


@pytest.mark.parametrize(
    "symbol",
    ["shop.views.nobody", "shop.services.forgotten", "shop.management.commands.clean.Command.handle"],
)
def test_out_of_reach(tmp_path: Path, symbol: str) -> None:
    """What nothing names, or a command alone, is a note that stays in the report."""
    (told,) = told_of_routes([finding(symbol=symbol)], FACTS, write_sources(tmp_path, FILES))
    assert (told.routes, told.reachable, told.level) == ((), False, Level.NOTE)


@pytest.mark.parametrize(
    "symbol",
    [
        "shop.services.by_name_alone",
        "shop.urls",
        "",
        "shop.apps.ShopConfig.ready",
        "shop.apps.ShopConfig.patch",
    ],
)
def test_not_known(tmp_path: Path, symbol: str) -> None:
    """What may be meant by a name somewhere, what Django runs unnamed, or no function, is left as it is."""
    made = finding(symbol=symbol)
    (told,) = told_of_routes([made], FACTS, write_sources(tmp_path, FILES))
    assert (told.routes, told.reachable, told.level) == ((), None, Level.ERROR)


def test_without_routes(tmp_path: Path) -> None:
    """Where the routes are not known nothing is out of reach."""
    made = finding(symbol="shop.views.nobody")
    assert told_of_routes([made], Facts(), write_sources(tmp_path, FILES)) == [made]


@pytest.mark.parametrize(
    ("symbol", "level"),
    [("shop.services.total", Level.ERROR), ("shop.services.by_name_alone", Level.WARNING)],
)
def test_what_matters_in_views_alone(tmp_path: Path, symbol: str, level: Level) -> None:
    """A signal's handler is as bad as can be where a route surely sets it."""
    made = finding("HM111", symbol=symbol, level=Level.WARNING)
    (told,) = told_of_routes([made], FACTS, write_sources(tmp_path, FILES))
    assert told.level is level
