"""The names of `import hybrid`, and what importing it costs."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest

import hybrid


def modules_after(statement: str) -> set[str]:
    """Run a statement in a new interpreter, and list the modules that are loaded afterwards."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_every_public_name_exists() -> None:
    """Each name in `__all__` can be had, and is what its own module calls by that name."""
    for name in hybrid.__all__:
        assert getattr(getattr(hybrid, name), "__name__", "__version__") == name


def test_version_is_the_installed_one() -> None:
    """`__version__` is the version of the installed distribution."""
    assert hybrid.__version__ == version("hybrid-gateway")


def test_unknown_name() -> None:
    """A name that does not exist is an AttributeError that says so."""
    with pytest.raises(AttributeError, match="no attribute 'Sever'"):
        _ = hybrid.Sever


def test_dir_lists_lazy_names() -> None:
    """`dir(hybrid)` shows the names that are loaded on first use."""
    assert set(hybrid.__all__) <= set(dir(hybrid))


@pytest.mark.parametrize("name", ["bridge", "bridge.layers", "server", "adapters.flask"])
def test_lazy_names_of_packages(name: str) -> None:
    """Each is listed before anything is loaded, can be had, and one that is not there is named."""
    module = f"hybrid.{name}"
    package = import_module(module)
    assert set(package.__all__) <= set(dir(package))
    for each in package.__all__:
        assert getattr(package, each) is getattr(package, each)
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'Sever'"):
        _ = package.Sever


def test_import_is_light() -> None:
    """`import hybrid` loads neither room and no third-party package."""
    assert {name for name in modules_after("import hybrid") if name.startswith("hybrid")} == {"hybrid"}


def test_bridge_needs_no_server() -> None:
    """`import hybrid.bridge` and its public names do not load the server."""
    loaded = modules_after(
        "import hybrid.bridge, hybrid; hybrid.Gateway, hybrid.WSGIToASGI, hybrid.ProtocolTypeRouter"
    )
    assert not {name for name in loaded if name.startswith("hybrid.server")}


def test_command_starts_light() -> None:
    """The command line is parsed before an event loop, a framework or more of a room than its settings is
    loaded.
    """
    loaded = modules_after("import hybrid.cli")
    assert not {"asyncio", "uvloop", "websockets", "flask", "django"} & loaded
    assert not {"hybrid.bridge.gateway", "hybrid.bridge.wsgi", "hybrid.server.server"} & loaded
    assert not {name for name in loaded if name.startswith("hybrid.adapters")}
