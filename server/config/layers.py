"""What carries the messages of consumers and views."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.settings import (
    Setting,
    SettingsGroup,
    holds_texts_and_tables,
    setting,
    settings_group,
)

DEFAULT_ALIAS = "default"


@dataclass(kw_only=True, repr=False, eq=False)
class Layer(Setting):
    """A channel layer: a text, or a table with ``backend`` and options. Passwords in it are not shown."""

    masks: ClassVar[bool] = True

    def shown(self, value: object) -> object:
        """Return the value without what is secret in it."""
        if value is None:
            return value
        from hybrid.bridge.layers.specs import masked_value

        return masked_value("", value)

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, (str, Mapping))

    def _wanted(self) -> str:
        return "a text, or a table with the key backend"


@dataclass(kw_only=True, repr=False, eq=False)
class Layers(Layer):
    """Channel layers by alias. Only a file can say them, or a program."""

    option: bool = False
    in_files: ClassVar[bool] = True

    def _accepts(self, value: Any) -> bool:
        return holds_texts_and_tables(value)

    def _wanted(self) -> str:
        return "a table of tables: write [layers.NAME], with the key backend"


@settings_group
class LayerSettings(SettingsGroup):
    """What carries the messages of consumers and views."""

    heading: ClassVar[str] = "Channel layers"

    layer: str | Mapping[str, Any] | None = setting(
        None,
        Layer(
            metavar="BACKEND",
            optional=True,
            help="Carry the messages of consumers and views by this: memory, workers (the processes of this "
            "server), redis://HOST, or the dotted path of a class; options after a question mark. By default "
            "memory, and workers with several --workers.",
        ),
    )
    layers: Mapping[str, str | Mapping[str, Any]] | None = setting(
        None,
        Layers(
            optional=True,
            help="More channel layers, a table [layers.NAME] for each with backend and its options; NAME is "
            "the alias under which a program asks for it.",
        ),
    )

    def check_group(self) -> None:
        """Refuse what is no channel layer. Nothing is imported to find that out."""
        if self.layer is None and not self.layers:
            return
        from hybrid.bridge.layers.specs import parse_layer

        said: dict[str, object] = {f"layers.{alias}": each for alias, each in (self.layers or {}).items()}
        if self.layer is not None:
            if DEFAULT_ALIAS in (self.layers or {}):
                raise ConfigError("layer and layers.default say the same, so one of them is enough")
            said["layer"] = self.layer
        for name, value in said.items():
            try:
                parse_layer(value)
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None
