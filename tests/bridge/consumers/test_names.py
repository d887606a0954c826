"""Every public name of the installed Channels: it is where docs/consumers.md says, and is called alike."""

import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import require_module

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("names_of_channels.py")

NOT_HERE = "not here"

#: Names that the page promises and that are not there yet.
COMING: set[str] = set()

#: Members of classes that are here and have none of that name, each with the reason.
NO_MEMBER = {
    "compile_capacities": "a step of making a layer, which takes patterns as they are",
    "channel_name_regex": "the rule for names is the specification's, and no setting",
    "group_name_regex": "the same",
    "invalid_name_error": "the same",
    "match_type_and_length": "a step of the two checks of names",
    "valid_channel_names": "of Channels 1, and called by nobody",
    "valid_channel_name": "deprecated: require_valid_channel_name()",
    "valid_group_name": "deprecated: require_valid_group_name()",
    "MAX_NAME_LENGTH": "the rule for names is the specification's, and no setting",
    "input_queue": "an attribute of the instance",
    "output_queue": "the same",
    **dict.fromkeys(
        ("application_checker", "application_checker_interval", "application_exception", "application_send"),
        "a step of Channels' worker, which looks ten times a second at what has ended",
    ),
    **dict.fromkeys(
        (
            *("get_or_create_application_instance", "delete_application_instance"),
            "delete_oldest_application_instance",
        ),
        "a step of its worker",
    ),
    "ProtocolServerProcess": "a thread here, with the methods of the process there",
    "non_local_name": "of use to layers between processes only, which have it",
}
#: Parameters that differ, each with the reason.
OTHER_PARAMETER = {
    ("BaseChannelLayer.require_valid_channel_name", "receive"): "of the same rule for Channels' own layers",
    ("InMemoryChannelLayer.require_valid_channel_name", "receive"): "the same",
    ("BaseChannelLayer.__init__", "capacity"): "the order is that of the layer in memory, for all layers",
    ("BaseChannelLayer.__init__", "channel_capacity"): "the same",
    ("BaseChannelLayer.__init__", "kwargs"): "a mistyped option is an error",
    ("InMemoryChannelLayer.__init__", "kwargs"): "the same",
    ("InMemoryChannelLayer.new_channel", "prefix"): "Channels' default gives names with two dots in a row",
    ("BaseChannelLayer.new_channel", "prefix"): "the same default in all layers",
}

ROW = re.compile(r"\| `(channels[\w.]*)` \| (`[^|]*`) \| ([^|]*?) \|")


def promised() -> dict[str, str]:
    """Return what the page says of each name of Channels."""
    page = (ROOT / "docs" / "consumers.md").read_text()
    return {
        f"{row[1]}.{name}": row[3] for row in ROW.finditer(page) for name in re.findall(r"`(\w+)`", row[2])
    }


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """Ask the installed Channels."""
    for name in ("channels", "django"):
        require_module(name)
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    modules: dict[str, Any] = json.loads(done.stdout)
    return {f"{module}.{name}": facts for module, named in modules.items() for name, facts in named.items()}


def here() -> dict[str, Any]:
    """Import what the page says is here."""
    found: dict[str, Any] = {}
    for name, place in promised().items():
        module = re.match(r"`(hybrid[\w.]*)`", place)
        if module is not None and name not in COMING:
            found[name] = getattr(importlib.import_module(module[1]), name.rpartition(".")[2])
    return found


def test_every_name_is_accounted_for(names: dict[str, Any]) -> None:
    """The page has a word on each name of the installed version, and on no other."""
    assert set(promised()) == set(names)
    for place in promised().values():
        assert place.startswith((NOT_HERE, "`hybrid"))


def test_what_is_here_can_be_imported() -> None:
    """Each name is where the page says."""
    assert len(here()) >= 30


def same_kind(facts: dict[str, Any], own: Any) -> bool:
    """Whether a class is a class and a function something to be called."""
    if "members" in facts:
        return isinstance(own, type)
    return callable(own) if "parameters" in facts else not isinstance(own, type)


def complaints(name: str, theirs: list[tuple[str, str, str | None]], own: Any) -> list[str]:
    """Return in what a call that Channels takes would not do here."""
    signature = inspect.signature(own)
    ours = {key: each for key, each in signature.parameters.items() if key not in ("self", "cls")}
    positions = {key: number for number, key in enumerate(ours)}
    found: list[str] = []
    for number, (parameter, kind, default) in enumerate(theirs):
        if (name, parameter) in OTHER_PARAMETER or kind.startswith("VAR_"):
            continue
        if parameter not in ours:
            found.append(f"{name}: no parameter {parameter}")
            continue
        one = ours[parameter]
        if kind == "POSITIONAL_OR_KEYWORD" and (one.kind.name != kind or positions[parameter] != number):
            found.append(f"{name}: {parameter} is not at place {number}")
        if default is not None and (one.default is one.empty or repr(one.default) != default):
            found.append(f"{name}: {parameter} is {default} unless given there")
    for key, each in ours.items():
        given = key in [parameter for parameter, _, _ in theirs]
        if not given and each.default is each.empty and not each.kind.name.startswith("VAR_"):
            found.append(f"{name}: {key} is asked for here only")
    return found


def test_what_is_here_is_called_alike(names: dict[str, Any]) -> None:
    """What can be given to a function, or a method of a class, can be given to ours, which may take more."""
    found: list[str] = []
    for name, own in here().items():
        facts = names[name]
        short = name.rpartition(".")[2]
        assert same_kind(facts, own), name
        if "parameters" in facts:
            found += complaints(short, facts["parameters"], own)
        for member, theirs in facts.get("members", {}).items():
            if member in NO_MEMBER:
                continue
            if not hasattr(own, member):
                found.append(f"{short} has no {member}")
            elif theirs is not None:
                found += complaints(f"{short}.{member}", theirs, getattr(own, member))
    assert not found, "\n".join(found)


def test_exceptions_are_caught_alike(names: dict[str, Any]) -> None:
    """An error that Channels derives from a built-in one, or from another of its own, is derived so here."""
    own = here()
    assert issubclass(own["channels.exceptions.InvalidChannelLayerError"], ValueError)
    assert issubclass(own["channels.exceptions.RequestTimeout"], own["channels.exceptions.RequestAborted"])
    assert all(
        issubclass(kind, Exception) for name, kind in own.items() if name.startswith("channels.exceptions.")
    )
