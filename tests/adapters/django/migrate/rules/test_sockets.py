"""What the planted project cannot show of the rules on WebSockets: other routes, layers, and servers."""

from dataclasses import replace
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.findings import Confidence, Level
from hybrid.adapters.django.migrate.project.facts import ApplicationFact, Facts, SocketRouteFact
from tests.support.sources import findings_in, rules_at, write_sources

IN_MEMORY = {"CHANNEL_LAYERS": {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}}
CONSUMER = "channels.generic.websocket.AsyncWebsocketConsumer"
ROUTE = SocketRouteFact("chat/", "shop.consumers.Chat", kind="async", bases=("shop.consumers.Chat", CONSUMER))
CHAT = f"""\
    from {CONSUMER.rpartition(".")[0]} import AsyncWebsocketConsumer

    class Chat(AsyncWebsocketConsumer):
        async def connect(self):
            BODY
    """


def chat(tmp_path: Path, body: str = "pass", route: SocketRouteFact = ROUTE) -> list[str]:
    """Return the rules that are found for one consumer with such a body."""
    sources = write_sources(tmp_path, {"shop/consumers.py": CHAT.replace("BODY", body)})
    facts = Facts(settings={"CHANNEL_LAYERS": {"a": {}}}, socket_routes=(route,))
    return [each.rule for each in findings_in(sources, facts)]


@pytest.mark.parametrize(
    ("around", "found"),
    [
        ((), True),
        (("channels.auth.AuthMiddleware", "channels.sessions.CookieMiddleware"), True),
        (("channels.security.websocket.OriginValidator",), False),
        (("hybrid.bridge.auth.origins.AllowedHostsOriginValidator",), False),
        (("hybrid.bridge.auth.middleware.Authentication",), False),
        (("shop.auth.TokenMiddleware",), False),
    ],
)
def test_origins(tmp_path: Path, around: tuple[str, ...], found: bool) -> None:
    """What is known not to look at the origin is no protection; whatever else is around may be one."""
    assert chat(tmp_path, route=replace(ROUTE, around=around)) == (["HM503"] if found else [])


def test_consumers_that_look_at_the_origin(tmp_path: Path) -> None:
    """A consumer may do it itself."""
    assert chat(tmp_path, 'dict(self.scope["headers"])[b"origin"]') == []


@pytest.mark.parametrize(
    ("around", "found"),
    [
        (("channels.security.websocket.OriginValidator",), True),
        (("channels.security.websocket.OriginValidator", "channels.auth.AuthMiddleware"), False),
        (("shop.auth.TokenMiddleware",), False),
    ],
)
def test_users(tmp_path: Path, around: tuple[str, ...], found: bool) -> None:
    """Somebody has to put the user there."""
    rules = chat(tmp_path, 'self.scope["user"]', replace(ROUTE, around=around))
    assert rules == (["HM503"] if found else [])


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["chat/", "echo/"], True),
        (["chat/", ""], False),
        (["chat/", "^.*$"], False),
        (["chat/", "<path:rest>"], False),
    ],
)
def test_unknown_paths(tmp_path: Path, patterns: list[str], found: bool) -> None:
    """A route for all other paths answers those."""
    text = "from channels.routing import URLRouter\n\nrouter = URLRouter([])\n"
    routes = tuple(replace(ROUTE, pattern=each, around=("a.OriginValidator",)) for each in patterns)
    facts = Facts(socket_routes=routes, asgi=ApplicationFact("shop.asgi.application"))
    findings = findings_in(write_sources(tmp_path, {"shop/asgi.py": text}), facts)
    assert rules_at(findings) == ([("HM505", "shop/asgi.py", 3)] if found else [])


def test_unknown_paths_of_another_router(tmp_path: Path) -> None:
    """Hybrid's own router refuses them."""
    route = replace(ROUTE, around=("a.OriginValidator",))
    text = "from hybrid import URLRouter\n\nrouter = URLRouter([])\n"
    assert findings_in(write_sources(tmp_path, {"shop/asgi.py": text}), Facts(socket_routes=(route,))) == []


def test_a_consumer_of_several_routes_is_told_once(tmp_path: Path) -> None:
    """With all of its paths."""
    route = replace(ROUTE, kind="sync", around=("a.OriginValidator",))
    facts = Facts(socket_routes=(route, replace(route, pattern="other/")))
    (found,) = findings_in(write_sources(tmp_path, {}), facts)
    assert (found.rule, "chat/, other/" in found.evidence) == ("HM506", True)


@pytest.mark.parametrize(
    ("files", "level"),
    [
        ({}, Level.NOTE),
        ({"Procfile": "web: gunicorn -w 4 shop.wsgi"}, Level.ERROR),
        ({"Procfile": "web: gunicorn -w 1 shop.wsgi"}, Level.NOTE),
        ({"Procfile": "web: uvicorn --workers=2 shop.asgi:application"}, Level.ERROR),
        ({"Procfile": "web: gunicorn shop.wsgi\nsockets: uvicorn shop.asgi:application"}, Level.ERROR),
    ],
)
def test_layers_in_memory(tmp_path: Path, files: dict[str, str], level: Level) -> None:
    """An error where several processes are seen to be started."""
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n")
    (found,) = findings_in(write_sources(tmp_path, {}), Facts(settings=IN_MEMORY))
    assert (found.rule, found.level) == ("HM501", level)


@pytest.mark.parametrize("backend", ["channels_redis.core.RedisChannelLayer", "workers", "redis://localhost"])
def test_layers_that_all_share(tmp_path: Path, backend: str) -> None:
    """Nothing is said of these, nor of what is sent through them from a thread."""
    text = "from asgiref.sync import async_to_sync\n\n"
    text += "def f(layer):\n    async_to_sync(layer.group_send)('a', {})\n"
    facts = Facts(settings={"CHANNEL_LAYERS": {"default": {"BACKEND": backend}}})
    assert findings_in(write_sources(tmp_path, {"a.py": text}), facts) == []


def test_sent_from_a_thread(tmp_path: Path) -> None:
    """With a layer in memory whoever waits may be woken late."""
    text = "from asgiref.sync import async_to_sync\n\ndef f(layer):\n    async_to_sync(layer.send)('a', {})\n"
    found = findings_in(write_sources(tmp_path, {"a.py": text}), Facts(settings=IN_MEMORY))
    assert ("HM502", "a.py", 4) in rules_at(found)


@pytest.mark.parametrize(
    ("module", "confidence", "level"),
    [
        ("django.contrib.auth.models", Confidence.CERTAIN, Level.ERROR),
        ("lib.models", Confidence.LIKELY, Level.WARNING),
    ],
)
def test_queries(tmp_path: Path, module: str, confidence: Confidence, level: Level) -> None:
    """An error where the model is surely Django's."""
    body = f"from {module} import User\n            User.objects.get(pk=1)"
    sources = write_sources(tmp_path, {"shop/consumers.py": CHAT.replace("BODY", body)})
    found = findings_in(sources)
    assert [(each.rule, each.confidence, each.level) for each in found] == [("HM504", confidence, level)]
