"""Reads the blocks that are no program the way that what they are for does."""

import configparser
import json
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path

import yaml

from hybrid.server.sources.gather import gather
from tests.support.documents.blocks import Block
from tests.support.process import ROOT, run_hybrid


def read_toml(block: Block, folder: Path) -> None:
    """A `hybrid.toml`, by what reads it at the start of a server. One that names no application gets one."""
    (folder / "hybrid.toml").write_text(block.code, encoding="utf-8")
    said = tomllib.loads(block.code)
    served = (
        {} if {"app", "routes", "django", "static"} & said.keys() else {"HYBRID_DJANGO": "mysite.settings"}
    )
    gather({}, environ=served, directory=folder).config()


def read_unit(block: Block, folder: Path) -> None:
    """A unit of systemd: sections with settings, of which one may be a command line of ours."""
    del folder
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(block.code)
    assert parser.sections()
    program, *words = shlex.split(parser.get("Service", "ExecStart", fallback="none"))
    if program.endswith("hybrid"):  # its options are those that there are
        done = run_hybrid(*words, "--help", cwd=ROOT)
        assert done.returncode == 0, done.stderr


def read_json(block: Block, folder: Path) -> None:
    """A JSON text, several of them in lines, or one element of a list."""
    del folder
    text = block.code.strip().removesuffix(",")
    try:
        json.loads(text)
    except json.JSONDecodeError:
        for line in text.splitlines():
            json.loads(line)


def read_yaml(block: Block, folder: Path) -> None:
    """YAML documents."""
    del folder
    assert list(yaml.safe_load_all(block.code))


READERS: dict[str, Callable[[Block, Path], None]] = {
    "toml": read_toml,
    "ini": read_unit,
    "json": read_json,
    "yaml": read_yaml,
}
