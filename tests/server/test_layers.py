"""What a server is told of channel layers, where, and what it does with that."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from hybrid.cli import main
from hybrid.server import Config, running, running_in_thread
from hybrid.server.layers import keeps_workers_apart, specs_of
from hybrid.server.sources.gather import gather
from tests.apps import hello_wsgi, lifespans
from tests.support.embedded import on_each_loop

SECRET = "redis://:secret@h/1?capacity=5"
SHOWN = "redis://:***@h/1?capacity=5"


class Noted(InMemoryChannelLayer):
    """Notes when it is opened and closed."""

    notes: list[str] = []  # noqa: RUF012 - of all of them

    async def open(self) -> None:
        """Note."""
        self.notes.append("open")

    async def close(self) -> None:
        """Note."""
        self.notes.append("close")


NOTED = f"{__name__}.Noted"


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the layers of the process as they were."""
    monkeypatch.delenv("HYBRID_LAYER", raising=False)
    Noted.notes.clear()
    yield
    channel_layers.__init__()  # type: ignore[misc]


def config(**settings: Any) -> Config:
    """Make a configuration."""
    return Config(app=hello_wsgi.app, **{"port": 0, "access_log": False, **settings})


def invoke(*arguments: str, **environ: str) -> Result:
    """Run a command in this process."""
    return CliRunner(env=environ).invoke(main, arguments)


class TestSettings:
    """Command line, environment, file, program."""

    def test_everywhere(self, tmp_path: Path) -> None:
        """The strongest place counts, `[layers.default]` being what `layer` is."""
        file = tmp_path / "hybrid.toml"
        file.write_text(
            '[layers.default]\nbackend = "memory"\ncapacity = 3\n[layers.chat]\nbackend = "memory"'
        )
        given: dict[str, Any] = {"app": ["x"]}

        def default(command_line: dict[str, Any], environ: dict[str, str]) -> object:
            gathered = gather({**given, **command_line}, environ=environ, directory=tmp_path)
            assert gathered.config().layers == {"chat": {"backend": "memory"}}
            return gathered.config().layer

        assert default({}, {}) == {"backend": "memory", "capacity": 3}
        assert default({}, {"HYBRID_LAYER": "memory:?capacity=4"}) == "memory:?capacity=4"
        assert default({"layer": "workers"}, {"HYBRID_LAYER": "memory:?capacity=4"}) == "workers"

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ('layer = "x"', "layer: 'x' is no channel layer"),
            ("layer = 5", "hybrid.toml: layer: 5 is not a text, or a table with the key backend"),
            ("layers = 5", "hybrid.toml: layers: 5 is not a table of tables"),
            ("layers.x = 5", "hybrid.toml: layers: {'x': 5} is not a table of tables"),
            ("[layers.x]\ncapacity = 5", "layers.x: the key backend is missing"),
            ('layer = "memory"\n[layers.default]\nbackend = "memory"', "say the same"),
        ],
    )
    def test_mistakes(self, tmp_path: Path, text: str, wanted: str) -> None:
        """Each is an error that names the key."""
        (tmp_path / "hybrid.toml").write_text(text)
        with pytest.raises(ConfigError) as caught:
            gather({"app": ["x"]}, environ={}, directory=tmp_path).config()
        assert wanted in str(caught.value)

    def test_by_a_program(self) -> None:
        """`layers` may be texts, and have the default; both at once is an error."""
        assert str(specs_of(config(layers={"default": SECRET}))["default"]) == SHOWN
        with pytest.raises(ConfigError, match=r"layer and layers\.default say the same"):
            config(layer="memory", layers={"default": "memory"})

    def test_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing for one process, and the workers' own with several, unless somebody has said otherwise."""
        assert specs_of(config()) == {}
        assert str(specs_of(config(workers=2))["default"]) == "workers"
        assert str(specs_of(config(workers=2, layers={"default": "memory"}))["default"]) == "memory"
        assert str(specs_of(config(workers=2, layer="memory"))["default"]) == "memory"
        monkeypatch.setenv("HYBRID_LAYER", "memory")
        assert specs_of(config(workers=2)) == {}

    def test_apart(self) -> None:
        """Several processes with a layer in memory is a mistake of which one hears."""
        assert keeps_workers_apart(config(workers=2, layer="memory"))
        assert not keeps_workers_apart(config(workers=2))
        assert not keeps_workers_apart(config(layer="memory"))


