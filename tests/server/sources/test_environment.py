"""Settings from environment variables."""

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.workers.places import VARIABLE
from hybrid.server.config import Config
from hybrid.server.config.settings import Choice, Flag, Number, Setting, Texts, Whole, settings_of
from hybrid.server.sources.environment import (
    WORKERS_VARIABLE,
    from_environment,
    ignored,
    unknown,
    variable_of,
)
from hybrid.server.sources.origins import Given, Source

OPTIONS = {name: what for name, (what, _) in settings_of(Config).items() if what.option}


def values(**environ: str) -> dict[str, object]:
    """Read variables and return the settings that they give."""
    return {name: given.value for name, given in from_environment(environ).items()}


def text_for(what: Setting) -> tuple[str, object]:
    """Give a text for a setting of any kind, and what it means."""
    if isinstance(what, Whole):
        return str(what.high), what.high
    if isinstance(what, Number):
        return "1.5", 1.5
    if isinstance(what, Choice):
        return what.choices[-1], what.choices[-1]
    if isinstance(what, Flag):
        return "no", False
    return ("a b", ["a", "b"]) if isinstance(what, Texts) else ("text", "text")


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_has_a_variable(name: str) -> None:
    """Its name is that of the setting in capitals, and its text is read as the setting's kind wants."""
    text, value = text_for(OPTIONS[name])
    where = f"HYBRID_{name.upper()}"
    assert from_environment({where: text}) == {name: Given(value, Source.ENVIRONMENT, where)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, True) for word in ("1", "true", "TRUE", "yes", "on", "t", "y", " on ")),
        *((word, False) for word in ("0", "false", "No", "off", "f", "n")),
    ],
)
def test_flags(text: str, value: bool) -> None:
    """The words are click's."""
    assert values(HYBRID_ACCESS_LOG=text) == {"access_log": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("slow=2,5", ["slow=2,5"]),
        ("slow=2 big=3,9\n more=1", ["slow=2", "big=3,9", "more=1"]),
        ('["a b", "c"]', ["a b", "c"]),
        ("[]", []),
        ("[::1]:80 [::2]:80", ["[::1]:80", "[::2]:80"]),
    ],
)
def test_lists(text: str, value: list[str]) -> None:
    """White space is between texts; those that have some are written as JSON."""
    assert values(HYBRID_POOLS=text) == {"pools": value}


def test_targets() -> None:
    """They are separated like any list."""
    assert values(HYBRID_APP="wsgi:app /api=api.main:app@slow") == {
        "app": ["wsgi:app", "/api=api.main:app@slow"]
    }


def test_an_empty_variable_gives_nothing() -> None:
    """Compose files and shells leave such variables behind."""
    assert values(HYBRID_PORT="", HYBRID_APP="", HYBRID_POOLS="", PORT="80") == {}


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("HYBRID_PORT", "80a", "'80a' is not a whole number from 0 to 65535"),
        ("HYBRID_PORT", "65536", "65536 is not a whole number from 0 to 65535"),
        ("HYBRID_TIMEOUT_WRITE", "nan", "nan is not a number from 0 to"),
        ("HYBRID_TIMEOUT_WRITE", "soon", "'soon' is not a number from 0 to"),
        ("HYBRID_ACCESS_LOG", "maybe", "'maybe' is not true or false"),
        ("HYBRID_LOOP", "trio", "'trio' is not one of auto, uvloop, asyncio"),
        ("HYBRID_POOLS", '["a", 5]', "['a', 5] is not a list of texts"),
        ("HYBRID_POOLS", '["a', "'[\"a' is not a list of texts"),
    ],
)
def test_a_value_that_is_refused(variable: str, text: str, said: str) -> None:
    """The message names the variable, as the user wrote it."""
    with pytest.raises(ConfigError) as caught:
        from_environment({variable: text})
    assert str(caught.value).startswith(f"{variable}: {said}")


def test_the_address_of_a_service_is_no_port() -> None:
    """Kubernetes sets HYBRID_PORT for a service called hybrid: it is not taken, and that is said."""
    environ = {"HYBRID_PORT": "tcp://10.0.0.1:80", "HYBRID_SERVICE_HOST": "10.0.0.1"}
    linked = {**environ, "HYBRID_SERVICE_PORT_HTTP": "80", "HYBRID_PORT_80_TCP_ADDR": "10.0.0.1"}
    assert values(**linked) == {}
    assert unknown(linked) == []
    (note,) = ignored(linked)
    assert "HYBRID_PORT=tcp://10.0.0.1:80 is ignored" in note
    assert ignored({"HYBRID_PORT": "80"}) == []


def test_a_variable_that_looks_like_ours() -> None:
    """It may belong to somebody else, so that it is said, with what may have been meant, and not refused."""
    assert unknown({"HYBRID_THREAD": "3", "HYBRIDS": "", "HYBRID_CONFIG": "x", "HYBRID_APP": "y"}) == [
        "HYBRID_THREAD is no variable of ours; did you mean HYBRID_THREADS?"
    ]


def test_the_variable_of_a_servers_workers() -> None:
    """What a worker starts has it from its server: it is no mistake, and nobody has meant it either."""
    assert WORKERS_VARIABLE == VARIABLE
    assert unknown({VARIABLE: "/run/x.sock", "HYBRID_WORKER": "2"}) == [
        "HYBRID_WORKER is no variable of ours; did you mean HYBRID_WORKERS?"
    ]


def test_programs_settings_have_no_variable() -> None:
    """What takes an object cannot be said in a text."""
    for name, (what, _) in settings_of(Config).items():
        if not what.option:
            assert from_environment({variable_of(name): "x"}) == {}
            assert len(unknown({variable_of(name): "x"})) == 1
