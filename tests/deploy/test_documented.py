"""What the pages show of `deploy/` is there, and their commands are about what exists."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid.server.sources.gather import gather
from tests.support.caddy import CADDYFILE
from tests.support.dockerfiles import read_dockerfile
from tests.support.documented import blocks
from tests.support.needs import missing
from tests.support.process import ROOT
from tests.support.units import analyze

#: The pages that show something of a file, in which language.
SHOWN = {
    "deploy-docker.md": ("dockerfile", "docker/Dockerfile"),
    "deploy-kubernetes.md": ("yaml", "kubernetes/hybrid.yaml"),
    "nginx.md": ("nginx", "nginx/hybrid.conf"),
}
PAGES = (*SHOWN, "deploy-systemd.md", "caddy.md", "zero-downtime.md")
#: Programs whose commands are read here: nobody runs them on this machine.
PROGRAMS = {"docker", "kubectl", "systemctl", "useradd", "python3", "cp", "nginx"}


@pytest.mark.parametrize("page", SHOWN)
def test_what_is_shown_is_there(page: str) -> None:
    """A block is a piece of the file; of the Dockerfile, the last one is."""
    language, name = SHOWN[page]
    assert blocks(page, language)[-1] in (ROOT / "deploy" / name).read_text(encoding="utf-8")


def test_the_caddyfile() -> None:
    """All of it is on the page, with the values in the place of the variables."""
    text = CADDYFILE.read_text(encoding="utf-8").partition("{$SITE")[2]
    (shown,) = blocks("caddy.md", "caddyfile")
    assert shown == "shop.example" + text.removeprefix("::80}").replace(
        "{$UPSTREAM:127.0.0.1:8000}", "127.0.0.1:8000"
    )


def test_an_image_of_ones_own(tmp_path: Path) -> None:
    """The linter finds nothing in it, and it stands on a stage that the page has built."""
    (file,) = blocks("deploy-docker.md", "dockerfile")[:-1]
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        missing("hadolint, which the extra `dev` brings,")
    done = subprocess.run([hadolint, "-"], input=file, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"-t {file.split()[1]} ." in blocks("deploy-docker.md", "sh")[0]


def test_settings_of_a_unit_of_ones_own(tmp_path: Path) -> None:
    """What runs services takes the file beside the unit."""
    (drop_in,) = blocks("deploy-systemd.md", "ini")
    unit = tmp_path / "shop.service"
    unit.write_text(f"{drop_in}ExecStart={sys.executable}\n", encoding="utf-8")
    done = analyze("verify", unit)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_configuration(tmp_path: Path) -> None:
    """The server reads it."""
    (text,) = blocks("deploy-systemd.md", "toml")
    (tmp_path / "hybrid.toml").write_text(text, encoding="utf-8")
    assert gather({}, environ={}, directory=tmp_path).config().app == ["shop.wsgi:app"]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "sh") and page != "zero-downtime.md"]
)
def test_commands(page: str) -> None:
    """Each is of a program that is known; files of the repository that it names exist, and so do stages."""
    stages = read_dockerfile(ROOT / "deploy" / "docker" / "Dockerfile")
    for line in "".join(blocks(page, "sh")).splitlines():
        program, *words = shlex.split(line)
        assert Path(program).name in PROGRAMS | {"pip"}, line
        assert [word for word in words if word.startswith("deploy/") and not (ROOT / word).exists()] == []
        if "--target" in words:
            assert words[words.index("--target") + 1] in stages