class TestCommands:
    """`hybrid config`, `hybrid check`, `hybrid serve`."""

    def test_config_hides_passwords(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the table, in JSON, in tables of a file, and wherever a configuration is shown."""
        monkeypatch.chdir(tmp_path)
        Path("hybrid.toml").write_text(f'[layers.chat]\nbackend = "a.B"\nhosts = ["{SECRET}"]')
        table = invoke("config", "x", f"--layer={SECRET}")
        assert SHOWN in table.stdout
        assert "secret" not in table.output
        printed = invoke("config", "--json", "x", HYBRID_LAYER=SECRET)
        settings = json.loads(printed.stdout)["settings"]
        assert settings["layer"]["value"] == SHOWN
        assert settings["layers"]["value"] == {"chat": {"backend": "a.B", "hosts": [SHOWN]}}
        assert "secret" not in printed.output
        assert "secret" not in repr(config(layer=SECRET, layers={"x": SECRET}))

    def test_a_mistake_hides_passwords(self) -> None:
        """Also what is refused is shown without them."""
        result = invoke("config", "x", "--layer=amqp://:secret@h")
        assert result.exit_code == 2
        assert "layer: 'amqp://:***@h' is no channel layer" in result.stderr
        assert "secret" not in result.output

    @pytest.mark.parametrize(
        ("arguments", "wanted"),
        [
            (["--layer=memory:?capacity=x"], "Error: the channel layer memory: capacity: 'x' is not a whole"),
            (["--layer=no.such.Layer"], "Error: the channel layer no.such.Layer: cannot import no.such"),
            (["--layer=memory", "--workers=2"], "warning: layer = memory: the channel layer is in memory"),
        ],
    )
    def test_check(self, arguments: list[str], wanted: str) -> None:
        """Layers are made, so that a wrong option is found before one serves."""
        result = invoke("check", "tests.apps.hello_wsgi", "--port=0", *arguments)
        assert wanted in result.stderr
        assert result.exit_code == (2 if "Error" in wanted else 0)

    def test_check_with_startup(self) -> None:
        """They are opened and closed around the lifespan, and forgotten."""
        result = invoke("check", "tests.apps.hello_wsgi", "--port=0", "--startup", f"--layer={NOTED}")
        assert (result.exit_code, Noted.notes) == (0, ["open", "close"])
        assert type(get_channel_layer()) is InMemoryChannelLayer


class TestLife:
    """Servers inside a program."""

    @on_each_loop
    async def test_open_before_the_applications_and_closed_after(self) -> None:
        """The applications find them at work, in their startup and in their shutdown."""
        heard: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            assert scope["type"] == "lifespan"
            for _ in range(2):
                event = (await receive())["type"]
                heard.append(f"{event} {Noted.notes}")
                await send({"type": f"{event}.complete"})

        async with running(Config(app=app, port=0, access_log=False, interface="asgi3", layer=NOTED)):
            assert isinstance(get_channel_layer(), Noted)
        assert heard == ["lifespan.startup ['open']", "lifespan.shutdown ['open']"]
        assert Noted.notes == ["open", "close"]
        assert not isinstance(get_channel_layer(), Noted)

    @on_each_loop
    async def test_set_up_by_the_application(self) -> None:
        """A layer that the lifespan's startup sets is opened when it has ended."""

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            channel_layers.set("default", Noted())
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

        async with running(Config(app=app, port=0, access_log=False, interface="asgi3")):
            pass
        assert Noted.notes == ["open", "close"]

    @on_each_loop
    async def test_servers_share(self) -> None:
        """The last of several servers closes."""
        async with running(config(layer=NOTED)):
            layer = get_channel_layer()
            async with running(config()):
                assert get_channel_layer() is layer
            assert "close" not in Noted.notes
        assert Noted.notes[-1] == "close"

    def test_servers_disagree(self) -> None:
        """A second server with another layer does not start, and leaves the first alone."""
        with running_in_thread(config(layer=NOTED)):
            with (
                pytest.raises(ConfigError, match="a channel layer 'default' already"),
                running_in_thread(config(layer="memory:?capacity=3")),
            ):
                pytest.fail("it has begun")
            assert isinstance(get_channel_layer(), Noted)
        with running_in_thread(config(layer="memory:?capacity=3")):
            layer = get_channel_layer()
            assert isinstance(layer, InMemoryChannelLayer)
            assert layer.capacity == 3

    @on_each_loop
    async def test_cannot_be_made(self) -> None:
        """The server does not start."""
        with pytest.raises(ConfigError, match="capacity: 'x' is not a whole number"):
            async with running(config(layer="memory:?capacity=x")):
                pytest.fail("it has begun")

    @on_each_loop
    async def test_the_application_does_not_start(self) -> None:
        """What was opened is closed all the same."""
        with pytest.raises(Exception, match="lifespan"):
            async with running(Config(app=lifespans.raises, lifespan="on", port=0, layer=NOTED)):
                pytest.fail("it has begun")
        assert Noted.notes == ["open", "close"]

    def test_the_fixture(self, hybrid_server: Any, caplog: pytest.LogCaptureFixture) -> None:
        """A server of the pytest plugin has the layer that the test names, and losses are said at its end."""
        server = hybrid_server(hello_wsgi.app, layer=NOTED)
        assert server.url
        layer = get_channel_layer()
        assert isinstance(layer, Noted)
        with caplog.at_level(logging.WARNING):
            layer.losses.count("full")
        assert "Noted: messages lost: 1 full" in caplog.text
