"""Settings from hybrid.toml and pyproject.toml."""

from pathlib import Path

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.interface import Interface
from hybrid.bridge.targets import TargetSpec
from hybrid.server.sources.files import ConfigFile, find_file, read_file
from hybrid.server.sources.origins import Given, Source
from hybrid.server.sources.tables import ROUTE_KEYS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def own(folder: Path, text: str) -> ConfigFile:
    """Read a hybrid.toml."""
    (folder / "hybrid.toml").write_text(text, encoding="utf-8")
    return find_file(folder)


def values(file: ConfigFile) -> dict[str, object]:
    """Give the values alone."""
    return {name: given.value for name, given in file.settings.items()}


# Which file


def test_no_file(folder: Path) -> None:
    """Nobody needs one."""
    assert find_file(folder) == ConfigFile("", {})


def test_own_file(folder: Path) -> None:
    """Keys are the settings' names; each value knows its place."""
    file = own(folder, 'port = 9000\ntimeout_write = 5\naccess_log = false\napp_dir = "src"')
    assert values(file) == {"port": 9000, "timeout_write": 5, "access_log": False, "app_dir": "src"}
    assert file.path == "hybrid.toml"
    assert file.settings["port"] == Given(9000, Source.FILE, "hybrid.toml:port")


def test_static_files(folder: Path) -> None:
    """As on the command line, or as a table."""
    assert values(own(folder, 'static = ["/static=build"]')) == {"static": ["/static=build"]}
    assert values(own(folder, '[static]\n"/static" = "build"\n"/m" = "media"')) == {
        "static": ["/static=build", "/m=media"]
    }
    with pytest.raises(ConfigError, match=r'^hybrid.toml: static."/m": 5 is not a text'):
        own(folder, '[static]\n"/m" = 5')


def test_project_file(folder: Path) -> None:
    """Its table is read where there is no file of our own."""
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.hybrid]\nport = 1\napp = "x"')
    file = find_file(folder)
    assert file.settings["port"] == Given(1, Source.FILE, "pyproject.toml:tool.hybrid.port")
    assert file.settings["app"] == Given(["x"], Source.FILE, "pyproject.toml:tool.hybrid.app")


@pytest.mark.parametrize(
    "text",
    [
        "[project]\nname = 'hybrid-shop'",
        "[project]\ndependencies = ['hybrid-gateway>=1', broken",
        "[tool.ruff]\nx = 1",
        "tool = 5 # hybrid",
        "[broken",
    ],
)
def test_a_project_file_that_has_nothing_for_us(folder: Path, text: str) -> None:
    """It may be there, and may even be broken when it does not speak of us."""
    (folder / "pyproject.toml").write_text(text)
    assert find_file(folder) == ConfigFile("", {})


@pytest.mark.parametrize(
    "text",
    [
        "[tool.hybrid]\nport = 1",
        "tool.hybrid.port = 1",
        "[tool]\nhybrid = {port = 1}",
        "[tool]\nhybrid.port = 1",
        '[ tool . "hybrid" ]\nport = 1',
        "[tool.'hybrid']\nport = 1",
    ],
)
def test_a_table_in_any_spelling(folder: Path, text: str) -> None:
    """What TOML takes for our table is found."""
    (folder / "pyproject.toml").write_text(text)
    assert values(find_file(folder)) == {"port": 1}


def test_both_files(folder: Path) -> None:
    """Our own is read, the project's not at all, and that is known."""
    (folder / "pyproject.toml").write_text("[tool.hybrid]\nport = 1\nthreads = 3")
    file = own(folder, "port = 2")
    assert (values(file), file.ignored) == ({"port": 2}, "pyproject.toml")
    (folder / "pyproject.toml").write_text("[project]")
    assert find_file(folder).ignored == ""
    (folder / "pyproject.toml").write_text("broken")
    assert find_file(folder).ignored == ""


def test_a_file_that_is_named(folder: Path) -> None:
    """It may be called anything; of a pyproject.toml the table counts."""
    (folder / "live.toml").write_text("port = 3")
    assert values(read_file(folder / "live.toml")) == {"port": 3}
    (folder / "pyproject.toml").write_text("[tool.hybrid]\nport = 4")
    assert values(read_file(folder / "pyproject.toml")) == {"port": 4}


