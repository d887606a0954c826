"""What a project defines, under which names."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.source.sources import Sources
from tests.support.sources import write_sources

FILES = {
    "shop/__init__.py": "from shop.views import cart as basket\n",
    "shop/base.py": """
        from django.views import View

        class Base(View):
            def get(self): ...

            def post(self): ...
        """,
    "shop/views.py": """
        from shop.base import Base
        from unknown import *

        def cart():
            def inner(): ...

        class Page(Base):
            def get(self): ...

            class Inner:
                def run(self): ...

        class Odd(missing): ...

        class Loop(Loop): ...
        """,
    "shop/circle.py": "from shop.circle import again\n",
}


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """Write the project and read it."""
    return write_sources(tmp_path, FILES)


@pytest.mark.parametrize(
    ("dotted", "meaning"),
    [
        ("shop.views.cart", "shop.views.cart"),
        ("shop.basket", "shop.views.cart"),
        ("shop.views.Base", "shop.base.Base"),
        ("shop.views.Base.post", "shop.base.Base.post"),
        ("shop.base.View", "django.views.View"),
        ("shop.circle.again", "shop.circle.again"),
        ("json.dumps", "json.dumps"),
        ("", ""),
    ],
)
def test_resolve(sources: Sources, dotted: str, meaning: str) -> None:
    """Names are followed through the imports of modules, and end where they are defined, or in a circle."""
    assert sources.definitions.resolve(dotted) == meaning


@pytest.mark.parametrize(
    ("dotted", "symbol"),
    [
        ("shop.basket", "shop.views.cart"),
        ("shop.views.cart.inner", "shop.views.cart.inner"),
        ("shop.views.Page.get", "shop.views.Page.get"),
        ("shop.views.Page.post", "shop.base.Base.post"),
        ("shop.views.Page.Inner.run", "shop.views.Page.Inner.run"),
        ("shop.views.Page.put", None),
        ("shop.views", None),
    ],
)
def test_function(sources: Sources, dotted: str, symbol: str | None) -> None:
    """Functions, those in functions, and methods, which may be inherited."""
    found = sources.definitions.function(dotted)
    assert (found and found.symbol) == symbol


def test_bases(sources: Sources) -> None:
    """What a class is made of outside of the project; of an unknown base not even the name is known."""
    definitions = sources.definitions
    page, odd = definitions.classes["shop.views.Page"], definitions.classes["shop.views.Odd"]
    assert [each.symbol for each in definitions.line(page)] == ["shop.views.Page", "shop.base.Base"]
    assert definitions.foreign_bases(page) == {"django.views.View"}
    assert definitions.foreign_bases(odd) == {""}
    loop = definitions.classes["shop.views.Loop"]
    assert [each.symbol for each in definitions.line(loop)] == ["shop.views.Loop"]


def test_places(sources: Sources) -> None:
    """What importing says of a file and a line is the definition that begins there."""
    views = sources.module("shop.views")
    assert views is not None
    place = sources.place(str(views.path), 7, "shop.views.aliased")
    assert (place.file, place.line, place.symbol) == ("shop/views.py", 7, "shop.views.aliased")
    place = sources.place(str(views.path), 8, "x")
    assert (place.symbol, place.end_line) == ("shop.views.Page", 12)
    assert sources.place("/elsewhere/a.py", 3, "a.b").file == "/elsewhere/a.py"
    assert sources.place("", 0, "a.b").file == ""
