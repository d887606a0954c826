"""Channel layers, allowed hosts and the application by the settings."""

import channels.layers
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase, override_settings

import hybrid
from hybrid.adapters.django.exceptions import InvalidChannelLayerError
from hybrid.adapters.django.layers import ChannelLayerManager, InMemoryChannelLayer, get_channel_layer
from hybrid.adapters.django.routing import get_default_application
from hybrid.adapters.django.security.websocket import AllowedHostsOriginValidator
from hybrid.bridge.layers import channel_layers

THEIRS = "channels.layers.InMemoryChannelLayer"
OURS = "hybrid.adapters.django.layers.InMemoryChannelLayer"


def layers(**backends):
    """Override the setting."""
    return override_settings(CHANNEL_LAYERS=backends)


class LayerTests(SimpleTestCase):
    """One registry, whoever asks."""

    def test_one_registry(self):
        """Channels' users, ours and those of the package find the same layer, whoever has written it."""
        for backend in (
            THEIRS,
            OURS,
            "memory",
            "memory:?capacity=7",
            "hybrid.bridge.layers.InMemoryChannelLayer",
        ):
            with self.subTest(backend), layers(default={"BACKEND": backend}, other={"BACKEND": backend}):
                found = get_channel_layer()
                assert found is channels.layers.get_channel_layer() is hybrid.get_channel_layer()
                assert get_channel_layer("other") is channels.layers.get_channel_layer("other") is not found
                assert isinstance(found, channels.layers.InMemoryChannelLayer) == (backend == THEIRS)

    def test_asked_there_first(self):
        """It does not matter who asks first."""
        with layers(default={"BACKEND": THEIRS, "CONFIG": {"capacity": 5}}):
            found = channels.layers.get_channel_layer()
            assert found.capacity == 5
            assert get_channel_layer() is found

    def test_messages(self):
        """What is published here is received there, and the other way."""
        for backend in (THEIRS, OURS):
            with layers(default={"BACKEND": backend}):

                async def cross():
                    here, there = hybrid.get_channel_layer(), channels.layers.get_channel_layer()
                    channel = await there.new_channel()
                    await there.group_add("g", channel)
                    await here.group_send("g", {"type": "x", "n": 1})
                    return await here.receive(channel)

                assert async_to_sync(cross)() == {"type": "x", "n": 1}

    def test_set(self):
        """What is put in a layer's place is there for both."""
        with layers(default={"BACKEND": THEIRS}):
            before = get_channel_layer()
            other = InMemoryChannelLayer()
            assert channels.layers.channel_layers.set("default", other) is before
            assert get_channel_layer() is other
            assert ChannelLayerManager().set("default", None) is other
            assert channels.layers.get_channel_layer() is None is get_channel_layer()
        with layers(default={"BACKEND": THEIRS}):
            assert get_channel_layer() is not None

    def test_unknown(self):
        """An alias of which nobody has said anything is none for Channels; our default stays."""
        with layers():
            assert channels.layers.get_channel_layer() is None
            assert channels.layers.get_channel_layer("other") is None
            assert get_channel_layer("other") is None
            assert isinstance(get_channel_layer(), InMemoryChannelLayer)
            assert "default" not in ChannelLayerManager()
            assert "default" not in ChannelLayerManager().backends
            with self.assertRaises(KeyError):
                ChannelLayerManager().make_backend("default")
            with self.assertRaises(KeyError):
                ChannelLayerManager()["other"]

    def test_manager(self):
        """The names of Channels' manager do what they do there."""
        config = {"BACKEND": THEIRS, "CONFIG": {"capacity": 2}, "TEST_CONFIG": {"capacity": 3}}
        with layers(default=config, other={"BACKEND": OURS}):
            manager = ChannelLayerManager()
            assert manager.configs["default"] == config
            assert "other" in manager
            assert manager["default"] is get_channel_layer() is manager.backends["default"]
            assert manager.make_backend("default") is not manager["default"]
            assert manager.make_test_backend("default").capacity == 3
            assert sorted(manager.backends) == ["default", "other"]
            with self.assertRaisesRegex(InvalidChannelLayerError, "no TEST_CONFIG"):
                manager.make_test_backend("other")
            with self.assertRaisesRegex(TypeError, "replaced"):
                del manager.backends["other"]

    def test_mistakes(self):
        """A layer that cannot be made says which setting is wrong."""
        for wrong in (
            {"CONFIG": {}},
            {"BACKEND": "chatsite.missing.Layer"},
            {"BACKEND": THEIRS, "ROUTING": "x"},
            {"BACKEND": OURS, "CONFIG": {"capacty": 1}},
        ):
            with layers(default=wrong), self.assertRaisesRegex(InvalidChannelLayerError, "default"):
                ChannelLayerManager().make_backend("default")

    def test_program(self):
        """What the program itself configures goes before the settings."""
        with layers(extra={"BACKEND": THEIRS}):
            channel_layers.configure({"extra": "memory:?capacity=9"})
            assert get_channel_layer("extra").capacity == 9
            assert channels.layers.get_channel_layer("extra") is get_channel_layer("extra")


class HostTests(SimpleTestCase):
    """Whose pages may open WebSockets."""

    def test_hosts(self):
        """The settings count as they are when somebody connects; in DEBUG mode this machine is there."""
        validator = AllowedHostsOriginValidator(None)

        def allowed(*origins):
            scopes = [{"headers": [(b"origin", each.encode())]} for each in origins]
            return [validator.allows({"type": "websocket", **each}) for each in scopes]

        origins = ("http://localhost:3000", "https://[::1]", "http://127.0.0.1", "https://a.shop.example")
        with override_settings(ALLOWED_HOSTS=[".shop.example"]):
            assert allowed(*origins) == [False, False, False, True]
        with override_settings(ALLOWED_HOSTS=[], DEBUG=True):
            assert allowed(*origins) == [True, True, True, False]
        with override_settings(ALLOWED_HOSTS=[], DEBUG=False):
            assert allowed(*origins) == [False] * 4
        with override_settings(ALLOWED_HOSTS=["*"]):
            assert allowed(*origins) == [True] * 4


class ApplicationTests(SimpleTestCase):
    """The application of the settings."""

    def test_application(self):
        """It is imported; what cannot be says why."""
        from chatsite.asgi import application

        assert get_default_application() is application
        for wrong in (None, "chatsite", "chatsite.missing.application", "chatsite.asgi.missing"):
            with (
                override_settings(ASGI_APPLICATION=wrong),
                self.assertRaisesRegex(ImproperlyConfigured, "ASGI_APPLICATION"),
            ):
                get_default_application()
