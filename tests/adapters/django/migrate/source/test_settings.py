"""Where settings are set, and what their lists name."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.source.settings import entries_of, place_of_entry, place_of_setting
from tests.support.sources import write_sources

BASE = """\
    DATABASES = {
        "default": {
            "ENGINE": "a",
        },
    }
    MIDDLEWARE = ["a.A"]
    """
LIVE = """\
    from shop.base import *
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    MIDDLEWARE += ["b.B"]
    MIDDLEWARE.insert(0, "c.C")
    CACHES: dict = {"default": {}}
    if True:
        NAME = 3
    def f():
        OTHER = 3
    """


@pytest.mark.parametrize(
    ("path", "file", "line"),
    [
        (("DATABASES", "default", "CONN_MAX_AGE"), "shop/live.py", 2),
        (("DATABASES", "default", "ENGINE"), "shop/base.py", 3),
        (("DATABASES", "default", "PORT"), "shop/base.py", 2),
        (("DATABASES", "other"), "shop/base.py", 1),
        (("CACHES", "default"), "shop/live.py", 5),
        (("NAME",), "shop/live.py", 7),
        (("OTHER",), "", 0),
        (("MISSING",), "", 0),
    ],
)
def test_places(tmp_path: Path, path: tuple[str, ...], file: str, line: int) -> None:
    """The key, or as much of the way to it as is written; through stars, the last module first."""
    sources = write_sources(tmp_path, {"shop/base.py": BASE, "shop/live.py": LIVE})
    found = place_of_setting(sources, "shop.live", *path)
    assert (found.file, found.line, found.symbol) == (file, line, path[0])


def test_entries(tmp_path: Path) -> None:
    """What is put into a list, by assignment and by method."""
    sources = write_sources(tmp_path, {"shop/base.py": BASE, "shop/live.py": LIVE})
    live = sources.module("shop.live")
    assert live is not None
    assert [(each.text, each.place.line) for each in entries_of(live, "MIDDLEWARE")] == [
        ("b.B", 3),
        ("c.C", 4),
    ]


@pytest.mark.parametrize(
    ("text", "file", "line"),
    [("a.A", "shop/base.py", 6), ("b.B", "shop/live.py", 3), ("d.D", "shop/live.py", 3)],
)
def test_places_of_entries(tmp_path: Path, text: str, file: str, line: int) -> None:
    """The entry itself, or the list where the entry is made by code."""
    sources = write_sources(tmp_path, {"shop/base.py": BASE, "shop/live.py": LIVE})
    found = place_of_entry(sources, "shop.live", "MIDDLEWARE", text)
    assert (found.file, found.line) == (file, line)


def test_modules_that_import_each_other(tmp_path: Path) -> None:
    """Going in circles ends."""
    sources = write_sources(tmp_path, {"a.py": "from b import *\n", "b.py": "from a import *\n"})
    assert place_of_setting(sources, "a", "NAME").file == ""