# Mistakes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "hybrid.toml: prot is no setting; did you mean port"),
        ("timeout-write = 1", "hybrid.toml: timeout-write is no setting; did you mean timeout_write"),
        ("route = []", "hybrid.toml: route is no setting; did you mean routes"),
        ("zzz = 1", "hybrid.toml: zzz is no setting"),
        ("port = '80'", "hybrid.toml: port: '80' is not a whole number from 0 to 65535"),
        ("port = 1\nthreads = 0", "hybrid.toml: threads: 0 is not a whole number from 1 to"),
        ("loop = 'trio'", "hybrid.toml: loop: 'trio' is not one of"),
        ("app = 5", "hybrid.toml: app: 5 is not a list of texts"),
        ("routes = 5", "hybrid.toml: routes: 5 is not a list of tables: write [[routes]]"),
        ("[routes]\napp = 'x'", "hybrid.toml: routes: {'app': 'x'} is not a list of tables"),
        ("[[routes]]", "hybrid.toml: routes[0]: the key app is missing"),
        (
            "[[routes]]\napp = 'a'\n[[routes]]\napp='b'\npth='/'",
            "hybrid.toml: routes[1].pth is no key of this",
        ),
        ("[[routes]]\napp = '/x=a'", "hybrid.toml: routes[0].app: '/x=a' is not MODULE or MODULE:ATTR"),
        ("[[routes]]\napp = 'a b'", 'hybrid.toml: routes[0].app: target "a b": '),
        ("[[routes]]\napp = 'a'\npath = 'x'", 'hybrid.toml: routes[0].path: the prefix "x" must start with'),
        ("[[routes]]\napp = 'a'\nhost = 'x:1'", 'hybrid.toml: routes[0].host: "x:1" is not a host'),
        (
            "[[routes]]\napp = 'a'\nprotocols = ['ws']",
            "routes[0].protocols: 'ws' is not one of http, websocket",
        ),
        ("[[routes]]\napp = 'a'\nprotocols = 'http'", "routes[0].protocols: 'http' is not a list of texts"),
        ("[[routes]]\napp = 'a'\ninterface = 'x'", "routes[0].interface: 'x' is not one of auto, wsgi"),
        ("[[routes]]\napp = 'a'\nstream = 1", "hybrid.toml: routes[0].stream: 1 is not true or false"),
        ("[[routes]]\napp = 'a'\npool = '?'", 'hybrid.toml: routes[0].pool: "?" cannot name a pool'),
        ("[pools]\nslow = 2", "hybrid.toml: pools.slow: 2 is not a table: write {threads = 2, queue = 10}"),
        ("[pools.slow]", "hybrid.toml: pools.slow: the key threads is missing"),
        ("[pools.slow]\nthread = 2", "hybrid.toml: pools.slow.thread is no key of this table; did you mean"),
        ("[pools.slow]\nthreads = 0", "hybrid.toml: pools.slow.threads: 0 is not a whole number from 1 to"),
        ("port =", "hybrid.toml, line 1: Invalid value"),
        ("port = 1\nhost 2\n", "hybrid.toml, line 2: Expected '=' after a key"),
        ("port = 1\nports = [\n1,\n", "hybrid.toml, line 3: "),
        ("port = 1\nport = 2", "hybrid.toml, line 2: Cannot overwrite a value"),
    ],
)
def test_a_mistake(folder: Path, text: str, said: str) -> None:
    """The message is one line, and names the file, and the key or the line."""
    with pytest.raises(ConfigError) as caught:
        own(folder, text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("hybrid.toml")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf_8(folder: Path) -> None:
    """The line is named."""
    (folder / "hybrid.toml").write_bytes(b"port = 1\nhost = '\xff'")
    with pytest.raises(ConfigError, match=r"^hybrid\.toml, line 2: it is not UTF-8$"):
        find_file(folder)


def test_a_mistake_in_the_project_file(folder: Path) -> None:
    """The key is named as it stands there."""
    (folder / "pyproject.toml").write_text("[tool.hybrid]\nprot = 1")
    with pytest.raises(
        ConfigError, match=r"^pyproject\.toml: tool\.hybrid\.prot is no setting; did you mean"
    ):
        find_file(folder)
    (folder / "pyproject.toml").write_text("tool.hybrid = 5")
    with pytest.raises(ConfigError, match=r"^pyproject\.toml: tool\.hybrid is not a table"):
        find_file(folder)


@pytest.mark.parametrize(
    ("name", "said"), [("gone.toml", "No such file"), (".", "Is a directory"), ("pyproject.toml", "no table")]
)
def test_a_file_that_is_named_and_not_there(folder: Path, name: str, said: str) -> None:
    """Who names a file wants it."""
    (folder / "pyproject.toml").write_text("[project]")
    with pytest.raises(ConfigError, match=said) as caught:
        read_file(folder / name)
    assert str(folder / name) in str(caught.value)


# Tables


def test_routes(folder: Path) -> None:
    """Each key is one of the parts of a target; `app` alone goes before the tables."""
    file = own(
        folder,
        """
        app = "site.wsgi"
        [[routes]]
        app = "api.main:create"
        path = "/api/"
        host = "API.example.org"
        interface = "asgi"
        protocols = ["websocket"]
        factory = true
        [[routes]]
        app = "pdf"
        pool = "slow"
        stream = true
        """,
    )
    created = TargetSpec(
        *("/api", "api.main", "create"),
        host="api.example.org",
        protocols=("websocket",),
        interface=Interface.ASGI3,
        factory=True,
    )
    assert values(file)["app"] == ["site.wsgi", created, TargetSpec("", "pdf", None, "slow", stream=True)]
    assert file.settings["app"].where == "hybrid.toml:app and routes"
    assert {"app", "path", "host", "interface", "protocols", "factory", "pool", "stream"} == ROUTE_KEYS.keys()


@pytest.mark.parametrize(
    "text",
    ["pools = ['slow=2,5', 'big=3']", "[pools]\nslow = {threads = 2, queue = 5}\n[pools.big]\nthreads = 3"],
)
def test_pools(folder: Path, text: str) -> None:
    """They can be written as on the command line, or as tables."""
    assert values(own(folder, text)) == {"pools": ["slow=2,5", "big=3"]}
