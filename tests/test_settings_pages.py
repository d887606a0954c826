"""The documents about settings: current, complete, and with examples that work."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import uvicorn

from hybrid.bridge.targets import TargetSpec
from hybrid.server.config import Config
from hybrid.server.config.settings import settings_of
from hybrid.server.sources.gather import gather
from tests.support.process import ROOT
from tests.support.settings_pages import PAGES, counterpart, rendered
from tests.support.uvicorn_options import OPTIONS, Peer

CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
UVICORN = (ROOT / "docs" / "coming-from-uvicorn.md").read_text(encoding="utf-8")
#: What uvicorn's `Config` takes has an option there, but for these, or is called otherwise.
NOT_OPTIONS = {"self", "app", "reload_dirs", "reload_includes", "reload_excludes"}


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_are_current(page: str) -> None:
    """Whoever changes a setting runs `make settings`."""
    assert (ROOT / page).read_text(encoding="utf-8") == rendered(page), "run `make settings`"


def test_every_setting_is_on_the_page() -> None:
    """Those that only a program can give too."""
    for name in settings_of(Config):
        assert f"\n| `{name}` |" in CONFIGURATION


def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    """The hybrid.toml in the documentation can be used as it stands."""
    (example,) = re.findall(r"^```toml\n(.*?)^```$", CONFIGURATION, re.DOTALL | re.MULTILINE)
    (tmp_path / "hybrid.toml").write_text(example)
    config = gather({}, environ={}, directory=tmp_path).config()
    assert config.port == 9000
    assert config.pool_sizes == {"slow": (2, 10)}
    assert [str(each) for each in config.targets or ()] == [
        *("shop.wsgi:app", "shop.live:app", "/reports=shop.reports:app@slow", "api.main:create_app")
    ]
    last = (config.targets or ())[-1]
    assert isinstance(last, TargetSpec)
    assert (last.host, last.protocols, last.factory) == ("api.example.org", ("http",), True)


# Coming from uvicorn


def uvicorn_options() -> Iterator[str]:
    """List what uvicorn's command takes."""
    command = importlib.import_module("uvicorn.main").main
    for parameter in command.params:
        yield parameter.opts[0] if isinstance(parameter, click.Option) else parameter.name.upper()


def test_every_option_of_uvicorn_is_in_the_table() -> None:
    """A newer uvicorn may have one more, about which something has to be said."""
    listed = [peer.option for peer in OPTIONS]
    assert len(listed) == len(set(listed))
    assert set(uvicorn_options()) == {each for each in listed if each.startswith("--") or each.isupper()}


def test_every_setting_of_uvicorn_is_in_the_table() -> None:
    """`uvicorn.Config` has some that are no options there."""
    names = set(inspect.signature(uvicorn.Config.__init__).parameters) - NOT_OPTIONS
    listed = {peer.option for peer in OPTIONS}
    assert {each for each in names if f"--{each.replace('_', '-')}" not in listed} == {
        peer.option for peer in OPTIONS if not peer.option.startswith("--") and peer.option != "APP"
    }


@pytest.mark.parametrize("peer", OPTIONS, ids=lambda peer: peer.option)
def test_each_row_leads_to_a_setting_or_says_why_not(peer: Peer) -> None:
    """What is named as ours exists; where nothing is named, the remark has the reason."""
    (row,) = [line for line in UVICORN.splitlines() if line.startswith(f"| `{peer.option}` |")]
    ours, remark = (cell.strip(" `") for cell in row.split("|")[2:4])
    if name := counterpart(peer):
        assert ours in {settings_of(Config)[name][0].flag_of(name), f"Config.{name}"}
    else:
        assert remark or ours in {"TARGET...", "hybrid --version"}
