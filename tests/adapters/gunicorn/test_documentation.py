"""`docs/gunicorn.md` keeps up with gunicorn, and with what the code says."""

import re

import pytest
from gunicorn.config import KNOWN_SETTINGS

from hybrid.adapters.gunicorn.settings import MAPPED
from hybrid.adapters.gunicorn.unsupported import REASONS
from hybrid.adapters.gunicorn.versions import HTTP2
from tests.support.process import ROOT

_ROW = re.compile(r"^\| (?P<names>`[^|]*`) \| (?P<effect>[^|]*) \|$", re.MULTILINE)


def table() -> list[tuple[str, str]]:
    """Give the settings of the table with what it says of them."""
    text = (ROOT / "docs" / "gunicorn.md").read_text(encoding="utf-8").partition("## Every setting")[2]
    rows = [match.groupdict() for match in _ROW.finditer(text)]
    return [(name, row["effect"]) for row in rows for name in re.findall(r"`(\w+)`", row["names"])]


def test_every_setting_of_gunicorn_is_there_once() -> None:
    """The table has a row for each, and for nothing else."""
    assert sorted(name for name, _ in table()) == sorted(each.name for each in KNOWN_SETTINGS)


@pytest.mark.parametrize("name", sorted(REASONS))
def test_what_has_no_effect_is_said_to_have_none(name: str) -> None:
    """The table agrees with the log."""
    assert dict(table())[name].startswith("no effect")


def test_what_means_a_setting_of_ours_has_an_effect() -> None:
    """The table agrees with the mapping."""
    effects = dict(table())
    assert not [name for name in (*MAPPED, *HTTP2) if effects[name].startswith("no effect")]
